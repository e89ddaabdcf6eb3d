/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_UNIX sockets (unix(7)): stream, seqpacket, datagram.
 *
 * unix.c       life, binding, listening, options   unix_name.c  path names and abstract names
 * unix_conn.c  connect, accept, pairs, shutdown    unix_data.c  sending and receiving
 * unix_gc.c    descriptors in flight
 */
#ifndef GUESTKERNEL_NET_UNIX_H
#define GUESTKERNEL_NET_UNIX_H

#include "guestkernel/net/packet.h"
#include "guestkernel/net/socket.h"

struct scm_files;

#define UNIX_PATH_BYTES 108 /* sun_path */
#define UNIX_ADDR_MIN	2   /* bytes: the family alone */
#define UNIX_ADDR_MAX	(UNIX_ADDR_MIN + UNIX_PATH_BYTES)

/* A bound address, shared by the socket, those it accepted, and packets it sent. */
struct unix_name {
	u32 refs, len;
	u8 addr[UNIX_ADDR_MAX + 1]; /* struct sockaddr_un, len bytes of it */
};

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_sock {
	struct socket socket;
	u32 refs; /* the file (or the listener's queue), peers, calls in progress */
	enum unix_state state;
	bool dead;		/* released: only references keep the memory */
	u32 shut;		/* K_SHUT_*: what this end no longer does */
	struct unix_name *name; /* or NULL */
	struct list name_link;	/* abstract names */
	struct inode *inode;	/* bound path: a reference; inode->socket is this */
	struct unix_sock *peer; /* a reference */
	struct list senders;	/* datagram: sockets whose peer this is */
	struct list sender_link;
	struct k_ucred cred; /* what the other end's SO_PEERCRED tells */
	struct k_ucred peer_cred;
	bool has_peer_cred;
	struct packet_queue rx;
	struct sleep_lock read_lock;
	struct wait_queue read_wait;  /* data, connections, end of stream */
	struct wait_queue write_wait; /* room at the peer, end of the peer */
	struct wait_queue room_wait;  /* others who wait for room in rx or in the queue of connections; never polled */
	struct list pending;	      /* connections to accept: pending_link */
	struct list pending_link;
	unsigned pending_count, backlog;
	s32 peek_offset; /* SO_PEEK_OFF; -1: off */
	/* descriptors in flight */
	u32 inflight; /* how often this socket's file lies in queues */
	u32 outside;  /* of these, in queues of sockets that are not in flight: while unix_gc() runs */
	bool reachable;
	struct list inflight_link, scan_link;
	struct list all_link; /* all_unix_sockets */
};

static inline struct unix_sock *unix_of(struct socket *s)
{
	return container_of(s, struct unix_sock, socket);
}

/* All of them, for /proc/net/unix. */
extern struct list all_unix_sockets;

/* socket(AF_UNIX, type, protocol). -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM */
int unix_create(int type, int protocol, struct socket **out);
struct unix_sock *unix_alloc(int type); /* refs 1, no file; NULL: memory */
void unix_get(struct unix_sock *u);
void unix_put(struct unix_sock *u);
/* The end of a socket: its file's, or (embryo) its listener's before it was accepted. */
void unix_close(struct unix_sock *u, bool embryo);

/* ---- unix_name.c ---- */
void unix_name_put(struct unix_name *name); /* NULL is harmless */
struct unix_name *unix_name_get(struct unix_name *name);
int unix_bind(struct socket *s, const void *addr, u32 len);
int unix_autobind(struct unix_sock *u);
void unix_unbind(struct unix_sock *u);
/* The socket bound to an address, with a reference. -EINVAL, -ECONNREFUSED, -EPROTOTYPE, errors of the path walk. */
int unix_find(const void *addr, u32 len, int type, struct unix_sock **out);
/* Copies a name (NULL: unbound) to addr; returns its length. */
u32 unix_name_copy(const struct unix_name *name, void *addr);

/* ---- unix_conn.c ---- */
int unix_connect(struct socket *s, const void *addr, u32 len);
int unix_listen(struct socket *s, int backlog);
int unix_accept(struct socket *s, struct socket **out);
int unix_pair(struct socket *a, struct socket *b);
int unix_shutdown(struct socket *s, int how);
/* Datagram: no longer connected to anybody. */
void unix_disconnect(struct unix_sock *u);

/* ---- unix_data.c ---- */
long unix_sendmsg(struct socket *s, struct socket_msg *msg);
long unix_recvmsg(struct socket *s, struct socket_msg *msg);
/* Frees a packet with its sender's name. */
void unix_packet_free(struct packet *p);
void unix_purge(struct packet_queue *q);
/* May a socket with this much send buffer put more into the queue of `to` without filling it to the brim? */
bool unix_has_room(const struct unix_sock *from, const struct unix_sock *to);

/* ---- unix_gc.c ---- */
extern u64 unix_inflight_files;
/* Descriptors enter and leave a queue. */
void unix_inflight_add(struct scm_files *files);
void unix_inflight_remove(struct scm_files *files);
/* Frees sockets that only sockets in flight among themselves keep alive. */
void unix_gc(void);
/* The same, after a send, when the number of descriptors in flight has doubled. */
void unix_gc_when_many(void);

#endif
