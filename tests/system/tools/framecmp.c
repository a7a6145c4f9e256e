/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * framecmp.c - are two captures the same frames in the same order?
 *
 *	framecmp SENT RECEIVED		  0: identical in bytes and order; 1: not, and where
 *	framecmp --silent FROM TO FILE	  0: no frame of FILE is stamped within [FROM, TO] (ns since
 *1970)
 */
#include <string.h>

#include "witness.h"

static int compare(const char *left, const char *right)
{
	struct wit_reader *sent = wit_reader_open(left), *received = wit_reader_open(right);
	struct wit_record a, b;
	uint64_t n = 0;

	for (;; n++) {
		bool more = wit_reader_next(sent, &a), got = wit_reader_next(received, &b);
		uint32_t at = 0;

		if (!more && !got)
			break;
		if (more != got) {
			printf("%s has a frame %llu and %s has none\n", more ? left : right,
			       (unsigned long long)n, more ? right : left);
			return 1;
		}
		while (at < a.captured && at < b.captured && a.bytes[at] == b.bytes[at])
			at++;
		if (a.captured != b.captured || at < a.captured) {
			printf("frame %llu: sent %u bytes, received %u, first difference at byte "
			       "%u\n",
			       (unsigned long long)n, a.captured, b.captured, at);
			return 1;
		}
	}
	wit_reader_close(sent);
	wit_reader_close(received);
	printf("%llu frames, identical\n", (unsigned long long)n);
	return 0;
}

static int silent(uint64_t from_ns, uint64_t to_ns, const char *path)
{
	struct wit_reader *reader = wit_reader_open(path);
	struct wit_record record;
	uint64_t n = 0, within = 0, before = 0;

	for (; wit_reader_next(reader, &record); n++) {
		if (record.time_ns < from_ns) {
			before++;
		} else if (record.time_ns <= to_ns) {
			if (!within++)
				printf("frame %llu came %.6f s after the silence began\n",
				       (unsigned long long)n,
				       (double)(record.time_ns - from_ns) / 1e9);
		}
	}
	wit_reader_close(reader);
	printf("%llu frames before, %llu within, %llu after\n", (unsigned long long)before,
	       (unsigned long long)within, (unsigned long long)(n - before - within));
	return within ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "--silent"))
		return silent(wit_number(argv[2], UINT64_MAX, "FROM"),
			      wit_number(argv[3], UINT64_MAX, "TO"), argv[4]);
	if (argc == 3)
		return compare(argv[1], argv[2]);
	wit_die("usage: framecmp SENT RECEIVED | framecmp --silent FROM TO FILE");
}
