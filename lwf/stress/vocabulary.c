/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vocabulary.c - the tables behind vocabulary.h, and looking words up in them.
 */
#include "vocabulary.h"

#include <assert.h>
#include <string.h>

static const struct stress_fault_row faults[] = {
#define X(sym, words, objects, parameter, worlds, undo, text) \
	{words, objects, parameter, worlds, STRESS_FAULT_##undo, text},
	STRESS_FAULT_LIST(X)
#undef X
};

static const struct stress_quantity_row quantities[] = {
#define X(sym, name, objects, word, unit, worlds, text) {name, objects, word, unit, worlds, text},
	STRESS_QUANTITY_LIST(X)
#undef X
};

static const char *const orders[] = {
#define X(sym, name) name,
	STRESS_ORDER_LIST(X)
#undef X
};

const struct stress_fault_row *stress_fault_row(enum stress_fault fault)
{
	assert(fault < STRESS_FAULT_NONE);
	return &faults[fault];
}

enum stress_fault stress_fault_find(const char *words)
{
	for (unsigned i = 0; i < STRESS_FAULT_NONE; i++)
		if (strcmp(faults[i].words, words) == 0)
			return (enum stress_fault)i;
	return STRESS_FAULT_NONE;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

bool stress_mac_parse(const char *text, uint8_t *mac)
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

const struct stress_quantity_row *stress_quantity_row(enum stress_quantity quantity)
{
	assert(quantity < STRESS_QUANTITIES);
	return &quantities[quantity];
}

enum stress_quantity stress_quantity_find(const char *name)
{
	for (unsigned i = 0; i < STRESS_QUANTITIES; i++)
		if (strcmp(quantities[i].name, name) == 0)
			return (enum stress_quantity)i;
	return STRESS_QUANTITIES;
}

const char *stress_order_name(enum stress_order order)
{
	assert(order < STRESS_ORDERS);
	return orders[order];
}
