/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ask.c - lwfctl verdict ask: a person decides.
 *
 * All that is open is shown at once, each with its countdown; none waits for another. On a terminal keys
 * answer the prompt that is marked; elsewhere each prompt is a line (with --json an object), and each line read
 * is an answer: "3 allow program 10m". What was said of a program is remembered here, for as long as this runs;
 * "always" is a rule in the file, and outlives it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "answers.h"
#include "cli.h"
#include "decider.h"
#include "prompts.h"
#include "remember.h"
#include "units.h"

#define TICK_MS	    250 /* countdowns move */
#define EVENTS	    64u
#define LINE_BYTES  512u
#define MINUTES_MAX 10080u /* a week: LWF_TELL_TTL_MAX_NS */

struct session {
	const struct ctl_line *line;
	const struct lwf_verdict_options *options;
	struct lwf_verdict *handle;
	struct prompts prompts;
	bool terminal, over;
	int signals;
	struct termios before;

	/* terminal: what is drawn, which is marked, what was pressed */
	unsigned drawn;
	uint32_t marked; /* number of a prompt; 0: the oldest */
	int action;	 /* of the answer that is begun, or -1 */
	unsigned minutes;

	char in[LINE_BYTES];
	size_t in_bytes;
	bool skip; /* the rest of a line that is too long */
};

/* ---- telling ---- */

static void erase(struct session *session)
{
	if (session->drawn)
		printf("\033[%uA\r\033[J", session->drawn);
	session->drawn = 0;
}

/* A line that stays: "[3] allowed: tcp ..." */
static void say(struct session *session, const struct prompt *prompt, const char *what)
{
	char text[PROMPT_TEXT_BYTES];

	if (session->line->json)
		return;
	erase(session);
	prompts_describe(prompt, text, sizeof(text));
	printf("[%u] %s: %s\n", prompt->number, what, text);
	fflush(stdout);
}

static const char *const said[LWF_VERDICT_ACTIONS] = {
	[LWF_VERDICT_CONTINUE] = "passed on",
	[LWF_VERDICT_PERMIT] = "allowed",
	[LWF_VERDICT_BLOCK] = "denied",
	[LWF_VERDICT_RESET] = "rejected",
};

static void tell(struct session *session, const struct lwf_tell *tells, uint32_t count)
{
	uint32_t sent = 0;

	while (sent < count) {
		struct pollfd fd = {.fd = lwf_verdict_fd(session->handle), .events = POLLOUT};
		int n = lwf_verdict_tell(session->handle, tells + sent, count - sent);

		if (n < 0 && n != -EAGAIN)
			return; /* gone: next() says so */
		sent += n > 0 ? (uint32_t)n : 0;
		if (sent < count && poll(&fd, 1, TICK_MS) < 0)
			return;
	}
}

static void write_rule(struct session *session, const struct prompt *prompt,
		       enum lwf_verdict_action action)
{
	char rule[PROMPT_TEXT_BYTES], file[4096];
	struct lwf_error error;

	erase(session);
	if (!prompts_rule(&prompt->ask, action, rule, sizeof(rule)))
		lwf_cli_note(
			CTL_PROGRAM,
			"[%u]: no rule is written: the path of its program cannot stand in one; "
			"add one about its user or command yourself",
			prompt->number);
	else if (remember_rule(session->options, prompt->ask.rule, rule, file, sizeof(file),
			       &error))
		lwf_cli_error(CTL_PROGRAM, &error);
	else
		lwf_cli_note(CTL_PROGRAM, "%s: %s", file, rule);
}

static void answer(struct session *session, const struct prompt_answer *given)
{
	static struct lwf_tell tells[PROMPTS_MAX];
	const struct prompt *found = prompts_find(&session->prompts, given->number);
	struct prompt prompt;
	uint32_t count;
	char text[64];

	if (!found) {
		erase(session);
		if (given->number)
			lwf_cli_note(CTL_PROGRAM, "%u: there is no such prompt (any more)",
				     given->number);
		else
			lwf_cli_note(CTL_PROGRAM, "there is no prompt to answer (any more)");
		return;
	}
	prompt = *found;
	count = prompts_answer(&session->prompts, given, decider_now_ns(), tells);
	tell(session, tells, count);
	snprintf(text, sizeof(text), count > 1 ? "%s, with %u more of its program" : "%s",
		 said[given->action], count - 1);
	say(session, &prompt, text);
	if (given->what == PROMPT_ALWAYS)
		write_rule(session, &prompt, given->action);
}

/* ---- hearing ---- */

static void show_json(const struct lwf_verdict_event *event, const struct prompt *prompt)
{
	json_t *object = answers_event(event, decider_now_ns());

	if (prompt)
		json_object_set_new(object, "number", json_integer(prompt->number));
	lwf_cli_json(object);
}

static void show_new(struct session *session, const struct prompt *prompt)
{
	const struct lwf_ask *ask = &prompt->ask;
	uint64_t now_ns = decider_now_ns();
	char left[32], what[80];

	if (session->terminal || session->line->json)
		return;
	lwf_units_show_duration(ask->deadline_ns > now_ns ? ask->deadline_ns - now_ns : 0, left,
				sizeof(left));
	snprintf(what, sizeof(what), "%s in %s",
		 ask->fallback == LWF_VERDICT_PERMIT  ? "allow"
		 : ask->fallback == LWF_VERDICT_RESET ? "reject"
						      : "deny",
		 left);
	say(session, prompt, what);
}

static void hear_ask(struct session *session, const struct lwf_verdict_event *event)
{
	const struct prompt *prompt;
	struct lwf_tell remembered;

	if (prompts_remembered(&session->prompts, &event->ask, decider_now_ns(), &remembered)) {
		tell(session, &remembered, 1);
		if (session->line->json)
			show_json(event, NULL);
		return;
	}
	prompt = prompts_add(&session->prompts, &event->ask);
	if (session->line->json)
		show_json(event, prompt);
	if (prompt)
		show_new(session, prompt);
}

/* Whose it is turned out late: it may have been answered already, by what was said of its program. */
static void hear_owner(struct session *session, const struct lwf_verdict_event *event)
{
	const struct prompt *prompt =
		prompts_owner(&session->prompts, event->ask.ask, &event->ask.info.owner);
	struct lwf_tell remembered;

	if (session->line->json)
		show_json(event, prompt);
	if (!prompt)
		return;
	if (!prompts_remembered(&session->prompts, &prompt->ask, decider_now_ns(), &remembered)) {
		show_new(session, prompt);
		return;
	}
	tell(session, &remembered, 1);
	say(session, prompt, said[remembered.action]);
	prompts_remove(&session->prompts, event->ask.ask);
}

static void hear(struct session *session, const struct lwf_verdict_event *event)
{
	const struct prompt *prompt;

	switch (event->kind) {
	case LWF_HEARD_ASK:
		hear_ask(session, event);
		return;
	case LWF_HEARD_OWNER:
		hear_owner(session, event);
		return;
	case LWF_HEARD_CANCEL:
		prompt = prompts_of_ask(&session->prompts, event->ask.ask);
		if (prompt)
			say(session, prompt, "needs no answer any more");
		prompts_remove(&session->prompts, event->ask.ask);
		break;
	case LWF_HEARD_STALE:
		erase(session);
		if (!session->line->json)
			lwf_cli_note(CTL_PROGRAM, "an answer came too late");
		break;
	case LWF_HEARD_ENDED:
		break;
	}
	if (session->line->json)
		show_json(event, NULL);
}

static void take_events(struct session *session)
{
	static struct lwf_verdict_event events[EVENTS];
	int n;

	while ((n = lwf_verdict_next(session->handle, events, EVENTS)) > 0)
		for (int i = 0; i < n; i++)
			hear(session, &events[i]);
	session->over |= n < 0;
}

static void expire(struct session *session)
{
	struct prompt gone;
	char text[64];

	while (prompts_expire(&session->prompts, decider_now_ns(), &gone)) {
		snprintf(text, sizeof(text), "%s, nobody answered",
			 said[gone.ask.fallback < LWF_VERDICT_ACTIONS ? gone.ask.fallback : 0]);
		say(session, &gone, text);
	}
}

/* ---- lines ---- */

static void hear_line(struct session *session, const char *line)
{
	struct prompt_answer given;
	char why[128];

	if (strspn(line, " \t\r") == strlen(line))
		return;
	if (prompts_read(line, &given, why, sizeof(why)))
		lwf_cli_note(CTL_PROGRAM, "'%s': %s", line, why);
	else
		answer(session, &given);
}

static void hear_lines(struct session *session)
{
	char *end;

	session->in[session->in_bytes] = '\0';
	while ((end = memchr(session->in, '\n', session->in_bytes))) {
		size_t bytes = (size_t)(end - session->in) + 1;

		*end = '\0';
		if (!session->skip)
			hear_line(session, session->in);
		session->skip = false;
		memmove(session->in, session->in + bytes, session->in_bytes - bytes);
		session->in_bytes -= bytes;
	}
	if (session->in_bytes < LINE_BYTES - 1)
		return;
	if (!session->skip)
		lwf_cli_note(CTL_PROGRAM, "'%.80s...': this line is too long", session->in);
	session->skip = true;
	session->in_bytes = 0;
}

/* The last line may lack its end. */
static void hear_end(struct session *session)
{
	if (!session->terminal && session->in_bytes) {
		session->in[session->in_bytes++] = '\n';
		hear_lines(session);
	}
	session->over = true;
}

/* ---- the terminal ---- */

static unsigned columns(void)
{
	struct winsize size;

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 20 ? size.ws_col : 80;
}

static const char *const help_text[] = {
	"  a allow, d deny, r reject; j and k, or a figure: another one; q: leave",
	"  Enter: this conversation, o: for a minute, p: this program for 10 minutes (30p: for "
	"30), w: "
	"always; "
	"Esc: back",
};

static void draw(struct session *session)
{
	unsigned width = columns(), shown = 0;
	uint64_t now_ns = decider_now_ns();
	char text[PROMPT_TEXT_BYTES], left[32], row[PROMPT_TEXT_BYTES + 64];

	erase(session);
	for (uint32_t i = 0; i < session->prompts.count && shown < 15; i++, shown++) {
		const struct prompt *prompt = &session->prompts.list[i];
		uint64_t deadline_ns = prompt->ask.deadline_ns;

		prompts_describe(prompt, text, sizeof(text));
		lwf_units_show_duration(deadline_ns > now_ns
						? (deadline_ns - now_ns) / 1000000000u * 1000000000u
						: 0,
					left, sizeof(left));
		snprintf(row, sizeof(row), "%s[%u] %5s %s",
			 prompt->number == session->marked ? "> " : "  ", prompt->number, left,
			 text);
		printf("%.*s\n", (int)width - 1, row);
	}
	if (session->prompts.count > shown) {
		printf("  and %u more\n", session->prompts.count - shown);
		shown++;
	}
	if (session->action < 0)
		snprintf(row, sizeof(row), "%s",
			 shown ? help_text[0] : "  nothing is asked; q: leave");
	else
		snprintf(row, sizeof(row), "  [%u] %s %s%s", session->marked,
			 session->action == LWF_VERDICT_PERMIT	? "allow:"
			 : session->action == LWF_VERDICT_BLOCK ? "deny:"
								: "reject:",
			 help_text[1] + 2, "");
	printf("%.*s\n", (int)width - 1, row);
	session->drawn = shown + 1;
	fflush(stdout);
}

/* The mark is on a prompt that is there. */
static void keep_mark(struct session *session)
{
	const struct prompt *oldest = prompts_find(&session->prompts, 0);

	if (session->marked && prompts_find(&session->prompts, session->marked))
		return;
	session->marked = oldest ? oldest->number : 0;
	session->action = -1; /* what was begun was about another one */
}

static void move_mark(struct session *session, int by)
{
	for (uint32_t i = 0; i < session->prompts.count; i++) {
		if (session->prompts.list[i].number != session->marked)
			continue;
		if ((by < 0 && i > 0) || (by > 0 && i + 1 < session->prompts.count))
			session->marked = session->prompts.list[by < 0 ? i - 1 : i + 1].number;
		return;
	}
}

static void mark_number(struct session *session, unsigned figure)
{
	for (uint32_t i = 0; i < session->prompts.count; i++) {
		if (session->prompts.list[i].number % 10 != figure)
			continue;
		session->marked = session->prompts.list[i].number;
		return;
	}
}

/* The second key: for how much. */
static void press_for(struct session *session, char key)
{
	struct prompt_answer given = {
		.number = session->marked,
		.action = (enum lwf_verdict_action)session->action,
		.what = PROMPT_FLOW,
		.time_ns =
			session->minutes ? session->minutes * 60000000000ull : PROMPTS_PROGRAM_NS,
	};

	if (key >= '0' && key <= '9') {
		session->minutes = session->minutes * 10 + (unsigned)(key - '0');
		if (session->minutes > MINUTES_MAX)
			session->minutes = MINUTES_MAX;
		return;
	}
	if (key == 'o')
		given.what = PROMPT_ONCE;
	else if (key == 'p')
		given.what = PROMPT_PROGRAM;
	else if (key == 'w')
		given.what = PROMPT_ALWAYS;
	session->action = -1;
	session->minutes = 0;
	if (key == '\r' || key == '\n' || key == 'f' || given.what != PROMPT_FLOW)
		answer(session, &given);
}

static void press(struct session *session, char key)
{
	keep_mark(session);
	if (session->action >= 0) {
		press_for(session, key);
		return;
	}
	switch (key) {
	case 'a':
	case 'd':
	case 'r':
		if (session->marked)
			session->action = key == 'a'   ? LWF_VERDICT_PERMIT
					  : key == 'd' ? LWF_VERDICT_BLOCK
						       : LWF_VERDICT_RESET;
		return;
	case 'j':
	case 'k':
		move_mark(session, key == 'j' ? 1 : -1);
		return;
	case 'q':
	case 4: /* Ctrl-D */
		session->over = true;
		return;
	default:
		if (key >= '0' && key <= '9')
			mark_number(session, (unsigned)(key - '0'));
		return;
	}
}

static void take_input(struct session *session)
{
	char *room = session->in + session->in_bytes;
	ssize_t n = read(STDIN_FILENO, room, sizeof(session->in) - 1 - session->in_bytes);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		hear_end(session);
		return;
	}
	if (!session->terminal) {
		session->in_bytes += (size_t)n;
		hear_lines(session);
		return;
	}
	for (ssize_t i = 0; i < n && !session->over; i++)
		press(session, room[i]);
}

/* ---- the loop ---- */

static void begin_terminal(struct session *session)
{
	struct termios raw;

	session->terminal = !session->line->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
			    !tcgetattr(STDIN_FILENO, &session->before);
	if (!session->terminal)
		return;
	raw = session->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void run(struct session *session)
{
	while (!session->over) {
		struct pollfd fds[] = {
			{.fd = lwf_verdict_fd(session->handle), .events = POLLIN},
			{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = session->signals, .events = POLLIN},
		};

		keep_mark(session);
		if (session->terminal)
			draw(session);
		poll(fds, 3, session->prompts.count ? TICK_MS : -1);
		if (fds[0].revents)
			take_events(session);
		expire(session);
		if (fds[1].revents)
			take_input(session);
		session->over |= fds[2].revents != 0 || ferror(stdout);
	}
	if (!session->terminal)
		return;
	erase(session);
	tcsetattr(STDIN_FILENO, TCSANOW, &session->before);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int ctl_verdict_ask(const struct ctl_line *line)
{
	struct session *session = calloc(1, sizeof(*session));
	struct lwf_verdict_options options;
	struct decider_place place;
	const char *why;
	int code = decider_options(line, &options);

	if (!session)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_REFUSED, "memory", NULL, "there is none");
	session->line = line;
	session->options = &options;
	session->action = -1;
	options.interactive = true;
	if (code < 0)
		code = decider_find(line, &place, &options);
	if (code < 0)
		code = decider_open(&options, &place, &session->handle);
	if (code < 0) {
		session->signals = open_signals();
		begin_terminal(session);
		run(session);
		code = LWF_EXIT_OK;
		if (lwf_verdict_is_gone(session->handle, &why))
			code = lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_UNREACHABLE, "lwfd",
					    "see its log, and start it again", "%s", why);
		close(session->signals);
	}
	lwf_verdict_close(session->handle);
	free(session);
	return lwf_cli_finish(CTL_PROGRAM, code);
}
