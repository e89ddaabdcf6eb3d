/* SPDX-License-Identifier: Apache-2.0
 *
 * Address spaces against a model of them, in long random runs.
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/vma.c guestkernel/mm/region.c guestkernel/mm/zap.c guestkernel/mm/vm.c guestkernel/mm/fault.c guestkernel/mm/cow.c guestkernel/mm/clone.c guestkernel/mm/protect.c guestkernel/mm/remap.c guestkernel/mm/madvise.c guestkernel/mm/lock.c guestkernel/mm/uaccess.c guestkernel/lib.c tests/unit/arch_stub.c tests/unit/mm_world.c tests/unit/mm_model.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/unit/mm_model.h"

static bool random_source(void *arg, uint32_t *value)
{
	uint64_t *state = arg; /* [0] generator, [1] choices left */

	state[0] = state[0] * 6364136223846793005ull + 1442695040888963407ull;
	*value = (uint32_t)(state[0] >> 33);
	return state[1]-- > 1;
}

static void model_with_plenty_of_memory(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		model_run(random_source, (uint64_t[]){seed, 60000}, 192ul << 20);
}

static void model_with_little_memory(void **state)
{
	for (uint64_t seed = 100; seed <= 112; seed++)
		model_run(random_source, (uint64_t[]){seed, 60000}, 12ul << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(model_with_plenty_of_memory),
	    cmocka_unit_test(model_with_little_memory),
	};

	return cmocka_run_group_tests_name("vm_model", tests, NULL, NULL);
}
