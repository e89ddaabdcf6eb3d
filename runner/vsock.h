/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtio-vsock device: one lock around registers, queues, multiplexer and services, called from vCPU threads
 * (register accesses) and from the I/O thread (events of descriptors).
 *
 * How run.c glues it:
 *
 *   before confinement
 *     loop_init       its wake callback is the caller's and calls vsock_work
 *     services_init   takes the caller's descriptors and the job
 *     vsock_init      takes the callbacks; watches the descriptors in the loop
 *     vsock_handover  unless a stock driver will set the queues up by register writes
 *   while the guest runs
 *     I/O thread      loop_run
 *     vCPU threads    vsock_write and vsock_read for KVM_EXIT_MMIO in the device's window (or vsock_notify where
 *                     another kind of exit carries the notification)
 *     raise(INLINE)   comes on the vCPU thread, inside vsock_write: what caused it is already visible in the used
 *                     rings when that vCPU goes on, so a driver that looks at them needs no interrupt
 *     raise(ASYNC)    comes on the I/O thread: inject EVENT_VSOCK. The lock is held in neither case.
 *   at the end
 *     vsock_finish    once no vCPU runs: takes what is left in the transmit queue and ends the connections
 *     loop_run        until vsock_drained: all output has been written (loop_wake after vsock_finish)
 *     vsock_report, vsock_stream_error, vsock_image_error
 *                     how the program ended, and whether bytes were lost
 *     vsock_close, services_close, loop_close
 */
#ifndef RUNNER_VSOCK_H
#define RUNNER_VSOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/boot.h"
#include "runner/loop.h"
#include "runner/services.h"
#include "runner/virtio_mmio.h"
#include "runner/vsock_mux.h"

enum vsock_cause { VSOCK_INLINE, VSOCK_ASYNC };

/* The guest has something to look at. */
typedef void vsock_raise(void *context, enum vsock_cause cause);

/* The agent's report (vsock_report) has changed. Called on any of the threads, without the lock. */
typedef void vsock_reported(void *context);

struct vsock;

/* What a watched descriptor's event is about. */
struct vsock_watch {
	struct vsock *vsock;
	struct stream *stream;
	unsigned awaiting; /* vCPUs that wait for its events: the I/O thread leaves these to them */
};

struct vsock {
	pthread_mutex_t lock;
	/* State, plain data. */
	struct virtio_mmio mmio;
	struct vsock_mux mux;
	bool finished; /* vsock_finish was called: the guest's memory is left alone */
	/* Surroundings. */
	const struct guest_memory *memory;
	struct services *services;
	struct loop *loop;
	vsock_raise *raise;
	vsock_reported *reported; /* may be NULL */
	void *context;
	struct vsock_watch watch[SERVICES][2]; /* input, output */
};

struct vsock_config {
	uint64_t guest_cid;
	const struct guest_memory *memory;
	struct services *services; /* initialised; touched only through this device from now on */
	struct loop *loop;	   /* initialised; its wake callback calls vsock_work */
	vsock_raise *raise;
	vsock_reported *reported;
	void *context; /* of both callbacks */
};

/* Makes the device, in reset, and watches the services' descriptors in the loop. */
int vsock_init(struct vsock *vsock, const struct vsock_config *config, struct error *error);

/* Puts the device into DRIVER_OK with these queues (VSOCK_QUEUES of them), whose memory is zero. */
int vsock_handover(struct vsock *vsock, const struct boot_queue *queue, struct error *error);

/* Register accesses of a vCPU: `offset` into the window, `length` bytes (1, 2, 4 or 8). A write is true when it has put
 * something into the receive queue. */
void vsock_read(struct vsock *vsock, uint64_t offset, void *data, uint32_t length);
bool vsock_write(struct vsock *vsock, uint64_t offset, const void *data, uint32_t length);

/* The same as a write of `queue` to QueueNotify. True when the guest wants to be interrupted; raise has been called. */
bool vsock_notify(struct vsock *vsock, uint32_t queue);

/* By a vCPU that has nothing to do but wait for the files server: waits up to BOOT_WAIT_MS, or until a signal, for a
 * session to have an answer, without the lock, and moves it. Saves the guest going idle, and both threads a wake-up. */
void vsock_await_files(struct vsock *vsock);

/* Moves what can be moved, on the I/O thread: the loop's wake callback calls it. */
void vsock_work(struct vsock *vsock);

/* Sends a frame to the agent. -1 when it cannot be queued. Any thread, not a signal handler. */
int vsock_signal(struct vsock *vsock, uint32_t signo);
int vsock_winsize(struct vsock *vsock, const struct wire_winsize *size);

/* A copy of what the agent has reported so far. */
void vsock_report(struct vsock *vsock, struct control_report *report);

/* No vCPU runs any more, or ever will: takes the packets left in the transmit queue, then ends all connections. Output
 * that is still buffered keeps being written by the loop. */
void vsock_finish(struct vsock *vsock);

/* Whether every byte of output has been written, or its reader has gone. */
bool vsock_drained(struct vsock *vsock);

/* errno with which writing standard output (SERVICE_STDOUT), standard error or reading standard input failed, 0 if it
 * did not. EPIPE: the reader went away, as in any pipeline; anything else lost output. */
int vsock_stream_error(struct vsock *vsock, enum service_index service);

/* The first file of the image that was not sent as the job describes it: its index, and *number its errno, or 0 when it
 * was truncated while being read. -1: none. */
int vsock_image_error(struct vsock *vsock, int *number);

/* Frees the lock; the loop must not run any more. */
void vsock_close(struct vsock *vsock);

#endif
