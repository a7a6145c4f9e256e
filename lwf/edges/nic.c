/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic.c - lower edge: a network interface by packet sockets. Life, link, and what `show` tells.
 *
 * Two sockets: one that sends and hears nothing, one that receives all. Both stay open while the
 * device is only disabled; when it is removed they are closed, and lwf_nic_reopen() opens them on
 * the device that is there then, whatever its index. See nic_tx.c for the truth about sends.
 */
#include "nic.h"
#include "ifctl.h"

#include <lwf/oid.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The driver is asked under the kernel's big lock, so not for every frame of a storm. */
#define CARRIER_ASK_NS 10000000ull

/* ---- the link ---- */

enum lwf_reason lwf_nic_dead_reason(const struct lwf_nic *nic)
{
	const struct lwf_link *link = &nic->edge.link;

	if (!link->present)
		return LWF_REASON_REMOVED;
	if (!link->admin_up)
		return LWF_REASON_DISABLED;
	return link->carrier ? LWF_REASON_NONE : LWF_REASON_NO_CARRIER;
}

enum lwf_reason lwf_nic_ask_dead_reason(struct lwf_nic *nic)
{
	const uint32_t ifindex = nic->edge.link.ifindex;
	uint64_t now_ns;
	bool up, running;
	int ret;

	ret = lwf_ifctl_flags(nic->control_fd, ifindex, &up, &running);
	if (ret == -ENODEV)
		return LWF_REASON_REMOVED;
	if (ret)
		return LWF_REASON_NONE;
	if (!up)
		return LWF_REASON_DISABLED;
	/* by this flag the kernel lets frames into its queue or not */
	if (!running && nic->qdisc_kernel)
		return LWF_REASON_NO_CARRIER;
	/* Past the queue the driver's word counts: the flag follows it up to a second later, both ways. */
	now_ns = lwf_host_now_ns(nic->edge.host);
	if (now_ns - nic->carrier_asked_ns > CARRIER_ASK_NS) {
		nic->carrier_asked_ns = now_ns;
		nic->carrier = running; /* of a driver that says nothing */
		lwf_ifctl_carrier(nic->control_fd, ifindex, &nic->carrier);
	}
	return nic->carrier ? LWF_REASON_NONE : LWF_REASON_NO_CARRIER;
}

/* ---- sockets ---- */

static void close_sockets(struct lwf_nic *nic)
{
	lwf_nic_count_missed(nic);
	lwf_watch_fini(&nic->receive_watch);
	lwf_watch_fini(&nic->send_watch);
	lwf_timer_cancel(&nic->flight_check);
	lwf_close_later(nic->send_fd);
	lwf_close_later(nic->receive.fd);
	nic->send_fd = -1;
	nic->receive.fd = -1;
	nic->wants_write = false;
}

static const char *netns_of(const struct lwf_nic *nic)
{
	return nic->netns[0] ? nic->netns : NULL;
}

static int open_sockets(struct lwf_nic *nic)
{
	const uint32_t ifindex = nic->edge.link.ifindex;
	struct lwf_host *host = nic->edge.host;
	int ret;

	assert(nic->send_fd < 0 && nic->receive.fd < 0);
	nic->notices = nic->qdisc_kernel &&
		       lwf_ifctl_stamps_sends(nic->control_fd, nic->edge.link.ifindex);
	if (nic->qdisc_kernel && !nic->notices)
		lwf_log(host, LWF_LOG_WARNING,
			"%s: the driver does not tell when it took a frame; with qdisc=kernel "
			"frames are answered when the kernel has them",
			nic->edge.name);
	ret = lwf_open_nic_send(netns_of(nic), ifindex, nic->qdisc_kernel, &nic->send_fd);
	if (ret)
		return ret;
	ret = lwf_watch_init(&nic->send_watch, host, nic->send_fd,
			     nic->notices ? LWF_WATCH_READ : 0, 1, lwf_nic_send_event, nic);
	if (ret)
		goto err_close;
	lwf_nic_flight_reset(nic);
	nic->cut_types = 0;
	if (nic->send_only)
		return 0;
	ret = lwf_open_nic_receive(netns_of(nic), ifindex, &nic->receive);
	if (ret)
		goto err_close;
	/* what was set stays set, on a device that came back too */
	ret = lwf_nic_set_membership(nic->receive.fd, ifindex, LWF_PACKET_TYPES,
				     nic->packet_filter);
	if (ret)
		goto err_close;
	if (nic->packet_filter != LWF_PACKET_TYPES)
		lwf_nic_filter_is(nic, nic->packet_filter);
	ret = lwf_watch_init(&nic->receive_watch, host, nic->receive.fd, 0, 1, lwf_nic_readable,
			     nic);
	if (ret)
		goto err_close;
	lwf_nic_watch_receive(nic);
	return 0;

err_close:
	close_sockets(nic);
	return ret;
}

/* Answers all that waits, and all that is in the kernel, and gives the sockets back. */
static void give_up_device(struct lwf_nic *nic)
{
	struct lwf_nic_turn turn;

	lwf_nic_turn_begin(&turn);
	turn.dead = LWF_REASON_REMOVED;
	lwf_nic_flight_read(nic, &turn);
	lwf_nic_flight_settle(nic, &turn, LWF_REASON_REMOVED);
	close_sockets(nic);
	lwf_nic_turn_end(nic, &turn);
}

/* ---- contract of edges ---- */

static int nic_attach(struct lwf_edge *edge)
{
	struct lwf_nic *nic = lwf_nic_of(edge);

	if (!edge->link.present)
		return -ENODEV;
	return nic->send_fd < 0 ? open_sockets(nic) : 0;
}

static void nic_detach(struct lwf_edge *edge)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_nic_turn turn;

	if (!edge->link.present) {
		give_up_device(nic);
		return;
	}
	lwf_nic_turn_begin(&turn);
	turn.dead = LWF_REASON_DETACHED;
	lwf_nic_turn_end(nic, &turn);
}

static void nic_link_changed(struct lwf_edge *edge)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_nic_turn turn;

	nic->cut_types = 0;
	nic->carrier_asked_ns = 0;
	if (!edge->link.present) {
		give_up_device(nic);
		return;
	}
	lwf_nic_turn_begin(&turn);
	turn.dead = lwf_nic_dead_reason(nic);
	if (turn.dead == LWF_REASON_NONE)
		nic->flight_deadline_ns = 0;
	else
		lwf_nic_flight_link_lost(nic, &turn);
	lwf_nic_turn_end(nic, &turn);
}

static uint32_t nic_holds(struct lwf_edge *edge, lwf_handle origin, uint64_t *oldest_ns)
{
	const struct lwf_nic *nic = lwf_nic_of(edge);
	uint64_t oldest = UINT64_MAX;
	uint32_t count = lwf_nic_flight_holds(nic, origin, &oldest);

	for (uint32_t i = 0; i < nic->held_count; i++) {
		const struct lwf_nic_held *held =
			&nic->held[(nic->held_first + i) % LWF_EDGE_QUEUE_FRAMES];

		if (origin && held->frame->origin != origin)
			continue;
		if (held->since_ns < oldest)
			oldest = held->since_ns;
		count++;
	}
	if (count && oldest_ns)
		*oldest_ns = oldest;
	return count;
}

static const char *yes(bool fact)
{
	return fact ? "yes" : "no";
}

static void nic_describe(struct lwf_edge *edge, char *text, size_t bytes)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	const char *txstamp = nic->qdisc_kernel ? yes(nic->notices) : "off";

	if (nic->send_fd < 0) {
		snprintf(text, bytes, "qdisc=%s open=no", nic->qdisc_kernel ? "kernel" : "bypass");
		return;
	}
	lwf_nic_count_missed(nic);
	snprintf(text, bytes,
		 "vnet-hdr=yes qdisc=%s txstamp=%s receive=%s ignore-outgoing=%s auxdata=%s "
		 "promiscuous=%s cut=%s queued=%u in-kernel=%u missed=%llu",
		 nic->qdisc_kernel ? "kernel" : "bypass", txstamp, yes(!nic->send_only),
		 yes(nic->receive.ignores_outgoing), yes(!nic->send_only),
		 yes(nic->receive.promiscuous),
		 nic->cut_types || nic->qdisc_kernel ? "software" : "device", nic->held_count,
		 nic->flight_count, (unsigned long long)nic->missed);
}

static void nic_close(struct lwf_edge *edge)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_host *host = edge->host;

	assert(nic->held_count == 0 && nic->flight_count == 0 && edge->inputs_out == 0);
	close_sockets(nic);
	if (nic->control_fd >= 0)
		close(nic->control_fd);
	lwf_timer_fini(&nic->retry);
	lwf_timer_fini(&nic->flight_check);
	lwf_pool_destroy(nic->pool);
	lwf_pool_destroy(nic->scratch);
	lwf_host_free(host, nic->held);
	lwf_host_free(host, nic->flight);
	lwf_host_free(host, nic);
}

static const struct lwf_edge_ops nic_ops = {
	.kind = "nic",
	.transmit = lwf_nic_transmit,
	.reclaim = lwf_nic_reclaim,
	.set_intake = lwf_nic_set_intake,
	.attach = nic_attach,
	.detach = nic_detach,
	.link_changed = nic_link_changed,
	.cancel = lwf_nic_cancel,
	.oid = lwf_nic_oid,
	.holds = nic_holds,
	.describe = nic_describe,
	.close = nic_close,
};

/* ---- birth ---- */

static int take_memory(struct lwf_nic *nic)
{
	struct lwf_host *host = nic->edge.host;
	int ret;

	nic->held = lwf_host_alloc(host, LWF_EDGE_QUEUE_FRAMES * sizeof(*nic->held));
	nic->scratch = lwf_pool_create(host, 1, LWF_FRAME_MAX_BYTES);
	if (!nic->held || !nic->scratch)
		return -ENOMEM;
	if (nic->qdisc_kernel) {
		nic->flight = lwf_host_alloc(host, LWF_NIC_FLIGHT_MAX * sizeof(*nic->flight));
		if (!nic->flight)
			return -ENOMEM;
	}
	if (!nic->send_only) {
		nic->pool = lwf_pool_create(host, LWF_EDGE_POOL_FRAMES, LWF_FRAME_MAX_BYTES);
		if (!nic->pool)
			return -ENOMEM;
	}
	ret = lwf_timer_init(&nic->retry, host, lwf_nic_retry, nic);
	if (!ret)
		ret = lwf_timer_init(&nic->flight_check, host, lwf_nic_flight_check, nic);
	return ret;
}

int lwf_nic_create(struct lwf_host *host, const struct lwf_nic_config *config,
		   struct lwf_edge **edge)
{
	struct lwf_nic *nic;
	int ret;

	if (!*config->name || strlen(config->name) >= sizeof(nic->edge.name) ||
	    (config->netns && strlen(config->netns) >= sizeof(nic->netns)))
		return -EINVAL;
	nic = lwf_host_alloc(host, sizeof(*nic));
	if (!nic)
		return -ENOMEM;
	nic->edge.ops = &nic_ops;
	nic->edge.host = host;
	nic->edge.room = true;
	nic->edge.intake = LWF_INTAKE_HOLD;
	nic->edge.offloads = (struct lwf_edge_offloads){true, true, true, true};
	nic->qdisc_kernel = config->qdisc_kernel;
	nic->send_only = config->send_only;
	nic->packet_filter = LWF_PACKET_TYPES;
	nic->control_fd = -1;
	nic->send_fd = -1;
	nic->receive.fd = -1;
	memcpy(nic->edge.name, config->name, strlen(config->name));
	if (config->netns)
		memcpy(nic->netns, config->netns, strlen(config->netns));
	lwf_nic_burst_init(nic);
	lwf_nic_receive_init(nic);
	ret = take_memory(nic);
	if (!ret && config->ifindex)
		ret = lwf_nic_reopen(&nic->edge, config->ifindex);
	if (ret) {
		nic_close(&nic->edge);
		return ret;
	}
	*edge = &nic->edge;
	return 0;
}

int lwf_nic_reopen(struct lwf_edge *edge, uint32_t ifindex)
{
	struct lwf_nic *nic = lwf_nic_of(edge);
	struct lwf_link link;
	int ret;

	edge->link.present = false;
	if (nic->send_fd >= 0)
		give_up_device(nic);
	/* The namespace may be another one of the same name. */
	if (nic->control_fd >= 0)
		close(nic->control_fd);
	nic->control_fd = -1;
	ret = lwf_open_control(netns_of(nic), &nic->control_fd);
	if (ret)
		return ret;
	ret = lwf_ifctl_link(nic->control_fd, ifindex, &link);
	if (ret)
		return ret;
	edge->link = link;
	ret = open_sockets(nic);
	if (ret)
		edge->link.present = false;
	return ret;
}
