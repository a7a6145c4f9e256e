/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runner.c - processes that run a scenario, and how far they are.
 *
 * A child writes its record as NDJSON to a memory file that the parent made, and how far it is to a
 * page that both see. The parent starts as many as it may, joins what comes back in the order of
 * seeds, so that what was found up to the first failure does not depend on how many ran at a time, and
 * shows progress on a terminal four times a second.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"
#include "text.h"
#include "units.h"

#define SHOW_EVERY_NS 250000000ull
#define LOOK_EVERY_MS 2
#define AHEAD_MAX     16u /* runs that may be over before an earlier one is, besides those that run */

struct job {
	pid_t pid; /* 0: free */
	pid_t parent;
	int fd;	    /* its record */
	int status; /* with which it ended */
	uint64_t seed;
	struct stress_progress *progress;
};

struct runner {
	const struct stress_plan *plan;
	struct stress_record *total;
	struct lwf_error *error;
	struct stress_progress *progress; /* one for each job */
	struct job job[STRESS_JOBS_MAX];
	struct job
		over[STRESS_JOBS_MAX + AHEAD_MAX]; /* ended, and not joined: an earlier one runs */
	uint32_t overs;
	uint64_t turn; /* runs up to here were joined, or are none */
	uint64_t started, finished;
	uint64_t began_ns, shown_ns;
	uint64_t rounds; /* that one run has; 0: not known */
	int code;	 /* of the first run that did not pass */
	bool ending;	 /* nothing more is started */
	bool told;	 /* and what runs was told to end */
};

struct stress_simulation stress_simulation = {"lwf-stress", stress_sim_create};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

uint64_t stress_clock_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- the child ---- */

bool stress_replay_command(const struct stress_plan *plan, uint64_t seed, char *text, size_t bytes)
{
	char file[STRESS_QUOTED_BYTES(STRESS_PATH_BYTES)];
	int length;

	if (strlen(plan->file) >= STRESS_PATH_BYTES)
		return false;
	stress_quote(plan->file, file, sizeof(file));
	length = snprintf(text, bytes, "%s replay %s%s --seed %" PRIu64 "%s%s",
			  stress_simulation.command, plan->file[0] == '-' ? "./" : "", file, seed,
			  plan->live ? " --live" : "", plan->settings);
	return length > 0 && (size_t)length < bytes;
}

static void describe(const struct stress_plan *plan, uint64_t seed, struct stress_record *record)
{
	stress_record_init(record);
	snprintf(record->scenario, sizeof(record->scenario), "%s",
		 plan->scenario->name[0] ? plan->scenario->name : plan->file);
	snprintf(record->file, sizeof(record->file), "%s", plan->file);
	snprintf(record->world, sizeof(record->world), "%s", plan->live ? "live" : "sim");
	snprintf(record->version, sizeof(record->version), "%s", LWF_VERSION);
	snprintf(record->command, sizeof(record->command), "%s", plan->command);
	stress_replay_command(plan, seed, record->replay, sizeof(record->replay));
	/* names of files may be anything, and what was cut may be, too */
	stress_text_mend(record->scenario);
	stress_text_mend(record->file);
	stress_text_mend(record->command);
	record->seed = seed;
	record->began_ns = clock_ns(CLOCK_REALTIME);
}

static int run_here(const struct stress_plan *plan, uint64_t seed, struct stress_progress *progress,
		    FILE *out)
{
	static struct stress_record record;
	struct stress_world_options options = {
		.scenario = plan->scenario,
		.record = &record,
		.seed = seed,
		.trace = plan->trace,
		.on_stack = plan->on_stack,
		.control = plan->control,
		.i_know = plan->i_know,
	};
	uint64_t began = stress_clock_ns();
	struct stress_world *world;
	struct lwf_error error = {.exit = LWF_EXIT_FALSE};
	int code;

	describe(plan, seed, &record);
	world = plan->on_stack ? stress_on_create(&options)
		: plan->live   ? stress_live_create(&options)
			       : stress_simulation.create(&options);
	if (!world)
		return LWF_EXIT_FALSE;
	code = stress_interpret(world, progress, &error);
	record.took_ns = stress_clock_ns() - began;
	record.failed_runs = record.verdict == STRESS_FAILED;
	if (record.verdict == STRESS_PASSED && !plan->keep_events)
		record.events = record.lanes = 0;
	if (stress_record_write(&record, out))
		return LWF_EXIT_FALSE;
	return code;
}

static void be_child(const struct stress_plan *plan, const struct job *job, bool silent)
{
	int null = silent ? open("/dev/null", O_WRONLY) : -1;
	FILE *out;

	/* ^C is the parent's to hear, which then ends what runs: here it would kill the engine, or a
	 * daemon of the run, and look like a failure */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN); /* a trace is printed all the same */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (interrupted)
		raise(SIGTERM); /* it came while the parent's handler was still here */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != job->parent)
		_exit(LWF_EXIT_FALSE);
	if (null >= 0) {
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	out = fdopen(job->fd, "w");
	_exit(out ? run_here(plan, job->seed, job->progress, out) : LWF_EXIT_FALSE);
}

/* ---- the parent's side of a child ---- */

static int start(const struct stress_plan *plan, struct job *job, uint64_t seed, bool silent)
{
	job->fd = memfd_create("lwf-stress", MFD_CLOEXEC);
	if (job->fd < 0)
		return -errno;
	job->seed = seed;
	job->parent = getpid();
	fflush(stdout);
	fflush(stderr);
	job->pid = fork();
	if (job->pid < 0) {
		int err = errno;

		close(job->fd);
		job->pid = 0;
		return -err;
	}
	if (job->pid == 0)
		be_child(plan, job, silent);
	return 0;
}

/* The child ended with @status: its record, or why there is none. Returns its exit code. */
static int collect(const struct stress_plan *plan, struct job *job, int status,
		   struct stress_record *record)
{
	struct stress_problem problem;
	FILE *in;
	int code;

	lseek(job->fd, 0, SEEK_SET);
	in = fdopen(job->fd, "r");
	stress_record_init(record);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : LWF_EXIT_FALSE;
	if (WIFEXITED(status) && in && stress_record_read(record, in, &problem) == 0) {
		fclose(in);
		job->pid = 0;
		return code;
	}
	if (in)
		fclose(in);
	stress_record_fini(record);
	describe(plan, job->seed, record);
	record->verdict = STRESS_FAILED;
	record->failed_runs = 1;
	snprintf(record->failure.expected, sizeof(record->failure.expected),
		 "the run comes to its end");
	snprintf(record->failure.found, sizeof(record->failure.found), "the engine ended with %s",
		 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "no record");
	job->pid = 0;
	return LWF_EXIT_FALSE;
}

/* True when @pid ended by itself before @until_ns; else it is killed. */
static bool ended_until(pid_t pid, uint64_t until_ns, int *status)
{
	pid_t got;

	while ((got = waitpid(pid, status, WNOHANG)) == 0 && stress_clock_ns() < until_ns)
		poll(NULL, 0, LOOK_EVERY_MS);
	if (got)
		return got == pid;
	kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return false;
}

int stress_try(const struct stress_plan *plan, uint64_t seed, uint64_t until_ns,
	       struct stress_record *record)
{
	static struct stress_progress progress;
	struct job job = {.progress = &progress};
	int status, err = start(plan, &job, seed, true);

	if (err)
		return err;
	if (!ended_until(job.pid, until_ns, &status)) {
		close(job.fd);
		return -ETIMEDOUT;
	}
	return collect(plan, &job, status, record);
}

/* ---- progress ---- */

/* Rounds of the outermost repeats, when the file says how many. */
static uint64_t count_rounds(const struct stress_statement *list, unsigned world)
{
	uint64_t rounds = 0;

	for (; list; list = list->next) {
		if (list->kind == STRESS_ONLY && (list->worlds & world))
			rounds += count_rounds(list->body, world);
		if (list->kind == STRESS_REPEAT && !list->for_time &&
		    list->number->kind == STRESS_EXPR_NUMBER)
			rounds += (uint64_t)list->number->number;
	}
	return rounds;
}

static double done_share(const struct runner *runner, uint64_t now)
{
	const struct stress_plan *plan = runner->plan;
	uint64_t total = (plan->count ? plan->count : 1) * runner->rounds, rounds = 0;

	if (!plan->count)
		return (double)(now - runner->began_ns) / (double)plan->for_ns;
	for (uint32_t i = 0; i < plan->jobs; i++)
		rounds += runner->progress[i].rounds;
	if (total)
		return (double)rounds / (double)total;
	return (double)runner->finished / (double)plan->count;
}

static void show_progress(struct runner *runner, bool last)
{
	uint64_t now = stress_clock_ns(), flaps = 0, elapsed = now - runner->began_ns;
	char rate[32], left[40] = "";
	double share;

	if (!runner->plan->show_progress || (!last && now - runner->shown_ns < SHOW_EVERY_NS))
		return;
	runner->shown_ns = now;
	if (last) {
		fprintf(stderr, "\r\033[K");
		return;
	}
	for (uint32_t i = 0; i < runner->plan->jobs; i++)
		flaps += runner->progress[i].flaps;
	share = done_share(runner, now);
	if (share > 0.001 && share < 1.0)
		lwf_units_show_duration((uint64_t)((double)elapsed * (1.0 - share) / share), left,
					sizeof(left));
	lwf_units_show_scaled((double)flaps * 1e9 / ((double)elapsed + 1.0), rate, sizeof(rate));
	fprintf(stderr, "\r\033[K%s: %" PRIu64 " of ", runner->plan->file, runner->finished);
	if (runner->plan->count)
		fprintf(stderr, "%" PRIu64, runner->plan->count);
	else
		fprintf(stderr, "many");
	fprintf(stderr, " runs, %3.0f %%, %sflaps/s%s%s", share < 1.0 ? share * 100.0 : 100.0, rate,
		left[0] ? ", left: " : "", left);
	fflush(stderr);
}

/* ---- all runs ---- */

static bool may_start(const struct runner *runner)
{
	const struct stress_plan *plan = runner->plan;

	if (runner->ending || interrupted)
		return false;
	if (runner->started - runner->turn >= plan->jobs + AHEAD_MAX)
		return false;
	if (plan->count)
		return runner->started < plan->count;
	return runner->started == 0 || stress_clock_ns() - runner->began_ns < plan->for_ns;
}

static void join(struct runner *runner, struct stress_record *one, int code)
{
	if (one->verdict != STRESS_PASSED && !runner->code) {
		runner->code = code ? code : LWF_EXIT_FALSE;
		runner->ending = true;
		runner->error->exit = (enum lwf_exit)runner->code;
		if (one->failure.line)
			snprintf(runner->error->what, sizeof(runner->error->what),
				 "%.100s:%" PRIu32 ":%" PRIu32, one->failure.file,
				 one->failure.line, one->failure.column);
		snprintf(runner->error->why, sizeof(runner->error->why), "%s", one->failure.found);
	}
	if (runner->plan->count == 1)
		*runner->total = *one; /* with all that it owns */
	else {
		stress_record_merge(runner->total, one);
		stress_record_fini(one);
	}
	runner->finished++;
}

/* One that ended because it was told to is no run; nor is one behind that which failed. */
static bool is_run(const struct runner *runner, const struct job *job)
{
	if (runner->ending)
		return false;
	return !((runner->told || interrupted) && WIFSIGNALED(job->status) &&
		 WTERMSIG(job->status) == SIGTERM);
}

/* Joins those whose turn it is. */
static void join_over(struct runner *runner)
{
	static struct stress_record one;

	for (uint32_t i = 0; i < runner->overs;) {
		struct job job = runner->over[i];

		if (!runner->ending && job.seed != runner->plan->seed + runner->turn) {
			i++;
			continue;
		}
		runner->over[i] = runner->over[--runner->overs];
		runner->turn++;
		i = 0;
		if (is_run(runner, &job))
			join(runner, &one, collect(runner->plan, &job, job.status, &one));
		else
			close(job.fd);
	}
}

static void finish(struct runner *runner, struct job *job, int status)
{
	job->status = status;
	runner->over[runner->overs++] = *job;
	job->pid = 0;
	join_over(runner);
}

static void look(struct runner *runner)
{
	int status;

	for (uint32_t i = 0; i < runner->plan->jobs; i++) {
		struct job *job = &runner->job[i];

		if (job->pid == 0 || waitpid(job->pid, &status, WNOHANG) != job->pid)
			continue;
		finish(runner, job, status);
	}
}

static bool some_run(const struct runner *runner)
{
	for (uint32_t i = 0; i < runner->plan->jobs; i++)
		if (runner->job[i].pid)
			return true;
	return false;
}

static void wait_a_moment(struct runner *runner)
{
	int status;

	/* one process alone can be waited for without looking again and again */
	if (runner->plan->jobs == 1 && !runner->plan->show_progress && runner->job[0].pid) {
		if (waitpid(runner->job[0].pid, &status, 0) == runner->job[0].pid)
			finish(runner, &runner->job[0], status);
		return;
	}
	poll(NULL, 0, LOOK_EVERY_MS);
}

static void end_children(struct runner *runner)
{
	for (uint32_t i = 0; i < runner->plan->jobs; i++)
		if (runner->job[i].pid)
			kill(runner->job[i].pid, SIGTERM);
}

static int start_some(struct runner *runner)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < runner->plan->jobs && may_start(runner); i++) {
		if (runner->job[i].pid)
			continue;
		err = start(runner->plan, &runner->job[i], runner->plan->seed + runner->started,
			    false);
		runner->started++;
	}
	if (!err)
		return 0;
	runner->ending = true;
	runner->code = LWF_EXIT_FALSE;
	runner->error->exit = LWF_EXIT_FALSE;
	snprintf(runner->error->why, sizeof(runner->error->why), "no process can be started: %s",
		 strerror(-err));
	return err;
}

static void watch_signals(struct sigaction old[2])
{
	struct sigaction action = {.sa_handler = on_signal};

	interrupted = 0;
	sigaction(SIGINT, &action, &old[0]);
	sigaction(SIGTERM, &action, &old[1]);
}

/* What was told to end is a case as well, or reports of the runs before would say that all is well. */
static int interrupt(struct runner *runner)
{
	static struct stress_record last;
	struct stress_record *record = runner->total;
	const struct stress_plan *plan = runner->plan;
	struct stress_case one;

	runner->error->exit = LWF_EXIT_FALSE;
	snprintf(runner->error->why, sizeof(runner->error->why),
		 "interrupted after %" PRIu64 " runs", runner->finished);
	describe(plan, plan->seed + (runner->started ? runner->started - 1 : 0), &last);
	last.verdict = STRESS_BROKEN;
	snprintf(last.failure.expected, sizeof(last.failure.expected), "%s",
		 "the run comes to its end");
	snprintf(last.failure.found, sizeof(last.failure.found),
		 "interrupted after %" PRIu64 " runs", runner->finished);
	if (record->scenario[0]) {
		one = stress_record_case(&last, 0);
		stress_record_add_case(record, &one);
		record->verdict = last.verdict;
		record->failure = last.failure;
	} else {
		*record = last;
	}
	return LWF_EXIT_FALSE;
}

int stress_run(const struct stress_plan *plan, struct stress_record *record,
	       struct lwf_error *error)
{
	static struct runner runner;
	struct sigaction old[2];

	memset(&runner, 0, sizeof(runner));
	runner.plan = plan;
	runner.total = record;
	runner.error = error;
	runner.began_ns = stress_clock_ns();
	runner.rounds =
		count_rounds(plan->scenario->body, plan->live ? STRESS_IN_LIVE : STRESS_IN_SIM);
	memset(error, 0, sizeof(*error));
	snprintf(error->what, sizeof(error->what), "%.120s", plan->file);
	record->runs = 0;
	runner.progress = mmap(NULL, plan->jobs * sizeof(*runner.progress), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (runner.progress == MAP_FAILED) {
		error->exit = LWF_EXIT_FALSE;
		snprintf(error->why, sizeof(error->why), "there is no memory");
		return LWF_EXIT_FALSE;
	}
	for (uint32_t i = 0; i < plan->jobs; i++)
		runner.job[i].progress = &runner.progress[i];
	watch_signals(old);
	while (may_start(&runner) || some_run(&runner)) {
		start_some(&runner);
		if ((interrupted || runner.ending) && !runner.told) {
			end_children(&runner);
			runner.told = true;
		}
		wait_a_moment(&runner);
		look(&runner);
		show_progress(&runner, false);
	}
	show_progress(&runner, true);
	if (interrupted && !runner.code)
		runner.code = interrupt(&runner);
	stress_record_sort_cases(record);
	sigaction(SIGINT, &old[0], NULL);
	sigaction(SIGTERM, &old[1], NULL);
	munmap(runner.progress, plan->jobs * sizeof(*runner.progress));
	return runner.code;
}
