/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/virtio_mmio.c runner/virtqueue.c
 *
 * virtio-mmio registers: negotiation as stock drivers do it, and illegal accesses, which must change nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runner/virtio_mmio.h"
#include "tests/unit/guest_ring.h"

#define FEATURE 1ull
#define QUEUES	3u

struct fixture {
	struct guest_memory memory;
	struct virtio_mmio mmio;
};

static const uint64_t cid = 0x1122334455667788;

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->memory = ring_memory(0x20000);
	virtio_mmio_init(&f->mmio, 19, FEATURE, QUEUES, &cid, sizeof(cid));
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

static uint32_t get(struct fixture *f, uint64_t offset)
{
	uint32_t value;
	virtio_mmio_read(&f->mmio, offset, &value, sizeof(value));
	return value;
}

static enum virtio_action set(struct fixture *f, uint64_t offset, uint32_t value)
{
	uint32_t queue;
	return virtio_mmio_write(&f->mmio, &f->memory, offset, &value, sizeof(value), &queue);
}

static void negotiate(struct fixture *f)
{
	set(f, VIRTIO_MMIO_STATUS, 1);
	set(f, VIRTIO_MMIO_STATUS, 3);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, FEATURE);
	set(f, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 11);
}

static void configure(struct fixture *f, uint32_t queue)
{
	set(f, VIRTIO_MMIO_QUEUE_SEL, queue);
	set(f, VIRTIO_MMIO_QUEUE_NUM, 8);
	set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000);
	set(f, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 0x2000);
	set(f, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 0x3000);
	set(f, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void identity_is_that_of_the_device(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(get(f, VIRTIO_MMIO_MAGIC), 0x74726976);
	assert_int_equal(get(f, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(get(f, VIRTIO_MMIO_DEVICE_ID), 19);
	assert_int_equal(get(f, VIRTIO_MMIO_DEVICE_FEATURES), FEATURE);
	set(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(get(f, VIRTIO_MMIO_DEVICE_FEATURES), 1);
	set(f, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(get(f, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	assert_int_equal(get(f, VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	assert_int_equal(get(f, VIRTIO_MMIO_CONFIG_GENERATION), 0);
}

static void configuration_reads_within_its_bounds_only(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 0;
	virtio_mmio_read(&f->mmio, VIRTIO_MMIO_CONFIG, &value, 8);
	assert_int_equal(value, cid);
	value = 0;
	virtio_mmio_read(&f->mmio, VIRTIO_MMIO_CONFIG + 7, &value, 1);
	assert_int_equal(value, 0x11);
	virtio_mmio_read(&f->mmio, VIRTIO_MMIO_CONFIG + 4, &value, 8);
	assert_int_equal(value, 0);
	value = 1;
	virtio_mmio_read(&f->mmio, VIRTIO_MMIO_CONFIG + 8, &value, 8);
	assert_int_equal(value, 0);
	value = 1;
	virtio_mmio_read(&f->mmio, UINT64_MAX, &value, 8);
	assert_int_equal(value, 0);
}

static void negotiation_reaches_driver_ok(void **state)
{
	struct fixture *f = *state;
	negotiate(f);
	configure(f, 1);
	assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 1);
	assert_int_equal(set(f, VIRTIO_MMIO_STATUS, 15), VIRTIO_START);
	assert_true(virtio_mmio_live(&f->mmio));
}

static void status_follows_the_table_only(void **state)
{
	struct fixture *f = *state;
	static const uint32_t legal[] = {0, 1, 3, 11, 15};
	for (size_t at = 0; at < 5; at++) {
		for (uint32_t value = 1; value < 256; value++) {
			virtio_mmio_init(&f->mmio, 19, FEATURE, QUEUES, &cid, sizeof(cid));
			f->mmio.features = VIRTIO_F_VERSION_1;
			f->mmio.status = legal[at];
			set(f, VIRTIO_MMIO_STATUS, value);
			bool next = (at < 4 && value == legal[at + 1]) || value == (legal[at] | VIRTIO_FAILED);
			assert_int_equal(f->mmio.status, next ? value : legal[at]);
		}
	}
}

static void features_not_offered_or_without_version_1_do_not_stick(void **state)
{
	struct fixture *f = *state;
	set(f, VIRTIO_MMIO_STATUS, 1);
	set(f, VIRTIO_MMIO_STATUS, 3);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, FEATURE);
	set(f, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 3);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 0x80000000u);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	set(f, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 3);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 0xffffffff);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	set(f, VIRTIO_MMIO_STATUS, 11);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 11);
	/* Too late to change one's mind. */
	set(f, VIRTIO_MMIO_DRIVER_FEATURES, FEATURE);
	assert_int_equal(f->mmio.features, VIRTIO_F_VERSION_1);
}

static void queues_cannot_be_set_up_outside_their_time(void **state)
{
	struct fixture *f = *state;
	configure(f, 0);
	assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
	negotiate(f);
	configure(f, 0);
	/* A ready queue does not move. */
	set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x5000);
	set(f, VIRTIO_MMIO_QUEUE_NUM, 4);
	assert_int_equal(f->mmio.queue[0].desc.value, 0x1000);
	assert_int_equal(f->mmio.queue[0].size, 8);
	set(f, VIRTIO_MMIO_STATUS, 15);
	configure(f, 1);
	assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void queues_with_bad_sizes_or_addresses_do_not_become_ready(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint32_t reg, value;
	} bad[] = {
	    {VIRTIO_MMIO_QUEUE_NUM, 0},
	    {VIRTIO_MMIO_QUEUE_NUM, 5},
	    {VIRTIO_MMIO_QUEUE_NUM, 0x10008},
	    {VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1001},
	    {VIRTIO_MMIO_QUEUE_DESC_HIGH, 1},
	    {VIRTIO_MMIO_QUEUE_DRIVER_HIGH, 0xffffffff},
	    {VIRTIO_MMIO_QUEUE_DEVICE_LOW, 0x1fffc},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set(f, VIRTIO_MMIO_STATUS, 0);
		negotiate(f);
		configure(f, 0);
		set(f, VIRTIO_MMIO_QUEUE_READY, 0);
		assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
		set(f, VIRTIO_MMIO_QUEUE_NUM, 8);
		set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x1000);
		set(f, VIRTIO_MMIO_QUEUE_DRIVER_LOW, 0x2000);
		set(f, VIRTIO_MMIO_QUEUE_DEVICE_LOW, 0x3000);
		set(f, bad[i].reg, bad[i].value);
		set(f, VIRTIO_MMIO_QUEUE_READY, 1);
		assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
	}
}

static void queues_that_do_not_exist_are_not_there(void **state)
{
	struct fixture *f = *state;
	negotiate(f);
	for (uint32_t queue = QUEUES; queue < 8; queue++) {
		struct virtio_mmio before;
		configure(f, queue);
		assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
		before = f->mmio;
		set(f, VIRTIO_MMIO_QUEUE_DESC_LOW, 0x77);
		assert_memory_equal(&before, &f->mmio, sizeof(before));
	}
	configure(f, 0xffffffff);
	assert_int_equal(get(f, VIRTIO_MMIO_QUEUE_READY), 0);
}

static void notifications_of_live_queues_only(void **state)
{
	struct fixture *f = *state;
	uint32_t value = 1, queue = 99;
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1), VIRTIO_NOTHING);
	negotiate(f);
	configure(f, 1);
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 1), VIRTIO_NOTHING);
	set(f, VIRTIO_MMIO_STATUS, 15);
	assert_int_equal(virtio_mmio_write(&f->mmio, &f->memory, VIRTIO_MMIO_QUEUE_NOTIFY, &value, 4, &queue),
			 VIRTIO_NOTIFY);
	assert_int_equal(queue, 1);
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0), VIRTIO_NOTHING);
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 3), VIRTIO_NOTHING);
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0xffffffff), VIRTIO_NOTHING);
}

static void accesses_of_other_sizes_do_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 1;
	uint32_t queue;
	static const uint32_t sizes[] = {1, 2, 8};
	for (size_t i = 0; i < 3; i++) {
		virtio_mmio_write(&f->mmio, &f->memory, VIRTIO_MMIO_STATUS, &value, sizes[i], &queue);
		assert_int_equal(f->mmio.status, 0);
		uint64_t out = 5;
		virtio_mmio_read(&f->mmio, VIRTIO_MMIO_MAGIC, &out, sizes[i]);
		assert_int_equal(out & 0xff, 0);
	}
	assert_int_equal(get(f, VIRTIO_MMIO_MAGIC + 2), 0);
	set(f, VIRTIO_MMIO_CONFIG, 0);
	set(f, UINT64_MAX - 3, 0);
	assert_memory_equal(f->mmio.config, &cid, sizeof(cid));
}

static void reset_forgets_everything_of_the_driver(void **state)
{
	struct fixture *f = *state;
	struct virtio_mmio fresh = f->mmio;
	negotiate(f);
	configure(f, 0);
	set(f, VIRTIO_MMIO_STATUS, 15);
	f->mmio.interrupt_status = 3;
	assert_int_equal(set(f, VIRTIO_MMIO_STATUS, 0), VIRTIO_RESET);
	assert_memory_equal(&fresh, &f->mmio, sizeof(fresh));
}

static void failure_is_told_and_ends_with_a_reset(void **state)
{
	struct fixture *f = *state;
	virtio_mmio_fail(&f->mmio);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 0);
	negotiate(f);
	configure(f, 0);
	set(f, VIRTIO_MMIO_STATUS, 15);
	virtio_mmio_fail(&f->mmio);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 15 | VIRTIO_NEEDS_RESET);
	assert_int_equal(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INTERRUPT_CONFIG);
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 0), VIRTIO_NOTHING);
	set(f, VIRTIO_MMIO_STATUS, 15);
	assert_false(virtio_mmio_live(&f->mmio));
	set(f, VIRTIO_MMIO_INTERRUPT_ACK, 3);
	assert_int_equal(get(f, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	set(f, VIRTIO_MMIO_STATUS, 0);
	negotiate(f);
}

static void handover_is_live_at_once(void **state)
{
	struct fixture *f = *state;
	struct boot_queue queue[QUEUES];
	for (uint32_t i = 0; i < QUEUES; i++) {
		uint64_t base = 0x1000 + i * 0x3000;
		queue[i] =
		    (struct boot_queue){.desc = base, .driver = base + 0x1000, .device = base + 0x2000, .size = 256};
	}
	assert_int_equal(virtio_mmio_handover(&f->mmio, &f->memory, queue, QUEUES - 1), -1);
	assert_int_equal(virtio_mmio_handover(&f->mmio, &f->memory, queue, QUEUES), 0);
	assert_true(virtio_mmio_live(&f->mmio));
	assert_int_equal(set(f, VIRTIO_MMIO_QUEUE_NOTIFY, 2), VIRTIO_NOTIFY);
	assert_int_equal(virtio_mmio_handover(&f->mmio, &f->memory, queue, QUEUES), -1);
	set(f, VIRTIO_MMIO_STATUS, 0);
	queue[2].device = 0x1f000;
	queue[2].size = 0x10000 + 256;
	assert_int_equal(virtio_mmio_handover(&f->mmio, &f->memory, queue, QUEUES), -1);
	assert_int_equal(get(f, VIRTIO_MMIO_STATUS), 0);
	assert_false(f->mmio.queue[0].ready);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(identity_is_that_of_the_device),
	    T(configuration_reads_within_its_bounds_only),
	    T(negotiation_reaches_driver_ok),
	    T(status_follows_the_table_only),
	    T(features_not_offered_or_without_version_1_do_not_stick),
	    T(queues_cannot_be_set_up_outside_their_time),
	    T(queues_with_bad_sizes_or_addresses_do_not_become_ready),
	    T(queues_that_do_not_exist_are_not_there),
	    T(notifications_of_live_queues_only),
	    T(accesses_of_other_sizes_do_nothing),
	    T(reset_forgets_everything_of_the_driver),
	    T(failure_is_told_and_ends_with_a_reset),
	    T(handover_is_live_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
