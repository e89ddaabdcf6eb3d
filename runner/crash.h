/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of a guest that cannot go on: its own crash record, or what KVM still knows and what the CPU did last.
 * All of it is the guest's word, which is printed and used for nothing else.
 */
#ifndef RUNNER_CRASH_H
#define RUNNER_CRASH_H

#include <linux/kvm.h>
#include <stddef.h>

#include "abi/boot.h"
#include "runner/memory.h"

/* The crash record as text, and as a dump of the registers when `dump` is not NULL. */
void crash_describe(const struct shared_page *page, char *text, size_t size, char *dump, size_t dump_size);
/* KVM cannot go on with this CPU: what happened, its registers, whether its tables still hold the kernel, and what it
 * did last, the newest first. */
void crash_describe_stuck(const struct guest_memory *memory, unsigned cpu, const char *what, uint64_t detail,
			  const struct kvm_regs *regs, const struct kvm_sregs *sregs, char *text, size_t size);

#endif
