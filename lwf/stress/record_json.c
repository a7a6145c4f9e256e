/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_json.c - a record as NDJSON, and back.
 *
 * One object a line, each with "kind". The first line is the run, the last one "end" with verdict
 * and counts; a file without it was cut short and is refused. Times are ns, the digest is hexadecimal
 * text since JSON's numbers have no 64 bits.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "text.h"
#include "wire.h"

/* ---- writing ---- */

/* Takes @object. */
static int put(FILE *out, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int err = 0;

	if (!text)
		err = -ENOMEM;
	else if (fprintf(out, "%s\n", text) < 0)
		err = -EIO;
	free(text);
	json_decref(object);
	return err;
}

static json_int_t number(uint64_t value)
{
	return (json_int_t)value;
}

static int put_run(const struct stress_record *record, FILE *out)
{
	return put(out, json_pack("{s:i,s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:I,s:I}", "schema", 1, "kind",
				  "run", "scenario", stress_text_json(record->scenario), "file",
				  stress_text_json(record->file), "world", record->world, "version",
				  record->version, "command", stress_text_json(record->command),
				  "replay", stress_text_json(record->replay), "seed",
				  number(record->seed), "began_ns", number(record->began_ns)));
}

static int put_event(const struct stress_record *record, const struct stress_event *event,
		     FILE *out)
{
	json_t *line = json_pack("{s:s,s:I}", "kind",
				 stress_event_kind_name((enum stress_event_kind)event->kind), "t",
				 number(event->time_ns));

	if (line && event->lane != STRESS_NO_LANE)
		json_object_set_new(line, "lane", json_integer(event->lane));
	if (line && event->kind == STRESS_EVENT_STATE) {
		json_object_set_new(line, "before",
				    json_string(lwf_state_name((enum lwf_state)event->before)));
		json_object_set_new(line, "after",
				    json_string(lwf_state_name((enum lwf_state)event->after)));
	}
	if (line && event->value)
		json_object_set_new(line, "value", json_integer(number(event->value)));
	if (line && event->text)
		json_object_set_new(line, "text",
				    stress_text_json(stress_record_text(record, event->text)));
	if (line && event->line)
		json_object_set_new(line, "line", json_integer(event->line));
	if (line && event->flag)
		json_object_set_new(line, "flag", json_true());
	return put(out, line);
}

static json_t *columns(const uint64_t *column)
{
	json_t *object = json_object();

	for (unsigned i = 0; object && i < LWF_ANSWERS; i++)
		if (column[i])
			json_object_set_new(object,
					    lwf_status_name(lwf_answer_status((enum lwf_answer)i)),
					    json_integer(number(column[i])));
	return object;
}

static int put_account(const struct stress_account *account, FILE *out)
{
	const struct lwf_ledger *ledger = &account->ledger;

	return put(out,
		   json_pack("{s:s,s:s,s:s,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "kind",
			     "account", "name", account->name, "of", account->kind, "submitted",
			     number(ledger->submitted), "completed", columns(ledger->completed),
			     "refused", columns(ledger->refused), "outstanding",
			     number(lwf_ledger_outstanding(ledger)), "sent", number(ledger->sent),
			     "indicated", number(ledger->indicated), "frames",
			     number(ledger->frames), "bytes", number(ledger->bytes), "lost",
			     number(account->lost), "doubled", number(account->doubled)));
}

static int put_histogram(const struct stress_histogram *histogram, FILE *out)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; buckets && i < STRESS_BUCKETS; i++)
		json_array_append_new(buckets, json_integer(number(histogram->bucket[i])));
	return put(out, json_pack("{s:s,s:I,s:I,s:I,s:I,s:o}", "kind", "pauses", "count",
				  number(histogram->count), "sum_ns", number(histogram->sum_ns),
				  "min_ns", number(histogram->min_ns), "max_ns",
				  number(histogram->max_ns), "buckets", buckets));
}

static void put_failure(json_t *line, const struct stress_failure *failure)
{
	json_object_set_new(line, "expected", stress_text_json(failure->expected));
	json_object_set_new(line, "found", stress_text_json(failure->found));
	json_object_set_new(line, "at_file", stress_text_json(failure->file));
	json_object_set_new(line, "at_line", json_integer(number(failure->line)));
	json_object_set_new(line, "at_column", json_integer(number(failure->column)));
	json_object_set_new(line, "at_ns", json_integer(number(failure->time_ns)));
}

static int put_case(const struct stress_case *one, FILE *out)
{
	char digest[24];
	json_t *line;

	snprintf(digest, sizeof(digest), "%016" PRIx64, one->digest);
	line = json_pack("{s:s,s:o,s:o,s:s,s:I,s:s,s:s*,s:I}", "kind", "case", "scenario",
			 stress_text_json(one->scenario), "file", stress_text_json(one->file),
			 "world", one->world, "seed", number(one->seed), "verdict",
			 stress_verdict_name(one->verdict), "digest",
			 strcmp(one->world, "sim") == 0 ? digest : NULL, "took_ns",
			 number(one->took_ns));
	if (line && one->failure) {
		put_failure(line, one->failure);
		json_object_set_new(line, "replay", stress_text_json(one->replay));
	}
	return put(out, line);
}

static int put_end(const struct stress_record *record, FILE *out)
{
	const struct stress_failure *failure = &record->failure;
	char digest[24];

	snprintf(digest, sizeof(digest), "%016" PRIx64, record->digest);
	return put(out,
		   json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:s*,s:I,s:I,s:I,s:I,s:I,s:I,s:I,"
			     "s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
			     "kind", "end", "verdict", stress_verdict_name(record->verdict),
			     "expected", stress_text_json(failure->expected), "found",
			     stress_text_json(failure->found), "at_file",
			     stress_text_json(failure->file), "at_line", number(failure->line),
			     "at_column", number(failure->column), "at_ns",
			     number(failure->time_ns), "digest",
			     stress_record_has_digest(record) ? digest : NULL, "ran_ns",
			     number(record->ran_ns), "took_ns", number(record->took_ns), "runs",
			     number(record->runs), "failed_runs", number(record->failed_runs),
			     "faults", number(record->faults), "flaps", number(record->flaps),
			     "expectations", number(record->expectations), "rounds",
			     number(record->rounds), "transitions", number(record->transitions),
			     "pauses", number(record->pauses), "pended", number(record->pended),
			     "frames", number(record->frames), "rules_broken",
			     number(record->rules_broken), "skipped", number(record->skipped)));
}

int stress_record_write(const struct stress_record *record, FILE *out)
{
	int err = put_run(record, out);

	for (uint32_t i = 0; !err && i < record->lanes; i++)
		err = put(out,
			  json_pack("{s:s,s:I,s:s,s:s}", "kind", "lane", "lane", number(i), "stack",
				    record->lane[i].stack, "module", record->lane[i].module));
	for (uint32_t i = 0; !err && i < record->events; i++)
		err = put_event(record, &record->event[i], out);
	for (uint32_t i = 0; !err && i < record->accounts; i++)
		err = put_account(&record->account[i], out);
	for (uint32_t i = 0; !err && i < record->witnesses; i++)
		err = put(out, json_pack("{s:s,s:s,s:I,s:I}", "kind", "witness", "name",
					 record->witness[i].name, "inside",
					 (json_int_t)record->witness[i].inside, "outside",
					 (json_int_t)record->witness[i].outside));
	for (uint32_t i = 0; !err && record->cases && i < stress_record_cases(record); i++) {
		struct stress_case one = stress_record_case(record, i);

		err = put_case(&one, out);
	}
	if (!err)
		err = put_histogram(&record->pause, out);
	if (!err)
		err = put_end(record, out);
	if (!err && fflush(out) != 0)
		err = -EIO;
	return err;
}

/* ---- reading: what is missing is 0, what has another type is 0 ---- */

static uint64_t get(const json_t *line, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(line, key));
}

static void get_text(const json_t *line, const char *key, char *text, size_t bytes)
{
	const char *value = json_string_value(json_object_get(line, key));

	snprintf(text, bytes, "%s", value ? value : "");
}

static bool read_run(struct stress_record *record, const json_t *line)
{
	if (get(line, "schema") != 1)
		return false;
	get_text(line, "scenario", record->scenario, sizeof(record->scenario));
	get_text(line, "file", record->file, sizeof(record->file));
	get_text(line, "world", record->world, sizeof(record->world));
	get_text(line, "version", record->version, sizeof(record->version));
	get_text(line, "command", record->command, sizeof(record->command));
	get_text(line, "replay", record->replay, sizeof(record->replay));
	record->seed = get(line, "seed");
	record->began_ns = get(line, "began_ns");
	return true;
}

static bool read_lane(struct stress_record *record, const json_t *line)
{
	struct stress_lane lane;
	uint64_t index = get(line, "lane");

	get_text(line, "stack", lane.stack, sizeof(lane.stack));
	get_text(line, "module", lane.module, sizeof(lane.module));
	return stress_record_lane(record, lane.stack, lane.module) == index &&
	       index < STRESS_LANES_MAX;
}

static bool read_state(const json_t *line, const char *key, uint8_t *to)
{
	const char *name = json_string_value(json_object_get(line, key));
	enum lwf_state state = LWF_STATE_DETACHED;

	if (name && !lwf_state_parse(name, &state))
		return false;
	*to = (uint8_t)state;
	return true;
}

static bool read_event(struct stress_record *record, const json_t *line, unsigned kind)
{
	const json_t *lane = json_object_get(line, "lane");
	const char *text = json_string_value(json_object_get(line, "text"));
	struct stress_event event = {
		.time_ns = get(line, "t"),
		.value = get(line, "value"),
		.line = (uint32_t)get(line, "line"),
		.kind = (uint8_t)kind,
		.lane = STRESS_NO_LANE,
		.flag = json_is_true(json_object_get(line, "flag")),
	};

	if (lane) {
		uint64_t index = get(line, "lane");

		if (index >= record->lanes)
			return false;
		event.lane = (uint8_t)index;
	}
	if (!read_state(line, "before", &event.before) || !read_state(line, "after", &event.after))
		return false;
	event.text = text ? stress_record_intern(record, text) : 0;
	stress_record_add(record, &event);
	return true;
}

static void read_columns(const json_t *object, uint64_t *column)
{
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		column[i] = get(object, lwf_status_name(lwf_answer_status((enum lwf_answer)i)));
}

static bool read_account(struct stress_record *record, const json_t *line)
{
	struct stress_account *account = &record->account[record->accounts];

	if (record->accounts == STRESS_LEDGERS_MAX)
		return false;
	record->accounts++;
	get_text(line, "name", account->name, sizeof(account->name));
	get_text(line, "of", account->kind, sizeof(account->kind));
	account->ledger.submitted = get(line, "submitted");
	read_columns(json_object_get(line, "completed"), account->ledger.completed);
	read_columns(json_object_get(line, "refused"), account->ledger.refused);
	account->ledger.sent = get(line, "sent");
	account->ledger.indicated = get(line, "indicated");
	account->ledger.frames = get(line, "frames");
	account->ledger.bytes = get(line, "bytes");
	account->lost = get(line, "lost");
	account->doubled = get(line, "doubled");
	return true;
}

static bool read_witness(struct stress_record *record, const json_t *line)
{
	struct stress_witness *witness = &record->witness[record->witnesses];

	if (record->witnesses == STRESS_WITNESSES_MAX)
		return false;
	record->witnesses++;
	get_text(line, "name", witness->name, sizeof(witness->name));
	witness->inside = (int64_t)get(line, "inside");
	witness->outside = (int64_t)get(line, "outside");
	return true;
}

static bool read_histogram(struct stress_record *record, const json_t *line)
{
	const json_t *buckets = json_object_get(line, "buckets");
	uint64_t sum = 0;

	if (json_array_size(buckets) != STRESS_BUCKETS)
		return false;
	record->pause.count = get(line, "count");
	record->pause.sum_ns = get(line, "sum_ns");
	record->pause.min_ns = get(line, "min_ns");
	record->pause.max_ns = get(line, "max_ns");
	for (unsigned i = 0; i < STRESS_BUCKETS; i++) {
		record->pause.bucket[i] = (uint64_t)json_integer_value(json_array_get(buckets, i));
		sum += record->pause.bucket[i];
	}
	return sum == record->pause.count;
}

static bool read_verdict(const json_t *line, enum stress_verdict *verdict)
{
	const char *name = json_string_value(json_object_get(line, "verdict"));

	for (int i = STRESS_PASSED; name && i <= STRESS_BROKEN; i++) {
		if (strcmp(name, stress_verdict_name((enum stress_verdict)i)) != 0)
			continue;
		*verdict = (enum stress_verdict)i;
		return true;
	}
	return false;
}

static void read_failure(const json_t *line, struct stress_failure *failure)
{
	get_text(line, "expected", failure->expected, sizeof(failure->expected));
	get_text(line, "found", failure->found, sizeof(failure->found));
	get_text(line, "at_file", failure->file, sizeof(failure->file));
	failure->line = (uint32_t)get(line, "at_line");
	failure->column = (uint32_t)get(line, "at_column");
	failure->time_ns = get(line, "at_ns");
}

static uint64_t read_digest(const json_t *line)
{
	char digest[24];

	get_text(line, "digest", digest, sizeof(digest));
	return strtoull(digest, NULL, 16);
}

static bool read_case(struct stress_record *record, const json_t *line)
{
	char scenario[STRESS_TEXT_BYTES], file[STRESS_PATH_BYTES], replay[STRESS_COMMAND_BYTES];
	char world[sizeof(record->world)];
	struct stress_failure failure;
	struct stress_case one = {
		.scenario = scenario,
		.file = file,
		.world = world,
		.seed = get(line, "seed"),
		.digest = read_digest(line),
		.took_ns = get(line, "took_ns"),
	};

	get_text(line, "scenario", scenario, sizeof(scenario));
	get_text(line, "file", file, sizeof(file));
	get_text(line, "world", world, sizeof(world));
	if (!read_verdict(line, &one.verdict))
		return false;
	if (one.verdict != STRESS_PASSED) {
		read_failure(line, &failure);
		get_text(line, "replay", replay, sizeof(replay));
		one.failure = &failure;
		one.replay = replay;
	}
	stress_record_add_case(record, &one);
	return true;
}

static bool read_end(struct stress_record *record, const json_t *line)
{
	read_failure(line, &record->failure);
	record->digest = read_digest(line);
	record->ran_ns = get(line, "ran_ns");
	record->took_ns = get(line, "took_ns");
	record->runs = (uint32_t)get(line, "runs");
	record->failed_runs = (uint32_t)get(line, "failed_runs");
	record->faults = get(line, "faults");
	record->flaps = get(line, "flaps");
	record->expectations = get(line, "expectations");
	record->rounds = get(line, "rounds");
	record->transitions = get(line, "transitions");
	record->pauses = get(line, "pauses");
	record->pended = get(line, "pended");
	record->frames = get(line, "frames");
	record->rules_broken = get(line, "rules_broken");
	record->skipped += get(line, "skipped");
	return read_verdict(line, &record->verdict);
}

static bool read_line(struct stress_record *record, const json_t *line, const char *kind)
{
	if (strcmp(kind, "run") == 0)
		return read_run(record, line);
	if (strcmp(kind, "lane") == 0)
		return read_lane(record, line);
	if (strcmp(kind, "account") == 0)
		return read_account(record, line);
	if (strcmp(kind, "witness") == 0)
		return read_witness(record, line);
	if (strcmp(kind, "case") == 0)
		return read_case(record, line);
	if (strcmp(kind, "pauses") == 0)
		return read_histogram(record, line);
	if (strcmp(kind, "end") == 0)
		return read_end(record, line);
	for (unsigned i = 0; i < STRESS_EVENT_KINDS; i++)
		if (strcmp(kind, stress_event_kind_name((enum stress_event_kind)i)) == 0)
			return read_event(record, line, i);
	return true; /* of a later version */
}

int stress_record_read(struct stress_record *record, FILE *in, struct stress_problem *problem)
{
	char *text = NULL, last[16] = "";
	size_t room = 0;
	uint32_t number_of_line = 0;
	const char *why = NULL;

	while (!why && getline(&text, &room, in) >= 0) {
		json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		const char *kind = json_string_value(json_object_get(line, "kind"));

		number_of_line++;
		if (!kind)
			why = "is no line of a run";
		else if ((number_of_line == 1) != (strcmp(kind, "run") == 0))
			why = number_of_line == 1 ? "is no record of a run"
						  : "begins another run; merge takes files";
		else if (!read_line(record, line, kind))
			why = "holds what no run can be";
		snprintf(last, sizeof(last), "%s", kind ? kind : "");
		json_decref(line);
	}
	free(text);
	if (!why && ferror(in))
		why = "cannot be read";
	if (!why && strcmp(last, "end") != 0)
		why = number_of_line ? "is the last one, and no end: the file was cut short"
				     : "is missing: the file is empty";
	if (!why)
		return 0;
	memset(problem, 0, sizeof(*problem));
	problem->at.line = number_of_line;
	snprintf(problem->text, sizeof(problem->text), "line %u %s", number_of_line, why);
	return -EINVAL;
}
