/* SPDX-License-Identifier: Apache-2.0
 *
 * Address spaces: the input chooses operations of the model check (tests/unit/mm_model.h).
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/vma.c guestkernel/mm/region.c guestkernel/mm/zap.c guestkernel/mm/vm.c guestkernel/mm/fault.c guestkernel/mm/cow.c guestkernel/mm/clone.c guestkernel/mm/protect.c guestkernel/mm/remap.c guestkernel/mm/madvise.c guestkernel/mm/lock.c guestkernel/mm/uaccess.c guestkernel/lib.c tests/unit/arch_stub.c tests/unit/mm_world.c tests/unit/mm_model.c
 */
#include <stddef.h>
#include <string.h>
#include "tests/unit/mm_model.h"

struct input {
	const uint8_t *data;
	size_t left;
};

static bool take(void *arg, uint32_t *value)
{
	struct input *in = arg;
	uint16_t word;

	if (in->left < sizeof(word))
		return false;
	memcpy(&word, in->data, sizeof(word));
	in->data += sizeof(word);
	in->left -= sizeof(word);
	*value = word;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	if (size < 2)
		return 0;
	model_run(take, &in, data[0] & 1 ? 12ul << 20 : 64ul << 20);
	return 0;
}
