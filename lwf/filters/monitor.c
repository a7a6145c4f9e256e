/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * monitor.c - counts what passes, by direction and protocol, and changes nothing.
 *
 * A unit is what is handed over, a frame is what is on the wire: a super-frame of 20 segments
 * counts 1 and 20. The protocol is the innermost that is found behind VLAN tags without reassembly.
 */
#include <errno.h>
#include <stdio.h>

#include <lwf/filter.h>

#define PROTOCOL_LIST(X)        \
	X(ARP, "arp")           \
	X(TCP4, "ipv4-tcp")     \
	X(UDP4, "ipv4-udp")     \
	X(ICMP4, "ipv4-icmp")   \
	X(OTHER4, "ipv4-other") \
	X(TCP6, "ipv6-tcp")     \
	X(UDP6, "ipv6-udp")     \
	X(ICMP6, "ipv6-icmp")   \
	X(OTHER6, "ipv6-other") \
	X(LLC, "llc")           \
	X(OTHER, "other")

enum protocol {
#define X(sym, name) PROTOCOL_##sym,
	PROTOCOL_LIST(X)
#undef X
		PROTOCOLS
};

struct counter {
	uint64_t units, frames, bytes;
};

struct monitor {
	struct counter by_protocol[2][PROTOCOLS]; /* [enum lwf_direction] */
	uint64_t tagged[2];
};

static uint16_t be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static enum protocol of_ip(uint8_t number, bool v6)
{
	switch (number) {
	case 6:
		return v6 ? PROTOCOL_TCP6 : PROTOCOL_TCP4;
	case 17:
		return v6 ? PROTOCOL_UDP6 : PROTOCOL_UDP4;
	case 1:
		return v6 ? PROTOCOL_OTHER6 : PROTOCOL_ICMP4;
	case 58:
		return v6 ? PROTOCOL_ICMP6 : PROTOCOL_OTHER4;
	default:
		return v6 ? PROTOCOL_OTHER6 : PROTOCOL_OTHER4;
	}
}

static enum protocol classify(const struct lwf_frame *frame, bool *tagged)
{
	uint32_t at = 12;
	uint16_t type;

	*tagged = false;
	if (frame->len < LWF_ETHER_HEADER_BYTES)
		return PROTOCOL_OTHER;
	type = be16(frame->data + at);
	while ((type == 0x8100 || type == 0x88a8) && at + 6 <= frame->len) {
		*tagged = true;
		at += LWF_VLAN_TAG_BYTES;
		type = be16(frame->data + at);
	}
	at += 2;
	if (type == 0x0806)
		return PROTOCOL_ARP;
	if (type == 0x0800)
		return at + 20 <= frame->len ? of_ip(frame->data[at + 9], false) : PROTOCOL_OTHER4;
	if (type == 0x86dd)
		return at + 40 <= frame->len ? of_ip(frame->data[at + 6], true) : PROTOCOL_OTHER6;
	return type < 0x600 ? PROTOCOL_LLC : PROTOCOL_OTHER;
}

static void count(struct monitor *me, const struct lwf_batch *batch, enum lwf_direction direction)
{
	for (const struct lwf_frame *frame = batch->head; frame; frame = frame->next) {
		bool tagged;
		struct counter *counter = &me->by_protocol[direction][classify(frame, &tagged)];

		counter->units++;
		counter->frames += lwf_frame_segments(frame);
		counter->bytes += lwf_frame_wire_bytes(frame);
		me->tagged[direction] += tagged;
	}
}

static void monitor_send(struct lwf_module *module, struct lwf_batch *batch)
{
	count(lwf_module_context(module), batch, LWF_DIRECTION_SEND);
	lwf_next_send(module, batch);
}

static void monitor_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	count(lwf_module_context(module), batch, LWF_DIRECTION_RECEIVE);
	lwf_next_receive(module, batch);
}

static lwf_status monitor_attach(struct lwf_module *module, const struct lwf_options *options)
{
	struct monitor *me = lwf_host_alloc(lwf_module_host(module), sizeof(*me));

	(void)options;
	if (!me)
		return LWF_STATUS_RESOURCES;
	lwf_module_set_context(module, me);
	return LWF_STATUS_SUCCESS;
}

static void monitor_detach(struct lwf_module *module)
{
	lwf_host_free(lwf_module_host(module), lwf_module_context(module));
	lwf_module_set_context(module, NULL);
}

static void report_direction(const struct monitor *me, struct lwf_report *report,
			     enum lwf_direction direction)
{
	static const char *const names[] = {
#define X(sym, name) name,
		PROTOCOL_LIST(X)
#undef X
	};
	const char *prefix = direction == LWF_DIRECTION_SEND ? "send" : "receive";
	char name[LWF_NAME_BYTES + 16];

	for (unsigned i = 0; i < PROTOCOLS; i++) {
		const struct counter *counter = &me->by_protocol[direction][i];

		if (!counter->units)
			continue;
		snprintf(name, sizeof(name), "%s-%s-units", prefix, names[i]);
		report->number(report, name, counter->units);
		snprintf(name, sizeof(name), "%s-%s-frames", prefix, names[i]);
		report->number(report, name, counter->frames);
		snprintf(name, sizeof(name), "%s-%s-bytes", prefix, names[i]);
		report->number(report, name, counter->bytes);
	}
	snprintf(name, sizeof(name), "%s-tagged", prefix);
	report->number(report, name, me->tagged[direction]);
}

static int monitor_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	if (what != LWF_CONTROL_REPORT)
		return -ENOTSUP;
	report_direction(lwf_module_context(module), argument, LWF_DIRECTION_SEND);
	report_direction(lwf_module_context(module), argument, LWF_DIRECTION_RECEIVE);
	return 0;
}

const struct lwf_filter_ops lwf_filter_monitor = {
	.name = "monitor",
	.summary = "counts frames by direction and protocol",
	.traits = LWF_FILTER_MONITORS | LWF_FILTER_SUPER_FRAMES,
	.attach = monitor_attach,
	.detach = monitor_detach,
	.send = monitor_send,
	.receive = monitor_receive,
	.control = monitor_control,
};
