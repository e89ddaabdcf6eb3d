/* SPDX-License-Identifier: Apache-2.0
 *
 * One virtual machine: the KVM file descriptors and guest memory. Knows nothing of devices or of what the guest is.
 * This file and vcpu.c alone speak to KVM.
 */
#ifndef RUNNER_VM_H
#define RUNNER_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"
#include "runner/error.h"
#include "runner/memory.h"

struct kvm_run;

struct vm {
	int kvm, fd; /* /dev/kvm, the VM */
	int vcpu_fd[BOOT_MAX_CPUS];
	struct kvm_run *run[BOOT_MAX_CPUS];
	unsigned cpus;
	uint64_t run_bytes; /* of each kvm_run mapping */
	struct guest_memory memory;
	uint64_t first_bytes;  /* of memory known to KVM from the start */
	uint64_t window_bytes; /* behind it; no part of it */
	uint32_t tsc_khz;
	uint64_t xcr0;
	uint32_t xsave_bytes;
	uint32_t features;
};

/* Opens /dev/kvm for a VM of `memory_bytes` and `cpus`. Errors: STATUS_RUNNER with what to do (device missing, no
 * permission, too old ...). */
int vm_open(struct vm *vm, uint64_t memory_bytes, unsigned cpus, struct error *error);
/* Makes the VM and its vCPUs, bare. */
int vm_create(struct vm *vm, struct error *error);
/* Reserves the RAM, at guest-physical 0; pages come as they are touched. KVM knows the first of it only: what it keeps
 * for each page costs 0.3 ms for 512 MiB, and a small program needs none of that. window_bytes: of the window that is
 * to follow, or 0; the guest's table of frames has its pages too. */
int vm_map_memory(struct vm *vm, uint64_t window_bytes, struct error *error);
/* Has KVM know the rest of the RAM too, once. */
int vm_map_rest(struct vm *vm, struct error *error);
/* Makes room for a window of host files behind the RAM: `bytes` that KVM is to show read-only. -1 when this KVM has no
 * read-only memory. After vm_create. */
int vm_reserve_window(struct vm *vm, uint64_t bytes);
/* Shows them: what is at `base`. May run beside anything that does not need the window yet. -1: it stays empty. */
int vm_map_window(const struct vm *vm, uint8_t *base);
/* Gives the vCPUs CPUID and XCR0, after `created` has waited for vm_create. KVM executes CPUID some 75 times for it,
 * each a trap where the host is itself a guest (0.4 ms), so this runs on the first vCPU's thread, beside vm_create and
 * what follows. */
int vm_set_features(struct vm *vm, void (*created)(void *context), void *context, struct error *error);

/* Ring 0 runs natively: this host's KVM is of the ordinary kind (the CPU has VMX or SVM). */
bool vm_host_is_ordinary(void);

/* Where a vCPU starts. */
struct vcpu_start {
	uint64_t rip, rsp, rdi, rflags;
	uint64_t cr3, cr4, gdt, idt, tss; /* guest-virtual */
	uint64_t star, lstar, fmask;
	bool user; /* CS and SS are those of ring 3 */
};
int vcpu_set_start(struct vm *vm, unsigned cpu, const struct vcpu_start *start, struct error *error);

/* The guest's TSC of this vCPU, now. */
int vcpu_get_tsc(struct vm *vm, unsigned cpu, uint64_t *tsc, struct error *error);

#endif
