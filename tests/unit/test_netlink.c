/* SPDX-License-Identifier: Apache-2.0
 *
 * NETLINK_ROUTE under the sanitizers: well-formed answers, malformed requests.
 * sources: tests/unit/net_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c
 * guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/net/inet.c guestkernel/net/inet_addr.c
 * guestkernel/net/inet_option.c guestkernel/net/inet_multicast.c guestkernel/net/inet_port.c
 * guestkernel/net/interface.c guestkernel/net/netlink.c guestkernel/net/packet.c guestkernel/net/rtnetlink.c
 * guestkernel/net/scm.c guestkernel/net/socket.c guestkernel/net/socket_option.c guestkernel/net/tcp.c
 * guestkernel/net/tcp_connect.c guestkernel/net/tcp_data.c guestkernel/net/tcp_urgent.c guestkernel/net/udp.c
 * guestkernel/net/udp_error.c guestkernel/net/unix.c guestkernel/net/unix_conn.c guestkernel/net/unix_data.c
 * guestkernel/net/unix_gc.c guestkernel/net/unix_name.c guestkernel/syscall/sys_socket.c
 * guestkernel/syscall/sys_sockmsg.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "guestkernel/net/socket_abi.h"
#include "tests/unit/net_stub.h"

static u64 used_before;
static u8 in[8192];

static int setup(void **state)
{
	net_start();
	used_before = net_memory_used();
	return 0;
}

static int teardown(void **state)
{
	net_stop();
	return net_memory_used() != used_before;
}

static int open_socket(void)
{
	return (int)call(socket, K_AF_NETLINK, K_SOCK_RAW | K_SOCK_NONBLOCK, 0);
}

struct request {
	struct nlmsghdr h;
	struct ifinfomsg m;
	struct nlattr a;
	char name[8];
};

static long ask(int fd, struct request *r, u16 type, u16 flags)
{
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | flags;
	r->h.nlmsg_seq = 42;
	return call(write, fd, r, sizeof(*r));
}

/* Every message and attribute of an answer lies inside of it; returns the messages of this type. */
static int count(const u8 *data, long n, u16 type, u32 fixed)
{
	int found = 0;
	long at = 0;
	while (at < n) {
		const struct nlmsghdr *h = (const void *)(data + at);
		assert_in_range(h->nlmsg_len, NLMSG_HDRLEN, n - at);
		assert_int_equal(h->nlmsg_seq, 42);
		if (h->nlmsg_type == type) {
			found++;
			for (u32 a = NLMSG_SPACE(fixed); a < h->nlmsg_len;) {
				const struct nlattr *attr = (const void *)((const u8 *)h + a);
				assert_in_range(attr->nla_len, NLA_HDRLEN, h->nlmsg_len - a);
				a += NLA_ALIGN(attr->nla_len);
			}
		}
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	assert_int_equal(at, n);
	return found;
}

static void dumps_are_well_formed(void **state)
{
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.m))};
	int fd = open_socket();
	ask(fd, &r, RTM_GETLINK, NLM_F_DUMP);
	long n = call(read, fd, in, sizeof(in));
	assert_int_equal(count(in, n, RTM_NEWLINK, sizeof(struct ifinfomsg)), 1);
	assert_int_equal(count(in, n, NLMSG_DONE, sizeof(int)), 1);
	ask(fd, &r, RTM_GETADDR, NLM_F_DUMP);
	n = call(read, fd, in, sizeof(in));
	assert_int_equal(count(in, n, RTM_NEWADDR, sizeof(struct ifaddrmsg)), 2);
	r.m.ifi_family = K_AF_INET6;
	ask(fd, &r, RTM_GETADDR, NLM_F_DUMP);
	n = call(read, fd, in, sizeof(in));
	assert_int_equal(count(in, n, RTM_NEWADDR, sizeof(struct ifaddrmsg)), 1);
	ask(fd, &r, RTM_GETROUTE, NLM_F_DUMP);
	n = call(read, fd, in, sizeof(in));
	assert_int_equal(count(in, n, RTM_NEWROUTE, sizeof(struct rtmsg)), 1);
	ask(fd, &r, RTM_GETNEIGH, NLM_F_DUMP);
	n = call(read, fd, in, sizeof(in));
	assert_int_equal(count(in, n, NLMSG_DONE, sizeof(int)), 1);
	assert_int_equal(call(read, fd, in, sizeof(in)), -EAGAIN);
}

static int answer(int fd)
{
	const struct nlmsghdr *h = (const void *)in;
	const struct nlmsgerr *e = NLMSG_DATA(h);
	long n = call(read, fd, in, sizeof(in));
	return n < 0 ? (int)n : h->nlmsg_type == NLMSG_ERROR ? e->error : 1;
}

static void a_link_is_found_by_name_or_number(void **state)
{
	struct request r = {.h.nlmsg_len = sizeof(r), .a = {NLA_HDRLEN + 3, IFLA_IFNAME}, .name = "lo"};
	int fd = open_socket();
	ask(fd, &r, RTM_GETLINK, 0);
	assert_int_equal(answer(fd), 1);
	strcpy(r.name, "lp");
	ask(fd, &r, RTM_GETLINK, 0);
	assert_int_equal(answer(fd), -ENODEV);
	r.a.nla_len = NLA_HDRLEN;
	ask(fd, &r, RTM_GETLINK, 0);
	assert_int_equal(answer(fd), -ENODEV);
	r.m.ifi_index = 1;
	ask(fd, &r, RTM_GETLINK, 0);
	assert_int_equal(answer(fd), 1);
}

static void changes_are_refused(void **state)
{
	struct request r = {.h.nlmsg_len = sizeof(r)};
	int fd = open_socket();
	for (u16 type = RTM_BASE; type < RTM_BASE + 16; type++) {
		ask(fd, &r, type, 0);
		assert_int_equal(answer(fd), (type & 3) != 2	    ? -EPERM
					     : type == RTM_GETLINK  ? -EINVAL
					     : type == RTM_GETROUTE ? -ENETUNREACH
								    : -EOPNOTSUPP);
	}
	ask(fd, &r, 2000, 0);
	assert_int_equal(answer(fd), -EOPNOTSUPP);
}

static void nonsense_is_ignored(void **state)
{
	int fd = open_socket();
	static u8 junk[64];
	for (u32 len = 0; len < sizeof(junk); len++)
		for (u32 claimed = 0; claimed < 100; claimed += 7) {
			struct nlmsghdr h = {
			    .nlmsg_len = claimed, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST};
			memset(junk, (int)claimed, sizeof(junk));
			memcpy(junk, &h, sizeof(h));
			assert_int_equal(call(write, fd, junk, len), len);
			while (call(read, fd, in, sizeof(in)) >= 0)
				;
		}
}

static void unread_answers_are_bounded(void **state)
{
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.m))};
	int fd = open_socket();
	for (int i = 0; i < 2000; i++)
		assert_int_equal(ask(fd, &r, RTM_GETLINK, NLM_F_DUMP), sizeof(r));
	assert_in_range(net_memory_used() - used_before, 1, 200);
	while (call(read, fd, in, sizeof(in)) > 0)
		;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(dumps_are_well_formed), TEST(a_link_is_found_by_name_or_number), TEST(changes_are_refused),
	    TEST(nonsense_is_ignored),	 TEST(unread_answers_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
