/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments that socket system calls share.
 */
#ifndef GUESTKERNEL_SYSCALL_SOCKET_ARGS_H
#define GUESTKERNEL_SYSCALL_SOCKET_ARGS_H

#include "guestkernel/net/socket.h"

/* The socket of a descriptor; *file has a reference. NULL with *error: -EBADF, -ENOTSOCK. */
struct socket *socket_get(int fd, struct file **file, int *error);
/* Copies an address of the program, zero-padded. -EINVAL, -EFAULT */
int socket_copy_address(u8 to[SOCKADDR_MAX], u64 from, u64 len);
/* Writes an address as far as there is room, and its whole length. -EINVAL, -EFAULT */
int socket_put_address(const void *from, u32 len, u64 to, u64 len_addr);

#endif
