/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * witness.c - numbered frames and pcap files for the witnesses of the system tests.
 *
 * A numbered frame: Ethernet header; "LWFT"; stream (2 bytes), its own length (2), number (8),
 * checksum of the rest (4); then bytes that follow from the number.
 */
#include "witness.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBERED_MAGIC 0x4c574654u

void wit_die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(2);
}

uint64_t wit_number(const char *text, uint64_t max, const char *what)
{
	char *end = NULL;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || value > max)
		wit_die("%s: not a number up to %llu: %s", what, (unsigned long long)max, text);
	return value;
}

uint64_t wit_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void wit_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void wit_put32(uint8_t *at, uint32_t value)
{
	wit_put16(at, value >> 16);
	wit_put16(at + 2, value & 0xffffu);
}

uint16_t wit_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t wit_get32(const uint8_t *at)
{
	return (uint32_t)wit_get16(at) << 16 | wit_get16(at + 2);
}

static uint32_t checksum(const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 2166136261u;

	for (uint32_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

void wit_numbered_fill(uint8_t *frame, uint32_t len, uint16_t stream, uint64_t seq)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint32_t noise = (uint32_t)seq * 2654435761u + stream;

	if (len < WIT_NUMBERED_BYTES)
		wit_die("a numbered frame needs %u bytes", WIT_NUMBERED_BYTES);
	memcpy(frame, addresses, sizeof(addresses));
	wit_put16(frame + 12, WIT_ETHERTYPE);
	wit_put32(frame + 14, NUMBERED_MAGIC);
	wit_put16(frame + 18, stream);
	wit_put16(frame + 20, len & 0xffffu);
	wit_put32(frame + 22, (uint32_t)(seq >> 32));
	wit_put32(frame + 26, (uint32_t)seq);
	for (uint32_t i = 34; i < len; i++) {
		noise ^= noise << 13;
		noise ^= noise >> 17;
		noise ^= noise << 5;
		frame[i] = (uint8_t)noise;
	}
	wit_put32(frame + 30, checksum(frame + 34, len - 34));
}

enum wit_numbered wit_numbered_parse(const uint8_t *frame, uint32_t len, uint16_t *stream,
				     uint64_t *seq)
{
	if (len < WIT_NUMBERED_BYTES || wit_get16(frame + 12) != WIT_ETHERTYPE ||
	    wit_get32(frame + 14) != NUMBERED_MAGIC)
		return WIT_OTHER;
	*stream = wit_get16(frame + 18);
	*seq = (uint64_t)wit_get32(frame + 22) << 32 | wit_get32(frame + 26);
	if (wit_get16(frame + 20) != (len & 0xffffu) ||
	    wit_get32(frame + 30) != checksum(frame + 34, len - 34))
		return WIT_DAMAGED;
	return WIT_NUMBERED;
}

FILE *wit_pcap_create(const char *path, uint32_t link_type)
{
	const uint32_t head[6] = {0xa1b23c4du, 2u | 4u << 16, 0, 0, WIT_FRAME_BYTES, link_type};
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(head, sizeof(head), 1, file) != 1)
		wit_die("%s: %s", path, strerror(errno));
	return file;
}

void wit_pcap_write(FILE *file, uint64_t time_ns, const uint8_t *frame, uint32_t captured,
		    uint32_t len)
{
	const uint32_t head[4] = {(uint32_t)(time_ns / 1000000000u),
				  (uint32_t)(time_ns % 1000000000u), captured, len};

	if (fwrite(head, sizeof(head), 1, file) != 1 ||
	    (captured && fwrite(frame, captured, 1, file) != 1))
		wit_die("pcap: %s", strerror(errno));
}

void wit_pcap_close(FILE *file, const char *path)
{
	if (fclose(file))
		wit_die("%s: %s", path, strerror(errno));
}

struct wit_reader {
	pcap_t *pcap;
	const char *path;
};

struct wit_reader *wit_reader_open(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	struct wit_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		wit_die("no memory");
	reader->path = path;
	reader->pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!reader->pcap)
		wit_die("%s: %s", path, error);
	return reader;
}

bool wit_reader_next(struct wit_reader *reader, struct wit_record *record)
{
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	int found = pcap_next_ex(reader->pcap, &head, &bytes);

	if (found == PCAP_ERROR_BREAK)
		return false;
	if (found != 1)
		wit_die("%s: %s", reader->path, pcap_geterr(reader->pcap));
	record->time_ns = (uint64_t)head->ts.tv_sec * 1000000000u + (uint64_t)head->ts.tv_usec;
	record->captured = head->caplen;
	record->len = head->len;
	record->bytes = bytes;
	return true;
}

int wit_reader_link_type(const struct wit_reader *reader)
{
	return pcap_datalink(reader->pcap);
}

void wit_reader_close(struct wit_reader *reader)
{
	pcap_close(reader->pcap);
	free(reader);
}
