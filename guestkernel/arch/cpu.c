/* SPDX-License-Identifier: Apache-2.0
 *
 * CPUs: the kernel lock, privileged services, events, idle, TLB shootdown.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/sched.h"

#define IDLE_POLL_NS   50000ull	 /* as long as an exit takes, twice */
#define IDLE_SHORT_NS  400000ull /* asleep and awake again by the host in no more than this */
#define SPINS_TO_YIELD 1000	 /* PAUSEs; what is waited for takes some 10 us unless the host has stopped that CPU */

struct cpu cpus[BOOT_MAX_CPUS] __attribute__((aligned(CPU_STRIDE)));
bool arch_flat;

void flat_service_cr3(u64 root);
void flat_service_invlpg(u64 va);
void flat_service_halt(void);
void flat_service_out(u32 port, u32 value);

struct thread *arch_current(void)
{
	u64 sp;
	__asm__("mov %%rsp, %0" : "=r"(sp));
	return *(struct thread **)(sp & ~(u64)(KERNEL_STACK_BYTES - 1));
}

int arch_cpu(void)
{
	return arch_current()->cpu;
}

int arch_cpus(void)
{
	return (int)boot->cpus;
}

void cpu_load_cr3(u64 root)
{
	if (arch_flat) {
		flat_service_cr3(root);
		return;
	}
	shared->cpu[arch_cpu()].root = root;
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

void cpu_invlpg(u64 va)
{
	if (arch_flat)
		flat_service_invlpg(va);
	else
		__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

void cpu_halt(void)
{
	if (arch_flat)
		flat_service_halt();
	else
		__asm__ volatile("hlt" : : : "memory");
}

void cpu_out(u16 port, u32 value)
{
	if (arch_flat)
		flat_service_out(port, value);
	else
		__asm__ volatile("out %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* ---- the kernel lock ---- */

static u32 lock_word;

/* One turn of a loop that waits for another CPU. With more CPUs than the host has, that one may not be running at all:
 * then the host is asked to run others first. */
static void wait_a_moment(unsigned *spins)
{
	__asm__ volatile("pause");
	if (unlikely(++*spins % SPINS_TO_YIELD == 0))
		cpu_out(PORT_YIELD, 0);
}

void kernel_lock(void)
{
	unsigned spins = 0;
	while (__atomic_exchange_n(&lock_word, 1, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&lock_word, __ATOMIC_RELAXED)) {
			if (!arch_flat)
				cpu_flush_if_asked(); /* see cpu_flush_tables() */
			wait_a_moment(&spins);
		}
	}
}

/* Kicks go out without the lock: the exit takes long, and who is kicked wants the lock first of all. */
static void send_kicks(struct cpu *cpu)
{
	u32 deaf = 0;
	for (int i = 0; i < arch_cpus(); i++) {
		if (!(cpu->kicks & (1u << i)))
			continue;
		/* In this order: one that stops being attentive looks at its events once more. */
		__atomic_fetch_or(&shared->cpu[i].events, EVENT_IPI, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&cpus[i].attentive, __ATOMIC_SEQ_CST))
			deaf |= 1u << i;
	}
	cpu->kicks = 0;
	if (deaf)
		cpu_out(PORT_IPI, deaf);
}

void kernel_unlock(void)
{
	struct cpu *cpu = this_cpu();
	__atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
	if (unlikely(cpu->kicks))
		send_kicks(cpu);
}

/* ---- page tables of this CPU ---- */

void arch_set_pagetable(struct pagetable *pt)
{
	struct cpu *cpu = this_cpu();
	u64 old = cpu->root, root = pt ? pt->root : boot->page_table_root;
	if (old == root)
		return;
	kassert(pt_holds_kernel(root));
	if (cpu->pt)
		cpu->pt->cpus &= ~(1u << cpu->number);
	if (pt)
		pt->cpus |= 1u << cpu->number;
	pt_get_root(root);
	cpu->pt = pt;
	cpu->root = root;
	cpu->flush_done = cpu->flush_wanted;
	cpu_recent(cpu, RECENT_TABLES, 0, root);
	cpu_load_cr3(root);
	pt_put_root(old);
}

static bool flush_pending(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->flush_wanted, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&cpu->flush_done, __ATOMIC_ACQUIRE);
}

/* Is somebody waiting for this CPU's flush although it is in the kernel? See cpu_flush_tables(). */
static bool flush_now(const struct cpu *cpu)
{
	return !arch_flat && flush_pending(cpu);
}

/* After the page table or cpu->root has changed. Kernel lock held. */
static void ask_flush(struct cpu *cpu)
{
	__atomic_add_fetch(&cpu->flush_wanted, 1, __ATOMIC_SEQ_CST);
}

/* What is asked for between the look and the end is not taken as done: the numbers differ still. */
void cpu_flush_if_asked(void)
{
	struct cpu *cpu = this_cpu();
	u32 wanted = __atomic_load_n(&cpu->flush_wanted, __ATOMIC_ACQUIRE);
	if (likely(wanted == cpu->flush_done))
		return;
	u64 root = __atomic_load_n(&cpu->root, __ATOMIC_RELAXED);
	cpu_recent(cpu, RECENT_TABLES, wanted, root);
	cpu_load_cr3(root);
	__atomic_store_n(&cpu->flush_done, wanted, __ATOMIC_RELEASE);
}

static void flush_here(u64 start, u64 end)
{
	/* In flat each service costs a trap: reload once. Otherwise single pages are cheaper one by one. */
	u64 pages = (end - start) >> PAGE_SHIFT;
	if (pages > (arch_flat ? 1 : 32)) {
		cpu_load_cr3(this_cpu()->root);
		return;
	}
	for (u64 va = start; va < end; va += PAGE_SIZE)
		cpu_invlpg(va);
}

/* A CPU in the kernel uses no translation of the program's before it has looked at what was asked of it, with the lock
 * held, on its way back. */
static bool flushes_before_user(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->attentive, __ATOMIC_SEQ_CST) || __atomic_load_n(&cpu->lazy, __ATOMIC_SEQ_CST);
}

/* Asks the CPUs of a mask, but this one, for a flush and waits until they run nothing of the program on old
 * translations; with `now`, until they have done it. */
static void flush_others(u32 who, bool now)
{
	u32 ipi = 0;
	unsigned spins = 0;
	who &= ~(1u << arch_cpu());
	for (int i = 0; i < arch_cpus(); i++) {
		if (!(who & (1u << i)))
			continue;
		ask_flush(&cpus[i]);
		if (!__atomic_load_n(&cpus[i].attentive, __ATOMIC_SEQ_CST) && (now || !cpus[i].lazy))
			ipi |= 1u << i;
	}
	if (ipi)
		cpu_out(PORT_IPI, ipi);
	for (int i = 0; i < arch_cpus(); i++)
		while ((who & (1u << i)) && flush_pending(&cpus[i]) && (now || !flushes_before_user(&cpus[i])))
			wait_a_moment(&spins);
}

void pt_flush_here(struct pagetable *pt, u64 start, u64 end)
{
	if (pt->cpus & (1u << arch_cpu()))
		flush_here(start, end);
}

void pt_flush(struct pagetable *pt, u64 start, u64 end)
{
	if (pt->dying)
		return;
	pt_flush_here(pt, start, end);
	flush_others(pt->cpus, false);
}

/* A real CPU walks ahead by itself, in the kernel too, and may mark entries as accessed in what is no table any more.
 * So each one flushes at once, and an idle one leaves pt for the kernel's own tables, so that it is woken up at most
 * once each time it idles. Where the host walks tables in software it does so only for an access that is made. */
void cpu_flush_tables(struct pagetable *pt, u64 start, u64 end)
{
	u32 idle = 0, who = pt->cpus;
	if (arch_flat) {
		pt_flush(pt, start, end);
		return;
	}
	for (int i = 0; i < arch_cpus(); i++) {
		struct cpu *cpu = &cpus[i];
		if (!(pt->cpus & (1u << i)) || !cpu->lazy)
			continue;
		idle |= 1u << i;
		cpu->pt = NULL;
		__atomic_store_n(&cpu->root, boot->page_table_root, __ATOMIC_RELAXED);
	}
	pt->cpus &= ~idle;
	pt_flush_here(pt, start, end);
	flush_others(who, true);
	for (; idle; idle &= idle - 1)
		pt_put_root(pt->root);
}

void cpu_disown_pagetable(struct pagetable *pt)
{
	for (int i = 0; i < arch_cpus(); i++)
		if (cpus[i].pt == pt)
			cpus[i].pt = NULL;
}

/* ---- events ---- */

u32 arch_take_events(void)
{
	volatile struct shared_cpu *s = &shared->cpu[arch_cpu()];
	u32 events = __atomic_exchange_n(&s->events, 0, __ATOMIC_SEQ_CST);
	s->taken++;
	if (events & EVENT_TIMER)
		this_cpu()->armed_deadline = 0; /* it has come: the next one is to be armed anew */
	return events;
}

bool cpu_events_pending(void)
{
	return __atomic_load_n(&shared->cpu[arch_cpu()].events, __ATOMIC_ACQUIRE) != 0;
}

void arch_kick_cpu(int n)
{
	if (n != arch_cpu())
		this_cpu()->kicks |= 1u << n;
}

void arch_set_deadline(u64 tsc)
{
	this_cpu()->wanted_deadline = tsc;
}

/* Before user mode. The runner looks at the deadline by itself every BOOT_TICK_NS; one that is nearer must be told, by
 * an exit, unless an earlier one is armed. One that comes too early is answered by arming again. */
void cpu_arm_deadline(void)
{
	struct cpu *cpu = this_cpu();
	u64 want = cpu->wanted_deadline;
	if (likely(!want) || (cpu->armed_deadline && cpu->armed_deadline <= want))
		return;
	cpu->armed_deadline = want;
	shared->cpu[cpu->number].deadline = want;
	if (want < arch_tsc() + time_tick_tsc())
		cpu_out(PORT_TIMER, 0);
}

/* Looks for an event for a while instead of going to sleep, which costs two exits and the host's scheduler; true when
 * there is something to do. A poll in vain is not repeated before a short idle time was seen. */
static bool poll_events(struct cpu *cpu)
{
	if (!cpu->idle_short || boot->cpus == 1)
		return false;
	u64 end = arch_ns_to_tsc(arch_tsc_to_ns(arch_tsc()) + IDLE_POLL_NS);
	while (!cpu_events_pending() && !flush_now(cpu) && arch_tsc() < end)
		__asm__ volatile("pause");
	return cpu_events_pending() || flush_now(cpu);
}

/* Sleeps, or nearly, until an event; without the lock. */
static void await_event(struct cpu *cpu)
{
	if (poll_events(cpu))
		return;
	u64 start_ns = arch_tsc_to_ns(arch_tsc());
	__atomic_store_n(&cpu->attentive, false, __ATOMIC_SEQ_CST);
	/* Who saw it attentive has sent nothing. The runner looks at the events again before it puts the CPU to sleep.
	 */
	if (!flush_now(cpu)) {
		cpu_recent(cpu, RECENT_HALT, 0, 0);
		cpu_halt();
		cpu_recent(cpu, RECENT_AWAKE, 0, 0);
	}
	cpu->attentive = true;
	cpu->idle_short = arch_tsc_to_ns(arch_tsc()) - start_ns < IDLE_SHORT_NS;
}

void arch_idle(u64 deadline)
{
	struct cpu *cpu = this_cpu();
	if (events_before_idle())
		return;
	if (!cpu_events_pending()) {
		cpu->armed_deadline = 0;
		shared->cpu[cpu->number].deadline = deadline;
		__atomic_store_n(&cpu->lazy, true, __ATOMIC_SEQ_CST);
		kernel_unlock();
		await_event(cpu);
		while (flush_now(cpu))
			cpu_flush_if_asked();
		kernel_lock();
		__atomic_store_n(&cpu->lazy, false, __ATOMIC_SEQ_CST);
	}
	events_handle(arch_take_events());
}

void arch_poweroff(enum poweroff_reason reason)
{
	for (;;)
		cpu_out(PORT_POWEROFF, reason);
}

void arch_discard(paddr_t start, u64 length)
{
	shared->discard.start = start;
	shared->discard.length = length;
	cpu_out(PORT_DISCARD, 0);
}

void arch_file_io(paddr_t request)
{
	cpu_out(PORT_FILE, (u32)(request / PAGE_SIZE));
}

void arch_want_memory(void)
{
	cpu_out(PORT_MEMORY, 0);
}
