/* SPDX-License-Identifier: Apache-2.0
 *
 * Linux x86-64 structures as programs see them. Own names (k_*) because the UAPI ones clash with the C library's in
 * host-built unit tests. Layouts: linux/uapi headers, man pages.
 */
#ifndef GUESTKERNEL_LINUX_ABI_H
#define GUESTKERNEL_LINUX_ABI_H

#include "guestkernel/types.h"

struct k_timespec {
	s64 sec, nsec;
};
struct k_timeval {
	s64 sec, usec;
};
struct k_itimerspec {
	struct k_timespec interval, value;
};
struct k_itimerval {
	struct k_timeval interval, value;
};
struct k_rlimit {
	u64 cur, max;
};
#define K_RLIM_INFINITY (~0ull)

struct k_sigaction {
	u64 handler; /* 0 SIG_DFL, 1 SIG_IGN */
	u64 flags, restorer, mask;
};

struct k_siginfo {
	s32 signo, err, code, pad0;
	union {
		struct {
			s32 pid;
			u32 uid;
			u64 value;
		} rt; /* kill, sigqueue */
		struct {
			s32 timerid, overrun;
			u64 value;
		} timer;
		struct {
			s32 pid;
			u32 uid;
			s32 status;
			u32 pad;
			s64 utime, stime;
		} child;
		struct {
			u64 addr;
			u16 lsb;
		} fault;
		struct {
			s64 band;
			s32 fd;
		} poll;
		struct {
			u64 call_addr;
			s32 syscall;
			u32 arch;
		} sys;
		u8 raw[112];
	};
};
_Static_assert(sizeof(struct k_siginfo) == 128, "siginfo");

struct k_stat {
	u64 dev, ino, nlink;
	u32 mode, uid, gid, pad0;
	u64 rdev;
	s64 size, blksize, blocks;
	s64 atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	s64 unused[3];
};
_Static_assert(sizeof(struct k_stat) == 144, "stat");

struct k_rusage {
	struct k_timeval utime, stime;
	s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw,
	    nivcsw;
};

/* File type bits of a mode. */
#define K_S_IFMT   0170000
#define K_S_IFSOCK 0140000
#define K_S_IFLNK  0120000
#define K_S_IFREG  0100000
#define K_S_IFBLK  0060000
#define K_S_IFDIR  0040000
#define K_S_IFCHR  0020000
#define K_S_IFIFO  0010000
#define K_S_ISUID  04000
#define K_S_ISGID  02000
#define K_S_ISVTX  01000

#endif
