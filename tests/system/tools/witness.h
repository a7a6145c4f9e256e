/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * witness.h - what the witnesses of the system tests share: numbered frames and pcap files.
 *
 * The witnesses judge the engine from outside, so they share no code with it. A numbered frame says
 * which stream it belongs to, which one it is, and carries a checksum of its payload: a receiver
 * can tell lost, doubled, reordered and damaged frames apart without knowing what was sent.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WIT_FRAME_BYTES	   262144u /* the largest record that any witness reads */
#define WIT_NUMBERED_BYTES 36u	   /* the smallest numbered frame */
#define WIT_ETHERTYPE	   0x88b5u /* for experiments: a kernel drops it at once */

/** Ends the program with exit code 2 and a line on stderr. */
_Noreturn void wit_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Reads a whole decimal number up to @max, or ends the program naming @what. */
uint64_t wit_number(const char *text, uint64_t max, const char *what);

uint64_t wit_now_ns(void); /* CLOCK_MONOTONIC */

void wit_put16(uint8_t *at, uint32_t value); /* network order */
void wit_put32(uint8_t *at, uint32_t value);
uint16_t wit_get16(const uint8_t *at);
uint32_t wit_get32(const uint8_t *at);

/** Fills @frame of @len >= WIT_NUMBERED_BYTES bytes as number @seq of @stream. */
void wit_numbered_fill(uint8_t *frame, uint32_t len, uint16_t stream, uint64_t seq);

enum wit_numbered { WIT_OTHER, WIT_NUMBERED, WIT_DAMAGED };

/** Tells whether @frame is a numbered one, and which. */
enum wit_numbered wit_numbered_parse(const uint8_t *frame, uint32_t len, uint16_t *stream,
				     uint64_t *seq);

/** Makes a pcap file with nanosecond stamps; ends the program when it cannot. */
FILE *wit_pcap_create(const char *path, uint32_t link_type);
void wit_pcap_write(FILE *file, uint64_t time_ns, const uint8_t *frame, uint32_t captured,
		    uint32_t len);
void wit_pcap_close(FILE *file, const char *path);

struct wit_record {
	uint64_t time_ns;
	uint32_t captured, len;
	const uint8_t *bytes; /* valid until the next record is read */
};

struct wit_reader;

/** Opens a pcap or pcapng file; ends the program when it cannot. */
struct wit_reader *wit_reader_open(const char *path);
bool wit_reader_next(struct wit_reader *reader, struct wit_record *record);
int wit_reader_link_type(const struct wit_reader *reader);
void wit_reader_close(struct wit_reader *reader);

#endif
