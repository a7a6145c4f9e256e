/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filters.h - the list of built-in filters. A filter is one file of the same name in this folder.
 */
#ifndef LWF_FILTERS_H
#define LWF_FILTERS_H

#include <lwf/filter.h>

#define LWF_FILTER_LIST(X) \
	X(inject)          \
	X(monitor)         \
	X(hold)            \
	X(impair)          \
	X(flow)            \
	X(verdict)

#define X(name) extern const struct lwf_filter_ops lwf_filter_##name;
LWF_FILTER_LIST(X)
#undef X

#endif
