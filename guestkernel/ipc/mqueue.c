/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns POSIX message queues. Messages are those of msg.h, their type is the priority.
 */
#include "guestkernel/ipc/mqueue.h"
#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/ipc/msg.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"

/* Linux's defaults of /proc/sys/fs/mqueue, and what privileges allow beyond. */
#define QUEUES_LIMIT	 256
#define MESSAGES_DEFAULT 10
#define MESSAGES_LIMIT	 65536
#define SIZE_DEFAULT	 8192
#define SIZE_LIMIT	 (1u << 20) /* less than Linux's 16 MiB: a message is one object */

struct mqueue {
	struct list link; /* queues, while it has a name */
	u32 refs;	  /* the name, and open files */
	u32 mode, uid, gid;
	s64 maxmsg, msgsize, count;
	struct list messages; /* the next to be received first */
	struct wait_queue wait;
	unsigned receivers;	/* asleep */
	struct process *notify; /* a reference; NULL: nobody asked */
	int signo;
	u64 value;
	char name[NAME_LIMIT + 1];
};

static struct list queues = LIST_INIT(queues);
static unsigned queue_count;

static struct mqueue *find(const char *name)
{
	struct mqueue *q;

	list_for_each (q, &queues, link)
		if (!strcmp(q->name, name))
			return q;
	return NULL;
}

static void forget_notify(struct mqueue *q)
{
	if (q->notify)
		process_put(q->notify);
	q->notify = NULL;
}

static void put(struct mqueue *q)
{
	struct message *m, *next;

	if (--q->refs)
		return;
	list_for_each_safe (m, next, &q->messages, link)
		msg_free(m);
	forget_notify(q);
	queue_count--;
	ipc_uncharge(sizeof(*q));
	kfree(q);
}

/* ---- files ---- */

static u32 poll(struct file *file, struct poll_table *table)
{
	struct mqueue *q = file->data;

	poll_wait(table, &q->wait);
	return (q->count ? EPOLLIN | EPOLLRDNORM : 0) | (q->count < q->maxmsg ? EPOLLOUT | EPOLLWRNORM : 0);
}

/* A process that closes a queue is not told of messages any more. */
static int flush(struct file *file)
{
	struct mqueue *q = file->data;

	if (q->notify == current->process)
		forget_notify(q);
	return 0;
}

static void release(struct file *file)
{
	put(file->data);
}

/* What Linux tells of a queue, mq_overview(7). */
static long read_status(struct file *file, struct uio *uio, u64 *pos)
{
	const struct mqueue *q = file->data;
	const struct message *m;
	char text[80];
	u64 bytes = 0, n;

	list_for_each (m, &q->messages, link)
		bytes += m->size;
	n = (u64)ksnprintf(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", bytes,
			   q->notify && !q->signo ? SIGEV_NONE : SIGEV_SIGNAL, q->notify ? q->signo : 0,
			   q->notify ? q->notify->pid : 0);
	if (*pos >= n || !uio->left)
		return 0;
	n = MIN(n - *pos, uio->left);
	if (uio_copy_to(uio, text + *pos, n) < n)
		return -EFAULT;
	*pos += n;
	return (long)n;
}

static s64 seek(struct file *file, s64 offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += (s64)file->pos;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || offset < 0)
		return -EINVAL;
	file->pos = (u64)offset;
	return offset;
}

static const struct file_ops mqueue_ops = {
    .read = read_status, .poll = poll, .seek = seek, .flush = flush, .release = release};

struct mqueue *mqueue_of(struct file *file)
{
	return file->ops == &mqueue_ops ? file->data : NULL;
}

u64 mqueue_message_size(const struct mqueue *q)
{
	return (u64)q->msgsize;
}

/* ---- names ---- */

static bool allowed(const struct mqueue *q, u32 flags)
{
	u32 wanted = (flags & O_ACCMODE) == O_RDONLY ? 4 : (flags & O_ACCMODE) == O_WRONLY ? 2 : 6, granted = q->mode;

	if (fs_uid() == q->uid)
		granted >>= 6;
	else if (fs_gid() == q->gid || cred_in_group(q->gid))
		granted >>= 3;
	return !(wanted & ~granted) || fs_capable(CAP_DAC_OVERRIDE);
}

static int check_attr(const struct k_mq_attr *attr)
{
	bool privileged = cred_has_cap(CAP_SYS_RESOURCE);

	if (attr->maxmsg <= 0 || attr->msgsize <= 0)
		return -EINVAL;
	if (attr->maxmsg > (privileged ? MESSAGES_LIMIT : MESSAGES_DEFAULT) ||
	    attr->msgsize > (s64)(privileged ? SIZE_LIMIT : SIZE_DEFAULT))
		return -EINVAL;
	return 0;
}

static int create(const char *name, u32 mode, const struct k_mq_attr *attr, struct mqueue **out)
{
	struct mqueue *q;
	int error = attr ? check_attr(attr) : 0;

	if (error)
		return error;
	if (queue_count >= QUEUES_LIMIT && !cred_has_cap(CAP_SYS_RESOURCE))
		return -ENOSPC;
	if (!ipc_charge(sizeof(*q)))
		return -ENOMEM;
	q = kzalloc(sizeof(*q));
	if (!q) {
		ipc_uncharge(sizeof(*q));
		return -ENOMEM;
	}
	q->refs = 1;
	q->mode = mode & 0777 & ~current->process->fs->umask;
	q->uid = fs_uid();
	q->gid = fs_gid();
	q->maxmsg = attr ? attr->maxmsg : MESSAGES_DEFAULT;
	q->msgsize = attr ? attr->msgsize : SIZE_DEFAULT;
	list_init(&q->messages);
	wait_queue_init(&q->wait);
	ksnprintf(q->name, sizeof(q->name), "%s", name);
	list_append(&queues, &q->link);
	queue_count++;
	*out = q;
	return 0;
}

static int check_name(const char *name)
{
	if (!*name)
		return -ENOENT;
	return strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ? -EACCES : 0;
}

static int drop_name(struct mqueue *q)
{
	list_remove(&q->link);
	put(q);
	return 0;
}

int mqueue_open(const char *name, u32 flags, u32 mode, const struct k_mq_attr *attr, struct file **out)
{
	struct mqueue *q = find(name);
	bool fresh = !q;
	int error = check_name(name);

	if (error)
		return error;
	if (q && flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	if (!q && !(flags & O_CREAT))
		return -ENOENT;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	error = q ? 0 : create(name, mode, attr, &q);
	if (error)
		return error;
	if (!fresh && !allowed(q, flags))
		return -EACCES;
	*out = file_alloc_anon(&mqueue_ops, q, flags & (O_ACCMODE | O_NONBLOCK), "anon_inode:[mqueue]");
	if (!*out) {
		if (fresh)
			drop_name(q);
		return -ENFILE;
	}
	q->refs++;
	return 0;
}

int mqueue_unlink(const char *name)
{
	struct mqueue *q = find(name);
	int error = check_name(name);

	if (error)
		return error;
	if (!q)
		return -ENOENT;
	if (fs_uid() != q->uid && !fs_capable(CAP_FOWNER))
		return -EACCES;
	return drop_name(q);
}

/* ---- messages ---- */

static void tell(struct mqueue *q)
{
	struct k_siginfo info = {.signo = q->signo, .code = SI_MESGQ};

	info.rt.pid = current->process->pid;
	info.rt.uid = current->cred.uid;
	info.rt.value = q->value;
	if (q->signo && !q->notify->dead && !q->notify->zombie)
		signal_send_process(q->notify, q->signo, &info);
	forget_notify(q);
}

/* Behind all of its priority. */
static void insert(struct mqueue *q, struct message *m)
{
	struct message *at;

	list_for_each (at, &q->messages, link)
		if (at->type < m->type)
			break;
	list_append(&at->link, &m->link); /* before `at`, or at the end */
}

int mqueue_send(struct file *file, struct message *m, u64 deadline_ns)
{
	struct mqueue *q = file->data;
	int error = 0;

	if (q->count >= q->maxmsg && file->flags & O_NONBLOCK)
		return -EAGAIN;
	if (q->count >= q->maxmsg)
		error = wait_event_interruptible(&q->wait, q->count < q->maxmsg, deadline_ns);
	if (error)
		return error;
	insert(q, m);
	if (++q->count == 1 && q->notify && !q->receivers)
		tell(q);
	wake_up(&q->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

int mqueue_receive(struct file *file, u64 deadline_ns, struct message **out)
{
	struct mqueue *q = file->data;
	int error = 0;

	if (!q->count && file->flags & O_NONBLOCK)
		return -EAGAIN;
	if (!q->count) {
		q->receivers++;
		error = wait_event_interruptible(&q->wait, q->count, deadline_ns);
		q->receivers--;
	}
	if (error)
		return error;
	*out = list_first(&q->messages, struct message, link);
	list_remove(&(*out)->link);
	q->count--;
	wake_up(&q->wait, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

void mqueue_getattr(struct file *file, struct k_mq_attr *attr)
{
	const struct mqueue *q = file->data;

	*attr = (struct k_mq_attr){
	    .flags = file->flags & O_NONBLOCK, .maxmsg = q->maxmsg, .msgsize = q->msgsize, .curmsgs = q->count};
}

int mqueue_notify(struct file *file, bool on, int signo, u64 value)
{
	struct mqueue *q = file->data;

	if (!on) {
		if (q->notify == current->process)
			forget_notify(q);
		return 0;
	}
	if (q->notify)
		return -EBUSY;
	q->notify = current->process;
	process_get(q->notify);
	q->signo = signo;
	q->value = value;
	return 0;
}
