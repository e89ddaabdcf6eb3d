/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP and UDP over loopback under the sanitizers: states, ports, queues.
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
#include <linux/eventpoll.h>
#include "guestkernel/net/inet.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/net_stub.h"

struct in4 {
	u16 family, port; /* port in network byte order */
	u8 addr[4], zero[8];
};
struct in6 {
	u16 family, port;
	u32 flow;
	u8 addr[16];
	u32 scope;
};

static u64 used_before;

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

static u16 swap(int port)
{
	return (u16)(port << 8 | port >> 8);
}

static struct in4 v4(int a, int b, int c, int d, int port)
{
	return (struct in4){K_AF_INET, swap(port), {(u8)a, (u8)b, (u8)c, (u8)d}, {0}};
}

static struct in6 v6_any(int port)
{
	return (struct in6){.family = K_AF_INET6, .port = swap(port)};
}

static int tcp(void)
{
	return (int)call(socket, K_AF_INET, K_SOCK_STREAM | K_SOCK_NONBLOCK, 0);
}

static int udp(void)
{
	return (int)call(socket, K_AF_INET, K_SOCK_DGRAM | K_SOCK_NONBLOCK, 0);
}

static int port_of(int fd)
{
	struct in6 a = {0};
	u32 len = sizeof(a);
	assert_int_equal(call(getsockname, fd, &a, &len), 0);
	return swap(a.port);
}

static void set(int fd, int name, int value)
{
	assert_int_equal(call(setsockopt, fd, SOL_SOCKET, name, &value, sizeof(value)), 0);
}

static int error_of(int fd)
{
	int value = -1;
	u32 len = sizeof(value);
	assert_int_equal(call(getsockopt, fd, SOL_SOCKET, SO_ERROR, &value, &len), 0);
	return value;
}

static int listener(int port, int backlog)
{
	struct in4 a = v4(127, 0, 0, 1, port);
	int l = tcp();
	assert_int_equal(call(bind, l, &a, sizeof(a)), 0);
	assert_int_equal(call(listen, l, backlog), 0);
	return l;
}

static void pair(int p[2])
{
	struct in4 a = v4(127, 0, 0, 1, 5000);
	int l = tcp();
	set(l, SO_REUSEADDR, 1);
	assert_int_equal(call(bind, l, &a, sizeof(a)), 0);
	assert_int_equal(call(listen, l, 1), 0);
	p[0] = tcp();
	assert_int_equal(call(connect, p[0], &a, sizeof(a)), -EINPROGRESS);
	p[1] = (int)call(accept4, l, 0, 0, K_SOCK_NONBLOCK);
	assert_true(p[1] >= 0);
	call(close, l);
}

static void a_connection_carries_bytes_both_ways(void **state)
{
	int p[2];
	char in[10];
	pair(p);
	assert_int_equal(call(write, p[0], "ping", 4), 4);
	assert_int_equal(net_poll(p[1]) & (EPOLLIN | EPOLLOUT), EPOLLIN | EPOLLOUT);
	assert_int_equal(call(read, p[1], in, 10), 4);
	assert_int_equal(call(write, p[1], "pong", 4), 4);
	assert_int_equal(call(read, p[0], in, 10), 4);
	assert_int_equal(call(read, p[0], in, 10), -EAGAIN);
}

static void the_window_bounds_what_waits(void **state)
{
	static char data[100000];
	int p[2];
	long n, total = 0;
	pair(p);
	set(p[0], SO_SNDBUF, 20000);
	set(p[1], SO_RCVBUF, 30000);
	while ((n = call(write, p[0], data, sizeof(data))) > 0)
		total += n;
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(total, 50000);
	assert_false(net_poll(p[0]) & EPOLLOUT);
	assert_int_equal(call(read, p[1], data, 26000), 26000);
	assert_true(net_poll(p[0]) & EPOLLOUT);
}

static void closing_with_unread_data_is_a_reset(void **state)
{
	int p[2];
	char in[4];
	pair(p);
	assert_int_equal(call(write, p[0], "x", 1), 1);
	assert_int_equal(call(write, p[1], "y", 1), 1);
	call(close, p[1]);
	assert_true(net_poll(p[0]) & EPOLLERR);
	assert_int_equal(call(read, p[0], in, 4), 1); /* what had arrived before can be read */
	assert_int_equal(call(read, p[0], in, 4), -ECONNRESET);
	assert_int_equal(call(read, p[0], in, 4), 0);
	assert_int_equal(call(write, p[0], "x", 1), -EPIPE);
	assert_int_equal(net_signals, 1);
}

static void an_orderly_end_needs_both(void **state)
{
	int p[2];
	char in[4];
	pair(p);
	assert_int_equal(call(shutdown, p[0], 1), 0);
	assert_int_equal(call(read, p[1], in, 4), 0);
	assert_int_equal(call(write, p[1], "ab", 2), 2);
	assert_int_equal(call(shutdown, p[1], 1), 0);
	assert_int_equal(call(read, p[0], in, 4), 2);
	assert_int_equal(call(read, p[0], in, 4), 0);
	assert_true(net_poll(p[0]) & EPOLLHUP);
	assert_int_equal(error_of(p[0]), 0);
}

static void a_send_to_a_closed_peer_meets_a_reset(void **state)
{
	int p[2];
	pair(p);
	call(close, p[1]);
	assert_int_equal(call(write, p[0], "x", 1), 1);
	assert_int_equal(call(write, p[0], "x", 1), -EPIPE);
}

static void nobody_listens(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 5001);
	int c = tcp();
	assert_int_equal(call(connect, c, &a, sizeof(a)), -EINPROGRESS);
	assert_int_equal(net_poll(c) & (EPOLLERR | EPOLLHUP | EPOLLOUT), EPOLLERR | EPOLLHUP | EPOLLOUT);
	assert_int_equal(error_of(c), ECONNREFUSED);
	assert_int_equal(port_of(c), 0);
	a = v4(192, 0, 2, 1, 80);
	c = tcp();
	assert_int_equal(call(connect, c, &a, sizeof(a)), -ENETUNREACH);
}

static void a_full_backlog_holds_clients_back(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 5002);
	int l = listener(5002, 0), c[3], e;
	for (int i = 0; i < 3; i++) {
		c[i] = tcp();
		assert_int_equal(call(connect, c[i], &a, sizeof(a)), -EINPROGRESS);
	}
	assert_true(net_poll(c[0]) & EPOLLOUT);
	assert_int_equal(net_poll(c[1]), 0);
	e = (int)call(accept, l, 0, 0);
	assert_true(e >= 0);
	assert_true(net_poll(c[1]) & EPOLLOUT);
	assert_int_equal(net_poll(c[2]), 0);
	call(close, c[2]); /* one that waits may go */
	int d = tcp();
	assert_int_equal(call(connect, d, &a, sizeof(a)), -EINPROGRESS);
	call(close, l);
	assert_int_equal(error_of(d), ECONNREFUSED);
	assert_int_equal(error_of(c[1]), ECONNRESET);
	assert_int_equal(error_of(c[0]), 0);
}

static void time_wait_keeps_the_port(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 5003);
	int l = listener(5003, 1), c = tcp(), e;
	assert_int_equal(call(connect, c, &a, sizeof(a)), -EINPROGRESS);
	e = (int)call(accept, l, 0, 0);
	call(close, e);
	call(close, c);
	call(close, l);
	l = tcp();
	set(l, SO_REUSEADDR, 1);
	assert_int_equal(call(bind, l, &a, sizeof(a)), -EADDRINUSE); /* the old one had not set it */
	stub_now_ns += 61000000000;
	assert_int_equal(call(bind, l, &a, sizeof(a)), 0);
}

static void ports_conflict_by_address(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 6000), b = v4(127, 0, 0, 2, 6000), any = v4(0, 0, 0, 0, 6000);
	struct in6 six = v6_any(6000);
	int x = tcp(), y = tcp(), z = (int)call(socket, K_AF_INET6, K_SOCK_STREAM, 0);
	assert_int_equal(call(bind, x, &a, sizeof(a)), 0);
	assert_int_equal(call(bind, y, &any, sizeof(any)), -EADDRINUSE);
	assert_int_equal(call(bind, z, &six, sizeof(six)), -EADDRINUSE);
	assert_int_equal(call(bind, y, &b, sizeof(b)), 0);
	call(close, x);
	call(close, y);
	assert_int_equal(call(bind, z, &six, sizeof(six)), 0);
	x = tcp();
	assert_int_equal(call(bind, x, &a, sizeof(a)), -EADDRINUSE);
	stub_thread.cred.cap_effective = 0;
	a.port = swap(80);
	assert_int_equal(call(bind, x, &a, sizeof(a)), -EACCES);
}

static void connections_share_ports_by_destination(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 5004);
	int l = listener(5004, 200), c[60];
	for (int i = 0; i < 60; i++) {
		c[i] = tcp();
		assert_int_equal(call(connect, c[i], &a, sizeof(a)), -EINPROGRESS);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(port_of(c[k]), port_of(c[i]));
	}
	call(close, l);
}

static void udp_goes_to_the_best_socket(void **state)
{
	struct in4 any = v4(0, 0, 0, 0, 7000), exact = v4(127, 0, 0, 1, 7000), peer;
	int x = udp(), y = udp(), z = udp(), s = udp();
	char in[10];
	set(x, SO_REUSEADDR, 1);
	set(y, SO_REUSEADDR, 1);
	set(z, SO_REUSEADDR, 1);
	assert_int_equal(call(bind, x, &any, sizeof(any)), 0);
	assert_int_equal(call(bind, y, &exact, sizeof(exact)), 0);
	assert_int_equal(call(bind, z, &exact, sizeof(exact)), 0);
	peer = v4(127, 0, 0, 1, 7001);
	assert_int_equal(call(bind, s, &peer, sizeof(peer)), 0);
	assert_int_equal(call(connect, z, &peer, sizeof(peer)), 0);
	assert_int_equal(call(sendto, s, "a", 1, 0, &exact, sizeof(exact)), 1);
	assert_int_equal(call(read, z, in, 10), 1); /* connected to the sender */
	call(close, z);
	assert_int_equal(call(sendto, s, "b", 1, 0, &exact, sizeof(exact)), 1);
	assert_int_equal(call(read, y, in, 10), 1); /* the address */
	exact = v4(127, 0, 0, 9, 7000);
	assert_int_equal(call(sendto, s, "c", 1, 0, &exact, sizeof(exact)), 1);
	assert_int_equal(call(read, x, in, 10), 1); /* the wildcard */
}

static void udp_receive_queues_are_bounded(void **state)
{
	static char data[60000];
	struct in4 a = v4(127, 0, 0, 1, 7002);
	int x = udp(), y = udp();
	assert_int_equal(call(bind, x, &a, sizeof(a)), 0);
	u64 before = net_memory_used();
	for (int i = 0; i < 100; i++)
		assert_int_equal(call(sendto, y, data, sizeof(data), 0, &a, sizeof(a)), sizeof(data));
	for (int i = 0; i < 10000; i++)
		assert_int_equal(call(sendto, y, "", 0, 0, &a, sizeof(a)), 0);
	assert_in_range(net_memory_used() - before, 1, 200);
}

/* What the error queue of a socket holds next: its bytes, or -errno. *refused: is it told by whom? */
static long next_error(int fd, char *in, bool *refused)
{
	u8 control[256];
	struct k_cmsghdr head;
	struct {
		u64 base, len;
	} v = {(u64)in, 100};
	struct k_msghdr m = {.iov = (u64)&v, .iov_count = 1, .control = (u64)control, .control_len = sizeof(control)};
	long n = call(recvmsg, fd, &m, K_MSG_ERRQUEUE);
	memcpy(&head, control, sizeof(head));
	*refused = n >= 0 && m.control_len >= sizeof(head) && head.level == K_IPPROTO_IP && head.type == 11 &&
		   control[sizeof(head)] == ECONNREFUSED && (m.flags & K_MSG_ERRQUEUE);
	return n;
}

static void udp_errors_wait_in_a_queue(void **state)
{
	struct in4 nobody = v4(127, 0, 0, 1, 7009);
	int x = udp(), on = 1, off = 0;
	char in[100];
	bool refused;
	assert_int_equal(call(sendto, x, "a", 1, 0, &nobody, sizeof(nobody)), 1);
	assert_int_equal(error_of(x), 0);
	assert_int_equal(call(setsockopt, x, K_IPPROTO_IP, 11, &on, sizeof(on)), 0);
	assert_int_equal(call(sendto, x, "one", 3, 0, &nobody, sizeof(nobody)), 3);
	assert_int_equal(error_of(x), ECONNREFUSED);
	assert_true(net_poll(x) & EPOLLERR);
	assert_int_equal(call(sendto, x, "second", 6, 0, &nobody, sizeof(nobody)), 6);
	assert_int_equal(next_error(x, in, &refused), 3);
	assert_true(refused && !memcmp(in, "one", 3));
	assert_int_equal(error_of(x), ECONNREFUSED);
	assert_int_equal(next_error(x, in, &refused), 6);
	assert_int_equal(error_of(x), 0);
	assert_false(net_poll(x) & EPOLLERR);
	assert_int_equal(next_error(x, in, &refused), -EAGAIN);
	assert_int_equal(call(sendto, x, "x", 1, 0, &nobody, sizeof(nobody)), 1);
	assert_int_equal(call(setsockopt, x, K_IPPROTO_IP, 11, &off, sizeof(off)), 0);
	assert_int_equal(next_error(x, in, &refused), -EAGAIN);
}

static void udp_error_queues_are_bounded(void **state)
{
	static char data[60000];
	struct in4 nobody = v4(127, 0, 0, 1, 7010);
	int x = udp(), on = 1;
	assert_int_equal(call(setsockopt, x, K_IPPROTO_IP, 11, &on, sizeof(on)), 0);
	u64 before = net_memory_used();
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(call(sendto, x, data, sizeof(data), 0, &nobody, sizeof(nobody)), sizeof(data));
		assert_int_equal(error_of(x), ECONNREFUSED);
	}
	assert_in_range(net_memory_used() - before, 1, 200);
}

static void addresses_too_short_or_strange(void **state)
{
	struct in4 a = v4(127, 0, 0, 1, 0);
	int x = tcp();
	for (u32 len = 0; len < sizeof(a); len++) {
		assert_int_equal(call(bind, x, &a, len), -EINVAL);
		assert_int_equal(call(connect, x, &a, len), -EINVAL);
	}
	assert_int_equal(call(bind, x, 8, sizeof(a)), -EFAULT);
	assert_int_equal(call(bind, x, &a, 4000), -EINVAL);
	assert_int_equal(call(bind, x, &a, (u64)-1), -EINVAL);
	a.family = 77;
	assert_int_equal(call(bind, x, &a, sizeof(a)), -EAFNOSUPPORT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_connection_carries_bytes_both_ways),
	    TEST(the_window_bounds_what_waits),
	    TEST(closing_with_unread_data_is_a_reset),
	    TEST(an_orderly_end_needs_both),
	    TEST(a_send_to_a_closed_peer_meets_a_reset),
	    TEST(nobody_listens),
	    TEST(a_full_backlog_holds_clients_back),
	    TEST(time_wait_keeps_the_port),
	    TEST(ports_conflict_by_address),
	    TEST(connections_share_ports_by_destination),
	    TEST(udp_goes_to_the_best_socket),
	    TEST(udp_receive_queues_are_bounded),
	    TEST(udp_errors_wait_in_a_queue),
	    TEST(udp_error_queues_are_bounded),
	    TEST(addresses_too_short_or_strange),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
