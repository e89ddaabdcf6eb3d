/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket system calls that move data: send*, recv*.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/syscall/socket_args.h"
#include "guestkernel/syscall/syscall.h"

/* ---- one buffer ---- */

SYSCALL(sendto)
{
	struct file *file;
	struct iov one;
	struct uio uio;
	u8 addr[SOCKADDR_MAX];
	long r;
	int error = 0;
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	uio_init_user(&uio, &one, user(b), MIN(c, RW_LIMIT));
	struct socket_msg msg = {.uio = &uio, .flags = (u32)d};
	r = e ? socket_copy_address(addr, e, f) : 0;
	if (!r && e) {
		msg.name = addr;
		msg.name_len = (u32)f;
	}
	if (!r)
		r = s->ops->sendmsg(s, &msg);
	file_put(file);
	return r;
}

SYSCALL(recvfrom)
{
	struct file *file;
	struct iov one;
	struct uio uio;
	u8 addr[SOCKADDR_MAX] = {0};
	int error = 0;
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	uio_init_user(&uio, &one, user(b), MIN(c, RW_LIMIT));
	struct socket_msg msg = {.uio = &uio, .flags = (u32)d, .name = e ? addr : NULL};
	long r = s->ops->recvmsg(s, &msg);
	scm_files_free(msg.files);
	if (r >= 0 && e) {
		error = socket_put_address(addr, msg.name_len, e, f);
		r = error ? error : r;
	}
	file_put(file);
	return r;
}

/* ---- struct msghdr ---- */

struct message {
	struct k_msghdr hdr;
	struct iov fast[8], *iovs;
	struct uio uio;
};

static int import(struct message *m, u64 addr)
{
	int r = copy_from_user(&m->hdr, user(addr), sizeof(m->hdr));
	m->iovs = NULL;
	if (r)
		return r;
	if ((s32)m->hdr.name_len < 0)
		return -EINVAL;
	if (!m->hdr.name)
		m->hdr.name_len = 0;
	if (m->hdr.iov_count > IOV_LIMIT)
		return -EMSGSIZE;
	return uio_import(&m->uio, user(m->hdr.iov), m->hdr.iov_count, m->fast, &m->iovs);
}

static int import_control(const struct message *m, struct socket_msg *msg)
{
	if (!m->hdr.control_len)
		return 0;
	if (m->hdr.control_len > SOCKET_CONTROL_LIMIT)
		return -ENOBUFS;
	msg->control = kmalloc(m->hdr.control_len);
	msg->control_len = m->hdr.control_len;
	if (!msg->control)
		return -ENOBUFS;
	return copy_from_user(msg->control, user(m->hdr.control), m->hdr.control_len);
}

static long send_message(struct socket *s, u64 addr, u32 flags)
{
	struct message m;
	u8 name[SOCKADDR_MAX];
	struct socket_msg msg = {.uio = &m.uio, .flags = flags};
	long r = import(&m, addr);
	if (!r && m.hdr.name && m.hdr.name_len) {
		u32 len = MIN(m.hdr.name_len, (u32)SOCKADDR_MAX);
		r = socket_copy_address(name, m.hdr.name, len);
		msg.name = name;
		msg.name_len = len;
	}
	if (!r)
		r = import_control(&m, &msg);
	if (!r)
		r = s->ops->sendmsg(s, &msg);
	kfree(msg.control);
	kfree(m.iovs);
	return r;
}

/* Writes back what recvmsg(2) returns through its msghdr. */
static int export(const struct message *m, struct socket_msg *msg, u64 addr)
{
	struct k_msghdr hdr = m->hdr;
	int r = 0;
	if (m->hdr.name) {
		r = copy_to_user(user(m->hdr.name), msg->name, MIN(msg->name_len, m->hdr.name_len));
		hdr.name_len = msg->name_len;
	}
	if (!r && msg->control_used)
		r = copy_to_user(user(m->hdr.control), msg->control, msg->control_used);
	if (msg->files) {
		struct scm_files *files = msg->files;
		msg->files = NULL;
		if (r)
			scm_files_free(files);
		else
			r = scm_deliver(msg, files, user(m->hdr.control), msg->flags & K_MSG_CMSG_CLOEXEC);
	}
	if (r)
		return r;
	hdr.control_len = msg->control_used;
	hdr.flags = msg->out_flags | (msg->flags & K_MSG_CMSG_CLOEXEC);
	return copy_to_user(user(addr), &hdr, sizeof(hdr));
}

static long receive_message(struct socket *s, u64 addr, u32 flags)
{
	struct message m;
	u8 name[SOCKADDR_MAX] = {0}, control[CONTROL_OUT_MAX];
	struct socket_msg msg = {.uio = &m.uio, .flags = flags, .control = control};
	long r = import(&m, addr);
	if (!r) {
		msg.name = m.hdr.name ? name : NULL;
		msg.control_len = m.hdr.control ? m.hdr.control_len : 0;
		r = s->ops->recvmsg(s, &msg);
	}
	if (r >= 0) {
		int error = export(&m, &msg, addr);
		r = error ? error : r;
	}
	scm_files_free(msg.files);
	kfree(m.iovs);
	return r;
}

SYSCALL(sendmsg)
{
	struct file *file;
	int error = 0;
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	long r = send_message(s, b, (u32)c);
	file_put(file);
	return r;
}

SYSCALL(recvmsg)
{
	struct file *file;
	int error = 0;
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	long r = receive_message(s, b, (u32)c);
	file_put(file);
	return r;
}

/* ---- several messages ---- */

static long put_length(u64 vec, u64 i, long n)
{
	u32 len = (u32)n;
	return put_user(user(vec + i * sizeof(struct k_mmsghdr) + offsetof(struct k_mmsghdr, len)), len);
}

SYSCALL(sendmmsg)
{
	struct file *file;
	int error = 0;
	long r = 0;
	u64 i, count = MIN((u64)(u32)c, (u64)SOCKET_MSGS_LIMIT);
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	for (i = 0; i < count; i++) {
		r = send_message(s, b + i * sizeof(struct k_mmsghdr), (u32)d);
		if (r >= 0)
			r = put_length(b, i, r);
		if (r < 0)
			break;
	}
	file_put(file);
	return i ? (long)i : r;
}

static int get_deadline(u64 addr, u64 *deadline_ns)
{
	struct k_timespec t;
	*deadline_ns = 0;
	if (!addr)
		return 0;
	if (get_user(t, user(addr)))
		return -EFAULT;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= 1000000000)
		return -EINVAL;
	if (t.sec < 1000000000)
		*deadline_ns = time_boot_ns() + (u64)t.sec * 1000000000 + (u64)t.nsec;
	return 0;
}

/* The time-out is looked at after each message, as recvmmsg(2) says. */
static int put_time_left(u64 addr, u64 deadline_ns)
{
	u64 now = time_boot_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct k_timespec t = {(s64)(left / 1000000000), (s64)(left % 1000000000)};
	return deadline_ns ? put_user(user(addr), t) : 0;
}

SYSCALL(recvmmsg)
{
	struct file *file;
	int error = 0;
	long r = 0;
	u32 flags = (u32)d;
	u64 i, deadline_ns, count = MIN((u64)(u32)c, (u64)SOCKET_MSGS_LIMIT);
	struct socket *s = socket_get((int)a, &file, &error);
	if (!s)
		return error;
	error = get_deadline(e, &deadline_ns);
	if (!error && s->error)
		error = socket_take_error(s);
	for (i = 0; i < count && !error; i++) {
		r = receive_message(s, b + i * sizeof(struct k_mmsghdr), flags & ~K_MSG_WAITFORONE);
		if (r >= 0)
			r = put_length(b, i, r);
		if (r < 0)
			break;
		if (flags & K_MSG_WAITFORONE)
			flags |= K_MSG_DONTWAIT;
		if (deadline_ns && time_boot_ns() >= deadline_ns) {
			i++;
			break;
		}
	}
	if (!error && i)
		error = put_time_left(e, deadline_ns);
	if (i && r < 0 && r != -EAGAIN && r != -ERESTARTSYS)
		s->error = (int)-r; /* told by the next call */
	file_put(file);
	return error ? error : i ? (long)i : r;
}
