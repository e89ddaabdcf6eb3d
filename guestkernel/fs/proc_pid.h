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
/* The credentials of what the file is about: the thread's in a task directory, else the process's. */
const struct cred *proc_cred(const struct proc_ref *ref);
/* A decimal number with white space around it; false: something else. */
bool proc_parse_number(const char *s, s64 *value);

/* proc_link.c: links, as readlink(2) shows them and as a path goes through them; descriptors; namespaces */
long proc_readlink_cwd(const struct proc_ref *ref, char *buf, size_t size);
long proc_readlink_root(const struct proc_ref *ref, char *buf, size_t size);
long proc_readlink_exe(const struct proc_ref *ref, char *buf, size_t size);
int proc_follow_cwd(const struct proc_ref *ref, struct path *out);
int proc_follow_root(const struct proc_ref *ref, struct path *out);
int proc_follow_exe(const struct proc_ref *ref, struct path *out);
int proc_lookup_fd_link(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
			struct proc_ref *ref);
int proc_lookup_fdinfo(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref);
bool proc_next_fd(const struct proc_ref *dir, u64 *id, char name[16]);
extern const struct proc_entry proc_ns_children[];

/* proc_mem.c: files about the address space; empty without one */
void proc_show_maps(struct text *t, const struct proc_ref *ref);
void proc_show_smaps(struct text *t, const struct proc_ref *ref);
void proc_show_smaps_rollup(struct text *t, const struct proc_ref *ref);
void proc_show_statm(struct text *t, const struct proc_ref *ref);
void proc_show_cmdline(struct text *t, const struct proc_ref *ref);
void proc_show_environ(struct text *t, const struct proc_ref *ref);
void proc_show_auxv(struct text *t, const struct proc_ref *ref);

/* proc_bytes.c: /proc/PID/mem */
extern const struct file_ops proc_bytes_ops;
void proc_bytes_open(struct file *file);

#endif
