/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/virtqueue.c
 * flags: -pthread
 *
 * The device's side of a virtqueue against good and hostile drivers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "runner/virtqueue.h"
#include "tests/unit/guest_ring.h"

#define MEMORY 0x20000u
#define DATA   0x8000u

struct fixture {
	struct guest_memory memory;
	struct ring ring;
	struct virtqueue vq;
	struct virtq_chain chain;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->memory = ring_memory(MEMORY);
	f->ring = (struct ring){.memory = &f->memory, .base = 0x1000, .size = 8};
	f->vq = ring_queue(&f->ring);
	assert_int_equal(virtqueue_start(&f->vq, &f->memory), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	ring_memory_free(&f->memory);
	free(f);
	return 0;
}

static void assert_broken(struct fixture *f)
{
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), -1);
	assert_true(f->vq.broken);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), -1);
	assert_false(virtqueue_available(&f->vq, &f->memory));
	/* A broken queue is silent. */
	virtqueue_push(&f->vq, &f->memory, 0, 1);
	assert_false(virtqueue_publish(&f->vq, &f->memory));
	assert_int_equal(ring_used_idx(&f->ring), 0);
}

static void start_refuses_bad_placement(void **state)
{
	struct fixture *f = *state;
	static const struct virtqueue bad[] = {
	    {.desc = {0x1000}, .driver = {0x2000}, .device = {0x3000}, .size = 0},
	    {.desc = {0x1000}, .driver = {0x2000}, .device = {0x3000}, .size = 3},
	    {.desc = {0x1000}, .driver = {0x2000}, .device = {0x3000}, .size = 512},
	    {.desc = {0x1008}, .driver = {0x2000}, .device = {0x3000}, .size = 8},
	    {.desc = {0x1000}, .driver = {0x2001}, .device = {0x3000}, .size = 8},
	    {.desc = {0x1000}, .driver = {0x2000}, .device = {0x3002}, .size = 8},
	    {.desc = {MEMORY}, .driver = {0x2000}, .device = {0x3000}, .size = 8},
	    {.desc = {MEMORY - 112}, .driver = {0x2000}, .device = {0x3000}, .size = 8},
	    {.desc = {0x1000}, .driver = {MEMORY - 18}, .device = {0x3000}, .size = 8},
	    {.desc = {0x1000}, .driver = {0x2000}, .device = {MEMORY - 64}, .size = 8},
	    {.desc = {0xfffffffffffffff0}, .driver = {0x2000}, .device = {0x3000}, .size = 8},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct virtqueue vq = bad[i];
		assert_int_equal(virtqueue_start(&vq, &f->memory), -1);
		assert_false(vq.ready);
	}
	struct virtqueue edge = {.desc = {MEMORY - 128}, .driver = {0x2000}, .device = {0x3000}, .size = 8};
	assert_int_equal(virtqueue_start(&edge, &f->memory), 0);
}

static void empty_queue_gives_nothing(void **state)
{
	struct fixture *f = *state;
	assert_false(virtqueue_available(&f->vq, &f->memory));
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 0);
}

static void queue_that_is_not_ready_gives_nothing(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, 0, 0);
	ring_offer(&f->ring, 0);
	f->vq.ready = false;
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 0);
}

static void chain_is_split_into_readable_and_writable(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 5, DATA, 44, RING_F_NEXT, 2);
	ring_set(&f->ring, 2, DATA + 0x100, 10, RING_F_NEXT, 7);
	ring_set(&f->ring, 7, DATA + 0x200, 20, RING_F_WRITE | RING_F_NEXT, 0);
	ring_set(&f->ring, 0, MEMORY - 30, 30, RING_F_WRITE, 99);
	ring_offer(&f->ring, 5);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 1);
	assert_int_equal(f->chain.head, 5);
	assert_int_equal(f->chain.readable, 2);
	assert_int_equal(f->chain.writable, 2);
	assert_int_equal(f->chain.readable_bytes, 54);
	assert_int_equal(f->chain.writable_bytes, 50);
	assert_ptr_equal(f->chain.iov[0].iov_base, f->memory.base + DATA);
	assert_ptr_equal(f->chain.iov[3].iov_base, f->memory.base + MEMORY - 30);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 0);
}

static void used_entries_appear_only_when_published(void **state)
{
	struct fixture *f = *state;
	virtqueue_push(&f->vq, &f->memory, 3, 100);
	virtqueue_push(&f->vq, &f->memory, 4, 7);
	assert_int_equal(ring_used_idx(&f->ring), 0);
	assert_true(virtqueue_publish(&f->vq, &f->memory));
	assert_int_equal(ring_used_idx(&f->ring), 2);
	assert_int_equal(ring_used_elem(&f->ring, 0).id, 3);
	assert_int_equal(ring_used_elem(&f->ring, 1).len, 7);
	assert_false(virtqueue_publish(&f->vq, &f->memory));
}

static void interrupt_wish_of_the_driver_is_honoured(void **state)
{
	struct fixture *f = *state;
	ring_avail(&f->ring)[0] = 1;
	virtqueue_push(&f->vq, &f->memory, 0, 0);
	assert_false(virtqueue_publish(&f->vq, &f->memory));
	assert_int_equal(ring_used_idx(&f->ring), 1);
	ring_avail(&f->ring)[0] = 0;
	virtqueue_push(&f->vq, &f->memory, 0, 0);
	assert_true(virtqueue_publish(&f->vq, &f->memory));
}

static void notification_wish_of_the_device_is_shown(void **state)
{
	struct fixture *f = *state;
	virtqueue_want_notify(&f->vq, &f->memory, false);
	assert_int_equal(ring_used(&f->ring)[0], 1);
	virtqueue_want_notify(&f->vq, &f->memory, true);
	assert_int_equal(ring_used(&f->ring)[0], 0);
}

static void unpop_gives_the_chain_back(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 1, DATA, 16, 0, 0);
	ring_offer(&f->ring, 1);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 1);
	virtqueue_unpop(&f->vq);
	assert_true(virtqueue_available(&f->vq, &f->memory));
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 1);
	assert_int_equal(f->chain.head, 1);
}

static void indices_wrap_at_65536(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 1, DATA, 16, 0, 0);
	for (uint32_t i = 0; i < 0x10005; i++) {
		ring_offer(&f->ring, 1);
		assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 1);
		virtqueue_push(&f->vq, &f->memory, f->chain.head, i);
		assert_true(virtqueue_publish(&f->vq, &f->memory));
	}
	assert_int_equal(ring_used_idx(&f->ring), 5);
	assert_int_equal(ring_used_elem(&f->ring, 4).len, 0x10004);
}

static void longest_chain_is_the_whole_table(void **state)
{
	struct fixture *f = *state;
	for (uint16_t i = 0; i < 8; i++)
		ring_set(&f->ring, i, DATA, 16, i < 7 ? RING_F_NEXT : 0, i + 1);
	ring_offer(&f->ring, 0);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 1);
	assert_int_equal(f->chain.readable, 8);
}

static void loop_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, RING_F_NEXT, 1);
	ring_set(&f->ring, 1, DATA, 16, RING_F_NEXT, 0);
	ring_offer(&f->ring, 0);
	assert_broken(f);
}

static void self_loop_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 3, DATA, 16, RING_F_NEXT | RING_F_WRITE, 3);
	ring_offer(&f->ring, 3);
	assert_broken(f);
}

static void head_outside_the_table_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_offer(&f->ring, 8);
	assert_broken(f);
}

static void next_outside_the_table_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, RING_F_NEXT, 0xffff);
	ring_offer(&f->ring, 0);
	assert_broken(f);
}

static void more_available_than_the_size_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, 0, 0);
	ring_avail(&f->ring)[1] = 9;
	assert_broken(f);
}

static void available_index_going_back_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_avail(&f->ring)[1] = 0xffff;
	assert_broken(f);
}

static void readable_after_writable_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, RING_F_NEXT | RING_F_WRITE, 1);
	ring_set(&f->ring, 1, DATA, 16, 0, 0);
	ring_offer(&f->ring, 0);
	assert_broken(f);
}

static void indirect_descriptor_breaks_the_queue(void **state)
{
	struct fixture *f = *state;
	ring_set(&f->ring, 0, DATA, 16, RING_F_INDIRECT, 0);
	ring_offer(&f->ring, 0);
	assert_broken(f);
}

static void bad_buffers_break_the_queue(void **state)
{
	struct fixture *f = *state;
	static const struct ring_desc bad[] = {
	    {.addr = DATA, .len = 0},
	    {.addr = MEMORY, .len = 1},
	    {.addr = MEMORY - 8, .len = 9},
	    {.addr = 0, .len = MEMORY + 1},
	    {.addr = DATA, .len = 0xffffffff},
	    {.addr = 0xffffffffffffffff, .len = 2},
	    {.addr = 0xfffffffffffff000, .len = 0x2000},
	    {.addr = 0x8000000000000000, .len = 16},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->vq = ring_queue(&f->ring);
		assert_int_equal(virtqueue_start(&f->vq, &f->memory), 0);
		f->ring.avail_idx = 0;
		*ring_desc(&f->ring, 0) = bad[i];
		ring_offer(&f->ring, 0);
		assert_broken(f);
	}
}

static void reset_makes_a_broken_queue_unusable_but_clean(void **state)
{
	struct fixture *f = *state;
	ring_offer(&f->ring, 8);
	assert_broken(f);
	virtqueue_reset(&f->vq);
	assert_int_equal(virtqueue_pop(&f->vq, &f->memory, &f->chain), 0);
	assert_false(f->vq.broken);
}

static bool stop_changing;

/* Another vCPU of the guest: writes good and bad values over the rings as fast as it can. */
static void *change_rings(void *context)
{
	struct fixture *f = context;
	/* By word of a descriptor: address low, address high, length, flags and next. */
	static const uint32_t values[4][8] = {
	    {DATA, DATA + 16, MEMORY - 4, 0, 0x1000, MEMORY, DATA + 8, 0xfffffff0},
	    {0, 0, 0, 0, 0, 0, 0, 0xffffffff},
	    {16, 4, 1, 4096, 0x10000, 0xffffffff, 0, 64},
	    {0, 2, 0x10001, 0x20003, 0x30001, 0, 0x90001, 0x40003},
	};
	uint32_t *desc = (uint32_t *)(f->memory.base + 0x1000);
	uint16_t *avail = (uint16_t *)(f->memory.base + 0x2000);
	uint32_t random = 1;
	while (!__atomic_load_n(&stop_changing, __ATOMIC_RELAXED)) {
		random = random * 1664525 + 1013904223;
		uint32_t word = (random >> 16) % 32;
		__atomic_store_n(&desc[word], values[word % 4][random >> 8 & 7], __ATOMIC_RELAXED);
		__atomic_store_n(&avail[2 + (random >> 24) % 8], random >> 12 & 15 ? random >> 21 & 7 : 9,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&avail[1], random >> 11 & 15, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void chains_stay_valid_while_the_rings_change(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	int chains = 0;
	stop_changing = false;
	assert_int_equal(pthread_create(&thread, NULL, change_rings, f), 0);
	for (int i = 0; i < 10000000 && chains < 20000; i++) {
		if (f->vq.broken)
			assert_int_equal(virtqueue_start(&f->vq, &f->memory), 0);
		if (virtqueue_pop(&f->vq, &f->memory, &f->chain) <= 0)
			continue;
		chains++;
		assert_in_range(f->chain.readable + f->chain.writable, 1, 8);
		for (int n = 0; n < f->chain.readable + f->chain.writable; n++) {
			const uint8_t *base = f->chain.iov[n].iov_base;
			assert_true(base >= f->memory.base && f->chain.iov[n].iov_len > 0);
			assert_true((size_t)(base - f->memory.base) + f->chain.iov[n].iov_len <= MEMORY);
		}
	}
	__atomic_store_n(&stop_changing, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(chains > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(start_refuses_bad_placement),
	    T(empty_queue_gives_nothing),
	    T(queue_that_is_not_ready_gives_nothing),
	    T(chain_is_split_into_readable_and_writable),
	    T(used_entries_appear_only_when_published),
	    T(interrupt_wish_of_the_driver_is_honoured),
	    T(notification_wish_of_the_device_is_shown),
	    T(unpop_gives_the_chain_back),
	    T(indices_wrap_at_65536),
	    T(longest_chain_is_the_whole_table),
	    T(loop_breaks_the_queue),
	    T(self_loop_breaks_the_queue),
	    T(head_outside_the_table_breaks_the_queue),
	    T(next_outside_the_table_breaks_the_queue),
	    T(more_available_than_the_size_breaks_the_queue),
	    T(available_index_going_back_breaks_the_queue),
	    T(readable_after_writable_breaks_the_queue),
	    T(indirect_descriptor_breaks_the_queue),
	    T(bad_buffers_break_the_queue),
	    T(reset_makes_a_broken_queue_unusable_but_clean),
	    T(chains_stay_valid_while_the_rings_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
