/* SPDX-License-Identifier: Apache-2.0 */
#include "guestkernel/syscall/filter.h"
#include <asm/signal.h>
#include "guestkernel/lib.h"
#include "guestkernel/proc/process.h"

void filter_call(u64 number)
{
	u64 n = MIN(number, BOOT_CALLS - 1), bit = 1ull << n % 64;

	if (!current->process->filtered)
		return;
	if (boot->flags & BOOT_F_NOTE_CALLS)
		shared->calls.used[n / 64] |= bit;
	if (!(boot->flags & BOOT_F_LIMIT_CALLS) || boot->calls[n / 64] & bit)
		return;
	shared->calls.denied[n / 64] |= bit;
	process_exit_group(SIGSYS);
}
