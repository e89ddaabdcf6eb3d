/* SPDX-License-Identifier: Apache-2.0
 *
 * What the VMM may do: everything that the runner gives up before the guest's first instruction. The tables are in
 * seccomp_table.h (docs/policy.md shows them); this is the run-time side.
 *
 * Order of calls, which run.c keeps:
 *
 *   1. open everything: /dev/kvm, VM, vCPUs, program and libraries, eventfds, timers, the standard streams;
 *   2. policy_confine_process() on the main thread, once: capabilities, no_new_privs, Landlock, limits, handlers of
 *      refused calls and lost memory, all other descriptors closed. No descriptor can be made after this. Threads that
 * exist already (vCPU 0) call policy_confine_older_thread() afterwards: what is per thread in the kernel reaches others
 * by inheritance alone;
 *   3. create the other vCPU threads;
 *   4. policy_confine_thread() on every thread: its filter. The main thread, as the I/O thread, does so after it has
 *      created all the others;
 *   5. the vCPUs enter the guest when all threads have passed 4 (a barrier of run.c, futex only).
 *
 * Allocate nothing after 4, and best free nothing: malloc may need mmap or brk, free may call brk, and no role has
 * them. Wake threads by a raw tgkill: glibc's pthread_kill asks getpid first. Write without stdio. Never block SIGSYS
 * or SIGBUS.
 *
 * A refused system call is never executed. The filters answer with SECCOMP_RET_TRAP rather than KILL_PROCESS: the
 * caller must see status 125 and the name of the call, and nobody is left to say so when the kernel kills the
 * process. The alternative, a parent process that only waits and reports, costs 0.16-0.25 ms a run (fork, exit, wait,
 * measured on the development machine) and one more process to protect. What a guest that has taken over the thread
 * gains by TRAP: it may try again. The handler cannot be replaced or its code changed (no rt_sigaction, mprotect or
 * mmap in any role), a blocked SIGSYS is fatal by the kernel's rule for forced signals, and the call is refused each
 * time. The whole table is TRAP: one rule, no second list of calls that would be "more" forbidden.
 *
 * Landlock, capabilities and no_new_privs are per thread in the kernel and handed down at clone; limits, descriptors,
 * dumpable and handlers are per process.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "runner/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Order of policy_role_tables in seccomp_table.h. */
enum policy_role {
	POLICY_VCPU,
	POLICY_IO,
	POLICY_IO_TTY,	 /* POLICY_IO and the ioctls of the caller's terminal */
	POLICY_VCPU_TTY, /* POLICY_VCPU and the one ioctl by which the handlers give the terminal back */
	POLICY_FILES,	 /* the process that serves shared directories */
	POLICY_ROLES,
};

/* What was in force when policy_confine_process() returned; for -v and --stats. */
struct policy_report {
	int landlock_abi;      /* 0: this kernel has no Landlock, or it is not enabled */
	bool bounding_emptied; /* false: CAP_SETPCAP was not held, so it could not be, and need not */
	size_t descriptors;    /* kept */
};

/* Gives up, for this thread and all that it creates from now on: capabilities (permitted, effective, inheritable,
 * ambient; the bounding set when CAP_SETPCAP is held, securebits locked), new privileges by exec, and by Landlock all
 * access to files, TCP ports and abstract sockets that are not open yet. For the process: core dumps and being traced
 * by other processes of the same user, further descriptors, locked memory, real-time priority. Closes every descriptor
 * that is not in keep[0..keep_count) (negative numbers and repetitions are skipped; at most POLICY_KEEP_MAX) and
 * installs the handlers that report refused calls and memory that is gone. A kernel without Landlock is reported, all
 * else must succeed. Call once, on the main thread. On failure (-1, error filled) end the process: part is already
 * given up. */
int policy_confine_process(const int *keep, size_t keep_count, struct policy_report *report, struct error *error);

/* For a thread that is older than policy_confine_process(): its own part of it, before policy_confine_thread(). */
int policy_confine_older_thread(struct error *error);
#define POLICY_KEEP_MAX 1024

/* A tree that the files server may use, by an open descriptor. */
struct policy_tree {
	int fd;
	bool writable, directory;
	bool names; /* a directory of which nothing but the names may be read, all the way down */
};

/* The whole confinement of the files server, a process of one thread: as policy_confine_process() and
 * policy_confine_thread(POLICY_FILES), but it may open what lies in the trees, with `descriptors` in all. */
int policy_confine_files(const int *keep, size_t keep_count, const struct policy_tree *trees, size_t tree_count,
			 unsigned descriptors, struct error *error);

/* Installs the filter of the role on this thread, for good, and unblocks SIGSYS and SIGBUS. Error on a thread
 * that is older than policy_confine_process(). On failure end the process. */
int policy_confine_thread(enum policy_role role, struct error *error);

/* These handlers give this terminal its settings (struct termios of the kernel) back before they end the
 * process. Both must live as long as the process; before the filters. */
struct termios;
void policy_restore_terminal(int fd, const struct termios *settings);

/* What the running kernel offers, for `sandbox check`: nothing is changed. */
bool policy_seccomp_available(void);
int policy_landlock_abi(void); /* 0: none */

#endif
