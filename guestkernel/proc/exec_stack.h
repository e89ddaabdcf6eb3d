/* SPDX-License-Identifier: Apache-2.0
 *
 * The first stack of a program (System V ABI for x86-64, 3.4.1): from the stack pointer up
 *
 *   argc | argv[] NULL | envp[] NULL | auxv AT_NULL | padding | 16 random bytes | "x86_64" | argument strings |
 *   environment strings | path | 8 zero bytes | end of the stack
 */
#ifndef GUESTKERNEL_PROC_EXEC_STACK_H
#define GUESTKERNEL_PROC_EXEC_STACK_H

#include "guestkernel/proc/process.h"

struct mm;

struct exec_stack {
	const char *const *head; /* words before the caller's arguments (scripts) */
	int head_count;
	int skip; /* the caller's arguments that are left out */
	const struct exec_args *args;
	const char *path; /* AT_EXECFN */
	bool executable, secure;
	u64 headers;
	u16 header_count;
	u64 interp_base, entry;
	u32 uid, gid, euid, egid;
};

/* Maps the stack below mm->stack_top and fills it. *sp: the stack pointer at entry. -E2BIG, -ENOMEM, -EFAULT */
int exec_stack_build(struct mm *mm, const struct exec_stack *s, u64 *sp);

#endif
