/* SPDX-License-Identifier: Apache-2.0
 *
 * Prepares guest memory and vCPU registers so that the guest kernel's first instruction is already 64-bit code in its
 * own address space (abi/boot.h). Executing set-up code in the guest would be slow where ring 0 is emulated.
 */
#ifndef RUNNER_BOOT_H
#define RUNNER_BOOT_H

#include "abi/boot.h"
#include "runner/error.h"
#include "runner/syscalls.h"
#include "runner/vm.h"

/* Copies the kernel and the initramfs to their places, as far as memory reaches. Before boot_prepare. */
void boot_load(struct vm *vm);

struct boot_options {
	enum boot_layout layout;
	uint32_t flags;			 /* BOOT_F_* */
	const uint64_t *trace_only;	 /* bits of struct trace_area.only; NULL: no trace */
	const struct syscall_set *calls; /* with BOOT_F_LIMIT_CALLS */
};

/* Fills guest memory and all vCPUs of a new VM. Afterwards *block is a copy of the boot block. */
int boot_prepare(struct vm *vm, const struct boot_options *options, struct boot_block *block, struct error *error);

/* Relation of the guest's TSC to CLOCK_MONOTONIC, taken by boot_prepare: guest TSC `tsc` is at monotonic `ns`. */
struct boot_clock {
	uint64_t tsc, ns;
	uint32_t khz;
};
extern struct boot_clock boot_clock;

#endif
