/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - runs a fuzz target over the files of its corpus, for compilers without libFuzzer.
 *
 * Usage: fuzz_NAME FOLDER|FILE... A folder that does not exist is an empty corpus.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REPLAY_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static uint32_t replayed;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *all, *exact;
	size_t bytes;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	all = malloc(REPLAY_MAX_BYTES);
	bytes = all ? fread(all, 1, REPLAY_MAX_BYTES, file) : 0;
	fclose(file);
	/* memory of the exact size, so that a sanitizer sees one byte too many */
	exact = malloc(bytes ? bytes : 1);
	if (!all || !exact) {
		free(all);
		free(exact);
		return -ENOMEM;
	}
	memcpy(exact, all, bytes);
	free(all);
	LLVMFuzzerTestOneInput(exact, bytes);
	free(exact);
	replayed++;
	return 0;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char name[4096];
	int error = 0;

	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	while (!error && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		error = replay_file(name);
	}
	closedir(folder);
	return error;
}

int main(int argc, char **argv)
{
	struct stat info;
	int error = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc && !error; i++) {
		if (!stat(argv[i], &info) && !S_ISDIR(info.st_mode))
			error = replay_file(argv[i]);
		else
			error = replay_folder(argv[i]);
	}
	printf("%u inputs replayed\n", replayed);
	return error ? 1 : 0;
}
