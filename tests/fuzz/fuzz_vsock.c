/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock.c runner/vsock_mux.c runner/vsock_conn.c runner/vsock_packet.c runner/virtqueue.c runner/virtio_mmio.c runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/loop.c runner/error.c
 *
 * The whole vsock device under a hostile driver: the input is a list of steps that send packets (well-formed in part),
 * write to registers and to memory, and let the host's ends move. What must hold is in check().
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/mini_driver.h"

#define ROUNDS_MAX 64

struct reader {
	const uint8_t *data;
	size_t left;
};

static uint32_t take(struct reader *r, size_t bytes)
{
	uint32_t value = 0;
	if (bytes > r->left)
		bytes = r->left;
	memcpy(&value, r->data, bytes);
	r->data += bytes;
	r->left -= bytes;
	return value;
}

static const uint32_t ports[] = {WIRE_CONTROL, WIRE_IMAGE, WIRE_STDIN, WIRE_STDOUT, WIRE_STDERR, 5, 0xffffffff, 0};

static void send_packet(struct driver *d, struct reader *r)
{
	static uint8_t payload[DRIVER_TX_BYTES - VSOCK_HEADER_BYTES];
	uint32_t choice = take(r, 1), length = 0;
	uint16_t op = choice & 15;
	if (op == VSOCK_OP_RW) {
		length = take(r, 2) * 4 % sizeof(payload);
		size_t given = length < 64 ? length : 64;
		for (size_t i = 0; i < given; i++)
			payload[i] = (uint8_t)take(r, 1);
	}
	struct vsock_header header = driver_header(d, op, 1 + (choice >> 7), ports[choice >> 4 & 7], length);
	if (op == VSOCK_OP_SHUTDOWN)
		header.flags = take(r, 1);
	driver_queue(d, &header, payload, length);
}

/* A packet whose header is the input's. */
static void send_raw(struct driver *d, struct reader *r)
{
	struct vsock_header header = driver_header(d, (uint16_t)take(r, 1), 1, WIRE_STDOUT, take(r, 4));
	header.type = (uint16_t)take(r, 1);
	header.src_cid = take(r, 1);
	header.dst_cid = take(r, 1);
	header.fwd_cnt = take(r, 4);
	header.buf_alloc = take(r, 4);
	driver_queue(d, &header, "0123456789", take(r, 1) % 11);
}

/* Any descriptor of any queue, then offered. */
static void send_descriptor(struct driver *d, struct reader *r)
{
	struct ring *ring = &d->ring[take(r, 1) % VSOCK_QUEUES];
	uint16_t i = (uint16_t)take(r, 1);
	ring_set(ring, i, take(r, 4), take(r, 3), (uint16_t)take(r, 1), (uint16_t)take(r, 2));
	ring_offer(ring, i);
}

static void write_register(struct driver *d, struct reader *r)
{
	uint32_t offset = take(r, 2), value = take(r, 4);
	vsock_write(&d->vsock, offset, &value, 4);
	vsock_read(&d->vsock, offset, &value, 4);
}

/* Takes used receive chains and offers the usual ones; does not follow descriptors, which the input may have
 * changed. */
static void repost(struct driver *d)
{
	struct ring *rx = &d->ring[VSOCK_RX];
	for (; rx->used_seen != ring_used_idx(rx); rx->used_seen++)
		driver_post(d, rx->used_seen % DRIVER_RX_CHAINS);
}

static void drain_pipe(int fd)
{
	static char junk[65536];
	while (read(fd, junk, sizeof(junk)) > 0)
		;
}

static void check(struct driver *d)
{
	uint32_t held = d->services.out.pending;
	if (held > VSOCK_BUFFER_BYTES || d->services.err.pending > VSOCK_BUFFER_BYTES)
		abort();
	if (d->vsock.mux.resets > VSOCK_RESETS_MAX)
		abort();
	for (int i = 0; i < VSOCK_CONNECTIONS_MAX; i++) {
		const struct vsock_conn *conn = &d->vsock.mux.conn[i];
		if (conn->state == VSOCK_OPEN && d->services.state[conn->service] != SERVICE_CONNECTED)
			abort();
		if (conn->state == VSOCK_OPEN && conn->received - conn->forwarded > VSOCK_BUFFER_BYTES)
			abort();
		if (conn->state == VSOCK_OPEN && conn->service == SERVICE_STDOUT &&
		    conn->received - conn->forwarded != held)
			abort();
	}
}

static void step(struct driver *d, struct reader *r, int in, int out)
{
	ssize_t n;
	switch (take(r, 1) % 12) {
	case 0:
	case 1:
	case 2:
		send_packet(d, r);
		break;
	case 3:
		send_raw(d, r);
		break;
	case 4:
		send_descriptor(d, r);
		break;
	case 5:
		write_register(d, r);
		break;
	case 6:
		repost(d);
		break;
	case 7:
		n = write(in, r->data, r->left < 100 ? r->left : 100);
		(void)n; /* EPIPE: the guest has closed its input */
		stream_event(&d->services.in, EPOLLIN);
		vsock_work(&d->vsock);
		break;
	case 8:
		drain_pipe(out);
		stream_event(&d->services.out, EPOLLOUT);
		vsock_work(&d->vsock);
		break;
	case 9:
		if (take(r, 1) > 250) {
			stream_event(&d->services.out, EPOLLERR);
			vsock_work(&d->vsock);
		}
		break;
	case 10:
		d->forwarded = take(r, 4);
		d->buffer = take(r, 3);
		break;
	case 11:
		vsock_signal(&d->vsock, take(r, 1));
		break;
	}
	vsock_notify(&d->vsock, VSOCK_TX);
}

/* The output buffers are large: without this each run maps new ones. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=0:max_malloc_fill_size=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t job[5000];
	static struct guest_memory memory;
	struct reader r = {.data = data, .left = size};
	static struct driver d;
	int in[2], out[2];
	int image = memfd_create("image", MFD_CLOEXEC);
	if (image < 0 || ftruncate(image, 70000) || pipe2(in, O_NONBLOCK) || pipe2(out, O_NONBLOCK))
		abort();
	struct image_file files[] = {{.fd = image, .size = 80000}};
	struct services_config config = {.job = job,
					 .job_bytes = sizeof(job),
					 .image = files,
					 .image_files = 1,
					 .in = in[0],
					 .out = out[1],
					 .err = open("/dev/null", O_WRONLY)};
	/* Fresh guest memory each time would cost more than the run itself. */
	if (!memory.base)
		memory = ring_memory(DRIVER_MEMORY);
	memset(memory.base + BOOT_QUEUE_GPA, 0, VSOCK_QUEUES * 0x3000);
	driver_open_in(&d, &config, &memory);
	alarm(0);
	driver_start(&d);
	for (int i = 0; r.left && i < ROUNDS_MAX; i++) {
		step(&d, &r, in[1], out[0]);
		check(&d);
	}
	vsock_finish(&d.vsock);
	check(&d);
	drain_pipe(out[0]);
	for (int i = 0; i < 20 && !vsock_drained(&d.vsock); i++) {
		stream_event(&d.services.out, EPOLLOUT);
		vsock_work(&d.vsock);
		drain_pipe(out[0]);
	}
	if (!vsock_drained(&d.vsock))
		abort();
	driver_close(&d);
	close(config.err);
	close(in[1]);
	close(out[0]);
	return 0;
}
