/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * framegen.c - writes the pcap files that the system tests send.
 *
 *	framegen numbered OUT COUNT SIZE [STREAM]  numbered frames
 *	framegen kinds OUT [MTU]		   one or more frames of every kind that fits
 *(kinds.c) framegen misfits OUT [MTU]		   frames that no interface of that MTU can send
 *	framegen select IN FIT MISFIT [MTU]	   parts a capture into what fits and what does not
 *	framegen broken KIND OUT		   a file that lies (see the table below)
 *	framegen disturb HOW IN OUT N	   the frames of IN, and each Nth is dropped, doubled,
 *		or swapped with the one behind it
 *
 * Each prints how many frames it wrote; select prints two numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "witness.h"

#define DLT_ETHERNET 1u

static bool fits(const uint8_t *frame, uint32_t len, uint32_t mtu)
{
	uint32_t limit = mtu + 14;

	if (len < 14)
		return false;
	if (wit_get16(frame + 12) == 0x8100)
		limit += 4;
	return len <= limit;
}

static int numbered(const char *out, uint64_t count, uint32_t size, uint16_t stream)
{
	static uint8_t frame[WIT_FRAME_BYTES];
	FILE *file = wit_pcap_create(out, DLT_ETHERNET);

	for (uint64_t seq = 0; seq < count; seq++) {
		wit_numbered_fill(frame, size, stream, seq);
		wit_pcap_write(file, seq * 1000, frame, size, size);
	}
	wit_pcap_close(file, out);
	printf("%llu\n", (unsigned long long)count);
	return 0;
}

struct kinds_out {
	FILE *file;
	uint64_t count;
	uint32_t mtu;
};

static void write_kind(void *context, const char *name, const uint8_t *frame, uint32_t len)
{
	struct kinds_out *out = context;

	if (!fits(frame, len, out->mtu))
		wit_die("%s: %u bytes do not fit", name, len);
	wit_pcap_write(out->file, out->count++ * 100000, frame, len, len);
}

static int kinds(const char *path, uint32_t mtu)
{
	struct kinds_out out = {wit_pcap_create(path, DLT_ETHERNET), 0, mtu};

	kinds_each(mtu, write_kind, &out);
	wit_pcap_close(out.file, path);
	printf("%llu\n", (unsigned long long)out.count);
	return 0;
}

/* Each of these must be answered with INVALID_LENGTH. */
static int misfits(const char *path, uint32_t mtu)
{
	const struct {
		uint32_t len, type;
	} cases[] = {
		{1, 0},
		{6, 0},
		{12, 0},
		{13, 0},
		{mtu + 15, 0x88b5},
		{mtu + 18, 0x88b5},
		{mtu + 15, 0x88a8},
		{mtu + 18, 0x88a8},
		{mtu + 19, 0x8100},
		{mtu + 22, 0x8100},
		{mtu + 15, 0x0800},
		{mtu + 1000, 0x0800},
		{mtu + 15, 0x86dd},
		{16384, 0x8100},
		{65535, 0x0800},
		{70000, 0x0800},
	};
	static uint8_t frame[WIT_FRAME_BYTES];
	const uint32_t n = sizeof(cases) / sizeof(cases[0]);
	FILE *file = wit_pcap_create(path, DLT_ETHERNET);

	for (uint32_t i = 0; i < n; i++) {
		memset(frame, 0x5a, cases[i].len);
		if (cases[i].len >= 14)
			wit_put16(frame + 12, cases[i].type);
		if (fits(frame, cases[i].len, mtu))
			wit_die("misfit %u fits after all", i);
		wit_pcap_write(file, i * 100000, frame, cases[i].len, cases[i].len);
	}
	wit_pcap_close(file, path);
	printf("%u\n", n);
	return 0;
}

static int select_fitting(const char *in, const char *fit, const char *misfit, uint32_t mtu)
{
	struct wit_reader *reader = wit_reader_open(in);
	FILE *good = wit_pcap_create(fit, DLT_ETHERNET),
	     *bad = wit_pcap_create(misfit, DLT_ETHERNET);
	struct wit_record record;
	uint64_t goods = 0, bads = 0;

	if (wit_reader_link_type(reader) != (int)DLT_ETHERNET)
		wit_die("%s: link type %d", in, wit_reader_link_type(reader));
	while (wit_reader_next(reader, &record)) {
		bool whole = record.captured >= record.len;
		bool takes = whole && fits(record.bytes, record.captured, mtu);

		wit_pcap_write(takes ? good : bad, record.time_ns, record.bytes, record.captured,
			       record.len);
		*(takes ? &goods : &bads) += 1;
	}
	wit_reader_close(reader);
	wit_pcap_close(good, fit);
	wit_pcap_close(bad, misfit);
	printf("%llu %llu\n", (unsigned long long)goods, (unsigned long long)bads);
	return 0;
}

/* What a broken file looks like: its link type, whole frames first, then the fault. */
static const struct broken {
	const char *name;
	uint32_t link_type;
	uint32_t frames;   /* good ones before the fault */
	uint32_t head;	   /* bytes of a last record header that are there */
	uint32_t captured; /* what that header says */
	uint32_t len;
	uint32_t data; /* bytes of its record that are there */
} brokens[] = {
	{"empty", 1, 0, 0, 0, 0, 0}, /* a header and no frame: legal */
	{"truncated-head", 1, 3, 7, 60, 60, 0},
	{"truncated-record", 1, 3, 16, 60, 60, 31},
	{"lying-length", 1, 3, 16, 0x7fffffffu, 60, 60},
	{"lying-negative", 1, 3, 16, 0xffffffffu, 0xffffffffu, 60},
	{"short-record", 1, 3, 16, 40, 1000, 40}, /* the capture cut it */
	{"linktype-raw-ip", 101, 2, 0, 0, 0, 0},
	{"linktype-ipv6", 229, 2, 0, 0, 0, 0},
	{"linktype-nflog", 239, 2, 0, 0, 0, 0},
	{"linktype-wifi", 105, 2, 0, 0, 0, 0},
	{"linktype-radiotap", 127, 2, 0, 0, 0, 0},
	{"linktype-unknown", 65000, 2, 0, 0, 0, 0},
};

static int broken(const char *kind, const char *path)
{
	static uint8_t frame[256];
	const struct broken *found = NULL;
	FILE *file;

	for (size_t i = 0; i < sizeof(brokens) / sizeof(brokens[0]); i++) {
		if (!strcmp(brokens[i].name, kind))
			found = &brokens[i];
	}
	if (!found)
		wit_die("no broken file of kind %s", kind);
	file = wit_pcap_create(path, found->link_type);
	for (uint32_t i = 0; i < found->frames; i++) {
		wit_numbered_fill(frame, 60, 1, i);
		wit_pcap_write(file, i * 1000, frame, 60, 60);
	}
	if (found->head) {
		uint32_t head[4] = {0, 0, found->captured, found->len};

		if (fwrite(head, found->head, 1, file) != 1)
			wit_die("%s: %s", path, strerror(errno));
		wit_numbered_fill(frame, 60, 1, found->frames);
		if (found->data && fwrite(frame, found->data, 1, file) != 1)
			wit_die("%s: %s", path, strerror(errno));
	}
	wit_pcap_close(file, path);
	printf("%u\n", found->frames);
	return 0;
}

static void copy_record(FILE *out, const struct wit_record *record)
{
	wit_pcap_write(out, record->time_ns, record->bytes, record->captured, record->len);
}

/* Prints how many frames were disturbed. */
static int disturb(const char *how, const char *in, const char *out, uint64_t each)
{
	static uint8_t kept_bytes[WIT_FRAME_BYTES];
	bool drop = !strcmp(how, "drop"), twice = !strcmp(how, "double"), kept = false;
	struct wit_reader *reader = wit_reader_open(in);
	FILE *file = wit_pcap_create(out, DLT_ETHERNET);
	struct wit_record record, held = {0};
	uint64_t number = 0, disturbed = 0;

	if (!drop && !twice && strcmp(how, "swap") != 0)
		wit_die("no way to disturb: %s", how);
	while (wit_reader_next(reader, &record)) {
		bool hit = ++number % each == 0;

		disturbed += hit;
		if (hit && !drop && !twice) {
			held = record;
			memcpy(kept_bytes, record.bytes, record.captured);
			held.bytes = kept_bytes;
			kept = true;
			continue;
		}
		if (!hit || twice)
			copy_record(file, &record);
		if (hit && twice)
			copy_record(file, &record);
		if (kept)
			copy_record(file, &held);
		kept = false;
	}
	if (kept)
		wit_die("%s: there is nothing behind its last frame to swap it with", in);
	wit_reader_close(reader);
	wit_pcap_close(file, out);
	printf("%llu\n", (unsigned long long)disturbed);
	return 0;
}

static uint32_t mtu_of(int argc, char **argv, int at)
{
	return argc > at ? (uint32_t)wit_number(argv[at], 65535, "MTU") : 1500;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "numbered") && argc >= 5)
		return numbered(argv[2], wit_number(argv[3], 1u << 30, "COUNT"),
				(uint32_t)wit_number(argv[4], 65535, "SIZE"),
				argc > 5 ? (uint16_t)wit_number(argv[5], 65535, "STREAM") : 1);
	if (!strcmp(what, "kinds") && argc >= 3)
		return kinds(argv[2], mtu_of(argc, argv, 3));
	if (!strcmp(what, "misfits") && argc >= 3)
		return misfits(argv[2], mtu_of(argc, argv, 3));
	if (!strcmp(what, "select") && argc >= 5)
		return select_fitting(argv[2], argv[3], argv[4], mtu_of(argc, argv, 5));
	if (!strcmp(what, "broken") && argc == 4)
		return broken(argv[2], argv[3]);
	if (!strcmp(what, "disturb") && argc == 6)
		return disturb(argv[2], argv[3], argv[4], wit_number(argv[5], 1u << 30, "N"));
	wit_die("usage: framegen numbered OUT COUNT SIZE [STREAM] | kinds OUT [MTU] | misfits OUT "
		"[MTU] | "
		"select IN FIT MISFIT [MTU] | broken KIND OUT | disturb drop|double|swap IN OUT N");
}
