/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of /proc/PID share.
 */
#ifndef GUESTKERNEL_FS_PROC_PID_H
#define GUESTKERNEL_FS_PROC_PID_H

#include "guestkernel/fs/procfs.h"
#include "guestkernel/proc/process.h"

/* The thread that stands for what the file is about; NULL: it is gone. */
struct thread *proc_thread(const struct proc_ref *ref);
/* A decimal number with white space around it; false: something else. */
bool proc_parse_number(const char *s, s64 *value);

/* proc_mem.c: files about the address space; empty without one */
void proc_show_maps(struct text *t, const struct proc_ref *ref);
void proc_show_smaps(struct text *t, const struct proc_ref *ref);
void proc_show_smaps_rollup(struct text *t, const struct proc_ref *ref);
void proc_show_statm(struct text *t, const struct proc_ref *ref);
void proc_show_cmdline(struct text *t, const struct proc_ref *ref);
void proc_show_environ(struct text *t, const struct proc_ref *ref);
void proc_show_auxv(struct text *t, const struct proc_ref *ref);

#endif
