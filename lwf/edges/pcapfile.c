/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapfile.c - an edge whose device is a pair of files: what it receives is in one, what it is sent
 * goes to the other.
 *
 * Frames of the input are read as fast as they are taken: a turn of 64, then the loop's other work,
 * then the next. While the stack is not Running nothing is read, and nothing thrown away: a file has no
 * stale frames. A record that was cut short when it was captured cannot be a frame again and is counted
 * as truncated. The output holds frames as they would be on a wire: super-frames are cut and
 * checksums finished in a copy. It is written out once per batch, and an error of that write (a full
 * disk) is the answer to every frame of the batch.
 *
 * Both files have nanoseconds. Only Ethernet can pass a stack, so any other link type is refused.
 */
#include "edges.h"
#include "vnet.h"

#include <assert.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <time.h>

#define MTU_BYTES 1500u

struct pcap_edge {
	struct lwf_edge edge; /* first */
	pcap_t *in;	      /* NULL: no input, or all of it was read */
	pcap_t *out_type;     /* carries the output's link type and precision */
	pcap_dumper_t *out;   /* NULL: sends are answered and go nowhere */
	struct lwf_pool *pool;
	struct lwf_pool *scratch;
	struct lwf_timer turn; /* armed while the input is to be read */
	bool starved;
	int out_error; /* errno of the write that failed; 0: none did */
};

static struct pcap_edge *to_pcap(struct lwf_edge *edge)
{
	return (struct pcap_edge *)(void *)edge;
}

/* ---- input ---- */

static void plan_turn(struct pcap_edge *pe)
{
	bool wanted = pe->in && !pe->starved && pe->edge.intake == LWF_INTAKE_READ;

	if (!wanted)
		lwf_timer_cancel(&pe->turn);
	else if (!pe->turn.armed)
		lwf_timer_set(&pe->turn, 0);
}

static void end_input(struct pcap_edge *pe, bool failed)
{
	if (failed)
		lwf_log(pe->edge.host, LWF_LOG_ERROR, "%s: reading stops: %s", pe->edge.name,
			pcap_geterr(pe->in));
	pcap_close(pe->in);
	pe->in = NULL;
}

/* The reason why a record is no frame, or NONE. */
static enum lwf_reason judge_record(const struct pcap_pkthdr *header, const struct lwf_frame *frame)
{
	if (header->caplen < header->len)
		return LWF_REASON_TRUNCATED;
	if (header->caplen < LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_RUNT;
	if (header->caplen > lwf_frame_room(frame))
		return LWF_REASON_TOO_LONG;
	return LWF_REASON_NONE;
}

/* Reads the next record into @frame. False: there is none any more. */
static bool read_record(struct pcap_edge *pe, struct lwf_frame *frame, enum lwf_reason *reason)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int ret = pcap_next_ex(pe->in, &header, &bytes);

	if (ret != 1) {
		end_input(pe, ret == PCAP_ERROR);
		return false;
	}
	*reason = judge_record(header, frame);
	if (*reason == LWF_REASON_NONE) {
		memcpy(frame->data, bytes, header->caplen);
		frame->len = header->caplen;
	}
	return true;
}

static void read_turn(void *context)
{
	struct pcap_edge *pe = context;
	const enum lwf_direction direction =
		pe->edge.side == LWF_SIDE_UPPER ? LWF_DIRECTION_SEND : LWF_DIRECTION_RECEIVE;
	uint64_t now_ns = lwf_host_now_ns(pe->edge.host);
	struct lwf_batch batch;

	lwf_batch_init(&batch);
	for (uint32_t n = 0; pe->in && n < LWF_BATCH_MAX_FRAMES; n++) {
		struct lwf_frame *frame = lwf_pool_take(pe->pool, pe->edge.handle, direction);
		enum lwf_reason reason = LWF_REASON_NONE;

		if (!frame) {
			pe->starved = true;
			break;
		}
		if (read_record(pe, frame, &reason) && reason == LWF_REASON_NONE) {
			frame->time_ns = now_ns;
			lwf_batch_push(&batch, frame);
			continue;
		}
		lwf_pool_give(pe->pool, frame);
		if (reason != LWF_REASON_NONE)
			lwf_edge_drop(&pe->edge, reason, 1);
	}
	plan_turn(pe);
	if (batch.head)
		lwf_edge_input(&pe->edge, &batch);
}

static void pcap_edge_set_intake(struct lwf_edge *edge, enum lwf_intake intake)
{
	edge->intake = intake;
	plan_turn(to_pcap(edge));
}

static void pcap_edge_reclaim(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct pcap_edge *pe = to_pcap(edge);

	lwf_pool_give_batch(batch);
	pe->starved = false;
	plan_turn(pe);
}

/* ---- output ---- */

static void write_record(struct pcap_edge *pe, const struct lwf_frame *frame)
{
	struct pcap_pkthdr header = {.caplen = frame->len, .len = frame->len};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	header.ts.tv_sec = now.tv_sec;
	header.ts.tv_usec = now.tv_nsec; /* the file says that these are nanoseconds */
	pcap_dump((u_char *)pe->out, &header, frame->data);
}

/* Why the frame was not written, or NONE; what was is still in the buffer of the file. */
static enum lwf_reason write_frame(struct pcap_edge *pe, const struct lwf_frame *frame)
{
	const bool whole =
		!lwf_frame_is_super(frame) && !(frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM);
	const uint32_t parts = lwf_frame_segments(frame);
	struct lwf_frame *copy;
	uint32_t i = 0;

	if (frame->len < LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_TOO_SHORT;
	if (whole) {
		write_record(pe, frame);
		return LWF_REASON_NONE;
	}
	copy = lwf_pool_take(pe->scratch, 0, LWF_DIRECTION_SEND);
	assert(copy);
	for (; i < parts && !lwf_vnet_plain(frame, i, copy); i++)
		write_record(pe, copy);
	lwf_pool_give(pe->scratch, copy);
	return i == parts ? LWF_REASON_NONE : LWF_REASON_OFFLOAD;
}

static void flush_output(struct pcap_edge *pe)
{
	FILE *file = pcap_dump_file(pe->out);

	/* errno is from the first write of the batch that failed: a full buffer is written earlier */
	if (pcap_dump_flush(pe->out) == 0 && !ferror(file))
		return;
	pe->out_error = errno ? errno : EIO;
	__fpurge(file);
	lwf_log(pe->edge.host, LWF_LOG_ERROR, "%s: writing stops: %s", pe->edge.name,
		strerror(pe->out_error));
}

static void pcap_edge_transmit(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct pcap_edge *pe = to_pcap(edge);

	errno = 0;
	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		enum lwf_reason reason = frame->len < LWF_ETHER_HEADER_BYTES ? LWF_REASON_TOO_SHORT
									     : LWF_REASON_NONE;

		if (pe->out && !pe->out_error)
			reason = write_frame(pe, frame);
		lwf_frame_answer(frame, reason);
	}
	if (pe->out && !pe->out_error)
		flush_output(pe);
	for (struct lwf_frame *frame = batch->head; pe->out_error && frame; frame = frame->next) {
		if (frame->status != LWF_STATUS_SUCCESS)
			continue;
		lwf_frame_answer(frame, LWF_REASON_DEVICE);
		frame->error = (uint32_t)pe->out_error;
	}
	lwf_edge_completed(edge, batch);
}

/* ---- life ---- */

static void pcap_edge_describe(struct lwf_edge *edge, char *text, size_t bytes)
{
	const struct pcap_edge *pe = to_pcap(edge);

	snprintf(text, bytes, "input=%s output=%s", pe->in ? "open" : "read",
		 pe->out ? "open" : "none");
}

static void pcap_edge_close(struct lwf_edge *edge)
{
	struct pcap_edge *pe = to_pcap(edge);
	struct lwf_host *host = edge->host;

	assert(edge->inputs_out == 0);
	lwf_timer_fini(&pe->turn);
	if (pe->in)
		pcap_close(pe->in);
	if (pe->out)
		pcap_dump_close(pe->out);
	if (pe->out_type)
		pcap_close(pe->out_type);
	lwf_pool_destroy(pe->pool);
	lwf_pool_destroy(pe->scratch);
	lwf_host_free(host, pe);
}

static const struct lwf_edge_ops pcap_edge_ops = {
	.kind = "pcap",
	.transmit = pcap_edge_transmit,
	.reclaim = pcap_edge_reclaim,
	.set_intake = pcap_edge_set_intake,
	.describe = pcap_edge_describe,
	.close = pcap_edge_close,
};

/* Returns 0, -ENOENT and the like for a file that cannot be opened, -EINVAL for one that is of no use. */
static int open_input(struct pcap_edge *pe, const char *path, char *error, size_t error_bytes)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopen(path, "rbe");
	const char *type;
	int link;

	if (!file) {
		int ret = -errno;

		snprintf(error, error_bytes, "%s: %s; name a pcap or pcapng file", path,
			 ret == -ENOENT ? "no such file" : strerror(-ret));
		return ret;
	}
	/* From here on the file is libpcap's. */
	pe->in = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!pe->in) {
		fclose(file);
		snprintf(error, error_bytes, "%s: %s; name a pcap or pcapng file", path, text);
		return -EINVAL;
	}
	link = pcap_datalink(pe->in);
	if (link == DLT_EN10MB)
		return 0;
	type = pcap_datalink_val_to_name(link);
	snprintf(error, error_bytes, "%s: link type %s (%d) is not Ethernet; name another file",
		 path, type ? type : "unknown", link);
	return -EINVAL;
}

/* To write to the input would destroy it before it was read. */
static bool is_input(const struct pcap_edge *pe, const char *path)
{
	struct stat in, out;

	return stat(path, &out) == 0 && S_ISREG(out.st_mode) &&
	       fstat(fileno(pcap_file(pe->in)), &in) == 0 && in.st_dev == out.st_dev &&
	       in.st_ino == out.st_ino;
}

static int open_output(struct pcap_edge *pe, const char *path, char *error, size_t error_bytes)
{
	FILE *file;
	int ret;

	if (is_input(pe, path)) {
		snprintf(error, error_bytes, "%s: it is the input, too; name another file", path);
		return -EINVAL;
	}
	pe->out_type = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, LWF_FRAME_MAX_BYTES,
							    PCAP_TSTAMP_PRECISION_NANO);
	if (!pe->out_type) {
		snprintf(error, error_bytes, "%s: no memory", path);
		return -ENOMEM;
	}
	file = fopen(path, "wbe");
	if (!file) {
		ret = -errno;
		snprintf(error, error_bytes, "%s: cannot be written: %s; name another file", path,
			 strerror(-ret));
		return ret;
	}
	pe->out = pcap_dump_fopen(pe->out_type, file);
	if (!pe->out) {
		snprintf(error, error_bytes, "%s: %s", path, pcap_geterr(pe->out_type));
		fclose(file);
		return -EIO;
	}
	return 0;
}

static int take_memory(struct pcap_edge *pe, char *error, size_t error_bytes)
{
	struct lwf_host *host = pe->edge.host;

	pe->pool = lwf_pool_create(host, LWF_EDGE_POOL_FRAMES, LWF_FRAME_MAX_BYTES);
	pe->scratch = lwf_pool_create(host, 1, LWF_FRAME_MAX_BYTES);
	if (pe->pool && pe->scratch && lwf_timer_init(&pe->turn, host, read_turn, pe) == 0)
		return 0;
	snprintf(error, error_bytes, "no memory");
	return -ENOMEM;
}

int lwf_pcapfile_create(struct lwf_host *host, const char *in, const char *out,
			struct lwf_edge **edge, char *error, size_t error_bytes)
{
	struct pcap_edge *pe = lwf_host_alloc(host, sizeof(*pe));
	const char *slash = strrchr(in, '/');
	int ret;

	if (!pe) {
		snprintf(error, error_bytes, "no memory");
		return -ENOMEM;
	}
	pe->edge.ops = &pcap_edge_ops;
	pe->edge.host = host;
	pe->edge.room = true;
	pe->edge.intake = LWF_INTAKE_HOLD;
	pe->edge.link = (struct lwf_link){
		.present = true, .admin_up = true, .carrier = true, .mtu_bytes = MTU_BYTES};
	pe->edge.offloads = (struct lwf_edge_offloads){true, true, true, true};
	snprintf(pe->edge.name, sizeof(pe->edge.name), "%s", slash ? slash + 1 : in);
	ret = take_memory(pe, error, error_bytes);
	if (!ret)
		ret = open_input(pe, in, error, error_bytes);
	if (!ret && out)
		ret = open_output(pe, out, error, error_bytes);
	if (ret) {
		pcap_edge_close(&pe->edge);
		return ret;
	}
	*edge = &pe->edge;
	return 0;
}
