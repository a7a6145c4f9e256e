/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name_of.h - the name of one of a list X(symbol, name), which counts from 0: the body of a function that
 * tells it. "?" for what is not in the list.
 */
#ifndef LWF_CORE_NAME_OF_H
#define LWF_CORE_NAME_OF_H

#include <stddef.h>

#define LWF_NAME_ROW(sym, name) name,
#define LWF_NAME_OF(list, index)                                                                \
	do {                                                                                    \
		static const char *const names[] = {list(LWF_NAME_ROW)};                        \
		return (size_t)(index) < sizeof(names) / sizeof(names[0]) ? names[index] : "?"; \
	} while (0)

#endif
