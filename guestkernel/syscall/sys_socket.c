/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket system calls but those that move data: decode, check, then the address family's operation.
 */
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/syscall/socket_args.h"
#include "guestkernel/syscall/syscall.h"
#include <linux/fcntl.h>

#define OPTION_MAX 256 /* bytes of an option's value */

struct socket *socket_get(int fd, struct file **file, int *error)
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

int socket_copy_address(u8 to[SOCKADDR_MAX], u64 from, u64 len)
{
	if ((int)len < 0 || (u32)len > SOCKADDR_MAX)
		return -EINVAL;
	memset(to, 0, SOCKADDR_MAX);
	return len ? copy_from_user(to, user(from), (u32)len) : 0;
}

int socket_put_address(const void *from, u32 len, u64 to, u64 len_addr)
{
	s32 room;
	int r = get_user(room, user(len_addr));
	if (!r && room < 0)
		r = -EINVAL;
	if (!r && room)
		r = copy_to_user(user(to), from, MIN(len, (u32)room));
	return r ? r : put_user(user(len_addr), len);
}

/* ---- creation ---- */

static int check_type(u64 type)
{
	return ((int)type & ~K_SOCK_TYPE_MASK & ~(K_SOCK_CLOEXEC | K_SOCK_NONBLOCK)) ? -EINVAL : 0;
}

static int make(int family, int type, int protocol, struct file **file)
{
	struct socket *s;
	int r = socket_create(family, type & K_SOCK_TYPE_MASK, protocol, &s);
	if (r)
		return r;
	*file = socket_file(s, type & K_SOCK_NONBLOCK ? O_NONBLOCK : 0);
	if (*file)
		return 0;
	s->ops->release(s);
	return -ENFILE;
}

SYSCALL(socket)
{
	struct file *file;
	int r = check_type(b);
	if (!r)
		r = make((int)a, (int)b, (int)c, &file);
	if (r)
		return r;
	r = fd_install(file, 0, b & K_SOCK_CLOEXEC);
	if (r < 0)
		file_put(file);
	return r;
}

/* Both descriptors or none. Takes over the files. */
static int install_pair(struct file *file[2], bool cloexec, int fds[2])
{
	fds[0] = fd_install(file[0], 0, cloexec);
	if (fds[0] < 0) {
		file_put(file[0]);
		file_put(file[1]);
		return fds[0];
	}
	fds[1] = fd_install(file[1], 0, cloexec);
	if (fds[1] < 0) {
		file_put(file[1]);
		fd_close(fds[0]);
		return fds[1];
	}
	return 0;
}

SYSCALL(socketpair)
{
	struct file *file[2];
	int fds[2];
	int r = check_type(b);
	if (!r)
		r = make((int)a, (int)b, (int)c, &file[0]);
	if (r)
		return r;
	r = make((int)a, (int)b, (int)c, &file[1]);
	if (r) {
		file_put(file[0]);
		return r;
	}
	struct socket *s = socket_of(file[0]);
	r = s->ops->socketpair ? s->ops->socketpair(s, socket_of(file[1])) : -EOPNOTSUPP;
	if (r) {
		file_put(file[0]);
		file_put(file[1]);
		return r;
	}
	r = install_pair(file, b & K_SOCK_CLOEXEC, fds);
	if (!r && copy_to_user(user(d), fds, sizeof(fds))) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		r = -EFAULT;
	}
	return r;
}

/* ---- connections ---- */

static long bind_or_connect(u64 fd, u64 address, u64 length, bool connect)
{
	struct file *file;
	u8 addr[SOCKADDR_MAX];
	int r = 0;
	struct socket *s = socket_get((int)fd, &file, &r);
	if (!s)
		return r;
	int (*call)(struct socket *, const void *, u32) = connect ? s->ops->connect : s->ops->bind;
	r = socket_copy_address(addr, address, length);
	if (!r)
		r = call ? call(s, addr, (u32)length) : -EOPNOTSUPP;
	file_put(file);
	return r;
}

SYSCALL(bind)
{
	return bind_or_connect(a, b, c, false);
}

SYSCALL(connect)
{
	return bind_or_connect(a, b, c, true);
}

SYSCALL(listen)
{
	struct file *file;
	int r = 0;
	struct socket *s = socket_get((int)a, &file, &r);
	if (!s)
		return r;
	r = s->ops->listen ? s->ops->listen(s, (int)b) : -EOPNOTSUPP;
	file_put(file);
	return r;
}

static int accept_file(struct socket *listener, u32 flags, struct file **out)
{
	struct socket *s;
	int r = listener->ops->accept ? listener->ops->accept(listener, &s) : -EOPNOTSUPP;
	if (r)
		return r;
	*out = socket_file(s, flags & K_SOCK_NONBLOCK ? O_NONBLOCK : 0);
	if (*out)
		return 0;
	s->ops->release(s);
	return -ENFILE;
}

static int put_peer_name(struct file *file, u64 addr, u64 len_addr)
{
	u8 value[SOCKADDR_MAX] = {0};
	struct socket *s = socket_of(file);
	int len = s->ops->getname(s, value, true);
	if (len < 0)
		return -ECONNABORTED;
	return socket_put_address(value, (u32)len, addr, len_addr);
}

static long do_accept(int fd, u64 addr, u64 len_addr, u32 flags)
{
	struct file *file, *accepted = NULL;
	int r = 0;
	if (flags & ~(u32)(K_SOCK_CLOEXEC | K_SOCK_NONBLOCK))
		return -EINVAL;
	struct socket *s = socket_get(fd, &file, &r);
	if (!s)
		return r;
	/* A descriptor first: without one the connection must stay in the queue. */
	int slot = fd_reserve(0, flags & K_SOCK_CLOEXEC);
	if (slot < 0) {
		file_put(file);
		return slot;
	}
	r = accept_file(s, flags, &accepted);
	if (!r && addr) {
		r = put_peer_name(accepted, addr, len_addr);
		if (r)
			file_put(accepted);
	}
	if (r)
		fd_unreserve(slot);
	else
		fd_publish(slot, accepted);
	file_put(file);
	return r ? r : slot;
}

SYSCALL(accept)
{
	return do_accept((int)a, b, c, 0);
}

SYSCALL(accept4)
{
	return do_accept((int)a, b, c, (u32)d);
}

SYSCALL(shutdown)
{
	struct file *file;
	int r = 0;
	struct socket *s = socket_get((int)a, &file, &r);
	if (!s)
		return r;
	r = s->ops->shutdown ? s->ops->shutdown(s, (int)b) : -EOPNOTSUPP;
	file_put(file);
	return r;
}

/* ---- options, names ---- */

SYSCALL(setsockopt)
{
	struct file *file;
	u8 value[OPTION_MAX];
	int r = 0;
	struct socket *s = socket_get((int)a, &file, &r);
	if (!s)
		return r;
	u32 len = (u32)MIN((u32)e, sizeof(value));
	if ((int)e < 0)
		r = -EINVAL;
	else if (len)
		r = copy_from_user(value, user(d), len);
	if (!r)
		r = socket_setsockopt(s, (int)b, (int)c, value, len);
	file_put(file);
	return r;
}

SYSCALL(getsockopt)
{
	struct file *file;
	u8 value[OPTION_MAX];
	s32 len = 0;
	int r = 0;
	struct socket *s = socket_get((int)a, &file, &r);
	if (!s)
		return r;
	r = get_user(len, user(e));
	if (!r && len < 0)
		r = -EINVAL;
	u32 n = (u32)MIN(len, (s32)sizeof(value));
	if (!r)
		r = socket_getsockopt(s, (int)b, (int)c, value, &n);
	if (!r)
		r = copy_to_user(user(d), value, MIN(n, (u32)len));
	if (!r)
		r = put_user(user(e), n);
	file_put(file);
	return r;
}

static long name(int fd, u64 addr, u64 len_addr, bool peer)
{
	struct file *file;
	u8 value[SOCKADDR_MAX] = {0};
	int r = 0;
	struct socket *s = socket_get(fd, &file, &r);
	if (!s)
		return r;
	r = s->ops->getname ? s->ops->getname(s, value, peer) : -EOPNOTSUPP;
	if (r >= 0)
		r = socket_put_address(value, (u32)r, addr, len_addr);
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
