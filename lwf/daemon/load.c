/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - filters that were built outside of the tree: lwfd --load FILE.
 *
 * A shared object exports one symbol, lwf_filter_object, with the version of the interface it was
 * built for and a list of its filters. The engine's functions that it calls are those of lwfd itself.
 * Its code runs with the daemon's rights: who may start lwfd may load what he likes, nobody else.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_head;
typedef Elf64_Phdr elf_segment;
#else
typedef Elf32_Ehdr elf_head;
typedef Elf32_Phdr elf_segment;
#endif

static int refuse(char *error, size_t bytes, int ret, const char *path, const char *why,
		  const char *next)
{
	snprintf(error, bytes, "%s: %s; %s", path, why, next);
	return ret;
}

/* Has the file whatever its segments need? The dynamic linker maps them without asking, and dies of it. */
static bool has_its_segments(int fd, off_t size)
{
	elf_segment segment;
	elf_head head;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(segment))
		return true; /* no shared object: the dynamic linker says why */
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return false;
		if (segment.p_type == PT_LOAD &&
		    (segment.p_offset > (uint64_t)size ||
		     segment.p_filesz > (uint64_t)size - segment.p_offset))
			return false;
	}
	return true;
}

/* What is wrong with the file before anybody maps it, or NULL. A FIFO would be waited for, for ever. */
static const char *look_at(const char *file)
{
	const char *wrong = NULL;
	struct stat status;
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &status))
		wrong = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		wrong = "it is no regular file";
	else if (!has_its_segments(fd, status.st_size))
		wrong = "the file is cut off";
	close(fd);
	return wrong;
}

/* Names the reason once: what dlerror() says begins with the file, which the line already has. */
static const char *load_error(const char *file)
{
	const char *text = dlerror();
	size_t n = strlen(file);

	return strncmp(text, file, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

static int register_filter(struct lwf_engine *engine, const struct lwf_filter_ops *ops,
			   const char *path, char *error, size_t error_bytes)
{
	char why[160];
	int ret = lwf_engine_register(engine, ops);

	if (!ret)
		return 0;
	snprintf(why, sizeof(why), "filter '%s' %s", ops->name ? ops->name : "(without a name)",
		 ret == -EEXIST	  ? "exists already"
		 : ret == -ENOSPC ? "does not fit, there are too many"
				  : "says of itself what its functions do not do");
	return refuse(error, error_bytes, ret, path, why, "see docs/writing-a-filter.md");
}

int lwf_load_filters(struct lwf_engine *engine, const char *path, char *error, size_t error_bytes)
{
	const struct lwf_filter_object *object;
	char file[1024], why[256];
	const char *wrong;
	void *handle;

	/* a name without a slash would be looked for among the system's libraries */
	if (snprintf(file, sizeof(file), "%s%s", strchr(path, '/') ? "" : "./", path) >=
	    (int)sizeof(file))
		return refuse(error, error_bytes, -ENOENT, "--load", "the path is too long",
			      "give a shorter one");
	wrong = look_at(file);
	handle = wrong ? NULL : dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(why, sizeof(why), "cannot be loaded (%s)",
			 wrong ? wrong : load_error(file));
		return refuse(error, error_bytes, -ENOENT, path, why,
			      "give a shared object that was built against include/lwf");
	}
	object = dlsym(handle, "lwf_filter_object");
	if (!object) {
		dlclose(handle);
		return refuse(error, error_bytes, -EINVAL, path,
			      "holds no filters (no symbol lwf_filter_object)",
			      "use LWF_FILTER_OBJECT() in it");
	}
	if (object->abi != LWF_FILTER_ABI || object->ops_bytes != sizeof(struct lwf_filter_ops)) {
		dlclose(handle);
		return refuse(error, error_bytes, -EINVAL, path,
			      "was built for another version of the filter interface",
			      "build it against the headers of this lwfd");
	}
	for (const struct lwf_filter_ops *const *ops = object->filters; *ops; ops++) {
		int ret = register_filter(engine, *ops, path, error, error_bytes);

		if (ret)
			return ret; /* those before it stay registered: the handle stays open */
	}
	return 0;
}
