/* SPDX-License-Identifier: Apache-2.0
 * Requests for lent files: bytes arrive where they belong, and a wrong request moves nothing, whatever it names.
 * sources: runner/lent.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/lent.h"

#define RAM  (8ull << 20)
#define PAGE 4096u

static struct lent lent;
static struct guest_memory memory;

static int setup(void **state)
{
	memory = (struct guest_memory){
	    .base = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .size = RAM};
	assert_ptr_not_equal(memory.base, MAP_FAILED);
	lent_init(&lent);
	return 0;
}

static int teardown(void **state)
{
	for (uint32_t i = 0; i < FILE_IO_SLOTS; i++)
		lent_put(&lent, i, -1);
	munmap(memory.base, RAM);
	return 0;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 4096);
}

/* In slot 3, open for `flags`. */
static void lend_file(size_t bytes, int flags)
{
	char path[64];
	int fd = memfd_create("file", 0);
	assert_true(fd >= 0);
	for (size_t i = 0; i < bytes; i++) {
		uint8_t byte = pattern(i);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int again = open(path, flags);
	assert_true(again >= 0);
	close(fd);
	lent_put(&lent, 3, again);
}

/* The request stands in frame 1. */
static int64_t io(const struct file_io *request)
{
	memcpy(memory.base + PAGE, request, sizeof(*request));
	((struct file_io *)(memory.base + PAGE))->result = INT64_MIN;
	lent_io(&lent, &memory, 1);
	return ((struct file_io *)(memory.base + PAGE))->result;
}

static void bytes_arrive_in_the_frames_named(void **state)
{
	lend_file(3 * PAGE, O_RDONLY);
	struct file_io request = {.slot = 3, .offset = 10, .first = 4000, .bytes = 5000, .frame = {7, 5, 6}};
	assert_int_equal(io(&request), 5000);
	for (size_t i = 0; i < 96; i++)
		assert_int_equal(memory.base[7 * PAGE + 4000 + i], pattern(10 + i));
	for (size_t i = 96; i < 5000; i++) /* 5 and 6 are neighbours */
		assert_int_equal(memory.base[5 * PAGE + i - 96], pattern(10 + i));
	assert_int_equal(memory.base[7 * PAGE + 3999], 0);
	assert_int_equal(memory.base[5 * PAGE + 5000 - 96], 0);
	request.offset = 3 * PAGE - 7; /* less at the end, nothing behind it */
	assert_int_equal(io(&request), 7);
	request.offset = 3 * PAGE;
	assert_int_equal(io(&request), 0);
	request.write = 1; /* it was not opened for that */
	request.offset = 0;
	assert_int_equal(io(&request), -EBADF);
}

static void bytes_reach_the_file(void **state)
{
	uint8_t back[3 * PAGE];
	lend_file(PAGE, O_RDWR);
	for (size_t i = 0; i < 3 * PAGE; i++)
		memory.base[10 * PAGE + i] = (uint8_t)(i + 3);
	struct file_io request = {
	    .slot = 3, .write = 1, .offset = 100, .first = 1, .bytes = 2 * PAGE, .frame = {12, 10, 11}};
	assert_int_equal(io(&request), 2 * PAGE);
	assert_int_equal(pread(lent.fd[3], back, sizeof(back), 0), 100 + 2 * PAGE);
	assert_int_equal(back[99], pattern(99));
	assert_memory_equal(back + 100, memory.base + 12 * PAGE + 1, PAGE - 1);
	assert_memory_equal(back + 100 + PAGE - 1, memory.base + 10 * PAGE, PAGE + 1);
}

static void as_much_as_a_request_can_name(void **state)
{
	lend_file(1, O_RDWR);
	struct file_io request = {.slot = 3, .write = 1, .bytes = FILE_IO_FRAMES * PAGE};
	for (uint32_t i = 0; i < FILE_IO_FRAMES; i++)
		request.frame[i] = (i * 2) % (uint32_t)(RAM / PAGE);
	assert_int_equal(io(&request), FILE_IO_FRAMES * PAGE);
	request.bytes++;
	assert_int_equal(io(&request), -EINVAL);
}

static void wrong_requests_move_nothing(void **state)
{
	static const struct {
		struct file_io io;
		int error;
	} wrong[] = {
	    {{.slot = 2, .bytes = 1, .frame = {4}}, EBADF},
	    {{.slot = FILE_IO_SLOTS, .bytes = 1, .frame = {4}}, EBADF},
	    {{.slot = UINT32_MAX, .bytes = 1, .frame = {4}}, EBADF},
	    {{.slot = 3, .bytes = 0, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = 1, .first = PAGE, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = 1, .first = UINT32_MAX, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = UINT32_MAX, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = 1, .offset = UINT64_MAX, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = 1, .offset = INT64_MAX, .frame = {4}}, EINVAL},
	    {{.slot = 3, .bytes = 1, .frame = {RAM / PAGE}}, EFAULT},
	    {{.slot = 3, .bytes = 1, .frame = {UINT32_MAX}}, EFAULT},
	    {{.slot = 3, .bytes = 2 * PAGE, .frame = {4, RAM / PAGE}}, EFAULT},
	};
	lend_file(4 * PAGE, O_RDWR);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(io(&wrong[i].io), -wrong[i].error);
		assert_int_equal(memory.base[4 * PAGE], 0);
	}
	/* A request that is not in RAM is none. */
	lent_io(&lent, &memory, RAM / PAGE);
	lent_io(&lent, &memory, UINT32_MAX);
}

static void a_request_may_name_its_own_frame(void **state)
{
	lend_file(PAGE, O_RDONLY);
	struct file_io request = {.slot = 3, .bytes = PAGE, .frame = {1}};
	assert_int_equal(io(&request), PAGE);
}

static void a_file_in_use_stays_until_it_is_not(void **state)
{
	lend_file(1, O_RDONLY);
	int fd = lent.fd[3], other = memfd_create("other", 0);
	lent.used[3] = 1; /* another CPU is at it */
	lent_put(&lent, 3, other);
	assert_int_equal(fcntl(other, F_GETFD), -1);
	assert_int_equal(lent.fd[3], fd);
	lent_put(&lent, 3, -1);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	struct file_io request = {.slot = 3, .bytes = 1, .frame = {4}};
	assert_int_equal(io(&request), -EBADF); /* no new ones */
	lent.used[3] = 0;
	lent.unwanted[3] = false;
	assert_int_equal(io(&request), 1);
	assert_int_equal(lent.used[3], 0);
	lent_put(&lent, 3, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	lent_put(&lent, FILE_IO_SLOTS, memfd_create("nowhere", 0)); /* closed */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(bytes_arrive_in_the_frames_named), TEST(bytes_reach_the_file),
	    TEST(as_much_as_a_request_can_name),    TEST(wrong_requests_move_nothing),
	    TEST(a_request_may_name_its_own_frame), TEST(a_file_in_use_stays_until_it_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
