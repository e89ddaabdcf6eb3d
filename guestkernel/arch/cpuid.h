/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CPU says of itself (SDM vol. 2, CPUID). May be trapped by the hypervisor: not for hot paths.
 */
#ifndef GUESTKERNEL_ARCH_CPUID_H
#define GUESTKERNEL_ARCH_CPUID_H

#include "guestkernel/types.h"

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

#endif
