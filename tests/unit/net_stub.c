/* SPDX-License-Identifier: Apache-2.0
 *
 * Stand-ins for what sockets need of fs/, proc/ and user memory.
 */
#include <stdlib.h>
#include <string.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/net/unix.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/net_stub.h"

#define MEMORY (64ul << 20)
#define NAMES  16

int net_signals, net_plain_files;
void (*net_sleep_hook)(void);
unsigned net_wakes;
u64 net_fault_at = USER_END;

/* ---- user memory ---- */

/* Bytes that can be accessed before the first fault. */
static size_t accessible(u64 addr, size_t n)
{
	if (addr < 0x10000 || addr >= net_fault_at)
		return 0;
	return MIN(n, net_fault_at - addr);
}

size_t copy_from_user_partial(void *to, user_ptr from, size_t n)
{
	n = accessible(from.addr, n);
	memcpy(to, (void *)from.addr, n);
	return n;
}

size_t copy_to_user_partial(user_ptr to, const void *from, size_t n)
{
	n = accessible(to.addr, n);
	memcpy((void *)to.addr, from, n);
	return n;
}

int copy_from_user(void *to, user_ptr from, size_t n)
{
	return !n || copy_from_user_partial(to, from, n) == n ? 0 : -EFAULT;
}

int copy_to_user(user_ptr to, const void *from, size_t n)
{
	return !n || copy_to_user_partial(to, from, n) == n ? 0 : -EFAULT;
}

int clear_user(user_ptr to, size_t n)
{
	return n ? -EFAULT : 0;
}

/* ---- processes ---- */

bool cred_has_cap(int cap)
{
	return stub_thread.cred.cap_effective >> cap & 1;
}

struct process *process_find(int pid)
{
	return pid == stub_process.pid ? &stub_process : NULL;
}

int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info)
{
	net_signals++;
	return 0;
}

void async_urgent(struct file *file)
{
	net_signals++;
}

int async_nobody(struct file *file)
{
	return 0;
}

void signal_broken_pipe(void)
{
	net_signals++;
}

void sched_wake(struct thread *t)
{
	net_wakes++;
}

int sched_sleep(bool interruptible, u64 deadline)
{
	if (net_sleep_hook) {
		void (*hook)(void) = net_sleep_hook;
		net_sleep_hook = NULL; /* once: then the sleeper has what it waits for, or gives up */
		hook();
		return 0;
	}
	if (deadline) {
		stub_now_ns = deadline;
		return -ETIMEDOUT;
	}
	if (!interruptible)
		abort(); /* nobody will ever wake it */
	return -ERESTARTSYS;
}

u64 time_boot_ns(void)
{
	return stub_now_ns;
}

u64 time_wall_ns(void)
{
	return 1700000000ull * 1000000000 + stub_now_ns;
}

int vsock_create(int type, int protocol, struct socket **out)
{
	return -EAFNOSUPPORT;
}

/* ---- files ---- */

static struct file *fds[NET_FDS];
static bool reserved[NET_FDS];

struct inode *anon_inode(u32 mode)
{
	struct inode *inode = kzalloc(sizeof(*inode));
	if (inode) {
		inode->refs = 1;
		inode->mode = mode;
	}
	return inode;
}

void inode_get(struct inode *inode)
{
	inode->refs++;
}

void inode_put(struct inode *inode)
{
	if (!--inode->refs)
		kfree(inode);
}

struct file *file_alloc(const struct file_ops *ops, struct inode *inode, u32 flags)
{
	struct file *file = kzalloc(sizeof(*file));
	if (file) {
		file->refs = 1;
		file->ops = ops;
		file->flags = flags;
		file->inode = inode;
		inode_get(inode);
	}
	return file;
}

void file_get(struct file *file)
{
	if (!file->refs)
		abort();
	file->refs++;
}

void file_put(struct file *file)
{
	if (!file->refs)
		abort();
	if (--file->refs)
		return;
	if (file->ops->release)
		file->ops->release(file);
	inode_put(file->inode);
	kfree(file);
}

struct file *fd_get(int fd)
{
	struct file *file = fd < 0 || fd >= NET_FDS ? NULL : fds[fd];
	if (file)
		file_get(file);
	return file;
}

int fd_reserve(int min_fd, bool cloexec)
{
	for (int fd = min_fd; fd < NET_FDS; fd++)
		if (!fds[fd] && !reserved[fd]) {
			reserved[fd] = true;
			return fd;
		}
	return -EMFILE;
}

void fd_publish(int fd, struct file *file)
{
	reserved[fd] = false;
	fds[fd] = file;
}

void fd_unreserve(int fd)
{
	reserved[fd] = false;
}

int fd_install(struct file *file, int min_fd, bool cloexec)
{
	int fd = fd_reserve(min_fd, cloexec);
	if (fd >= 0)
		fd_publish(fd, file);
	return fd;
}

int fd_close(int fd)
{
	struct file *file = fd < 0 || fd >= NET_FDS ? NULL : fds[fd];
	if (!file)
		return -EBADF;
	fds[fd] = NULL;
	file_put(file);
	return 0;
}

static void plain_release(struct file *file)
{
	net_plain_files--;
}

int net_plain_file(void)
{
	static const struct file_ops ops = {.release = plain_release};
	struct inode *inode = anon_inode(K_S_IFREG);
	struct file *file = file_alloc(&ops, inode, 0);
	inode_put(inode);
	net_plain_files++;
	int fd = fd_install(file, 0, false);
	if (fd < 0)
		file_put(file);
	return fd;
}

u32 net_poll(int fd)
{
	struct file *file = fd_get(fd);
	u32 events = file->ops->poll(file, NULL);
	file_put(file);
	return events;
}

/* ---- names: one flat directory ---- */

static struct name {
	char text[128];
	struct dentry dentry;
} names[NAMES];

static struct name *find_name(const char *text)
{
	for (int i = 0; i < NAMES; i++)
		if (names[i].dentry.inode && !strcmp(names[i].text, text))
			return &names[i];
	return NULL;
}

int path_lookup(int dirfd, const char *text, u32 flags, struct path *out)
{
	struct name *n = find_name(text);
	if (!n)
		return -ENOENT;
	*out = (struct path){NULL, &n->dentry};
	return 0;
}

void path_put(struct path *path)
{
	path->dentry = NULL;
}

int inode_permission(struct inode *inode, u32 mask)
{
	return (inode->mode & mask << 6) == mask << 6 ? 0 : -EACCES;
}

int vfs_mknod(int dirfd, const char *text, u32 mode, u64 rdev, struct inode **out)
{
	if (find_name(text))
		return -EEXIST;
	for (int i = 0; i < NAMES; i++) {
		if (names[i].dentry.inode)
			continue;
		struct inode *inode = anon_inode(mode);
		if (!inode)
			return -ENOMEM;
		strcpy(names[i].text, text);
		names[i].dentry.inode = inode;
		inode_get(inode);
		*out = inode;
		return 0;
	}
	return -ENOSPC;
}

/* ---- system calls ---- */

#define SYSCALL_FULL(number, name, format)	    extern __typeof__(sys_##name) sys_##name __attribute__((weak));
#define SYSCALL_PART(number, name, format, missing) SYSCALL_FULL(number, name, format)
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

static const syscall_fn table[] = {
#define SYSCALL_FULL(number, name, format)	    [number] = sys_##name,
#define SYSCALL_PART(number, name, format, missing) [number] = sys_##name,
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"
};

/* The few calls on descriptors that socket tests need, in place of fs/'s. */
static long file_call(long number, u64 a, u64 b, u64 c)
{
	struct iov one;
	struct uio uio;
	struct file *file = fd_get((int)a);
	long r = -ENOSYS;
	if (!file)
		return -EBADF;
	uio_init_user(&uio, &one, user(b), c);
	if (number == SYS_close)
		r = fd_close((int)a);
	else if (number == SYS_read)
		r = file->ops->read(file, &uio, NULL);
	else if (number == SYS_write)
		r = file->ops->write(file, &uio, NULL);
	else if (number == SYS_ioctl)
		r = file->ops->ioctl(file, (u32)b, c);
	file_put(file);
	return r;
}

long net_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	if (number == SYS_close || number == SYS_read || number == SYS_write || number == SYS_ioctl)
		return file_call(number, a, b, c);
	if ((size_t)number >= ARRAY_SIZE(table) || !table[number])
		return -ENOSYS;
	return table[number](a, b, c, d, e, f);
}

/* ---- start, stop ---- */

void net_start(void)
{
	static bool booted;
	if (!booted) { /* the tables of net/ are static: one machine for all tests */
		stub_init(MEMORY);
		page_init(PAGE_SIZE, stub_memory_bytes, stub_memory_bytes);
		for (size_t bytes = 32; bytes <= 2048; bytes += 32) /* kmalloc keeps an empty slab of each size */
			kfree(kmalloc(bytes));
		booted = true;
	}
	stub_thread.cred.cap_effective = ~0ull;
	stub_process.rlimit[7] = (struct k_rlimit){1024, 1024};
	net_signals = 0;
	net_wakes = 0;
	net_sleep_hook = NULL;
	net_fault_at = USER_END;
}

void net_stop(void)
{
	struct {
		u16 family, port;
		u32 addr;
		u64 zero;
	} any = {2, 0, 0, 0};
	net_sleep_hook = NULL;
	for (int fd = 0; fd < NET_FDS; fd++)
		if (fds[fd])
			fd_close(fd);
	for (int i = 0; i < NAMES; i++) {
		if (names[i].dentry.inode)
			inode_put(names[i].dentry.inode);
		names[i].dentry.inode = NULL;
	}
	unix_gc();		     /* on a running machine the next close of a socket does it */
	stub_now_ns += 100000000000; /* what stands in TIME_WAIT goes at the next look */
	long fd = call(socket, 2, 1, 0);
	call(bind, fd, &any, 16);
	call(close, fd);
}

u64 net_memory_used(void)
{
	struct page_stats s;
	page_stats(&s);
	return s.total - s.free;
}
