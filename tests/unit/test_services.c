/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/services.c runner/dax.c runner/lent.c runner/stream.c runner/image_stream.c runner/wire_control.c runner/vsock_packet.c runner/error.c
 *
 * Host services: one-shot ports, the image stream, the control protocol.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/services.h"

static struct services services;

static void open_services(const struct services_config *config)
{
	static const uint8_t no_job[1];
	struct services_config full = *config;
	if (!full.job)
		full.job = no_job;
	assert_int_equal(services_init(&services, &full, NULL), 0);
}

static struct spans spans_of(struct iovec *iov, void *data, size_t bytes)
{
	*iov = (struct iovec){.iov_base = data, .iov_len = bytes};
	return (struct spans){.iov = iov, .count = 1, .bytes = bytes};
}

static ssize_t pull(int service, void *data, size_t bytes)
{
	struct iovec iov;
	struct spans spans = spans_of(&iov, data, bytes);
	return services_read(&services, service, &spans);
}

static ssize_t push(int service, const void *data, size_t bytes)
{
	struct iovec iov;
	struct spans spans = spans_of(&iov, (void *)(uintptr_t)data, bytes);
	return services_write(&services, service, &spans);
}

static int file_with(const void *data, size_t bytes)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(write(fd, data, bytes), bytes);
	return fd;
}

static void *fresh(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	return at;
}

/* A large file: its whole pages are mapped where the room has such, and read where it has not. */
static void large_files_are_mapped(void **state)
{
	(void)state;
	const size_t size = (8u << 20) + 5000, padded = (8u << 20) + 8192;
	uint8_t *data = malloc(size), *room = fresh(padded + WIRE_PAGE);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + i / 4096);
	int fd = file_with(data, size);
	assert_false(image_file_worth_mapping(fd, 4096));
	assert_true(image_file_worth_mapping(fd, size));
	struct image_file files[] = {{.fd = dup(fd), .size = size, .mapped = true}};
	open_services(&(struct services_config){.image = files, .image_files = 1, .in = -1, .out = -1, .err = -1});
	assert_int_equal(services_connect(&services, WIRE_IMAGE), SERVICE_IMAGE);
	memset(room, 0xaa, padded + WIRE_PAGE);
	assert_int_equal(pull(SERVICE_IMAGE, room, 65536), 65536);
	uint8_t odd[WIRE_PAGE + 16];
	assert_int_equal(pull(SERVICE_IMAGE, odd + 1, WIRE_PAGE), WIRE_PAGE);
	assert_memory_equal(odd + 1, data + 65536, WIRE_PAGE);
	size_t at = 65536 + WIRE_PAGE;
	assert_int_equal(pull(SERVICE_IMAGE, room + at, padded + WIRE_PAGE - at), padded - at);
	assert_memory_equal(room, data, 65536);
	assert_memory_equal(room + at, data + at, size - at);
	for (size_t i = size; i < padded; i++)
		assert_int_equal(room[i], 0);
	assert_int_equal(room[padded], 0xaa);
	/* Private: the file does not see what is written, and what was mapped shows what the file has. */
	room[0] = (uint8_t)~data[0];
	uint8_t byte;
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, data[0]);
	assert_int_equal(pwrite(fd, "!", 1, 5 * WIRE_PAGE), 1);
	assert_int_equal(room[5 * WIRE_PAGE], '!');
	services_close(&services);
	close(fd);
	free(data);
	munmap(room, padded + WIRE_PAGE);
}

static void a_large_file_that_shrank_is_noted(void **state)
{
	(void)state;
	const size_t size = 8u << 20;
	uint8_t *room = fresh(size);
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, size), 0);
	struct image_file files[] = {{.fd = dup(fd), .size = size, .mapped = true}};
	open_services(&(struct services_config){.image = files, .image_files = 1, .in = -1, .out = -1, .err = -1});
	assert_int_equal(services_connect(&services, WIRE_IMAGE), SERVICE_IMAGE);
	assert_int_equal(ftruncate(fd, 3 * WIRE_PAGE), 0);
	assert_int_equal(pull(SERVICE_IMAGE, room, size), size);
	assert_true(services.image.failed);
	assert_int_equal(services.image.failed_errno, 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(room[i], 0);
	services_close(&services);
	close(fd);
	munmap(room, size);
}

static void ports_connect_once_and_only_if_offered(void **state)
{
	(void)state;
	open_services(&(struct services_config){.in = -1, .out = open("/dev/null", O_WRONLY), .err = -1});
	assert_int_equal(services_connect(&services, WIRE_STDIN), -1);
	assert_int_equal(services_connect(&services, WIRE_STDERR), -1);
	assert_int_equal(services_connect(&services, 5), -1);
	assert_int_equal(services_connect(&services, WIRE_STDOUT), SERVICE_STDOUT);
	assert_int_equal(services_connect(&services, WIRE_STDOUT), -1);
	services_disconnect(&services, SERVICE_STDOUT);
	assert_int_equal(services_connect(&services, WIRE_STDOUT), -1);
	assert_int_equal(services_connect(&services, WIRE_IMAGE), SERVICE_IMAGE);
	assert_int_equal(services_connect(&services, WIRE_CONTROL), SERVICE_CONTROL);
	services_close(&services);
}

static void image_is_padded_file_by_file(void **state)
{
	(void)state;
	static uint8_t data[10000], got[32768], want[32768];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 255 + 1);
	struct image_file files[] = {
	    {.fd = file_with(data, 0), .size = 0},	  {.fd = file_with(data, 5000), .size = 5000},
	    {.fd = file_with(data, 0), .size = 0},	  {.fd = file_with(data, 4096), .size = 4096},
	    {.fd = file_with(data, 10000), .size = 9999}, {.fd = file_with(data, 0), .size = 0},
	};
	memcpy(want, data, 5000);
	memcpy(want + 8192, data, 4096);
	memcpy(want + 12288, data, 9999);
	static const size_t rooms[] = {1, 100, 4096, 8192, 20000, 32768};
	for (size_t r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
		struct image_file copy[6];
		for (size_t i = 0; i < 6; i++)
			copy[i] = (struct image_file){.fd = dup(files[i].fd), .size = files[i].size};
		open_services(
		    &(struct services_config){.image = copy, .image_files = 6, .in = -1, .out = -1, .err = -1});
		size_t total = 0;
		ssize_t n;
		memset(got, 0xff, sizeof(got));
		while ((n = pull(SERVICE_IMAGE, got + total,
				 total + rooms[r] <= sizeof(got) ? rooms[r] : sizeof(got) - total)) > 0)
			total += (size_t)n;
		assert_int_equal(n, 0);
		assert_int_equal(total, 24576);
		assert_memory_equal(got, want, total);
		assert_false(services.image.failed);
		assert_false(services_readable(&services, SERVICE_IMAGE));
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(copy[i].fd, -1);
		services_close(&services);
	}
	for (size_t i = 0; i < 6; i++)
		close(files[i].fd);
}

static void truncated_file_is_zero_filled_and_noted(void **state)
{
	(void)state;
	static uint8_t data[5000], got[16384];
	memset(data, 'a', sizeof(data));
	struct image_file files[] = {
	    {.fd = file_with(data, 10), .size = 10},
	    {.fd = file_with(data, 5000), .size = 9000},
	};
	open_services(&(struct services_config){.image = files, .image_files = 2, .in = -1, .out = -1, .err = -1});
	assert_int_equal(pull(SERVICE_IMAGE, got, sizeof(got)), 16384);
	assert_int_equal(got[4096 + 4999], 'a');
	assert_int_equal(got[4096 + 5000], 0);
	assert_true(services.image.failed);
	assert_int_equal(services.image.failed_file, 1);
	assert_int_equal(services.image.failed_errno, 0);
	assert_int_equal(pull(SERVICE_IMAGE, got, sizeof(got)), 0);
	services_close(&services);
}

static void unreadable_file_is_noted_with_its_errno(void **state)
{
	(void)state;
	static uint8_t got[8192];
	struct image_file files[] = {{.fd = open("/tmp", O_RDONLY | O_DIRECTORY), .size = 8192}};
	open_services(&(struct services_config){.image = files, .image_files = 1, .in = -1, .out = -1, .err = -1});
	assert_int_equal(pull(SERVICE_IMAGE, got, sizeof(got)), 8192);
	assert_true(services.image.failed);
	assert_int_equal(services.image.failed_errno, EISDIR);
	services_close(&services);
}

static void input_only_services_take_no_bytes(void **state)
{
	(void)state;
	open_services(&(struct services_config){.in = open("/dev/null", O_RDONLY), .out = -1, .err = -1});
	assert_int_equal(push(SERVICE_IMAGE, "x", 1), -EPIPE);
	assert_int_equal(push(SERVICE_STDIN, "x", 1), -EPIPE);
	services_close(&services);
}

static void end_of_input_is_given_once(void **state)
{
	(void)state;
	char byte;
	open_services(&(struct services_config){.in = open("/dev/null", O_RDONLY), .out = -1, .err = -1});
	assert_true(services_readable(&services, SERVICE_STDIN));
	assert_int_equal(pull(SERVICE_STDIN, &byte, 1), 0);
	assert_false(services_readable(&services, SERVICE_STDIN));
	services_close(&services);
}

static void job_then_queued_frames_in_any_pieces(void **state)
{
	(void)state;
	uint8_t job[100], got[200], want[100 + 12 + 16];
	memset(job, 7, sizeof(job));
	open_services(&(struct services_config){.job = job, .job_bytes = sizeof(job), .in = -1, .out = -1, .err = -1});
	const struct wire_winsize size = {.rows = 25, .cols = 80};
	assert_int_equal(control_signal(&services.control, 15), 0);
	assert_int_equal(control_winsize(&services.control, &size), 0);
	assert_int_equal(control_signal(&services.control, 0), -1);
	size_t total = 0;
	while (services_readable(&services, SERVICE_CONTROL))
		total += (size_t)pull(SERVICE_CONTROL, got + total, 9);
	memcpy(want, job, 100);
	memcpy(want + 100, (const uint32_t[]){WIRE_SIGNAL, 4, 15}, 12);
	memcpy(want + 112, (const uint32_t[]){WIRE_WINSIZE, 8}, 8);
	memcpy(want + 120, &size, 8);
	assert_int_equal(total, sizeof(want));
	assert_memory_equal(got, want, total);
	assert_int_equal(pull(SERVICE_CONTROL, got, 9), -EAGAIN);
	services_close(&services);
}

static void queue_of_frames_is_bounded(void **state)
{
	(void)state;
	int queued = 0;
	open_services(&(struct services_config){.in = -1, .out = -1, .err = -1});
	while (control_signal(&services.control, 1) == 0)
		queued++;
	assert_int_equal(queued, CONTROL_QUEUE_BYTES / 12);
	services_close(&services);
}

/* Sends frames to a fresh control stream, byte by byte; the state that follows. */
static enum control_state after(const void *frames, size_t bytes)
{
	open_services(&(struct services_config){.in = -1, .out = -1, .err = -1});
	for (size_t i = 0; i < bytes; i++)
		push(SERVICE_CONTROL, (const uint8_t *)frames + i, 1);
	enum control_state result = services.control.report.state;
	services_close(&services);
	return result;
}

static const struct wire_frame started = {.type = WIRE_STARTED};

static enum control_state after_exit(uint32_t length, uint32_t end, uint32_t code)
{
	struct {
		struct wire_frame started, frame;
		struct wire_exit exit;
	} message = {started, {WIRE_EXIT, length}, {.end = end, .code = code}};
	return after(&message, sizeof(message));
}

static void reports_are_checked(void **state)
{
	(void)state;
	assert_int_equal(after(&started, sizeof(started)), CONTROL_STARTED);
	assert_int_equal(after_exit(sizeof(struct wire_exit), WIRE_END_EXITED, 255), CONTROL_EXITED);
	assert_int_equal(after_exit(sizeof(struct wire_exit), WIRE_END_SIGNALED, 64), CONTROL_EXITED);
	assert_int_equal(after_exit(sizeof(struct wire_exit), WIRE_END_EXITED, 256), CONTROL_BROKEN);
	assert_int_equal(after_exit(sizeof(struct wire_exit), WIRE_END_SIGNALED, 0), CONTROL_BROKEN);
	assert_int_equal(after_exit(sizeof(struct wire_exit), WIRE_END_SIGNALED, 65), CONTROL_BROKEN);
	assert_int_equal(after_exit(sizeof(struct wire_exit), 2, 0), CONTROL_BROKEN);
	assert_int_equal(after_exit(sizeof(struct wire_exit) - 1, WIRE_END_EXITED, 0), CONTROL_BROKEN);
	struct wire_frame bad[] = {{WIRE_STARTED, 1}, {WIRE_JOB, 0}, {99, 0}, {WIRE_EXIT, WIRE_REPORT_MAX + 1}};
	for (size_t i = 0; i < 4; i++) {
		struct {
			struct wire_frame frame;
			uint8_t pad[64];
		} message = {bad[i], {0}};
		assert_int_equal(after(&message, sizeof(message)), CONTROL_BROKEN);
	}
	struct wire_frame twice[] = {started, started};
	assert_int_equal(after(twice, sizeof(twice)), CONTROL_BROKEN);
}

static void exit_without_start_or_more_after_it_is_broken(void **state)
{
	(void)state;
	struct {
		struct wire_frame started, frame;
		struct wire_exit exit;
		struct wire_frame again;
	} message = {started, {WIRE_EXIT, sizeof(struct wire_exit)}, {.code = 1}, started};
	assert_int_equal(after(&message, sizeof(message)), CONTROL_BROKEN);
	assert_int_equal(after(&message.frame, sizeof(message.frame) + sizeof(message.exit)), CONTROL_BROKEN);
}

static void only_one_report_ends_the_run(void **state)
{
	(void)state;
	struct {
		struct wire_frame started, frame;
		struct wire_exit exit;
		struct wire_frame more;
		struct wire_fail fail;
	} message = {started,
		     {WIRE_EXIT, sizeof(struct wire_exit)},
		     {.code = 1},
		     {WIRE_FAIL, sizeof(struct wire_fail)},
		     {.stage = WIRE_STAGE_EXEC, .error = ENOENT}};
	assert_int_equal(after(&message, sizeof(message)), CONTROL_BROKEN);
}

static void sessions_of_the_files_server_share_a_port(void **state)
{
	int pair[2][2];
	char bytes[8] = "";
	struct iovec iov = {bytes, sizeof(bytes)};
	struct iovec out = {"request", 7};
	for (int i = 0; i < 2; i++)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]), 0);
	open_services(&(struct services_config){
	    .in = -1, .out = -1, .err = -1, .files = (int[]){pair[0][0], pair[1][0]}, .files_count = 2});
	assert_int_equal(services_connect(&services, WIRE_FILES), SERVICE_FILES);
	assert_int_equal(services_connect(&services, WIRE_FILES), SERVICE_FILES + 1);
	assert_int_equal(services_connect(&services, WIRE_FILES), -1);
	assert_int_equal(services_write(&services, SERVICE_FILES + 1, &(struct spans){&out, 1, 7}), 7);
	assert_int_equal(read(pair[1][1], bytes, sizeof(bytes)), 7);
	assert_memory_equal(bytes, "request", 7);
	assert_int_equal(services_read(&services, SERVICE_FILES + 1, &(struct spans){&iov, 1, 8}), -EAGAIN);
	assert_int_equal(write(pair[1][1], "reply", 5), 5);
	stream_event(services_input(&services, SERVICE_FILES + 1), EPOLLIN);
	assert_true(services_readable(&services, SERVICE_FILES + 1));
	assert_int_equal(services_read(&services, SERVICE_FILES + 1, &(struct spans){&iov, 1, 8}), 5);
	assert_memory_equal(bytes, "reply", 5);
	/* The guest hangs up: the server sees the end; its own end is the guest's reset. */
	services_disconnect(&services, SERVICE_FILES + 1);
	assert_int_equal(read(pair[1][1], bytes, sizeof(bytes)), 0);
	assert_int_equal(services_connect(&services, WIRE_FILES), -1);
	assert_false(services_gone(&services, SERVICE_FILES));
	close(pair[0][1]);
	stream_event(services_output(&services, SERVICE_FILES), EPOLLHUP);
	assert_true(services_gone(&services, SERVICE_FILES));
	close(pair[1][1]);
	services_close(&services);
}

static void failure_text_is_made_printable(void **state)
{
	(void)state;
	struct {
		struct wire_frame frame;
		struct wire_fail fail;
		char text[WIRE_REPORT_MAX - sizeof(struct wire_fail)];
	} message = {
	    {WIRE_FAIL, WIRE_REPORT_MAX}, {.stage = WIRE_STAGE_EXEC, .error = ENOENT}, "\033[2Jexec \xc3\xa4\n"};
	memset(message.text + 20, 'x', sizeof(message.text) - 20);
	open_services(&(struct services_config){.in = -1, .out = -1, .err = -1});
	assert_int_equal(push(SERVICE_CONTROL, &message, sizeof(message)), sizeof(message));
	const struct control_report *report = &services.control.report;
	assert_int_equal(report->state, CONTROL_FAILED);
	assert_int_equal(report->fail.error, ENOENT);
	assert_memory_equal(report->fail_text, "?[2Jexec \xc3\xa4?", 12);
	assert_int_equal(strlen(report->fail_text), sizeof(message.text));
	services_close(&services);
	message.fail.stage = WIRE_STAGE_MOUNT + 1;
	assert_int_equal(after(&message, sizeof(message)), CONTROL_BROKEN);
	message.fail.stage = 1;
	message.frame.length = 7;
	assert_int_equal(after(&message, sizeof(message)), CONTROL_BROKEN);
}

int main(void)
{
	alarm(60);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ports_connect_once_and_only_if_offered),
	    cmocka_unit_test(image_is_padded_file_by_file),
	    cmocka_unit_test(large_files_are_mapped),
	    cmocka_unit_test(a_large_file_that_shrank_is_noted),
	    cmocka_unit_test(truncated_file_is_zero_filled_and_noted),
	    cmocka_unit_test(unreadable_file_is_noted_with_its_errno),
	    cmocka_unit_test(input_only_services_take_no_bytes),
	    cmocka_unit_test(end_of_input_is_given_once),
	    cmocka_unit_test(job_then_queued_frames_in_any_pieces),
	    cmocka_unit_test(queue_of_frames_is_bounded),
	    cmocka_unit_test(reports_are_checked),
	    cmocka_unit_test(exit_without_start_or_more_after_it_is_broken),
	    cmocka_unit_test(only_one_report_ends_the_run),
	    cmocka_unit_test(failure_text_is_made_printable),
	    cmocka_unit_test(sessions_of_the_files_server_share_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
