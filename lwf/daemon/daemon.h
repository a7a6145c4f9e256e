/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.h - one lwfd process: what it owns, its start in stages, its orderly end.
 *
 * main.c names the stages; daemon.c does them, announce.c tells the user. Loop thread only.
 */
#ifndef LWF_DAEMON_DAEMON_H
#define LWF_DAEMON_DAEMON_H

#include <stdbool.h>

#include "adapter.h"
#include "control.h"
#include "guardian.h"
#include "link.h"
#include "owner.h"
#include "socket.h"

#define LWF_START_LIMIT_NS  2000000000ull /* then it is told how far the stack is, and served */
/* The end takes less than 2 s in all. */
#define LWF_DRAIN_LIMIT_NS  1000000000ull /* what is not home by then is cancelled */
#define LWF_CANCEL_LIMIT_NS 400000000ull  /* and what is not home by then is named and left */
#define LWF_CLOSE_LIMIT_NS  300000000ull  /* likewise, for giving the devices back */

enum lwf_phase {
	LWF_PHASE_STARTING, /* until the stack has settled for the first time */
	LWF_PHASE_SERVING,
	LWF_PHASE_DRAINING, /* told to end: frames go home, sessions get their answers */
	LWF_PHASE_CLOSING,  /* everything is undone, the stack goes */
};

struct lwf_daemon {
	const struct lwf_config *config;
	enum lwf_phase phase;
	int exit_code;
	struct guardian *guardian;
	struct owner_resolver resolver; /* until the service takes it */
	struct owner_service *owners;
	struct lwf_socket sock;
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_server server;
	bool has_server;
	struct link_monitor *monitor;
	struct adapter *adapter;
	struct lwf_edge *upper, *lower; /* until the stack takes them */
	struct lwf_stack *stack;
	bool has_run; /* adapter_running() was called */
	struct lwf_observer observer;
	struct lwf_task task;
	bool posted;
	bool cancelled; /* what was held at the end was asked back */
	struct lwf_timer limit;
	char did[512];	  /* what was done to the machine, for the user */
	char rights[128]; /* what the sandbox kept */
};

/** Nothing is owned yet. @config is lent. */
void lwf_daemon_init(struct lwf_daemon *daemon, const struct lwf_config *config);

/*
 * The stages. Each returns -1 to go on, or the exit code after it has said on stderr what is wrong;
 * what was done is undone by lwf_daemon_end().
 */
int lwf_daemon_guardian(struct lwf_daemon *daemon);
int lwf_daemon_resolver(struct lwf_daemon *daemon);
int lwf_daemon_claim(struct lwf_daemon *daemon);
int lwf_daemon_host(struct lwf_daemon *daemon);
int lwf_daemon_adapter(struct lwf_daemon *daemon);
int lwf_daemon_edges(struct lwf_daemon *daemon);
int lwf_daemon_stack(struct lwf_daemon *daemon);
int lwf_daemon_follow(struct lwf_daemon *daemon);
int lwf_daemon_socket(struct lwf_daemon *daemon);

/**
 * Starts the stack and runs until it is told to end. When the stack has settled: TAP up, takeover,
 * rights dropped, socket shown, user told. Returns the exit code.
 */
int lwf_daemon_serve(struct lwf_daemon *daemon);

/** Undoes all stages that were done, in reverse. Returns @code, or what went wrong. */
int lwf_daemon_end(struct lwf_daemon *daemon, int code);

/* ---- announce.c ---- */

/** Says on stdout what was done, and the next two commands to try. */
void lwf_daemon_announce(const struct lwf_daemon *daemon);

/** SIGUSR1: everything that `lwfctl show` knows, to the log. */
void lwf_daemon_dump(const struct lwf_daemon *daemon);

#endif
