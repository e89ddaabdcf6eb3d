/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of arch/.
 */
#ifndef GUESTKERNEL_ARCH_PRIVATE_H
#define GUESTKERNEL_ARCH_PRIVATE_H

#include "guestkernel/arch/arch.h"

bool cpu_events_pending(void);
void cpu_arm_deadline(void);
void cpu_out(u16 port, u32 value);
bool cpu_forget_pagetable(struct pagetable *pt);
void pt_free_tables(u64 root);
struct vdso_data;
void time_init(void);
u64 time_tick_tsc(void); /* the runner sees deadlines that are at least this far ahead by itself */
void time_fill_vdso(struct vdso_data *data);
void vdso_init(void);
/* Writes the crash record and ends the guest. */
void crash(const struct regs *regs, u32 vector, u64 error_code, u64 cr2, const char *reason) __attribute__((noreturn));

#endif
