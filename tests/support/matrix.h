/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * matrix.h - the operations of NDIS's table of what a module may do in which state, as calls: one
 * module between two simulated edges, brought into a state, and one operation tried on it.
 *
 * What an operation comes to is a word: "yes" (it is done), "ends it" (done, and with it the pause or
 * the restart), "PAUSED" (answered so, and the module was not asked), "back" (a lent frame is its
 * owner's again at once), "passes" (it goes by the module), "no" (refused with a status); the ids of
 * the rules that it breaks; or "-" where it cannot come about.
 */
#ifndef LWF_TEST_MATRIX_H
#define LWF_TEST_MATRIX_H

#include <lwf/profile.h>
#include <lwf/trace.h>

#define MATRIX_WORD_BYTES 64u

struct matrix_op {
	const char *name;
	unsigned states;	  /* bits 1 << state in which it can be tried */
	void (*prepare)(void);	  /* while Running, before a pause; may be NULL */
	const char *(*run)(void); /* "yes" ...; what rules it breaks is added by matrix_try() */
};

/** In the order of NDIS's table; ends with a NULL name. */
extern const struct matrix_op matrix_ops[];

/** Brings a fresh module into @state under @profile, tries @op, and takes all down again. */
void matrix_try(const struct matrix_op *op, enum lwf_state state, enum lwf_profile profile,
		char word[MATRIX_WORD_BYTES]);

#endif
