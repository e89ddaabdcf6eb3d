/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUESTKERNEL_SYSCALL_SYS_SECCOMP_H
#define GUESTKERNEL_SYSCALL_SYS_SECCOMP_H

#include "guestkernel/types.h"

/* PR_SET_SECCOMP. mode: SECCOMP_MODE_*; filter: user address of a struct sock_fprog. */
long seccomp_prctl_set(u64 mode, u64 filter);

#endif
