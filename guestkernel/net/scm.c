/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors and credentials in control messages.
 */
#include "guestkernel/net/scm.h"

#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/unix.h"
#include "guestkernel/proc/process.h"

#define CAP_SETGID	 6
#define CAP_SETUID	 7
#define CAP_SYS_ADMIN	 21
#define CAP_SYS_RESOURCE 24
#define RLIMIT_NOFILE	 7
#define OVERFLOW_ID	 65534

struct k_ucred scm_own_cred(void)
{
	return (struct k_ucred){current->process->pid, current->cred.uid, current->cred.gid};
}

/* ---- life ---- */

static struct list dead = LIST_INIT(dead);

void scm_files_free(struct scm_files *files)
{
	static bool draining;
	if (!files)
		return;
	list_append(&dead, &files->link);
	if (draining)
		return;
	draining = true;
	while (!list_empty(&dead)) {
		struct scm_files *f = list_first(&dead, struct scm_files, link);
		list_remove(&f->link);
		if (f->queued)
			unix_inflight_remove(f);
		for (unsigned i = 0; i < f->count; i++)
			file_put(f->files[i]);
		kfree(f);
	}
	draining = false;
}

static struct scm_files *alloc_files(void)
{
	struct scm_files *f = kzalloc(sizeof(*f) + SCM_FILES_MAX * sizeof(f->files[0]));
	if (f)
		list_init(&f->link);
	return f;
}

struct scm_files *scm_files_copy(const struct scm_files *files)
{
	struct scm_files *f = kzalloc(sizeof(*f) + files->count * sizeof(f->files[0]));
	if (!f)
		return NULL;
	list_init(&f->link);
	f->count = files->count;
	for (unsigned i = 0; i < f->count; i++) {
		f->files[i] = files->files[i];
		file_get(f->files[i]);
	}
	return f;
}

/* ---- sending ---- */

static int add_files(struct scm *scm, const u8 *data, u64 len)
{
	u64 n = len / sizeof(int);
	if (!n)
		return 0;
	if (n > SCM_FILES_MAX)
		return -EINVAL;
	if (!scm->files)
		scm->files = alloc_files();
	if (!scm->files)
		return -ENOMEM;
	if (scm->files->count + n > SCM_FILES_MAX)
		return -EINVAL;
	for (u64 i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		struct file *file = fd < 0 ? NULL : fd_get(fd);
		if (!file)
			return -EBADF;
		scm->files->files[scm->files->count++] = file;
	}
	if (unix_inflight_files + scm->files->count > current->process->rlimit[RLIMIT_NOFILE].cur &&
	    !cred_has_cap(CAP_SYS_RESOURCE) && !cred_has_cap(CAP_SYS_ADMIN))
		return -ETOOMANYREFS;
	return 0;
}

static int set_cred(struct scm *scm, const u8 *data, u64 len)
{
	const struct cred *c = &current->cred;
	struct k_ucred u;
	if (len != sizeof(u))
		return -EINVAL;
	memcpy(&u, data, sizeof(u));
	if (u.pid != current->process->pid && !cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	if (u.uid != c->uid && u.uid != c->euid && u.uid != c->suid && !cred_has_cap(CAP_SETUID))
		return -EPERM;
	if (u.gid != c->gid && u.gid != c->egid && u.gid != c->sgid && !cred_has_cap(CAP_SETGID))
		return -EPERM;
	if (u.pid != current->process->pid && !process_find(u.pid))
		return -ESRCH;
	scm->cred = u;
	scm->has_cred = true;
	return 0;
}

int scm_parse(const struct socket_msg *msg, struct scm *scm)
{
	const u8 *control = msg->control;
	u64 at = 0;
	int r = 0;
	*scm = (struct scm){.cred = scm_own_cred()};
	while (!r && msg->control_len - at >= sizeof(struct k_cmsghdr)) {
		struct k_cmsghdr head;
		memcpy(&head, control + at, sizeof(head));
		if (head.len < sizeof(head) || head.len > msg->control_len - at)
			r = -EINVAL;
		else if (head.level != SOL_SOCKET)
			;
		else if (head.type == K_SCM_RIGHTS)
			r = add_files(scm, control + at + sizeof(head), head.len - sizeof(head));
		else if (head.type == K_SCM_CREDENTIALS)
			r = set_cred(scm, control + at + sizeof(head), head.len - sizeof(head));
		else
			r = -EINVAL;
		u64 step = (head.len + 7) & ~7ull;
		if (r || step > msg->control_len - at)
			break;
		at += step;
	}
	if (r) {
		scm_files_free(scm->files);
		scm->files = NULL;
	}
	return r;
}

/* ---- receiving ---- */

void scm_put_cred(struct socket_msg *msg, const struct k_ucred *cred, bool known)
{
	struct k_ucred u = known ? *cred : (struct k_ucred){0, OVERFLOW_ID, OVERFLOW_ID};
	socket_put_cmsg(msg, SOL_SOCKET, K_SCM_CREDENTIALS, &u, sizeof(u));
}

/* Installs the first n files; returns how many got a descriptor. */
static unsigned install(struct scm_files *files, unsigned n, int *fds, bool cloexec)
{
	unsigned i = 0;
	for (; i < n; i++) {
		file_get(files->files[i]);
		fds[i] = fd_install(files->files[i], 0, cloexec);
		if (fds[i] < 0) {
			file_put(files->files[i]);
			break;
		}
	}
	return i;
}

int scm_deliver(struct socket_msg *msg, struct scm_files *files, user_ptr control, bool cloexec)
{
	struct k_cmsghdr head = {0, SOL_SOCKET, K_SCM_RIGHTS};
	u64 left = msg->control_len - msg->control_used;
	u64 fit = left > sizeof(head) ? (left - sizeof(head)) / sizeof(int) : 0;
	unsigned want = (unsigned)MIN(fit, (u64)files->count);
	int fds[SCM_FILES_MAX];
	unsigned n = install(files, want, fds, cloexec);
	int r = 0;
	if (n < files->count)
		msg->out_flags |= K_MSG_CTRUNC;
	if (n) {
		user_ptr at = user_add(control, msg->control_used);
		head.len = sizeof(head) + n * sizeof(int);
		r = copy_to_user(at, &head, sizeof(head));
		if (!r)
			r = copy_to_user(user_add(at, sizeof(head)), fds, n * sizeof(int));
		for (unsigned i = 0; r && i < n; i++)
			fd_close(fds[i]);
		msg->control_used += MIN(CMSG_SPACE_OF(n * sizeof(int)), left);
	}
	scm_files_free(files);
	return r;
}
