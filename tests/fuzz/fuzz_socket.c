/* SPDX-License-Identifier: Apache-2.0
 *
 * Random sequences of socket calls over a few descriptors. Whatever they do, no result is out of range, what poll
 * promises holds, and when all is closed nothing is left in memory, in flight, or open.
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
#include <stdlib.h>
#include <string.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include "guestkernel/net/socket_abi.h"
#include "guestkernel/net/unix.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/net_stub.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define FDS		 12    /* descriptors that operations choose from */
#define DATA		 70000 /* bytes of the largest send */
#define OPERATIONS	 200

struct input {
	const uint8_t *data;
	size_t left;
};

static u8 out[DATA + 1], in[DATA];
static u8 addr[128];

static unsigned take(struct input *i)
{
	if (!i->left)
		return 0;
	i->left--;
	return *i->data++;
}

static u64 pick_fd(struct input *i)
{
	return take(i) % FDS;
}

/* One of a few addresses, so that sockets find each other. */
static u32 pick_address(struct input *i)
{
	unsigned kind = take(i);
	memset(addr, 0, sizeof(addr));
	addr[2] = (u8)(0x40 + kind / 64);
	switch (kind % 8) {
	case 0: /* AF_UNIX path */
		addr[0] = K_AF_UNIX;
		addr[2] = (u8)('a' + kind / 64);
		return 4;
	case 1: /* AF_UNIX abstract */
		addr[0] = K_AF_UNIX;
		addr[2] = 0;
		addr[3] = (u8)(kind / 64);
		return 4;
	case 2: /* 127.0.0.x */
		addr[0] = K_AF_INET;
		addr[4] = 127;
		addr[7] = (u8)(1 + kind / 128);
		return 16;
	case 3: /* any */
		addr[0] = K_AF_INET;
		return 16;
	case 4: /* :: or ::1 */
		addr[0] = K_AF_INET6;
		addr[23] = (u8)(kind / 128);
		return 28;
	case 5: /* ::ffff:127.0.0.1 */
		addr[0] = K_AF_INET6;
		addr[18] = addr[19] = 0xff;
		addr[20] = 127;
		addr[23] = 1;
		return 28;
	case 6: /* AF_UNSPEC, AF_NETLINK */
		addr[0] = kind & 64 ? K_AF_NETLINK : 0;
		addr[2] = 0;
		return 12;
	default:
		for (unsigned n = 0; n < 30; n++)
			addr[n] = (u8)take(i);
		return take(i) % sizeof(addr);
	}
}

static u32 pick_length(struct input *i)
{
	unsigned v = take(i);
	return v < 200 ? v % 40 : v < 240 ? (v - 199) * 1000 : DATA;
}

static void make_socket(struct input *i)
{
	static const int family[] = {K_AF_UNIX, K_AF_INET, K_AF_INET6, K_AF_NETLINK};
	static const int type[] = {K_SOCK_STREAM, K_SOCK_DGRAM, K_SOCK_SEQPACKET, K_SOCK_RAW};
	unsigned v = take(i);
	int fds[2];
	u64 flags = v & 0x10 ? 0 : K_SOCK_NONBLOCK;
	if (v & 0x20)
		call(socketpair, family[v & 3], type[v >> 2 & 3] | flags, 0, fds);
	else
		call(socket, family[v & 3], type[v >> 2 & 3] | flags, 0);
}

struct control {
	struct k_cmsghdr head;
	int fds[8];
};

static void send_message(struct input *i)
{
	unsigned v = take(i), count = v & 7;
	struct control c = {
	    .head = {sizeof(c.head) + count * sizeof(int), SOL_SOCKET, v & 8 ? K_SCM_CREDENTIALS : K_SCM_RIGHTS}};
	struct iov vec[2] = {{(u64)out, pick_length(i)}, {(u64)out + 1, pick_length(i)}};
	struct k_msghdr m = {.iov = (u64)vec, .iov_count = 2, .control = (u64)&c, .control_len = c.head.len};
	for (unsigned n = 0; n < count; n++)
		c.fds[n] = (int)pick_fd(i);
	if (v & 16) {
		m.name = (u64)addr;
		m.name_len = pick_address(i);
	}
	if (v & 32)
		m.control_len = 0;
	u64 fd = pick_fd(i);
	long r = call(sendmsg, fd, &m, v & 64 ? K_MSG_NOSIGNAL : 0);
	CHECK(r <= (long)(vec[0].len + vec[1].len));
}

static void receive_message(struct input *i)
{
	unsigned v = take(i);
	struct control c = {{0}, {0}};
	u8 name[128];
	struct iov vec = {(u64)in, pick_length(i)};
	struct k_msghdr m = {.name = (u64)name, .name_len = sizeof(name), .iov = (u64)&vec, .iov_count = 1};
	m.control = (u64)&c;
	m.control_len = v % (sizeof(c) + 1);
	u64 room = m.control_len;
	long r = call(recvmsg, pick_fd(i), &m, v & 128 ? K_MSG_PEEK : 0);
	CHECK(r <= (long)vec.len);
	CHECK(m.control_len <= room);
}

static void receive(struct input *i)
{
	static const u32 flags[] = {0,	       K_MSG_PEEK,     K_MSG_WAITALL,		K_MSG_TRUNC, K_MSG_DONTWAIT,
				    K_MSG_OOB, K_MSG_ERRQUEUE, K_MSG_PEEK | K_MSG_TRUNC};
	u64 fd = pick_fd(i);
	u32 n = pick_length(i), f = flags[take(i) % 8];
	struct file *file = fd_get((int)fd);
	bool ready = file && socket_of(file) && (file->ops->poll(file, NULL) & (EPOLLIN | EPOLLRDHUP)) == EPOLLIN;
	bool listening = false;
	if (file) {
		int v = 0;
		u32 len = sizeof(v);
		listening = !call(getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) && v;
		file_put(file);
	}
	long r = call(recvfrom, fd, in, n, f, 0, 0);
	CHECK(r <= (long)n || (f & K_MSG_TRUNC));
	/* What poll calls readable does not block. */
	CHECK(!ready || listening || f || !n || r != -EAGAIN);
	CHECK(!ready || listening || f || !n || r != -ERESTARTSYS);
}

static void option(struct input *i)
{
	static const int levels[] = {SOL_SOCKET, 0, 6, 17, 41, 270};
	unsigned v = take(i);
	int level = levels[v % 6], name = (int)take(i) % 80;
	s64 value[4] = {(s64)(int8_t)take(i), (s64)take(i), 0, 0};
	u32 len = take(i) % sizeof(value);
	u64 fd = pick_fd(i);
	if (v & 64) {
		call(setsockopt, fd, level, name, value, len);
	} else {
		u8 buffer[256];
		len = take(i);
		u32 room = len;
		if (!call(getsockopt, fd, level, name, buffer, &len))
			CHECK(len <= room);
	}
}

static void operate(struct input *i)
{
	u32 len;
	u64 fd;
	switch (take(i) % 18) {
	case 0:
	case 1:
		make_socket(i);
		break;
	case 2:
		fd = pick_fd(i);
		len = pick_address(i);
		call(bind, fd, addr, len);
		break;
	case 3:
	case 4:
		fd = pick_fd(i);
		len = pick_address(i);
		call(connect, fd, addr, len);
		break;
	case 5:
		fd = pick_fd(i);
		call(listen, fd, take(i) % 4);
		break;
	case 6:
		call(accept4, pick_fd(i), 0, 0, K_SOCK_NONBLOCK);
		break;
	case 7:
	case 8:
		fd = pick_fd(i);
		CHECK(call(sendto, fd, out, pick_length(i), K_MSG_DONTWAIT, 0, 0) <= DATA);
		break;
	case 9:
		fd = pick_fd(i);
		len = pick_address(i);
		call(sendto, fd, out, take(i), 0, addr, len);
		break;
	case 10:
		send_message(i);
		break;
	case 11:
		receive_message(i);
		break;
	case 12:
		receive(i);
		break;
	case 13:
		fd = pick_fd(i);
		call(shutdown, fd, take(i) % 4);
		break;
	case 14:
		call(close, pick_fd(i));
		break;
	case 15:
		option(i);
		break;
	case 16:
		fd = pick_fd(i);
		len = sizeof(in);
		CHECK(NET_CALL(take(i) & 1 ? SYS_getsockname : SYS_getpeername, fd, in, &len, 0, 0, 0, 0) <= 0);
		break;
	default:
		len = take(i);
		net_fault_at = len & 1 ? (u64)in + (len >> 1) * 64 : USER_END;
		stub_now_ns += (u64)len << 28;
		if (len & 2)
			net_plain_file();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input i = {data, size};
	net_start();
	u64 before = net_memory_used();
	for (unsigned n = 0; n < OPERATIONS && i.left; n++)
		operate(&i);
	net_stop();
	CHECK(net_plain_files == 0);
	CHECK(unix_inflight_files == 0);
	CHECK(net_memory_used() == before);
	return 0;
}
