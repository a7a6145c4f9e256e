/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_usage.c - what a daemon of the live world uses, by the kernel's account of its process; and
 * whether a second one would get in.
 *
 * Processor time is the clock of the process, in ns. The rest is read below a /proc that was opened before
 * the run entered its PID namespace: there its processes have the numbers that the run knows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live_world.h"

#define SAMPLE_NS 100000000ull
#define SECOND_NS 1000000000ull
#define SHARE	  1000000ull
#define NAME_FORM "%s-second"

/* ---- processor time ---- */

static bool cpu_time(pid_t pid, uint64_t *ns)
{
	struct timespec time;
	clockid_t clock;

	if (pid <= 0 || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time))
		return false;
	*ns = (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
	return true;
}

void live_usage_sample(struct live_link *link)
{
	struct live_usage *usage = &link->usage;
	uint32_t last = (usage->count + LIVE_SAMPLES - 1) % LIVE_SAMPLES;
	uint64_t now = live_clock_ns(), ns;

	if ((usage->count && now - usage->at_ns[last] < SAMPLE_NS) || !cpu_time(link->pid, &ns))
		return;
	usage->at_ns[usage->count % LIVE_SAMPLES] = now;
	usage->cpu_ns[usage->count % LIVE_SAMPLES] = ns;
	usage->count++;
}

/* Over the last second, or as long as it lives. */
static uint64_t cpu_share(const struct live_link *link)
{
	const struct live_usage *usage = &link->usage;
	uint64_t now = live_clock_ns(), ns;
	uint32_t most = usage->count < LIVE_SAMPLES ? usage->count : LIVE_SAMPLES, from = 0;

	if (!most || !cpu_time(link->pid, &ns))
		return 0;
	for (uint32_t back = 1; back <= most; back++) {
		from = (usage->count - back) % LIVE_SAMPLES;
		if (now - usage->at_ns[from] >= SECOND_NS)
			break;
	}
	if (now == usage->at_ns[from])
		return 0;
	return (ns - usage->cpu_ns[from]) * SHARE / (now - usage->at_ns[from]);
}

/* ---- /proc ---- */

static bool resident(const struct live_link *link, uint64_t *bytes)
{
	char path[40], text[128];
	const char *second;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%d/statm", (int)link->pid);
	fd = openat(link->world->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	second = strchr(text, ' ');
	if (!second)
		return false;
	*bytes = (uint64_t)strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static bool descriptors(const struct live_link *link, uint64_t *count)
{
	const struct dirent *entry;
	char path[40];
	DIR *folder;
	int fd;

	snprintf(path, sizeof(path), "%d/fd", (int)link->pid);
	fd = openat(link->world->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	folder = fdopendir(fd);
	if (!folder) {
		close(fd);
		return false;
	}
	*count = 0;
	while ((entry = readdir(folder)))
		*count += entry->d_name[0] != '.';
	closedir(folder);
	return true;
}

/* ---- what a daemon is asked ---- */

static bool ask_one(const struct live_link *link, enum stress_quantity quantity, uint64_t *value)
{
	*value = 0;
	if (link->pid <= 0)
		return true;
	switch (quantity) {
	case STRESS_QUANTITY_CPU:
		*value = cpu_share(link);
		return true;
	case STRESS_QUANTITY_MEMORY_OF:
		return resident(link, value);
	default:
		return descriptors(link, value);
	}
}

/* Of all that the daemon is, the one that took longest. */
static uint64_t ended_in(const struct live_world *world, uint32_t daemon)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < world->base.options.scenario->links; i++) {
		const struct live_link *link = &world->link[i];

		if (link->declared->daemon == daemon && link->ended_in_ns > most)
			most = link->ended_in_ns;
	}
	return most;
}

int live_usage_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		   struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	bool alive = !(world->down & 1u << question->object.index);
	uint64_t sum = 0, one;

	if (question->quantity == STRESS_QUANTITY_ENDED_IN) {
		*value = (int64_t)ended_in(world, question->object.index);
		return 0;
	}
	for (uint32_t i = 0; i < scenario->links; i++) {
		const struct live_link *link = &world->link[i];

		if (link->declared->daemon != question->object.index)
			continue;
		alive = alive && link->pid > 0;
		if (question->quantity == STRESS_QUANTITY_ALIVE)
			continue;
		if (!ask_one(link, question->quantity, &one))
			return live_refuse(error, LWF_EXIT_SKIPPED,
					   stress_quantity_row(question->quantity)->name,
					   "/proc does not tell it here");
		sum += one;
	}
	*value = question->quantity == STRESS_QUANTITY_ALIVE ? alive : (int64_t)sum;
	return 0;
}

/* ---- a second daemon ---- */

int live_second_daemon(struct live_link *link, int64_t *value, struct lwf_error *error)
{
	uint64_t until = live_clock_ns() + LIVE_START_NS;
	char control[LIVE_PATH_BYTES + 8], log[LIVE_PATH_BYTES + 8], lower[64], name[64];
	const char *argv[] = {link->world->lwfd, "--lower", lower,	 "--upper", "none",
			      "--stack",	 name,	    "--control", control,   NULL};
	int status = 0, ended;
	pid_t pid;

	snprintf(control, sizeof(control), NAME_FORM, link->control);
	snprintf(log, sizeof(log), strcmp(link->log, LIVE_NO_LOG) == 0 ? "%s" : NAME_FORM,
		 link->log);
	snprintf(name, sizeof(name), NAME_FORM, link->declared->name);
	snprintf(lower, sizeof(lower), "nic:%s", link->nic);
	pid = live_spawn(argv, log);
	if (pid < 0)
		return live_refuse(error, LWF_EXIT_FALSE, link->world->lwfd,
				   "it cannot be started: %s", strerror((int)-pid));
	while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
		/* it got in: then its exit code is that of one that is told to end */
		if (access(control, F_OK) == 0)
			kill(pid, SIGTERM);
		if (live_clock_ns() >= until)
			kill(pid, SIGKILL);
		live_watch_hear(link);
		live_sleep_ns(LIVE_LOOK_NS);
	}
	*value = ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : LWF_EXIT_TIMEOUT;
	return 0;
}
