/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * garble.h - control messages that are none, for `client garble`.
 */
#ifndef LWF_STRESS_GARBLE_H
#define LWF_STRESS_GARBLE_H

#include <stddef.h>
#include <stdint.h>

#define STRESS_GARBLE_BYTES 512u /* longest of them */

/**
 * Makes message number @number into @packet (STRESS_GARBLE_BYTES): of one kind after the other, with bytes
 * drawn from @number. Never empty, which would be the end of the connection. Returns its size and
 * how it is wrong (static text).
 */
size_t stress_garble(uint8_t *packet, uint64_t number, const char **how);

#endif
