/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: what socket system calls ask of an address family.
 */
#ifndef GUESTKERNEL_NET_SOCKET_H
#define GUESTKERNEL_NET_SOCKET_H

#include "guestkernel/fs/vfs.h"

#define SOCKADDR_MAX 128 /* bytes: struct sockaddr_storage */

struct socket;
struct socket_msg {
	struct uio *uio;
	void *name;            /* kernel copy of the address (send), or where to put it (receive) */
	u32 name_len;          /* in: bytes; out */
	u32 flags;             /* MSG_* in; msg_flags out through out_flags */
	u32 out_flags;
	void *control;         /* kernel buffer of control messages */
	u64 control_len;       /* in: bytes given / room; out: used */
};

struct socket_ops {
	int (*connect)(struct socket *s, const void *addr, u32 len);
	int (*bind)(struct socket *s, const void *addr, u32 len);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, u32 flags, struct socket **out); /* out's file is made by the family */
	int (*getname)(struct socket *s, void *addr, bool peer);          /* returns the length */
	long (*sendmsg)(struct socket *s, struct socket_msg *msg);
	long (*recvmsg)(struct socket *s, struct socket_msg *msg);
	/* May be NULL; as file_ops.splice_read. */
	long (*splice_read)(struct socket *s, struct pipe *pipe, size_t len, u32 flags);
	int (*shutdown)(struct socket *s, int how);
	int (*setsockopt)(struct socket *s, int level, int name, const void *value, u32 len);
	int (*getsockopt)(struct socket *s, int level, int name, void *value, u32 *len);
	u32 (*poll)(struct socket *s, struct poll_table *table);
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg);
	void (*release)(struct socket *s);
};

struct socket {
	const struct socket_ops *ops;
	struct file *file; /* not a reference: the file owns the socket */
	int family, type, protocol;
};

/* Makes the file for a new socket; on success the file owns it. NULL: no memory. */
struct file *socket_file(struct socket *s, u32 flags);
/* The socket behind a file, or NULL. */
struct socket *socket_of(struct file *file);

#endif
