/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * takeover.c - moves addresses and routes of a NIC to its TAP, and back; see takeover.h.
 *
 * What the NIC has is read once, as requests that would make it. Copies of these, aimed at the TAP,
 * and their inverses are all that is ever sent:
 *
 *	begin	make at the TAP: addresses, routes; undo at the NIC: routes, addresses
 *	end	make at the NIC: addresses, routes; undo at the TAP: routes, addresses
 *
 * The second line is also the journal, what the watchdog child gets, and the way back when a step
 * of the first fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "guardian.h"
#include "leftovers.h"
#include "link.h"
#include "nsnet.h"
#include "rtconf.h"
#include "rtnl.h"
#include "takeover.h"

#define JOURNAL_PATH_BYTES 256u			 /* as long as the watchdog child takes it */
#define NO_INDEX	   ((uint32_t)INT32_MAX) /* of an interface that does not exist */

struct takeover {
	struct nsnet *ns;
	struct guardian *guardian;
	int netlink;
	uint32_t nic_index, tap_index;	 /* NO_INDEX while it is gone */
	struct rtconf addresses, routes; /* for the NIC as it was at first, nic_made_for */
	uint32_t nic_made_for;
	int journal; /* locked, -1 without a runtime directory */
	char key[GUARDIAN_KEY_BYTES];
	char journal_path[JOURNAL_PATH_BYTES];
	char nic_name[LINK_NAME_BYTES], tap_name[LINK_NAME_BYTES];
};

/** A journal in memory: header, then @make and the inverse of @undo, aimed at @from and @to. */
struct plan {
	struct rtconf conf;
};

static struct lwf_journal *plan_head(struct plan *plan)
{
	return (struct lwf_journal *)plan->conf.bytes;
}

static void plan_free(struct plan *plan)
{
	rtconf_free(&plan->conf);
}

/** Adds what was read, aimed at interface @index: made, or undone. */
static int plan_add(struct plan *plan, const struct takeover *takeover, uint32_t index, bool make)
{
	const struct rtconf *first = make ? &takeover->addresses : &takeover->routes;
	const struct rtconf *then = make ? &takeover->routes : &takeover->addresses;
	struct lwf_journal aim = {.nic_index = takeover->nic_made_for, .tap_index = NO_INDEX};
	struct rtconf part = {0};
	int error = rtconf_append(&part, &aim, sizeof(aim));

	if (!error && make)
		error = rtconf_append(&part, first->bytes, first->used);
	if (!error && make)
		error = rtconf_append(&part, then->bytes, then->used);
	if (!error && !make)
		error = rtconf_append_inverse(&part, first);
	if (!error && !make)
		error = rtconf_append_inverse(&part, then);
	if (!error) {
		struct lwf_journal *head = (struct lwf_journal *)part.bytes;

		head->bytes = (uint32_t)(part.used - sizeof(*head));
		lwf_journal_retarget(head, index, NO_INDEX);
		error = rtconf_append(&plan->conf, head + 1, head->bytes);
	}
	rtconf_free(&part);
	return error;
}

/** Makes at @to, then undoes at @from. */
static int plan_make(struct plan *plan, const struct takeover *takeover, uint32_t to, uint32_t from)
{
	struct lwf_journal head = {
		.magic = LWF_JOURNAL_MAGIC,
		.netns = nsnet_inode(takeover->ns),
		.nic_index = takeover->nic_index,
		.tap_index = takeover->tap_index,
	};
	int error;

	memset(plan, 0, sizeof(*plan));
	memcpy(head.nic_name, takeover->nic_name, sizeof(head.nic_name));
	memcpy(head.tap_name, takeover->tap_name, sizeof(head.tap_name));
	error = rtconf_append(&plan->conf, &head, sizeof(head));
	if (!error)
		error = plan_add(plan, takeover, to, true);
	if (!error)
		error = plan_add(plan, takeover, from, false);
	if (error) {
		plan_free(plan);
		return error;
	}
	plan_head(plan)->bytes = (uint32_t)(plan->conf.used - sizeof(head));
	return 0;
}

static void plan_play(struct plan *plan, const struct takeover *takeover)
{
	lwf_netlink_play(takeover->netlink, plan_head(plan) + 1, plan_head(plan)->bytes, NULL);
}

/* ---- journal and watchdog ---- */

static int journal_path(char *path, size_t bytes, const char *runtime_dir, const char *stack_name)
{
	int length = snprintf(path, bytes, "%s/%s" LWF_JOURNAL_SUFFIX, runtime_dir, stack_name);

	return length < 0 || (size_t)length >= bytes ? -ENAMETOOLONG : 0;
}

static int open_netlink(void *argument)
{
	return lwf_netlink_open(argument);
}

bool takeover_recover(struct nsnet *ns, const char *runtime_dir, const char *stack_name)
{
	enum lwf_restore result = LWF_RESTORE_BROKEN;
	char path[JOURNAL_PATH_BYTES];
	int fd;

	if (journal_path(path, sizeof(path), runtime_dir, stack_name) ||
	    nsnet_call(ns, open_netlink, &fd))
		return false;
	result = lwf_journal_restore(path, fd, nsnet_inode(ns), NULL);
	close(fd);
	return result == LWF_RESTORE_DONE;
}

static int open_journal(struct takeover *takeover, const struct takeover_config *config)
{
	int error = journal_path(takeover->journal_path, sizeof(takeover->journal_path),
				 config->runtime_dir, config->stack_name);

	if (error)
		return error;
	takeover->journal =
		open(takeover->journal_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (takeover->journal < 0)
		return -errno;
	if (flock(takeover->journal, LOCK_EX | LOCK_NB) < 0) {
		error = -errno;
		close(takeover->journal);
		takeover->journal = -1; /* another daemon's: not ours to remove */
		return error;
	}
	return guardian_file(takeover->guardian, takeover->journal_path);
}

/** Writes down how to get back, before anything changes. */
static int write_down(struct takeover *takeover)
{
	struct plan plan;
	size_t bytes;
	int error = plan_make(&plan, takeover, takeover->nic_index, takeover->tap_index);

	if (error)
		return error;
	bytes = plan.conf.used;
	if (takeover->journal >= 0) {
		if (ftruncate(takeover->journal, 0) < 0 ||
		    pwrite(takeover->journal, plan.conf.bytes, bytes, 0) != (ssize_t)bytes)
			error = -EIO;
		else
			error = guardian_file(takeover->guardian, takeover->journal_path);
	}
	if (!error)
		error = guardian_requests(takeover->guardian, takeover->key, takeover->ns,
					  plan_head(&plan) + 1, plan_head(&plan)->bytes);
	plan_free(&plan);
	return error;
}

static void forget(struct takeover *takeover)
{
	(void)guardian_requests(takeover->guardian, takeover->key, takeover->ns, NULL, 0);
	if (takeover->journal < 0)
		return;
	guardian_forget_file(takeover->guardian, takeover->journal_path);
	(void)unlink(takeover->journal_path);
}

/* ---- moving ---- */

static int read_nic(struct takeover *takeover)
{
	struct nl_sock *sock;
	int error = rtnl_open(takeover->ns, &sock);

	if (error)
		return error;
	error = rtconf_addresses(sock, takeover->nic_index, &takeover->addresses);
	if (!error)
		error = rtconf_routes(sock, takeover->nic_index, &takeover->routes);
	rtnl_close(sock);
	return error;
}

/** Addresses and routes at the TAP, all of them, or -errno. */
static int make_at_tap(struct takeover *takeover, const char **step)
{
	struct plan plan = {0};
	int error = 0, result = plan_add(&plan, takeover, takeover->tap_index, true);

	*step = "read the configuration";
	if (!result)
		lwf_netlink_play(takeover->netlink, plan.conf.bytes, plan.conf.used, &error);
	plan_free(&plan);
	*step = "give addresses and routes to the TAP";
	return result ? result : error;
}

static int undo_at_nic(struct takeover *takeover)
{
	struct plan plan = {0};
	int error = plan_add(&plan, takeover, takeover->nic_index, false);

	/* some go with others before it is their turn: failures mean that they are gone */
	if (!error)
		lwf_netlink_play(takeover->netlink, plan.conf.bytes, plan.conf.used, NULL);
	plan_free(&plan);
	return error;
}

static void move_back(struct takeover *takeover)
{
	struct plan plan;

	if (takeover->nic_index == NO_INDEX ||
	    plan_make(&plan, takeover, takeover->nic_index, takeover->tap_index))
		return;
	plan_play(&plan, takeover);
	plan_free(&plan);
}

static void release(struct takeover *takeover)
{
	if (takeover->journal >= 0)
		close(takeover->journal);
	if (takeover->netlink >= 0)
		close(takeover->netlink);
	rtconf_free(&takeover->addresses);
	rtconf_free(&takeover->routes);
	nsnet_put(takeover->ns);
	free(takeover);
}

static struct takeover *make(const struct takeover_config *config)
{
	struct takeover *takeover = calloc(1, sizeof(*takeover));

	if (!takeover)
		return NULL;
	takeover->ns = nsnet_ref(config->ns);
	takeover->guardian = config->guardian;
	takeover->nic_index = takeover->nic_made_for = config->nic_ifindex;
	takeover->tap_index = config->tap_ifindex;
	takeover->journal = takeover->netlink = -1;
	snprintf(takeover->key, sizeof(takeover->key), "takeover %s", config->stack_name);
	snprintf(takeover->nic_name, sizeof(takeover->nic_name), "%s", config->nic_name);
	snprintf(takeover->tap_name, sizeof(takeover->tap_name), "%s", config->tap_name);
	return takeover;
}

int takeover_begin(const struct takeover_config *config, struct takeover **result, char *error,
		   size_t error_bytes)
{
	struct takeover *takeover = make(config);
	const char *step = "open netlink";
	int code = -ENOMEM;

	if (takeover)
		code = nsnet_call(takeover->ns, open_netlink, &takeover->netlink);
	if (!code && config->runtime_dir) {
		step = "make the journal";
		code = open_journal(takeover, config);
	}
	if (!code) {
		step = "read its addresses and routes";
		code = read_nic(takeover);
	}
	if (!code) {
		step = "write the journal";
		code = write_down(takeover);
	}
	if (code)
		goto forget_it;
	code = make_at_tap(takeover, &step);
	if (!code)
		code = undo_at_nic(takeover);
	if (!code) {
		*result = takeover;
		return 0;
	}
	move_back(takeover);
forget_it:
	snprintf(error, error_bytes, "%s: could not %s (%s); everything is back on it",
		 config->nic_name, step, strerror(-code));
	if (takeover) {
		forget(takeover);
		release(takeover);
	}
	return code;
}

void takeover_describe(const struct takeover *takeover, char *text, size_t bytes)
{
	uint32_t addresses = takeover->addresses.count, routes = takeover->routes.count;
	int used = snprintf(text, bytes, "%u address%s, %u route%s", addresses,
			    addresses == 1 ? "" : "es", routes, routes == 1 ? "" : "s");

	if (takeover->routes.skipped && used > 0 && (size_t)used < bytes)
		snprintf(text + used, bytes - (size_t)used, " (%u through nexthop objects stay)",
			 takeover->routes.skipped);
}

void takeover_nic_changed(struct takeover *takeover, uint32_t ifindex)
{
	takeover->nic_index = ifindex ? ifindex : NO_INDEX;
	(void)write_down(takeover);
}

int takeover_tap_changed(struct takeover *takeover, uint32_t ifindex)
{
	const char *step;

	takeover->tap_index = ifindex;
	(void)write_down(takeover);
	return make_at_tap(takeover, &step);
}

void takeover_end(struct takeover *takeover)
{
	if (!takeover)
		return;
	move_back(takeover);
	forget(takeover);
	release(takeover);
}
