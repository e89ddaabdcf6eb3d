/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: what socket system calls ask of an address family, and what all families share (options, waiting).
 */
#ifndef GUESTKERNEL_NET_SOCKET_H
#define GUESTKERNEL_NET_SOCKET_H

#include "guestkernel/fs/vfs.h"
#include "guestkernel/net/socket_abi.h"

#define SOCKADDR_MAX	128 /* bytes: struct sockaddr_storage */
#define CONTROL_OUT_MAX 512 /* bytes of control messages a receive makes, descriptors apart */

struct socket;
struct scm_files;
struct socket_msg {
	struct uio *uio;
	void *name;   /* kernel copy of the address (send, NULL: none), or SOCKADDR_MAX bytes to put it in (receive) */
	u32 name_len; /* in: bytes; out */
	u32 flags;    /* MSG_* in; msg_flags out through out_flags */
	u32 out_flags;
	void *control;	  /* send: kernel copy of the control messages; receive: CONTROL_OUT_MAX bytes, or NULL */
	u64 control_len;  /* send: bytes given; receive: bytes the program has room for */
	u64 control_used; /* receive: bytes of *control in use */
	struct scm_files *files; /* receive: descriptors passed; the caller's from now on */
};

struct socket_ops {
	int (*connect)(struct socket *s, const void *addr, u32 len);
	int (*bind)(struct socket *s, const void *addr, u32 len);
	int (*listen)(struct socket *s, int backlog);
	int (*accept)(struct socket *s, struct socket **out); /* *out has no file yet; waits unless s is O_NONBLOCK */
	int (*socketpair)(struct socket *a, struct socket *b);
	int (*getname)(struct socket *s, void *addr, bool peer); /* returns the length */
	long (*sendmsg)(struct socket *s, struct socket_msg *msg);
	long (*recvmsg)(struct socket *s, struct socket_msg *msg);
	/* May be NULL; as file_ops.splice_read. */
	long (*splice_read)(struct socket *s, struct pipe *pipe, size_t len, u32 flags);
	int (*shutdown)(struct socket *s, int how);
	/* Families answer -ENOPROTOOPT for options of SOL_SOCKET that are not their own business. */
	int (*setsockopt)(struct socket *s, int level, int name, const void *value, u32 len);
	int (*getsockopt)(struct socket *s, int level, int name, void *value, u32 *len);
	u32 (*poll)(struct socket *s, struct poll_table *table);
	long (*ioctl)(struct socket *s, u32 cmd, u64 arg);
	void (*release)(struct socket *s);
};

/* What SOL_SOCKET options set; accepted sockets inherit it. */
struct socket_options {
	u64 receive_timeout_ns, send_timeout_ns; /* 0: none */
	u32 sndbuf, rcvbuf;			 /* bytes, as getsockopt tells them: twice what was set */
	bool sndbuf_set, rcvbuf_set;
	u32 rcvlowat, priority, mark, busy_poll;
	s32 linger_seconds;
	bool linger, reuseaddr, reuseport, keepalive, broadcast, oobinline, dontroute, debug;
	bool bound_to_lo; /* SO_BINDTODEVICE */
	bool passcred, timestamp, timestampns, rxq_ovfl, zerocopy;
};

struct socket {
	const struct socket_ops *ops;
	struct file *file; /* not a reference: the file owns the socket */
	int family, type, protocol;
	int error;  /* SO_ERROR: positive errno, reported once */
	u64 cookie; /* SO_COOKIE; 0: nobody has asked yet */
	struct socket_options options;
};

/* Sets the members that all families share. */
void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol);
/* Makes the file for a new socket; on success the file owns it. NULL: no memory. */
struct file *socket_file(struct socket *s, u32 flags);
/* The socket behind a file, or NULL. */
struct socket *socket_of(struct file *file);
/* A new socket of any family; type without SOCK_* flags. -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EINVAL,
 * -ENOMEM */
int socket_create(int family, int type, int protocol, struct socket **out);

/* Options, with the generic ones of SOL_SOCKET. value: kernel memory, *len bytes of room. */
int socket_setsockopt(struct socket *s, int level, int name, const void *value, u32 len);
int socket_getsockopt(struct socket *s, int level, int name, void *value, u32 *len);

/* Takes the pending error: -errno or 0. */
int socket_take_error(struct socket *s);
/* -EPIPE, with SIGPIPE unless MSG_NOSIGNAL. */
long socket_broken_pipe(u32 msg_flags);
/* Adds a control message to a receive; MSG_CTRUNC when the program has no room. */
void socket_put_cmsg(struct socket_msg *msg, int level, int type, const void *data, u32 len);
/* SO_TIMESTAMP, SO_TIMESTAMPNS: when the data arrived. */
void socket_put_timestamp(struct socket *s, struct socket_msg *msg, u64 wall_ns);

/* How long a call may wait. */
struct socket_timer {
	bool nonblock, timed;
	u64 deadline_ns;
};
struct socket_timer socket_receive_timer(const struct socket *s, u32 msg_flags);
struct socket_timer socket_send_timer(const struct socket *s, u32 msg_flags);
/* What an interrupted or timed-out wait answers. */
int socket_wait_result(const struct socket_timer *t, int result);
/* Waits until cond: 0; -EAGAIN (O_NONBLOCK, time-out), -EINTR, -ERESTARTSYS. */
#define socket_wait(q, cond, t)                                                                                        \
	({                                                                                                             \
		int socket_wait__ = 0;                                                                                 \
		if (!(cond))                                                                                           \
			socket_wait__ =                                                                                \
			    (t)->nonblock                                                                              \
				? -EAGAIN                                                                              \
				: socket_wait_result((t), wait_event_interruptible((q), cond, (t)->deadline_ns));      \
		socket_wait__;                                                                                         \
	})

/* A lock that may be held while copying to the program (which can sleep). */
struct sleep_lock {
	bool held;
	struct wait_queue wait;
};
void sleep_lock_init(struct sleep_lock *lock);
void sleep_lock(struct sleep_lock *lock);
void sleep_unlock(struct sleep_lock *lock);

#endif
