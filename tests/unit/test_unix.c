/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_UNIX under the sanitizers: what lies in queues, who frees it, what a fault in the middle of a copy leaves.
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
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include "guestkernel/net/socket_abi.h"
#include "guestkernel/net/unix.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/net_stub.h"

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
	return net_memory_used() != used_before || net_plain_files || unix_inflight_files;
}

static void pair(int type, int p[2])
{
	assert_int_equal(call(socketpair, K_AF_UNIX, type | K_SOCK_NONBLOCK, 0, p), 0);
}

struct control {
	struct k_cmsghdr head;
	int fds[6];
};

static long send_fds(int fd, const void *data, size_t n, const int *fds, int count)
{
	struct control c = {{sizeof(c.head) + sizeof(int) * (size_t)count, SOL_SOCKET, K_SCM_RIGHTS}, {0}};
	struct iov v = {(u64)data, n};
	struct k_msghdr m = {.iov = (u64)&v, .iov_count = 1, .control = (u64)&c, .control_len = c.head.len};
	memcpy(c.fds, fds, sizeof(int) * (size_t)count);
	return call(sendmsg, fd, &m, 0);
}

static long receive_fds(int fd, int *fds, int *count, u64 room, u32 flags)
{
	char data[64];
	struct control c = {{0}, {0}};
	struct iov v = {(u64)data, sizeof(data)};
	struct k_msghdr m = {.iov = (u64)&v, .iov_count = 1, .control = (u64)&c, .control_len = room};
	long r = call(recvmsg, fd, &m, flags);
	*count = r >= 0 && m.control_len ? (int)((c.head.len - sizeof(c.head)) / sizeof(int)) : 0;
	memcpy(fds, c.fds, sizeof(int) * (size_t)*count);
	return r;
}

/* ---- streams ---- */

static void small_writes_share_a_packet(void **state)
{
	int p[2];
	char in[3000];
	pair(K_SOCK_STREAM, p);
	u64 before = net_memory_used();
	for (int i = 0; i < 2000; i++)
		assert_int_equal(call(write, p[0], "x", 1), 1);
	assert_in_range(net_memory_used() - before, 1, 4);
	assert_int_equal(call(read, p[1], in, sizeof(in)), 2000);
}

static void bytes_keep_their_order(void **state)
{
	static u8 out[200000], in[200000];
	int p[2];
	u64 sent = 0, got = 0;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7 + i / 256);
	pair(K_SOCK_STREAM, p);
	for (unsigned step = 1; got < sizeof(in); step = step * 5 % 77777 + 1) {
		long n = call(write, p[0], out + sent, MIN(step, sizeof(out) - sent));
		sent += n > 0 ? (u64)n : 0;
		n = call(read, p[1], in + got, MIN(step / 2 + 1, sizeof(in) - got));
		got += n > 0 ? (u64)n : 0;
	}
	assert_memory_equal(in, out, sizeof(in));
}

static void a_full_queue_opens_at_half(void **state)
{
	static char data[60000];
	int p[2];
	long n, total = 0;
	pair(K_SOCK_STREAM, p);
	while ((n = call(write, p[0], data, sizeof(data))) > 0)
		total += n;
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(total, 212992);
	assert_false(net_poll(p[0]) & EPOLLOUT);
	assert_int_equal(call(read, p[1], data, 1000), 1000);
	assert_false(net_poll(p[0]) & EPOLLOUT);
	assert_int_equal(call(read, p[1], data, 60000), 60000);
	assert_int_equal(call(read, p[1], data, 50000), 50000);
	assert_true(net_poll(p[0]) & EPOLLOUT);
}

static void a_fault_loses_nothing(void **state)
{
	static _Alignas(4096) char data[8192];
	int p[2];
	pair(K_SOCK_STREAM, p);
	net_fault_at = (u64)data + 4096;
	assert_int_equal(call(write, p[0], data, 8192), 4096); /* as much as can be read */
	assert_int_equal(call(write, p[0], data + 4096, 1), -EFAULT);
	assert_int_equal(call(read, p[1], data + 4000, 4096), 96);
	assert_int_equal(call(read, p[1], data + 4096, 4096), -EFAULT);
	net_fault_at = USER_END;
	assert_int_equal(call(read, p[1], data, 8192), 4000);
	pair(K_SOCK_DGRAM, p);
	net_fault_at = (u64)data + 4096;
	assert_int_equal(call(write, p[0], data + 4000, 97), -EFAULT); /* datagrams: all or nothing */
	net_fault_at = USER_END;
	assert_int_equal(call(read, p[1], data, 100), -EAGAIN);
}

static int hook_fd;
static void close_while_asleep(void)
{
	call(close, hook_fd);
}
static void write_while_asleep(void)
{
	call(write, hook_fd, "late", 4);
}

static void a_sleeper_notices(void **state)
{
	int p[2];
	char in[10];
	assert_int_equal(call(socketpair, K_AF_UNIX, K_SOCK_STREAM, 0, p), 0);
	hook_fd = p[0];
	net_sleep_hook = write_while_asleep;
	assert_int_equal(call(read, p[1], in, 10), 4);
	net_sleep_hook = close_while_asleep;
	assert_int_equal(call(read, p[1], in, 10), 0);
	assert_int_equal(call(write, p[1], "x", 1), -EPIPE);
	assert_int_equal(net_signals, 1);
}

static void a_timeout_or_signal_ends_a_wait(void **state)
{
	int p[2];
	char in[10];
	struct k_timeval tv = {0, 1000};
	assert_int_equal(call(socketpair, K_AF_UNIX, K_SOCK_STREAM, 0, p), 0);
	assert_int_equal(call(read, p[1], in, 10), -ERESTARTSYS);
	assert_int_equal(call(setsockopt, p[1], SOL_SOCKET, SO_RCVTIMEO_OLD, &tv, sizeof(tv)), 0);
	assert_int_equal(call(read, p[1], in, 10), -EAGAIN);
}

/* ---- descriptors in flight ---- */

static void received_descriptors_are_the_same_files(void **state)
{
	int p[2], fds[6], n, file = net_plain_file();
	pair(K_SOCK_STREAM, p);
	assert_int_equal(send_fds(p[0], "ab", 2, (int[]){file, file}, 2), 2);
	assert_int_equal(unix_inflight_files, 2);
	call(close, file);
	assert_int_equal(net_plain_files, 1);
	assert_int_equal(receive_fds(p[1], fds, &n, sizeof(struct control), 0), 2);
	assert_int_equal(n, 2);
	assert_int_equal(unix_inflight_files, 0);
	call(close, fds[0]);
	assert_int_equal(net_plain_files, 1);
	call(close, fds[1]);
	assert_int_equal(net_plain_files, 0);
}

static void descriptors_without_room_are_closed(void **state)
{
	int p[2], fds[6], n, file = net_plain_file();
	pair(K_SOCK_SEQPACKET, p);
	assert_int_equal(send_fds(p[0], "a", 1, (int[]){file, file, file}, 3), 1);
	call(close, file);
	assert_int_equal(receive_fds(p[1], fds, &n, sizeof(struct k_cmsghdr) + 4, 0), 1);
	assert_int_equal(n, 1);
	call(close, fds[0]);
	assert_int_equal(net_plain_files, 0);
	/* The place for the control message cannot be written: nothing stays installed. */
	file = net_plain_file();
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), 1);
	call(close, file);
	struct k_msghdr m = {.control = 8, .control_len = 100};
	assert_int_equal(call(recvmsg, p[1], &m, 0), -EFAULT);
	assert_int_equal(net_plain_files, 0);
}

static void peeking_gives_more_references(void **state)
{
	int p[2], fds[6], n, file = net_plain_file();
	pair(K_SOCK_DGRAM, p);
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), 1);
	call(close, file);
	assert_int_equal(receive_fds(p[1], fds, &n, sizeof(struct control), K_MSG_PEEK), 1);
	call(close, fds[0]);
	assert_int_equal(net_plain_files, 1);
	assert_int_equal(unix_inflight_files, 1);
}

static void a_failed_send_keeps_nothing(void **state)
{
	int p[2], file = net_plain_file();
	pair(K_SOCK_STREAM, p);
	assert_int_equal(send_fds(p[0], "a", 1, (int[]){file, 200}, 2), -EBADF);
	assert_int_equal(send_fds(p[0], (void *)8, 1, &file, 1), -EFAULT);
	assert_int_equal(send_fds(p[0], "", 0, &file, 1), 0); /* no byte to travel with */
	call(close, p[1]);
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), -EPIPE);
	call(close, file);
	assert_int_equal(net_plain_files, 0);
}

static void a_socket_in_its_own_queue_is_freed(void **state)
{
	int p[2], file = net_plain_file();
	pair(K_SOCK_STREAM, p);
	assert_int_equal(send_fds(p[0], "a", 1, (int[]){p[0], p[1], file}, 3), 1);
	call(close, file);
	call(close, p[0]);
	assert_int_equal(net_plain_files, 1);
	call(close, p[1]);
	pair(K_SOCK_STREAM, p); /* a close of some other socket finds it */
	call(close, p[0]);
	assert_int_equal(net_plain_files, 0);
}

static void what_can_be_received_is_kept(void **state)
{
	int p[2], q[2], fds[6], n, file = net_plain_file();
	pair(K_SOCK_STREAM, p);
	pair(K_SOCK_STREAM, q);
	assert_int_equal(send_fds(q[0], "a", 1, &file, 1), 1);
	call(close, file);
	assert_int_equal(send_fds(p[0], "b", 1, &q[1], 1), 1);
	call(close, q[1]);
	call(close, q[0]);
	unix_gc();
	assert_int_equal(net_plain_files, 1);
	assert_int_equal(receive_fds(p[1], fds, &n, sizeof(struct control), 0), 1);
	assert_int_equal(receive_fds(fds[0], &fds[1], &n, sizeof(struct control), 0), 1);
	assert_int_equal(n, 1);
}

static void garbage_behind_a_listener_is_freed(void **state)
{
	struct {
		u16 family;
		char path[20];
	} addr = {K_AF_UNIX, "\0listener"};
	int p[2], file = net_plain_file();
	int l = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM, 0), c = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM, 0);
	assert_int_equal(call(bind, l, &addr, 12), 0);
	assert_int_equal(call(listen, l, 3), 0);
	assert_int_equal(call(connect, c, &addr, 12), 0);
	/* The listener lies in the queue of a connection that only it could accept. */
	assert_int_equal(send_fds(c, "a", 1, (int[]){l, file}, 2), 1);
	call(close, file);
	call(close, l);
	call(close, c);
	pair(K_SOCK_STREAM, p);
	call(close, p[0]);
	assert_int_equal(net_plain_files, 0);
}

static void a_long_chain_is_freed_without_nesting(void **state)
{
	int p[2], held = net_plain_file();
	for (int i = 0; i < 3000; i++) {
		pair(K_SOCK_STREAM, p);
		assert_int_equal(send_fds(p[0], "a", 1, &held, 1), 1);
		call(close, held);
		call(close, p[0]);
		held = p[1];
	}
	assert_int_equal(net_plain_files, 1);
	call(close, held);
	assert_int_equal(net_plain_files, 0);
}

/* No socket is ever released here: each lies in its own queue. */
static void garbage_is_found_without_any_release(void **state)
{
	int p[2];
	for (int i = 0; i < 8000; i++) {
		pair(K_SOCK_STREAM, p);
		assert_int_equal(send_fds(p[0], "a", 1, p, 2), 1);
		call(close, p[0]);
		call(close, p[1]);
		assert_true(unix_inflight_files <= 8000);
	}
}

static void too_many_in_flight(void **state)
{
	int p[2], file = net_plain_file();
	pair(K_SOCK_STREAM, p);
	stub_process.rlimit[7].cur = 2;
	stub_thread.cred.cap_effective = 0;
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), 1);
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), 1);
	assert_int_equal(send_fds(p[0], "a", 1, &file, 1), -ETOOMANYREFS);
}

/* ---- names, connections ---- */

static void a_path_is_bound_while_its_socket_lives(void **state)
{
	struct {
		u16 family;
		char path[20];
	} addr = {K_AF_UNIX, "name"};
	int s = (int)call(socket, K_AF_UNIX, K_SOCK_DGRAM, 0), c = (int)call(socket, K_AF_UNIX, K_SOCK_DGRAM, 0);
	assert_int_equal(call(bind, s, &addr, sizeof(addr)), 0);
	assert_int_equal(call(bind, c, &addr, sizeof(addr)), -EADDRINUSE);
	assert_int_equal(call(sendto, c, "x", 1, 0, &addr, sizeof(addr)), 1);
	call(close, s);
	assert_int_equal(call(sendto, c, "x", 1, 0, &addr, sizeof(addr)), -ECONNREFUSED);
}

static void a_dead_peer_stays_in_memory_until_forgotten(void **state)
{
	int p[2];
	u8 name[128];
	u32 len = sizeof(name);
	pair(K_SOCK_DGRAM, p);
	call(close, p[1]);
	assert_int_equal(call(getpeername, p[0], name, &len), 0);
	assert_int_equal(call(write, p[0], "x", 1), -ECONNREFUSED);
	assert_int_equal(call(write, p[0], "x", 1), -ENOTCONN);
}

static void connections_not_accepted_are_reset(void **state)
{
	struct {
		u16 family;
		char path[20];
	} addr = {K_AF_UNIX, "\0l"};
	char in[4];
	int l = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM | K_SOCK_NONBLOCK, 0);
	assert_int_equal(call(bind, l, &addr, 5), 0);
	assert_int_equal(call(listen, l, 1), 0);
	int c[3];
	for (int i = 0; i < 3; i++) {
		c[i] = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM | K_SOCK_NONBLOCK, 0);
		assert_int_equal(call(connect, c[i], &addr, 5), i < 2 ? 0 : -EAGAIN);
	}
	assert_int_equal(call(write, c[0], "data", 4), 4);
	assert_int_equal(net_poll(l) & EPOLLIN, EPOLLIN);
	call(close, l);
	assert_int_equal(call(read, c[0], in, 4), -ECONNRESET);
	assert_int_equal(call(read, c[0], in, 4), 0);
	assert_true(net_poll(c[1]) & EPOLLHUP);
}

static void a_shut_datagram_socket_does_not_hang(void **state)
{
	int p[2];
	char in[4];
	pair(K_SOCK_DGRAM, p);
	assert_int_equal(call(shutdown, p[0], 0), 0);
	assert_int_equal(call(read, p[0], in, 4), -EAGAIN); /* with O_NONBLOCK as on Linux */
	pair(K_SOCK_SEQPACKET, p);
	assert_int_equal(call(shutdown, p[0], 0), 0);
	assert_int_equal(call(read, p[0], in, 4), 0);
	static char data[70000]; /* a sender that hears nothing more finds the queue full */
	pair(K_SOCK_DGRAM, p);
	assert_int_equal(call(shutdown, p[0], 0), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(call(write, p[0], data, sizeof(data)), sizeof(data));
	assert_int_equal(call(write, p[0], data, sizeof(data)), -EAGAIN);
}

/* The descriptor table is full: the connection stays in the queue. */
static void accept_without_a_descriptor_loses_nothing(void **state)
{
	struct {
		u16 family;
		char path[20];
	} addr = {K_AF_UNIX, "\0m"};
	int l = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM, 0), c = (int)call(socket, K_AF_UNIX, K_SOCK_STREAM, 0),
	    last = -1;
	assert_int_equal(call(bind, l, &addr, 5), 0);
	assert_int_equal(call(listen, l, 1), 0);
	assert_int_equal(call(connect, c, &addr, 5), 0);
	for (long fd; (fd = call(socket, K_AF_UNIX, K_SOCK_STREAM, 0)) >= 0;)
		last = (int)fd;
	assert_int_equal(call(accept, l, 0, 0), -EMFILE);
	call(close, last);
	assert_int_equal(call(accept, l, 0, 0), last);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(small_writes_share_a_packet),
	    TEST(bytes_keep_their_order),
	    TEST(a_full_queue_opens_at_half),
	    TEST(a_fault_loses_nothing),
	    TEST(a_sleeper_notices),
	    TEST(a_timeout_or_signal_ends_a_wait),
	    TEST(received_descriptors_are_the_same_files),
	    TEST(descriptors_without_room_are_closed),
	    TEST(peeking_gives_more_references),
	    TEST(a_failed_send_keeps_nothing),
	    TEST(a_socket_in_its_own_queue_is_freed),
	    TEST(what_can_be_received_is_kept),
	    TEST(garbage_behind_a_listener_is_freed),
	    TEST(a_long_chain_is_freed_without_nesting),
	    TEST(garbage_is_found_without_any_release),
	    TEST(too_many_in_flight),
	    TEST(a_path_is_bound_while_its_socket_lives),
	    TEST(a_dead_peer_stays_in_memory_until_forgotten),
	    TEST(connections_not_accepted_are_reset),
	    TEST(a_shut_datagram_socket_does_not_hang),
	    TEST(accept_without_a_descriptor_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
