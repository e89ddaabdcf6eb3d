/* SPDX-License-Identifier: Apache-2.0
 *
 * epoll(7) inside the kernel.
 */
#ifndef GUESTKERNEL_FS_EPOLL_H
#define GUESTKERNEL_FS_EPOLL_H

#include "guestkernel/fs/vfs.h"

struct k_epoll_event {
	u32 events;
	u64 data;
} __attribute__((packed));

int epoll_create_file(u32 flags, struct file **out);
/* epoll_ctl(2); event may be NULL for EPOLL_CTL_DEL. */
int epoll_control(struct file *epoll, int op, int fd, struct file *target, const struct k_epoll_event *event);
/* Waits for events until the deadline (0: no deadline; a past one: only looks). Writes up to max of them to user
 * memory; returns their number, 0 after the deadline, -ERESTARTSYS, -EFAULT. */
long epoll_wait_events(struct file *epoll, user_ptr events, int max, u64 deadline_ns);
bool file_is_epoll(const struct file *file);
/* The file is closed for good: every epoll instance forgets it. */
void epoll_file_gone(struct file *file);

#endif
