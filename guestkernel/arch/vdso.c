/* SPDX-License-Identifier: Apache-2.0
 *
 * The vDSO in programs: a data page and the code of vdso/, mapped straight from the kernel image.
 */
#include "guestkernel/vdso/vdso.h"

#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/mm/vm.h"

extern u8 vdso_pages[], vdso_code_pages[], vdso_pages_end[];

void vdso_init(void)
{
	time_fill_vdso((struct vdso_data *)vdso_pages);
}

u64 arch_map_vdso(struct mm *mm)
{
	u64 pages = (u64)(vdso_pages_end - vdso_pages) >> PAGE_SHIFT;
	long va = mm_map_fixed_pages(mm, (u64)vdso_pages - BOOT_KERNEL_MAP, pages, "[vdso]");
	return va < 0 ? 0 : (u64)va + PAGE_SIZE;
}
