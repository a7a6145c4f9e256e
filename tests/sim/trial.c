/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trial.c - a world in a process of its own, so that whatever ends it does not end the one who asks.
 *
 * A failure is written to an outcome in shared memory: by sim_fail() in full; by a signal with its
 * number, to which the parent adds what the child said on stderr (the text of the assertion, the
 * first line of a sanitizer). Its kind is what two runs are compared by: the format of the message
 * without its numbers, the id of the rule, the expression of the assertion.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define TRIAL_STUCK_S	 5 /* of processor time in one action: it will not end */
#define TRIAL_SAID_BYTES 65536

static struct sim_outcome *report;
static struct sim_world *guarded;

double sim_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void sim_trial_report_to(struct sim_outcome *outcome)
{
	report = outcome;
}

/* Where the world stands; not what went wrong. */
static void fill(struct sim_outcome *outcome)
{
	outcome->failed = true;
	if (!guarded)
		return;
	outcome->done = guarded->done;
	outcome->digest = guarded->digest;
	if (guarded->phase)
		snprintf(outcome->where, sizeof(outcome->where), "%s", guarded->phase);
	else
		sim_action_print(&guarded->action, outcome->where, sizeof(outcome->where));
}

void sim_trial_progress(const struct sim_world *world)
{
	if (!report)
		return;
	report->done = world->done;
	report->digest = world->digest;
	sim_action_print(&world->action, report->where, sizeof(report->where));
}

static void __attribute__((noreturn)) end(const char *what, const char *story)
{
	struct sim_outcome mine = {0}, *outcome = report ? report : &mine;

	fill(outcome);
	snprintf(outcome->what, sizeof(outcome->what), "%s", what);
	snprintf(outcome->story, sizeof(outcome->story), "%s", story);
	fflush(stdout);
	if (!report)
		fprintf(stderr, "action %" PRIu64 " (%s): %s\ndigest %016" PRIx64 "\n",
			outcome->done, outcome->where, story, outcome->digest);
	_exit(1);
}

void sim_fail(const char *format, ...)
{
	char story[SIM_STORY_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(story, sizeof(story), format, args);
	va_end(args);
	end(format, story);
}

void sim_fail_rule(const char *id, const char *story)
{
	char what[SIM_WHAT_BYTES], full[SIM_STORY_BYTES];

	snprintf(what, sizeof(what), "rule %s", id);
	snprintf(full, sizeof(full), "rule %s was broken: %s", id, story);
	end(what, full);
}

/* An assertion of the engine failed, or worse. */
static void on_crash(int number)
{
	struct sim_outcome mine = {0}, *outcome = report ? report : &mine;

	signal(number, SIG_DFL);
	fill(outcome);
	if (!report) {
		fflush(stdout);
		fprintf(stderr, "action %" PRIu64 " (%s): signal %d\ndigest %016" PRIx64 "\n",
			outcome->done, outcome->where, number, outcome->digest);
	}
	raise(number);
}

/* From time to time: an action that has lasted since the last time will not end. */
static void on_time(int number)
{
	static uint64_t last_done, last_digest;

	(void)number;
	if (guarded && guarded->done == last_done && guarded->digest == last_digest)
		sim_fail("the action does not end");
	last_done = guarded ? guarded->done : 0;
	last_digest = guarded ? guarded->digest : 0;
}

void sim_trial_guard(struct sim_world *world)
{
	const struct itimerval every = {{TRIAL_STUCK_S, 0}, {TRIAL_STUCK_S, 0}};

	guarded = world;
	signal(SIGABRT, on_crash);
	signal(SIGSEGV, on_crash);
	signal(SIGPROF, on_time);
	setitimer(ITIMER_PROF, &every, NULL);
}

/* What @said tells of the end: an assertion, or a sanitizer's report. */
static void explain(struct sim_outcome *outcome, const char *said, int status)
{
	static const struct {
		const char *mark, *until;
	} marks[] = {{"Assertion `", "'\n"},
		     {"ERROR: AddressSanitizer: ", " \n"},
		     {"runtime error: ", "\n"},
		     {"WARNING: ThreadSanitizer: ", " \n"}};

	for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(said, marks[i].mark);
		const char *word = at ? at + strlen(marks[i].mark) : NULL;

		if (!at)
			continue;
		snprintf(outcome->what, sizeof(outcome->what), "%s%.*s", marks[i].mark,
			 (int)strcspn(word, marks[i].until), word);
		snprintf(outcome->story, sizeof(outcome->story), "%.*s", (int)strcspn(at, "\n"),
			 at);
		return;
	}
	snprintf(outcome->what, sizeof(outcome->what), "%s %d",
		 WIFSIGNALED(status) ? "signal" : "exit code",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	snprintf(outcome->story, sizeof(outcome->story), "%s", outcome->what);
}

static void run_child(int said, struct sim_outcome *shared, void (*fn)(void *), void *context)
{
	if (!freopen("/dev/null", "w", stdout) || dup2(said, STDERR_FILENO) < 0)
		_exit(3);
	sim_trial_report_to(shared);
	fn(context);
	_exit(0);
}

void sim_trial(struct sim_outcome *outcome, void (*fn)(void *), void *context)
{
	static char text[TRIAL_SAID_BYTES];
	struct sim_outcome *shared;
	ssize_t got;
	int status = 0, said;
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	said = memfd_create("lwf-sim", MFD_CLOEXEC);
	fflush(NULL);
	child = shared == MAP_FAILED || said < 0 ? -1 : fork();
	if (child < 0) {
		perror("lwf-sim: a trial");
		exit(3);
	}
	if (child == 0)
		run_child(said, shared, fn, context);
	waitpid(child, &status, 0);
	*outcome = *shared;
	if (status != 0 && !outcome->what[0]) {
		got = pread(said, text, sizeof(text) - 1, 0);
		text[got > 0 ? got : 0] = '\0';
		outcome->failed = true;
		explain(outcome, text, status);
	}
	close(said);
	munmap(shared, sizeof(*shared));
}

void sim_trial_script(struct sim_world *world, const struct sim_script *script)
{
	sim_world_open(world, &script->world);
	for (uint32_t i = 0; i < script->count; i++)
		sim_world_do(world, &script->action[i]);
	sim_world_close(world);
	if (report) {
		report->done = world->done;
		report->digest = world->digest;
	}
}
