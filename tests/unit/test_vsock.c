/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock.c runner/vsock_mux.c runner/vsock_conn.c runner/vsock_packet.c runner/virtqueue.c runner/virtio_mmio.c runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/loop.c runner/error.c
 *
 * The whole vsock device with a driver that keeps the rules: streams, credit, half-closes, image, control.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/unit/vsock_fixture.h"

static void output_reaches_the_pipe_in_the_same_notification(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, "hello", 5);
	assert_reads(f->out[0], "hello");
	assert_int_equal(ring_used_idx(&f->d.ring[VSOCK_TX]), 2);
	assert_int_equal(f->d.raised[VSOCK_INLINE], 2);
	assert_int_equal(f->d.raised[VSOCK_ASYNC], 0);
}

static void header_may_be_split_over_descriptors(void **state)
{
	struct fixture *f = *state;
	struct ring *tx = &f->d.ring[VSOCK_TX];
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, 6);
	uint8_t *at = f->d.memory.base + DRIVER_TX;
	memcpy(at, &header, 10);
	memcpy(at + 0x1003, (uint8_t *)&header + 10, 34);
	memcpy(at + 0x1003 + 34, "abc", 3);
	memcpy(at + 0x2001, "def", 3);
	ring_set(tx, 100, DRIVER_TX, 10, RING_F_NEXT, 101);
	ring_set(tx, 101, DRIVER_TX + 0x1003, 37, RING_F_NEXT, 102);
	ring_set(tx, 102, DRIVER_TX + 0x2001, 3, 0, 0);
	ring_offer(tx, 100);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	assert_reads(f->out[0], "abcdef");
}

static void receive_header_may_be_split_over_descriptors(void **state)
{
	struct fixture *f = *state;
	struct ring *rx = &f->d.ring[VSOCK_RX];
	rx->avail_idx = 0;
	ring_avail(rx)[1] = 0;
	ring_set(rx, 0, DRIVER_RX_DATA, 20, RING_F_WRITE | RING_F_NEXT, 1);
	ring_set(rx, 1, DRIVER_RX_DATA + 0x1000, 20, RING_F_WRITE | RING_F_NEXT, 2);
	ring_set(rx, 2, DRIVER_RX_DATA + 0x2000, 14, RING_F_WRITE | RING_F_NEXT, 3);
	ring_set(rx, 3, DRIVER_RX_DATA + 0x3000, 100, RING_F_WRITE, 3);
	ring_set(rx, 4, DRIVER_RX_HEADERS, 60, RING_F_WRITE, 0);
	ring_offer(rx, 4); /* the response */
	ring_offer(rx, 0);
	assert_int_equal(write(f->in[1], "0123456789abcdefghij", 20), 20);
	driver_send(&f->d, VSOCK_OP_REQUEST, 60, WIRE_STDIN, NULL, 0);
	assert_int_equal(ring_used_idx(rx), 2);
	assert_int_equal(ring_used_elem(rx, 1).len, 64);
	const uint8_t *at = f->d.memory.base + DRIVER_RX_DATA;
	struct vsock_header header;
	memcpy(&header, at, 20);
	memcpy((uint8_t *)&header + 20, at + 0x1000, 20);
	memcpy((uint8_t *)&header + 40, at + 0x2000, 4);
	assert_int_equal(header.op, VSOCK_OP_RW);
	assert_int_equal(header.len, 20);
	assert_memory_equal(at + 0x2004, "0123456789", 10);
	assert_memory_equal(at + 0x3000, "abcdefghij", 10);
}

static void input_waits_for_the_connection(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(write(f->in[1], "typed", 5), 5);
	vsock_work(&f->d.vsock);
	assert_false(driver_receive(&f->d));
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 60, WIRE_STDIN));
	assert_int_equal(f->d.header.len, 5);
	assert_memory_equal(f->d.payload, "typed", 5);
}

static void input_that_comes_later_raises_asynchronously(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	int before = f->d.raised[VSOCK_ASYNC];
	assert_int_equal(write(f->in[1], "later", 5), 5);
	run_until(&f->d, has_packet);
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 60, WIRE_STDIN));
	assert_memory_equal(f->d.payload, "later", 5);
	assert_true(f->d.raised[VSOCK_ASYNC] > before);
}

static void end_of_input_is_a_half_close(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(write(f->in[1], "x", 1), 1);
	close_end(&f->in[1]);
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 60, WIRE_STDIN));
	assert_true(driver_expect(&f->d, VSOCK_OP_SHUTDOWN, 60, WIRE_STDIN));
	assert_int_equal(f->d.header.flags, VSOCK_SHUTDOWN_SEND);
	assert_false(driver_receive(&f->d));
	driver_send_flags(&f->d, VSOCK_OP_SHUTDOWN, 60, WIRE_STDIN, VSOCK_SHUTDOWN_BOTH);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 60, WIRE_STDIN));
}

static void input_stays_with_the_caller_beyond_the_credit(void **state)
{
	struct fixture *f = *state;
	f->d.buffer = 10;
	assert_int_equal(write(f->in[1], "0123456789rest", 14), 14);
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 60, WIRE_STDIN));
	assert_int_equal(f->d.header.len, 10);
	assert_false(driver_receive(&f->d));
	f->d.forwarded = 3;
	driver_send(&f->d, VSOCK_OP_CREDIT_UPDATE, 60, WIRE_STDIN, NULL, 0);
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 60, WIRE_STDIN));
	assert_memory_equal(f->d.payload, "res", 3);
}

static void guest_closing_input_gives_the_writer_epipe(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	driver_send_flags(&f->d, VSOCK_OP_SHUTDOWN, 60, WIRE_STDIN, VSOCK_SHUTDOWN_RECEIVE);
	assert_int_equal(write(f->in[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
}

static void guest_closing_output_ends_the_reader(void **state)
{
	struct fixture *f = *state;
	char byte;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, "last", 4);
	driver_send_flags(&f->d, VSOCK_OP_SHUTDOWN, 50, WIRE_STDOUT, VSOCK_SHUTDOWN_BOTH);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT));
	assert_reads(f->out[0], "last");
	assert_int_equal(read(f->out[0], &byte, 1), 0);
}

static void reader_gone_resets_a_writing_guest(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	close_end(&f->out[0]);
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, "x", 1);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT));
	assert_int_equal(vsock_stream_error(&f->d.vsock, SERVICE_STDOUT), EPIPE);
	assert_true(vsock_drained(&f->d.vsock));
}

static void reader_gone_resets_an_idle_guest(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	close_end(&f->out[0]);
	run_until(&f->d, has_packet);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT));
}

static void full_pipe_buffers_and_withholds_credit(void **state)
{
	struct fixture *f = *state;
	static uint8_t chunk[32768];
	size_t sent = 0, got = 0;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	/* Send as much as the credit allows. */
	uint32_t credit = f->d.header.buf_alloc, forwarded = 0;
	while ((uint32_t)(sent - forwarded) + sizeof(chunk) <= credit) {
		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = (uint8_t)((sent + i) / 251);
		driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, chunk, sizeof(chunk));
		sent += sizeof(chunk);
		while (driver_receive(&f->d)) {
			assert_int_equal(f->d.header.op, VSOCK_OP_CREDIT_UPDATE);
			forwarded = f->d.header.fwd_cnt;
		}
	}
	assert_true(sent >= VSOCK_BUFFER_BYTES);
	assert_false(vsock_drained(&f->d.vsock));
	while (got < sent) {
		static uint8_t back[10000];
		ssize_t n = read(f->out[0], back, sizeof(back));
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(back[i], (uint8_t)((got + (size_t)i) / 251));
		got += (size_t)n;
		/* The pipe was full and has room now: the loop hears of it and writes on. */
		pending_before = f->d.services.out.pending;
		if (pending_before)
			run_until(&f->d, pending_has_shrunk);
	}
	assert_true(vsock_drained(&f->d.vsock));
}

static void buffered_output_is_written_after_the_guest_has_ended(void **state)
{
	struct fixture *f = *state;
	static uint8_t chunk[65536];
	fcntl(f->out[0], F_SETPIPE_SZ, 4096);
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	memset(chunk, 'z', sizeof(chunk));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, chunk, sizeof(chunk));
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, 3);
	driver_queue(&f->d, &header, "end", 3); /* the guest powered off before it notified */
	vsock_finish(&f->d.vsock);
	assert_false(vsock_drained(&f->d.vsock));
	pid_t child = fork();
	if (child == 0) {
		size_t total = 0;
		ssize_t n;
		char last[3] = {0};
		alarm(20);
		close(f->out[1]);
		while ((n = read(f->out[0], chunk, sizeof(chunk))) > 0) {
			total += (size_t)n;
			if (n >= 3)
				memcpy(last, chunk + n - 3, 3);
			if (total == sizeof(chunk) + 3)
				break;
		}
		_exit(total == sizeof(chunk) + 3 ? 0 : 1);
	}
	run_until(&f->d, is_drained);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void missing_receive_buffers_are_asked_for(void **state)
{
	struct fixture *f = *state;
	struct ring *rx = &f->d.ring[VSOCK_RX];
	assert_int_equal(ring_used(rx)[0], 1); /* no notification wanted while buffers are there */
	rx->avail_idx = 0;
	ring_avail(rx)[1] = 0;
	driver_send(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, NULL, 0);
	assert_int_equal(ring_used_idx(rx), 0);
	assert_int_equal(ring_used(rx)[0], 0);
	driver_post(&f->d, 0);
	vsock_notify(&f->d.vsock, VSOCK_RX);
	assert_true(driver_expect(&f->d, VSOCK_OP_RESPONSE, 50, WIRE_STDOUT));
	assert_int_equal(ring_used(rx)[0], 1);
}

/* What a stock driver does, register by register. */
static void stock_driver_sets_the_device_up(void **state)
{
	struct fixture *f = *state;
	struct vsock *v = &f->d.vsock;
	uint32_t value;
	uint64_t cid;
#define WRITE(reg, val) (value = (val), vsock_write(v, reg, &value, 4))
#define READ(reg)	(vsock_read(v, reg, &value, 4), value)
	assert_int_equal(READ(VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_VSOCK);
	WRITE(VIRTIO_MMIO_STATUS, 0);
	WRITE(VIRTIO_MMIO_STATUS, 1);
	WRITE(VIRTIO_MMIO_STATUS, 3);
	WRITE(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	WRITE(VIRTIO_MMIO_DRIVER_FEATURES, 1);
	WRITE(VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(READ(VIRTIO_MMIO_STATUS), 11);
	vsock_read(v, VIRTIO_MMIO_CONFIG, &cid, 8);
	assert_int_equal(cid, WIRE_GUEST_CID);
	for (uint32_t q = 0; q < VSOCK_QUEUES; q++) {
		WRITE(VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(READ(VIRTIO_MMIO_QUEUE_NUM_MAX), VSOCK_QUEUE_SIZE);
		WRITE(VIRTIO_MMIO_QUEUE_NUM, VSOCK_QUEUE_SIZE);
		WRITE(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)f->d.queue[q].desc);
		WRITE(VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)f->d.queue[q].driver);
		WRITE(VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)f->d.queue[q].device);
		WRITE(VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(READ(VIRTIO_MMIO_QUEUE_READY), 1);
	}
	WRITE(VIRTIO_MMIO_STATUS, 15);
	for (uint16_t i = 0; i < DRIVER_RX_CHAINS; i++)
		driver_post(&f->d, i);
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, "stock", 5);
	assert_reads(f->out[0], "stock");
	assert_int_equal(READ(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INTERRUPT_USED);
	WRITE(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_USED);
	assert_int_equal(READ(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

static void job_signals_and_reports_travel_over_control(void **state)
{
	struct fixture *f = *state;
	struct control_report report;
	assert_true(driver_connect(&f->d, 40, WIRE_CONTROL));
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL));
	assert_int_equal(f->d.header.len, sizeof(job));
	assert_memory_equal(f->d.payload, &job, sizeof(job));
	assert_int_equal(vsock_signal(&f->d.vsock, SIGTERM), 0);
	assert_int_equal(vsock_signal(&f->d.vsock, 65), -1);
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL));
	const uint32_t frame[] = {WIRE_SIGNAL, 4, SIGTERM};
	assert_int_equal(f->d.header.len, sizeof(frame));
	assert_memory_equal(f->d.payload, frame, sizeof(frame));

	struct {
		struct wire_frame started, head;
		struct wire_exit exit;
	} message = {{WIRE_STARTED, 0}, {WIRE_EXIT, sizeof(struct wire_exit)}, {.end = WIRE_END_EXITED, .code = 42}};
	driver_send(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL, &message, 5);
	assert_int_equal(f->d.reports, 0);
	driver_send(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL, (uint8_t *)&message + 5, sizeof(message) - 5);
	assert_int_equal(f->d.reports, 1);
	vsock_report(&f->d.vsock, &report);
	assert_int_equal(report.state, CONTROL_EXITED);
	assert_true(report.started);
	assert_int_equal(report.exit.code, 42);
}

static void connection_without_data_leaves_the_whole_room_to_the_next(void **state)
{
	struct fixture *f = *state;
	f->d.buffer = 10;
	assert_true(driver_connect(&f->d, 60, WIRE_STDIN));
	f->d.buffer = DRIVER_BUFFER;
	assert_true(driver_connect(&f->d, 40, WIRE_CONTROL));
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL));
	for (uint32_t signo = 1; signo <= 2; signo++) {
		f->d.services.in.ready = true; /* as after an event of which nothing came */
		f->d.vsock.mux.turn = 0;
		assert_int_equal(vsock_signal(&f->d.vsock, signo), 0);
		assert_true(driver_expect(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL));
		assert_int_equal(f->d.header.len, 12);
	}
}

/* Connects to an image of two files of which the larger one has 70,000 bytes; the guest's buffer has `buffer` bytes. */
static void connect_image(struct fixture *f, uint32_t buffer)
{
	struct image_file *files = f->files;
	for (int i = 0; i < 2; i++) {
		files[i] = (struct image_file){.fd = memfd_create("image", MFD_CLOEXEC), .size = i ? 70000 : 100};
		assert_int_equal(ftruncate(files[i].fd, (off_t)files[i].size), 0);
		assert_int_equal(pwrite(files[i].fd, i ? "second" : "first", 5, 0), 5);
	}
	image_stream_init(&f->d.services.image, files, 2);
	f->d.buffer = buffer;
	assert_true(driver_connect(&f->d, 30, WIRE_IMAGE));
}

static void image_comes_in_whole_pages(void **state)
{
	struct fixture *f = *state;
	const uint32_t pages = 1 + 18;
	uint32_t total = 0;
	connect_image(f, 10000);
	while (driver_receive(&f->d) && f->d.header.op == VSOCK_OP_RW) {
		assert_int_equal(f->d.header.len, pages * 4096 - total > 8192 ? 8192 : pages * 4096 - total);
		if (total == 0)
			assert_memory_equal(f->d.payload + 4096, "secon", 5);
		total += f->d.header.len;
		if (total == pages * 4096)
			continue;
		/* Credit for less than a page brings nothing. */
		f->d.forwarded = total - f->d.header.len + 2000;
		driver_send(&f->d, VSOCK_OP_CREDIT_UPDATE, 30, WIRE_IMAGE, NULL, 0);
		assert_false(driver_receive(&f->d));
		f->d.forwarded = total;
		driver_send(&f->d, VSOCK_OP_CREDIT_UPDATE, 30, WIRE_IMAGE, NULL, 0);
	}
	assert_int_equal(total, pages * 4096);
	assert_int_equal(f->d.header.op, VSOCK_OP_SHUTDOWN);
}

static void image_goes_even_to_a_tiny_buffer(void **state)
{
	struct fixture *f = *state;
	connect_image(f, 100);
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, 30, WIRE_IMAGE));
	assert_int_equal(f->d.header.len, 100);
	assert_memory_equal(f->d.payload, "first", 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(output_reaches_the_pipe_in_the_same_notification),
	    T(header_may_be_split_over_descriptors),
	    T(receive_header_may_be_split_over_descriptors),
	    T(input_waits_for_the_connection),
	    T(input_that_comes_later_raises_asynchronously),
	    T(end_of_input_is_a_half_close),
	    T(input_stays_with_the_caller_beyond_the_credit),
	    T(guest_closing_input_gives_the_writer_epipe),
	    T(guest_closing_output_ends_the_reader),
	    T(reader_gone_resets_a_writing_guest),
	    T(reader_gone_resets_an_idle_guest),
	    T(full_pipe_buffers_and_withholds_credit),
	    T(buffered_output_is_written_after_the_guest_has_ended),
	    T(missing_receive_buffers_are_asked_for),
	    cmocka_unit_test_setup_teardown(stock_driver_sets_the_device_up, setup_device, teardown),
	    T(job_signals_and_reports_travel_over_control),
	    T(connection_without_data_leaves_the_whole_room_to_the_next),
	    T(image_comes_in_whole_pages),
	    T(image_goes_even_to_a_tiny_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
