/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into the guest kernel by scripts/order.sh alone: notes which functions have been entered, and logs their
 * addresses in the order of their first calls before the power goes off.
 */
#include "abi/boot.h"
#include "guestkernel/lib.h"

#define TEXT  0xffffffff80100000ull /* guestkernel/arch/kernel.lds */
#define BYTES (2u << 20)	    /* of text, at most */
#define MOST  8192u

void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);
void __real_arch_poweroff(enum poweroff_reason reason) __attribute__((noreturn));
void __wrap_arch_poweroff(enum poweroff_reason reason) __attribute__((noreturn));

static u8 seen[BYTES / 16]; /* functions begin at multiples of 16 */
static u32 first[MOST], count;
static bool over;

void __cyg_profile_func_enter(void *function, void *caller)
{
	u64 i = ((u64)function - TEXT) / 16;
	if (over || i >= sizeof(seen) || seen[i] || count == MOST)
		return;
	seen[i] = 1;
	first[count++] = (u32)(u64)function;
}

void __cyg_profile_func_exit(void *function, void *caller) {}

void __wrap_arch_poweroff(enum poweroff_reason reason)
{
	over = true;
	for (u32 i = 0; i < count; i++)
		klog("first call: ffffffff%08x\n", first[i]);
	__real_arch_poweroff(reason);
}
