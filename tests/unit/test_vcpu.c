/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/vcpu.c runner/crash.c runner/error.c
 * flags: -pthread
 *
 * Exits as a hostile guest can cause them: whatever the ports, lengths and ranges are, nothing outside the bounds is
 * read, written or given back. Guest memory and struct kvm_run stand before pages that nobody may touch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/policy.h"
#include "runner/vcpu.h"

#define RAM	   (4u << 20)
#define RUN_BYTES  8192u
#define FREE_START (1u << 20)

/* ---- what is around vcpu.c ---- */

struct boot_clock boot_clock;

static struct {
	unsigned reads, writes, waiting, stops, memory_added;
	bool memory_fails, delivers;
	unsigned looked, lost;
	uint64_t offset;
	uint32_t length, frame;
} seen;

void vsock_read(struct vsock *vsock, uint64_t offset, void *data, uint32_t length)
{
	seen.reads++;
	seen.offset = offset;
	seen.length = length;
	memset(data, 0, length);
}

bool vsock_write(struct vsock *vsock, uint64_t offset, const void *data, uint32_t length)
{
	seen.writes++;
	seen.offset = offset;
	seen.length = length;
	return seen.delivers;
}

void vsock_await_files(struct vsock *vsock)
{
	seen.waiting++;
}

bool dax_lost(struct dax *dax, uint32_t since)
{
	seen.looked++;
	return seen.lost > 0 && seen.lost-- > 0;
}

void lent_io(struct lent *lent, const struct guest_memory *memory, uint32_t frame)
{
	seen.frame = frame;
}

uint32_t dax_losses(struct dax *dax)
{
	return dax->losses;
}

void loop_stop(struct loop *loop)
{
	seen.stops++;
}

void loop_wake(struct loop *loop) {}

void trace_take(struct trace *trace, bool all) {}

int vm_map_window(const struct vm *vm, uint8_t *base)
{
	return 0;
}

int vm_map_rest(struct vm *vm, struct error *error)
{
	seen.memory_added++;
	return seen.memory_fails ? error_set(error, STATUS_RUNNER, "no memory") : 0;
}

int vm_set_features(struct vm *vm, void (*created)(void *context), void *context, struct error *error)
{
	return 0;
}

int policy_confine_older_thread(struct error *error)
{
	return 0;
}

int policy_confine_thread(enum policy_role role, struct error *error)
{
	return 0;
}

/* ---- the machine ---- */

struct world {
	struct machine machine;
	struct kvm_run *run;
	struct shared_page *page;
	struct vcpu *vcpu;
};

static void *fenced(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes + 2 * BOOT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + BOOT_PAGE, bytes, PROT_READ | PROT_WRITE), 0);
	return p + BOOT_PAGE;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct machine *m = &w->machine;
	memset(&seen, 0, sizeof(seen));
	m->vm.memory = (struct guest_memory){.base = fenced(RAM), .size = RAM};
	m->vm.run_bytes = RUN_BYTES;
	m->vm.cpus = 2;
	m->vm.vcpu_fd[0] = m->vm.vcpu_fd[1] = -1;
	m->trace.fd = -1;
	m->boot.free_start = FREE_START;
	for (unsigned i = 0; i < m->vm.cpus; i++)
		m->vcpu[i] = (struct vcpu){.machine = m, .index = i};
	w->vcpu = &m->vcpu[0];
	w->run = fenced(RUN_BYTES);
	w->page = (struct shared_page *)(m->vm.memory.base + BOOT_SHARED_GPA);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	munmap(w->machine.vm.memory.base - BOOT_PAGE, RAM + 2 * BOOT_PAGE);
	munmap((uint8_t *)w->run - BOOT_PAGE, RUN_BYTES + 2 * BOOT_PAGE);
	free(w);
	return 0;
}

static bool io(struct world *w, uint8_t direction, uint16_t port, uint8_t size, uint32_t count, uint64_t offset)
{
	w->run->exit_reason = KVM_EXIT_IO;
	w->run->io.direction = direction;
	w->run->io.port = port;
	w->run->io.size = size;
	w->run->io.count = count;
	w->run->io.data_offset = offset;
	return vcpu_handle_exit(w->vcpu, w->run);
}

static bool out(struct world *w, uint16_t port, uint32_t value)
{
	memcpy((uint8_t *)w->run + BOOT_PAGE, &value, sizeof(value));
	return io(w, KVM_EXIT_IO_OUT, port, 4, 1, BOOT_PAGE);
}

/* ---- ports ---- */

static void port_data_outside_the_run_page_is_left_alone(void **state)
{
	struct world *w = *state;
	static const uint64_t offsets[] = {RUN_BYTES - 1, RUN_BYTES,	  RUN_BYTES + 1,
					   UINT64_MAX,	  UINT64_MAX - 3, 1ull << 63};
	static const uint8_t sizes[] = {0, 1, 2, 4, 8, 255};
	static const uint32_t counts[] = {0, 1, 2, 4096, UINT32_MAX};
	for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++)
		for (size_t s = 0; s < sizeof(sizes); s++)
			for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
				for (int direction = 0; direction < 2; direction++)
					assert_true(io(w, (uint8_t)direction, 0x3f8, sizes[s], counts[c], offsets[o]));
	assert_int_equal(w->machine.end, MACHINE_RUNNING);
}

static void no_data_is_no_request(void **state)
{
	struct world *w = *state;
	assert_true(io(w, KVM_EXIT_IO_OUT, PORT_POWEROFF, 4, 0, RUN_BYTES));
	assert_true(io(w, KVM_EXIT_IO_OUT, PORT_POWEROFF, 0, 7, BOOT_PAGE));
	assert_int_equal(w->machine.end, MACHINE_RUNNING);
}

static void unknown_ports_do_nothing(void **state)
{
	struct world *w = *state;
	for (uint32_t port = 0; port <= 0xffff; port++) {
		if (port >= PORT_POWEROFF && port <= PORT_FILE)
			continue;
		assert_true(out(w, (uint16_t)port, UINT32_MAX));
	}
	assert_true(io(w, KVM_EXIT_IO_IN, PORT_POWEROFF, 4, 1, BOOT_PAGE));
	uint32_t answer;
	memcpy(&answer, (uint8_t *)w->run + BOOT_PAGE, 4);
	assert_int_equal(answer, UINT32_MAX);
	assert_int_equal(w->machine.end, MACHINE_RUNNING);
}

static void a_request_for_a_lent_file_is_done(void **state)
{
	struct world *w = *state;
	assert_true(out(w, PORT_FILE, 0xfeedbeef));
	assert_int_equal(seen.frame, 0xfeedbeef);
	assert_int_equal(w->vcpu->exits[EXIT_FILE], 1);
}

static void an_ipi_reaches_existing_cpus_alone(void **state)
{
	struct world *w = *state;
	assert_true(out(w, PORT_IPI, UINT32_MAX));
	for (unsigned i = 0; i < BOOT_MAX_CPUS; i++)
		assert_int_equal(w->page->cpu[i].events, i < 2 ? EVENT_IPI : 0);
}

/* ---- the log ---- */

static size_t log_bytes(struct world *w, uint32_t length, unsigned times, char *text, size_t size)
{
	int pair[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe2(pair, O_NONBLOCK), 0);
	fcntl(pair[1], F_SETPIPE_SZ, 1 << 18);
	dup2(pair[1], STDERR_FILENO);
	for (unsigned i = 0; i < times; i++)
		out(w, PORT_LOG, length);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pair[1]);
	size_t total = 0;
	for (ssize_t n; (n = read(pair[0], text + total, size - total)) > 0;)
		total += (size_t)n;
	close(pair[0]);
	return total;
}

static void a_huge_log_is_cut_and_harmless(void **state)
{
	struct world *w = *state;
	static char text[1 << 18];
	memset(w->page->log, 0x1b, SHARED_LOG_BYTES);
	assert_int_equal(log_bytes(w, UINT32_MAX, 1, text, sizeof(text)), 0); /* without -v */
	w->machine.verbose = true;
	size_t n = log_bytes(w, UINT32_MAX, 1, text, sizeof(text));
	assert_in_range(n, SHARED_LOG_BYTES, SHARED_LOG_BYTES + 64);
	assert_null(memchr(text, 0x1b, n));
}

static void the_log_ends_at_its_limit(void **state)
{
	struct world *w = *state;
	static char text[1 << 18];
	memset(w->page->log, 'x', SHARED_LOG_BYTES);
	w->machine.verbose = true;
	size_t n = log_bytes(w, SHARED_LOG_BYTES, 1000, text, sizeof(text)), guest = 0;
	for (size_t i = 0; i < n; i++)
		guest += text[i] == 'x';
	assert_in_range(guest, GUEST_LOG_MAX - SHARED_LOG_BYTES, GUEST_LOG_MAX + GUEST_LOG_MAX / SHARED_LOG_BYTES);
}

/* ---- giving memory back ---- */

static void only_free_memory_is_given_back(void **state)
{
	struct world *w = *state;
	static const struct shared_discard bad[] = {
	    {0, RAM},
	    {FREE_START - BOOT_PAGE, BOOT_PAGE},
	    {FREE_START - BOOT_PAGE, 2 * BOOT_PAGE},
	    {FREE_START, RAM},
	    {FREE_START, UINT64_MAX & ~4095ull},
	    {FREE_START + 1, BOOT_PAGE},
	    {FREE_START, 1},
	    {RAM, BOOT_PAGE},
	    {UINT64_MAX & ~4095ull, BOOT_PAGE},
	    {UINT64_MAX & ~4095ull, 2 * BOOT_PAGE},
	    {FREE_START, 0},
	};
	uint8_t *ram = w->machine.vm.memory.base;
	memset(ram, 0x5a, RAM);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		w->page->discard = bad[i];
		assert_true(out(w, PORT_DISCARD, 0));
		for (size_t at = 3 * BOOT_PAGE; at < RAM; at += BOOT_PAGE)
			assert_int_equal(ram[at], 0x5a);
	}
	w->page->discard = (struct shared_discard){FREE_START, BOOT_PAGE};
	assert_true(out(w, PORT_DISCARD, 0));
	assert_int_equal(ram[FREE_START], 0);
	assert_int_equal(ram[FREE_START + BOOT_PAGE], 0x5a);
	assert_int_equal(ram[FREE_START - 1], 0x5a);
}

static void the_rest_of_the_memory_is_added_once(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 3; i++)
		assert_true(out(w, PORT_MEMORY, 0));
	assert_int_equal(seen.memory_added, 1);
}

static void memory_that_cannot_be_added_ends_the_run(void **state)
{
	struct world *w = *state;
	seen.memory_fails = true;
	assert_false(out(w, PORT_MEMORY, 0));
	assert_int_equal(atomic_load(&w->machine.end), MACHINE_FAILED);
	assert_string_equal(w->machine.crash_text, "no memory");
}

/* ---- registers in memory ---- */

static void mmio_outside_the_window_reaches_no_device(void **state)
{
	struct world *w = *state;
	static const uint64_t far[] = {0, RAM, BOOT_MMIO_BASE - 1, BOOT_MMIO_BASE + VIRTIO_MMIO_BYTES, UINT64_MAX};
	static const uint32_t lengths[] = {0, 1, 3, 4, 8, 9, UINT32_MAX};
	w->run->exit_reason = KVM_EXIT_MMIO;
	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		w->run->mmio.len = lengths[l];
		for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
			w->run->mmio.phys_addr = far[i];
			w->run->mmio.is_write = i & 1;
			assert_true(vcpu_handle_exit(w->vcpu, w->run));
		}
		assert_int_equal(seen.reads + seen.writes, 0);
	}
	for (uint64_t offset = 0; offset < VIRTIO_MMIO_BYTES; offset++)
		for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
			w->run->mmio.phys_addr = BOOT_MMIO_BASE + offset;
			w->run->mmio.len = lengths[l];
			w->run->mmio.is_write = offset & 1;
			assert_true(vcpu_handle_exit(w->vcpu, w->run));
			assert_int_equal(seen.offset, offset);
			assert_true(seen.length <= 8);
		}
}

static void a_cpu_that_says_so_is_held_for_an_answer(void **state)
{
	struct world *w = *state;
	w->run->exit_reason = KVM_EXIT_MMIO;
	w->run->mmio.phys_addr = BOOT_MMIO_BASE;
	w->run->mmio.is_write = 1;
	w->run->mmio.len = 4;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	assert_int_equal(seen.waiting, 0);
	w->page->cpu[w->vcpu->index].waits = 0xffffffff;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	assert_int_equal(seen.waiting, 1);
	w->run->mmio.is_write = 0;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	w->run->mmio.is_write = 1;
	w->run->mmio.phys_addr = BOOT_MMIO_BASE - 4096;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	assert_int_equal(seen.waiting, 1);
}

static void a_cpu_that_has_an_answer_or_an_event_is_not_held(void **state)
{
	struct world *w = *state;
	struct shared_cpu *cpu = &w->page->cpu[w->vcpu->index];
	w->run->exit_reason = KVM_EXIT_MMIO;
	w->run->mmio.phys_addr = BOOT_MMIO_BASE;
	w->run->mmio.is_write = 1;
	w->run->mmio.len = 4;
	cpu->waits = 1;
	seen.delivers = true;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	seen.delivers = false;
	cpu->events = EVENT_VSOCK; /* the I/O thread was faster */
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	assert_int_equal(seen.waiting, 0);
	cpu->events = 0;
	assert_true(vcpu_handle_exit(w->vcpu, w->run));
	assert_int_equal(seen.waiting, 1);
	assert_int_equal(seen.writes, 3);
}

/* ---- the end ---- */

static void a_crash_report_is_ended_and_printable(void **state)
{
	struct world *w = *state;
	memset(&w->page->crash, 0xff, sizeof(w->page->crash));
	assert_false(out(w, PORT_POWEROFF, 77));
	assert_int_equal(w->machine.end, MACHINE_CRASHED);
	size_t n = strnlen(w->machine.crash_text, sizeof(w->machine.crash_text));
	assert_true(n < sizeof(w->machine.crash_text));
	for (size_t i = 0; i < n; i++)
		assert_in_range(w->machine.crash_text[i], ' ', '~');
}

static void the_first_crash_is_the_one_that_is_told(void **state)
{
	struct world *w = *state;
	strcpy(w->page->crash.reason, "the cause");
	assert_false(out(w, PORT_POWEROFF, POWEROFF_CRASH));
	w->vcpu = &w->machine.vcpu[1];
	strcpy(w->page->crash.reason, "what followed");
	assert_false(out(w, PORT_POWEROFF, POWEROFF_CRASH));
	w->run->exit_reason = KVM_EXIT_SHUTDOWN;
	assert_false(vcpu_handle_exit(w->vcpu, w->run));
	assert_non_null(strstr(w->machine.crash_text, "the cause"));
}

/* KVM resets the CPU then, on some hosts: what it did last stands in guest memory. */
static void a_triple_fault_tells_what_the_cpu_did_last(void **state)
{
	struct world *w = *state;
	uint8_t *ram = w->machine.vm.memory.base;
	struct boot_block *block = (struct boot_block *)(ram + BOOT_BLOCK_GPA);
	struct recent_cpu *recent = (struct recent_cpu *)(ram + BOOT_RECENT_GPA) + 1;
	uint64_t *gate = (uint64_t *)(ram + BOOT_CPU_GPA + BOOT_PAGE + BOOT_CPU_IDT) + 2 * 14;
	struct kernel_header *kernel = (struct kernel_header *)(ram + BOOT_KERNEL_GPA);
	w->vcpu = &w->machine.vcpu[1];
	w->run->exit_reason = KVM_EXIT_SHUTDOWN;
	block->layout = LAYOUT_SPLIT;
	block->page_table_root = 0x40000;
	w->page->cpu[1].root = 0x50000;
	*(uint64_t *)(ram + 0x40000 + 511 * 8) = *(uint64_t *)(ram + 0x50000 + 511 * 8) = 0x41003;
	kernel->trap_split = 0xffffffff80123440;
	kernel->trap_stride = 32;
	for (int v = 8; v <= 14; v += 6) {
		uint64_t target = kernel->trap_split + (uint64_t)v * 32, *g = gate + 2 * (v - 14);
		g[0] = (target & 0xffff) | 0x8e00ull << 32 | (target >> 16 & 0xffff) << 48;
		g[1] = target >> 32;
	}
	for (uint32_t i = 1; i <= RECENT_EVENTS + 3; i++)
		recent->event[i % RECENT_EVENTS] = (struct recent_event){RECENT_USER << 24, i, 0x1000 + i};
	recent->event[3] = (struct recent_event){RECENT_TRAP << 24 | 14 | 6 << 8, RECENT_EVENTS + 3, 0x401234};
	assert_false(vcpu_handle_exit(w->vcpu, w->run));
	assert_non_null(strstr(w->machine.crash_text, "triple fault (0) on CPU 1"));
	assert_non_null(strstr(w->machine.crash_text, "tables 50000 whole, gates whole"));
	assert_non_null(strstr(w->machine.crash_text, "last first: trap 14/6 at 401234; user 1012; user 1011;"));
	assert_null(strstr(w->machine.crash_text, "user 1003;"));

	w->machine.crash_told = false;
	gate[1]++;
	*(uint64_t *)(ram + 0x50000 + 300 * 8) = 1;
	memset(recent, 0xff, sizeof(*recent)); /* and whatever else stands there */
	assert_false(vcpu_handle_exit(w->vcpu, w->run));
	assert_non_null(strstr(w->machine.crash_text, "tables 50000 BROKEN, gates BROKEN"));
	w->machine.crash_told = false;
	block->page_table_root = w->page->cpu[1].root = ~0ull;
	assert_false(vcpu_handle_exit(w->vcpu, w->run));
}

static void any_other_exit_ends_the_machine(void **state)
{
	struct world *w = *state;
	static const uint32_t reasons[] = {KVM_EXIT_SHUTDOWN,  KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR,
					   KVM_EXIT_HYPERCALL, KVM_EXIT_DEBUG,	    0xffffffff};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		w->machine.end = MACHINE_RUNNING;
		w->run->exit_reason = reasons[i];
		assert_false(vcpu_handle_exit(w->vcpu, w->run));
		assert_int_equal(w->machine.end, MACHINE_CRASHED);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(port_data_outside_the_run_page_is_left_alone),
	    TEST(no_data_is_no_request),
	    TEST(unknown_ports_do_nothing),
	    TEST(a_request_for_a_lent_file_is_done),
	    TEST(an_ipi_reaches_existing_cpus_alone),
	    TEST(a_huge_log_is_cut_and_harmless),
	    TEST(the_log_ends_at_its_limit),
	    TEST(only_free_memory_is_given_back),
	    TEST(mmio_outside_the_window_reaches_no_device),
	    TEST(a_cpu_that_says_so_is_held_for_an_answer),
	    TEST(a_cpu_that_has_an_answer_or_an_event_is_not_held),
	    TEST(the_rest_of_the_memory_is_added_once),
	    TEST(memory_that_cannot_be_added_ends_the_run),
	    TEST(a_crash_report_is_ended_and_printable),
	    TEST(the_first_crash_is_the_one_that_is_told),
	    TEST(a_triple_fault_tells_what_the_cpu_did_last),
	    TEST(any_other_exit_ends_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
