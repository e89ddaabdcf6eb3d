/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vsock.c runner/vsock_mux.c runner/vsock_conn.c runner/vsock_packet.c runner/virtqueue.c runner/virtio_mmio.c runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/loop.c runner/error.c
 * flags: -Wl,--wrap=poll -Wl,--wrap=__poll_chk
 *
 * A vCPU that waits for the files server while the I/O thread watches the same socket: what happens while it waits
 * happens inside poll(), one interleaving after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/mini_driver.h"

#define SESSIONS 2
#define PORT	 70u /* the guest's, of the first session */

struct fixture {
	struct driver d;
	int server[SESSIONS];
};

/* What happens while the vCPU waits; its result is poll's. */
typedef int meanwhile(struct fixture *f, struct pollfd *poll_fd, nfds_t count);
static meanwhile *hook;
static struct fixture *current;

int __real_poll(struct pollfd *poll_fd, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *poll_fd, nfds_t count, int timeout_ms);
int __wrap___poll_chk(struct pollfd *poll_fd, nfds_t count, int timeout_ms, size_t bytes);

int __wrap_poll(struct pollfd *poll_fd, nfds_t count, int timeout_ms)
{
	meanwhile *now = hook;
	hook = NULL;
	return now ? now(current, poll_fd, count) : __real_poll(poll_fd, count, timeout_ms);
}

int __wrap___poll_chk(struct pollfd *poll_fd, nfds_t count, int timeout_ms, size_t bytes)
{
	assert_true(count * sizeof(*poll_fd) <= bytes);
	return __wrap_poll(poll_fd, count, timeout_ms);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int files[SESSIONS];
	for (int i = 0; i < SESSIONS; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		files[i] = pair[0];
		f->server[i] = pair[1];
	}
	struct services_config config = {.in = -1, .out = -1, .err = -1, .files = files, .files_count = SESSIONS};
	driver_open(&f->d, &config);
	driver_start(&f->d);
	assert_true(driver_connect(&f->d, PORT, WIRE_FILES));
	hook = NULL;
	*state = current = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	driver_close(&f->d);
	for (int i = 0; i < SESSIONS; i++)
		if (f->server[i] >= 0)
			close(f->server[i]);
	free(f);
	return 0;
}

/* ---- who else acts ---- */

static bool one_round(void *context)
{
	return (*(int *)context)++ > 0;
}

/* The I/O thread takes all events that are there. */
static void io_thread(struct fixture *f)
{
	loop_wake(&f->d.loop);
	assert_int_equal(loop_run(&f->d.loop, one_round, &(int){0}, NULL), 0);
}

static void answer(struct fixture *f, int session, const char *text)
{
	assert_int_equal(write(f->server[session], text, strlen(text)), strlen(text));
}

/* The guest sends a request and waits; `now` happens meanwhile. */
static void ask(struct fixture *f, meanwhile *now)
{
	uint32_t queue = VSOCK_TX;
	struct vsock_header header = driver_header(&f->d, VSOCK_OP_RW, PORT, WIRE_FILES, 3);
	driver_queue(&f->d, &header, "ask", 3);
	hook = now;
	assert_false(vsock_write(&f->d.vsock, VIRTIO_MMIO_QUEUE_NOTIFY, &queue, sizeof(queue)));
	vsock_await_files(&f->d.vsock);
	assert_null(hook);
}

static void assert_got(struct fixture *f, uint32_t port, const char *text)
{
	assert_true(driver_expect(&f->d, VSOCK_OP_RW, port, WIRE_FILES));
	assert_int_equal(f->d.header.len, strlen(text));
	assert_memory_equal(f->d.payload, text, strlen(text));
}

static bool has_packet(void *context)
{
	struct driver *d = context;
	return ring_used_idx(&d->ring[VSOCK_RX]) != d->ring[VSOCK_RX].used_seen;
}

static int times_out(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	(void)f, (void)poll_fd, (void)count;
	return 0;
}

static int answered_and_seen_by_the_io_thread(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	answer(f, 0, "answer");
	io_thread(f);
	return __real_poll(poll_fd, count, 1);
}

static int answered_too_late(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	(void)poll_fd, (void)count;
	answer(f, 0, "answer");
	io_thread(f);
	return 0;
}

/* ---- tests ---- */

static void the_answer_is_for_the_vcpu_that_waits(void **state)
{
	struct fixture *f = *state;
	int before = f->d.raised[VSOCK_INLINE];
	io_thread(f);
	for (int i = 0; i < 3; i++) {
		ask(f, answered_and_seen_by_the_io_thread);
		assert_got(f, PORT, "answer");
		assert_false(has_packet(&f->d));
	}
	assert_int_equal(f->d.raised[VSOCK_ASYNC], 0);
	assert_true(f->d.raised[VSOCK_INLINE] >= before + 3);
}

static void an_event_left_to_the_vcpu_outlives_its_time_out(void **state)
{
	struct fixture *f = *state;
	io_thread(f);
	ask(f, answered_too_late);
	assert_got(f, PORT, "answer");
}

static void an_answer_after_the_time_out_comes_by_the_io_thread(void **state)
{
	struct fixture *f = *state;
	io_thread(f);
	ask(f, times_out);
	assert_false(has_packet(&f->d));
	answer(f, 0, "late");
	assert_int_equal(loop_run(&f->d.loop, has_packet, &f->d, NULL), 0);
	assert_got(f, PORT, "late");
	assert_int_equal(f->d.raised[VSOCK_ASYNC], 1);
}

static void what_follows_an_answer_comes_by_the_io_thread(void **state)
{
	struct fixture *f = *state;
	ask(f, answered_and_seen_by_the_io_thread);
	assert_got(f, PORT, "answer");
	answer(f, 0, "more");
	assert_int_equal(loop_run(&f->d.loop, has_packet, &f->d, NULL), 0);
	assert_got(f, PORT, "more");
}

/* The second vCPU gets its answer, and the first waits on. */
static int second_asks(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	ask(f, answered_and_seen_by_the_io_thread);
	assert_got(f, PORT, "answer");
	answer(f, 0, "for the first");
	io_thread(f);
	assert_false(has_packet(&f->d));
	return __real_poll(poll_fd, count, 1);
}

static int second_asks_and_takes_all(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	(void)poll_fd, (void)count;
	ask(f, answered_and_seen_by_the_io_thread);
	return 0;
}

static void several_vcpus_wait_at_once(void **state)
{
	struct fixture *f = *state;
	io_thread(f);
	ask(f, second_asks);
	assert_got(f, PORT, "for the first");
	ask(f, second_asks_and_takes_all);
	assert_got(f, PORT, "answer");
	/* Nobody waits any more. */
	answer(f, 0, "idle");
	io_thread(f);
	assert_got(f, PORT, "idle");
	assert_int_equal(f->d.raised[VSOCK_ASYNC], 1);
}

static int sends_half_and_no_more(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	answer(f, 0, "half");
	shutdown(f->server[0], SHUT_WR);
	io_thread(f);
	return __real_poll(poll_fd, count, 1);
}

static int server_ends(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	close(f->server[0]);
	f->server[0] = -1;
	io_thread(f);
	return __real_poll(poll_fd, count, 1);
}

static void the_guest_hears_of_a_session_that_ends_meanwhile(void **state)
{
	struct fixture *f = *state;
	ask(f, sends_half_and_no_more);
	assert_got(f, PORT, "half");
	assert_true(driver_expect(&f->d, VSOCK_OP_SHUTDOWN, PORT, WIRE_FILES));
	assert_false(has_packet(&f->d));
}

static void the_guest_hears_of_a_server_that_ends_meanwhile(void **state)
{
	struct fixture *f = *state;
	ask(f, server_ends);
	assert_true(driver_expect(&f->d, VSOCK_OP_RST, PORT, WIRE_FILES));
	assert_false(has_packet(&f->d));
}

static int guest_resets_it(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	driver_send(&f->d, VSOCK_OP_RST, PORT, WIRE_FILES, NULL, 0);
	io_thread(f);
	return __real_poll(poll_fd, count, 1);
}

static void a_session_may_be_reset_meanwhile(void **state)
{
	struct fixture *f = *state;
	ask(f, guest_resets_it);
	assert_false(has_packet(&f->d));
	assert_int_equal(f->d.vsock.watch[SERVICE_FILES][0].awaiting, 0);
}

/* The vCPU that waits has not heard of the second session. */
static int second_session_begins(struct fixture *f, struct pollfd *poll_fd, nfds_t count)
{
	(void)poll_fd, (void)count;
	assert_true(driver_connect(&f->d, PORT + 1, WIRE_FILES));
	answer(f, 1, "second");
	io_thread(f);
	assert_got(f, PORT + 1, "second");
	return 0;
}

static void a_session_that_begins_meanwhile_is_the_io_threads(void **state)
{
	struct fixture *f = *state;
	io_thread(f);
	ask(f, second_session_begins);
	assert_false(has_packet(&f->d));
}

static bool all_written(void *context)
{
	return !((struct driver *)context)->services.files_out[0].pending;
}

static void what_the_socket_does_not_take_is_written_later(void **state)
{
	struct fixture *f = *state;
	static char chunk[16384];
	size_t sent = 0, got = 0;
	io_thread(f);
	while (!f->d.services.files_out[0].pending) {
		for (size_t i = 0; i < sizeof(chunk); i++)
			chunk[i] = (char)((sent + i) / 251);
		driver_send(&f->d, VSOCK_OP_RW, PORT, WIRE_FILES, chunk, sizeof(chunk));
		sent += sizeof(chunk);
		assert_true(sent < 64u << 20);
	}
	for (bool emptied = false; got < sent;) {
		ssize_t n = recv(f->server[0], chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0) {
			assert_false(emptied); /* it has written the rest, once there was room */
			assert_int_equal(loop_run(&f->d.loop, all_written, &f->d, NULL), 0);
			emptied = true;
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(chunk[i], (char)((got + (size_t)i) / 251));
		got += (size_t)n;
	}
	while (driver_receive(&f->d))
		assert_int_equal(f->d.header.op, VSOCK_OP_CREDIT_UPDATE);
	io_thread(f);
	ask(f, answered_and_seen_by_the_io_thread);
	assert_got(f, PORT, "answer");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(the_answer_is_for_the_vcpu_that_waits),
	    T(an_event_left_to_the_vcpu_outlives_its_time_out),
	    T(an_answer_after_the_time_out_comes_by_the_io_thread),
	    T(what_follows_an_answer_comes_by_the_io_thread),
	    T(several_vcpus_wait_at_once),
	    T(the_guest_hears_of_a_session_that_ends_meanwhile),
	    T(the_guest_hears_of_a_server_that_ends_meanwhile),
	    T(a_session_may_be_reset_meanwhile),
	    T(a_session_that_begins_meanwhile_is_the_io_threads),
	    T(what_the_socket_does_not_take_is_written_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
