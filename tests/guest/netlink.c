/* SPDX-License-Identifier: Apache-2.0
 * Interfaces: NETLINK_ROUTE dumps, getifaddrs, the ioctls of netdevice(7).
 * area: Sockets
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "harness.h"

static char buffer[65536];

struct request {
	struct nlmsghdr h;
	union {
		struct rtgenmsg gen;
		struct ifinfomsg link;
		struct ifaddrmsg addr;
	};
};

static ssize_t ask(int fd, int type, int flags, int family, int index, unsigned seq)
{
	struct request q = {.h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = (uint16_t)type}};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	q.h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	q.h.nlmsg_seq = seq;
	q.link.ifi_family = (unsigned char)family;
	q.link.ifi_index = index;
	return sendto(fd, &q, q.h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
}

/* Reads a dump to its end: how many messages of this type, and whether lo (index 1) was among them. */
static int read_dump(int fd, int type, unsigned seq, int *loopback)
{
	int count = 0;
	*loopback = 0;
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		if (n <= 0)
			return -1;
		for (struct nlmsghdr *h = (void *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != seq || !(h->nlmsg_flags & NLM_F_MULTI))
				return -2;
			if (h->nlmsg_type == NLMSG_DONE)
				return count;
			if (h->nlmsg_type != type)
				return -3;
			count++;
			if (type == RTM_NEWLINK)
				*loopback |= ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index == 1;
			if (type == RTM_NEWADDR)
				*loopback |= ((struct ifaddrmsg *)NLMSG_DATA(h))->ifa_index == 1;
		}
	}
}

static void sockets(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK};
	socklen_t len = sizeof(a);
	theme("sockets");
	CHECK_ERRNO(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_NETLINK, SOCK_RAW, 77), EPROTONOSUPPORT);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
	    other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
	CHECK(fd >= 0 && other >= 0);
	CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, 4), EINVAL);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0 && len == sizeof(a) && a.nl_pid == (uint32_t)getpid());
	CHECK_ERRNO(bind(other, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
	a.nl_pid = 0;
	CHECK(bind(other, (struct sockaddr *)&a, sizeof(a)) == 0);
	len = sizeof(a);
	CHECK(getsockname(other, (struct sockaddr *)&a, &len) == 0 && a.nl_pid != (uint32_t)getpid() && a.nl_pid != 0);
	CHECK_ERRNO(recv(fd, buffer, 10, MSG_DONTWAIT), EAGAIN);
	a = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = 77777777};
	CHECK_ERRNO(sendto(fd, "0123456789abcdefgh", 18, 0, (struct sockaddr *)&a, sizeof(a)), ECONNREFUSED);
	CHECK_ERRNO(listen(fd, 1), EOPNOTSUPP);
	CHECK(setsockopt(fd, 270, 11, &(int){1}, 4) == 0);
	CHECK_ERRNO(setsockopt(fd, 270, 99, &(int){1}, 4), ENOPROTOOPT);
	close(fd);
	close(other);
}

static void dumps(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), loopback;
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);
	theme("dumps");
	CHECK(ask(fd, RTM_GETLINK, NLM_F_DUMP, 0, 0, 5) == (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(poll(&p, 1, 1000) == 1 && p.revents == POLLIN);
	CHECK(recvfrom(fd, buffer, 10, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &len) > 100);
	CHECK(len == sizeof(from) && from.nl_pid == 0);
	CHECK(read_dump(fd, RTM_NEWLINK, 5, &loopback) >= 1 && loopback);
	CHECK(ask(fd, RTM_GETADDR, NLM_F_DUMP, AF_UNSPEC, 0, 6) > 0);
	CHECK(read_dump(fd, RTM_NEWADDR, 6, &loopback) >= 2 && loopback);
	CHECK(ask(fd, RTM_GETADDR, NLM_F_DUMP, AF_INET, 0, 7) > 0);
	int four = read_dump(fd, RTM_NEWADDR, 7, &loopback);
	CHECK(four >= 1 && loopback);
	CHECK(ask(fd, RTM_GETADDR, NLM_F_DUMP, AF_INET6, 0, 8) > 0);
	CHECK(read_dump(fd, RTM_NEWADDR, 8, &loopback) >= 1 && loopback);
	CHECK(ask(fd, RTM_GETROUTE, NLM_F_DUMP, AF_INET, 0, 9) > 0);
	CHECK(read_dump(fd, RTM_NEWROUTE, 9, &loopback) >= 1);
	CHECK(ask(fd, RTM_GETLINK, 0, 0, 1, 10) > 0);
	struct nlmsghdr *h = (void *)buffer;
	CHECK(recv(fd, buffer, sizeof(buffer), 0) > 0 && h->nlmsg_type == RTM_NEWLINK && h->nlmsg_seq == 10 &&
	      !(h->nlmsg_flags & NLM_F_MULTI));
	CHECK(ask(fd, RTM_GETLINK, 0, 0, 4711, 11) > 0);
	CHECK(recv(fd, buffer, sizeof(buffer), 0) > 0 && h->nlmsg_type == NLMSG_ERROR);
	CHECK(((struct nlmsgerr *)NLMSG_DATA(h))->error == -ENODEV &&
	      ((struct nlmsgerr *)NLMSG_DATA(h))->msg.nlmsg_seq == 11);
	CHECK(ask(fd, NLMSG_NOOP, NLM_F_ACK, 0, 0, 12) > 0);
	CHECK(recv(fd, buffer, sizeof(buffer), 0) > 0 && h->nlmsg_type == NLMSG_ERROR &&
	      ((struct nlmsgerr *)NLMSG_DATA(h))->error == 0);
	CHECK(send(fd, "short", 5, 0) == 5);
	CHECK_ERRNO(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
	close(fd);
}

static void library(void)
{
	struct ifaddrs *list = NULL;
	int four = 0, six = 0, packet = 0;
	theme("C library");
	REQUIRE(getifaddrs(&list) == 0);
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (strcmp(i->ifa_name, "lo") || !i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			four |= ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
				((struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr == htonl(0xff000000);
		if (i->ifa_addr->sa_family == AF_INET6)
			six |= IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr);
		packet |= i->ifa_addr->sa_family == AF_PACKET;
		CHECK_THAT((i->ifa_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING)) ==
			       (IFF_UP | IFF_LOOPBACK | IFF_RUNNING),
			   i->ifa_addr->sa_family == AF_INET	? "flags with the IPv4 address"
			   : i->ifa_addr->sa_family == AF_INET6 ? "flags with the IPv6 address"
								: "flags with the link");
	}
	freeifaddrs(list);
	CHECK_THAT(four, "getifaddrs finds 127.0.0.1/8");
	CHECK_THAT(six, "getifaddrs finds ::1");
	CHECK_THAT(packet, "getifaddrs finds the link");
	CHECK(if_nametoindex("lo") == 1);
	CHECK(if_nametoindex("nosuch0") == 0);
	char name[IF_NAMESIZE];
	CHECK(if_indextoname(1, name) && !strcmp(name, "lo"));
	CHECK(!if_indextoname(4711, name));
	struct if_nameindex *names = if_nameindex();
	CHECK(names && names[0].if_index == 1 && !strcmp(names[0].if_name, "lo"));
	if_freenameindex(names);
}

static void ioctls(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = {.ifr_name = "lo"};
	struct ifconf c = {.ifc_len = sizeof(buffer), .ifc_buf = buffer};
	theme("ioctl");
	CHECK(ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
	CHECK(ioctl(fd, SIOCGIFADDR, &r) == 0 &&
	      ((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(ioctl(fd, SIOCGIFNETMASK, &r) == 0 &&
	      ((struct sockaddr_in *)&r.ifr_netmask)->sin_addr.s_addr == htonl(0xff000000));
	CHECK(ioctl(fd, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 65536);
	CHECK(ioctl(fd, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == 772);
	CHECK(ioctl(fd, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == 1);
	CHECK(ioctl(fd, SIOCGIFCONF, &c) == 0 && c.ifc_len >= (int)sizeof(struct ifreq));
	CHECK(!strcmp(((struct ifreq *)buffer)->ifr_name, "lo"));
	strcpy(r.ifr_name, "nosuch0");
	CHECK_ERRNO(ioctl(fd, SIOCGIFFLAGS, &r), ENODEV);
	CHECK_ERRNO(ioctl(fd, SIOCGIFFLAGS, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(fd, 0x12345678, &r), ENOTTY);
	close(fd);
}

int main(void)
{
	sockets();
	dumps();
	library();
	ioctls();
	return finish();
}
