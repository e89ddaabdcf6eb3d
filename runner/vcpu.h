/* SPDX-License-Identifier: Apache-2.0
 *
 * vCPU threads: run the guest, dispatch its exits, sleep while it is halted, inject events. There is no interrupt
 * controller: one vector says "look at shared_cpu.events" (abi/boot.h).
 */
#ifndef RUNNER_VCPU_H
#define RUNNER_VCPU_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "runner/boot.h"
#include "runner/trace.h"
#include "runner/vm.h"
#include "runner/vsock.h"

/* Reasons that the guest was left, for --stats. */
enum exit_kind {
	EXIT_HALT,
	EXIT_NOTIFY,
	EXIT_TIMER,
	EXIT_IPI,
	EXIT_LOG,
	EXIT_DISCARD,
	EXIT_MEMORY,
	EXIT_YIELD,
	EXIT_FILE,
	EXIT_TRACE,
	EXIT_KICK,
	EXIT_WINDOW,
	EXIT_OTHER,
	EXIT_KINDS
};

/* How the machine ended. */
enum machine_end {
	MACHINE_RUNNING,
	MACHINE_OFF,	 /* the guest powered itself off */
	MACHINE_CRASHED, /* the guest said so, or KVM cannot go on; machine.crash_text */
	MACHINE_STOPPED, /* the runner ended it (time-out) */
	MACHINE_FAILED,	 /* a vCPU thread could not start; machine.crash_text */
};

struct machine;

struct vcpu {
	struct machine *machine;
	unsigned index;
	pthread_t thread;
	int tid;
	timer_t timer;
	_Atomic uint32_t wake; /* futex: changes when a halted vCPU has to look again */
	_Atomic bool in_guest; /* KVM_RUN may be running, or a wait: a kick needs a signal */
	_Atomic bool halted;   /* asleep in HLT: looks after its deadline itself */
	bool interrupted;      /* the last KVM_RUN was ended by a signal: the guest may be in user mode */
	bool injected;
	uint32_t losses;	 /* dax_losses() before this KVM_RUN */
	unsigned faults;	 /* KVM_RUNs in a row that failed with EFAULT though nothing was lost */
	uint32_t injected_taken; /* shared_cpu.taken when the event vector was injected last */
	uint64_t exits[EXIT_KINDS];
};

#define GUEST_LOG_MAX 65536 /* bytes of guest log that reach standard error: a hostile guest cannot flood it */

struct machine {
	struct vm vm;
	struct vsock vsock;
	struct dax dax;
	struct lent lent;
	struct loop loop;
	struct boot_block boot;
	struct vcpu vcpu[BOOT_MAX_CPUS];
	_Atomic bool ticking; /* the I/O thread's tick is on */
	sem_t created, made, ready, go,
	    ended; /* vCPU 0's thread: there are vCPUs; they are set up; so is the window; may go on */
	struct error made_error;
	pthread_barrier_t start;
	_Atomic int end; /* enum machine_end */
	bool verbose;
	bool terminal; /* the caller's terminal is raw while it runs: POLICY_VCPU_TTY */
	_Atomic uint32_t log_bytes;
	_Atomic bool memory_wanted; /* the guest has asked for the rest of its RAM */
	_Atomic bool crash_told;    /* crash_text is the first crash's */
	char crash_text[960];
	uint64_t first_run_ns; /* CLOCK_MONOTONIC at the first KVM_RUN */
	uint64_t end_ns;
	struct trace trace;
};

/* Starts the thread of vCPU 0, which sets up all vCPUs (vm_set_features) once vcpu_created() was called. After vm_open.
 */
int vcpu_begin(struct machine *machine, struct error *error);
/* The VM and its vCPUs are there. */
void vcpu_created(struct machine *machine);
/* Waits until the vCPUs are set up. Then their thread has KVM show the window, so machine->dax must be ready. */
int vcpu_made(struct machine *machine, struct error *error);
/* Starts the other threads and lets all go on: they confine themselves and wait at machine->start. After
 * policy_confine_process. */
int vcpu_start_all(struct machine *machine, struct error *error);
/* ORs events (EVENT_*) into the vCPU's word and makes it look. Any thread. */
void vcpu_raise(struct vcpu *vcpu, uint32_t events);
/* The I/O thread's tick, every BOOT_TICK_NS while `ticking`: looks after the deadlines of running vCPUs. False: all are
 * asleep, and ticking has been cleared; a vCPU that wakes up then sets it and wakes the loop. */
bool vcpu_tick(struct machine *machine);
/* Ends the machine, if it has not ended, and makes all vCPU threads and the I/O loop leave. Any thread. */
void machine_stop(struct machine *machine, enum machine_end end);
void vcpu_await_all(struct machine *machine);

struct kvm_run;
/* Handles one exit (a plain function over kvm_run, for tests). False: the vCPU must not run again. */
bool vcpu_handle_exit(struct vcpu *vcpu, struct kvm_run *run);

uint64_t monotonic_ns(void);

#endif
