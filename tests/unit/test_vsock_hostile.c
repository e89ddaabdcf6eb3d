/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock.c runner/vsock_mux.c runner/vsock_conn.c runner/vsock_packet.c runner/virtqueue.c runner/virtio_mmio.c runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/loop.c runner/error.c
 *
 * The whole vsock device with a driver that breaks rules: it costs the driver its connection or its device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#include "tests/unit/vsock_fixture.h"

static void credit_abuse_resets_the_connection(void **state)
{
	struct fixture *f = *state;
	static uint8_t chunk[200000];
	fcntl(f->out[0], F_SETPIPE_SZ, 4096);
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, chunk, sizeof(chunk));
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, chunk, sizeof(chunk));
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT));
	assert_true(f->d.vsock.mux.violations > 0);
}

static void unknown_ports_and_second_connections_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	static const uint32_t bad[] = {0, 22, 1023, 1029, 0xffffffff, WIRE_STDOUT};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		driver_send(&f->d, VSOCK_OP_REQUEST, 70, bad[i], NULL, 0);
		assert_true(driver_expect(&f->d, VSOCK_OP_RST, 70, bad[i]));
	}
	/* A closed one-shot service stays closed. */
	driver_send(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT, NULL, 0);
	driver_send(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, NULL, 0);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT));
}

static void wrong_cids_types_and_operations_are_reset(void **state)
{
	struct fixture *f = *state;
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, 0);
	header.src_cid = 99;
	driver_queue(&f->d, &header, NULL, 0);
	header = driver_header(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, 0);
	header.dst_cid = 4;
	driver_queue(&f->d, &header, NULL, 0);
	header = driver_header(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, 0);
	header.type = 2;
	driver_queue(&f->d, &header, NULL, 0);
	header = driver_header(&f->d, 77, 50, WIRE_STDOUT, 0);
	driver_queue(&f->d, &header, NULL, 0);
	header = driver_header(&f->d, VSOCK_OP_RST, 50, WIRE_STDOUT, 0); /* never answered */
	driver_queue(&f->d, &header, NULL, 0);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	for (int i = 0; i < 4; i++) {
		assert_true(driver_receive(&f->d));
		assert_int_equal(f->d.header.op, VSOCK_OP_RST);
		assert_int_equal(f->d.header.dst_port, 50);
	}
	assert_false(driver_receive(&f->d));
	/* An unknown operation on a connection costs the connection. */
	assert_true(driver_connect(&f->d, 51, WIRE_STDOUT));
	driver_send(&f->d, 77, 51, WIRE_STDOUT, NULL, 0);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 51, WIRE_STDOUT));
}

static void malformed_packets_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct ring *tx = &f->d.ring[VSOCK_TX];
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, 5);
	driver_queue(&f->d, &header, "abc", 3); /* less than the header says */
	header.len = 2;
	driver_queue(&f->d, &header, "abc", 3); /* more */
	header.len = 0xffffffff;
	driver_queue(&f->d, &header, "abc", 3);
	ring_set(tx, 100, DRIVER_TX, 43, 0, 0); /* shorter than a header */
	ring_offer(tx, 100);
	header.len = 2;
	driver_queue(&f->d, &header, "ok", 2);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	assert_reads(f->out[0], "ok");
	assert_int_equal(f->d.vsock.mux.violations, 4);
	assert_int_equal(ring_used_idx(tx), 6);
}

static void broken_ring_asks_for_a_reset_and_stops(void **state)
{
	struct fixture *f = *state;
	uint32_t value = 0;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	ring_offer(&f->d.ring[VSOCK_TX], 999);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	vsock_read(&f->d.vsock, VIRTIO_MMIO_STATUS, &value, 4);
	assert_true(value & VIRTIO_NEEDS_RESET);
	driver_send(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, "x", 1);
	fcntl(f->out[0], F_SETFL, O_NONBLOCK);
	char byte;
	assert_true(read(f->out[0], &byte, 1) <= 0);
}

static void writable_transmit_chain_breaks(void **state)
{
	struct fixture *f = *state;
	uint32_t value = 0;
	ring_set(&f->d.ring[VSOCK_TX], 9, DRIVER_TX, 64, RING_F_WRITE, 0);
	ring_offer(&f->d.ring[VSOCK_TX], 9);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	vsock_read(&f->d.vsock, VIRTIO_MMIO_STATUS, &value, 4);
	assert_true(value & VIRTIO_NEEDS_RESET);
}

static void readable_receive_chain_breaks(void **state)
{
	struct fixture *f = *state;
	struct ring *rx = &f->d.ring[VSOCK_RX];
	uint32_t value = 0;
	rx->avail_idx = 0;
	ring_avail(rx)[1] = 0;
	ring_set(rx, 0, DRIVER_RX_DATA, 64, RING_F_NEXT, 1);
	ring_set(rx, 1, DRIVER_RX_DATA, 6400, RING_F_WRITE, 1);
	ring_offer(rx, 0);
	driver_send(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, NULL, 0);
	vsock_read(&f->d.vsock, VIRTIO_MMIO_STATUS, &value, 4);
	assert_true(value & VIRTIO_NEEDS_RESET);
}

static void receive_chain_without_room_breaks(void **state)
{
	struct fixture *f = *state;
	struct ring *rx = &f->d.ring[VSOCK_RX];
	uint32_t value = 0;
	rx->avail_idx = 0;
	ring_avail(rx)[1] = 0;
	ring_set(rx, 0, DRIVER_RX_DATA, VSOCK_HEADER_BYTES, RING_F_WRITE, 0);
	ring_offer(rx, 0);
	driver_send(&f->d, VSOCK_OP_REQUEST, 50, WIRE_STDOUT, NULL, 0);
	vsock_read(&f->d.vsock, VIRTIO_MMIO_STATUS, &value, 4);
	assert_true(value & VIRTIO_NEEDS_RESET);
}

static void floods_of_refused_packets_wait_for_receive_buffers(void **state)
{
	struct fixture *f = *state;
	int resets = 0;
	for (int round = 0; round < 50; round++) {
		struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, (uint32_t)round, 9, 0);
		for (int i = 0; i < 4; i++)
			driver_queue(&f->d, &header, NULL, 0);
		vsock_notify(&f->d.vsock, VSOCK_TX);
	}
	assert_true(ring_used_idx(&f->d.ring[VSOCK_TX]) < 200);
	for (int i = 0; i < 100; i++) {
		while (driver_receive(&f->d))
			resets++;
		vsock_notify(&f->d.vsock, VSOCK_RX);
	}
	assert_int_equal(resets, 200);
	assert_int_equal(ring_used_idx(&f->d.ring[VSOCK_TX]), 200);
}

static void reset_in_flight_drops_connections(void **state)
{
	struct fixture *f = *state;
	uint32_t zero = 0, value = 1;
	assert_true(driver_connect(&f->d, 50, WIRE_STDOUT));
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, 50, WIRE_STDOUT, 1);
	driver_queue(&f->d, &header, "x", 1);
	vsock_write(&f->d.vsock, VIRTIO_MMIO_STATUS, &zero, 4);
	vsock_read(&f->d.vsock, VIRTIO_MMIO_STATUS, &value, 4);
	assert_int_equal(value, 0);
	vsock_notify(&f->d.vsock, VSOCK_TX);
	vsock_work(&f->d.vsock);
	char byte;
	assert_int_equal(read(f->out[0], &byte, 1), 0); /* the service is over, nothing was written */
}

static void broken_control_protocol_resets(void **state)
{
	struct fixture *f = *state;
	struct control_report report;
	const uint32_t frame[] = {WIRE_FAIL, 0x7fffffff};
	assert_true(driver_connect(&f->d, 40, WIRE_CONTROL));
	driver_receive(&f->d);
	driver_send(&f->d, VSOCK_OP_RW, 40, WIRE_CONTROL, frame, sizeof(frame));
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, 40, WIRE_CONTROL));
	vsock_report(&f->d.vsock, &report);
	assert_int_equal(report.state, CONTROL_BROKEN);
	assert_non_null(report.broken);
}

static bool all_chains_used(void *context)
{
	return ring_used_idx(&((struct driver *)context)->ring[VSOCK_RX]) == 100;
}

static void work_is_bounded_and_goes_on_by_itself(void **state)
{
	struct fixture *f = *state;
	struct ring *rx = &f->d.ring[VSOCK_RX];
	rx->avail_idx = 0;
	ring_avail(rx)[1] = 0;
	for (uint16_t i = 0; i < 100; i++) { /* 100 MiB of room, by using the same memory again and again */
		ring_set(rx, 2 * i, DRIVER_RX_HEADERS, VSOCK_HEADER_BYTES, RING_F_WRITE | RING_F_NEXT, 2 * i + 1);
		ring_set(rx, 2 * i + 1, DRIVER_RX_DATA, 1u << 20, RING_F_WRITE, 0);
		ring_offer(rx, 2 * i);
	}
	close(f->d.services.in.fd);
	close(f->d.services.in.original);
	f->d.services.in =
	    (struct stream){.fd = open("/dev/zero", O_RDONLY), .original = -1, .mode = STREAM_FILE, .ready = true};
	f->d.buffer = 0x7fffffff;
	driver_send(&f->d, VSOCK_OP_REQUEST, 60, WIRE_STDIN, NULL, 0);
	assert_true(ring_used_idx(rx) > 1);
	assert_true(ring_used_idx(rx) < 50);
	run_until(&f->d, all_chains_used);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(credit_abuse_resets_the_connection),
	    T(unknown_ports_and_second_connections_are_refused),
	    T(wrong_cids_types_and_operations_are_reset),
	    T(malformed_packets_are_dropped),
	    T(broken_ring_asks_for_a_reset_and_stops),
	    T(writable_transmit_chain_breaks),
	    T(readable_receive_chain_breaks),
	    T(receive_chain_without_room_breaks),
	    T(floods_of_refused_packets_wait_for_receive_buffers),
	    T(reset_in_flight_drops_connections),
	    T(broken_control_protocol_resets),
	    T(work_is_bounded_and_goes_on_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
