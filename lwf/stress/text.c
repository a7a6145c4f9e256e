/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - what is UTF-8, and what has to be done to what is not.
 */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHARACTER_BYTES 4u /* at most */

/* Bytes of the character that begins with @first; 0: none does. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return first ? 1 : 0;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Whether @second may follow @first: what could be said shorter, surrogates, and beyond U+10FFFF may not. */
static bool is_second(unsigned char first, unsigned char second)
{
	unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= least && second <= most;
}

/* Bytes of the character at @text; 0: there is none. *cut: it would be one if the text went on. */
static size_t character(const char *text, size_t left, bool *cut)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = length_of(bytes[0]);

	*cut = false;
	for (size_t i = 1; i < length; i++) {
		if (i == left) {
			*cut = true;
			return 0;
		}
		if (i == 1 ? !is_second(bytes[0], bytes[1]) : (bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

size_t stress_text_valid(const char *text, size_t bytes)
{
	size_t at = 0, step;
	bool cut;

	while (at < bytes && (step = character(text + at, bytes - at, &cut)))
		at += step;
	return at;
}

char *stress_text_trim(char *text)
{
	size_t length = strlen(text), back = 1;
	bool cut = false;

	/* only the last bytes are looked at: what is before may be no text at all */
	while (back < length && back < CHARACTER_BYTES &&
	       ((unsigned char)text[length - back] & 0xc0) == 0x80)
		back++;
	if (length)
		(void)character(text + length - back, back, &cut);
	if (cut)
		text[length - back] = '\0';
	return text;
}

char *stress_text_mend(char *text)
{
	size_t length, at;

	stress_text_trim(text);
	length = strlen(text);
	for (at = 0; at < length; at++) {
		at += stress_text_valid(text + at, length - at);
		if (at < length)
			text[at] = '?';
	}
	return text;
}

json_t *stress_text_json(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (copy)
		value = json_string(stress_text_mend(copy));
	free(copy);
	return value;
}
