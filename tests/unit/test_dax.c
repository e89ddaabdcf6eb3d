/* SPDX-License-Identifier: Apache-2.0
 * The window of host files: what a message of the files server maps, that nothing lands outside of it, and that a file
 * which shrinks is found out and replaced by zeroes.
 * sources: runner/dax.c runner/lent.c runner/error.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/dax.h"

#define RAM    (2ull << 20)
#define WINDOW (2ull << 20) /* 32 units */
#define PAGE   4096

static struct dax dax;
static struct lent lent;
static struct guest_memory memory;
static int server;

static int setup(void **state)
{
	struct error error = {0};
	int pair[2];
	memory = (struct guest_memory){
	    .base = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .size = RAM};
	assert_ptr_not_equal(memory.base, MAP_FAILED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	server = pair[1];
	assert_int_equal(dax_init(&dax, &memory, WINDOW, pair[0], &lent, &error), 0);
	dax_confined(&dax);
	lent_init(&lent);
	if (!dax.base)
		skip(); /* a host before Linux 5.14 */
	return 0;
}

static int teardown(void **state)
{
	munmap(dax.base, WINDOW);
	munmap(memory.base, RAM);
	close(dax.socket);
	close(dax.zero);
	close(server);
	return 0;
}

/* A file whose page N begins with the byte N + 1. */
static int make_file(unsigned pages)
{
	int fd = memfd_create("file", 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)pages * PAGE), 0);
	for (unsigned i = 0; i < pages; i++) {
		uint8_t byte = (uint8_t)(i + 1);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)i * PAGE), 1);
	}
	return fd;
}

/* Sends `bytes` of the message with `count` copies of fd. */
static void send_map(const struct dax_message *map, size_t bytes, int fd, unsigned count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = {0};
	int fds[4] = {fd, fd, fd, fd};
	struct iovec iov = {(void *)(uintptr_t)map, bytes};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (count) {
		control.head = (struct cmsghdr){
		    .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(server, &message, 0), bytes);
}

static void map_file(int fd, uint32_t unit, uint64_t offset, uint64_t bytes)
{
	struct dax_message map = {.offset = offset, .bytes = bytes, .place = unit};
	send_map(&map, sizeof(map), fd, 1);
	dax_take(&dax);
}

static unsigned shown(unsigned unit)
{
	return ((const struct shared_window *)(memory.base + BOOT_WINDOW_GPA))->pages[unit];
}

static unsigned byte_at(unsigned unit, unsigned page)
{
	return dax.base[(size_t)unit * WINDOW_UNIT + (size_t)page * PAGE];
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void a_file_is_shown(void **state)
{
	int fd = make_file(20);
	unsigned before = open_descriptors();
	map_file(fd, 3, 0, 20 * PAGE);
	assert_int_equal(shown(3), 16);
	assert_int_equal(shown(4), 4);
	assert_int_equal(shown(5), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(byte_at(3 + i / 16, i % 16), i + 1);
	assert_int_equal(byte_at(2, 0) + byte_at(5, 0), 0);
	assert_int_equal(open_descriptors(), before);
	/* Another takes its place; a part of it, not a whole number of pages. */
	map_file(fd, 3, 5 * PAGE, PAGE + 1);
	assert_int_equal(shown(3), 2);
	assert_int_equal(byte_at(3, 0), 6);
	assert_int_equal(byte_at(3, 1), 7);
	close(fd);
}

static void nothing_is_mapped_outside_of_the_window(void **state)
{
	static const struct dax_message wrong[] = {
	    {.place = 32, .bytes = PAGE},
	    {.place = UINT32_MAX, .bytes = PAGE},
	    {.place = 31, .bytes = WINDOW_UNIT + 1},
	    {.place = 0, .bytes = WINDOW + 1},
	    {.place = 1, .bytes = UINT64_MAX},
	    {.place = 0, .bytes = 0},
	    {.place = 0, .bytes = PAGE, .offset = 1},
	    {.place = 0, .bytes = PAGE, .offset = 1ull << 63},
	    {.place = 0, .bytes = PAGE, .offset = UINT64_MAX & ~(uint64_t)(PAGE - 1)},
	};
	static uint8_t zeroes[WINDOW_UNITS_MAX];
	int fd = make_file(1);
	unsigned before = open_descriptors();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		send_map(&wrong[i], sizeof(wrong[i]), fd, 1);
	struct dax_message good = {.place = 1, .bytes = PAGE};
	send_map(&good, sizeof(good), fd, 0);
	send_map(&good, sizeof(good) - 1, fd, 1);
	send_map(&good, sizeof(good), fd, 2);
	send_map(&good, sizeof(good), fd, 4);
	dax_take(&dax);
	assert_memory_equal(memory.base + BOOT_WINDOW_GPA, zeroes, sizeof(zeroes));
	assert_int_equal(open_descriptors(), before);
	close(fd);
}

static void what_cannot_be_mapped_is_zero(void **state)
{
	int pipes[2], fd = make_file(16);
	assert_int_equal(pipe(pipes), 0);
	map_file(fd, 0, 0, 16 * PAGE);
	assert_int_equal(byte_at(0, 0), 1);
	map_file(pipes[0], 0, 0, 16 * PAGE);
	assert_int_equal(shown(0), 0);
	assert_int_equal(byte_at(0, 0), 0);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

/* The host refuses the zeroes too, as where the process has too many mappings: the old file stays, but the guest is
 * told that nothing is there, and no file comes that was not shown before. */
static void what_cannot_even_be_cleared_is_not_shown(void **state)
{
	int pipes[2], fd = make_file(16), zero = dax.zero;
	assert_int_equal(pipe(pipes), 0);
	map_file(fd, 0, 0, 16 * PAGE);
	dax.zero = pipes[0];
	map_file(pipes[0], 0, 0, 16 * PAGE);
	assert_int_equal(shown(0), 0);
	assert_int_equal(byte_at(0, 0), 1);
	dax.zero = zero;
	map_file(pipes[0], 0, 0, 16 * PAGE);
	assert_int_equal(byte_at(0, 0), 0);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void a_file_that_shrinks_is_found_out(void **state)
{
	int fd = make_file(40), other = make_file(16);
	map_file(fd, 0, 0, 40 * PAGE);
	map_file(other, 8, 0, 16 * PAGE);
	assert_false(dax_lost(&dax, dax_losses(&dax)));
	assert_int_equal(ftruncate(fd, 18 * PAGE + 1), 0);
	uint32_t seen = dax_losses(&dax);
	assert_true(dax_lost(&dax, seen));
	assert_int_equal(shown(0), 16);
	assert_int_equal(shown(1), 3);
	assert_int_equal(shown(2), 0);
	assert_int_equal(shown(8), 16);
	assert_int_equal(byte_at(1, 2), 19);
	for (unsigned i = 3; i < 16; i++)
		assert_int_equal(byte_at(1, i), 0); /* no SIGBUS */
	assert_int_equal(byte_at(2, 7), 0);
	assert_int_equal(((struct shared_page *)(memory.base + BOOT_SHARED_GPA))->window_losses, seen + 1);
	/* A vCPU that met the same finds it done; the next look finds nothing new. */
	assert_true(dax_lost(&dax, seen));
	assert_false(dax_lost(&dax, dax_losses(&dax)));
	close(fd);
	close(other);
}

static void a_file_that_was_gone_when_it_was_mapped(void **state)
{
	int fd = make_file(2);
	map_file(fd, 5, 0, 16 * PAGE);
	assert_int_equal(shown(5), 16);
	assert_true(dax_lost(&dax, dax_losses(&dax)));
	assert_int_equal(shown(5), 2);
	assert_int_equal(byte_at(5, 1), 2);
	assert_int_equal(byte_at(5, 2), 0);
	close(fd);
}

static void a_flood_is_taken_in_pieces(void **state)
{
	int fd = make_file(1);
	struct dax_message map = {.place = 7, .bytes = PAGE};
	unsigned sent = 0;
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	struct iovec iov = {&map, sizeof(map)};
	struct msghdr message = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	while (sent < 100000 && sendmsg(server, &message, MSG_DONTWAIT) == sizeof(map))
		sent++;
	assert_in_range(sent, 1, 99999); /* the socket holds no more */
	for (unsigned i = 0; i < sent; i++)
		dax_take(&dax);
	assert_int_equal(shown(7), 1);
	close(fd);
}

static void files_are_lent_and_returned(void **state)
{
	int fd = make_file(1);
	unsigned before = open_descriptors();
	struct dax_message message = {.kind = DAX_LEND, .place = FILE_IO_SLOTS - 1};
	send_map(&message, sizeof(message), fd, 1);
	dax_take(&dax);
	assert_true(lent.fd[FILE_IO_SLOTS - 1] >= 0);
	assert_int_equal(open_descriptors(), before + 1);
	send_map(&message, sizeof(message), fd, 1); /* another in place of it */
	dax_take(&dax);
	assert_int_equal(open_descriptors(), before + 1);
	/* Wrong ones change nothing, and nothing is left open. */
	send_map(&message, sizeof(message), fd, 0);
	send_map(&message, sizeof(message) - 1, fd, 1);
	send_map(&message, sizeof(message), fd, 2);
	message.place = FILE_IO_SLOTS;
	send_map(&message, sizeof(message), fd, 1);
	message = (struct dax_message){.kind = DAX_RETURN, .place = FILE_IO_SLOTS};
	send_map(&message, sizeof(message), fd, 0);
	message = (struct dax_message){.kind = DAX_RETURN + 1};
	send_map(&message, sizeof(message), fd, 1);
	dax_take(&dax);
	assert_int_equal(open_descriptors(), before + 1);
	assert_int_equal(lent.fd[0], -1);
	message = (struct dax_message){.kind = DAX_RETURN, .place = FILE_IO_SLOTS - 1};
	send_map(&message, sizeof(message), fd, 1); /* with a descriptor that it does not need */
	dax_take(&dax);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(lent.fd[FILE_IO_SLOTS - 1], -1);
	close(fd);
}

static void without_a_window_files_are_lent_all_the_same(void **state)
{
	struct error error = {0};
	struct dax none;
	int fd = make_file(1);
	assert_int_equal(dax_init(&none, &memory, 0, dax.socket, &lent, &error), 0);
	assert_null(none.base);
	dax_confined(&none);
	struct dax_message map = {.place = 1, .bytes = PAGE}, lend = {.kind = DAX_LEND, .place = 2};
	send_map(&map, sizeof(map), fd, 1);
	send_map(&lend, sizeof(lend), fd, 1);
	dax_take(&none);
	assert_int_equal(shown(1), 0);
	assert_true(lent.fd[2] >= 0);
	lent_put(&lent, 2, -1);
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_file_is_shown),
	    TEST(nothing_is_mapped_outside_of_the_window),
	    TEST(what_cannot_be_mapped_is_zero),
	    TEST(what_cannot_even_be_cleared_is_not_shown),
	    TEST(a_file_that_shrinks_is_found_out),
	    TEST(a_file_that_was_gone_when_it_was_mapped),
	    TEST(a_flood_is_taken_in_pieces),
	    TEST(files_are_lent_and_returned),
	    TEST(without_a_window_files_are_lent_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
