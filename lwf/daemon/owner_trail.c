/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_trail.c - who sent the last datagram from here to there; see owner_trail.h.
 *
 * The program is written out as instructions, so that building it takes no compiler for BPF. It runs
 * where a packet leaves its socket (BPF_CGROUP_INET_EGRESS), in the context of the process that sends;
 * that is so for datagrams only, so it looks at nothing else. It reads the packet's header into its
 * stack, makes the key of it there, and stores the entry. It lets every packet pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "owner_trail.h"

#define NS_PER_S    1000000000ull
#define PATH_BYTES  256u
#define LOAD64_CODE 0x18u /* BPF_LD | BPF_DW | BPF_IMM: takes two places */
#define LABEL_CODE  0xffu /* no instruction: the next one can be jumped to */

struct trail_key {
	uint64_t netns;
	struct owner_tuple tuple;
};

/* The program's stack, from its end downwards. */
#define KEY	   (-(int)sizeof(struct trail_key))
#define SENDER	   (KEY - (int)sizeof(struct owner_sender))
#define HEADER	   (SENDER - 40) /* of the packet: 20 or 40 bytes */
#define SMALL	   (HEADER - 8)	 /* the ports, then the pids */
#define KEY_AT(f)  ((short)(KEY + (int)offsetof(struct trail_key, f)))
#define SEND_AT(f) ((short)(SENDER + (int)offsetof(struct owner_sender, f)))
#define HEAD_AT(n) ((short)(HEADER + (n)))

_Static_assert(sizeof(struct trail_key) == 48 && sizeof(struct owner_sender) == 32,
	       "owner_trail.c: entries have no holes");
_Static_assert(SMALL >= -512, "owner_trail.c: a program has a stack of 512 bytes");

/* clang-format off */
#define OP(c, d, s, o, i) {.code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), .imm = (i)}
#define MOV_R(d, s)	  OP(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_I(d, i)	  OP(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ALU_I(op, d, i)	  OP(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define TO_HOST16(d)	  OP(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, 16)
#define LOAD(size, d, o)  OP(BPF_LDX | BPF_MEM | (size), d, BPF_REG_10, o, 0)
#define STORE(size, o, s) OP(BPF_STX | BPF_MEM | (size), BPF_REG_10, s, o, 0)
#define PUT(size, o, i)	  OP(BPF_ST | BPF_MEM | (size), BPF_REG_10, 0, o, i)
#define IF(op, d, i, n)	  OP(BPF_JMP | (op) | BPF_K, d, 0, n, i)
#define JUMP(n)		  OP(BPF_JMP | BPF_JA, 0, 0, n, 0)
#define CALL(f)		  OP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##f)
#define EXIT		  OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LABEL(n)	  OP(LABEL_CODE, 0, 0, 0, n)
#define LOAD64(d, s, v)	  OP(LOAD64_CODE, d, s, 0, v), OP(0, 0, 0, 0, 0)
#define STACK(d, o)	  MOV_R(d, BPF_REG_10), ALU_I(BPF_ADD, d, o)
/* clang-format on */

enum label { OUT, IPV6, PORTS, LABELS };
enum value { PIDS_DEVICE, PIDS_INODE, MAP, VALUES }; /* known when it is loaded */

static const struct bpf_insn text[] = {
	MOV_R(BPF_REG_6, BPF_REG_1),
	PUT(BPF_DW, KEY, 0),
	PUT(BPF_DW, KEY + 8, 0),
	PUT(BPF_DW, KEY + 16, 0),
	PUT(BPF_DW, KEY + 24, 0),
	PUT(BPF_DW, KEY + 32, 0),
	PUT(BPF_DW, KEY + 40, 0),
	/* the first 20 bytes */
	MOV_I(BPF_REG_2, 0),
	STACK(BPF_REG_3, HEADER),
	MOV_I(BPF_REG_4, 20),
	CALL(skb_load_bytes),
	IF(BPF_JNE, BPF_REG_0, 0, OUT),
	LOAD(BPF_B, BPF_REG_7, HEAD_AT(0)),
	MOV_R(BPF_REG_8, BPF_REG_7),
	ALU_I(BPF_RSH, BPF_REG_7, 4),
	IF(BPF_JEQ, BPF_REG_7, 6, IPV6),
	IF(BPF_JNE, BPF_REG_7, 4, OUT),
	/* IPv4, the first fragment or all of it; a datagram is cut into those further on */
	LOAD(BPF_B, BPF_REG_1, HEAD_AT(9)),
	IF(BPF_JNE, BPF_REG_1, IPPROTO_UDP, OUT),
	LOAD(BPF_H, BPF_REG_1, HEAD_AT(6)),
	TO_HOST16(BPF_REG_1),
	ALU_I(BPF_AND, BPF_REG_1, 0x1fff),
	IF(BPF_JNE, BPF_REG_1, 0, OUT),
	PUT(BPF_H, KEY_AT(tuple.local) + 10, 0xffff),
	LOAD(BPF_W, BPF_REG_1, HEAD_AT(12)),
	STORE(BPF_W, KEY_AT(tuple.local) + 12, BPF_REG_1),
	PUT(BPF_H, KEY_AT(tuple.remote) + 10, 0xffff),
	LOAD(BPF_W, BPF_REG_1, HEAD_AT(16)),
	STORE(BPF_W, KEY_AT(tuple.remote) + 12, BPF_REG_1),
	ALU_I(BPF_AND, BPF_REG_8, 0xf),
	ALU_I(BPF_LSH, BPF_REG_8, 2),
	JUMP(PORTS),
	LABEL(IPV6), /* without further headers */
	MOV_R(BPF_REG_1, BPF_REG_6),
	MOV_I(BPF_REG_2, 0),
	STACK(BPF_REG_3, HEADER),
	MOV_I(BPF_REG_4, 40),
	CALL(skb_load_bytes),
	IF(BPF_JNE, BPF_REG_0, 0, OUT),
	LOAD(BPF_B, BPF_REG_1, HEAD_AT(6)),
	IF(BPF_JNE, BPF_REG_1, IPPROTO_UDP, OUT),
	LOAD(BPF_DW, BPF_REG_1, HEAD_AT(8)),
	STORE(BPF_DW, KEY_AT(tuple.local), BPF_REG_1),
	LOAD(BPF_DW, BPF_REG_1, HEAD_AT(16)),
	STORE(BPF_DW, KEY_AT(tuple.local) + 8, BPF_REG_1),
	LOAD(BPF_DW, BPF_REG_1, HEAD_AT(24)),
	STORE(BPF_DW, KEY_AT(tuple.remote), BPF_REG_1),
	LOAD(BPF_DW, BPF_REG_1, HEAD_AT(32)),
	STORE(BPF_DW, KEY_AT(tuple.remote) + 8, BPF_REG_1),
	PUT(BPF_B, KEY_AT(tuple.v6), 1),
	MOV_I(BPF_REG_8, 40),
	LABEL(PORTS),
	MOV_R(BPF_REG_1, BPF_REG_6),
	MOV_R(BPF_REG_2, BPF_REG_8),
	STACK(BPF_REG_3, SMALL),
	MOV_I(BPF_REG_4, 4),
	CALL(skb_load_bytes),
	IF(BPF_JNE, BPF_REG_0, 0, OUT),
	LOAD(BPF_H, BPF_REG_1, SMALL),
	TO_HOST16(BPF_REG_1),
	STORE(BPF_H, KEY_AT(tuple.local_port), BPF_REG_1),
	LOAD(BPF_H, BPF_REG_1, SMALL + 2),
	TO_HOST16(BPF_REG_1),
	STORE(BPF_H, KEY_AT(tuple.remote_port), BPF_REG_1),
	PUT(BPF_B, KEY_AT(tuple.protocol), IPPROTO_UDP),
	/* where and who */
	MOV_R(BPF_REG_1, BPF_REG_6),
	CALL(get_netns_cookie),
	STORE(BPF_DW, KEY_AT(netns), BPF_REG_0),
	PUT(BPF_DW, SMALL, 0),
	LOAD64(BPF_REG_1, 0, PIDS_DEVICE),
	LOAD64(BPF_REG_2, 0, PIDS_INODE),
	STACK(BPF_REG_3, SMALL),
	MOV_I(BPF_REG_4, 8),
	CALL(get_ns_current_pid_tgid),
	IF(BPF_JNE, BPF_REG_0, 0, OUT),
	LOAD(BPF_W, BPF_REG_1, SMALL + 4),
	STORE(BPF_W, SEND_AT(pid), BPF_REG_1),
	CALL(get_current_uid_gid),
	STORE(BPF_W, SEND_AT(uid), BPF_REG_0),
	CALL(ktime_get_boot_ns),
	STORE(BPF_DW, SEND_AT(sent_ns), BPF_REG_0),
	STACK(BPF_REG_1, SEND_AT(comm)),
	MOV_I(BPF_REG_2, LWF_OWNER_COMM_BYTES),
	CALL(get_current_comm),
	LOAD64(BPF_REG_1, BPF_PSEUDO_MAP_FD, MAP),
	STACK(BPF_REG_2, KEY),
	STACK(BPF_REG_3, SENDER),
	MOV_I(BPF_REG_4, 0),
	CALL(map_update_elem),
	LABEL(OUT),
	MOV_I(BPF_REG_0, 1),
	EXIT,
};

/*
 * Leaves the labels out, turns the jumps to them into distances, and puts the values in. Returns how many
 * instructions there are.
 */
static uint32_t assemble(const uint64_t values[VALUES], struct bpf_insn *program)
{
	uint32_t at[LABELS] = {0}, n = 0;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		if (text[i].code == LABEL_CODE)
			at[text[i].imm] = n;
		else
			program[n++] = text[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		uint8_t op = BPF_OP(program[i].code);

		if (BPF_CLASS(program[i].code) == BPF_JMP && op != BPF_CALL && op != BPF_EXIT)
			program[i].off = (short)(at[program[i].off] - i - 1);
		if (program[i].code == LOAD64_CODE) {
			uint64_t value = values[program[i].imm];

			program[i].imm = (int)(uint32_t)value;
			program[i + 1].imm = (int)(uint32_t)(value >> 32);
		}
	}
	return n;
}

static int bpf(int command, union bpf_attr *attributes)
{
	long result = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return result < 0 ? -errno : (int)result;
}

static int make_map(void)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_LRU_HASH;
	attributes.key_size = sizeof(struct trail_key);
	attributes.value_size = sizeof(struct owner_sender);
	attributes.max_entries = OWNER_TRAIL_ENTRIES;
	memcpy(attributes.map_name, "lwfd_senders", sizeof("lwfd_senders"));
	return bpf(BPF_MAP_CREATE, &attributes);
}

/* Pids are told as this daemon's pid namespace counts them; who is in another one is not noted. */
static int load_program(int map_fd, const struct stat *pids)
{
	const uint64_t values[VALUES] = {pids->st_dev, pids->st_ino, (uint64_t)map_fd};
	struct bpf_insn program[sizeof(text) / sizeof(text[0])];
	static const char license[] = "BSD";
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
	attributes.expected_attach_type = BPF_CGROUP_INET_EGRESS;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = assemble(values, program);
	attributes.license = (uintptr_t)license;
	memcpy(attributes.prog_name, "lwfd_senders", sizeof("lwfd_senders"));
	return bpf(BPF_PROG_LOAD, &attributes);
}

/* The first mounted tree of version 2. */
static int find_cgroup(char *path, size_t bytes)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	int ret = -ENOENT;

	if (!mounts)
		return -errno;
	while (ret && (mount = getmntent(mounts)) != NULL) {
		if (strcmp(mount->mnt_type, "cgroup2") == 0 &&
		    (size_t)snprintf(path, bytes, "%s", mount->mnt_dir) < bytes)
			ret = 0;
	}
	endmntent(mounts);
	return ret;
}

static int attach(const struct owner_trail *trail, const char *cgroup)
{
	union bpf_attr attributes;
	int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (uint32_t)trail->program_fd;
	attributes.link_create.target_fd = (uint32_t)fd;
	attributes.link_create.attach_type = BPF_CGROUP_INET_EGRESS;
	ret = bpf(BPF_LINK_CREATE, &attributes);
	close(fd);
	return ret == -EBADF || ret == -EINVAL ? -ENOENT : ret; /* it is a folder of another kind */
}

int owner_trail_open(struct owner_trail *trail, const char *cgroup)
{
	char path[PATH_BYTES];
	struct stat pids;
	int ret = 0;

	*trail = OWNER_TRAIL_NONE;
	if (strcmp(cgroup, "auto") == 0) {
		ret = find_cgroup(path, sizeof(path));
		cgroup = path;
	}
	if (!ret && stat("/proc/self/ns/pid", &pids) < 0)
		ret = -errno;
	if (ret)
		return ret;
	trail->map_fd = ret = make_map();
	if (ret >= 0)
		trail->program_fd = ret = load_program(trail->map_fd, &pids);
	if (ret == -EINVAL || ret == -EACCES)
		ret = -EOPNOTSUPP; /* the verifier does not know a function that it calls */
	if (ret >= 0)
		trail->link_fd = ret = attach(trail, cgroup);
	if (ret < 0)
		owner_trail_close(trail);
	return ret < 0 ? ret : 0;
}

void owner_trail_close(struct owner_trail *trail)
{
	const int fds[] = {trail->link_fd, trail->program_fd, trail->map_fd};

	for (size_t n = 0; n < sizeof(fds) / sizeof(fds[0]); n++)
		if (fds[n] >= 0)
			close(fds[n]);
	*trail = OWNER_TRAIL_NONE;
}

static uint64_t since_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int owner_trail_find(const struct owner_trail *trail, uint64_t netns_cookie,
		     const struct owner_tuple *tuple, struct owner_sender *sender)
{
	struct trail_key key = {netns_cookie, *tuple};
	union bpf_attr attributes;

	if (trail->map_fd < 0 || tuple->protocol != IPPROTO_UDP)
		return 0;
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_fd = (uint32_t)trail->map_fd;
	attributes.key = (uintptr_t)&key;
	attributes.value = (uintptr_t)sender;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attributes) < 0)
		return 0;
	sender->comm[sizeof(sender->comm) - 1] = '\0';
	return sender->pid && since_boot_ns() - sender->sent_ns < OWNER_TRAIL_FRESH_NS;
}
