/* SPDX-License-Identifier: Apache-2.0
 * Multicast groups on the loopback interface, and UDP-Lite.
 * area: Sockets
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "probe.h"

#define GROUP "239.77.1.2"

static struct in_addr ip(const char *text)
{
	struct in_addr a = {0};
	inet_pton(AF_INET, text, &a);
	return a;
}

static int change(int fd, int name, const char *group, const char *interface)
{
	struct ip_mreq mreq = {ip(group), ip(interface)};
	return setsockopt(fd, IPPROTO_IP, name, &mreq, sizeof(mreq));
}
static int change_by_index(int fd, int name, const char *group, int index)
{
	struct ip_mreqn mreq = {ip(group), {0}, index};
	return setsockopt(fd, IPPROTO_IP, name, &mreq, sizeof(mreq));
}
static int set(int fd, int name, int value)
{
	return setsockopt(fd, IPPROTO_IP, name, &value, sizeof(value));
}

static int receiver(const char *address, in_port_t *port)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	struct sockaddr_in a = {AF_INET, *port, ip(address), {0}};
	socklen_t length = sizeof(a);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&a, sizeof(a)) != 0 || getsockname(fd, (void *)&a, &length) != 0)
		exit(97);
	*port = a.sin_port;
	return fd;
}

static int send_to(int fd, const char *address, in_port_t port, const char *text)
{
	struct sockaddr_in a = {AF_INET, port, ip(address), {0}};
	return sendto(fd, text, strlen(text), 0, (void *)&a, sizeof(a)) == (ssize_t)strlen(text);
}

/* Is this the next datagram (NULL: is there none)? */
static int got(int fd, const char *wanted)
{
	char buffer[64] = "";
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (!wanted)
		return poll(&p, 1, 20) == 0;
	return poll(&p, 1, 1000) == 1 &&
	       recv(fd, buffer, sizeof(buffer) - 1, MSG_DONTWAIT) == (ssize_t)strlen(wanted) &&
	       strcmp(buffer, wanted) == 0;
}

static void membership(void)
{
	theme("membership");
	int fd = socket(AF_INET, SOCK_DGRAM, 0), stream = socket(AF_INET, SOCK_STREAM, 0), joined = 0, error = 0;
	char group[32];
	CHECK_ERRNO(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, unmapped_address(), 8), EFAULT);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, "1234", 4), EINVAL);
	CHECK_ERRNO(change(fd, IP_ADD_MEMBERSHIP, "10.0.0.1", "127.0.0.1"), EINVAL);
	CHECK_ERRNO(change_by_index(fd, IP_ADD_MEMBERSHIP, GROUP, 9999), ENODEV);
	CHECK_ERRNO(change(fd, IP_DROP_MEMBERSHIP, GROUP, "127.0.0.1"), EADDRNOTAVAIL);
	CHECK_ERRNO(change(stream, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1"), EPROTO);
	CHECK(change(fd, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1") == 0);
	CHECK_ERRNO(change(fd, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1"), EADDRINUSE);
	CHECK(change(fd, IP_DROP_MEMBERSHIP, GROUP, "127.0.0.1") == 0);
	CHECK(change_by_index(fd, IP_ADD_MEMBERSHIP, GROUP, 1) == 0);
	CHECK(change_by_index(fd, IP_DROP_MEMBERSHIP, GROUP, 1) == 0);
	for (; joined < 64; joined++) {
		snprintf(group, sizeof(group), "239.77.2.%d", joined);
		if (change(fd, IP_ADD_MEMBERSHIP, group, "127.0.0.1") != 0) {
			error = errno;
			break;
		}
	}
	CHECK_THAT(joined == 20 && error == ENOBUFS, "a socket joins 20 groups");
	struct group_req request = {.gr_interface = 1};
	*(struct sockaddr_in *)&request.gr_group = (struct sockaddr_in){AF_INET, 0, ip("239.77.2.3"), {0}};
	CHECK(setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof(request)) == 0);
	CHECK(setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request)) == 0);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &request, 100), EINVAL);
	close(stream);
	close(fd);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct ipv6_mreq six = {.ipv6mr_interface = 1};
	inet_pton(AF_INET6, "ff02::77", &six.ipv6mr_multiaddr);
	CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six)) == 0);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six)), EADDRINUSE);
	CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &six, sizeof(six)) == 0);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &six, sizeof(six)), EADDRNOTAVAIL);
	six.ipv6mr_interface = 9999;
	CHECK_THAT(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six)) == -1 && errno == ENODEV,
		   "an interface that is not there");
	close(fd);
}

static void delivery(void)
{
	in_port_t port = 0;
	struct in_addr lo = ip("127.0.0.1"), out = {0};
	socklen_t length = sizeof(out);
	theme("delivery");
	int member = receiver("0.0.0.0", &port), second = receiver(GROUP, &port);
	int sender = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(change(member, IP_ADD_MEMBERSHIP, GROUP, "127.0.0.1") == 0);
	struct in_addr bad = ip("203.0.113.9");
	CHECK_ERRNO(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &bad, sizeof(bad)), EADDRNOTAVAIL);
	CHECK(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)) == 0);
	CHECK(getsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &out, &length) == 0 && length == 4 &&
	      out.s_addr == lo.s_addr);
	CHECK(send_to(sender, GROUP, port, "one") && got(member, "one"));
	CHECK_THAT(got(second, "one"), "a socket bound to the group gets it too, as long as anybody is a member");
	CHECK(set(second, IP_MULTICAST_ALL, 0) == 0 && send_to(sender, GROUP, port, "two"));
	CHECK_THAT(got(member, "two") && got(second, NULL), "not without IP_MULTICAST_ALL");
	CHECK(change_by_index(second, IP_ADD_MEMBERSHIP, GROUP, 1) == 0 && send_to(sender, GROUP, port, "three"));
	CHECK_THAT(got(member, "three") && got(second, "three"), "each member gets a copy");
	CHECK_THAT(got(member, NULL) && got(second, NULL), "just one");
	CHECK_THAT(send_to(sender, "239.77.1.3", port, "other") && got(member, NULL), "another group's go nowhere");
	int bound = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in any = {AF_INET, 0, lo, {0}};
	CHECK(bind(bound, (void *)&any, sizeof(any)) == 0 && send_to(bound, GROUP, port, "four"));
	CHECK_THAT(got(member, "four") && got(second, "four"), "a source on loopback chooses the interface");
	struct sockaddr_in to = {AF_INET, port, ip(GROUP), {0}};
	CHECK(connect(sender, (void *)&to, sizeof(to)) == 0 && send(sender, "five", 4, 0) == 4);
	CHECK(got(member, "five") && got(second, "five"));
	CHECK_THAT(set(member, IP_PKTINFO, 1) == 0 && send(sender, "six", 3, 0) == 3, "IP_PKTINFO is on");
	char bytes[16], control[128];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	CHECK(recvmsg(member, &m, 0) == 3);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo info = {0};
	if (c && c->cmsg_type == IP_PKTINFO)
		memcpy(&info, CMSG_DATA(c), sizeof(info));
	CHECK_THAT(info.ipi_addr.s_addr == ip(GROUP).s_addr && info.ipi_ifindex == 1, "and tells the group");
	CHECK(got(second, "six"));
	CHECK(change(member, IP_DROP_MEMBERSHIP, GROUP, "127.0.0.1") == 0);
	CHECK_THAT(send(sender, "seven", 5, 0) == 5 && got(member, "seven") && got(second, "seven"),
		   "one member is left");
	close(second);
	CHECK_THAT(send(sender, "eight", 5, 0) == 5 && got(member, NULL), "closing leaves: no member, no datagram");
	close(member);
	close(sender);
	close(bound);
}

static void lite(void)
{
	theme("udplite");
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), value = 20;
	if (fd < 0) { /* a Linux that was built without */
		CHECK(errno == EPROTONOSUPPORT);
		return;
	}
	in_port_t port = 0;
	struct sockaddr_in a = {AF_INET, 0, ip("127.0.0.1"), {0}};
	socklen_t length = sizeof(a);
	CHECK(bind(fd, (void *)&a, sizeof(a)) == 0 && getsockname(fd, (void *)&a, &length) == 0);
	port = a.sin_port;
	int udp = receiver("127.0.0.1", &port);
	CHECK_THAT(udp >= 0, "its ports are not those of UDP");
	int sender = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	CHECK(send_to(sender, "127.0.0.1", port, "lite") && got(fd, "lite") && got(udp, NULL));
	CHECK(setsockopt(sender, IPPROTO_UDPLITE, 10, &value, sizeof(value)) == 0);
	value = 0;
	length = sizeof(value);
	CHECK(getsockopt(sender, IPPROTO_UDPLITE, 10, &value, &length) == 0 && value == 20);
	CHECK_ERRNO(setsockopt(udp, IPPROTO_UDPLITE, 10, &value, sizeof(value)), ENOPROTOOPT);
	close(udp);
	close(sender);
	close(fd);
}

int main(void)
{
	limit_seconds(30);
	membership();
	delivery();
	lite();
	return finish();
}
