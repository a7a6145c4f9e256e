/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kinds.h - one or more frames of every kind that may be seen on an Ethernet.
 */
#ifndef KINDS_H
#define KINDS_H

#include <stdint.h>

typedef void (*kinds_fn)(void *context, const char *name, const uint8_t *frame, uint32_t len);

/** Calls @fn for each frame, always in the same order; all fit an interface of @mtu >= 576. */
void kinds_each(uint32_t mtu, kinds_fn fn, void *context);

#endif
