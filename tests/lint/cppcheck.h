/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cppcheck.h - loop macros of libraries as plain loops, for cppcheck, which does not read theirs.
 */
#ifndef LWF_LINT_CPPCHECK_H
#define LWF_LINT_CPPCHECK_H

#define json_array_foreach(a, i, v) \
	for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v) \
	for (k = json_object_iter_key(json_object_iter(o)); k && (v = json_object_get(o, k)); k = 0)

#endif
