/* SPDX-License-Identifier: Apache-2.0
 *
 * Time from the TSC: its frequency and the wall clock at one moment come from the runner.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/vdso/vdso.h"

static u64 tsc_start;  /* nanosecond 0: the runner read both clocks */
static u64 ns_per_tsc; /* 32.32 fixed point */
static u64 tsc_per_ns;

u64 arch_tsc(void)
{
	u32 lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

void time_init(void)
{
	tsc_start = boot->wall_tsc;
	ns_per_tsc = (1000000ull << 32) / boot->tsc_khz;
	tsc_per_ns = ((u64)boot->tsc_khz << 32) / 1000000;
}

u64 time_tick_tsc(void)
{
	return (u64)((unsigned __int128)(BOOT_TICK_NS + BOOT_TICK_NS / 2) * tsc_per_ns >> 32);
}

u64 arch_tsc_to_ns(u64 tsc)
{
	return (u64)((unsigned __int128)(tsc - tsc_start) * ns_per_tsc >> 32);
}

u64 arch_ns_to_tsc(u64 ns)
{
	return tsc_start + (u64)((unsigned __int128)ns * tsc_per_ns >> 32);
}

void time_fill_vdso(struct vdso_data *data)
{
	data->tsc_start = tsc_start;
	data->ns_per_tsc = ns_per_tsc;
	data->wall_ns = boot->wall_ns;
}
