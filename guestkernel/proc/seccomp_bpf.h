/* SPDX-License-Identifier: Apache-2.0
 *
 * Classic BPF as seccomp(2) has it: its checker and its interpreter. Pure: knows no thread and no call.
 */
#ifndef GUESTKERNEL_PROC_SECCOMP_BPF_H
#define GUESTKERNEL_PROC_SECCOMP_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include "guestkernel/types.h"

/* May this program run? Only what seccomp allows of the language (aligned words of struct seccomp_data, no packets);
 * jumps go forward and stay inside, it ends with a return, and no word of its memory is read before it was written.
 * program: length instructions, 1 to BPF_MAXINSNS. 0, -EINVAL, -ENOMEM. */
int seccomp_bpf_check(const struct sock_filter *program, u32 length);
/* What a checked program returns. */
u32 seccomp_bpf_run(const struct sock_filter *program, const struct seccomp_data *data);

#endif
