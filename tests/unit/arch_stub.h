/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine that unit tests and fuzz targets run the kernel's portable parts on: controls of tests/unit/arch_stub.c,
 * which stands in for guestkernel/arch/. RAM is an array (stub_memory), page tables are a radix tree in host memory,
 * time stands still unless a test moves it, and the "current thread" is whatever a test says.
 */
#ifndef TESTS_ARCH_STUB_H
#define TESTS_ARCH_STUB_H

#include "guestkernel/proc/process.h"

extern u8 *stub_memory; /* guest-physical address 0 */
extern u64 stub_memory_bytes;

/* (Re)creates RAM of this size, all zero, and resets everything below. page_init() is left to the test. */
void stub_init(u64 memory_bytes);
/* Frees RAM; page tables that were not destroyed show up as leaks. */
void stub_exit(void);

extern u64 stub_window_bytes; /* of host files, behind the RAM; set before stub_init() */

extern struct thread *stub_current;  /* what `current` is; after stub_init(): &stub_thread */
extern struct thread stub_thread;    /* of stub_process */
extern struct process stub_process;  /* all rlimits infinite, root with all capabilities */
extern int stub_cpu, stub_cpus;	     /* 0, 1 */
extern u64 stub_now_ns;		     /* arch_tsc(): one tick a nanosecond */
extern u64 stub_deadline;	     /* last arch_set_deadline() */
extern u32 stub_events;		     /* what arch_take_events() returns next */
extern unsigned stub_switches;	     /* arch_switch() calls; each only sets stub_current */
extern void (*stub_idle_hook)(void); /* what arch_idle() does; NULL: time jumps to the deadline */
extern unsigned stub_kicks;	     /* bit mask of CPUs that were kicked */

/* Page tables */
extern long stub_tables_left; /* page-table pages that may still be allocated (-ENOMEM beyond) */
extern long stub_tables_used; /* in use now */
extern unsigned stub_flushes; /* pt_flush() calls */
extern void (*stub_flush_hook)(struct pagetable *pt, u64 start, u64 end); /* called by them, unless NULL */
extern unsigned stub_memory_wanted;					  /* calls of arch_want_memory() */
extern u64 stub_discarded_bytes;					  /* by arch_discard() */
extern void (*stub_file_io_hook)(struct file_io *io); /* what arch_file_io() does; NULL: nothing is lent (-EBADF) */

#endif
