/* SPDX-License-Identifier: Apache-2.0
 * The 9P codec: what is taken apart, and that nothing beyond a message is read.
 * sources: runner/p9.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runner/p9.h"

/* A copy that ends at the end of its allocation, so that ASan sees a byte too far. */
static int decode(const void *bytes, size_t size, struct p9_request *out)
{
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, bytes, size);
	int result = p9_decode(copy, size, out);
	free(copy);
	return result;
}

static const uint8_t walk[] = {23, 0, 0, 0, P9_TWALK, 5, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0, 'a', 1, 0, 'b'};

static void fields_come_in_order(void **state)
{
	struct p9_request r;
	assert_int_equal(p9_decode(walk, sizeof(walk), &r), 0);
	assert_int_equal(r.type, P9_TWALK);
	assert_int_equal(r.tag, 5);
	assert_int_equal(r.number[0], 1);
	assert_int_equal(r.number[1], 2);
	assert_int_equal(r.names, 2);
	assert_int_equal(r.name[1].length, 1);
	assert_memory_equal(r.name[1].bytes, "b", 1);
}

static void every_shorter_message_is_malformed(void **state)
{
	struct p9_request r;
	uint8_t copy[sizeof(walk)];
	memcpy(copy, walk, sizeof(walk));
	for (size_t size = 0; size < sizeof(walk); size++) {
		copy[0] = (uint8_t)size;
		assert_int_equal(decode(copy, size, &r), -EPROTO);
	}
}

static void bytes_after_the_last_field_are_malformed(void **state)
{
	struct p9_request r;
	uint8_t copy[sizeof(walk) + 1] = {0};
	memcpy(copy, walk, sizeof(walk));
	copy[0] = sizeof(copy);
	assert_int_equal(decode(copy, sizeof(copy), &r), -EPROTO);
}

static void a_size_that_is_not_the_messages_is_malformed(void **state)
{
	struct p9_request r;
	uint8_t copy[sizeof(walk)];
	memcpy(copy, walk, sizeof(walk));
	copy[0]++;
	assert_int_equal(decode(copy, sizeof(copy), &r), -EPROTO);
}

static void more_names_than_the_bound_are_malformed(void **state)
{
	struct p9_request r;
	uint8_t many[7 + 10 + 3 * 17] = {sizeof(many), 0, 0, 0, P9_TWALK};
	many[15] = 17;
	for (int i = 0; i < 17; i++)
		memcpy(many + 17 + 3 * i, "\1\0x", 3);
	assert_int_equal(decode(many, sizeof(many), &r), -EPROTO);
	many[0] = (uint8_t)(sizeof(many) - 3);
	many[15] = 16;
	assert_int_equal(decode(many, sizeof(many) - 3, &r), 0);
}

static void a_count_of_data_beyond_the_message_is_malformed(void **state)
{
	struct p9_request r;
	uint8_t write[7 + 4 + 8 + 4 + 2] = {sizeof(write), 0, 0, 0, P9_TWRITE};
	write[19] = 2;
	assert_int_equal(decode(write, sizeof(write), &r), 0);
	assert_int_equal(r.data_bytes, 2);
	write[19] = 3;
	assert_int_equal(decode(write, sizeof(write), &r), -EPROTO);
	write[22] = 0xff;
	assert_int_equal(decode(write, sizeof(write), &r), -EPROTO);
}

static void unknown_types_are_told_from_malformed_ones(void **state)
{
	struct p9_request r;
	uint8_t message[] = {7, 0, 0, 0, 98, 9, 0};
	assert_int_equal(decode(message, sizeof(message), &r), -EOPNOTSUPP);
	assert_int_equal(r.tag, 9);
}

static void sizes_of_messages_are_bounded(void **state)
{
	static const uint8_t small[] = {6, 0, 0, 0}, large[] = {1, 0, 0x10, 0}, most[] = {0, 0, 0x10, 0},
			     huge[] = {255, 255, 255, 255};
	assert_int_equal(p9_message_size(small, 3), 0);
	assert_int_equal(p9_message_size(small, 4), -1);
	assert_int_equal(p9_message_size(large, 4), -1);
	assert_int_equal(p9_message_size(huge, 4), -1);
	assert_int_equal(p9_message_size(most, 4), P9_MSIZE_MAX);
}

static void names_are_single_components(void **state)
{
	char out[P9_NAME_MAX + 1], longest[256];
	memset(longest, 'n', sizeof(longest));
	static const char *const bad[] = {"", ".", "..", "/", "a/b", "/a", "a/", "../x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(p9_name((struct p9_string){bad[i], (uint16_t)strlen(bad[i])}, out), -EINVAL);
	assert_int_equal(p9_name((struct p9_string){"a\0b", 3}, out), -EINVAL);
	assert_int_equal(p9_name((struct p9_string){longest, 256}, out), -ENAMETOOLONG);
	assert_int_equal(p9_name((struct p9_string){longest, 255}, out), 0);
	assert_int_equal(strlen(out), 255);
	assert_int_equal(p9_name((struct p9_string){"...", 3}, out), 0);
	assert_int_equal(p9_name((struct p9_string){"\xff\n", 2}, out), 0);
}

static void a_reply_never_passes_its_room(void **state)
{
	uint8_t room[16];
	struct p9_reply reply;
	p9_begin(&reply, room, sizeof(room), 100, 1);
	p9_put64(&reply, 1);
	assert_false(reply.full);
	p9_put16(&reply, 1);
	assert_true(reply.full);
	p9_begin(&reply, room, sizeof(room), 100, 1);
	p9_put_string(&reply, "12345678", 8);
	assert_true(reply.full);
	p9_begin(&reply, room, sizeof(room), 100, 1);
	p9_put_string(&reply, "1234567", 7);
	assert_false(reply.full);
	assert_int_equal(p9_end(&reply), 16);
	assert_memory_equal(room,
			    "\x10\0\0\0\x64\1\0\7\0"
			    "1234567",
			    16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_come_in_order),
	    cmocka_unit_test(every_shorter_message_is_malformed),
	    cmocka_unit_test(bytes_after_the_last_field_are_malformed),
	    cmocka_unit_test(a_size_that_is_not_the_messages_is_malformed),
	    cmocka_unit_test(more_names_than_the_bound_are_malformed),
	    cmocka_unit_test(a_count_of_data_beyond_the_message_is_malformed),
	    cmocka_unit_test(unknown_types_are_told_from_malformed_ones),
	    cmocka_unit_test(sizes_of_messages_are_bounded),
	    cmocka_unit_test(names_are_single_components),
	    cmocka_unit_test(a_reply_never_passes_its_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
