/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads into spans, at an offset or at the file's position, by one system call: the vCPU threads' filter then needs
 * one.
 */
#ifndef RUNNER_READ_AT_H
#define RUNNER_READ_AT_H

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_HERE (-1l) /* the position, which moves on; what has none (a pipe) has this one alone */

/* preadv2(2). Bytes read, 0 at the end, -1 with errno. */
static inline ssize_t read_at(int fd, const struct iovec *iov, size_t count, long offset)
{
	/* The offset's upper half is an argument of its own, which 64-bit kernels ignore. */
	return syscall(SYS_preadv2, fd, iov, count, offset, 0l, 0);
}

#endif
