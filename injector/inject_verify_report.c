/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_verify_report.c - tells what came to the far end, as a table or as one line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "inject_verify.h"

static const char *const ends[] = {
	[INJECT_VERIFY_LIMIT] = "limit",    [INJECT_VERIFY_TIME] = "time",
	[INJECT_VERIFY_IDLE] = "idle",	    [INJECT_VERIFY_SIGNAL] = "signal",
	[INJECT_VERIFY_GONE] = "interface",
};

/* ---- JSON ---- */

/* JSON's integers are signed here; a seed that is none of them is told as text. */
static json_t *json_seed(uint64_t seed)
{
	char text[24];

	if (seed <= INT64_MAX)
		return json_integer((json_int_t)seed);
	snprintf(text, sizeof(text), "%" PRIu64, seed);
	return json_string(text);
}

static json_t *json_stream(const struct inject_verify_stream *stream)
{
	return json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:{s:I,s:I,s:I,s:I,s:I}}", "seed",
			 json_seed(stream->seed), "received", (json_int_t)stream->received,
			 "highest", (json_int_t)stream->highest, "lost",
			 (json_int_t)inject_verify_lost(stream), "duplicated",
			 (json_int_t)stream->duplicated, "reordered", (json_int_t)stream->reordered,
			 "late", (json_int_t)stream->late, "latency_ns", "min",
			 (json_int_t)stream->min_ns, "p50",
			 (json_int_t)inject_verify_quantile_ns(stream, 500), "p99",
			 (json_int_t)inject_verify_quantile_ns(stream, 990), "max",
			 (json_int_t)stream->max_ns, "negative", (json_int_t)stream->negative);
}

static int print_json(const struct inject_verify_result *result)
{
	const struct inject_verify *verify = &result->verify;
	json_t *streams = json_array();

	for (uint32_t i = 0; i < verify->stream_count; i++)
		json_array_append_new(streams, json_stream(&verify->streams[i]));
	return lwf_cli_json(json_pack(
		"{s:o,s:I,s:I,s:I,s:I,s:I,s:s,s:f}", "streams", streams, "frames",
		(json_int_t)verify->frames, "stamped", (json_int_t)verify->stamped, "damaged",
		(json_int_t)verify->damaged, "crowded", (json_int_t)verify->crowded, "missed",
		(json_int_t)result->missed, "ended", ends[result->end], "seconds",
		(double)result->listened_ns / 1e9));
}

/* ---- the table ---- */

static const char *show_latency(int64_t ns, char *text, size_t bytes)
{
	text[0] = '-';
	lwf_units_show_duration(ns < 0 ? -(uint64_t)ns : (uint64_t)ns, text + 1, bytes - 1);
	return ns < 0 ? text : text + 1;
}

static void print_stream(const struct inject_verify_stream *stream)
{
	const int64_t latencies[] = {stream->min_ns, inject_verify_quantile_ns(stream, 500),
				     inject_verify_quantile_ns(stream, 990), stream->max_ns};
	char text[32];

	printf("%-20" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64, stream->seed,
	       stream->received, inject_verify_lost(stream), stream->duplicated, stream->reordered);
	for (unsigned i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++)
		printf(" %9s", show_latency(latencies[i], text, sizeof(text)));
	putchar('\n');
	if (stream->late)
		printf("%-20s %12" PRIu64 " of the reordered came more than %u numbers late\n", "",
		       stream->late, INJECT_VERIFY_WINDOW);
	if (stream->negative)
		printf("%-20s %12" PRIu64 " came before they were sent: the clocks differ\n", "",
		       stream->negative);
}

static void print_table(const char *name, const struct inject_verify_result *result)
{
	const struct inject_verify *verify = &result->verify;

	printf("%s, %.3f s (%s): %" PRIu64 " stamped of %" PRIu64 " frames\n", name,
	       (double)result->listened_ns / 1e9, ends[result->end], verify->stamped,
	       verify->frames);
	if (verify->stream_count)
		printf("%-20s %12s %10s %10s %10s %9s %9s %9s %9s\n", "seed", "received", "lost",
		       "duplicated", "reordered", "min", "p50", "p99", "max");
	for (uint32_t i = 0; i < verify->stream_count; i++)
		print_stream(&verify->streams[i]);
	if (verify->damaged)
		printf("%-20s %12" PRIu64 " with a mark and no sense behind it\n", "damaged",
		       verify->damaged);
	if (verify->crowded)
		printf("%-20s %12" PRIu64 " of more than %u streams, not counted\n", "crowded",
		       verify->crowded, INJECT_VERIFY_STREAMS_MAX);
}

/* ---- the end ---- */

int inject_verify_report(const struct inject_options *options,
			 const struct inject_verify_result *result)
{
	bool good = inject_verify_is_good(&result->verify);
	int err = 0;

	if (options->json)
		err = print_json(result);
	else
		print_table(options->verify, result);
	if (result->missed)
		lwf_cli_note(INJECT_PROGRAM,
			     "the kernel had no room for %" PRIu64
			     " frames: what they held counts as lost",
			     result->missed);
	/* with a limit it is known how many there are: frames lost behind the highest count, too */
	if (options->limit != UINT64_MAX && result->end != INJECT_VERIFY_LIMIT)
		good = false;
	return lwf_cli_finish(INJECT_PROGRAM, good && !err ? LWF_EXIT_OK : LWF_EXIT_FALSE);
}
