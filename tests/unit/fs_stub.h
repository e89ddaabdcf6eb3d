/* SPDX-License-Identifier: Apache-2.0
 *
 * The file system part of the kernel on the host, behind the system call interface: the same test body runs against our
 * handlers and against the host's Linux, so that what a test expects is checked on both.
 */
#ifndef TESTS_FS_STUB_H
#define TESTS_FS_STUB_H

#include <stdbool.h>
#include <sys/syscall.h>
#include "guestkernel/types.h"

enum backend { OURS, LINUX };
extern enum backend fs_backend;

/* Starts with an empty directory as working directory: a fresh kernel with a tmpfs root, or a temporary directory. */
void fs_start(enum backend backend);
void fs_stop(void);
/* OURS, after fs_stop(): unmounts all that stands on a directory /runN/NAME and removes both directories. */
void fs_unmount(const char *name);

/* A system call: the result, or -errno. Missing arguments are 0. */
long fs_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
#define FS_CALL(n, a, b, c, d, e, f, ...) fs_call((n), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define call(name, ...)			  FS_CALL(SYS_##name, __VA_ARGS__ __VA_OPT__(, ) 0, 0, 0, 0, 0, 0, 0)

/* Becomes an unprivileged user (and back): ids and capabilities of the calling thread. */
void fs_become(u32 uid, u32 gid);
void fs_become_root(void);
void fs_set_rlimit(int which, u64 value); /* OURS */

extern int fs_signal;		    /* OURS: the last signal sent to the thread */
extern void (*fs_sleep_hook)(void); /* OURS: what happens while a call sleeps; NULL: a signal interrupts it */
extern unsigned fs_wakes;	    /* OURS: threads woken */
struct inode;
extern struct inode *fs_unmapped; /* OURS: what was last taken out of address spaces: pages [first, end) of it */
extern u64 fs_unmapped_first, fs_unmapped_end;

#endif
