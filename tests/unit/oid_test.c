/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oid_test.c - OIDs on their way: down by clones, answered now, later or never, cancelled, timed,
 * queued; and what a detach waits for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "rig.h"
#include "script.h"
#include "speaker.h"

static struct rig rig;
static uint32_t told_of; /* records that expect_told() has seen */

/* A request from above, and what became of it. */
struct asked {
	struct lwf_oid_request request;
	uint8_t value[LWF_OID_VALUE_BYTES];
	uint32_t completions;
	lwf_status returned;
};

static void on_completed(struct lwf_oid_request *request)
{
	((struct asked *)request->context)->completions++;
}

static lwf_status ask(struct asked *asked, enum lwf_oid_kind kind, uint32_t oid)
{
	asked->request.kind = kind;
	asked->request.oid = oid;
	asked->request.buffer = asked->value;
	asked->request.buffer_bytes =
		kind == LWF_OID_SET ? lwf_oid_info(oid)->bytes : sizeof(asked->value);
	asked->request.context = asked;
	asked->request.completed = on_completed;
	asked->returned = lwf_stack_oid(rig.stack, &asked->request);
	return asked->returned;
}

static uint32_t u32_of(const struct asked *asked)
{
	uint32_t value;

	memcpy(&value, asked->value, sizeof(value));
	return value;
}

static void put_u32(struct asked *asked, uint32_t value)
{
	memcpy(asked->value, &value, sizeof(value));
}

static int fresh(void **state)
{
	(void)state;
	speaker_reset();
	script_reset();
	told_of = 0;
	return 0;
}

static struct lwf_sim_edge_config *lower(void)
{
	return lwf_sim_edge_config(rig.lower);
}

/* ---- answers ---- */

static void test_asked_twice_at_once(void **state)
{
	struct asked a = {0}, b = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), LWF_STATUS_PENDING);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), LWF_STATUS_INVALID_STATE);
	assert_int_equal(ask(&b, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), LWF_STATUS_PENDING);
	assert_int_equal(ask(&b, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), LWF_STATUS_INVALID_STATE);
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(a.completions, 1);
	assert_int_equal(b.completions, 1);
	rig_close(&rig);
}

static void test_every_oid_is_answered(void **state)
{
	char text[160], again[160];

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;script;second");
	for (uint32_t i = 0; lwf_oid_at(i); i++) {
		const struct lwf_oid_info *info = lwf_oid_at(i);
		struct asked query = {0}, set = {0};

		assert_int_equal(ask(&query, LWF_OID_QUERY, info->number), LWF_STATUS_SUCCESS);
		assert_int_equal(query.request.bytes_done, info->bytes);
		assert_ptr_equal(lwf_oid_find(info->name), info);
		assert_ptr_equal(lwf_oid_find(info->word), info);
		assert_ptr_equal(lwf_oid_info(info->number), info);
		lwf_oid_print(info, query.value, text, sizeof(text));
		if (!info->settable) {
			assert_int_equal(lwf_oid_parse(info, text, set.value), -EPERM);
			assert_int_equal(ask(&set, LWF_OID_SET, info->number),
					 LWF_STATUS_NOT_SUPPORTED);
			continue;
		}
		assert_int_equal(lwf_oid_parse(info, text, set.value), 0);
		lwf_oid_print(info, set.value, again, sizeof(again));
		assert_string_equal(text, again);
		assert_int_equal(ask(&set, LWF_OID_SET, info->number), LWF_STATUS_SUCCESS);
		assert_int_equal(query.completions + set.completions, 0);
	}
	assert_int_equal(speaker.asked, second.asked);
	assert_true(speaker.asked > 11);
	rig_close(&rig);
}

static void test_values(void **state)
{
	struct asked a = {0};
	struct lwf_oid_link link;

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_MAXIMUM_FRAME_SIZE), 0);
	assert_int_equal(u32_of(&a), 1500);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_MAXIMUM_TOTAL_SIZE), 0);
	assert_int_equal(u32_of(&a), 1514);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), 0);
	assert_int_equal(u32_of(&a), 100000000); /* 10 Gbit/s in units of 100 bit/s */
	rig.lower->link.speed_mbps = 800000;
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED), 0);
	assert_int_equal(u32_of(&a), UINT32_MAX); /* more than 32 bits can tell */
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_802_3_CURRENT_ADDRESS), 0);
	assert_memory_equal(a.value, rig.lower->link.mac, 6);
	rig_receive(&rig, 60, 1);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_RCV_OK), 0);
	assert_int_equal(a.value[0], 1);
	rig_carrier(&rig, false);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_MEDIA_CONNECT_STATUS), 0);
	assert_int_equal(u32_of(&a), 1);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_STATE), 0);
	memcpy(&link, a.value, sizeof(link));
	assert_int_equal(link.connect_state, 2);
	/* what is not there, what has no room, what makes no sense */
	assert_int_equal(ask(&a, LWF_OID_QUERY, 0x01010103), LWF_STATUS_NOT_SUPPORTED);
	a.request.oid = LWF_OID_GEN_MAXIMUM_FRAME_SIZE;
	a.request.buffer_bytes = 3;
	assert_int_equal(lwf_stack_oid(rig.stack, &a.request), LWF_STATUS_BUFFER_TOO_SHORT);
	assert_int_equal(a.request.bytes_needed, 4);
	put_u32(&a, 10);
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_GEN_MAXIMUM_FRAME_SIZE),
			 LWF_STATUS_INVALID_DATA);
	memcpy(a.value, "\x01\0\0\0\0\1", 6); /* a group is no address of an adapter */
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_802_3_CURRENT_ADDRESS),
			 LWF_STATUS_INVALID_DATA);
	a.request.buffer_bytes = 5;
	assert_int_equal(lwf_stack_oid(rig.stack, &a.request), LWF_STATUS_INVALID_LENGTH);
	rig_close(&rig);
}

static void test_text(void **state)
{
	const struct lwf_oid_info *filter = lwf_oid_find("packet-filter");
	const struct lwf_oid_info *mac = lwf_oid_find("mac"), *mtu = lwf_oid_find("mtu");
	uint8_t value[LWF_OID_VALUE_BYTES];
	char text[80];

	(void)state;
	assert_int_equal(lwf_oid_parse(filter, "Directed,broadcast", value), 0);
	lwf_oid_print(filter, value, text, sizeof(text));
	assert_string_equal(text, "directed,broadcast");
	assert_int_equal(lwf_oid_parse(filter, "none", value), 0);
	lwf_oid_print(filter, value, text, sizeof(text));
	assert_string_equal(text, "none");
	assert_int_equal(lwf_oid_parse(filter, "0x20", value), 0);
	assert_int_equal(value[0], LWF_PACKET_TYPE_PROMISCUOUS);
	assert_int_equal(lwf_oid_parse(filter, "directed,", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(filter, "", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mac, "02:00:00:00:00:0A", value), 0);
	assert_memory_equal(value, "\2\0\0\0\0\x0a", 6);
	assert_int_equal(lwf_oid_parse(mac, "02:00:00:00:00", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mac, "02:00:00:00:00:0", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mac, "02:00:00:00:00:01:", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mtu, "1400", value), 0);
	assert_int_equal(lwf_oid_parse(mtu, "-1", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mtu, "4294967296", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(mtu, "", value), -EINVAL);
	assert_int_equal(lwf_oid_parse(lwf_oid_find("media"), "0", value), -EPERM);
	assert_ptr_equal(lwf_oid_find("gen_link_speed"), lwf_oid_find("OID_GEN_LINK_SPEED"));
	assert_null(lwf_oid_find("oid"));
	assert_string_equal(lwf_oid_name(0x01010102), "OID_802_3_CURRENT_ADDRESS");
}

/* The next record about OIDs, behind those that were looked at. */
static void expect_told(const char *event, const char *module, const char *text, uint64_t latency)
{
	while (rig.records[told_of].kind != LWF_TRACE_OID)
		assert_true(++told_of < rig.record_count);
	assert_string_equal(rig.records[told_of].event, event);
	assert_string_equal(rig.records[told_of].module_name, module);
	assert_non_null(strstr(rig.records[told_of].text, text));
	assert_int_equal(rig.records[told_of].latency_ns, latency);
	told_of++;
}

static void test_a_set_pends_and_acts(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_delay_ns = 5 * RIG_MS;
	put_u32(&a, 1400);
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_GEN_MAXIMUM_FRAME_SIZE), LWF_STATUS_PENDING);
	rig_run(&rig, 4);
	assert_int_equal(a.completions, 0);
	rig_run(&rig, 2);
	assert_int_equal(a.completions, 1);
	assert_int_equal(a.request.status, LWF_STATUS_SUCCESS);
	assert_int_equal(a.request.bytes_done, 4);
	assert_int_equal(rig.lower->link.mtu_bytes, 1400);
	assert_int_equal(rig.upper->link.mtu_bytes, 1400); /* mirrored, as any change of the link */
	expect_told("asked", "", "at speaker", 0);
	expect_told("given", "speaker", "OID_GEN_MAXIMUM_FRAME_SIZE set at speaker", 0);
	expect_told("asked", "speaker", "at low0", 0);
	expect_told("given", "", "at low0", 0);
	expect_told("answered", "speaker", "at low0", 5 * RIG_MS);
	expect_told("answered", "", "at speaker", 5 * RIG_MS);
	rig_close(&rig);
}

static void test_packet_filter_acts(void **state)
{
	struct asked a = {0};
	uint8_t frame[60];

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;script");
	memset(frame, 0, sizeof(frame));
	memcpy(frame, "\2\0\0\0\0\x33", 6); /* somebody else's */
	assert_int_equal(lwf_sim_edge_inject(rig.lower, frame, sizeof(frame)), 0);
	assert_int_equal(rig.upper_handed, 1);
	put_u32(&a, LWF_PACKET_TYPE_DIRECTED | LWF_PACKET_TYPE_BROADCAST);
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_GEN_CURRENT_PACKET_FILTER), 0);
	assert_int_equal(lwf_sim_edge_inject(rig.lower, frame, sizeof(frame)), 0);
	assert_int_equal(rig.upper_handed, 1);
	assert_int_equal(rig.lower->counters.drops[LWF_REASON_PACKET_FILTER], 1);
	assert_int_equal(speaker.statuses, 1); /* it is news for the modules */
	assert_int_equal(speaker.last_status, LWF_INDICATION_PACKET_FILTER);
	assert_true(rig_told(&rig, LWF_TRACE_STATUS, "packet-filter"));
	frame[0] = 3; /* a group */
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame));
	assert_int_equal(rig.upper_handed, 1);
	memset(frame, 0xff, 6);
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame));
	memcpy(frame, rig.lower->link.mac, 6);
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame));
	assert_int_equal(rig.upper_handed, 3);
	put_u32(&a, LWF_PACKET_TYPE_ALL_MULTICAST);
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_GEN_CURRENT_PACKET_FILTER), 0);
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame)); /* its own address */
	memset(frame, 0xff, 6);
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame));
	assert_int_equal(rig.upper_handed, 3);
	frame[5] = 0; /* a group */
	lwf_sim_edge_inject(rig.lower, frame, sizeof(frame));
	assert_int_equal(rig.upper_handed, 4);
	put_u32(&a, 0x40); /* no type that there is */
	assert_int_equal(ask(&a, LWF_OID_SET, LWF_OID_GEN_CURRENT_PACKET_FILTER),
			 LWF_STATUS_NOT_SUPPORTED);
	rig_close(&rig);
}

/* ---- one at a time ---- */

static void test_further_ones_queue(void **state)
{
	struct asked a[LWF_OID_QUEUE_MAX + 2];

	(void)state;
	memset(a, 0, sizeof(a));
	rig_open(&rig, speaker_filters, "speaker;second");
	speaker.keep = true;
	for (uint32_t i = 0; i < LWF_OID_QUEUE_MAX + 1; i++)
		assert_int_equal(ask(&a[i], LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK),
				 LWF_STATUS_PENDING);
	assert_int_equal(ask(&a[LWF_OID_QUEUE_MAX + 1], LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK),
			 LWF_STATUS_RESOURCES);
	assert_int_equal(speaker.asked, 1);
	speaker_go_on(&speaker);
	assert_int_equal(a[0].completions, 1);
	assert_int_equal(speaker.asked, 2); /* the next, and no more */
	speaker.keep = false;
	speaker_go_on(&speaker);
	for (uint32_t i = 0; i < LWF_OID_QUEUE_MAX + 1; i++) {
		assert_int_equal(a[i].completions, 1);
		assert_int_equal(a[i].request.status, LWF_STATUS_SUCCESS);
	}
	assert_int_equal(a[LWF_OID_QUEUE_MAX + 1].completions, 0);
	assert_int_equal(second.asked, LWF_OID_QUEUE_MAX + 1);
	rig_close(&rig);
}

static void complete_inside(struct lwf_module *module, struct lwf_oid_request *request)
{
	lwf_oid_complete(module, request, LWF_STATUS_NOT_SUPPORTED);
}

static void test_completed_before_pending_is_returned(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	speaker.in_oid = complete_inside;
	speaker.answer_now = true;
	speaker.answer = LWF_STATUS_PENDING;
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_PENDING);
	assert_int_equal(a.completions, 1);
	assert_int_equal(a.request.status, LWF_STATUS_NOT_SUPPORTED);
	rig_close(&rig);
}

static void test_own_requests(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;second");
	assert_int_equal(speaker_ask(&speaker, LWF_OID_GEN_MAXIMUM_FRAME_SIZE, 0),
			 LWF_STATUS_SUCCESS);
	assert_int_equal(speaker.completed, 0); /* the answer was returned */
	assert_int_equal(second.asked, 1);
	/* own and cloned ones stand in one queue before the edge */
	lower()->oid_never = true;
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_PENDING);
	assert_int_equal(speaker_ask(&second, LWF_OID_GEN_MAXIMUM_FRAME_SIZE, 1300),
			 LWF_STATUS_PENDING);
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(a.completions, 1);
	assert_int_equal(second.completed, 1); /* the clone; its own one is with the edge now */
	assert_true(lwf_sim_edge_release_oid(rig.lower));
	assert_int_equal(second.completed, 2);
	assert_int_equal(rig.lower->link.mtu_bytes, 1300);
	rig_close(&rig);
}

/* ---- where they are refused ---- */

static void test_without_an_adapter(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_ADAPTER_NOT_READY);
	rig_remove(&rig);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_ADAPTER_REMOVED);
	rig_return(&rig);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_SUCCESS);
	rig_close(&rig);
}

static void test_surprise_removal_answers(void **state)
{
	struct asked a = {0}, b = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	ask(&b, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	rig_remove(&rig);
	rig_run(&rig, 5);
	assert_int_equal(a.request.status, LWF_STATUS_ADAPTER_REMOVED);
	lower()->oid_never = false; /* the one that waited was asked of a device that is gone */
	rig_run(&rig, 5);
	assert_int_equal(b.request.status, LWF_STATUS_ADAPTER_REMOVED);
	assert_int_equal(a.completions + b.completions, 2);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	rig_close(&rig);
}

static void test_without_memory(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lwf_sim_host_fail_nth(rig.host, 1);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_RESOURCES);
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_SUCCESS);
	rig_close(&rig);
}

/* ---- cancelling and time ---- */

static void test_cancel_at_the_edge(void **state)
{
	struct asked a = {.request.request_id = 7}, b = {.request.request_id = 8};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;second");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	ask(&b, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	lwf_stack_cancel_oid(rig.stack, 9); /* nobody's */
	lwf_stack_cancel_oid(rig.stack, 8); /* still in the queue */
	assert_int_equal(b.completions, 1);
	assert_int_equal(b.request.status, LWF_STATUS_REQUEST_ABORTED);
	assert_int_equal(speaker.cancels, 0);
	lwf_stack_cancel_oid(rig.stack, 7); /* through both modules to the edge */
	assert_int_equal(speaker.cancels, 1);
	assert_int_equal(second.cancels, 1);
	assert_int_equal(a.completions, 1);
	assert_int_equal(a.request.status, LWF_STATUS_REQUEST_ABORTED);
	assert_false(lwf_sim_edge_release_oid(rig.lower));
	rig_close(&rig);
}

static void test_timeout_cancels(void **state)
{
	struct asked a = {.request.timeout_ns = 50 * RIG_MS}, b = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	ask(&b, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	rig_run(&rig, 49);
	assert_int_equal(a.completions, 0);
	rig_run(&rig, 2);
	assert_int_equal(a.completions, 1); /* by way of the module that had a clone of it out */
	assert_int_equal(a.request.status, LWF_STATUS_REQUEST_ABORTED);
	assert_int_equal(speaker.cancels, 1);
	assert_int_equal(b.completions, 0);
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	assert_int_equal(b.completions, 1);
	assert_int_equal(b.request.status, LWF_STATUS_SUCCESS);
	rig_close(&rig);
}

static const struct lwf_trace_record *watchdog_record(void)
{
	for (uint32_t i = 0; i < rig.record_count; i++)
		if (rig.records[i].kind == LWF_TRACE_WATCHDOG &&
		    !strcmp(rig.records[i].event, "oid"))
			return &rig.records[i];
	return NULL;
}

static void test_twelve_seconds_are_reported(void **state)
{
	struct asked a = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_LINK_SPEED);
	rig_run(&rig, 11999);
	assert_null(watchdog_record());
	rig_run(&rig, 2);
	assert_non_null(watchdog_record());
	assert_non_null(
		strstr(watchdog_record()->text, "OID_GEN_LINK_SPEED of s0 at speaker, 12000"));
	lower()->oid_never = false;
	rig_run(&rig, 2);
	assert_int_equal(a.completions, 1);
	rig_close(&rig);
}

/* ---- before a detach ---- */

static void ask_for_mtu(struct lwf_module *module)
{
	(void)module;
	assert_int_equal(speaker_ask(&speaker, LWF_OID_GEN_MAXIMUM_FRAME_SIZE, 1234),
			 LWF_STATUS_PENDING);
	lwf_indicate_status(speaker.module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
}

static void test_pre_detach_is_the_last_chance(void **state)
{
	struct lwf_oid_request late = {.oid = LWF_OID_GEN_XMIT_OK};

	(void)state;
	rig_open(&rig, speaker_filters, "second;speaker");
	lower()->oid_delay_ns = 5 * RIG_MS;
	speaker.in_pre_detach = ask_for_mtu;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(speaker.pre_detaches, 1);
	assert_int_equal(second.detaches, 1); /* from the top down */
	assert_int_equal(speaker.detaches, 0);
	assert_int_equal(rig_state(&rig, "speaker"), LWF_STATE_PAUSED);
	assert_false(lwf_stack_settled(rig.stack));
	assert_int_equal(lwf_next_oid(speaker.module, &late), LWF_STATUS_INVALID_STATE);
	rig_run(&rig, 10);
	assert_int_equal(rig.lower->link.mtu_bytes, 1234);
	assert_int_equal(speaker.completed, 1);
	assert_int_equal(speaker.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	assert_true(rig_told(&rig, LWF_TRACE_MODULE, "pre-detach"));
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	lower()->oid_delay_ns = 0;
	speaker.in_pre_detach = NULL;
	assert_int_equal(speaker_ask(&second, LWF_OID_GEN_XMIT_OK, 0), LWF_STATUS_SUCCESS);
	rig_close(&rig);
}

static void test_once_told_it_is_detached(void **state)
{
	uint64_t epoch;

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;second");
	epoch = lwf_stack_epoch(rig.stack);
	lower()->oid_never = true;
	speaker_ask(&second, LWF_OID_GEN_XMIT_OK, 0);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(second.pre_detaches, 1);
	assert_int_equal(second.detaches, 0);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH); /* a change of mind comes too late */
	rig_run(&rig, 5);
	assert_int_equal(second.detaches, 0);
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(second.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	assert_int_equal(lwf_stack_epoch(rig.stack), epoch);
	rig_close(&rig);
}

/* What waited before a module when it was told of its detach is handed on, not refused. */
static void test_what_waits_is_answered_before_the_detach(void **state)
{
	struct asked a = {0}, b = {0};

	(void)state;
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	assert_int_equal(ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK), LWF_STATUS_PENDING);
	assert_int_equal(ask(&b, LWF_OID_QUERY, LWF_OID_GEN_RCV_OK), LWF_STATUS_PENDING);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(speaker.pre_detaches, 1);
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	assert_int_equal(a.request.status, LWF_STATUS_SUCCESS);
	assert_int_equal(b.completions, 1);
	assert_int_equal(b.request.status, LWF_STATUS_SUCCESS);
	assert_int_equal(speaker.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	rig_close(&rig);
}

static void test_removal_waits_too(void **state)
{
	(void)state;
	rig_open(&rig, speaker_filters, "second;speaker");
	lower()->oid_never = true;
	speaker_ask(&speaker, LWF_OID_GEN_XMIT_OK, 0);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "speaker")), 0);
	rig_run(&rig, 5);
	assert_int_equal(speaker.pre_detaches, 1);
	assert_int_equal(speaker.detaches, 0);
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(speaker.detaches, 1);
	assert_null(lwf_stack_module(rig.stack, "speaker"));
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_RUNNING);
	rig_close(&rig);
}

/* The device is gone; a module waits for its OID, and inject below it lives on, Paused. */
static void ask_the_link_speed(struct lwf_module *module)
{
	(void)module;
	speaker_ask(&speaker, LWF_OID_GEN_LINK_SPEED, 0);
}

static void test_a_client_hears_of_the_removal_while_it_waits(void **state)
{
	static struct client client;

	(void)state;
	rig_open(&rig, speaker_filters, "second;speaker;inject");
	client_open(&rig, &client);
	lower()->oid_delay_ns = 5 * RIG_MS;
	speaker.in_pre_detach = ask_the_link_speed;
	rig_remove(&rig);
	assert_int_equal(second.detaches, 1);
	assert_int_equal(rig_state(&rig, "inject"), LWF_STATE_PAUSED);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_ADAPTER_REMOVED);
	rig_run(&rig, 10);
	assert_int_equal(speaker.detaches, 1);
	client_send(&client, 1);
	assert_int_equal(client_last(&client), LWF_STATUS_ADAPTER_REMOVED);
	client_close(&client);
	rig_close(&rig);
}

/* R12: an OID that completes in Paused, against the detach that frees its asker. */
static void hold_detach(struct lwf_module *module)
{
	(void)module;
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	assert_int_equal(speaker.detaches, 0); /* not under the feet of the one who asks for it */
}

static void test_R12_oid_completes_in_paused_against_detach(void **state)
{
	struct asked a = {0};
	char text[160];

	(void)state;
	/* the detach comes first, and waits */
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	assert_int_equal(rig_state(&rig, "speaker"), LWF_STATE_PAUSED);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 2000);
	assert_int_equal(rig_state(&rig, "speaker"), LWF_STATE_PAUSED);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	lwf_stack_waiting(rig.stack, text, sizeof(text));
	assert_non_null(strstr(text, "OID_GEN_XMIT_OK of s0 at speaker"));
	lower()->oid_never = false;
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	assert_int_equal(speaker.detaches, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_DETACHED);
	rig_close(&rig);
	/* a module keeps what it was given, until it is told that its detach comes */
	speaker_reset();
	memset(&a, 0, sizeof(a));
	rig_open(&rig, speaker_filters, "speaker");
	speaker.keep = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 5);
	assert_int_equal(speaker.pre_detaches, 1);
	assert_int_equal(speaker.detaches, 0);
	speaker_complete(&speaker, LWF_STATUS_NOT_SUPPORTED);
	rig_run(&rig, 5);
	assert_int_equal(a.completions, 1);
	assert_int_equal(speaker.detaches, 1);
	rig_close(&rig);
	/* the detach is asked for inside the completion */
	speaker_reset();
	memset(&a, 0, sizeof(a));
	rig_open(&rig, speaker_filters, "speaker");
	lower()->oid_never = true;
	ask(&a, LWF_OID_QUERY, LWF_OID_GEN_XMIT_OK);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	speaker.in_complete = hold_detach;
	lwf_sim_edge_release_oid(rig.lower);
	assert_int_equal(a.completions, 1);
	rig_run(&rig, 5);
	assert_int_equal(speaker.detaches, 1);
	rig_close(&rig);
}

/* ---- indications ---- */

static void test_indications_go_up(void **state)
{
	struct lwf_link link;

	(void)state;
	rig_open(&rig, speaker_filters, "speaker;script;second");
	lwf_indicate_status(second.module, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION, NULL);
	assert_int_equal(speaker.statuses, 1);
	assert_int_equal(speaker.last_status, LWF_INDICATION_MEDIA_SPECIFIC_INDICATION);
	assert_int_equal(script.statuses, 1);
	assert_int_equal(second.statuses, 0); /* not the one who told it */
	assert_true(rig_told(&rig, LWF_TRACE_STATUS, "media-specific"));
	link = lwf_stack_link(rig.stack);
	link.carrier = false;
	lwf_indicate_status(second.module, LWF_INDICATION_LINK_STATE, &link);
	assert_false(speaker.last_carrier);
	assert_false(rig.upper->link.carrier);
	assert_true(rig.lower->link.carrier);
	rig_carrier(&rig, true);
	assert_true(rig.upper->link.carrier);
	rig_close(&rig);
}

/* ---- registration ---- */

static lwf_status answer_oid(struct lwf_module *module, struct lwf_oid_request *request)
{
	(void)module;
	(void)request;
	return LWF_STATUS_NOT_SUPPORTED;
}

static void hear_oid(struct lwf_module *module, struct lwf_oid_request *request, lwf_status status)
{
	(void)module;
	(void)request;
	(void)status;
}

static void hear_cancel(struct lwf_module *module, uint64_t id)
{
	(void)module;
	(void)id;
}

static void test_oid_needs_oid_complete(void **state)
{
	struct lwf_filter_ops half = {.name = "half", .summary = "-", .oid = answer_oid};
	struct lwf_filter_ops other = {.name = "other", .summary = "-", .oid_complete = hear_oid};
	struct lwf_filter_ops cancels = {.name = "c", .summary = "-", .cancel_oid = hear_cancel};
	struct lwf_filter_ops whole = {.name = "whole",
				       .summary = "-",
				       .oid = answer_oid,
				       .oid_complete = hear_oid,
				       .cancel_oid = hear_cancel};

	(void)state;
	rig_open(&rig, NULL, "");
	assert_int_equal(lwf_engine_register(rig.engine, &half), -EINVAL);
	assert_int_equal(lwf_engine_register(rig.engine, &other), -EINVAL);
	assert_int_equal(lwf_engine_register(rig.engine, &cancels), -EINVAL);
	assert_int_equal(lwf_engine_register(rig.engine, &whole), 0);
	rig_close(&rig);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asked_twice_at_once),
		TEST(every_oid_is_answered),
		TEST(values),
		TEST(text),
		TEST(a_set_pends_and_acts),
		TEST(packet_filter_acts),
		TEST(further_ones_queue),
		TEST(completed_before_pending_is_returned),
		TEST(own_requests),
		TEST(without_an_adapter),
		TEST(surprise_removal_answers),
		TEST(without_memory),
		TEST(cancel_at_the_edge),
		TEST(timeout_cancels),
		TEST(twelve_seconds_are_reported),
		TEST(pre_detach_is_the_last_chance),
		TEST(what_waits_is_answered_before_the_detach),
		TEST(a_client_hears_of_the_removal_while_it_waits),
		TEST(once_told_it_is_detached),
		TEST(removal_waits_too),
		TEST(R12_oid_completes_in_paused_against_detach),
		TEST(indications_go_up),
		TEST(oid_needs_oid_complete),
	};

	return cmocka_run_group_tests_name("oid", tests, NULL, NULL);
}
