/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_world.h - the live world: real devices, real daemons, real processes, in namespaces of its own.
 *
 * world_live.c begins and ends it, lets time pass and judges; live_space.c makes namespaces and
 * processes; live_net.c speaks to the kernel about links, live_offload.c about what their devices do for
 * protocols; live_link.c is what happens to a link;
 * live_pace.c paces traffic; live_client.c is what a client process does, live_crowd.c what happens to
 * it; live_source.c is hosts and networks that send; live_daemon.c starts daemons; live_watch.c hears what they tell; live_witness.c counts what
 * devices took, live_sight.c looks at them; live_ask.c answers questions; live_fault.c gives faults to who does them, and orders to
 * daemons. All but the clients is one thread. Everything lives in a PID namespace whose process 1 dies
 * with the run, however that ends, and takes all others along; devices die with their namespaces.
 */
#ifndef LWF_STRESS_LIVE_WORLD_H
#define LWF_STRESS_LIVE_WORLD_H

#include <net/if.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <jansson.h>

#include "connection.h"
#include "pattern.h"
#include "world.h"

#define LIVE_DIR	"/run/lwf-stress" /* in the mount namespace of the run */
#define LIVE_PATH_BYTES 96u
#define LIVE_MAC_BYTES	6u
#define LIVE_LOOK_NS	1000000ull     /* wait() looks at least so often */
#define LIVE_JUDGE_NS	20000000ull    /* ledgers are judged so often */
#define LIVE_POLL_NS	5000000ull     /* what is waited for at the start is looked at so often */
#define LIVE_START_NS	10000000000ull /* daemons and clients are there within */
#define LIVE_NO_LOG	"/dev/null"    /* of a daemon that was there before the run */
#define LIVE_REQUEST_NS 5000000000ull  /* a daemon answers within */
#define LIVE_SLOTS	65536u	       /* frames that a client may have out */

struct nl_msg;
struct nl_sock;
struct fault_page;
struct live_sight_page;
struct live_world;

enum live_side { LIVE_LOWER, LIVE_UPPER, LIVE_SIDES };

/** What is counted of a device: frames that it took, frames that it gave, bytes of those it took. */
enum live_count { LIVE_TX, LIVE_RX, LIVE_TX_BYTES, LIVE_COUNTS };

/** What a link message of the kernel says, as a witness. */
struct live_device {
	bool up;
	int ifindex;
	uint32_t mtu_bytes;
	uint8_t mac[LIVE_MAC_BYTES];
	uint64_t tx_packets, rx_packets, tx_bytes, rx_bytes;
};

/**
 * What a client process and the run share. The process alone writes the counts, so that they outlive
 * it; `made` is how many frames of each traffic it has submitted.
 */
struct live_page {
	_Atomic uint64_t submitted, doubled, sent, indicated, frames, bytes;
	_Atomic uint64_t completed[LWF_ANSWERS], refused[LWF_ANSWERS];
	_Atomic uint64_t made[STRESS_TRAFFICS_MAX];
	_Atomic uint32_t on;		    /* a bit for each traffic; the run's */
	_Atomic bool flood, deaf;	    /* the run's, too */
	_Atomic uint32_t cancel, cancelled; /* how often that was asked for, and done */
	_Atomic bool connected;
};

struct live_client {
	struct live_world *world;
	const struct stress_client *declared;
	uint32_t index;
	pid_t pid; /* 0: it does not run */
	bool stopped;
	bool died; /* at least once */
	bool told; /* it was there for all that its daemon, in its present life, answered it */
	struct live_page *page;
	struct lwf_ledger at_birth;	     /* of that life: what it had counted */
	uint64_t garbled, rejected, hung_up; /* live_garble.c */
};

#define LIVE_SAMPLES 16u /* of processor time */

/** Processor time of a process, sampled ten times a second. */
struct live_usage {
	uint64_t at_ns[LIVE_SAMPLES], cpu_ns[LIVE_SAMPLES];
	uint32_t count; /* of samples so far */
};

/** What a stack counted: in the present life of its daemon, or in all that are over. */
struct live_life {
	struct lwf_ledger clients, host;
	uint64_t epoch;
	uint64_t upper_took; /* frames that the TAP was given */
	struct {
		uint64_t frames, bytes;
	} wire[LIVE_SIDES];		/* that devices were given, as they are on the wire */
	uint64_t drops[2][LWF_REASONS]; /* lower, upper */
};

/** Who sends at a side of a link: the host behind the TAP, the network behind the NIC. */
struct live_source {
	struct live_link *link;
	bool upper;
	pid_t pid; /* 0: nobody does */
	struct live_page *page;
};

/** Who looks at what comes out at a side of a link. */
struct live_sight {
	pid_t pid; /* 0: nobody does */
	int fd;	   /* to ask it */
	struct live_sight_page *page;
	bool has_looked; /* at all there was at this moment */
};

/** One link, and the lwfd that has it. */
struct live_link {
	struct live_world *world;
	const struct stress_link *declared;
	uint32_t index;
	char first[IFNAMSIZ]; /* what the NIC is called when it is made */
	char nic[IFNAMSIZ];   /* and now */
	char tap[IFNAMSIZ], far[IFNAMSIZ];
	uint8_t mac[LIVE_MAC_BYTES], far_mac[LIVE_MAC_BYTES]; /* when it is made again */
	uint32_t mtu_bytes;				      /* likewise */
	struct live_was {				      /* before it was changed first */
		char name[IFNAMSIZ];			      /* empty: it was not */
		uint32_t mtu_bytes;			      /* 0: likewise */
		bool has_mac;
		uint8_t mac[LIVE_MAC_BYTES];
	} was[LIVE_SIDES];
	char control[LIVE_PATH_BYTES], log[LIVE_PATH_BYTES];
	struct nl_sock
		*far_net; /* requests inside of the far end's namespace; NULL: it is a peer's */
	int far_ns;	  /* -1: likewise */
	int far_ends;	  /* hears what ends there; -1: likewise */
	struct nl_sock *away_net; /* where the NIC is moved to; NULL: it never was */
	int away_ns;
	bool away;
	uint64_t gone[LIVE_SIDES][LIVE_COUNTS]; /* of devices that are no more */
	struct live_source source[LIVE_SIDES];
	struct live_sight sight[LIVE_SIDES];
	pid_t pid; /* of its lwfd; 0: it does not run */
	bool stopped; /* it hears nothing, so it is not asked: what it said last is all that is known */
	struct lwf_connection *asks, *watches;
	json_t *seen, *ledger; /* what it said since time last passed; NULL: not asked yet */
	struct live_life life; /* what it said last */
	struct live_life past; /* the lives that are over */
	bool uncertain;	       /* of one of these nobody could say what its last moment was */
	bool mute;	       /* it hangs, which was said: it is not asked any more */
	bool ending;	       /* it was told to end */
	uint64_t told_ns;      /* when */
	uint64_t ended_in_ns;  /* how long that took, the last time */
	struct live_usage usage;
	uint64_t pauses, pended;
	struct stress_histogram pause;
	struct live_log {
		const char *text; /* that was asked for last */
		uint64_t bytes;	  /* of the log, then */
		uint64_t lines;	  /* that had it */
	} logged;
	uint8_t lane;
	uint64_t out;		   /* last value that the record has */
	uint64_t heard;		   /* number of the last record of its trace */
	uint64_t again_ns;	   /* when to connect again, at the earliest */
	struct fault_page *faults; /* what its daemon shall suffer; NULL: it runs as it is */
	enum live_queue {
		LIVE_QUEUE_NONE,
		LIVE_QUEUE_FREE, /* that nobody notices */
		LIVE_QUEUE_SLOW, /* emptied in queue_ns */
		LIVE_QUEUE_STUCK,
	} queue; /* that stands before its device, or will as soon as there is one */
	uint64_t queue_ns;
	bool is_starved; /* of descriptors; it had these: */
	struct rlimit descriptors;
};

struct live_world {
	struct stress_world base;
	char lwfd[512];	    /* the program */
	char shim[512];	    /* the faults library */
	uint32_t shim_need; /* FAULT_PAGE_* that the scenario needs; 0: no library */
	int proc_fd;	    /* /proc as it was before there were namespaces; -1: none */
	uint32_t down;	    /* a bit for each daemon that was made to end */
	uint64_t began_ns;  /* CLOCK_MONOTONIC */
	uint64_t judged_ns;
	uint64_t rules_broken;
	bool shared;	       /* the daemon is not the run's, and may have other clients (--on) */
	uint64_t rules_before; /* then: those that it had broken */
	struct stress_failure failure; /* expected[0]: something was found wrong */
	int near_ns;
	int near_ends; /* hears what ends there */
	int keeper_fd; /* process 1 of the namespace ends when it is closed */
	pid_t keeper;
	struct nl_sock *near_net;
	struct live_link link[STRESS_LINKS_MAX];
	struct live_client client[STRESS_CLIENTS_MAX];
};

static inline struct live_world *live_of(struct stress_world *world)
{
	return (struct live_world *)world;
}

/* ---- world_live.c ---- */

/** Notes the first thing that is found wrong. */
void live_wrong(struct live_world *world, const char *expected, const char *found, ...)
	__attribute__((format(printf, 3, 4)));

/** Fills @error for something that cannot be done. Returns -EINVAL. */
int live_refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *why, ...)
	__attribute__((format(printf, 4, 5)));

extern const struct stress_world_ops live_ops;

/** A world that is not open, in zeroed memory. */
void live_init(struct live_world *world, const struct stress_world_options *options);

/** Makes what links and clients need of their own. 0 or -ENOMEM. */
int live_prepare(struct live_world *world);

/** Starts all clients, and waits for them. 0 or -errno with @error. */
int live_start_clients(struct live_world *world, struct lwf_error *error);

uint64_t live_clock_ns(void);
void live_sleep_ns(uint64_t ns);

/** Time of the run. */
uint64_t live_now_ns(const struct live_world *world);

/* ---- live_space.c ---- */

/** Enters new namespaces, with a namespace for the far end of each link. 0 or -errno with @error. */
int live_space_enter(struct live_world *world, struct lwf_error *error);

/** Makes another network namespace; this process stays where it is. 0 or -errno. */
int live_space_make_net(struct live_world *world, int *ns, struct nl_sock **net);

/** Ends every process in them; returns when all are gone. */
void live_space_leave(struct live_world *world);

/** Starts a program, its output to the end of @log. Returns its pid, or -errno. */
pid_t live_spawn(const char *const *argv, const char *log);

/** Ends a child and waits for it. */
void live_end_child(pid_t *pid, int signal);

/* ---- live_net.c; all return 0 or -errno, the kernel's ---- */

int live_net_open(struct nl_sock **net);
void live_net_close(struct nl_sock *net);

/** One end of a pair that is to be made; @ns -1: where the request is made. */
struct live_end {
	const char *name;
	const uint8_t *mac;
	uint32_t mtu_bytes;
	int ns;
};

int live_net_make_pair(struct nl_sock *net, const struct live_end *near,
		       const struct live_end *peer);
int live_net_set_up(struct nl_sock *net, const char *name, bool up);
int live_net_set_mtu(struct nl_sock *net, const char *name, uint32_t mtu_bytes);
int live_net_set_mac(struct nl_sock *net, const char *name, const uint8_t *mac);

/** Of a device without a cable: a TAP. */
int live_net_set_carrier(struct nl_sock *net, const char *name, bool on);

/** A kernel that renames only what is down has it down and up again. */
int live_net_rename(struct nl_sock *net, const char *name, const char *to);

/** Into namespace @ns; it is down there. */
int live_net_move(struct nl_sock *net, const char *name, int ns);
int live_net_delete(struct nl_sock *net, const char *name);
int live_net_look(struct nl_sock *net, const char *name, struct live_device *device);

/** Another transmit queue length; of lo, a change of which nothing comes but a link message. */
int live_net_set_queue(struct nl_sock *net, const char *name, uint32_t frames);

/* ---- live_offload.c ---- */

/** From now on device @name cuts no super-frame and finishes no checksum. 0 or -errno. */
int live_net_take_offload(const char *name);

/* ---- live_witness.c ---- */

/** Listens to the end of devices of the namespace that this process is in. A descriptor or -errno. */
int live_witness_listen(void);

/** Hears what ended by now. */
void live_witness_hear(struct live_world *world);

/** The NIC of @link ends where nobody listens: what it took by now. */
void live_witness_add(struct live_link *link, const struct live_device *device);

/** A count of a side, over all its lives, by the kernel's counters. */
uint64_t live_witness(struct live_link *link, bool upper, enum live_count count);

/* ---- live_sight.c ---- */

/** Starts the witnesses that the scenario asks for; they see all from now on. 0 or -errno with @error. */
int live_sight_start(struct live_world *world, struct lwf_error *error);
void live_sight_stop(struct live_link *link);

/**
 * Where somebody looks: keeps the new process @pid, the @index-th of those that send on wires, on one
 * processor, since the kernel keeps the order of frames for each processor alone.
 */
void live_sight_settle(const struct live_world *world, pid_t pid, uint32_t index);

/** Whether those of @link still run. */
void live_sight_judge(struct live_link *link);

/** A question that stress_sight_answers(). 0; or -errno with @error. */
int live_sight_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		   struct lwf_error *error);

/* ---- live_daemon.c ---- */

/** Where lwfd is: beside this program, else in PATH. */
void live_daemon_find(struct live_world *world);

/** Starts the lwfd of @link. 0 or -errno. */
int live_daemon_start(struct live_link *link);

/** Waits until it answers. 0 or -errno with @error. */
int live_daemon_connect(struct live_link *link, struct lwf_error *error);

/** Waits until its stack is Running, too. 0 or -errno with @error. */
int live_daemon_wait(struct live_link *link, struct lwf_error *error);

/** A fault of daemon number call->object.index. 0; or -errno with @error. */
int live_daemon_fault(struct live_world *world, const struct stress_fault_call *call,
		      struct lwf_error *error);

/** Whether the lwfd of @link still runs, or ended as it was told to. */
void live_daemon_check(struct live_link *link);

/* ---- live_life.c ---- */

/** A new life of the daemon of @link begins, at no frame of its clients. */
void live_life_begin(struct live_link *link);

/** Keeps what its daemon said last, in case that it says no more. */
void live_life_keep(struct live_link *link);

/** It is over. What clients were told of it is waited for, and counts. */
void live_life_end(struct live_link *link);

/** All lives, the present one included. */
struct live_life live_lives(struct live_link *link);

/** The ledger of its clients is what they were told, frame by frame; judged when nothing is out. */
void live_life_check(struct live_link *link);

/* ---- live_usage.c ---- */

/** Samples the processor time of the lwfd of @link, when it is time to. */
void live_usage_sample(struct live_link *link);

/** Answers a question about a daemon. 0; or -errno with @error. */
int live_usage_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		   struct lwf_error *error);

/** The exit code of another lwfd that is started on the NIC of @link now. 0; or -errno with @error. */
int live_second_daemon(struct live_link *link, int64_t *value, struct lwf_error *error);

/* ---- live_log.c ---- */

/** How many lines of the logs of a daemon contain the text of @question. 0; or -errno with @error. */
int live_log_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		 struct lwf_error *error);

/* ---- live_link.c ---- */

/** Gives the devices of @link, which has its index, their names and MACs. */
void live_link_name(struct live_link *link);

/** Gives back what it has of namespaces. */
void live_link_close(struct live_link *link);

/** Lays the wire of @link and brings its ends up; of a pair of links, once. 0 or the kernel's -errno. */
int live_link_plug(struct live_link *link);

/**
 * A fault of a side of @link; the end of one, for which a device that is gone meanwhile is as it was. 0; or
 * -errno with @error.
 */
int live_link_fault(struct live_link *link, const struct stress_fault_call *call,
		    struct lwf_error *error);
int live_link_undo(struct live_link *link, const struct stress_fault_call *call,
		   struct lwf_error *error);

/* ---- live_shim.c: faults by way of the library in shim/ ---- */

/** Finds out whether the scenario needs it, and where it is. 0 or -errno with @error. */
int live_shim_prepare(struct live_world *world, struct lwf_error *error);

/** Words of a command line that loads it; they live as long as argv. */
struct live_shim_words {
	char preload[1024], page[128], asan[512];
};

/** Puts what comes before the program into @argv (at most 4). Returns how many, or -errno. */
int live_shim_start(struct live_link *link, struct live_shim_words *words, const char **argv);

/** The daemon runs: it has to have what the scenario needs. 0 or -errno with @error. */
int live_shim_wait(struct live_link *link, struct lwf_error *error);
void live_shim_end(struct live_link *link);

/** Notes in the record what the library did. */
void live_shim_account(const struct live_link *link);

/** Allocations of the daemon that have failed so far. */
uint64_t live_shim_failed(const struct live_link *link);

/** True while all of them fail: then it can answer no question. */
bool live_shim_starves(const struct live_link *link);

/** send error, slow, stuck, ok, of a side. 0; or -errno with @error. */
int live_shim_send(struct live_link *link, const struct stress_fault_call *call,
		   struct lwf_error *error);

/** Memory, and the clock, of the daemon of @link. 0; or -errno with @error. */
int live_shim_fault(struct live_link *link, const struct stress_fault_call *call,
		    struct lwf_error *error);

/* ---- live_queue.c; all return 0 or -errno, the kernel's ---- */

int live_queue_slow(struct live_link *link, uint64_t ns);
int live_queue_stop(struct live_link *link);
int live_queue_free(struct live_link *link);

/** The NIC is another one, or came back: what stood before it does so again. */
int live_queue_again(struct live_link *link);

/* ---- live_starve.c ---- */

/**
 * What a daemon lacks: memory, descriptors, the right time; link messages, which all lose, in some tenths
 * of a second. 0; or -errno with @error.
 */
int live_starve(struct live_world *world, const struct stress_fault_call *call,
		struct lwf_error *error);

/** How often the daemon of @link has made up for link messages that it had lost. */
uint64_t live_starve_resyncs(struct live_link *link);

/* ---- live_pace.c ---- */

/** A traffic, as the process that sends it keeps it. */
struct live_pace {
	const struct stress_traffic *declared;
	uint32_t index; /* of the traffic */
	struct stress_patterns patterns;
	uint64_t next_ns; /* when the next is due; UINT64_MAX: none is */
	bool on;
};

/** Makes its frames, which live as long as the process. 0, -EINVAL or -ENOMEM. */
int live_pace_init(struct live_pace *pace, const struct stress_traffic *declared, uint32_t index);

/** How many frames are due by @now, when @made were made so far. Whoever sends fewer gives them up. */
uint64_t live_pace_due(struct live_pace *pace, bool on, uint64_t made, uint64_t now);

/* ---- live_source.c ---- */

/** Whether hosts and networks can send what @scenario wants. 0 or -errno with @error. */
int live_source_check(const struct stress_scenario *scenario, struct lwf_error *error);

/** Starts a process for each that sends. 0 or -errno. */
int live_source_start(struct live_world *world);
void live_source_stop(struct live_link *link);

/** Whether those of @link still run. */
void live_source_judge(struct live_link *link);

/** Where traffic from there is switched, by its bit. */
_Atomic uint32_t *live_source_switch(struct live_world *world, const struct stress_object *from);

/* ---- live_client.c ---- */

/** Starts the process of @client. 0 or -errno. */
int live_client_start(struct live_client *client);

/** What its page counts, as a ledger. */
struct lwf_ledger live_client_ledger(const struct live_client *client);

/** Waits until it is connected. 0 or -errno with @error. */
int live_client_wait(struct live_client *client, struct lwf_error *error);

/* ---- live_garble.c ---- */

/** Sends messages that are none, and looks at what comes back. 0 or -errno with @error. */
int live_garble(struct live_client *client, const struct stress_fault_call *call,
		struct lwf_error *error);

/* ---- live_crowd.c ---- */

/** A fault of @client. 0; or -errno with @error. */
int live_client_fault(struct live_client *client, const struct stress_fault_call *call,
		      struct lwf_error *error);

/* ---- live_watch.c ---- */

/** Connects to the daemon of @link, and follows it. 0 or -errno with @error. */
int live_watch_open(struct live_link *link, struct lwf_error *error);
void live_watch_close(struct live_link *link);

/** Connects again to a daemon that has closed what we had. True when all is there. */
bool live_watch_again(struct live_link *link);

/** Hears all that the daemon has told by now, into the record. */
void live_watch_hear(struct live_link *link);

/* ---- live_ask.c ---- */

/** What the daemon says now; time has passed since it was asked last. */
void live_forget(struct live_link *link);

/** The stack as the daemon shows it; NULL: there is no daemon. Lent until time passes; of one that is
 * stopped, it is what it said before. */
const json_t *live_seen(struct live_link *link);

/** Its ledgers, likewise. */
const json_t *live_ledger(struct live_link *link);

/** A group of that ("clients", "host") as a ledger. */
struct lwf_ledger live_ledger_of(struct live_link *link, const char *group);

/** Frames that modules of @link originated and that are not home. */
uint64_t live_out(struct live_link *link);
enum lwf_state live_state_named(const char *name);
int live_ask(struct stress_world *base, const struct stress_question *question, int64_t *value,
	     struct lwf_error *error);

/* ---- live_fault.c ---- */

/** A live run cannot do that. Returns -EINVAL. */
int live_cannot(const struct stress_fault_call *call, struct lwf_error *error);

/** Asks the daemon of @link, and waits for its answer. Takes @body. 0 or -errno with @error. */
int live_request(struct live_link *link, enum lwf_wire_type type, json_t *body,
		 struct lwf_error *error);

int live_fault(struct stress_world *base, const struct stress_fault_call *call,
	       struct lwf_error *error);
int live_undo(struct stress_world *base, const struct stress_fault_call *call,
	      struct lwf_error *error);
int live_order(struct stress_world *base, enum stress_order order,
	       const struct stress_object *object, const char *text, struct lwf_error *error);

#endif
