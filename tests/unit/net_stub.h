/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of the kernel on the host, behind the system call interface: what net/ needs of files, processes and user
 * memory is small stand-ins. User addresses are host addresses.
 */
#ifndef TESTS_NET_STUB_H
#define TESTS_NET_STUB_H

#include <sys/syscall.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/types.h"

#define NET_FDS 256

/* An empty descriptor table, no names. The first call sets the machine up. */
void net_start(void);
/* Closes all descriptors and forgets all names; TIME_WAIT is over. */
void net_stop(void);
/* Frames in use: the same after net_stop() as before, or something leaked. */
u64 net_memory_used(void);

/* A system call: the result, or -errno. Missing arguments are 0. */
long net_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
#define NET_CALL(n, a, b, c, d, e, f, ...) net_call((n), (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define call(name, ...)			   NET_CALL(SYS_##name, __VA_ARGS__ __VA_OPT__(, ) 0, 0, 0, 0, 0, 0, 0)

/* What poll tells of a descriptor. */
u32 net_poll(int fd);
/* A file that is no socket, counted in net_plain_files until its last reference goes. */
int net_plain_file(void);
extern int net_plain_files;

extern int net_signals;		     /* SIGPIPEs sent */
extern void (*net_sleep_hook)(void); /* what happens while a call sleeps; NULL: the time-out, or a signal */
extern unsigned net_wakes;	     /* threads woken */
extern u64 net_fault_at;	     /* accesses to user memory at or above this address fail */

#endif
