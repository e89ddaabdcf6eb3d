/* SPDX-License-Identifier: Apache-2.0
 *
 * User and group ids, capabilities: who may change them to what (credentials(7), capabilities(7)).
 */
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#define SECURE_NO_SETUID_FIXUP 4u
#define SECURE_KEEP_CAPS       16u
#define GROUPS_LIMIT	       65536
#define KEEP		       0xffffffffu /* -1: leave as it is */
#define FS_CAPS                                                                                                        \
	(1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER |             \
	 1ull << CAP_FSETID | 1ull << CAP_LINUX_IMMUTABLE | 1ull << CAP_MKNOD | 1ull << CAP_MAC_OVERRIDE)

static struct cred *me(void)
{
	return &current->cred;
}

/* After a change: what a privileged thread has in memory is no other's to see, and it dies with its parent no more. */
static void committed(const struct cred *old, const struct cred *new)
{
	if (new->euid == old->euid &&new->egid == old->egid &&new->fsuid == old->fsuid &&new->fsgid == old->fsgid &&
	    !(new->cap_permitted & ~old->cap_permitted))
		return;
	current->process->dumpable = false;
	current->pdeathsig = 0;
}

/* What a change of user ids does to capabilities. */
static void fix_caps(const struct cred *old, struct cred *new)
{
	bool was_root = !old->uid || !old->euid || !old->suid, is_root = !new->uid || !new->euid || !new->suid;

	if (new->securebits & SECURE_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root) {
		if (!(new->securebits &SECURE_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (!old->euid && new->euid)
		new->cap_effective = 0;
	if (old->euid && !new->euid)
		new->cap_effective = new->cap_permitted;
}

static long set_uids(u32 uid, u32 euid, u32 suid)
{
	struct cred *c = me(), old = *c;

	c->uid = uid;
	c->euid = c->fsuid = euid;
	c->suid = suid;
	fix_caps(&old, c);
	committed(&old, c);
	return 0;
}

static long set_gids(u32 gid, u32 egid, u32 sgid)
{
	struct cred *c = me(), old = *c;

	c->gid = gid;
	c->egid = c->fsgid = egid;
	c->sgid = sgid;
	committed(&old, c);
	return 0;
}

SYSCALL(getuid)
{
	return me()->uid;
}

SYSCALL(geteuid)
{
	return me()->euid;
}

SYSCALL(getgid)
{
	return me()->gid;
}

SYSCALL(getegid)
{
	return me()->egid;
}

SYSCALL(getresuid)
{
	struct cred *k = me();

	return put_user(user(a), k->uid) || put_user(user(b), k->euid) || put_user(user(c), k->suid) ? -EFAULT : 0;
}

SYSCALL(getresgid)
{
	struct cred *k = me();

	return put_user(user(a), k->gid) || put_user(user(b), k->egid) || put_user(user(c), k->sgid) ? -EFAULT : 0;
}

SYSCALL(setuid)
{
	struct cred *c0 = me();
	u32 id = (u32)a;

	if (id == KEEP)
		return -EINVAL;
	if (cred_has_cap(CAP_SETUID))
		return set_uids(id, id, id);
	if (id != c0->uid && id != c0->suid)
		return -EPERM;
	return set_uids(c0->uid, id, c0->suid);
}

SYSCALL(setgid)
{
	struct cred *c0 = me();
	u32 id = (u32)a;

	if (id == KEEP)
		return -EINVAL;
	if (cred_has_cap(CAP_SETGID))
		return set_gids(id, id, id);
	if (id != c0->gid && id != c0->sgid)
		return -EPERM;
	return set_gids(c0->gid, id, c0->sgid);
}

static bool one_of(u32 id, u32 x, u32 y, u32 z)
{
	return id == KEEP || id == x || id == y || id == z;
}

SYSCALL(setreuid)
{
	struct cred *c0 = me();
	u32 uid = (u32)a, euid = (u32)b, suid = c0->suid;

	if (!cred_has_cap(CAP_SETUID) &&
	    (!one_of(uid, c0->uid, c0->euid, c0->euid) || !one_of(euid, c0->uid, c0->euid, c0->suid)))
		return -EPERM;
	if (uid != KEEP || (euid != KEEP && euid != c0->uid))
		suid = euid == KEEP ? c0->euid : euid;
	return set_uids(uid == KEEP ? c0->uid : uid, euid == KEEP ? c0->euid : euid, suid);
}

SYSCALL(setregid)
{
	struct cred *c0 = me();
	u32 gid = (u32)a, egid = (u32)b, sgid = c0->sgid;

	if (!cred_has_cap(CAP_SETGID) &&
	    (!one_of(gid, c0->gid, c0->egid, c0->egid) || !one_of(egid, c0->gid, c0->egid, c0->sgid)))
		return -EPERM;
	if (gid != KEEP || (egid != KEEP && egid != c0->gid))
		sgid = egid == KEEP ? c0->egid : egid;
	return set_gids(gid == KEEP ? c0->gid : gid, egid == KEEP ? c0->egid : egid, sgid);
}

SYSCALL(setresuid)
{
	struct cred *k = me();
	u32 r = (u32)a, ef = (u32)b, s = (u32)c;

	if (!cred_has_cap(CAP_SETUID) &&
	    (!one_of(r, k->uid, k->euid, k->suid) || !one_of(ef, k->uid, k->euid, k->suid) ||
	     !one_of(s, k->uid, k->euid, k->suid)))
		return -EPERM;
	return set_uids(r == KEEP ? k->uid : r, ef == KEEP ? k->euid : ef, s == KEEP ? k->suid : s);
}

SYSCALL(setresgid)
{
	struct cred *k = me();
	u32 r = (u32)a, ef = (u32)b, s = (u32)c;

	if (!cred_has_cap(CAP_SETGID) &&
	    (!one_of(r, k->gid, k->egid, k->sgid) || !one_of(ef, k->gid, k->egid, k->sgid) ||
	     !one_of(s, k->gid, k->egid, k->sgid)))
		return -EPERM;
	return set_gids(r == KEEP ? k->gid : r, ef == KEEP ? k->egid : ef, s == KEEP ? k->sgid : s);
}

/* These two never fail: they return the old id, changed or not. */
SYSCALL(setfsuid)
{
	struct cred *k = me();
	struct cred before = *k;
	u32 old = k->fsuid, id = (u32)a;

	if (id == KEEP || (!cred_has_cap(CAP_SETUID) && id != old && !one_of(id, k->uid, k->euid, k->suid)))
		return old;
	k->fsuid = id;
	if (!old && id && !(k->securebits & SECURE_NO_SETUID_FIXUP))
		k->cap_effective &= ~FS_CAPS;
	if (old && !id && !(k->securebits & SECURE_NO_SETUID_FIXUP))
		k->cap_effective |= k->cap_permitted & FS_CAPS;
	committed(&before, k);
	return old;
}

SYSCALL(setfsgid)
{
	struct cred *k = me();
	struct cred before = *k;
	u32 old = k->fsgid, id = (u32)a;

	if (id != KEEP && (cred_has_cap(CAP_SETGID) || id == old || one_of(id, k->gid, k->egid, k->sgid)))
		k->fsgid = id;
	committed(&before, k);
	return old;
}

SYSCALL(getgroups)
{
	struct cred *k = me();
	u32 n = cred_group_count(k);

	if ((int)a < 0 || (a && (u32)a < n))
		return -EINVAL;
	if (a && n && copy_to_user(user(b), k->groups->ids, n * sizeof(u32)))
		return -EFAULT;
	return n;
}

SYSCALL(setgroups)
{
	struct cred *k = me();
	struct cred_groups *groups = NULL;
	u32 n = (u32)a;

	if (!cred_has_cap(CAP_SETGID))
		return -EPERM;
	if (n > GROUPS_LIMIT)
		return -EINVAL;
	if (n) {
		groups = cred_groups_create(n);
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(groups->ids, user(b), n * sizeof(u32))) {
			cred_groups_put(groups);
			return -EFAULT;
		}
	}
	cred_groups_put(k->groups);
	k->groups = groups;
	return 0;
}

/* struct __user_cap_header_struct, __user_cap_data_struct */
struct k_cap_header {
	u32 version;
	s32 pid;
};
struct k_cap_data {
	u32 effective, permitted, inheritable;
};

/* Number of data elements of the version, 0 when unknown: then the kernel's own version is written back. */
static int read_cap_header(u64 from, struct k_cap_header *h)
{
	u32 version = _LINUX_CAPABILITY_VERSION_3;

	if (get_user(*h, user(from)))
		return -EFAULT;
	if (h->version == _LINUX_CAPABILITY_VERSION_1)
		return 1;
	if (h->version == _LINUX_CAPABILITY_VERSION_2 || h->version == _LINUX_CAPABILITY_VERSION_3)
		return 2;
	return put_user(user(from), version) ? -EFAULT : 0;
}

SYSCALL(capget)
{
	struct k_cap_header h;
	struct k_cap_data data[2];
	struct thread *t;
	const struct cred *k;
	int i, n = read_cap_header(a, &h);

	if (n < 0)
		return n;
	if (!n)
		return b ? -EINVAL : 0;
	if (h.pid < 0)
		return -EINVAL;
	t = h.pid ? thread_find(h.pid) : current;
	if (!t)
		return -ESRCH;
	k = &t->cred;
	for (i = 0; i < 2; i++)
		data[i] = (struct k_cap_data){(u32)(k->cap_effective >> 32 * i), (u32)(k->cap_permitted >> 32 * i),
					      (u32)(k->cap_inheritable >> 32 * i)};
	return b ? copy_to_user(user(b), data, (size_t)n * sizeof(data[0])) : 0;
}

SYSCALL(capset)
{
	struct k_cap_header h;
	struct k_cap_data data[2] = {{0}};
	struct cred *k = me();
	u64 effective, permitted, inheritable;
	int n = read_cap_header(a, &h);

	if (n <= 0)
		return n ? n : -EINVAL;
	if (h.pid && h.pid != current->tid)
		return -EPERM;
	if (copy_from_user(data, user(b), (size_t)n * sizeof(data[0])))
		return -EFAULT;
	effective = data[0].effective | (u64)data[1].effective << 32;
	permitted = data[0].permitted | (u64)data[1].permitted << 32;
	inheritable = data[0].inheritable | (u64)data[1].inheritable << 32;
	effective &= (2ull << CAP_LAST_CAP) - 1;
	permitted &= (2ull << CAP_LAST_CAP) - 1;
	inheritable &= (2ull << CAP_LAST_CAP) - 1;
	if ((permitted & ~k->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	if (!cred_has_cap(CAP_SETPCAP) && (inheritable & ~(k->cap_inheritable | k->cap_permitted)))
		return -EPERM;
	if (inheritable & ~(k->cap_inheritable | k->cap_bounding))
		return -EPERM;
	k->cap_effective = effective;
	k->cap_permitted = permitted;
	k->cap_inheritable = inheritable;
	k->cap_ambient &= permitted & inheritable;
	return 0;
}
