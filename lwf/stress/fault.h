/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.h - faults on the stack of a running lwfd, and how each is undone.
 *
 * A target is what a stack stands on, as it was when it was found: its devices, the far end of its
 * cable, its daemon. Doing something to it first marks what will no longer be as it was, in a page
 * that the guardian sees, a child that does nothing but wait for the end of its parent. Undoing is:
 * making what is marked as it was. It looks at what there is now and does what is missing, so it may
 * be done twice, from the middle, and by either of the two.
 *
 * fault_find.c finds a target, fault_lock.c keeps others away from it, fault_device.c does things to
 * its devices, fault_process.c to its daemon and clients, fault_order.c keeps account of orders,
 * fault_daemon.c starts a daemon again, with the rights of fault_rights.c, fault_guard.c is the
 * guardian, fault_check.c says what cannot be done, before anything is, and fault_upon.c what would
 * be lost. One thread. Nothing here is undone by itself: fault_mend() has to be called.
 */
#ifndef LWF_STRESS_FAULT_H
#define LWF_STRESS_FAULT_H

#include <stdatomic.h>
#include <sys/resource.h>

#include <jansson.h>
#include <lwf/stack.h>

#include "connection.h"
#include "fault_net.h"
#include "fault_space.h"
#include "scenario.h"

#define FAULT_PATH_BYTES 256u
#define FAULT_WAIT_NS	 10000000000ull /* for a daemon that ends or begins */

enum fault_which { FAULT_LOWER, FAULT_UPPER, FAULT_PEER, FAULT_SIDES };

/** What of a device, or of a daemon, is not as it was: bits. */
enum fault_aspect {
	FAULT_PRESENT = 0x1, /* it is deleted, or elsewhere */
	FAULT_NAME = 0x2,
	FAULT_MTU = 0x4,
	FAULT_MAC = 0x8,
	FAULT_UP = 0x10,
	FAULT_CARRIER = 0x20, /* of a device without a peer */
	FAULT_FORCED = 0x40,  /* lower: the stack acts as without carrier */
	FAULT_DEAD = 0x80,    /* the daemon */
	FAULT_STOPPED = 0x100,
	FAULT_LIMITED = 0x200,	/* in descriptors */
	FAULT_QUEUE = 0x400,	/* the length of that of lo, in the NIC's namespace */
	FAULT_CLIENT = 0x800,	/* the client is stopped */
	FAULT_HELD = 0x1000,	/* a user's hold is set, or is not, by an order of the run */
	FAULT_MODULES = 0x2000, /* there are modules that the run has inserted */
	/* what the faults library says to the daemon: */
	FAULT_LIE_LOWER = 0x4000, /* of sends */
	FAULT_LIE_UPPER = 0x8000,
	FAULT_LIE_MEMORY = 0x10000,
	FAULT_LIE_DESCRIPTORS = 0x20000,
	FAULT_LIE_CLOCK = 0x40000,
};

#define FAULT_DEVICE_ASPECTS \
	(FAULT_PRESENT | FAULT_NAME | FAULT_MTU | FAULT_MAC | FAULT_UP | FAULT_CARRIER)
#define FAULT_LIES                                                                      \
	(FAULT_LIE_LOWER | FAULT_LIE_UPPER | FAULT_LIE_MEMORY | FAULT_LIE_DESCRIPTORS | \
	 FAULT_LIE_CLOCK)
/* With these an interface may lose addresses, routes, neighbours. */
#define FAULT_LOSES    (FAULT_PRESENT | FAULT_NAME | FAULT_MTU | FAULT_MAC | FAULT_UP)
#define FAULT_MTU_IPV6 1280u /* with less an interface loses its IPv6 */

#define FAULT_DAEMON_ASPECTS                                                                      \
	(FAULT_DEAD | FAULT_STOPPED | FAULT_LIMITED | FAULT_QUEUE | FAULT_CLIENT | FAULT_FORCED | \
	 FAULT_LIES | FAULT_HELD | FAULT_MODULES)
#define FAULT_MODULES_MAX LWF_STACK_MODULES_MAX

/** A module of the run. */
struct fault_inserted {
	char filter[STRESS_NAME_BYTES]; /* empty: none */
	char module[STRESS_NAME_BYTES]; /* empty: it was ordered, and its name is not known yet */
};

/** Shared with the guardian. */
struct fault_marks {
	_Atomic uint32_t changed[FAULT_SIDES]; /* enum fault_aspect; a daemon's are at LOWER */
	_Atomic uint32_t ifindex[FAULT_SIDES]; /* of the devices by now */
	_Atomic pid_t daemon;		       /* another one since; 0: the first */
	_Atomic bool well;		       /* the guardian has nothing to do */
	struct fault_inserted inserted[FAULT_MODULES_MAX]; /* read when its writer is gone */
};

/** A device of the target, as it was. */
struct fault_side {
	struct fault_space space; /* none: there is no such device, or it cannot be reached */
	struct fault_device was;
	struct fault_device is; /* with the faults that last; what its own kernel gave it apart */
	struct fault_keep keep; /* its addresses and routes */
};

#define FAULT_GROUPS_MAX 64u

/** What a process may do, as far as another one of its user can take it over. */
struct fault_rights {
	mode_t umask;
	gid_t gid[3]; /* real, effective, saved */
	gid_t group[FAULT_GROUPS_MAX];
	size_t groups;
	struct rlimit limit[RLIM_NLIMITS];
};

/** How a daemon was started. */
struct fault_start {
	bool known;
	struct fault_rights rights;
	char exe[FAULT_PATH_BYTES], cwd[FAULT_PATH_BYTES];
	char *arguments, *environment; /* texts, one after the other */
	size_t argument_bytes, environment_bytes;
	int out, err;	       /* where it wrote; -1: nowhere now */
	int page, page_number; /* of the faults library, and its number there; -1: none */
	struct fault_space space;
};

/** A process, held so that no other one can be meant. */
struct fault_process {
	pid_t pid; /* 0: none */
	int fd;	   /* pidfd; -1 */
};

struct fault_target {
	char stack[STRESS_NAME_BYTES];
	char control[FAULT_PATH_BYTES];
	struct fault_marks *marks;
	struct fault_side side[FAULT_SIDES];
	char lower_kind[FAULT_KIND_BYTES]; /* of edge: "nic", "pcap" */
	bool was_forced;
	uint32_t was_held; /* bits of enum lwf_hold */
	uint32_t modules;  /* that were there before */
	char module[FAULT_MODULES_MAX][STRESS_NAME_BYTES];
	bool qdisc_kernel;
	struct fault_space away; /* where a device is moved to; none until it is wanted */
	struct fault_process daemon, client;
	char client_name[32];
	struct fault_start start;
	struct rlimit descriptors; /* the daemon's, as they were */
	struct fault_page *page;   /* of the faults library in it; NULL: not looked for, or none */
	uint32_t lo_queue_frames;
	int lock[2]; /* on the stack, and on its daemon; -1 */
};

/** Who else may change something meanwhile; so many locks it takes. */
enum fault_lock {
	FAULT_LOCK_NONE,   /* anybody: nothing has to be put back */
	FAULT_LOCK_STACK,  /* who changes another stack of the daemon */
	FAULT_LOCK_DAEMON, /* nobody */
};

/** What is to be done. */
struct fault_deed {
	enum stress_fault fault;
	enum fault_which side;
	int64_t number;	  /* count, bytes */
	const char *word; /* name, MAC; "" without */
	uint32_t spared;  /* of sends: millionths that it does not concern */
};

/* ---- fault_find.c ---- */

/** A target of nothing, which fault_lose() takes, too. */
void fault_init(struct fault_target *target);

/**
 * Finds the stack @name of the daemon at @control (NULL: as all programs). Accepts NAME.lower and
 * NAME.upper too; *side is which it names. What there is is looked at under @lock, which lasts until
 * fault_lose(), and until the guardian has ended. Returns 0; or an exit code with @error: 6 when another process
 * has that lock. fault_lose() frees what it has, also after an error.
 */
int fault_find(struct fault_target *target, const char *control, const char *name,
	       enum fault_lock lock, enum fault_which *side, struct lwf_error *error);
void fault_lose(struct fault_target *target);

/** The client @name (comm, session id or pid; NULL: the only one) of the stack. 0 or an exit code. */
int fault_find_client(struct fault_target *target, const char *name, struct lwf_error *error);

/** Another daemon has the stack now: holds that one. 0 or an exit code with @error. */
int fault_hold_again(struct fault_target *target, struct lwf_error *error);

/** The one that is held, as of now: the guardian did not see it begin. */
void fault_hold_marked(struct fault_target *target);

/** The answer of the target's daemon to SHOW; NULL with @error. The caller's. */
json_t *fault_show(const struct fault_target *target, struct lwf_error *error);

/* ---- fault_lock.c ---- */

/** For the stack that @target names, of the daemon that it holds. 0 or an exit code with @error. */
int fault_lock(struct fault_target *target, enum fault_lock lock, struct lwf_error *error);

/* ---- fault_check.c ---- */

/** True for those that only a run of a scenario can have: with clients, devices and namespaces of its own. */
bool fault_is_of_runs(enum stress_fault fault);

/** True for faults that take a stack's network away from its host. */
bool fault_cuts(enum stress_fault fault);

/** True when the host's default route goes through the stack; @name gets the interface. */
bool fault_is_default_route(const struct fault_target *target, char name[IFNAMSIZ]);

/** Says what makes @deed impossible. 0, or an exit code with @error: nothing was done. */
int fault_check(struct fault_target *target, const struct fault_deed *deed,
		struct lwf_error *error);

/* ---- fault_order.c: pause, detach, filters that come; of a run ---- */

/** Takes holds and modules of @stack, as SHOW tells them, for those that were before. */
void fault_order_learn(struct fault_target *target, const json_t *stack);

/** True for orders that may take a stack's network away from its host. */
bool fault_order_cuts(enum stress_order order);

/** Says what makes @order (to @module; "" without) impossible. 0, or an exit code with @error. */
int fault_order_check(const struct fault_target *target, enum stress_order order,
		      const char *module, struct lwf_error *error);

/** Before @order is given: checks, and marks what it changes. 0, or an exit code with @error. */
int fault_order_begin(struct fault_target *target, enum stress_order order, const char *module,
		      const char *spec, struct lwf_error *error);

/** It was carried out: @stack (NULL: it cannot be seen) is as it is now. */
void fault_order_end(struct fault_target *target, enum stress_order order, const char *module,
		     const json_t *stack);

/** The daemon is gone, and all that it was told by orders with it. */
void fault_order_forget(struct fault_target *target);

/** For fault_mend(). 0 or -errno. */
int fault_mend_orders(struct fault_target *target, uint32_t aspects);

/* ---- fault_upon.c ---- */

/** Says what would be lost with a device by @deed, and could not be given back. 0, or 6 with @error. */
int fault_check_upon(struct fault_target *target, const struct fault_deed *deed,
		     struct lwf_error *error);

/* ---- fault_lie.c: for daemons that `lwf-stress start` has started ---- */

bool fault_is_lie(enum stress_fault fault);
enum fault_aspect fault_lie_aspect(const struct fault_deed *deed);
int fault_check_lie(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error);
void fault_do_lie(struct fault_target *target, const struct fault_deed *deed);
void fault_mend_lie(struct fault_target *target, uint32_t aspects);

/** Opens the page of the library in @daemon, which has it as *number. -1: there is none. */
int fault_page_open(pid_t daemon, int *number);

/** The target has another daemon: its page is meant from now on; while none runs, that of the last. */
void fault_page_follow(struct fault_target *target);

/** Before a daemon begins that gets the page of the last one: without memory it could not. */
void fault_page_feed(struct fault_target *target);

/** Ends DESCRIPTORS_DENY alone. */
void fault_give_descriptors(struct fault_target *target);

/* ---- fault_device.c, fault_process.c ---- */

/** Does it. 0 or an exit code with @error; what was marked by then has to be mended. */
int fault_do(struct fault_target *target, const struct fault_deed *deed, struct lwf_error *error);
int fault_do_device(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error);
int fault_do_daemon(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error);

/** Makes @aspects of @side as they were, as far as they are marked. 0 or -errno, the first. */
int fault_mend(struct fault_target *target, enum fault_which side, uint32_t aspects);

/** All that is marked. */
int fault_mend_all(struct fault_target *target);
int fault_mend_device(struct fault_target *target, enum fault_which side, uint32_t aspects);
int fault_mend_daemon(struct fault_target *target, uint32_t aspects);

/** Marks what will not be as it was from now on. */
void fault_mark(struct fault_target *target, enum fault_which side, uint32_t aspects);

/** What @deed marks, and of which device. */
uint32_t fault_aspects(const struct fault_target *target, const struct fault_deed *deed,
		       enum fault_which *side);

/** Fills @error for @target from the kernel's @err. Returns the exit code; 0 without an error. */
int fault_told(const char *what, int err, struct lwf_error *error);

/** A descriptor of a process, which the caller closes. -errno. */
int fault_pidfd(pid_t pid);

/** Whether the process of a pidfd has not ended. */
bool fault_is_alive(int pidfd);

/** Sends a signal. 0 or -errno. */
int fault_signal(const struct fault_process *process, int signal);

/** Keeps how many descriptors the daemon of @target may have. */
void fault_read_limits(struct fault_target *target);

/** Waits until a process is gone, or @until_ns (CLOCK_MONOTONIC). */
bool fault_wait_gone(const struct fault_process *process, uint64_t until_ns);

/* ---- fault_daemon.c ---- */

/** Reads how the daemon was started, and whether it could be again: 0 or an exit code with @error. */
int fault_start_learn(struct fault_target *target, struct lwf_error *error);

/** Starts it again, unless one answers already; returns when one does. 0 or -errno. */
int fault_start_again(struct fault_target *target);
void fault_start_free(struct fault_start *start);

/* ---- fault_rights.c ---- */

/**
 * Reads the rights of the daemon of @target. 0; or 6 with @error: another one, started from here, would have others.
 */
int fault_rights_learn(const struct fault_target *target, struct fault_rights *rights,
		       struct lwf_error *error);

/** Takes them over, in this process. 0 or -errno. */
int fault_rights_take(const struct fault_rights *rights);

/* ---- fault_guard.c ---- */

struct fault_guard {
	int fd; /* of a pipe; -1: there is none */
	pid_t pid;
};

/** Starts the guardian of @target, which is found and has all that mending needs. 0 or -errno. */
int fault_guard_start(struct fault_target *target, struct fault_guard *guard);

/** Ends it: everything is mended. */
void fault_guard_end(struct fault_target *target, struct fault_guard *guard);

#endif
