/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.h - the answers a frame or a control call can get.
 *
 * Names and values are those of NDIS_STATUS_*, so that a driver developer can compare them with a
 * debugger's output. They are printed by name from this list and never looked up elsewhere. The
 * first group is what a frame can be answered with, and is the order of the ledger's columns.
 */
#ifndef LWF_STATUS_H
#define LWF_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** X(name, value, what it means for the one who handed the frame over) */
#define LWF_ANSWER_LIST(X)                                                                         \
	X(SUCCESS, 0x00000000u, "the device took the frame")                                       \
	X(PAUSED, 0xC023002Au, "the module is not Running, or the adapter is disabled")            \
	X(ADAPTER_REMOVED, 0xC0010018u, "the interface was deleted or moved away")                 \
	X(MEDIA_DISCONNECTED, 0xC023001Fu, "the link has no carrier")                              \
	X(INVALID_LENGTH, 0xC0010014u, "shorter than a header, longer than the MTU, or cut short") \
	X(RESOURCES, 0xC000009Au, "no room in time")                                               \
	X(SEND_ABORTED, 0xC023000Cu, "cancelled by the sender")                                    \
	X(NOT_SUPPORTED, 0xC00000BBu, "the stack cannot do this")                                  \
	X(NOT_ACCEPTED, 0x00010003u, "a filter dropped it; the reason is named")                   \
	X(FAILURE, 0xC0000001u, "the device refused it for another reason; see its errno")         \
	X(UNKNOWN, 0xE0010001u, "the daemon died with the frame in flight (not an NDIS value)")

/** X(name, value): results of control calls that no frame is answered with */
#define LWF_RESULT_LIST(X)                  \
	X(PENDING, 0x00000103u)             \
	X(INVALID_STATE, 0xC0000184u)       \
	X(INVALID_PARAMETER, 0xC000000Du)   \
	X(BAD_CHARACTERISTICS, 0xC0010005u) \
	X(CLOSING, 0xC0010002u)             \
	X(REQUEST_ABORTED, 0xC001000Cu)     \
	X(ADAPTER_NOT_READY, 0xC0010011u)   \
	X(INVALID_DATA, 0xC0010015u)        \
	X(BUFFER_TOO_SHORT, 0xC0010016u)

typedef uint32_t lwf_status;

enum {
#define X(name, value, text) LWF_STATUS_##name = (value),
	LWF_ANSWER_LIST(X)
#undef X
#define X(name, value) LWF_STATUS_##name = (value),
		LWF_RESULT_LIST(X)
#undef X
};

/** Dense number of an answer: the index of a ledger column. */
enum lwf_answer {
#define X(name, value, text) LWF_ANSWER_##name,
	LWF_ANSWER_LIST(X)
#undef X
		LWF_ANSWERS
};

/** Name without prefix ("PAUSED"), or "0x..."-free "INVALID" for a value that is not in the lists.
 */
const char *lwf_status_name(lwf_status status);

/** Ledger column of @status; a value that no frame may be answered with counts as FAILURE. */
enum lwf_answer lwf_status_answer(lwf_status status);

/** The status that ledger column @answer stands for. */
lwf_status lwf_answer_status(enum lwf_answer answer);

/** One sentence for people: what the answer means. */
const char *lwf_answer_text(enum lwf_answer answer);

#ifdef __cplusplus
}
#endif

#endif
