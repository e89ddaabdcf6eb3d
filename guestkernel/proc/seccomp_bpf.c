/* SPDX-License-Identifier: Apache-2.0
 *
 * Classic BPF for seccomp. A checked program needs no bounds while it runs: each jump goes forward, so it makes at most
 * as many steps as it has instructions.
 */
#include "guestkernel/proc/seccomp_bpf.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define DATA_BYTES ((u32)sizeof(struct seccomp_data))

static bool is_conditional(u16 code)
{
	return BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA;
}

static bool valid_load(const struct sock_filter *i)
{
	if (BPF_SIZE(i->code) != BPF_W)
		return false;
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
	case BPF_LEN:
		return true;
	case BPF_MEM:
		return i->k < BPF_MEMWORDS;
	case BPF_ABS:
		return BPF_CLASS(i->code) == BPF_LD && i->k < DATA_BYTES && !(i->k & 3);
	default:
		return false;
	}
}

static bool valid_computation(const struct sock_filter *i)
{
	bool constant = BPF_SRC(i->code) == BPF_K;

	switch (BPF_OP(i->code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_AND:
	case BPF_OR:
	case BPF_XOR:
		return true;
	case BPF_DIV:
		return !constant || i->k;
	case BPF_LSH:
	case BPF_RSH:
		return !constant || i->k < 32;
	case BPF_NEG:
		return constant;
	default:
		return false;
	}
}

static bool valid_jump(const struct sock_filter *i)
{
	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return BPF_SRC(i->code) == BPF_K;
	case BPF_JEQ:
	case BPF_JGT:
	case BPF_JGE:
	case BPF_JSET:
		return true;
	default:
		return false;
	}
}

/* Is it an instruction at all, with an operand that it can have? */
static bool valid(const struct sock_filter *i)
{
	if (i->code > 0xff)
		return false;
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
	case BPF_LDX:
		return valid_load(i);
	case BPF_ST:
	case BPF_STX:
		return i->code == BPF_CLASS(i->code) && i->k < BPF_MEMWORDS;
	case BPF_ALU:
		return valid_computation(i);
	case BPF_JMP:
		return valid_jump(i);
	case BPF_RET:
		return i->code == BPF_RET || i->code == (BPF_RET | BPF_A);
	default:
		return i->code == BPF_MISC || i->code == (BPF_MISC | BPF_TXA);
	}
}

/* left: how many instructions stand behind this one */
static bool jumps_inside(const struct sock_filter *i, u32 left)
{
	if (i->code == (BPF_JMP | BPF_JA))
		return i->k < left;
	return !is_conditional(i->code) || (i->jt < left && i->jf < left);
}

/* Follows which words of the memory are surely written where. written[n]: those that every jump to n brings. */
static bool reads_what_it_wrote(const struct sock_filter *program, u32 length, u16 *written)
{
	u16 now = 0;
	u32 pc;

	memset(written, 0xff, length * sizeof(*written));
	for (pc = 0; pc < length; pc++) {
		const struct sock_filter *i = &program[pc];
		u16 bit = (u16)(1u << (i->k % BPF_MEMWORDS));

		now &= written[pc];
		if (i->code == BPF_ST || i->code == BPF_STX) {
			now |= bit;
		} else if (i->code == (BPF_LD | BPF_MEM) || i->code == (BPF_LDX | BPF_MEM)) {
			if (!(now & bit))
				return false;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			written[pc + 1 + i->k] &= now;
			now = 0xffff; /* nothing falls through to the next */
		} else if (is_conditional(i->code)) {
			written[pc + 1 + i->jt] &= now;
			written[pc + 1 + i->jf] &= now;
			now = 0xffff;
		}
	}
	return true;
}

int seccomp_bpf_check(const struct sock_filter *program, u32 length)
{
	u16 *written;
	bool good;
	u32 pc;

	if (!length || length > BPF_MAXINSNS || BPF_CLASS(program[length - 1].code) != BPF_RET)
		return -EINVAL;
	for (pc = 0; pc < length; pc++)
		if (!valid(&program[pc]) || !jumps_inside(&program[pc], length - pc - 1))
			return -EINVAL;
	written = kmalloc(length * sizeof(*written));
	if (!written)
		return -ENOMEM;
	good = reads_what_it_wrote(program, length, written);
	kfree(written);
	return good ? 0 : -EINVAL;
}

static u32 word_of(const struct seccomp_data *data, u32 offset)
{
	u32 word;

	memcpy(&word, (const u8 *)data + offset, sizeof(word));
	return word;
}

/* *stop: a division by zero, which ends the program with 0. */
static u32 compute(u16 op, u32 a, u32 b, bool *stop)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		*stop = !b;
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default: /* BPF_NEG */
		return -a;
	}
}

static bool holds(u16 op, u32 a, u32 b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

u32 seccomp_bpf_run(const struct sock_filter *i, const struct seccomp_data *data)
{
	u32 a = 0, x = 0, memory[BPF_MEMWORDS], operand, value;
	bool stop = false;

	for (;; i++) {
		operand = BPF_SRC(i->code) == BPF_X ? x : i->k;
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
		case BPF_LDX:
			value = BPF_MODE(i->code) == BPF_ABS   ? word_of(data, i->k)
				: BPF_MODE(i->code) == BPF_LEN ? DATA_BYTES
				: BPF_MODE(i->code) == BPF_MEM ? memory[i->k]
							       : i->k;
			*(BPF_CLASS(i->code) == BPF_LD ? &a : &x) = value;
			break;
		case BPF_ST:
			memory[i->k] = a;
			break;
		case BPF_STX:
			memory[i->k] = x;
			break;
		case BPF_ALU:
			a = compute(BPF_OP(i->code), a, operand, &stop);
			if (stop)
				return 0;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				i += i->k;
			else
				i += holds(BPF_OP(i->code), a, operand) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
}
