/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve.c - lwfctl verdict serve: a program decides, over lines of JSON.
 *
 * One loop stands between three who may each be slow: the daemon, the program's input, its output. What the
 * program has not read yet waits here up to OUT_BYTES; then no more events are taken from the daemon, which
 * thereby runs out of credit and decides by its overflow default. So a program that is stopped stops
 * nothing else, and nobody here waits for it. Lines that are no answers are told on stderr and passed over.
 * It ends as the program ends, with its exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"
#include "cli.h"
#include "decider.h"

#define OUT_BYTES  (1u << 20)
#define OUT_SPARE  (512u << 10) /* room for the lines of one round of events */
#define LINE_BYTES 65536u	/* of an answer */
#define READS	   16u		/* of its output, one after the other */
#define EVENTS	   64u
#define WRONG_TOLD 10u		 /* lines that are no answers: so many are told */
#define GRACE_NS   2000000000ull /* for the program, when the daemon is gone */

struct serve {
	struct lwf_verdict *handle;
	pid_t child;
	int to, from, signals; /* descriptors; -1: closed */
	bool ended, gone;      /* the program; the daemon */
	bool mute;	       /* it was told that the program can answer no more */
	int status;	       /* of the program, as wait() has it */
	uint64_t end_by_ns;    /* 0: not asked to end */

	char *out;
	size_t out_first, out_end;
	char *in;
	size_t in_bytes;
	bool skip; /* the rest of a line that is too long */

	struct lwf_tell tells[LWF_VERDICT_RECORDS_MAX];
	uint32_t told, tell_count; /* the first are sent */
	struct answer next;	   /* one that is no TELL waits until those are sent */
	bool has_next;
	uint64_t asks, answers, wrong;
};

/* ---- the program ---- */

/* Starts it with pipes at its input and output. 0 or -errno. */
static int start(struct serve *serve, char **command)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int in[2], out[2], err;
	sigset_t none, usual;

	if (pipe2(in, O_CLOEXEC))
		return -errno;
	if (pipe2(out, O_CLOEXEC)) {
		err = -errno;
		close(in[0]);
		close(in[1]);
		return err;
	}
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = -posix_spawnp(&serve->child, command[0], &actions, &attributes, command, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(in[0]);
	close(out[1]);
	serve->to = in[1];
	serve->from = out[0];
	fcntl(serve->to, F_SETFL, O_NONBLOCK);
	fcntl(serve->from, F_SETFL, O_NONBLOCK);
	return err;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Nothing more comes for it; it should see that and end, and is told so a while later. */
static void let_go(struct serve *serve)
{
	if (serve->end_by_ns)
		return;
	serve->end_by_ns = decider_now_ns() + GRACE_NS;
	if (serve->out_first == serve->out_end)
		close_fd(&serve->to);
}

static void on_signal(struct serve *serve)
{
	struct signalfd_siginfo info;

	while (read(serve->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			serve->ended |=
				waitpid(serve->child, &serve->status, WNOHANG) == serve->child;
		else
			kill(serve->child, (int)info.ssi_signo); /* its end is ours */
	}
}

/* ---- asks to it ---- */

static bool has_room(const struct serve *serve)
{
	return OUT_BYTES - (serve->out_end - serve->out_first) >= OUT_SPARE;
}

static void put_line(struct serve *serve, json_t *object)
{
	char *text = object ? lwf_wire_text(object) : NULL;
	size_t bytes = text ? strlen(text) + 1 : 0;

	json_decref(object);
	if (serve->out_end + bytes > OUT_BYTES) {
		memmove(serve->out, serve->out + serve->out_first,
			serve->out_end - serve->out_first);
		serve->out_end -= serve->out_first;
		serve->out_first = 0;
	}
	if (bytes && serve->out_end + bytes <= OUT_BYTES && serve->to >= 0) {
		memcpy(serve->out + serve->out_end, text, bytes - 1);
		serve->out[serve->out_end + bytes - 1] = '\n';
		serve->out_end += bytes;
	}
	free(text);
}

static void take_events(struct serve *serve)
{
	static struct lwf_verdict_event events[EVENTS];
	uint64_t now_ns = decider_now_ns(), before = serve->asks;
	int n = 0;

	while (has_room(serve) && (n = lwf_verdict_next(serve->handle, events, EVENTS)) > 0) {
		for (int i = 0; i < n; i++) {
			serve->asks += events[i].kind == LWF_HEARD_ASK;
			put_line(serve, answers_event(&events[i], now_ns));
		}
	}
	if (serve->asks > before && serve->from < 0 && !serve->mute) {
		lwf_cli_note(CTL_PROGRAM, "the program has closed its output: it is asked and "
					  "answers no more; deadlines decide");
		serve->mute = true;
	}
	if (n < 0) {
		serve->gone = true;
		let_go(serve);
	}
}

static void write_out(struct serve *serve)
{
	while (serve->to >= 0 && serve->out_first < serve->out_end) {
		ssize_t n = write(serve->to, serve->out + serve->out_first,
				  serve->out_end - serve->out_first);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) { /* it does not read any more */
			close_fd(&serve->to);
			break;
		}
		serve->out_first += (size_t)n;
	}
	serve->out_first = serve->out_end = 0;
	if (serve->end_by_ns)
		close_fd(&serve->to);
}

/* ---- answers from it ---- */

static bool owes(const struct serve *serve)
{
	return serve->tell_count || serve->has_next;
}

static bool is_busy(const struct serve *serve)
{
	return serve->tell_count == LWF_VERDICT_RECORDS_MAX || serve->has_next;
}

/* Sends what has been read. */
static void tell(struct serve *serve)
{
	int n = 0;

	if (serve->told < serve->tell_count) {
		n = lwf_verdict_tell(serve->handle, serve->tells + serve->told,
				     serve->tell_count - serve->told);
		serve->told += n > 0 ? (uint32_t)n : 0;
	}
	if (serve->told == serve->tell_count || n == -ENOTCONN)
		serve->told = serve->tell_count = 0;
	if (!serve->has_next || serve->tell_count)
		return;
	if (serve->next.kind == ANSWER_UPDATE)
		n = lwf_verdict_update(serve->handle, serve->next.tell.ask,
				       (enum lwf_verdict_action)serve->next.tell.action,
				       serve->next.tell.ttl_ns);
	else
		n = lwf_verdict_revoke(serve->handle, &serve->next.revoke);
	serve->has_next = n == -EAGAIN;
}

static void wrong_line(struct serve *serve, const char *line, size_t bytes, const char *why)
{
	if (serve->wrong++ < WRONG_TOLD)
		lwf_cli_note(CTL_PROGRAM, "'%.*s': %s", bytes < 80 ? (int)bytes : 80, line, why);
}

static void read_line(struct serve *serve, const char *line, size_t bytes)
{
	struct answer answer;
	char why[160];

	if (strspn(line, " \t\r") >= bytes)
		return;
	if (answers_read(line, bytes, &answer, why, sizeof(why))) {
		wrong_line(serve, line, bytes, why);
		return;
	}
	serve->answers++;
	if (answer.kind == ANSWER_TELL) {
		serve->tells[serve->tell_count++] = answer.tell;
		return;
	}
	serve->next = answer;
	serve->has_next = true;
}

/* Reads whole lines out of what came, as far as their answers can be sent. */
static void read_lines(struct serve *serve)
{
	size_t at = 0;
	char *end;

	while (!is_busy(serve) && (end = memchr(serve->in + at, '\n', serve->in_bytes - at))) {
		size_t bytes = (size_t)(end - serve->in) - at;

		*end = '\0';
		if (!serve->skip)
			read_line(serve, serve->in + at, bytes);
		serve->skip = false;
		at += bytes + 1;
		if (is_busy(serve))
			tell(serve);
	}
	memmove(serve->in, serve->in + at, serve->in_bytes - at);
	serve->in_bytes -= at;
	if (is_busy(serve))
		return; /* the rest of it when the daemon takes more */
	tell(serve);
	if (serve->in_bytes < LINE_BYTES)
		return;
	if (!serve->skip)
		wrong_line(serve, serve->in, LINE_BYTES, "this line is too long");
	serve->skip = true;
	serve->in_bytes = 0;
}

/* What is left of its output is a line, too. */
static void end_line(struct serve *serve)
{
	if (!serve->in_bytes || serve->in_bytes == LINE_BYTES)
		return;
	serve->in[serve->in_bytes++] = '\n';
	read_lines(serve);
}

/* What there is to be read, but no more than READS times: others wait, too. True: there may be more. */
static bool read_in(struct serve *serve)
{
	for (unsigned i = 0; i < READS && serve->from >= 0 && !is_busy(serve); i++) {
		ssize_t n = read(serve->from, serve->in + serve->in_bytes,
				 LINE_BYTES - serve->in_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			close_fd(&serve->from);
			end_line(serve);
			return false;
		}
		serve->in_bytes += (size_t)n;
		read_lines(serve);
	}
	return serve->from >= 0;
}

/* ---- the loop ---- */

enum { FD_DAEMON, FD_SIGNALS, FD_TO, FD_FROM, FDS };

static void wait_for_any(const struct serve *serve, struct pollfd *fds)
{
	int daemon = (has_room(serve) ? POLLIN : 0) | (owes(serve) ? POLLOUT : 0);
	bool waits = serve->out_first < serve->out_end;

	fds[FD_DAEMON] =
		(struct pollfd){.fd = serve->gone || !daemon ? -1 : lwf_verdict_fd(serve->handle),
				.events = (short)daemon};
	fds[FD_SIGNALS] = (struct pollfd){.fd = serve->signals, .events = POLLIN};
	fds[FD_TO] = (struct pollfd){.fd = waits ? serve->to : -1, .events = POLLOUT};
	fds[FD_FROM] = (struct pollfd){.fd = is_busy(serve) ? -1 : serve->from, .events = POLLIN};
	poll(fds, FDS, serve->end_by_ns ? 100 : -1);
}

/* Its last words: all that it has written, and what of it the daemon takes in time. */
static void hear_last(struct serve *serve)
{
	struct pollfd daemon = {.fd = lwf_verdict_fd(serve->handle), .events = POLLOUT};
	uint64_t give_up_ns = decider_now_ns() + GRACE_NS;

	while ((read_in(serve) || owes(serve)) && decider_now_ns() < give_up_ns) {
		tell(serve);
		read_lines(serve);
		if (owes(serve))
			poll(&daemon, 1, 100);
	}
	end_line(serve); /* a child of its own still has the pipe */
	tell(serve);
}

static void run(struct serve *serve)
{
	struct pollfd fds[FDS];

	while (!serve->ended) {
		wait_for_any(serve, fds);
		if (fds[FD_SIGNALS].revents)
			on_signal(serve);
		if (owes(serve)) {
			tell(serve);
			read_lines(serve);
		}
		if (fds[FD_FROM].revents)
			read_in(serve);
		if (!serve->gone && fds[FD_DAEMON].revents & (POLLIN | POLLHUP | POLLERR))
			take_events(serve);
		write_out(serve);
		if (serve->end_by_ns && decider_now_ns() > serve->end_by_ns)
			kill(serve->child, SIGTERM);
	}
	hear_last(serve);
}

/* What the program's end means for ours. */
static int exit_code(const struct serve *serve)
{
	const char *why = "";

	lwf_cli_note(CTL_PROGRAM, "%llu asks, %llu answers%s", (unsigned long long)serve->asks,
		     (unsigned long long)serve->answers,
		     serve->wrong ? ", and lines that were none" : "");
	if (serve->gone) {
		lwf_verdict_is_gone(serve->handle, &why);
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_UNREACHABLE, "lwfd",
				    "see its log, and start it again", "%s", why);
	}
	return WIFSIGNALED(serve->status) ? 128 + WTERMSIG(serve->status)
					  : WEXITSTATUS(serve->status);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Starts the program and asks in its name: what it does itself passes unasked. -1, or the exit code. */
static int begin(struct serve *serve, const struct ctl_line *line,
		 struct lwf_verdict_options *options, const struct decider_place *place)
{
	int err, code;

	serve->out = malloc(OUT_BYTES);
	serve->in = malloc(LINE_BYTES);
	serve->signals = open_signals();
	if (!serve->out || !serve->in || serve->signals < 0)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_REFUSED, "memory", NULL, "there is none");
	err = start(serve, line->rest);
	if (err)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE,
				    line->rest[0][0] ? line->rest[0] : "verdict serve",
				    "name a program that can be run", "%s", strerror(-err));
	options->pid = (uint32_t)serve->child;
	code = decider_open(options, place, &serve->handle);
	if (code < 0)
		return -1;
	kill(serve->child, SIGTERM);
	waitpid(serve->child, &serve->status, 0);
	return code;
}

int ctl_verdict_serve(const struct ctl_line *line)
{
	struct serve serve = {.to = -1, .from = -1, .signals = -1};
	struct lwf_verdict_options options;
	struct decider_place place;
	int code = decider_options(line, &options);

	if (code < 0)
		code = decider_find(line, &place, &options);
	if (code < 0)
		code = begin(&serve, line, &options, &place);
	if (code < 0) {
		run(&serve);
		code = exit_code(&serve);
	}
	lwf_verdict_close(serve.handle);
	close_fd(&serve.to);
	close_fd(&serve.from);
	close_fd(&serve.signals);
	free(serve.out);
	free(serve.in);
	return lwf_cli_finish(CTL_PROGRAM, code);
}
