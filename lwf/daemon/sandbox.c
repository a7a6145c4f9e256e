/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sandbox.c - the rights that the daemon keeps; see sandbox.h.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <linux/capability.h>

#include "sandbox.h"

#ifdef LWF_HAVE_CAPNG
#include <cap-ng.h>

/** Keeps those of @keep that we have, and nothing else. */
static int keep_only(const unsigned *keep, size_t count)
{
	bool bounding;

	if (capng_get_caps_process())
		return -EPERM;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
		bool wanted = false;

		for (size_t n = 0; n < count; n++)
			wanted |= keep[n] == capability &&
				  capng_have_capability(CAPNG_PERMITTED, capability);
		if (capng_update(wanted ? CAPNG_ADD : CAPNG_DROP,
				 CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				 capability))
			return -EINVAL;
		(void)capng_update(CAPNG_DROP, CAPNG_INHERITABLE | CAPNG_AMBIENT, capability);
	}
	/* the bounding set first: shrinking it needs a right that is then dropped */
	if (bounding)
		(void)capng_apply(CAPNG_SELECT_BOUNDS);
	(void)capng_apply(CAPNG_SELECT_AMBIENT);
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}
#else
static int keep_only(const unsigned *keep, size_t count)
{
	(void)keep;
	(void)count;
	return 0;
}
#endif

#if defined(LWF_HAVE_SECCOMP) && !defined(LWF_SANITIZED)
#include <fcntl.h>
#include <seccomp.h>

/* What is not here fails with EPERM, so that a C library with other habits is no catastrophe. */
static int read_only_calls(void)
{
	static const int calls[] = {
		SCMP_SYS(read),	      SCMP_SYS(readlinkat),
		SCMP_SYS(getdents64), SCMP_SYS(close),
		SCMP_SYS(lseek),      SCMP_SYS(poll),
		SCMP_SYS(ppoll),      SCMP_SYS(sendto),
		SCMP_SYS(sendmsg),    SCMP_SYS(recvfrom),
		SCMP_SYS(recvmsg),    SCMP_SYS(clock_gettime),
		SCMP_SYS(brk),	      SCMP_SYS(mmap),
		SCMP_SYS(munmap),     SCMP_SYS(exit),
		SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(futex),      SCMP_SYS(restart_syscall),
	};
	const struct scmp_arg_cmp read_only =
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = filter ? 0 : -ENOMEM;

	for (size_t n = 0; !ret && n < sizeof(calls) / sizeof(calls[0]); n++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[n], 0);
	if (!ret)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
					     &read_only);
	if (!ret)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret;
}
#else
static int read_only_calls(void)
{
	return 0;
}
#endif

void sandbox_begin(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int sandbox_enter(void)
{
	static const unsigned keep[] = {CAP_NET_ADMIN, CAP_NET_RAW};

	return keep_only(keep, sizeof(keep) / sizeof(keep[0]));
}

int sandbox_enter_guardian(void)
{
	static const unsigned keep[] = {CAP_NET_ADMIN};

	return keep_only(keep, sizeof(keep) / sizeof(keep[0]));
}

int sandbox_enter_resolver(void)
{
	static const unsigned keep[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};
	int ret = keep_only(keep, sizeof(keep) / sizeof(keep[0]));

	return ret ? ret : read_only_calls();
}

/** Adds the effective capabilities of one thread to @all; *no_new_privs only stays true. */
static void read_thread(const char *name, uint64_t *all, bool *no_new_privs)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "CapEff:", 7))
			*all |= strtoull(line + 7, NULL, 16);
		else if (!strncmp(line, "NoNewPrivs:", 11))
			*no_new_privs &= strtol(line + 11, NULL, 10) == 1;
	}
	fclose(file);
}

void sandbox_describe(char *text, size_t bytes)
{
	static const struct {
		unsigned capability;
		const char *name;
	} known[] = {{CAP_NET_ADMIN, "net_admin,"}, {CAP_NET_RAW, "net_raw,"}};
	bool no_new_privs = true;
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;
	char others[32] = "";
	const char *names[2] = {"", ""};
	uint64_t all = 0;
	size_t used;

	while (threads && (thread = readdir(threads)))
		if (thread->d_name[0] != '.')
			read_thread(thread->d_name, &all, &no_new_privs);
	if (threads)
		closedir(threads);
	for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		if (all & (1ull << known[n].capability))
			names[n] = known[n].name;
		all &= ~(1ull << known[n].capability);
	}
	if (all)
		snprintf(others, sizeof(others), "0x%" PRIx64 ",", all);
	snprintf(text, bytes, "%s%s%s", names[0], names[1], others);
	used = strlen(text);
	if (used)
		text[--used] = '\0'; /* the last comma */
	if (no_new_privs)
		snprintf(text + used, bytes - used, "%sno_new_privs", used ? " " : "");
}
