/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/crash.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;

/* ---- the guest's own record ---- */

void crash_describe(const struct shared_page *page, char *text, size_t size, char *dump, size_t dump_size)
{
	struct shared_crash c;
	memcpy(&c, &page->crash, sizeof(c));
	c.reason[sizeof(c.reason) - 1] = 0;
	for (char *p = c.reason; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
			*p = '?';
	snprintf(text, size, "%.200s (vector %u, error %#llx, rip %#llx, cr2 %#llx, rsp %#llx)",
		 c.reason[0] ? c.reason : "no reason given", c.vector, (ull)c.error_code, (ull)c.rip, (ull)c.cr2,
		 (ull)c.rsp);
	if (!dump)
		return;
	snprintf(dump, dump_size,
		 "sandbox: guest: rax %016llx rbx %016llx rcx %016llx rdx %016llx\n"
		 "sandbox: guest: rsi %016llx rdi %016llx rbp %016llx rsp %016llx\n"
		 "sandbox: guest: r8  %016llx r9  %016llx r10 %016llx r11 %016llx\n"
		 "sandbox: guest: r12 %016llx r13 %016llx r14 %016llx r15 %016llx\n"
		 "sandbox: guest: rip %016llx rflags %08llx cs %llx ss %llx\n",
		 (ull)c.rax, (ull)c.rbx, (ull)c.rcx, (ull)c.rdx, (ull)c.rsi, (ull)c.rdi, (ull)c.rbp, (ull)c.rsp,
		 (ull)c.r8, (ull)c.r9, (ull)c.r10, (ull)c.r11, (ull)c.r12, (ull)c.r13, (ull)c.r14, (ull)c.r15,
		 (ull)c.rip, (ull)c.rflags, (ull)c.cs, (ull)c.ss);
}

/* ---- what is left when KVM has lost it ---- */

struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	size_t moved = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
	t->at += moved;
	t->left -= moved;
}

/* Whether two roots have the same upper half. */
static bool same_kernel(const struct guest_memory *memory, uint64_t root, uint64_t kernel)
{
	const uint8_t *a = memory_range(memory, gpa(root & ~0xfffull), BOOT_PAGE);
	const uint8_t *b = memory_range(memory, gpa(kernel), BOOT_PAGE);
	return a && b && !memcmp(a + BOOT_PAGE / 2, b + BOOT_PAGE / 2, BOOT_PAGE / 2);
}

static uint64_t gate_target(const uint64_t *gate)
{
	return (gate[0] & 0xffff) | (gate[0] >> 32 & 0xffff0000) | gate[1] << 32;
}

/* Whether the gates of page fault and double fault lead into the kernel's text. */
static bool gates_stand(const struct guest_memory *memory, unsigned cpu)
{
	const struct kernel_header *kernel = memory_range(memory, gpa(BOOT_KERNEL_GPA), sizeof(*kernel));
	const uint8_t *page = memory_range(memory, gpa(BOOT_CPU_GPA + cpu * (uint64_t)BOOT_PAGE), BOOT_PAGE);
	if (!kernel || !page)
		return false;
	const uint64_t *idt = (const uint64_t *)(page + BOOT_CPU_IDT);
	for (unsigned vector = 8; vector <= 14; vector += 6) {
		uint64_t want = kernel->trap_split + vector * kernel->trap_stride;
		if (gate_target(&idt[2 * vector]) != want || !(idt[2 * vector] >> 47 & 1))
			return false;
	}
	return true;
}

static void add_event(struct text *t, const struct recent_event *e)
{
	unsigned number = e->what & 0xffffff;
	ull value = e->value;
	switch (e->what >> 24) {
	case RECENT_CALL:
		add(t, " call %u at %llx;", number, value);
		break;
	case RECENT_TRAP:
		add(t, " trap %u/%x at %llx;", number & 0xff, number >> 8, value);
		break;
	case RECENT_ADDRESS:
		add(t, " of %llx", value);
		break;
	case RECENT_USER:
		add(t, " user %llx;", value);
		break;
	case RECENT_TABLES:
		add(t, " cr3 %llx;", value);
		break;
	case RECENT_STACK:
		add(t, " stack %llx;", value);
		break;
	case RECENT_HALT:
		add(t, " halt;");
		break;
	case RECENT_AWAKE:
		add(t, " awake;");
		break;
	default:
		break;
	}
}

/* The newest first: where the text is cut, it is the oldest that are missing. */
static void add_recent(struct text *t, const struct recent_cpu *recent)
{
	unsigned newest = 0;
	for (unsigned i = 1; i < RECENT_EVENTS; i++)
		if ((int32_t)(recent->event[i].serial - recent->event[newest].serial) > 0)
			newest = i;
	add(t, "; last first:");
	for (unsigned i = 0; i < RECENT_EVENTS; i++)
		add_event(t, &recent->event[(newest + RECENT_EVENTS - i) % RECENT_EVENTS]);
}

void crash_describe_stuck(const struct guest_memory *memory, unsigned cpu, const char *what, uint64_t detail,
			  const struct kvm_regs *regs, const struct kvm_sregs *sregs, char *text, size_t size)
{
	struct text t = {text, size};
	const struct shared_page *shared = memory_range(memory, gpa(BOOT_SHARED_GPA), sizeof(*shared));
	const struct boot_block *block = memory_range(memory, gpa(BOOT_BLOCK_GPA), sizeof(*block));
	const struct recent_cpu *ring = memory_range(memory, gpa(BOOT_RECENT_GPA), BOOT_PAGE);
	add(&t, "%s (%llu) on CPU %u: rip %#llx rsp %#llx rflags %#llx cs %#x cr2 %#llx cr3 %#llx", what, (ull)detail,
	    cpu, (ull)regs->rip, (ull)regs->rsp, (ull)regs->rflags, sregs->cs.selector, (ull)sregs->cr2,
	    (ull)sregs->cr3);
	if (!shared || !block || !ring || block->layout != LAYOUT_SPLIT)
		return;
	struct recent_cpu recent = ring[cpu];
	uint64_t kernel = block->page_table_root, root = shared->cpu[cpu].root;
	add(&t, "; tables %llx %s, gates %s", (ull)(root ? root : kernel),
	    same_kernel(memory, root ? root : kernel, kernel) ? "whole" : "BROKEN",
	    gates_stand(memory, cpu) ? "whole" : "BROKEN");
	if (recent.event[1].serial) /* the first that is written */
		add_recent(&t, &recent);
}
