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
/* pt_flush() for when tables are to be freed: idle CPUs, too, hold no pointer to them afterwards. */
void cpu_flush_tables(struct pagetable *pt, u64 start, u64 end);
/* Before pt is forgotten: CPUs that have it loaded go on with its tables, which stay until the last has loaded others.
 */
void cpu_disown_pagetable(struct pagetable *pt);
/* The tables below a root live as long as a pagetable or a CPU has a reference. The kernel's own are not counted. */
void pt_get_root(u64 root);
/* Whether the kernel can go on once this root is loaded: of one that cannot nothing would be told but a triple fault.
 */
bool pt_holds_kernel(u64 root);
void pt_put_root(u64 root);
struct vdso_data;
void time_init(void);
u64 time_tick_tsc(void); /* the runner sees deadlines that are at least this far ahead by itself */
void time_fill_vdso(struct vdso_data *data);
void vdso_init(void);
/* Writes the crash record and ends the guest. */
void crash(const struct regs *regs, u32 vector, u64 error_code, u64 cr2, const char *reason) __attribute__((noreturn));

#endif
