/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - filters that were built outside of the tree: lwfd --load FILE.
 *
 * A shared object exports one symbol, lwf_filter_object, with the version of the interface it was
 * built for and a list of its filters. The engine's functions that it calls are those of lwfd itself.
 * Its code runs with the daemon's rights: who may start lwfd may load what he likes, nobody else.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

static int refuse(char *error, size_t bytes, int ret, const char *path, const char *why,
		  const char *next)
{
	snprintf(error, bytes, "%s: %s; %s", path, why, next);
	return ret;
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
	void *handle;

	/* a name without a slash would be looked for among the system's libraries */
	if (snprintf(file, sizeof(file), "%s%s", strchr(path, '/') ? "" : "./", path) >=
	    (int)sizeof(file))
		return refuse(error, error_bytes, -ENOENT, "--load", "the path is too long",
			      "give a shorter one");
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(why, sizeof(why), "cannot be loaded (%s)", dlerror());
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
