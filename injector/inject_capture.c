/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_capture.c - one pass over a capture file, record by record, each checked.
 *
 * libpcap reads the format; what is compressed goes through a program before (inject_unpack.c). libpcap is
 * given a stream of ours, whose read function waits with poll(): so a silent pipe can be given up, and a
 * signal is not taken for a fault of the file. What libpcap lets
 * pass and a sender must not is checked here: link type, and a record that claims to hold more than
 * the frame had.
 */
#include "inject_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "inject_unpack.h"
#include "wire.h"

#define STOP_LOOK_MS 100

struct inject_capture {
	int fd;
	bool interrupted;
	int read_error; /* errno of a read that failed */
	const atomic_int *stop, *quit;
	uint64_t file_bytes;
	uint64_t records;
	struct inject_unpack unpack;
	uint8_t head[INJECT_UNPACK_MAGIC_BYTES]; /* the first bytes that were read */
	size_t head_bytes;
	pcap_t *pcap;
	const struct inject_rewrite *rewrite; /* NULL: nothing to change */
	uint8_t *rewritten;		      /* the frame that is lent then */
	char name[sizeof(((struct lwf_error *)0)->what)];
};

static bool is_told_to_stop(const struct inject_capture *capture)
{
	return (capture->stop && atomic_load(capture->stop)) ||
	       (capture->quit && atomic_load(capture->quit));
}

/* Read function of the stream: waits in steps, so that being told to stop is seen. */
static ssize_t stream_read(void *cookie, char *bytes, size_t size)
{
	struct inject_capture *capture = cookie;
	struct pollfd poll_fd = {.fd = capture->fd, .events = POLLIN};

	for (;;) {
		ssize_t n;

		if (is_told_to_stop(capture)) {
			capture->interrupted = true;
			errno = EINTR;
			return -1;
		}
		if (!capture->file_bytes && poll(&poll_fd, 1, STOP_LOOK_MS) <= 0)
			continue;
		n = read(capture->fd, bytes, size);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			capture->read_error = errno;
		if (n == 0)
			inject_unpack_ended(&capture->unpack);
		if (n > 0 && capture->head_bytes == 0) {
			capture->head_bytes = (size_t)n < sizeof(capture->head)
						      ? (size_t)n
						      : sizeof(capture->head);
			memcpy(capture->head, bytes, capture->head_bytes);
		}
		return n;
	}
}

static int stream_close(void *cookie)
{
	struct inject_capture *capture = cookie;

	close(capture->fd);
	capture->fd = -1;
	return 0;
}

static int bad_file(const char *name, struct lwf_error *error, int err, const char *why)
{
	lwf_error_set(error, LWF_EXIT_USAGE, name, "name a pcap or pcapng file of Ethernet frames",
		      "%s", why);
	return err;
}

/* A compressed file is read through the program that unpacks it. */
static int unpack_file(struct inject_capture *capture, struct lwf_error *error)
{
	uint8_t magic[INJECT_UNPACK_MAGIC_BYTES];
	off_t at = lseek(capture->fd, 0, SEEK_CUR);
	ssize_t n = at < 0 ? 0 : pread(capture->fd, magic, sizeof(magic), at);
	const char *program = n > 0 ? inject_unpack_program(magic, (size_t)n) : NULL;
	int fd;

	if (!program)
		return 0;
	capture->file_bytes = 0; /* not known: it is read like a pipe */
	fd = inject_unpack_start(&capture->unpack, program, capture->fd);
	capture->fd = fd < 0 ? -1 : fd;
	if (fd >= 0)
		return 0;
	lwf_error_set(error, LWF_EXIT_USAGE, capture->name, "install it, or unpack the file before",
		      "it is compressed, and %s cannot be run: %s", program,
		      fd == -ENOENT ? "not installed" : strerror(-fd));
	return fd;
}

static int open_file(struct inject_capture *capture, const char *path, struct lwf_error *error)
{
	struct stat status;

	if (strcmp(path, "-") == 0)
		capture->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		capture->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (capture->fd < 0 || fstat(capture->fd, &status) != 0) {
		int err = errno;

		bad_file(capture->name, error, -err,
			 err == ENOENT ? "no such file" : strerror(err));
		if (err == EACCES || err == EPERM)
			error->exit = LWF_EXIT_PERMISSION;
		return -err;
	}
	if (S_ISDIR(status.st_mode))
		return bad_file(capture->name, error, -EISDIR, "it is a directory");
	if (S_ISREG(status.st_mode) && status.st_size > 0)
		capture->file_bytes = (uint64_t)status.st_size;
	return capture->file_bytes ? unpack_file(capture, error) : 0;
}

/* True: the reason is that it is compressed, or cannot be unpacked. */
static bool is_packed(const struct inject_capture *capture, struct lwf_error *error)
{
	const char *program = inject_unpack_program(capture->head, capture->head_bytes);
	char why[256], next[64];

	if (inject_unpack_failed(&capture->unpack, why, sizeof(why))) {
		lwf_error_set(error, LWF_EXIT_USAGE, capture->name, "repair or replace the file",
			      "%s", why);
		return true;
	}
	if (!program)
		return false;
	snprintf(next, sizeof(next), "give it to %s -dc first, and that to lwf-inject", program);
	lwf_error_set(error, LWF_EXIT_USAGE, capture->name, next,
		      "it is compressed%s, and only files are unpacked, once",
		      capture->unpack.program ? " twice" : "");
	return true;
}

static int open_pcap(struct inject_capture *capture, struct lwf_error *error)
{
	const cookie_io_functions_t functions = {.read = stream_read, .close = stream_close};
	char text[PCAP_ERRBUF_SIZE] = "";
	FILE *stream = fopencookie(capture, "r", functions);

	if (!stream)
		return bad_file(capture->name, error, -ENOMEM, "out of memory");
	setvbuf(stream, NULL, _IOFBF, 1 << 16);
	capture->pcap =
		pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, text);
	if (capture->pcap)
		return 0;
	fclose(stream);
	if (capture->interrupted)
		return -EINTR;
	if (capture->read_error)
		return bad_file(capture->name, error, -capture->read_error,
				strerror(capture->read_error));
	if (is_packed(capture, error))
		return -EBADMSG;
	lwf_error_set(error, LWF_EXIT_USAGE, capture->name,
		      "name a pcap or pcapng file of Ethernet frames",
		      "it is no capture, or cut off in its header: %s", text);
	return -EBADMSG;
}

static int check_link_type(struct inject_capture *capture, struct lwf_error *error)
{
	int type = pcap_datalink(capture->pcap);
	const char *name = pcap_datalink_val_to_name(type);
	const char *text = pcap_datalink_val_to_description(type);

	if (type == DLT_EN10MB)
		return 0;
	lwf_error_set(error, LWF_EXIT_USAGE, capture->name,
		      "only captures of link type EN10MB (Ethernet) can be injected",
		      "its link type is %s (%s), number %d", name ? name : "unknown",
		      text ? text : "no known name", type);
	return -EPROTOTYPE;
}

int inject_capture_open(const char *path, const struct inject_rewrite *rewrite,
			const atomic_int *stop, const atomic_int *quit,
			struct inject_capture **capture, struct lwf_error *error)
{
	struct inject_capture *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return bad_file(path, error, -ENOMEM, "out of memory");
	made->fd = -1;
	made->stop = stop;
	made->quit = quit;
	snprintf(made->name, sizeof(made->name), "%s",
		 strcmp(path, "-") == 0 ? "standard input" : path);
	if (rewrite && !inject_rewrite_is_empty(rewrite)) {
		made->rewrite = rewrite;
		made->rewritten = malloc(INJECT_REWRITE_FRAME_BYTES + INJECT_REWRITE_ROOM_BYTES);
		if (!made->rewritten) {
			free(made);
			return bad_file(path, error, -ENOMEM, "out of memory");
		}
	}
	err = open_file(made, path, error);
	if (!err)
		err = open_pcap(made, error);
	if (!err)
		err = check_link_type(made, error);
	if (err) {
		inject_capture_close(made);
		return err;
	}
	*capture = made;
	return 0;
}

void inject_capture_close(struct inject_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap); /* closes the stream, and that the descriptor */
	if (capture->fd >= 0)
		close(capture->fd);
	inject_unpack_stop(&capture->unpack);
	free(capture->rewritten);
	free(capture);
}

static uint64_t stamp_of(const struct pcap_pkthdr *header)
{
	/* tv_usec holds nanoseconds; a lying file may have anything in both */
	uint64_t seconds = header->ts.tv_sec > 0 ? (uint64_t)header->ts.tv_sec : 0;
	uint64_t rest = header->ts.tv_usec > 0 ? (uint64_t)header->ts.tv_usec : 0;

	if (seconds > UINT32_MAX)
		seconds = UINT32_MAX;
	if (rest > UINT32_MAX)
		rest = UINT32_MAX;
	return seconds * 1000000000u + rest;
}

static void rewrite_record(const struct inject_capture *capture, struct inject_record *record)
{
	uint32_t now;

	if (!capture->rewrite || record->captured > INJECT_REWRITE_FRAME_BYTES)
		return;
	if (record->captured)
		memcpy(capture->rewritten, record->data, record->captured);
	now = inject_rewrite_frame(capture->rewrite, capture->rewritten, record->captured);
	record->data = capture->rewritten;
	record->length = record->length - record->captured + now;
	record->captured = now;
}

int inject_capture_next(struct inject_capture *capture, struct inject_record *record,
			struct lwf_error *error)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int got = pcap_next_ex(capture->pcap, &header, &data);
	char why[256];

	if (got == 1 && header->caplen <= header->len) {
		capture->records++;
		record->data = data;
		record->captured = header->caplen;
		record->length = header->len;
		record->stamp_ns = stamp_of(header);
		record->begins_pass = capture->records == 1;
		rewrite_record(capture, record);
		return 1;
	}
	if (capture->interrupted)
		return -EINTR;
	if (got != 1 && inject_unpack_failed(&capture->unpack, why, sizeof(why))) {
		lwf_error_set(error, LWF_EXIT_USAGE, capture->name, "repair or replace the file",
			      "behind record %llu: %s", (unsigned long long)capture->records, why);
		return -EBADMSG;
	}
	if (got == PCAP_ERROR_BREAK || got == 0)
		return 0;
	if (got == 1)
		lwf_error_set(error, LWF_EXIT_USAGE, capture->name, "repair or replace the file",
			      "record %llu lies: %u bytes captured of a frame of %u",
			      (unsigned long long)capture->records + 1, header->caplen,
			      header->len);
	else
		lwf_error_set(error, LWF_EXIT_USAGE, capture->name, "repair or replace the file",
			      "unusable behind record %llu: %s",
			      (unsigned long long)capture->records,
			      capture->read_error ? strerror(capture->read_error)
						  : pcap_geterr(capture->pcap));
	return -EBADMSG;
}

uint64_t inject_capture_file_bytes(const struct inject_capture *capture)
{
	return capture->file_bytes;
}
