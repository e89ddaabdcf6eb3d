/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/cpuinfo: CPUID in Linux's words.
 */
#include "guestkernel/arch/cpuid.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"

void proc_show_cpuinfo(struct text *t, const struct proc_ref *ref);

/* Names of one register's bits from bit 0 on, separated by blanks; "-" for a bit without a name. */
struct feature_word {
	u32 leaf, subleaf;
	enum { EAX, EBX, ECX, EDX } reg;
	const char *names;
};

static const struct feature_word words[] = {
    {1, 0, EDX,
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse "
     "sse2 ss ht tm ia64 pbe"},
    {0x80000001, 0, EDX,
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"},
    {1, 0, ECX,
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 "
     "x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"},
    {0x80000001, 0, ECX,
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 "
     "tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx"},
    {7, 0, EBX,
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp_excptn_only smep bmi2 erms invpcid rtm cqm zero_fcs_fds mpx rdt_a "
     "avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni "
     "avx512bw avx512vl"},
    {0xd, 1, EAX, "xsaveopt xsavec xgetbv1 xsaves"},
    {7, 0, ECX,
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme "
     "avx512_vpopcntdq - la57 - - - - - rdpid - - cldemote - movdiri movdir64b"},
    {7, 0, EDX,
     "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk pconfig "
     "arch_lbr - - amx_bf16 avx512_fp16 amx_tile amx_int8"},
    {7, 1, EAX, "- - - - avx_vnni avx512_bf16"},
};

static u32 max_leaf(u32 leaf)
{
	return cpuid(leaf & 0x80000000, 0).eax;
}

static void show_features(struct text *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const struct feature_word *w = &words[i];
		if (w->leaf > max_leaf(w->leaf))
			continue;
		struct cpuid id = cpuid(w->leaf, w->subleaf);
		u32 bits = w->reg == EAX ? id.eax : w->reg == EBX ? id.ebx : w->reg == ECX ? id.ecx : id.edx;
		const char *name = w->names;
		for (int bit = 0; *name; bit++) {
			size_t n = 0;
			while (name[n] && name[n] != ' ')
				n++;
			if ((bits >> bit & 1) && name[0] != '-') {
				text_add(t, " ", 1);
				text_add(t, name, n);
			}
			name += n + (name[n] == ' ');
		}
	}
}

static void text_of(struct text *t, const struct cpuid *id, int count)
{
	char s[49] = {0};
	memcpy(s, id, (size_t)count * sizeof(*id));
	const char *p = s;
	while (*p == ' ')
		p++;
	text_printf(t, "%s", p);
}

static void show_names(struct text *t)
{
	struct cpuid first = cpuid(0, 0), vendor = {first.ebx, first.edx, first.ecx, 0};
	u32 sig = cpuid(1, 0).eax, family = sig >> 8 & 15, model = sig >> 4 & 15;
	if (family >= 6)
		model |= (sig >> 16 & 15) << 4;
	if (family == 15)
		family += sig >> 20 & 255;
	text_printf(t, "vendor_id\t: ");
	text_of(t, &vendor, 1);
	text_printf(t, "\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: ", family, model);
	if (max_leaf(0x80000000) >= 0x80000004) {
		struct cpuid brand[3] = {cpuid(0x80000002, 0), cpuid(0x80000003, 0), cpuid(0x80000004, 0)};
		text_of(t, brand, 3);
	}
	text_printf(t, "\nstepping\t: %u\nmicrocode\t: 0x1\n", sig & 15);
}

static void show_cpu(struct text *t, int cpu)
{
	u32 khz = boot->tsc_khz;
	text_printf(t, "processor\t: %d\n", cpu);
	show_names(t);
	text_printf(t, "cpu MHz\t\t: %u.%03u\ncache size\t: 1024 KB\n", khz / 1000, khz % 1000);
	text_printf(t,
		    "physical id\t: 0\nsiblings\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\napicid\t\t: %d\ninitial "
		    "apicid\t: %d\n",
		    arch_cpus(), cpu, arch_cpus(), cpu, cpu);
	text_printf(t,
		    "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:", cpuid(0, 0).eax);
	show_features(t);
	text_printf(t, "\nbugs\t\t:\nbogomips\t: %u.%02u\nclflush size\t: %u\ncache_alignment\t: 64\n", khz / 500,
		    khz / 5 % 100, (cpuid(1, 0).ebx >> 8 & 255) * 8);
	u32 sizes = max_leaf(0x80000000) >= 0x80000008 ? cpuid(0x80000008, 0).eax : 0x3028;
	text_printf(t, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n", sizes & 255,
		    sizes >> 8 & 255);
}

void proc_show_cpuinfo(struct text *t, const struct proc_ref *ref)
{
	for (int cpu = 0; cpu < arch_cpus(); cpu++)
		show_cpu(t, cpu);
}
