/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_INET and AF_INET6 on the loopback interface, the only one there is. No packet is ever built: a TCP connection is
 * two sockets that put bytes into each other's queue, a UDP datagram goes straight to its receiver.
 *
 * inet.c         life, bind, names                 inet_addr.c    addresses
 * inet_port.c    who owns which port               inet_option.c  options of IP, IPv6, TCP, UDP
 * tcp.c          states of a connection            tcp_connect.c  connect, listen, accept
 * tcp_data.c     bytes                             tcp_urgent.c   MSG_OOB
 * inet_multicast.c  groups
 * udp.c          datagrams                         udp_error.c    MSG_ERRQUEUE
 */
#ifndef GUESTKERNEL_NET_INET_H
#define GUESTKERNEL_NET_INET_H

#include "guestkernel/net/packet.h"
#include "guestkernel/net/socket.h"

#define K_IPPROTO_IP	  0
#define K_IPPROTO_ICMP	  1
#define K_IPPROTO_TCP	  6
#define K_IPPROTO_UDP	  17
#define K_IPPROTO_IPV6	  41
#define K_IPPROTO_UDPLITE 136 /* here UDP with ports of its own */

/* An IPv6 address; IPv4 ones are in mapped form (::ffff:a.b.c.d). */
struct inet_addr {
	u8 b[16];
};
struct inet_end {
	struct inet_addr addr;
	u16 port; /* host byte order */
};

enum tcp_state { /* numbers as in TCP_INFO */
		 TCP_S_ESTABLISHED = 1,
		 TCP_S_SYN_SENT,
		 TCP_S_SYN_RECV,
		 TCP_S_FIN_WAIT1,
		 TCP_S_FIN_WAIT2,
		 TCP_S_TIME_WAIT,
		 TCP_S_CLOSE,
		 TCP_S_CLOSE_WAIT,
		 TCP_S_LAST_ACK,
		 TCP_S_LISTEN,
};

#define INET_OPTIONS_MAX 52 /* integer options of inet_option.c */

struct inet_sock {
	struct socket socket;
	u32 refs;		/* the file (or the listener's queue), the peer, calls in progress */
	bool dead;		/* released */
	u32 shut;		/* K_SHUT_* */
	struct inet_end local;	/* port 0: not bound */
	struct inet_end remote; /* connected sockets */
	bool port_locked;	/* named by bind(2): it stays when the connection ends */
	bool addr_locked;
	bool v6only;
	u32 uid;	       /* of the creator: SO_REUSEPORT */
	struct list port_link; /* inet_port.c */
	s32 option[INET_OPTIONS_MAX];
	struct packet_queue rx;
	struct sleep_lock read_lock;
	struct wait_queue read_wait, write_wait; /* on read_wait: listeners too */
	/* UDP */
	bool connected;
	struct packet_queue errors; /* with IP_RECVERR, IPV6_RECVERR: udp_error.c */
	u32 drops;
	struct list groups; /* inet_multicast.c */
	unsigned group_count;
	s32 multicast_index; /* IP_MULTICAST_IF; 0: none chosen */
	struct inet_addr multicast_source;
	/* TCP */
	enum tcp_state state;
	bool attempted; /* connect was called and has not told its result */
	bool joined;	/* connect succeeded once (or accepted): never again */
	bool fin_sent, fin_received, fin_first;
	struct inet_sock *peer;		/* a reference; NULL after a reset */
	struct inet_sock *listener;	/* SYN_SENT in its syn_queue: a reference */
	struct list pending, syn_queue; /* listener: to accept; waiting for room there */
	struct list pending_link;	/* on either */
	unsigned pending_count, backlog;
	u64 bytes_sent, bytes_received;
	enum { TCP_URGENT_NONE, TCP_URGENT_VALID, TCP_URGENT_READ } urgent;
	u64 urgent_place; /* of the urgent byte, counted as bytes_received; it is in rx too */
	u8 urgent_byte;
};

static inline struct inet_sock *inet_of(struct socket *s)
{
	return container_of(s, struct inet_sock, socket);
}

/* socket(AF_INET, ...), socket(AF_INET6, ...). -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -ENOMEM */
int inet_create(int type, int protocol, struct socket **out);
int inet6_create(int type, int protocol, struct socket **out);
struct inet_sock *inet_alloc(const struct socket_ops *ops, int family, int type, int protocol); /* NULL: memory */
void inet_get(struct inet_sock *i);
void inet_put(struct inet_sock *i);
int inet_bind(struct socket *s, const void *addr, u32 len);
/* Gives an unbound socket a port for traffic with `remote` (NULL: any). -EAGAIN: none is free */
int inet_autobind(struct inet_sock *i, const struct inet_end *remote);
int inet_getname(struct socket *s, void *addr, bool peer);

/* ---- inet_addr.c ---- */
extern const struct inet_addr inet_any6, inet_any4, inet_loopback6, inet_loopback4;
bool inet_addr_equal(const struct inet_addr *a, const struct inet_addr *b);
bool inet_is_v4(const struct inet_addr *a);
bool inet_is_any(const struct inet_addr *a);	  /* :: or 0.0.0.0 */
bool inet_is_loopback(const struct inet_addr *a); /* ::1 or 127.0.0.0/8 */
bool inet_is_multicast(const struct inet_addr *a);
bool inet_is_broadcast(const struct inet_addr *a); /* 255.255.255.255, 127.255.255.255 */
/* Reads a sockaddr as a socket of this family takes it; sockets of AF_INET6 take AF_INET too if v4_too. -EINVAL,
 * -EAFNOSUPPORT */
int inet_parse(int family, bool v4_too, const void *addr, u32 len, struct inet_end *out);
/* Writes the sockaddr that a socket of this family shows; returns its length. */
u32 inet_format(int family, const struct inet_end *end, void *addr);
/* Where packets to *addr go, and from: makes 0.0.0.0 the loopback address. -ENETUNREACH */
int inet_route(const struct inet_sock *i, struct inet_addr *addr, struct inet_addr *source);

/* ---- inet_port.c ---- */
/* Enters a socket under a port (0: chooses one). -EADDRINUSE */
int port_bind(struct inet_sock *i, u16 port);
/* Chooses a port for a connection to remote. -EADDRNOTAVAIL */
int port_bind_for(struct inet_sock *i, const struct inet_end *remote);
/* Enters an accepted socket under its listener's port. */
void port_share(struct inet_sock *i);
void port_release(struct inet_sock *i);
/* May the bound socket start to listen beside the others there? */
bool port_may_listen(const struct inet_sock *i);
/* The port of a closed connection stays in use for a while (TIME_WAIT). */
void port_time_wait(const struct inet_sock *i);
struct inet_sock *port_find_listener(const struct inet_end *to, const struct inet_end *from);
struct inet_sock *port_find_udp(int protocol, const struct inet_end *to, const struct inet_end *from);
/* Calls fn for each socket that takes datagrams to this address, a group's. */
void port_for_each_receiver(int protocol, const struct inet_end *to, const struct inet_end *from,
			    void (*fn)(void *arg, struct inet_sock *i), void *arg);
/* Calls fn for each socket of the protocol that has a port (/proc/net). */
void port_for_each(int protocol, void (*fn)(void *arg, struct inet_sock *i), void *arg);

/* The same for closed connections that keep their ports, of AF_INET6 sockets or of AF_INET ones. */
void port_for_each_time_wait(bool v6,
			     void (*fn)(void *arg, const struct inet_end *local, const struct inet_end *remote),
			     void *arg);

/* ---- inet_option.c ---- */
/* Integer options, by index into inet_sock.option. */
enum inet_option {
	OPT_TCP_NODELAY,
	OPT_TCP_CORK,
	OPT_TCP_KEEPIDLE,
	OPT_TCP_KEEPINTVL,
	OPT_TCP_KEEPCNT,
	OPT_TCP_SYNCNT,
	OPT_TCP_LINGER2,
	OPT_TCP_DEFER_ACCEPT,
	OPT_TCP_WINDOW_CLAMP,
	OPT_TCP_QUICKACK,
	OPT_TCP_USER_TIMEOUT,
	OPT_TCP_FASTOPEN,
	OPT_TCP_FASTOPEN_CONNECT,
	OPT_TCP_NOTSENT_LOWAT,
	OPT_TCP_THIN,
	OPT_TCP_THIN_DUPACK,
	OPT_TCP_SAVE_SYN,
	OPT_IP_TOS,
	OPT_IP_TTL,
	OPT_IP_PKTINFO,
	OPT_IP_MTU_DISCOVER,
	OPT_IP_RECVERR,
	OPT_IP_RECVTTL,
	OPT_IP_RECVTOS,
	OPT_IP_FREEBIND,
	OPT_IP_TRANSPARENT,
	OPT_IP_BIND_NO_PORT,
	OPT_IP_MULTICAST_TTL,
	OPT_IP_MULTICAST_LOOP,
	OPT_IP_MULTICAST_ALL,
	OPT_IP_RECVORIGDSTADDR,
	OPT_IP_RECVOPTS,
	OPT_IP_RETOPTS,
	OPT_IP_MINTTL,
	OPT_V6_UNICAST_HOPS,
	OPT_V6_MULTICAST_HOPS,
	OPT_V6_MULTICAST_LOOP,
	OPT_V6_PKTINFO,
	OPT_V6_RECVHOPLIMIT,
	OPT_V6_TCLASS,
	OPT_V6_RECVTCLASS,
	OPT_V6_MTU_DISCOVER,
	OPT_V6_RECVERR,
	OPT_V6_DONTFRAG,
	OPT_V6_AUTOFLOWLABEL,
	OPT_V6_FREEBIND,
	OPT_UDP_CORK,
	OPT_V6_MULTICAST_IF,
	OPT_UDPLITE_SEND_CSCOV,
	OPT_UDPLITE_RECV_CSCOV,
	OPT_COUNT,
};
_Static_assert(OPT_COUNT <= INET_OPTIONS_MAX, "options");
void inet_option_defaults(struct inet_sock *i);
int inet_setsockopt(struct socket *s, int level, int name, const void *value, u32 len);
int inet_getsockopt(struct socket *s, int level, int name, void *value, u32 *len);

/* ---- inet_multicast.c ---- */
/* Options about groups; -ENOPROTOOPT: another option. -EINVAL, -ENODEV, -EADDRINUSE, -EADDRNOTAVAIL, -ENOBUFS, -EPROTO
 */
int inet_multicast_setsockopt(struct inet_sock *i, int level, int name, const void *value, u32 len);
void inet_leave_groups(struct inet_sock *i);
/* Has anybody joined the group? */
bool inet_group_joined(const struct inet_addr *addr);
/* Does this socket take what is sent to the group, if anybody has joined it? */
bool inet_group_wanted(const struct inet_sock *i, const struct inet_addr *addr);
/* Whence datagrams to IPv4 groups are sent. -ENETUNREACH: no interface was chosen */
int inet_multicast_route(const struct inet_sock *i, struct inet_addr *source);

/* ---- tcp*.c, udp.c ---- */
extern const struct socket_ops tcp_ops, udp_ops;
int tcp_connect(struct socket *s, const void *addr, u32 len);
int tcp_listen(struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket **out);
/* A listener stops: those who wait for it are refused, what was not accepted is reset. */
void tcp_stop_listening(struct inet_sock *i);
/* Ends the attempt to connect. */
void tcp_leave_queue(struct inet_sock *i);
/* The peer has answered with a reset. */
void tcp_reset(struct inet_sock *i);
/* The end of a socket: its file's, or (embryo) its listener's before it was accepted. */
void tcp_close(struct inet_sock *i, bool embryo);
void tcp_wake(struct inet_sock *i, u32 events);
long tcp_sendmsg(struct socket *s, struct socket_msg *msg);
long tcp_recvmsg(struct socket *s, struct socket_msg *msg);
/* Is there so much room at the peer that a writer should go on? */
bool tcp_has_room(const struct inet_sock *i);
/* The last byte in the queue is urgent. */
void tcp_urgent_arrived(struct inet_sock *i, u8 byte);
/* Is the byte `ahead` bytes after the next to be read the urgent one? */
bool tcp_at_mark(const struct inet_sock *i, u32 ahead);
/* Of n bytes from there: those before the urgent one (n: it is not among them, or the first). */
u32 tcp_before_mark(const struct inet_sock *i, u32 ahead, u32 n);
/* FIONREAD */
u32 tcp_urgent_inq(const struct inet_sock *i);
/* Bytes were read: the urgent one is forgotten when it was. */
void tcp_urgent_passed(struct inet_sock *i);
/* recvmsg with MSG_OOB: 1 or 0 bytes. -EINVAL (nothing urgent), -ENOTCONN, -EFAULT */
long tcp_recv_urgent(struct inet_sock *i, struct socket_msg *msg);
/* Sets the members of struct tcp_info that have a meaning here; returns its size. */
u32 tcp_info(const struct inet_sock *i, void *info, u32 room);

/* ---- udp_error.c ---- */
/* What the socket sent to *to, from *source, found nobody there: the ICMP message that says so has come back. */
void udp_refused(struct inet_sock *i, const struct packet *sent, const struct inet_end *to,
		 const struct inet_addr *source);
/* recvmsg with MSG_ERRQUEUE: bytes of the datagram that failed, with the reason as a control message. -EAGAIN, -EFAULT
 */
long udp_recv_error(struct inet_sock *i, struct socket_msg *msg);
/* IP_RECVERR or IPV6_RECVERR was switched off. */
void udp_forget_errors(struct inet_sock *i);
/* Control messages about a packet that a receive makes when options ask for them (udp.c). */
void udp_put_info(struct inet_sock *i, struct socket_msg *msg, const struct packet *p);

/* ---- interface.c ---- */
/* SIOCGIF*: the loopback interface, for sockets of any family. -ENOTTY for others. */
long interface_ioctl(u32 cmd, u64 arg);
#define INTERFACE_INDEX	   1
#define INTERFACE_NAME	   "lo"
#define INTERFACE_MTU	   65536
#define INTERFACE_TX_QUEUE 1000

#endif
