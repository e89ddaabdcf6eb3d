/* SPDX-License-Identifier: Apache-2.0
 *
 * The story of a boot: entry.S calls kernel_main() on each CPU, with page tables, descriptor tables and MSRs already
 * made by the runner.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/drv/tty.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/vsock.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/sched.h"

void kernel_main(u64 cpu);

const struct boot_block *boot;
volatile struct shared_page *shared;

/* The layout is known and faults have a stack from here on. */
static void early_init(u64 cpu)
{
	boot = phys_to_virt(BOOT_BLOCK_GPA);
	shared = phys_to_virt(BOOT_SHARED_GPA);
	arch_flat = boot->layout == LAYOUT_FLAT;
	cpus[cpu].number = (u32)cpu;
	cpus[cpu].root = boot->page_table_root;
	cpus[cpu].kstack_top = (u64)__builtin_frame_address(0) & ~15ull;
	if (boot->magic != BOOT_MAGIC)
		arch_poweroff(POWEROFF_CRASH);
}

void kernel_main(u64 cpu)
{
	early_init(cpu);
	if (cpu == 0) {
		shared->stats.tsc_kernel = arch_tsc();
		sched_init();
		for (u32 i = 1; i < boot->cpus; i++) {
			cpus[i].number = i;
			cpus[i].lazy = true;
			sched_init_cpu((int)i);
		}
		kernel_lock();
		time_init();
		vdso_init();
		page_init(boot->free_start, boot->first_bytes, boot->memory_bytes);
		vsock_init();
		vfs_init();
		tty_init();
		int r = initramfs_unpack(phys_to_virt(boot->initramfs), boot->initramfs_bytes);
		if (r)
			panic("initramfs: error %d", r);
		r = process_start_init("/init");
		if (r)
			panic("/init: error %d", r);
	} else {
		/* The runner lets a CPU begin at its first event: when the scheduler kicks it because there is work. */
		kernel_lock();
		cpus[cpu].lazy = false;
	}
	sched_idle();
}
