/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate_storm_seams_test.c - the storm of gate_storm_test.c, with other threads let in where it hurts.
 *
 * The gate's steps are a few nanoseconds apart, and no thread is ever interrupted just there. Here the
 * text of gate.c is compiled into the test, and every now and then a thread gives its processor away
 * right before one of the gate's atomic operations.
 */
#define STORM_SEAMS 1
#include "gate_storm_test.c"
