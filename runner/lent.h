/* SPDX-License-Identifier: Apache-2.0
 *
 * Open files of shares that the files server has lent to the runner: a vCPU moves bytes between them and the guest's
 * memory, by one system call and one copy of the host's kernel. What the guest may do with a file is what the server
 * has opened it for; the runner names no file and opens none.
 *
 * All calls from any thread.
 */
#ifndef RUNNER_LENT_H
#define RUNNER_LENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"
#include "runner/memory.h"

struct lent {
	pthread_mutex_t lock;
	int fd[FILE_IO_SLOTS];	      /* -1: none */
	uint32_t used[FILE_IO_SLOTS]; /* by requests under way */
	bool unwanted[FILE_IO_SLOTS]; /* to be closed when the last of those has ended */
};

void lent_init(struct lent *lent);

/* Takes the descriptor over in place of what the slot has; -1: closes that. While the guest has a request under way
 * with the slot, a new one is refused (closed). */
void lent_put(struct lent *lent, uint32_t slot, int fd);

/* Does the request in this frame of the guest (struct file_io) and writes its result there; nothing at all when the
 * frame is none of RAM. Blocks as long as the host takes for at most 4 MiB. */
void lent_io(struct lent *lent, const struct guest_memory *memory, uint32_t frame);

#endif
