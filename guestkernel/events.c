/* SPDX-License-Identifier: Apache-2.0 */
#include "guestkernel/events.h"

#include "abi/boot.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/proc/sched.h"

void events_handle(u32 events)
{
	if (events & EVENT_TIMER)
		sched_tick();
	if (events & EVENT_VSOCK)
		vsock_poll();
	if (events & EVENT_WINDOW)
		p9_window_lost();
	if (events & EVENT_IPI)
		current->need_resched = true;
}

bool events_before_idle(void)
{
	return vsock_flush();
}
