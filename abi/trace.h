/* SPDX-License-Identifier: Apache-2.0
 *
 * The system call trace (`sandbox run --trace`): where the guest puts its text and the runner takes it from.
 *
 * The runner reserves a struct trace_area in guest memory, behind the initramfs, and names it in boot_block.trace. The
 * guest appends text to the ring and moves `head`. The runner takes what is there whenever it handles an exit of a
 * vCPU, and once more when the machine has ended, however it ended: so text of calls that came before some output is
 * written before that output, and an idle, stuck or crashed guest has nothing left. The guest leaves on purpose
 * (PORT_TRACE) only when the ring is full. The runner keeps its own `tail` and trusts nothing here.
 */
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include <stdint.h>

#include "abi/boot.h"

#define TRACE_RING_BYTES 65536u /* a power of two */
#define TRACE_CALLS	 ((unsigned)BOOT_CALLS)
#define TRACE_LIMITS	 64u

/* A call that is there in part, or that takes requests and options, and failed as one that asked for more: once for
 * each (number, error, selector). */
struct trace_limit {
	uint32_t number; /* system call */
	uint32_t error;	 /* errno */
	uint64_t selector;
	uint64_t count; /* 0: free */
};

struct trace_area {
	uint64_t head;			 /* bytes ever appended; the guest writes */
	uint64_t tail;			 /* bytes ever taken; the runner writes */
	uint64_t only[TRACE_CALLS / 64]; /* calls to show, bit by number; the runner writes before the start */
	uint32_t
	    refused[TRACE_CALLS]; /* how often each call that is not there was made; the last: all beyond the table */
	struct trace_limit limit[TRACE_LIMITS];
	char ring[TRACE_RING_BYTES];
};

#endif
