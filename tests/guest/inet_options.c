/* SPDX-License-Identifier: Apache-2.0
 * Each option of TCP, IPv4 and IPv6 at sockets that have it and that have it not, read and set with each odd length,
 * value and address.
 * area: Sockets
 */
#include "options.h"

#define COLUMNS 9

static long use(enum kind kind, int level, int name, int column)
{
	int fd = make(kind);
	long result = 0;
	switch (column) {
	case 0:
		result = ask(fd, level, name, 4);
		break;
	case 1:
		result = ask(fd, level, name, 1);
		break;
	case 2:
		result = ask(fd, level, name, 512);
		break;
	case 3:
		result = RESULT(syscall(SYS_getsockopt, fd, level, name, hole, &(socklen_t){4}));
		break;
	case 4:
		result = ask(fd, level, name, 0);
		break;
	case 5:
		result = give(fd, level, name, 1, 4);
		break;
	case 6:
		result = give(fd, level, name, 1, 3);
		break;
	case 7:
		result = give(fd, level, name, -1, 4);
		break;
	case 8:
		result = RESULT(syscall(SYS_setsockopt, fd, level, name, hole, 4));
		break;
	}
	close(fd);
	return result;
}

int main(void)
{
	static const char *const columns[COLUMNS] = {
	    "read as four bytes",    "read as one byte",  "read with much room",
	    "read to a bad address", "read with no room", "set to 1",
	    "set by three bytes",    "set to -1",	  "set from a bad address"};
	static const struct {
		enum kind kind;
		int level, option;
		const char *name;
		short wanted[COLUMNS];
	} rows[] = {
	    {TCP4, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_MAXSEG,
	     "TCP_MAXSEG of TCP",
	     {4, 1, 4, -EFAULT, 0, -EINVAL, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_TCP, TCP_CORK, "TCP_CORK of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_KEEPIDLE,
	     "TCP_KEEPIDLE of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_KEEPINTVL,
	     "TCP_KEEPINTVL of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_TCP, TCP_SYNCNT, "TCP_SYNCNT of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_TCP, TCP_LINGER2, "TCP_LINGER2 of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_DEFER_ACCEPT,
	     "TCP_DEFER_ACCEPT of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_WINDOW_CLAMP,
	     "TCP_WINDOW_CLAMP of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4, IPPROTO_TCP, TCP_QUICKACK, "TCP_QUICKACK of TCP", {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_CONGESTION,
	     "TCP_CONGESTION of TCP",
	     {4, 1, 16, -EFAULT, 0, -ENOENT, -ENOENT, -ENOENT, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_USER_TIMEOUT,
	     "TCP_USER_TIMEOUT of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_FASTOPEN,
	     "TCP_FASTOPEN of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP4,
	     IPPROTO_TCP,
	     TCP_NOTSENT_LOWAT,
	     "TCP_NOTSENT_LOWAT of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_TOS, "IP_TOS of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_TOS, "IP_TOS of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_TTL, "IP_TTL of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_TTL, "IP_TTL of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_OPTIONS, "IP_OPTIONS of TCP", {0, 0, 0, 0, 0, 0, 0, -EINVAL, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_OPTIONS, "IP_OPTIONS of UDP", {0, 0, 0, 0, 0, 0, 0, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_RECVOPTS, "IP_RECVOPTS of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_RECVOPTS, "IP_RECVOPTS of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_RETOPTS, "IP_RETOPTS of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_RETOPTS, "IP_RETOPTS of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4,
	     IPPROTO_IP,
	     IP_MTU_DISCOVER,
	     "IP_MTU_DISCOVER of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {UDP4,
	     IPPROTO_IP,
	     IP_MTU_DISCOVER,
	     "IP_MTU_DISCOVER of UDP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_RECVERR, "IP_RECVERR of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_RECVERR, "IP_RECVERR of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_FREEBIND, "IP_FREEBIND of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_MINTTL, "IP_MINTTL of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_MINTTL, "IP_MINTTL of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {TCP4,
	     IPPROTO_IP,
	     IP_MULTICAST_TTL,
	     "IP_MULTICAST_TTL of TCP",
	     {4, 1, 4, -EFAULT, 0, -EINVAL, -EINVAL, -EINVAL, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP4, IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP of TCP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4, IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP of UDP", {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4,
	     IPPROTO_IP,
	     IP_MULTICAST_IF,
	     "IP_MULTICAST_IF of UDP",
	     {4, 1, 4, -EFAULT, 0, -EADDRNOTAVAIL, -EINVAL, -EADDRNOTAVAIL, -EFAULT}},
	    {TCP4,
	     IPPROTO_IP,
	     IP_MULTICAST_ALL,
	     "IP_MULTICAST_ALL of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {UDP4,
	     IPPROTO_IP,
	     IP_MULTICAST_ALL,
	     "IP_MULTICAST_ALL of UDP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, -EINVAL, -EFAULT}},
	    {TCP4,
	     IPPROTO_IP,
	     IP_BIND_ADDRESS_NO_PORT,
	     "IP_BIND_ADDRESS_NO_PORT of TCP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {UDP4,
	     IPPROTO_IP,
	     IP_BIND_ADDRESS_NO_PORT,
	     "IP_BIND_ADDRESS_NO_PORT of UDP",
	     {4, 1, 4, -EFAULT, 0, 0, 0, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_V6ONLY,
	     "IPV6_V6ONLY of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_V6ONLY,
	     "IPV6_V6ONLY of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_UNICAST_HOPS,
	     "IPV6_UNICAST_HOPS of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_UNICAST_HOPS,
	     "IPV6_UNICAST_HOPS of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_HOPS,
	     "IPV6_MULTICAST_HOPS of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, -ENOPROTOOPT, -ENOPROTOOPT, -ENOPROTOOPT, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_HOPS,
	     "IPV6_MULTICAST_HOPS of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_LOOP,
	     "IPV6_MULTICAST_LOOP of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_LOOP,
	     "IPV6_MULTICAST_LOOP of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_IF,
	     "IPV6_MULTICAST_IF of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, -ENOPROTOOPT, -ENOPROTOOPT, -ENOPROTOOPT, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_MULTICAST_IF,
	     "IPV6_MULTICAST_IF of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -ENODEV, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_RECVPKTINFO,
	     "IPV6_RECVPKTINFO of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_RECVPKTINFO,
	     "IPV6_RECVPKTINFO of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_RECVHOPLIMIT,
	     "IPV6_RECVHOPLIMIT of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_RECVHOPLIMIT,
	     "IPV6_RECVHOPLIMIT of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_TCLASS,
	     "IPV6_TCLASS of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_TCLASS,
	     "IPV6_TCLASS of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_RECVTCLASS,
	     "IPV6_RECVTCLASS of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_RECVTCLASS,
	     "IPV6_RECVTCLASS of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_MTU_DISCOVER,
	     "IPV6_MTU_DISCOVER of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_MTU_DISCOVER,
	     "IPV6_MTU_DISCOVER of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, -EINVAL, -EFAULT}},
	    {TCP6,
	     IPPROTO_IPV6,
	     IPV6_RECVERR,
	     "IPV6_RECVERR of TCP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	    {UDP6,
	     IPPROTO_IPV6,
	     IPV6_RECVERR,
	     "IPV6_RECVERR of UDP over IPv6",
	     {4, 1, 4, -EFAULT, 0, 0, -EINVAL, 0, -EFAULT}},
	};
	limit_seconds(60);
	hole = map_pages(1, PROT_NONE);
	theme("inet options");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < COLUMNS; c++)
			cell(rows[r].name, columns[c], use(rows[r].kind, rows[r].level, rows[r].option, c),
			     rows[r].wanted[c]);
	theme("levels");
	int stream = make(TCP4), datagram = make(UDP4), local = make(UNIX_STREAM), value = 1;
	CHECK_ERRNO(setsockopt(datagram, IPPROTO_TCP, TCP_NODELAY, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(datagram, IPPROTO_TCP, TCP_NODELAY, &value, &(socklen_t){4}), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(stream, IPPROTO_UDP, 1, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(stream, IPPROTO_UDP, 1, &value, &(socklen_t){4}), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(stream, IPPROTO_IPV6, IPV6_V6ONLY, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(stream, IPPROTO_IPV6, IPV6_V6ONLY, &value, &(socklen_t){4}), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(local, IPPROTO_IP, IP_TOS, &value, 4), EOPNOTSUPP);
	CHECK_ERRNO(getsockopt(local, IPPROTO_IP, IP_TOS, &value, &(socklen_t){4}), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(stream, 12345, 1, &value, 4), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(stream, 12345, 1, &value, &(socklen_t){4}), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(local, -1, 1, &value, 4), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &value, 4), EBADF);
	CHECK_ERRNO(getsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &value, (void *)hole), EBADF);
	CHECK_ERRNO(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &value, 4), ENOTSOCK);
	CHECK_ERRNO(setsockopt(stream, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), EINVAL);
	CHECK_ERRNO(getsockopt(stream, SOL_SOCKET, SO_REUSEADDR, &value, (void *)hole), EFAULT);
	return finish();
}
