/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket system calls: decode, check, then the address family's operation.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/syscall/syscall.h"
#include <linux/fcntl.h>

#define SOCK_TYPE_MASK 0xf
#define FAMILY_VSOCK 40

static const struct {
	int family;
	int (*create)(int type, int protocol, struct socket **out);
} families[] = {
	{FAMILY_VSOCK, vsock_create},
};

static int create(int family, int type, int protocol, struct socket **out)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i].family != family)
			continue;
		int r = families[i].create(type, protocol, out);
		if (!r) {
			(*out)->family = family;
			(*out)->type = type;
			(*out)->protocol = protocol;
		}
		return r;
	}
	return -EAFNOSUPPORT;
}

/* The socket of a descriptor; *file has a reference. */
static struct socket *get(int fd, struct file **file, int *error)
{
	*file = fd_get(fd);
	if (!*file) {
		*error = -EBADF;
		return NULL;
	}
	struct socket *s = socket_of(*file);
	if (!s) {
		file_put(*file);
		*error = -ENOTSOCK;
	}
	return s;
}

SYSCALL(socket)
{
	struct socket *s;
	int flags = (int)b & ~SOCK_TYPE_MASK;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	int r = create((int)a, (int)b & SOCK_TYPE_MASK, (int)c, &s);
	if (r)
		return r;
	struct file *file = socket_file(s, (u32)flags);
	if (!file) {
		s->ops->release(s);
		return -ENOMEM;
	}
	r = fd_install(file, 0, flags & O_CLOEXEC);
	if (r < 0)
		file_put(file);
	return r;
}

static int copy_address(u8 *to, u64 from, u64 len)
{
	if ((int)len < 0 || len > SOCKADDR_MAX)
		return -EINVAL;
	memset(to, 0, SOCKADDR_MAX);
	return copy_from_user(to, user(from), len);
}

SYSCALL(connect)
{
	struct file *file;
	u8 addr[SOCKADDR_MAX];
	int r = 0;
	struct socket *s = get((int)a, &file, &r);
	if (!s)
		return r;
	r = copy_address(addr, b, c);
	if (!r)
		r = s->ops->connect ? s->ops->connect(s, addr, (u32)c) : -EOPNOTSUPP;
	file_put(file);
	return r;
}

SYSCALL(shutdown)
{
	struct file *file;
	int r = 0;
	struct socket *s = get((int)a, &file, &r);
	if (!s)
		return r;
	r = s->ops->shutdown ? s->ops->shutdown(s, (int)b) : -EOPNOTSUPP;
	file_put(file);
	return r;
}

SYSCALL(setsockopt)
{
	struct file *file;
	u8 value[256];
	int r = 0;
	struct socket *s = get((int)a, &file, &r);
	if (!s)
		return r;
	if ((int)e < 0)
		r = -EINVAL;
	else
		r = copy_from_user(value, user(d), MIN(e, sizeof(value)));
	if (!r)
		r = s->ops->setsockopt ? s->ops->setsockopt(s, (int)b, (int)c, value, (u32)MIN(e, sizeof(value))) : -ENOPROTOOPT;
	file_put(file);
	return r;
}

SYSCALL(getsockopt)
{
	struct file *file;
	u8 value[256];
	s32 len;
	int r = 0;
	struct socket *s = get((int)a, &file, &r);
	if (!s)
		return r;
	r = get_user(len, user(e));
	if (!r && len < 0)
		r = -EINVAL;
	u32 n = (u32)MIN(len, (s32)sizeof(value));
	if (!r)
		r = s->ops->getsockopt ? s->ops->getsockopt(s, (int)b, (int)c, value, &n) : -ENOPROTOOPT;
	if (!r)
		r = copy_to_user(user(d), value, MIN(n, (u32)len));
	if (!r) {
		len = (s32)n;
		r = put_user(user(e), len);
	}
	file_put(file);
	return r;
}

static long name(int fd, u64 addr, u64 len_addr, bool peer)
{
	struct file *file;
	u8 value[SOCKADDR_MAX] = {0};
	s32 room;
	int r = 0;
	struct socket *s = get(fd, &file, &r);
	if (!s)
		return r;
	r = s->ops->getname ? s->ops->getname(s, value, peer) : -EOPNOTSUPP;
	s32 len = r;
	if (r >= 0)
		r = get_user(room, user(len_addr));
	if (!r && room < 0)
		r = -EINVAL;
	if (!r)
		r = copy_to_user(user(addr), value, (size_t)MIN(len, room));
	if (!r)
		r = put_user(user(len_addr), len);
	file_put(file);
	return r;
}

SYSCALL(getsockname)
{
	return name((int)a, b, c, false);
}

SYSCALL(getpeername)
{
	return name((int)a, b, c, true);
}
