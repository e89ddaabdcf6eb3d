/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/vcpu.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"
#include "runner/crash.h"

#ifndef sigev_notify_thread_id /* timer_create(2); glibc has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define FAULTS_MAX  1000
#define KICK_SIGNAL SIGRTMIN /* one that nobody forwards to the program */

static _Thread_local struct kvm_run *this_run;
static int this_process; /* the filters have no getpid */

uint64_t monotonic_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The smallest RAM holds it. */
static struct shared_page *shared_page(struct machine *machine)
{
	struct shared_page *page = memory_range(&machine->vm.memory, gpa(BOOT_SHARED_GPA), BOOT_PAGE);
	assert(page);
	return page;
}

/* The guest's side of the shared page. Atomic accesses only, one at a time. */
static struct shared_cpu *shared_cpu(struct vcpu *vcpu)
{
	return &shared_page(vcpu->machine)->cpu[vcpu->index];
}

/* ---- waking and stopping ---- */

static void on_kick(int signo)
{
	(void)signo;
	if (this_run)
		this_run->immediate_exit = 1;
}

static void wake(struct vcpu *vcpu)
{
	atomic_fetch_add(&vcpu->wake, 1);
	syscall(SYS_futex, &vcpu->wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	if (atomic_load(&vcpu->in_guest))
		syscall(SYS_tgkill, this_process, vcpu->tid, KICK_SIGNAL);
}

void vcpu_raise(struct vcpu *vcpu, uint32_t events)
{
	__atomic_fetch_or(&shared_cpu(vcpu)->events, events, __ATOMIC_SEQ_CST);
	wake(vcpu);
}

void machine_stop(struct machine *machine, enum machine_end end)
{
	int running = MACHINE_RUNNING;
	if (atomic_compare_exchange_strong(&machine->end, &running, (int)end))
		machine->end_ns = monotonic_ns();
	for (unsigned i = 0; i < machine->vm.cpus; i++)
		wake(&machine->vcpu[i]);
	loop_stop(&machine->loop);
	loop_wake(&machine->loop);
}

/* ---- time ---- */

/* CLOCK_MONOTONIC at which the guest's TSC reads `tsc`; the past when it has already. */
static uint64_t deadline_ns(uint64_t tsc)
{
	if (tsc <= boot_clock.tsc)
		return 1;
	unsigned __int128 ns = (unsigned __int128)(tsc - boot_clock.tsc) * 1000000 / boot_clock.khz;
	return ns > UINT64_MAX / 4 ? UINT64_MAX / 4 : boot_clock.ns + (uint64_t)ns;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

static uint64_t read_deadline(struct vcpu *vcpu)
{
	return __atomic_load_n(&shared_cpu(vcpu)->deadline, __ATOMIC_RELAXED);
}

static void arm_timer(struct vcpu *vcpu)
{
	uint64_t tsc = read_deadline(vcpu);
	struct itimerspec when = {.it_value = to_timespec(tsc ? deadline_ns(tsc) : 0)};
	timer_settime(vcpu->timer, TIMER_ABSTIME, &when, NULL);
}

static void note_timer(struct vcpu *vcpu)
{
	uint64_t tsc = read_deadline(vcpu);
	if (tsc && monotonic_ns() >= deadline_ns(tsc)) {
		__atomic_store_n(&shared_cpu(vcpu)->deadline, 0, __ATOMIC_RELAXED);
		__atomic_fetch_or(&shared_cpu(vcpu)->events, EVENT_TIMER, __ATOMIC_SEQ_CST);
	}
}

bool vcpu_tick(struct machine *machine)
{
	bool awake = false;
	for (unsigned i = 0; i < machine->vm.cpus; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];
		uint64_t tsc = read_deadline(vcpu);
		if (atomic_load(&vcpu->halted))
			continue;
		awake = true;
		if (!tsc || !atomic_load(&vcpu->in_guest))
			continue;
		uint64_t ns = deadline_ns(tsc), now = monotonic_ns();
		if (ns <= now)
			wake(vcpu);
		else if (ns - now < BOOT_TICK_NS * 3 / 2)
			arm_timer(vcpu);
	}
	if (awake)
		return true;
	atomic_store(&machine->ticking, false);
	/* One that woke up meanwhile has seen `ticking` or is seen here. */
	for (unsigned i = 0; i < machine->vm.cpus; i++)
		if (!atomic_load(&machine->vcpu[i].halted))
			atomic_store(&machine->ticking, true);
	return atomic_load(&machine->ticking);
}

static void halt_until_event(struct vcpu *vcpu);

/* The vCPU executed HLT: sleep until an event, its deadline, or the end. */
static void halt(struct vcpu *vcpu)
{
	atomic_store(&vcpu->halted, true);
	halt_until_event(vcpu);
	atomic_store(&vcpu->halted, false);
	if (!atomic_exchange(&vcpu->machine->ticking, true))
		loop_wake(&vcpu->machine->loop);
}

static void halt_until_event(struct vcpu *vcpu)
{
	for (;;) {
		uint32_t seen = atomic_load(&vcpu->wake);
		note_timer(vcpu);
		if (__atomic_load_n(&shared_cpu(vcpu)->events, __ATOMIC_SEQ_CST) || atomic_load(&vcpu->machine->end))
			return;
		uint64_t tsc = read_deadline(vcpu);
		struct timespec until = to_timespec(tsc ? deadline_ns(tsc) : 0);
		syscall(SYS_futex, &vcpu->wake, FUTEX_WAIT_BITSET_PRIVATE, seen, tsc ? &until : NULL, NULL,
			FUTEX_BITSET_MATCH_ANY);
	}
}

/* ---- exits ---- */

#define LOG_PREFIX "sandbox: guest: "

static void write_log(struct machine *machine, uint32_t length)
{
	char line[sizeof(LOG_PREFIX) + SHARED_LOG_BYTES];
	const uint32_t prefix = sizeof(LOG_PREFIX) - 1;
	if (length > SHARED_LOG_BYTES)
		length = SHARED_LOG_BYTES;
	if (!machine->verbose || atomic_load(&machine->log_bytes) >= GUEST_LOG_MAX ||
	    atomic_fetch_add(&machine->log_bytes, length) + length > GUEST_LOG_MAX)
		return;
	memcpy(line, LOG_PREFIX, prefix);
	memcpy(line + prefix, shared_page(machine)->log, length);
	for (uint32_t i = prefix; i < prefix + length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = line[i] == '\n' || line[i] == '\t' ? line[i] : '?';
	if (length && line[prefix + length - 1] != '\n')
		line[prefix + length++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line, prefix + length);
	(void)ignored;
}

static void discard(struct machine *machine)
{
	struct shared_discard d = shared_page(machine)->discard;
	if ((d.start | d.length) % BOOT_PAGE || d.start < machine->boot.free_start)
		return;
	void *at = memory_range(&machine->vm.memory, gpa(d.start), d.length);
	if (at && d.length)
		madvise(at, d.length, MADV_DONTNEED);
}

/* Several CPUs can crash at once: the first tells. */
static bool first_crash(struct machine *machine)
{
	return !atomic_exchange(&machine->crash_told, true);
}

static void describe_crash(struct machine *machine)
{
	char dump[1024];
	if (!first_crash(machine))
		return;
	crash_describe(shared_page(machine), machine->crash_text, sizeof(machine->crash_text),
		       machine->verbose ? dump : NULL, sizeof(dump));
	if (!machine->verbose)
		return;
	ssize_t ignored = write(STDERR_FILENO, dump, strlen(dump));
	(void)ignored;
}

/* KVM itself cannot go on: a triple fault, an instruction that it cannot emulate ... */
static bool stuck(struct vcpu *vcpu, const char *what, uint64_t detail)
{
	struct machine *machine = vcpu->machine;
	struct kvm_regs regs = {0};
	struct kvm_sregs sregs = {0};
	ioctl(machine->vm.vcpu_fd[vcpu->index], KVM_GET_REGS, &regs);
	ioctl(machine->vm.vcpu_fd[vcpu->index], KVM_GET_SREGS, &sregs);
	if (first_crash(machine))
		crash_describe_stuck(&machine->vm.memory, vcpu->index, what, detail, &regs, &sregs, machine->crash_text,
				     sizeof(machine->crash_text));
	machine_stop(machine, MACHINE_CRASHED);
	return false;
}

static bool add_memory(struct machine *machine)
{
	struct error error = {0};
	if (atomic_exchange(&machine->memory_wanted, true) || !vm_map_rest(&machine->vm, &error))
		return true;
	if (first_crash(machine))
		snprintf(machine->crash_text, sizeof(machine->crash_text), "%.500s", error.text);
	machine_stop(machine, MACHINE_FAILED);
	return false;
}

static bool handle_out(struct vcpu *vcpu, uint16_t port, uint32_t value)
{
	struct machine *machine = vcpu->machine;
	switch (port) {
	case PORT_POWEROFF:
		if (value == POWEROFF_DONE) {
			machine_stop(machine, MACHINE_OFF);
		} else {
			describe_crash(machine);
			machine_stop(machine, MACHINE_CRASHED);
		}
		return false;
	case PORT_LOG:
		vcpu->exits[EXIT_LOG]++;
		write_log(machine, value);
		return true;
	case PORT_TIMER:
		vcpu->exits[EXIT_TIMER]++;
		arm_timer(vcpu);
		return true;
	case PORT_IPI:
		vcpu->exits[EXIT_IPI]++;
		for (unsigned i = 0; i < machine->vm.cpus; i++)
			if (value >> i & 1)
				vcpu_raise(&machine->vcpu[i], EVENT_IPI);
		return true;
	case PORT_TRACE: /* taken already, as at every exit */
		vcpu->exits[EXIT_TRACE]++;
		return true;
	case PORT_DISCARD:
		vcpu->exits[EXIT_DISCARD]++;
		discard(machine);
		return true;
	case PORT_MEMORY:
		vcpu->exits[EXIT_MEMORY]++;
		return add_memory(machine);
	case PORT_YIELD:
		vcpu->exits[EXIT_YIELD]++;
		sched_yield();
		return true;
	case PORT_FILE:
		vcpu->exits[EXIT_FILE]++;
		lent_io(&machine->lent, &machine->vm.memory, value);
		return true;
	default:
		vcpu->exits[EXIT_OTHER]++; /* nothing answers there, as on a real machine */
		return true;
	}
}

static bool handle_io(struct vcpu *vcpu, struct kvm_run *run)
{
	uint64_t offset = run->io.data_offset;
	uint64_t bytes = (uint64_t)run->io.size * run->io.count;
	if (!bytes || offset > vcpu->machine->vm.run_bytes || bytes > vcpu->machine->vm.run_bytes - offset)
		return true;
	uint8_t *data = (uint8_t *)run + offset;
	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, 0xff, bytes);
		vcpu->exits[EXIT_OTHER]++;
		return true;
	}
	uint32_t value = 0;
	memcpy(&value, data, run->io.size < 4 ? run->io.size : 4);
	return handle_out(vcpu, run->io.port, value);
}

/* Unless there is an event for this CPU: the answer may have come with it already, by the I/O thread. One that comes
 * now is a signal, which ends the wait. */
static void await_files(struct vcpu *vcpu)
{
	atomic_store(&vcpu->in_guest, true);
	if (!__atomic_load_n(&shared_cpu(vcpu)->events, __ATOMIC_SEQ_CST) && !atomic_load(&vcpu->machine->end))
		vsock_await_files(&vcpu->machine->vsock);
	atomic_store(&vcpu->in_guest, false);
}

static void handle_mmio(struct vcpu *vcpu, struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - BOOT_MMIO_BASE;
	bool ours = run->mmio.phys_addr >= BOOT_MMIO_BASE && offset < VIRTIO_MMIO_BYTES;
	vcpu->exits[ours ? EXIT_NOTIFY : EXIT_OTHER]++;
	uint32_t length = run->mmio.len <= 8 ? run->mmio.len : 8;
	if (!run->mmio.is_write) {
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		if (ours)
			vsock_read(&vcpu->machine->vsock, offset, run->mmio.data, length);
	} else if (ours && !vsock_write(&vcpu->machine->vsock, offset, run->mmio.data, length) &&
		   __atomic_load_n(&shared_cpu(vcpu)->waits, __ATOMIC_RELAXED)) {
		await_files(vcpu);
	}
}

bool vcpu_handle_exit(struct vcpu *vcpu, struct kvm_run *run)
{
	if (vcpu->machine->trace.fd >= 0)
		trace_take(&vcpu->machine->trace, run->exit_reason == KVM_EXIT_HLT);
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io(vcpu, run);
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu, run);
		return true;
	case KVM_EXIT_HLT:
		vcpu->exits[EXIT_HALT]++;
		halt(vcpu);
		return true;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		vcpu->exits[EXIT_WINDOW]++;
		vcpu->interrupted = true;
		return true;
	case KVM_EXIT_INTR:
		vcpu->exits[EXIT_KICK]++;
		vcpu->interrupted = true;
		return true;
	case KVM_EXIT_SHUTDOWN:
		return stuck(vcpu, "triple fault", 0);
	case KVM_EXIT_FAIL_ENTRY:
		return stuck(vcpu, "KVM cannot enter the guest", run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return stuck(vcpu, "KVM internal error", run->internal.suberror);
	default:
		return stuck(vcpu, "unexpected KVM exit", run->exit_reason);
	}
}

/* ---- the loop ---- */

/* Kernel code looks at the events by itself before it returns to the program. So the vector is needed only when the
 * guest was taken out of the middle of something, and not again before it has taken the events. */
static void inject(struct vcpu *vcpu, struct kvm_run *run)
{
	struct shared_cpu *shared = shared_cpu(vcpu);
	run->request_interrupt_window = 0;
	if (!vcpu->interrupted)
		return;
	note_timer(vcpu);
	if (!__atomic_load_n(&shared->events, __ATOMIC_SEQ_CST)) {
		vcpu->interrupted = false;
		return;
	}
	uint32_t taken = __atomic_load_n(&shared->taken, __ATOMIC_SEQ_CST);
	if (vcpu->injected && taken == vcpu->injected_taken)
		return;
	if (!run->ready_for_interrupt_injection || !run->if_flag) {
		run->request_interrupt_window = 1;
		return;
	}
	struct kvm_interrupt vector = {.irq = BOOT_EVENT_VECTOR};
	if (ioctl(vcpu->machine->vm.vcpu_fd[vcpu->index], KVM_INTERRUPT, &vector) == 0) {
		vcpu->injected = true;
		vcpu->injected_taken = taken;
		vcpu->interrupted = false;
	}
}

static bool no_memory(struct machine *machine)
{
	if (first_crash(machine))
		snprintf(machine->crash_text, sizeof(machine->crash_text), "%s", ERROR_MEMORY_LOST);
	machine_stop(machine, MACHINE_FAILED);
	return false;
}

/* KVM could not get a page from the host: of the window, where a file has become shorter, or of its RAM. Of the
 * former the guest hears before it executes the instruction again, which else would read zero. */
static bool handle_fault(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	/* The file may have its pages back by now. */
	if (dax_lost(&machine->dax, vcpu->losses))
		vcpu->faults = 0;
	else if (!machine->dax.base || ++vcpu->faults > FAULTS_MAX)
		return no_memory(machine);
	vcpu->interrupted = true;
	vcpu_raise(vcpu, EVENT_WINDOW);
	return true;
}

static void run_guest(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct kvm_run *run = machine->vm.run[vcpu->index];
	int fd = machine->vm.vcpu_fd[vcpu->index];
	bool more = true;
	while (more) {
		/* From here on a kick comes as a signal, which ends this KVM_RUN at once if it has not begun. */
		atomic_store(&vcpu->in_guest, true);
		if (atomic_load(&machine->end))
			break;
		inject(vcpu, run);
		vcpu->losses = dax_losses(&machine->dax);
		int r = ioctl(fd, KVM_RUN, 0);
		int number = r < 0 ? errno : 0;
		atomic_store(&vcpu->in_guest, false);
		if (number == EINTR) {
			run->immediate_exit = 0;
			vcpu->exits[EXIT_KICK]++;
			vcpu->interrupted = true;
			continue;
		}
		if (number == EFAULT) {
			more = handle_fault(vcpu);
			continue;
		}
		vcpu->faults = 0;
		if (number) {
			more = stuck(vcpu, "KVM_RUN failed", (uint64_t)number);
			continue;
		}
		more = vcpu_handle_exit(vcpu, run);
	}
	atomic_store(&vcpu->in_guest, false);
}

static int make_timer(struct vcpu *vcpu)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};
	event.sigev_notify_thread_id = vcpu->tid;
	return timer_create(CLOCK_MONOTONIC, &event, &vcpu->timer);
}

/* This thread's confinement; -1 has stopped the machine. */
static int confine(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	struct error error = {0};
	sigset_t set;
	sigfillset(&set);
	sigdelset(&set, KICK_SIGNAL);
	sigdelset(&set, SIGSYS);
	sigdelset(&set, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	enum policy_role role = machine->terminal ? POLICY_VCPU_TTY : POLICY_VCPU;
	if (make_timer(vcpu))
		error_errno(&error, STATUS_RUNNER, "cannot make the timer of a vCPU; 'ulimit -i' may be too low");
	else if ((vcpu->index || !policy_confine_older_thread(&error)) && !policy_confine_thread(role, &error))
		return 0;
	if (first_crash(machine))
		snprintf(machine->crash_text, sizeof(machine->crash_text), "%.500s", error.text);
	machine_stop(machine, MACHINE_FAILED);
	return -1;
}

static void await_created(void *context)
{
	struct machine *machine = context;
	while (sem_wait(&machine->created))
		;
}

/* KVM takes 0.2 ms for it, which the first thread needs for its confinement. */
static void show_window(struct machine *machine)
{
	if (machine->dax.base && vm_map_window(&machine->vm, machine->dax.base))
		machine->dax.base = NULL; /* no file is ever mapped there: the guest reads them */
}

static void run_vcpu(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	char name[16];
	snprintf(name, sizeof(name), "vcpu %u", vcpu->index);
	prctl(PR_SET_NAME, name);
	if (vcpu->index == 0) {
		vm_set_features(&machine->vm, await_created, machine, &machine->made_error);
		sem_post(&machine->made);
		while (sem_wait(&machine->ready))
			;
		show_window(machine);
		while (sem_wait(&machine->go))
			;
	}
	vcpu->tid = (int)syscall(SYS_gettid);
	this_run = machine->vm.run[vcpu->index];
	int failed = confine(vcpu);
	pthread_barrier_wait(&machine->start);
	if (failed)
		return;
	if (vcpu->index == 0)
		machine->first_run_ns = monotonic_ns();
	else
		halt(vcpu); /* until the guest's first event for it */
	run_guest(vcpu);
}

/* Ends by the bare system call: the C library's way of ending a thread makes others, and nobody needs what they do. */
static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	run_vcpu(vcpu);
	sem_post(&vcpu->machine->ended);
	syscall(SYS_exit, 0);
	return NULL;
}

static int create_thread(struct machine *machine, unsigned index, struct error *error)
{
	struct vcpu *vcpu = &machine->vcpu[index];
	pthread_attr_t attr;
	vcpu->machine = machine;
	vcpu->index = index;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	errno = pthread_create(&vcpu->thread, &attr, vcpu_thread, vcpu);
	return errno ? error_errno(error, STATUS_RUNNER, "cannot create the thread of vCPU %u", index) : 0;
}

int vcpu_begin(struct machine *machine, struct error *error)
{
	struct sigaction action = {.sa_handler = on_kick};
	this_process = (int)getpid();
	sigaction(KICK_SIGNAL, &action, NULL);
	sem_init(&machine->created, 0, 0);
	sem_init(&machine->made, 0, 0);
	sem_init(&machine->ready, 0, 0);
	sem_init(&machine->go, 0, 0);
	sem_init(&machine->ended, 0, 0);
	pthread_barrier_init(&machine->start, NULL, machine->vm.cpus + 1);
	return create_thread(machine, 0, error);
}

void vcpu_created(struct machine *machine)
{
	sem_post(&machine->created);
}

int vcpu_made(struct machine *machine, struct error *error)
{
	while (sem_wait(&machine->made))
		;
	sem_post(&machine->ready);
	if (machine->made_error.text[0])
		*error = machine->made_error;
	return machine->made_error.text[0] ? -1 : 0;
}

int vcpu_start_all(struct machine *machine, struct error *error)
{
	for (unsigned i = 1; i < machine->vm.cpus; i++)
		if (create_thread(machine, i, error))
			return -1;
	sem_post(&machine->go);
	return 0;
}

void vcpu_await_all(struct machine *machine)
{
	for (unsigned i = 0; i < machine->vm.cpus; i++)
		while (sem_wait(&machine->ended))
			;
}
