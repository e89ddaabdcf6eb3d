/* SPDX-License-Identifier: Apache-2.0
 *
 * seccomp(2), and its half of prctl(2).
 */
#include "guestkernel/syscall/sys_seccomp.h"
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/syscall/syscall.h"

#define FLAGS_KNOWN                                                                                                    \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |                        \
	 SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

/* struct sock_fprog with a pointer of the program's */
struct fprog {
	u16 length, pad[3];
	u64 program;
};
_Static_assert(sizeof(struct fprog) == sizeof(struct sock_fprog), "sock_fprog");

static long set_filter(u64 flags, u64 from)
{
	struct sock_filter *program;
	struct fprog fprog;
	size_t bytes;
	long result;

	if (flags & ~(u64)FLAGS_KNOWN)
		return -EINVAL;
	if (copy_from_user(&fprog, user(from), sizeof(fprog)))
		return -EFAULT;
	if (!fprog.program || !fprog.length || fprog.length > BPF_MAXINSNS)
		return -EINVAL;
	/* A program that gains privileges by execve must not run under a filter that its caller chose. */
	if (!current->cred.no_new_privs && !cred_has_cap(CAP_SYS_ADMIN))
		return -EACCES;
	bytes = fprog.length * sizeof(*program);
	program = kmalloc(bytes);
	if (!program)
		return -ENOMEM;
	result = copy_from_user(program, user(fprog.program), bytes);
	if (!result)
		result = seccomp_attach(program, fprog.length, flags);
	kfree(program);
	return result;
}

static long action_available(u64 from)
{
	u32 action;

	if (get_user(action, user(from)))
		return -EFAULT;
	return seccomp_action_available(action) ? 0 : -EOPNOTSUPP;
}

SYSCALL(seccomp)
{
	u32 flags = (u32)b;

	switch ((u32)a) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || c ? -EINVAL : seccomp_set_strict();
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(flags, c);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_available(c);
	default:
		return -EINVAL;
	}
}

long seccomp_prctl_set(u64 mode, u64 filter)
{
	if (mode == SECCOMP_MODE_STRICT)
		return seccomp_set_strict();
	return mode == SECCOMP_MODE_FILTER ? set_filter(0, filter) : -EINVAL;
}
