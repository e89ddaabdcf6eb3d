/* SPDX-License-Identifier: Apache-2.0
 *
 * The window of host files (as virtio-fs calls it: DAX): guest-physical memory, read-only for the guest, in which pages
 * of the host's page cache stand. The files server says what is mapped where, and hands the file over; the runner maps
 * it and names nothing. What a file loses while it is mapped reads as zero from then on, and the guest is told.
 *
 * All calls but dax_init from any thread.
 */
#ifndef RUNNER_DAX_H
#define RUNNER_DAX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"
#include "runner/error.h"
#include "runner/lent.h"
#include "runner/memory.h"

/* One message of the files server, but for DAX_RETURN with one descriptor. */
enum dax_kind {
	DAX_MAP,    /* show `bytes` of the file from `offset` on at unit `place` */
	DAX_LEND,   /* the file is lent for slot `place` (runner/lent.h) */
	DAX_RETURN, /* what was lent for it is wanted no more */
};
struct dax_message {
	uint64_t offset, bytes;
	uint32_t kind, place;
};

struct dax {
	uint8_t *base; /* NULL: no window */
	uint64_t bytes;
	int socket;		      /* messages come here */
	int zero;		      /* a file of WINDOW_UNIT zero bytes: takes the place of what was lost */
	int spare[1 + FILE_IO_SLOTS]; /* hold the numbers free that received descriptors take; closed once the limit of
					 descriptors is set */
	struct lent *lent;
	const struct guest_memory *memory;
	pthread_mutex_t lock;
	uint8_t pages[WINDOW_UNITS_MAX]; /* as in shared_window, which the guest can write to */
	uint32_t losses;
};

/* Reserves a window of `bytes` (a multiple of 2 MiB, <= WINDOW_UNITS_MAX units; 0: none) for a VM with this RAM; takes
 * the socket; what is lent goes to `lent`. Before confinement. Without a window (base NULL, no error) where the host's
 * kernel lacks MADV_POPULATE_READ (5.14). */
int dax_init(struct dax *dax, const struct guest_memory *memory, uint64_t bytes, int socket, struct lent *lent,
	     struct error *error);

/* The limit of descriptors is set: gives the spare ones back. */
void dax_confined(struct dax *dax);

/* Takes what the server has sent since the last call. Never blocks. */
void dax_take(struct dax *dax);

/* A vCPU touched a page that the host cannot give. Replaces pages that have gone by zeroes; true when there were any,
 * or others have been lost since `seen` (dax_losses()). */
bool dax_lost(struct dax *dax, uint32_t seen);
uint32_t dax_losses(struct dax *dax);

#endif
