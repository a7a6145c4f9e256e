/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.c - runs compiled match expressions (classic BPF) on frames, and checks them beforehand.
 *
 * The instruction set is the one that tcpdump's compiler has written for since 1992: an accumulator
 * A, an index X, sixteen words of scratch memory, forward jumps. Since jumps go forward only, a run
 * has at most as many steps as the program has instructions. Extensions of the kernel (offsets
 * below 0, which ask for metadata of its own packets) are not known: such a load matches nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/frame.h>
#include <lwf/host.h>
#include <lwf/match.h>

#define SCRATCH_WORDS 16u

/* an opcode is class | what the class says */
enum { CLASS_LD, CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU, CLASS_JMP, CLASS_RET, CLASS_MISC };

#define CLASS(code) ((code)&0x07u)
#define SIZE(code)  ((code)&0x18u) /* of a load */
#define MODE(code)  ((code)&0xe0u) /* of a load */
#define OP(code)    ((code)&0xf0u) /* of arithmetic and jumps */
#define SIZE_WORD   0x00u
#define SIZE_HALF   0x08u
#define SIZE_BYTE   0x10u
#define MODE_IMM    0x00u
#define MODE_ABS    0x20u
#define MODE_IND    0x40u
#define MODE_MEM    0x60u
#define MODE_LEN    0x80u
#define MODE_MSH    0xa0u
#define USES_X	    0x08u /* the second operand of arithmetic and jumps, else the constant */
#define RETURNS_A   0x10u
#define MISC_TXA    0x80u

enum {
	ALU_ADD = 0x00,
	ALU_SUB = 0x10,
	ALU_MUL = 0x20,
	ALU_DIV = 0x30,
	ALU_OR = 0x40,
	ALU_AND = 0x50,
	ALU_LSH = 0x60,
	ALU_RSH = 0x70,
	ALU_NEG = 0x80,
	ALU_MOD = 0x90,
	ALU_XOR = 0xa0
};

enum { JMP_JA = 0x00, JMP_JEQ = 0x10, JMP_JGT = 0x20, JMP_JGE = 0x30, JMP_JSET = 0x40 };

struct machine {
	const uint8_t *data;
	uint32_t len;
	uint32_t a, x;
	uint32_t scratch[SCRATCH_WORDS];
};

/* ---- check ---- */

static bool load_is_known(const struct lwf_match_insn *insn)
{
	bool sized = SIZE(insn->code) == SIZE_WORD || SIZE(insn->code) == SIZE_HALF ||
		     SIZE(insn->code) == SIZE_BYTE;

	switch (MODE(insn->code)) {
	case MODE_ABS:
	case MODE_IND:
		return CLASS(insn->code) == CLASS_LD && sized;
	case MODE_MSH:
		return CLASS(insn->code) == CLASS_LDX && SIZE(insn->code) == SIZE_BYTE;
	case MODE_MEM:
		return SIZE(insn->code) == SIZE_WORD && insn->k < SCRATCH_WORDS;
	case MODE_IMM:
	case MODE_LEN:
		return SIZE(insn->code) == SIZE_WORD;
	default:
		return false;
	}
}

static bool alu_is_known(const struct lwf_match_insn *insn)
{
	bool constant = !(insn->code & USES_X);

	switch (OP(insn->code)) {
	case ALU_DIV:
	case ALU_MOD:
		return !constant || insn->k != 0;
	case ALU_LSH:
	case ALU_RSH:
		return !constant || insn->k < 32;
	default:
		return OP(insn->code) <= ALU_XOR;
	}
}

static bool is_known(const struct lwf_match_insn *insn, uint32_t behind)
{
	switch (CLASS(insn->code)) {
	case CLASS_LD:
	case CLASS_LDX:
		return insn->code <= 0xff && load_is_known(insn);
	case CLASS_ST:
	case CLASS_STX:
		return insn->code == CLASS(insn->code) && insn->k < SCRATCH_WORDS;
	case CLASS_ALU:
		return insn->code <= 0xff && alu_is_known(insn);
	case CLASS_JMP:
		if (OP(insn->code) == JMP_JA)
			return insn->code == CLASS_JMP && insn->k < behind;
		return OP(insn->code) <= JMP_JSET && insn->code <= 0xff && insn->jt < behind &&
		       insn->jf < behind;
	case CLASS_RET:
		return insn->code == CLASS_RET || insn->code == (CLASS_RET | RETURNS_A);
	default:
		return insn->code == CLASS_MISC || insn->code == (CLASS_MISC | MISC_TXA);
	}
}

int lwf_match_check(const struct lwf_match *match)
{
	if (match->count > LWF_MATCH_INSNS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < match->count; i++)
		if (!is_known(&match->insn[i], match->count - i - 1))
			return -EINVAL;
	if (match->count && CLASS(match->insn[match->count - 1].code) != CLASS_RET)
		return -EINVAL;
	return 0;
}

/* ---- run ---- */

/** @bytes big-endian bytes at @offset; false when the frame ends before. */
static bool fetch(const struct machine *m, uint64_t offset, uint32_t bytes, uint32_t *value)
{
	if (offset + bytes > m->len)
		return false;
	*value = 0;
	for (uint32_t i = 0; i < bytes; i++)
		*value = *value << 8 | m->data[offset + i];
	return true;
}

static uint32_t size_bytes(uint16_t code)
{
	return SIZE(code) == SIZE_WORD ? 4 : SIZE(code) == SIZE_HALF ? 2 : 1;
}

/** False: it would read behind the frame, which ends the run. */
static bool load(struct machine *m, const struct lwf_match_insn *insn)
{
	uint32_t *to = CLASS(insn->code) == CLASS_LD ? &m->a : &m->x;

	switch (MODE(insn->code)) {
	case MODE_ABS:
		return fetch(m, insn->k, size_bytes(insn->code), to);
	case MODE_IND: /* as everywhere, the sum wraps */
		return fetch(m, (uint32_t)(m->x + insn->k), size_bytes(insn->code), to);
	case MODE_MSH: /* the length of an IPv4 header */
		if (!fetch(m, insn->k, 1, to))
			return false;
		*to = (*to & 0xf) * 4;
		return true;
	case MODE_MEM:
		*to = m->scratch[insn->k];
		return true;
	case MODE_LEN:
		*to = m->len;
		return true;
	default:
		*to = insn->k;
		return true;
	}
}

/** False: a division by 0, which ends the run. */
static bool calculate(struct machine *m, const struct lwf_match_insn *insn)
{
	uint32_t by = insn->code & USES_X ? m->x : insn->k;

	switch (OP(insn->code)) {
	case ALU_ADD:
		m->a += by;
		break;
	case ALU_SUB:
		m->a -= by;
		break;
	case ALU_MUL:
		m->a *= by;
		break;
	case ALU_DIV:
		if (!by)
			return false;
		m->a /= by;
		break;
	case ALU_MOD:
		if (!by)
			return false;
		m->a %= by;
		break;
	case ALU_OR:
		m->a |= by;
		break;
	case ALU_AND:
		m->a &= by;
		break;
	case ALU_XOR:
		m->a ^= by;
		break;
	case ALU_LSH:
		m->a = by < 32 ? m->a << by : 0;
		break;
	case ALU_RSH:
		m->a = by < 32 ? m->a >> by : 0;
		break;
	default:
		m->a = 0 - m->a;
		break;
	}
	return true;
}

/** Instructions to skip. */
static uint32_t jump(const struct machine *m, const struct lwf_match_insn *insn)
{
	uint32_t with = insn->code & USES_X ? m->x : insn->k;
	bool yes;

	switch (OP(insn->code)) {
	case JMP_JA:
		return insn->k;
	case JMP_JEQ:
		yes = m->a == with;
		break;
	case JMP_JGT:
		yes = m->a > with;
		break;
	case JMP_JGE:
		yes = m->a >= with;
		break;
	default:
		yes = (m->a & with) != 0;
		break;
	}
	return yes ? insn->jt : insn->jf;
}

static bool run(const struct lwf_match *match, struct machine *m)
{
	for (uint32_t at = 0; at < match->count; at++) {
		const struct lwf_match_insn *insn = &match->insn[at];

		switch (CLASS(insn->code)) {
		case CLASS_LD:
		case CLASS_LDX:
			if (!load(m, insn))
				return false;
			break;
		case CLASS_ST:
			m->scratch[insn->k] = m->a;
			break;
		case CLASS_STX:
			m->scratch[insn->k] = m->x;
			break;
		case CLASS_ALU:
			if (!calculate(m, insn))
				return false;
			break;
		case CLASS_JMP:
			at += jump(m, insn);
			break;
		case CLASS_RET:
			return (insn->code & RETURNS_A ? m->a : insn->k) != 0;
		default:
			if (insn->code & MISC_TXA)
				m->a = m->x;
			else
				m->x = m->a;
			break;
		}
	}
	return false; /* not reached: the last instruction returns */
}

bool lwf_match_frame(const struct lwf_match *match, const struct lwf_frame *frame)
{
	struct machine m = {.data = frame->data, .len = frame->len};

	return !match->count || run(match, &m);
}

/* ---- compile ---- */

int lwf_host_compile_match(struct lwf_host *host, const char *text, struct lwf_match *match,
			   char *error, size_t error_bytes)
{
	struct lwf_match made;
	int ret;

	memset(&made, 0, sizeof(made));
	if (!*text) {
		*match = made;
		return 0;
	}
	if (!host->ops->compile_match) {
		snprintf(error, error_bytes, "nobody here can compile an expression");
		return -ENOTSUP;
	}
	ret = host->ops->compile_match(host, text, &made, error, error_bytes);
	if (ret)
		return ret;
	if (lwf_match_check(&made) || !made.count) {
		snprintf(error, error_bytes, "it needs a loop (protochain), which is not run here");
		return -EINVAL;
	}
	*match = made;
	return 0;
}
