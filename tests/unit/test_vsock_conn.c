/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock_conn.c
 *
 * Connection states and credit in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runner/vsock_conn.h"

static struct vsock_conn conn;
static struct vsock_header out;

static struct vsock_header packet(uint16_t op, uint32_t len)
{
	return (struct vsock_header){.src_port = 7, .dst_port = 1027, .op = op, .len = len, .buf_alloc = 1000};
}

static enum vsock_event receive(uint16_t op, uint32_t len)
{
	struct vsock_header header = packet(op, len);
	return vsock_conn_receive(&conn, &header);
}

static int setup(void **state)
{
	(void)state;
	struct vsock_header header = packet(VSOCK_OP_REQUEST, 0);
	vsock_conn_open(&conn, &header, 3);
	return 0;
}

static void answer_is(uint16_t op)
{
	assert_true(vsock_conn_owes(&conn));
	vsock_conn_answer(&conn, &out);
	assert_int_equal(out.op, op);
	assert_int_equal(out.src_port, 1027);
	assert_int_equal(out.dst_port, 7);
}

static void request_is_answered_before_data_flows(void **state)
{
	(void)state;
	assert_int_equal(vsock_conn_credit(&conn), 0);
	answer_is(VSOCK_OP_RESPONSE);
	assert_int_equal(out.buf_alloc, VSOCK_BUFFER_BYTES);
	assert_false(vsock_conn_owes(&conn));
	assert_int_equal(vsock_conn_credit(&conn), 1000);
}

static void credit_shrinks_by_what_is_sent_and_grows_by_what_is_forwarded(void **state)
{
	(void)state;
	answer_is(VSOCK_OP_RESPONSE);
	vsock_conn_data(&conn, &out, 900);
	assert_int_equal(vsock_conn_credit(&conn), 100);
	struct vsock_header header = packet(VSOCK_OP_CREDIT_UPDATE, 0);
	header.fwd_cnt = 500;
	vsock_conn_receive(&conn, &header);
	assert_int_equal(vsock_conn_credit(&conn), 600);
	/* Back to an older count, or ahead of what was sent: left alone. */
	header.fwd_cnt = 400;
	vsock_conn_receive(&conn, &header);
	assert_int_equal(vsock_conn_credit(&conn), 600);
	header.fwd_cnt = 901;
	vsock_conn_receive(&conn, &header);
	assert_int_equal(vsock_conn_credit(&conn), 600);
	/* A buffer that became smaller than what is under way. */
	header.buf_alloc = 100;
	header.fwd_cnt = 500;
	vsock_conn_receive(&conn, &header);
	assert_int_equal(vsock_conn_credit(&conn), 0);
}

static void counters_wrap(void **state)
{
	(void)state;
	answer_is(VSOCK_OP_RESPONSE);
	conn.sent = conn.guest_forwarded = 0xfffffff0;
	vsock_conn_data(&conn, &out, 100);
	assert_int_equal(vsock_conn_credit(&conn), 900);
	struct vsock_header header = packet(VSOCK_OP_CREDIT_UPDATE, 0);
	header.fwd_cnt = 0x54;
	vsock_conn_receive(&conn, &header);
	assert_int_equal(vsock_conn_credit(&conn), 1000);
	conn.received = conn.forwarded = conn.announced = 0xfffffff0;
	assert_int_equal(receive(VSOCK_OP_RW, VSOCK_BUFFER_BYTES), VSOCK_DATA);
	assert_int_equal(receive(VSOCK_OP_RW, 1), VSOCK_VIOLATED);
}

static void data_up_to_the_buffer_and_no_more(void **state)
{
	(void)state;
	answer_is(VSOCK_OP_RESPONSE);
	assert_int_equal(receive(VSOCK_OP_RW, VSOCK_BUFFER_BYTES - 1), VSOCK_DATA);
	assert_int_equal(receive(VSOCK_OP_RW, 1), VSOCK_DATA);
	assert_int_equal(receive(VSOCK_OP_RW, 0), VSOCK_DATA);
	vsock_conn_forwarded(&conn, 10);
	assert_int_equal(receive(VSOCK_OP_RW, 11), VSOCK_VIOLATED);
	answer_is(VSOCK_OP_RST);
	assert_int_equal(conn.state, VSOCK_FREE);
	assert_false(vsock_conn_owes(&conn));
}

static void credit_is_announced_when_half_is_unknown(void **state)
{
	(void)state;
	answer_is(VSOCK_OP_RESPONSE);
	receive(VSOCK_OP_RW, VSOCK_BUFFER_BYTES);
	vsock_conn_forwarded(&conn, VSOCK_BUFFER_BYTES / 2 - 1);
	assert_false(vsock_conn_owes(&conn));
	vsock_conn_forwarded(&conn, 1);
	answer_is(VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(out.fwd_cnt, VSOCK_BUFFER_BYTES / 2);
	assert_false(vsock_conn_owes(&conn));
	assert_int_equal(receive(VSOCK_OP_CREDIT_REQUEST, 0), VSOCK_IGNORE);
	answer_is(VSOCK_OP_CREDIT_UPDATE);
}

static void half_closes_add_up(void **state)
{
	(void)state;
	struct vsock_header header = packet(VSOCK_OP_SHUTDOWN, 0);
	answer_is(VSOCK_OP_RESPONSE);
	header.flags = VSOCK_SHUTDOWN_RECEIVE;
	assert_int_equal(vsock_conn_receive(&conn, &header), VSOCK_HALF);
	assert_int_equal(vsock_conn_receive(&conn, &header), VSOCK_IGNORE);
	assert_int_equal(vsock_conn_credit(&conn), 0);
	assert_int_equal(receive(VSOCK_OP_RW, 5), VSOCK_DATA);
	header.flags = 0xfffffffc | VSOCK_SHUTDOWN_SEND;
	assert_int_equal(vsock_conn_receive(&conn, &header), VSOCK_CLOSE);
	assert_int_equal(receive(VSOCK_OP_RW, 5), VSOCK_IGNORE);
	answer_is(VSOCK_OP_RST);
}

static void data_after_a_half_close_is_a_violation(void **state)
{
	(void)state;
	struct vsock_header header = packet(VSOCK_OP_SHUTDOWN, 0);
	header.flags = VSOCK_SHUTDOWN_SEND;
	assert_int_equal(vsock_conn_receive(&conn, &header), VSOCK_HALF);
	assert_int_equal(receive(VSOCK_OP_RW, 1), VSOCK_VIOLATED);
}

static void end_of_data_is_announced_once(void **state)
{
	(void)state;
	answer_is(VSOCK_OP_RESPONSE);
	vsock_conn_shutdown(&conn, VSOCK_SHUTDOWN_SEND);
	assert_int_equal(vsock_conn_credit(&conn), 0);
	answer_is(VSOCK_OP_SHUTDOWN);
	assert_int_equal(out.flags, VSOCK_SHUTDOWN_SEND);
	vsock_conn_shutdown(&conn, VSOCK_SHUTDOWN_SEND);
	assert_false(vsock_conn_owes(&conn));
	assert_int_equal(vsock_conn_credit(&conn), 0);
}

static void reset_frees_without_an_answer(void **state)
{
	(void)state;
	assert_int_equal(receive(VSOCK_OP_RST, 0), VSOCK_GONE);
	assert_int_equal(conn.state, VSOCK_FREE);
	assert_false(vsock_conn_owes(&conn));
}

static void operations_out_of_place_are_violations(void **state)
{
	static const uint16_t bad[] = {VSOCK_OP_INVALID, VSOCK_OP_REQUEST, VSOCK_OP_RESPONSE, 8, 0xffff};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		assert_int_equal(receive(bad[i], 0), VSOCK_VIOLATED);
		answer_is(VSOCK_OP_RST);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
	    T(request_is_answered_before_data_flows),
	    T(credit_shrinks_by_what_is_sent_and_grows_by_what_is_forwarded),
	    T(counters_wrap),
	    T(data_up_to_the_buffer_and_no_more),
	    T(credit_is_announced_when_half_is_unknown),
	    T(half_closes_add_up),
	    T(data_after_a_half_close_is_a_violation),
	    T(end_of_data_is_announced_once),
	    T(reset_frees_without_an_answer),
	    T(operations_out_of_place_are_violations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
