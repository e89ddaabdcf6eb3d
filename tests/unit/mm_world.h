/* SPDX-License-Identifier: Apache-2.0
 *
 * What memory tests stand on besides the arch stub: files with a page cache, memory accesses as a CPU would make them,
 * a check of an address space's invariants.
 */
#ifndef TESTS_MM_WORLD_H
#define TESTS_MM_WORLD_H

#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "tests/unit/arch_stub.h"

#define WORLD_FILE_PAGES 512

struct world_file {
	struct file file;
	struct inode inode;
	struct page *pages[WORLD_FILE_PAGES];
	bool *freed; /* set when the last reference goes, unless NULL */
};

/* RAM of this size, page_init(), the current thread with an empty address space, a root process. */
void world_init(u64 memory_bytes);
/* Drops the current address space; true when every frame and page table came back. */
bool world_exit(void);

/* A regular file of so many bytes, open with O_* flags, one reference; every page holds world_pattern(index) in its
 * first byte. */
struct world_file *world_file(u64 bytes, u32 flags);
u8 world_pattern(u64 index);

/* One access by the program to a byte: 0, or the signal's si_code + 256 * signal number; -ENOMEM. */
int world_read(struct mm *mm, u64 addr, u8 *value);
int world_write(struct mm *mm, u64 addr, u8 value);
int world_exec(struct mm *mm, u64 addr);
#define WORLD_SIGNAL(signo, code) ((signo)*256 + (code))

/* NULL, or what is wrong with the VMA set, its index, or the counts. */
const char *world_check(struct mm *mm);

extern unsigned world_oom_kills;
extern bool world_oom_answer;	     /* what oom_kill() returns */
extern void (*world_oom_hook)(void); /* called by oom_kill() */
extern unsigned world_faults;
extern unsigned world_cpu; /* 0 or 1: which CPU makes the next accesses (each has a TLB) */
extern bool world_caps;	   /* cred_has_cap() */

#endif
