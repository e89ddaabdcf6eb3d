/* SPDX-License-Identifier: Apache-2.0
 *
 * prctl(2), arch_prctl(2).
 */
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/sys_seccomp.h"
#include "guestkernel/syscall/syscall.h"

#define SECURE_KEEP_CAPS 16u
#define SECURE_KNOWN	 0xffu
#define SECURE_LOCKS	 0xaau /* each bit's lock stands left of it */
#define TIMER_SLACK_NS	 50000

static struct cred *me(void)
{
	return &current->cred;
}

static long set_name(u64 from)
{
	char name[16] = {0};
	long n = strncpy_from_user(name, user(from), sizeof(name));

	if (n == -EFAULT)
		return n;
	name[15] = 0;
	memcpy(current->comm, name, sizeof(name));
	return 0;
}

static long set_securebits(u64 bits)
{
	struct cred *c = me();
	u32 locked = (c->securebits & SECURE_LOCKS) | (c->securebits & SECURE_LOCKS) >> 1;

	if ((bits & ~(u64)SECURE_KNOWN) || ((c->securebits ^ bits) & locked) || !cred_has_cap(CAP_SETPCAP))
		return -EPERM;
	c->securebits = (u32)bits;
	return 0;
}

static long keep_caps(u64 on)
{
	struct cred *c = me();

	if (on > 1)
		return -EINVAL;
	if (c->securebits & SECURE_KEEP_CAPS << 1)
		return -EPERM;
	c->securebits = on ? c->securebits | SECURE_KEEP_CAPS : c->securebits & ~SECURE_KEEP_CAPS;
	return 0;
}

static long ambient(u64 what, u64 cap)
{
	struct cred *c = me();

	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		c->cap_ambient = 0;
		return 0;
	}
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return c->cap_ambient >> cap & 1;
	case PR_CAP_AMBIENT_RAISE:
		if (!((c->cap_permitted & c->cap_inheritable) >> cap & 1))
			return -EPERM;
		c->cap_ambient |= 1ull << cap;
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		c->cap_ambient &= ~(1ull << cap);
		return 0;
	default:
		return -EINVAL;
	}
}

static long bounding_drop(u64 cap)
{
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	if (!cred_has_cap(CAP_SETPCAP))
		return -EPERM;
	me()->cap_bounding &= ~(1ull << cap);
	return 0;
}

static long put_int(u64 to, int value)
{
	return put_user(user(to), value);
}

SYSCALL(prctl)
{
	struct process *p = current->process;

	switch ((int)a) {
	case PR_SET_PDEATHSIG:
		if (b > 64)
			return -EINVAL;
		current->pdeathsig = (int)b;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_int(b, current->pdeathsig);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (b > 1)
			return -EINVAL;
		p->dumpable = b;
		return 0;
	case PR_GET_KEEPCAPS:
		return !!(me()->securebits & SECURE_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return keep_caps(b);
	case PR_SET_NAME:
		return set_name(b);
	case PR_GET_NAME:
		return copy_to_user(user(b), current->comm, sizeof(current->comm));
	case PR_GET_SECCOMP:
		return current->seccomp_mode;
	case PR_SET_SECCOMP:
		return seccomp_prctl_set(b, c);
	case PR_CAPBSET_READ:
		return b <= CAP_LAST_CAP ? (long)(me()->cap_bounding >> b & 1) : -EINVAL;
	case PR_CAPBSET_DROP:
		return bounding_drop(b);
	case PR_GET_TSC:
		return put_int(b, PR_TSC_ENABLE);
	case PR_GET_SECUREBITS:
		return me()->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(b);
	case PR_SET_TIMERSLACK:
		current->timer_slack_ns = b; /* told back; timers are as exact as they can be */
		return 0;
	case PR_GET_TIMERSLACK:
		return current->timer_slack_ns ? (long)MIN(current->timer_slack_ns, (u64)INT32_MAX) : TIMER_SLACK_NS;
	case PR_SET_CHILD_SUBREAPER:
		p->subreaper = b;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int(b, p->subreaper);
	case PR_SET_NO_NEW_PRIVS:
		if (b != 1 || c || d || e)
			return -EINVAL;
		me()->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return b || c || d || e ? -EINVAL : me()->no_new_privs;
	case PR_GET_TID_ADDRESS:
		return put_user(user(b), current->clear_child_tid);
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return b == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_SET_THP_DISABLE:
		return c || d || e ? -EINVAL : 0;
	case PR_GET_THP_DISABLE:
		return b || c || d || e ? -EINVAL : 0;
	case PR_CAP_AMBIENT:
		return d || e ? -EINVAL : ambient(b, c);
	default:
		return -EINVAL;
	}
}

SYSCALL(arch_prctl)
{
	u64 base;

	switch ((int)a) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (b >= USER_END)
			return -EPERM;
		if ((int)a == ARCH_SET_FS)
			arch_set_fsbase(current, b);
		else
			arch_set_gsbase(current, b);
		return 0;
	case ARCH_GET_FS:
		base = arch_get_fsbase(current);
		return put_user(user(b), base);
	case ARCH_GET_GS:
		base = arch_get_gsbase(current);
		return put_user(user(b), base);
	default:
		return -EINVAL;
	}
}
