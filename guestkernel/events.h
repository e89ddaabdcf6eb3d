/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes from outside the running program: timer, device, other CPUs.
 */
#ifndef GUESTKERNEL_EVENTS_H
#define GUESTKERNEL_EVENTS_H

#include "guestkernel/types.h"

/* Acts on events that arch_take_events() returned. Kernel lock held; does not sleep. */
void events_handle(u32 events);
/* The last chance to do deferred work before this CPU halts; true when that made something happen. */
bool events_before_idle(void);

#endif
