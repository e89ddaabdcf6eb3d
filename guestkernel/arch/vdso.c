/* SPDX-License-Identifier: Apache-2.0
 *
 * The vDSO in programs: a data page and the code of vdso/, mapped straight from the kernel image.
 */
#include "guestkernel/vdso/vdso.h"

#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/mm/vma.h"

extern u8 vdso_pages[], vdso_code_pages[], vdso_pages_end[];

void vdso_init(void)
{
	time_fill_vdso((struct vdso_data *)vdso_pages);
}

u64 arch_map_vdso(struct mm *mm)
{
	struct page *pages[8];
	unsigned n = (unsigned)((vdso_pages_end - vdso_pages) >> PAGE_SHIFT);
	kassert(n <= ARRAY_SIZE(pages));
	for (unsigned i = 0; i < n; i++)
		pages[i] = page_of((u64)vdso_pages - BOOT_KERNEL_MAP + i * PAGE_SIZE);
	u64 va = vma_find_gap(mm, n * PAGE_SIZE, HUGE_SIZE, mm->mmap_top);
	if (!va || mm_map_fixed_pages(mm, va, pages, n, PROT_READ | PROT_EXEC, "[vdso]"))
		return 0;
	return va + PAGE_SIZE;
}
