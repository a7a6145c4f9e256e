/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_words.c - an answer as an errno, and as the error that a program of Npcap would have seen.
 *
 * Npcap completes a write with the status of its NET_BUFFER_LIST, and Windows turns that into an error of
 * its own: statuses of the NDIS facility 0xC023xxxx and 0xC001xxxx become 0x8034xxxx, general ones an old
 * number. What Npcap refuses itself, paused or detached, is STATUS_DEVICE_REMOVED.
 */
#include <errno.h>

#include "client_private.h"

/* X(name, number, words) */
#define WIN32_LIST(X)                                                                 \
	X(SUCCESS, 0u, "it was sent")                                                 \
	X(GEN_FAILURE, 31u, "the device does not work as it should")                  \
	X(NOT_SUPPORTED, 50u, "the device cannot do this")                            \
	X(OPERATION_ABORTED, 995u, "it was cancelled, or its handle was closed")      \
	X(NO_SYSTEM_RESOURCES, 1450u, "there was no memory, or no room")              \
	X(DEVICE_REMOVED, 1617u,                                                      \
	  "the adapter is paused, detached or gone: Npcap tells these "               \
	  "apart for nobody")                                                         \
	X(NDIS_INVALID_LENGTH, 0x80340014u, "too short, or too long for the adapter") \
	X(NDIS_ADAPTER_REMOVED, 0x80340018u, "the adapter is gone")                   \
	X(NDIS_MEDIA_DISCONNECTED, 0x8034001Fu, "the link has no carrier")            \
	X(NDIS_PAUSED, 0x8034002Au, "what is below is paused")

enum {
#define X(name, number, words) ERROR_##name = (int)(number),
	WIN32_LIST(X)
#undef X
};

static int errno_of_paused(enum lwf_reason reason, enum lwf_when_paused when_paused)
{
	if (reason == LWF_REASON_DETACHED)
		return ENODEV;
	if (reason == LWF_REASON_DISABLED || when_paused == LWF_WHEN_PAUSED_NPCAP)
		return ENETDOWN;
	return EAGAIN;
}

int lwf_inject_errno(lwf_status status, enum lwf_reason reason, uint32_t error,
		     enum lwf_when_paused when_paused)
{
	switch (lwf_status_answer(status)) {
	case LWF_ANSWER_SUCCESS:
		return 0;
	case LWF_ANSWER_PAUSED:
		return errno_of_paused(reason, when_paused);
	case LWF_ANSWER_ADAPTER_REMOVED:
		return ENODEV;
	case LWF_ANSWER_MEDIA_DISCONNECTED:
		return ENOLINK;
	case LWF_ANSWER_INVALID_LENGTH:
		return EMSGSIZE;
	case LWF_ANSWER_RESOURCES:
		return ENOBUFS;
	case LWF_ANSWER_SEND_ABORTED:
		return ECANCELED;
	case LWF_ANSWER_NOT_SUPPORTED:
		return EOPNOTSUPP;
	case LWF_ANSWER_NOT_ACCEPTED:
		return EPERM;
	case LWF_ANSWER_UNKNOWN:
		return ECONNRESET;
	default:
		return error ? (int)error : EIO;
	}
}

uint32_t lwf_inject_win32(lwf_status status, bool refused)
{
	switch (lwf_status_answer(status)) {
	case LWF_ANSWER_SUCCESS:
		return ERROR_SUCCESS;
	case LWF_ANSWER_PAUSED:
		return refused ? ERROR_DEVICE_REMOVED : (uint32_t)ERROR_NDIS_PAUSED;
	case LWF_ANSWER_ADAPTER_REMOVED:
		return refused ? ERROR_DEVICE_REMOVED : (uint32_t)ERROR_NDIS_ADAPTER_REMOVED;
	case LWF_ANSWER_MEDIA_DISCONNECTED:
		return (uint32_t)ERROR_NDIS_MEDIA_DISCONNECTED;
	case LWF_ANSWER_INVALID_LENGTH:
		return (uint32_t)ERROR_NDIS_INVALID_LENGTH;
	case LWF_ANSWER_RESOURCES:
		return ERROR_NO_SYSTEM_RESOURCES;
	case LWF_ANSWER_SEND_ABORTED:
		return ERROR_OPERATION_ABORTED;
	case LWF_ANSWER_NOT_SUPPORTED:
		return ERROR_NOT_SUPPORTED;
	default:
		return ERROR_GEN_FAILURE;
	}
}

const char *lwf_inject_win32_text(uint32_t error)
{
	switch (error) {
#define X(name, number, words) \
	case (number):         \
		return "ERROR_" #name ": " words;
		WIN32_LIST(X)
#undef X
	default:
		return "an error that no answer is turned into";
	}
}
