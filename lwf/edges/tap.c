/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.c - upper edge: a TAP device, behind which are the host's own protocols.
 *
 * Super-frames and unfinished checksums pass whole in both directions; what the kernel refuses to
 * take so is cut, or finished, here. A write is done when it returns, so every transmit is answered
 * before it ends, in one batch.
 *
 * When the device is deleted under us its descriptor stays readable for ever with an error: it is
 * not watched from then on, the link says that it is not present, and whoever watches links makes
 * it again with lwf_tap_recreate().
 *
 * Mirroring: the carrier is set at once; MTU and MAC take the kernel's big lock, so once the device
 * is up the helper thread sets them.
 */
#include "edges.h"
#include "helper.h"
#include "ifctl.h"
#include "open.h"
#include "vnet.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MTU_MAX_BYTES 65521u /* the longest that a TAP takes */
#define NETNS_BYTES   256u
#define DISCARD_BYTES 64u

struct tap_edge {
	struct lwf_edge edge; /* first */
	struct lwf_tap_device device;
	int control_fd;
	struct lwf_watch watch;
	struct lwf_pool *pool;
	struct lwf_pool *scratch; /* one frame, to cut and finish in */
	char netns[NETNS_BYTES];  /* empty: this process's */
	bool mirror_mac;
	bool up;      /* set up by us */
	bool carrier; /* as mirrored last */
	bool gone;
	bool starved;		/* not watched because every frame is out */
	struct lwf_link before; /* of an adopted device, to be restored */
};

static struct tap_edge *to_tap(struct lwf_edge *edge)
{
	return (struct tap_edge *)(void *)edge;
}

/* ---- intake: what the host sends ---- */

static void watch_again(struct tap_edge *tap)
{
	bool read = tap->edge.intake != LWF_INTAKE_HOLD && !tap->starved && !tap->gone;

	lwf_watch_set(&tap->watch, read ? LWF_WATCH_READ : 0);
}

static void device_is_gone(struct tap_edge *tap)
{
	tap->gone = true;
	tap->edge.link.present = false;
	watch_again(tap);
}

static bool is_gone(int error)
{
	return error == EBADFD || error == ENODEV || error == EFAULT;
}

/* Reads one frame; false: there is none (for now, or for ever). */
static bool read_frame(struct tap_edge *tap, struct lwf_frame *frame, uint64_t now_ns)
{
	ssize_t got;

	do {
		got = read(tap->device.fd, lwf_vnet_buffer(frame), lwf_vnet_buffer_bytes(frame));
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		if (is_gone(errno))
			device_is_gone(tap);
		return false;
	}
	if ((size_t)got < LWF_VNET_HEADER_BYTES)
		return false;
	lwf_vnet_taken(frame, (size_t)got);
	frame->time_ns = now_ns;
	return true;
}

static void read_frames(struct tap_edge *tap)
{
	uint64_t now_ns = lwf_host_now_ns(tap->edge.host);
	struct lwf_batch batch;
	uint32_t bytes = 0;

	lwf_batch_init(&batch);
	for (uint32_t n = 0; n < LWF_BATCH_MAX_FRAMES; n++) {
		struct lwf_frame *frame =
			lwf_pool_take(tap->pool, tap->edge.handle, LWF_DIRECTION_SEND);

		if (!frame) {
			tap->starved = true;
			watch_again(tap);
			break;
		}
		if (!read_frame(tap, frame, now_ns)) {
			lwf_pool_give(tap->pool, frame);
			break;
		}
		if (frame->len < LWF_ETHER_HEADER_BYTES || frame->len > LWF_FRAME_MAX_BYTES) {
			lwf_edge_drop(&tap->edge,
				      frame->len < LWF_ETHER_HEADER_BYTES ? LWF_REASON_RUNT
									  : LWF_REASON_TOO_LONG,
				      1);
			lwf_pool_give(tap->pool, frame);
			continue;
		}
		lwf_batch_push(&batch, frame);
		bytes += frame->len;
		if (bytes < LWF_VNET_FLUSH_BYTES)
			continue;
		lwf_edge_input(&tap->edge, &batch);
		lwf_batch_init(&batch);
		bytes = 0;
		/* What was handed on may have filled the other edge, or paused the stack. */
		if (tap->edge.intake != LWF_INTAKE_READ)
			return;
	}
	if (batch.head)
		lwf_edge_input(&tap->edge, &batch);
}

static void discard_frames(struct tap_edge *tap)
{
	uint8_t bytes[DISCARD_BYTES]; /* the kernel throws away what does not fit */
	uint32_t n = 0;

	while (n < LWF_BATCH_MAX_FRAMES) {
		ssize_t got = read(tap->device.fd, bytes, sizeof(bytes));

		if (got >= 0) {
			n++;
			continue;
		}
		if (is_gone(errno))
			device_is_gone(tap);
		if (errno != EINTR)
			break;
	}
	if (n)
		lwf_edge_drop(&tap->edge, LWF_REASON_NOT_RUNNING, n);
}

static void on_readable(void *context, unsigned events)
{
	struct tap_edge *tap = context;

	(void)events;
	if (tap->edge.intake == LWF_INTAKE_READ)
		read_frames(tap);
	else
		discard_frames(tap);
}

static void tap_set_intake(struct lwf_edge *edge, enum lwf_intake intake)
{
	edge->intake = intake;
	watch_again(to_tap(edge));
}

static void tap_reclaim(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct tap_edge *tap = to_tap(edge);

	lwf_pool_give_batch(batch);
	if (tap->starved && lwf_pool_free_frames(tap->pool) >= LWF_EDGE_POOL_FRAMES / 4) {
		tap->starved = false;
		watch_again(tap);
	}
}

/* ---- transmit: what the host receives ---- */

/* Returns 0 or the errno of the write. */
static int write_frame(struct tap_edge *tap, struct lwf_frame *frame)
{
	ssize_t wrote;

	do {
		wrote = lwf_vnet_write(tap->device.fd, frame);
	} while (wrote < 0 && errno == EINTR);
	if (wrote < 0)
		return errno;
	assert((size_t)wrote ==
	       frame->len + LWF_VNET_HEADER_BYTES); /* a TAP takes all or nothing */
	return 0;
}

/* The kernel did not understand the offload: cut, or finish, it in a copy. */
static int write_plain(struct tap_edge *tap, const struct lwf_frame *frame)
{
	uint32_t segments = lwf_frame_segments(frame);
	struct lwf_frame *copy = lwf_pool_take(tap->scratch, 0, LWF_DIRECTION_RECEIVE);
	int error = 0;

	assert(copy);
	for (uint32_t i = 0; i < segments && !error; i++) {
		error = lwf_vnet_plain(frame, i, copy);
		if (!error)
			error = write_frame(tap, copy);
	}
	lwf_pool_give(tap->scratch, copy);
	return error;
}

static void answer(struct tap_edge *tap, struct lwf_frame *frame, int error)
{
	switch (error) {
	case 0:
		lwf_frame_answer(frame, LWF_REASON_NONE);
		return;
	case EIO: /* that is how a TAP says that it is down */
		lwf_frame_answer(frame, LWF_REASON_UPPER_DOWN);
		break;
	case EBADFD:
	case ENODEV:
		device_is_gone(tap);
		lwf_frame_answer(frame, LWF_REASON_UPPER_GONE);
		break;
	case EINVAL:
		lwf_frame_answer(frame, LWF_REASON_OFFLOAD);
		return;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		lwf_frame_answer(frame, LWF_REASON_QUEUE_FULL);
		return;
	default:
		lwf_frame_answer(frame, LWF_REASON_DEVICE);
		break;
	}
	frame->error = (uint32_t)error;
}

static void tap_transmit(struct lwf_edge *edge, struct lwf_batch *batch)
{
	struct tap_edge *tap = to_tap(edge);

	for (struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		int error;

		if (frame->len < LWF_ETHER_HEADER_BYTES) {
			lwf_frame_answer(frame, LWF_REASON_TOO_SHORT);
			continue;
		}
		error = tap->gone ? EBADFD : write_frame(tap, frame);
		if (error == EINVAL)
			error = write_plain(tap, frame);
		answer(tap, frame, error);
	}
	lwf_edge_completed(edge, batch);
}

/* ---- mirroring the lower link ---- */

struct set_job {
	struct lwf_job job;
	int control_fd;
	uint32_t ifindex;
	uint32_t mtu_bytes; /* 0: leave it */
	bool set_mac;
	uint8_t mac[6];
};

static bool has_mac(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return memcmp(mac, none, sizeof(none)) != 0;
}

static void set_now(const struct set_job *set)
{
	if (set->mtu_bytes)
		lwf_ifctl_set_mtu(set->control_fd, set->ifindex, set->mtu_bytes);
	if (set->set_mac)
		lwf_ifctl_set_mac(set->control_fd, set->ifindex, set->mac);
}

static void run_set_job(struct lwf_job *job)
{
	struct set_job *set = (struct set_job *)(void *)job;

	set_now(set);
	close(set->control_fd);
	free(set);
}

static void set_later(const struct set_job *wanted)
{
	struct set_job *set = malloc(sizeof(*set));

	if (set) {
		*set = *wanted;
		set->job.fn = run_set_job;
		set->control_fd = fcntl(wanted->control_fd, F_DUPFD_CLOEXEC, 0);
		if (set->control_fd >= 0) {
			lwf_helper_submit(&set->job);
			return;
		}
		free(set);
	}
	set_now(wanted);
}

static void set_carrier(struct tap_edge *tap, bool carrier)
{
	int on = carrier;

	tap->carrier = carrier;
	tap->edge.link.carrier = carrier;
	if (!tap->gone && ioctl(tap->device.fd, TUNSETCARRIER, &on) && errno == EBADFD)
		device_is_gone(tap);
}

static void tap_mirror(struct lwf_edge *edge, const struct lwf_link *link)
{
	struct tap_edge *tap = to_tap(edge);
	uint32_t mtu_bytes = link->mtu_bytes < MTU_MAX_BYTES ? link->mtu_bytes : MTU_MAX_BYTES;
	struct set_job set = {.control_fd = tap->control_fd, .ifindex = tap->device.ifindex};

	if (link->carrier != tap->carrier)
		set_carrier(tap, link->carrier);
	if (mtu_bytes && mtu_bytes != edge->link.mtu_bytes) {
		set.mtu_bytes = mtu_bytes;
		edge->link.mtu_bytes = mtu_bytes;
	}
	if (tap->mirror_mac && has_mac(link->mac) && memcmp(link->mac, edge->link.mac, 6)) {
		set.set_mac = true;
		memcpy(set.mac, link->mac, sizeof(set.mac));
		memcpy(edge->link.mac, link->mac, sizeof(set.mac));
	}
	if (tap->gone || (!set.mtu_bytes && !set.set_mac))
		return;
	if (tap->up)
		set_later(&set);
	else
		set_now(&set); /* nobody uses it yet, and it is to be right when it comes up */
}

/* ---- life ---- */

static void tap_describe(struct lwf_edge *edge, char *text, size_t bytes)
{
	const struct tap_edge *tap = to_tap(edge);

	snprintf(text, bytes, "vnet-hdr=yes uso=%s created=%s mirror-mac=%s",
		 tap->device.uso ? "yes" : "no", tap->device.created ? "yes" : "no",
		 tap->mirror_mac ? "yes" : "no");
}

/* An adopted device is left as it was found, but for its carrier: nobody serves it any more. */
static void restore(struct tap_edge *tap)
{
	const uint32_t ifindex = tap->device.ifindex;

	if (tap->device.created || tap->gone || !tap->before.present)
		return;
	if (tap->up && !tap->before.admin_up)
		lwf_ifctl_set_up(tap->control_fd, ifindex, false);
	if (tap->edge.link.mtu_bytes != tap->before.mtu_bytes)
		lwf_ifctl_set_mtu(tap->control_fd, ifindex, tap->before.mtu_bytes);
	if (memcmp(tap->edge.link.mac, tap->before.mac, 6))
		lwf_ifctl_set_mac(tap->control_fd, ifindex, tap->before.mac);
}

static void tap_close(struct lwf_edge *edge)
{
	struct tap_edge *tap = to_tap(edge);
	struct lwf_host *host = edge->host;

	assert(edge->inputs_out == 0);
	if (tap->device.fd >= 0)
		restore(tap);
	lwf_watch_fini(&tap->watch);
	lwf_close_later(tap->device.fd);
	if (tap->control_fd >= 0)
		close(tap->control_fd);
	lwf_pool_destroy(tap->pool);
	lwf_pool_destroy(tap->scratch);
	lwf_host_free(host, tap);
}

static const struct lwf_edge_ops tap_ops = {
	.kind = "tap",
	.transmit = tap_transmit,
	.reclaim = tap_reclaim,
	.set_intake = tap_set_intake,
	.mirror = tap_mirror,
	.describe = tap_describe,
	.close = tap_close,
};

/* Opens the device, sets what is wanted of it (0: leave), and looks at what it is then. */
static int open_device(struct tap_edge *tap, const uint8_t mac[6], uint32_t mtu_bytes)
{
	const char *netns = tap->netns[0] ? tap->netns : NULL;
	struct lwf_link link;
	int ret;

	ret = lwf_open_tap(netns, tap->edge.name, &tap->device);
	if (ret)
		return ret;
	ret = lwf_ifctl_link(tap->control_fd, tap->device.ifindex, &link);
	if (ret)
		return ret;
	if (!tap->before.present)
		tap->before = link;
	if (has_mac(mac) && memcmp(mac, link.mac, 6)) {
		ret = lwf_ifctl_set_mac(tap->control_fd, tap->device.ifindex, mac);
		memcpy(link.mac, mac, sizeof(link.mac));
	}
	if (!ret && mtu_bytes && mtu_bytes != link.mtu_bytes) {
		ret = lwf_ifctl_set_mtu(tap->control_fd, tap->device.ifindex, mtu_bytes);
		link.mtu_bytes = mtu_bytes;
	}
	if (ret)
		return ret;
	link.carrier = false;
	tap->edge.link = link;
	tap->edge.offloads = (struct lwf_edge_offloads){true, true, true, tap->device.uso};
	tap->gone = false;
	tap->carrier = false;
	return lwf_watch_init(&tap->watch, tap->edge.host, tap->device.fd, 0, 1, on_readable, tap);
}

int lwf_tap_create(struct lwf_host *host, const struct lwf_tap_config *config,
		   struct lwf_edge **edge)
{
	struct tap_edge *tap;
	int ret = -ENOMEM;

	if (strlen(config->name) >= sizeof(tap->edge.name) ||
	    (config->netns && strlen(config->netns) >= sizeof(tap->netns)))
		return -EINVAL;
	tap = lwf_host_alloc(host, sizeof(*tap));
	if (!tap)
		return -ENOMEM;
	tap->edge.ops = &tap_ops;
	tap->edge.host = host;
	tap->edge.room = true;
	tap->edge.intake = LWF_INTAKE_HOLD;
	tap->mirror_mac = config->mirror_mac;
	tap->device.fd = -1;
	tap->control_fd = -1;
	memcpy(tap->edge.name, config->name, strlen(config->name));
	if (config->netns)
		memcpy(tap->netns, config->netns, strlen(config->netns));
	tap->pool = lwf_pool_create(host, LWF_EDGE_POOL_FRAMES, LWF_FRAME_MAX_BYTES);
	tap->scratch = lwf_pool_create(host, 1, LWF_FRAME_MAX_BYTES);
	if (!tap->pool || !tap->scratch)
		goto err_close;
	ret = lwf_open_control(config->netns, &tap->control_fd);
	if (!ret)
		ret = open_device(tap, config->mac, config->mtu_bytes);
	if (ret)
		goto err_close;
	*edge = &tap->edge;
	return 0;

err_close:
	tap_close(&tap->edge);
	return ret;
}

bool lwf_tap_is_ours(const struct lwf_edge *edge)
{
	return ((const struct tap_edge *)(const void *)edge)->device.created;
}

int lwf_tap_set_up(struct lwf_edge *edge, bool up)
{
	struct tap_edge *tap = to_tap(edge);
	int ret = lwf_ifctl_set_up(tap->control_fd, tap->device.ifindex, up);

	tap->up = up; /* also when it is gone just now: it is made again so */
	if (!ret)
		edge->link.admin_up = up;
	return ret;
}

int lwf_tap_recreate(struct lwf_edge *edge)
{
	struct tap_edge *tap = to_tap(edge);
	const struct lwf_link link = edge->link;
	const bool carrier = tap->carrier;
	int ret;

	lwf_watch_fini(&tap->watch);
	lwf_close_later(tap->device.fd);
	tap->device.fd = -1;
	tap->gone = true;
	edge->link.present = false;
	ret = open_device(tap, link.mac, link.mtu_bytes);
	if (!ret && tap->up)
		ret = lwf_tap_set_up(edge, true);
	if (ret)
		goto err_gone;
	set_carrier(tap, carrier);
	watch_again(tap);
	return 0;

err_gone:
	lwf_watch_fini(&tap->watch);
	lwf_close_later(tap->device.fd);
	tap->device.fd = -1;
	tap->gone = true;
	edge->link = link;
	edge->link.present = false;
	return ret;
}
