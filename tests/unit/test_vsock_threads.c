/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock.c runner/vsock_mux.c runner/vsock_conn.c runner/vsock_packet.c runner/virtqueue.c runner/virtio_mmio.c runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/loop.c runner/error.c
 * flags: -pthread
 *
 * The device under real threads, as in a run: a vCPU thread whose guest copies standard input to standard output, the
 * I/O thread, and processes at both ends of the pipes that are slower or faster than the guest by turns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "tests/unit/mini_driver.h"

#define TOTAL	     (24u << 20) /* bytes through the guest */
#define GUEST_BUFFER (128u << 10)
#define IN	     60u
#define OUT	     50u

struct world {
	struct driver d;
	int interrupt; /* eventfd: raise() of the I/O thread */
	int in[2], out[2];
	/* The guest's copy loop. */
	uint8_t *queue; /* ring of GUEST_BUFFER bytes: its receive buffer */
	uint32_t head, held;
	uint32_t sent, host_forwarded, host_buffer; /* credit towards the host */
	uint32_t announced;
	bool input_ended, output_closed;
};

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 4096 + (i >> 17));
}

/* Different speeds by turns: the pipe runs full, then empty. */
static size_t chunk(size_t at)
{
	return (at >> 20) % 3 == 0 ? 100000 : (at >> 20) % 3 == 1 ? 4096 : 777;
}

static void *write_input(void *context)
{
	struct world *w = context;
	static uint8_t data[100000];
	for (size_t at = 0; at < TOTAL;) {
		size_t n = chunk(at) < TOTAL - at ? chunk(at) : TOTAL - at;
		for (size_t i = 0; i < n; i++)
			data[i] = pattern(at + i);
		if (write(w->in[1], data, n) != (ssize_t)n)
			return "write to standard input";
		at += n;
	}
	close(w->in[1]);
	return NULL;
}

static void *read_output(void *context)
{
	struct world *w = context;
	static uint8_t data[100000];
	size_t at = 0;
	ssize_t n;
	while ((n = read(w->out[0], data, chunk(at + (2u << 20)))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (data[i] != pattern(at++))
				return "wrong byte";
	return at == TOTAL ? NULL : "output too short";
}

static void on_raise(void *context, enum vsock_cause cause)
{
	struct world *w = context;
	if (cause == VSOCK_ASYNC)
		eventfd_write(w->interrupt, 1);
}

static void on_wake(void *context, uint32_t events)
{
	(void)events;
	vsock_work(&((struct world *)context)->d.vsock);
}

/* Sends one packet and waits until the device has taken it, which the notification guarantees. */
static void guest_send(struct world *w, uint16_t op, uint32_t src, uint32_t dst, const void *data, uint32_t length,
		       uint32_t flags)
{
	struct vsock_header header = driver_header(&w->d, op, src, dst, length);
	header.flags = flags;
	driver_queue(&w->d, &header, data, length);
	vsock_notify(&w->d.vsock, VSOCK_TX);
}

static void guest_take(struct world *w)
{
	const struct vsock_header *header = &w->d.header;
	if (header->dst_port == OUT) {
		w->host_forwarded = header->fwd_cnt;
		w->host_buffer = header->buf_alloc;
		if (header->op == VSOCK_OP_RST)
			w->output_closed = true;
	} else if (header->op == VSOCK_OP_RW) {
		for (uint32_t i = 0; i < header->len; i++)
			w->queue[(w->head + w->held + i) % GUEST_BUFFER] = w->d.payload[i];
		w->held += header->len;
		assert_true(w->held <= GUEST_BUFFER);
	} else if (header->op == VSOCK_OP_SHUTDOWN) {
		w->input_ended = true;
	}
}

/* Copies what it holds as far as the host's credit goes. */
static bool guest_copy(struct world *w)
{
	uint32_t credit = w->host_buffer - (w->sent - w->host_forwarded);
	uint32_t n = w->held < credit ? w->held : credit;
	if (n > GUEST_BUFFER - w->head)
		n = GUEST_BUFFER - w->head;
	if (n > 50000)
		n = 50000;
	if (n == 0)
		return false;
	w->sent += n;
	guest_send(w, VSOCK_OP_RW, OUT, WIRE_STDOUT, w->queue + w->head, n, 0);
	w->head = (w->head + n) % GUEST_BUFFER;
	w->held -= n;
	w->d.forwarded += n;
	if (w->d.forwarded - w->announced >= GUEST_BUFFER / 2) {
		guest_send(w, VSOCK_OP_CREDIT_UPDATE, IN, WIRE_STDIN, NULL, 0, 0);
		w->announced = w->d.forwarded;
	}
	return true;
}

/* driver_receive posts the chain again before the payload is used: here it must be used first. */
static bool guest_receive(struct world *w)
{
	struct ring *rx = &w->d.ring[VSOCK_RX];
	if (ring_used_idx(rx) == rx->used_seen)
		return false;
	uint16_t head = (uint16_t)ring_used_elem(rx, rx->used_seen++).id;
	memcpy(&w->d.header, w->d.memory.base + ring_desc(rx, head)->addr, sizeof(w->d.header));
	w->d.payload = w->d.memory.base + ring_desc(rx, head + 1)->addr;
	guest_take(w);
	driver_post(&w->d, head / 2);
	/* The device asks for a notification when it has missed receive buffers. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring_used(rx)[0], __ATOMIC_RELAXED) == 0)
		vsock_notify(&w->d.vsock, VSOCK_RX);
	return true;
}

static void *vcpu(void *context)
{
	struct world *w = context;
	guest_send(w, VSOCK_OP_REQUEST, OUT, WIRE_STDOUT, NULL, 0, 0);
	guest_send(w, VSOCK_OP_REQUEST, IN, WIRE_STDIN, NULL, 0, 0);
	while (!(w->input_ended && w->held == 0) && !w->output_closed) {
		bool moved = guest_receive(w);
		moved |= guest_copy(w);
		if (moved)
			continue;
		eventfd_t count;
		eventfd_read(w->interrupt, &count); /* HLT */
	}
	vsock_finish(&w->d.vsock); /* power off */
	loop_wake(&w->d.loop);
	return NULL;
}

static bool finished_and_drained(void *context)
{
	struct world *w = context;
	pthread_mutex_lock(&w->d.vsock.lock);
	bool finished = w->d.vsock.finished;
	pthread_mutex_unlock(&w->d.vsock.lock);
	return finished && vsock_drained(&w->d.vsock);
}

static void *io(void *context)
{
	struct world *w = context;
	return loop_run(&w->d.loop, finished_and_drained, w, NULL) ? "loop" : NULL;
}

static void every_byte_passes_in_order_through_the_guest(void **state)
{
	(void)state;
	static struct world w;
	static const uint8_t no_job[1];
	void *(*const bodies[])(void *) = {vcpu, io, write_input, read_output};
	pthread_t thread[4];
	assert_int_equal(pipe2(w.in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(w.out, O_CLOEXEC), 0);
	w.interrupt = eventfd(0, EFD_CLOEXEC);
	w.queue = malloc(GUEST_BUFFER);
	driver_open(&w.d, &(struct services_config){.job = no_job, .in = w.in[0], .out = w.out[1], .err = -1});
	w.d.buffer = GUEST_BUFFER;
	w.d.vsock.raise = on_raise;
	w.d.vsock.reported = NULL;
	w.d.vsock.context = &w;
	w.d.loop.watch[0] = (struct loop_watch){.callback = on_wake, .context = &w};
	driver_start(&w.d);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, bodies[i], &w), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failure = NULL;
		pthread_join(thread[i], &failure);
		assert_null(failure);
	}
	assert_int_equal(vsock_stream_error(&w.d.vsock, SERVICE_STDOUT), 0);
	assert_int_equal(w.d.vsock.mux.violations, 0);
	driver_close(&w.d);
	close(w.out[0]);
	close(w.interrupt);
	free(w.queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte_passes_in_order_through_the_guest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
