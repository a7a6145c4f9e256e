/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filters.c - the list of filters.h as the array that an engine registers at its start.
 */
#include <stddef.h>

#include "filters.h"

const struct lwf_filter_ops *const lwf_built_in_filters[] = {
#define X(name) &lwf_filter_##name,
	LWF_FILTER_LIST(X)
#undef X
		NULL,
};
