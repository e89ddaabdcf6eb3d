/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of Linux system calls, from the guest kernel's one table, and sets of them.
 */
#ifndef RUNNER_SYSCALLS_H
#define RUNNER_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot.h"

/* A bit for each number; the last stands for all numbers that the table has no room for. */
struct syscall_set {
	uint64_t bits[BOOT_CALLS / 64];
};

/* NULL: no call has this number. */
const char *syscalls_name(unsigned number);
/* What is missing of a call that is not or not wholly there; NULL: nothing. */
const char *syscalls_missing(unsigned number);

/* Adds the calls of "NAME,NAME..." to *set. Returns NULL, or the first name (with what follows) that is no call's. */
const char *syscalls_add(struct syscall_set *set, const char *names);

static inline bool syscalls_has(const struct syscall_set *set, unsigned number)
{
	return set->bits[number / 64] >> number % 64 & 1;
}

#endif
