/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_scan.c - one look through the descriptors of all processes; see owner_scan.h.
 *
 * Wanted inodes are in an open hash table whose entries count as empty unless they carry the number of this
 * pass, so that a new pass clears nothing. A process is identified at its first socket that is wanted, through
 * the descriptor by which the socket was found, and the link is read again afterwards: had the
 * process started another program meanwhile, its name would be of one and its socket of the other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "owner_scan.h"

#define TABLE_SLOTS   (2u * OWNER_WANTED_MAX) /* a power of two */
#define RECORDS_MAX   (2u * OWNER_WANTED_MAX)
#define LISTING_BYTES 16384u
#define NONE	      UINT32_MAX

/* As getdents64(2) has it. */
struct listing_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

struct wanted {
	uint32_t inode, pass;
	uint32_t first, last; /* records */
};

struct record {
	uint32_t process, next;
};

struct listing {
	int fd;
	uint32_t at, have;
	_Alignas(8) uint8_t bytes[LISTING_BYTES];
};

struct owner_scan {
	int procfs;
	uint32_t number; /* of the pass, for the table */
	bool listed;	 /* the pids are there */
	bool missed;	 /* there was no room */
	uint32_t wanted_count, records_used, processes_used;
	uint32_t pid_count, pid_at;
	int process;	   /* descriptor of the one that is being read, or -1 */
	uint32_t identity; /* its place in processes, or NONE */
	struct listing links;
	struct owner_pass pass;
	struct wanted table[TABLE_SLOTS];
	struct record records[RECORDS_MAX];
	struct owner_process processes[OWNER_PROCESSES_MAX];
	uint32_t pids[OWNER_PIDS_MAX];
};

struct owner_scan *owner_scan_create(int procfs)
{
	/* calloc: most of its pages are never touched */
	struct owner_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->procfs = procfs;
	scan->process = -1;
	scan->links.fd = -1;
	owner_scan_clear(scan);
	return scan;
}

static void close_process(struct owner_scan *scan)
{
	if (scan->links.fd >= 0)
		close(scan->links.fd);
	if (scan->process >= 0)
		close(scan->process);
	scan->links.fd = -1;
	scan->process = -1;
}

void owner_scan_destroy(struct owner_scan *scan)
{
	if (!scan)
		return;
	close_process(scan);
	free(scan);
}

void owner_scan_clear(struct owner_scan *scan)
{
	close_process(scan);
	scan->number++;
	if (!scan->number) { /* after 2^32 passes old entries would count again */
		memset(scan->table, 0, sizeof(scan->table));
		scan->number = 1;
	}
	scan->listed = false;
	scan->missed = false;
	scan->wanted_count = 0;
	scan->records_used = 0;
	scan->processes_used = 0;
	scan->pid_count = 0;
	scan->pid_at = 0;
	memset(&scan->pass, 0, sizeof(scan->pass));
}

/* The entry of @inode, or the free one where it would be. The table is never full. */
static uint32_t place(const struct owner_scan *scan, uint32_t inode)
{
	uint32_t at = (inode * 0x9e3779b1u) & (TABLE_SLOTS - 1);

	while (scan->table[at].pass == scan->number && scan->table[at].inode != inode)
		at = (at + 1) & (TABLE_SLOTS - 1);
	return at;
}

bool owner_scan_want(struct owner_scan *scan, uint32_t inode)
{
	struct wanted *wanted = &scan->table[place(scan, inode)];

	if (wanted->pass == scan->number)
		return true;
	if (scan->wanted_count == OWNER_WANTED_MAX)
		return false;
	scan->wanted_count++;
	*wanted = (struct wanted){inode, scan->number, NONE, NONE};
	return true;
}

/* ---- reading folders ---- */

/** The next name in a folder that is a number, or NULL at its end. */
static const char *next_name(struct listing *listing)
{
	for (;;) {
		struct listing_entry *entry;

		if (listing->at >= listing->have) {
			long got = syscall(SYS_getdents64, listing->fd, listing->bytes,
					   sizeof(listing->bytes));

			if (got <= 0)
				return NULL;
			listing->have = (uint32_t)got;
			listing->at = 0;
		}
		entry = (struct listing_entry *)(void *)(listing->bytes + listing->at);
		listing->at += entry->bytes;
		if (entry->name[0] >= '0' && entry->name[0] <= '9')
			return entry->name;
	}
}

static bool list_pids(struct owner_scan *scan)
{
	struct listing *listing = &scan->links;
	const char *name;

	listing->at = listing->have = 0;
	listing->fd = openat(scan->procfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listing->fd < 0)
		return false;
	while ((name = next_name(listing))) {
		if (scan->pid_count == OWNER_PIDS_MAX) {
			scan->missed = true;
			break;
		}
		scan->pids[scan->pid_count++] = (uint32_t)strtoul(name, NULL, 10);
	}
	close_process(scan);
	return true;
}

/** Goes to the next process that can be read. False: there is none. */
static bool next_process(struct owner_scan *scan)
{
	close_process(scan);
	while (scan->pid_at < scan->pid_count) {
		scan->process = owner_proc_open(scan->procfs, scan->pids[scan->pid_at++]);
		if (scan->process < 0)
			continue;
		scan->pass.processes++;
		scan->identity = NONE;
		scan->links.at = scan->links.have = 0;
		scan->links.fd = owner_proc_open_links(scan->process);
		if (scan->links.fd >= 0)
			return true;
		if (scan->links.fd == -EACCES || scan->links.fd == -EPERM)
			scan->pass.denied++;
		scan->links.fd = -1;
		close_process(scan);
	}
	return false;
}

/* ---- what is found ---- */

static bool identify(struct owner_scan *scan, const char *name, uint32_t inode)
{
	struct owner_process *process = &scan->processes[scan->processes_used];
	uint32_t still;

	if (scan->identity != NONE)
		return true;
	if (scan->processes_used == OWNER_PROCESSES_MAX) {
		scan->missed = true;
		return false;
	}
	if (owner_proc_identify(scan->process, process) ||
	    owner_proc_socket(scan->links.fd, name, &still) || still != inode)
		return false;
	scan->identity = scan->processes_used++;
	return true;
}

static void look_at(struct owner_scan *scan, const char *name)
{
	struct wanted *wanted;
	uint32_t inode;
	int ret = owner_proc_socket(scan->links.fd, name, &inode);

	if (ret == -EACCES) { /* nor any other of this process */
		scan->pass.denied++;
		close_process(scan);
	}
	if (!inode)
		return;
	wanted = &scan->table[place(scan, inode)];
	if (wanted->pass != scan->number || !identify(scan, name, inode))
		return;
	if (wanted->last != NONE && scan->records[wanted->last].process == scan->identity)
		return; /* a second descriptor of the same process */
	if (scan->records_used == RECORDS_MAX) {
		scan->missed = true;
		return;
	}
	scan->records[scan->records_used] = (struct record){scan->identity, NONE};
	if (wanted->last == NONE)
		wanted->first = scan->records_used;
	else
		scan->records[wanted->last].next = scan->records_used;
	wanted->last = scan->records_used++;
}

bool owner_scan_slice(struct owner_scan *scan)
{
	uint32_t links = 0, opened = 0;
	bool more = true;

	if (!scan->listed) {
		scan->listed = true;
		more = list_pids(scan) && next_process(scan);
	}
	/* a process without descriptors costs as much as a few links */
	while (more && links + opened < OWNER_SLICE_LINKS) {
		const char *name = scan->links.fd >= 0 ? next_name(&scan->links) : NULL;

		if (name) {
			look_at(scan, name);
			links++;
			continue;
		}
		more = next_process(scan);
		opened++;
	}
	scan->pass.slices++;
	scan->pass.links += links;
	if (links > scan->pass.slice_links)
		scan->pass.slice_links = links;
	return !more;
}

void owner_scan_holders(const struct owner_scan *scan, uint32_t inode,
			struct owner_holders *holders)
{
	const struct wanted *wanted = &scan->table[place(scan, inode)];

	holders->denied |= scan->pass.denied > 0;
	holders->missed |= scan->missed || wanted->pass != scan->number;
	if (wanted->pass != scan->number)
		return;
	for (uint32_t at = wanted->first; at != NONE; at = scan->records[at].next)
		owner_holders_add(holders, &scan->processes[scan->records[at].process]);
}

const struct owner_pass *owner_scan_pass(const struct owner_scan *scan)
{
	return &scan->pass;
}
