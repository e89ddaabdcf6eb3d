/* SPDX-License-Identifier: Apache-2.0
 *
 * One run, from the checked command line to the exit status:
 *
 *   closure and job -> VM -> guest memory -> device -> confinement -> vCPU threads -> loop until the end -> outcome
 */
#include "runner/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "policy/policy.h"
#include "runner/closure.h"
#include "runner/environment.h"
#include "runner/files_server.h"
#include "runner/job.h"
#include "runner/record.h"
#include "runner/shares.h"
#include "runner/stats.h"
#include "runner/tty.h"
#include "runner/vcpu.h"
#include "runner/verbose.h"

/* How long output that nobody reads is waited for, once a time-out or a signal has asked for the end: time enough for a
 * reader that is only slow. */
#define DRAIN_GRACE_NS 2000000000ull

/* How long copy-outs may take after a time-out has ended the program. */
#define COPY_GRACE_NS 10000000000ull

struct run {
	const struct run_spec *spec;
	struct environment environment;
	struct closure closure;
	struct job_stdio stdio;
	struct tty tty;
	struct buffer job;
	struct image_file *image;
	uint32_t image_files;
	struct files_server files;
	struct services services;
	struct machine machine;
	struct record record;
	enum boot_layout layout;
	struct policy_report policy;
	struct control_report report;
	struct run_stats stats;
	int signal_fd, timer_fd, tick_fd, stats_fd;
	bool tick_on;
	bool timed_out;
	bool draining; /* the machine has ended; output may still be on its way */
	bool grace;    /* timer_fd is armed for the end of that */
	bool given_up; /* its reader took nothing for DRAIN_GRACE_NS */
};

/* ---- what to run ---- */

static int find_program(struct run *run, struct error *error)
{
	if (environment_build(run->spec, environ, &run->environment, error))
		return -1;
	if (run->spec->rootfs) /* the guest looks for it */
		run->closure.exec_path = run->spec->program;
	else if (closure_build(run->spec, &run->environment, &run->closure, error))
		return -1;
	else
		shares_drop(run->spec, &run->closure);
	if (job_encode(run->spec, &run->environment, &run->closure, &run->stdio, &run->job, error))
		return -1;
	run->image = calloc(run->closure.count + 1, sizeof(*run->image));
	if (!run->image)
		return error_set(error, STATUS_RUNNER, "out of memory");
	for (size_t i = 0; i < run->closure.count; i++) {
		const struct closure_entry *e = &run->closure.entries[i];
		if (e->kind == WIRE_FILE_REGULAR)
			run->image[run->image_files++] = (struct image_file){
			    .fd = e->fd, .size = e->size, .mapped = image_file_worth_mapping(e->fd, e->size)};
	}
	return 0;
}

/* ---- the machine ---- */

static enum boot_layout choose_layout(enum privilege privilege)
{
	if (privilege == PRIVILEGE_AUTO)
		return vm_host_is_ordinary() ? LAYOUT_SPLIT : LAYOUT_FLAT;
	return privilege == PRIVILEGE_FLAT ? LAYOUT_FLAT : LAYOUT_SPLIT;
}

/* Files that the server hands over, and a window for those of shares that nobody may write to. */
static int make_window(struct run *run, uint64_t bytes, struct error *error)
{
	struct machine *m = &run->machine;
	lent_init(&m->lent);
	m->dax.zero = m->dax.socket = -1;
	if (run->files.window < 0)
		return 0;
	if (dax_init(&m->dax, &m->vm.memory, bytes, run->files.window, &m->lent, error))
		return -1;
	if (m->dax.base && vm_reserve_window(&m->vm, m->dax.bytes))
		m->dax.base = NULL; /* the files are read instead */
	return 0;
}

static int make_machine(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	m->verbose = run->spec->verbose > 0;
	if (vm_open(&m->vm, run->spec->memory_bytes, run->spec->cpus, error) || vcpu_begin(m, error) ||
	    vm_create(&m->vm, error))
		return -1;
	vcpu_created(m);
	uint64_t most = (uint64_t)WINDOW_UNITS_MAX * WINDOW_UNIT, ram = m->vm.memory.size;
	uint64_t window = !run->files.mapped ? 0 : ram < most ? ram : most;
	if (vm_map_memory(&m->vm, window, error) || make_window(run, window, error))
		return -1;
	boot_load(&m->vm);
	run->layout = choose_layout(run->spec->privilege);
	return 0;
}

/* What needs the vCPUs, and so their thread. */
static int prepare_machine(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	if (vcpu_made(m, error))
		return -1;
	struct boot_options options = {
	    .layout = run->layout,
	    .flags = (run->spec->verbose ? BOOT_F_VERBOSE : 0) | (run->spec->limit_calls ? BOOT_F_LIMIT_CALLS : 0) |
		     (run->record.fd >= 0 ? BOOT_F_NOTE_CALLS : 0),
	    .calls = run->spec->limit_calls ? &run->spec->calls : NULL,
	};
	struct syscall_set only;
	if (m->trace.fd >= 0 && trace_parse_only(run->spec->trace_only, &only, error))
		return -1;
	options.trace_only = m->trace.fd >= 0 ? only.bits : NULL;
	if (boot_prepare(&m->vm, &options, &m->boot, error))
		return -1;
	if (m->trace.fd >= 0)
		trace_attach(&m->trace, &m->vm.memory, gpa(m->boot.trace), &m->end);
	run->stats.vm_ready_ns = monotonic_ns();
	return 0;
}

/* ---- the device and the loop ---- */

static void on_raise(void *context, enum vsock_cause cause)
{
	struct run *run = context;
	/* Inline: the vCPU that notified looks at the used rings by itself. */
	if (cause == VSOCK_ASYNC)
		vcpu_raise(&run->machine.vcpu[0], EVENT_VSOCK);
}

static void set_tick(struct run *run, bool on)
{
	struct timespec period = {.tv_nsec = on ? BOOT_TICK_NS : 0};
	struct itimerspec when = {.it_interval = period, .it_value = period};
	run->tick_on = on;
	timerfd_settime(run->tick_fd, 0, &when, NULL);
}

/* The trace of the calls that came before the output first. */
static void work(struct run *run)
{
	if (run->machine.trace.fd >= 0)
		trace_take(&run->machine.trace, false);
	vsock_work(&run->machine.vsock);
}

static void on_tick(void *context, uint32_t events)
{
	struct run *run = context;
	uint64_t expirations;
	if (read(run->tick_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	/* What the guest has queued without a notification. */
	work(run);
	if (!vcpu_tick(&run->machine))
		set_tick(run, false);
}

static void on_wake(void *context, uint32_t events)
{
	struct run *run = context;
	if (atomic_load(&run->machine.ticking) && !run->tick_on)
		set_tick(run, true);
	work(run);
}

static int arm_timer(struct run *run, uint64_t ns)
{
	struct itimerspec when = {
	    .it_value = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)}};
	return timerfd_settime(run->timer_fd, 0, &when, NULL);
}

static void on_signal(void *context, uint32_t events)
{
	struct run *run = context;
	struct signalfd_siginfo info;
	struct wire_winsize size;
	while (read(run->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		enum tty_signal kind = tty_signal(&run->tty, (int)info.ssi_signo, &size);
		if (kind == TTY_RESIZED && !run->draining)
			vsock_winsize(&run->machine.vsock, &size);
		if (kind != TTY_FORWARD)
			continue;
		if (!run->draining)
			vsock_signal(&run->machine.vsock, info.ssi_signo);
		else if (info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2 && !run->grace)
			run->grace = !arm_timer(run, DRAIN_GRACE_NS);
	}
}

static void on_timeout(void *context, uint32_t events)
{
	struct run *run = context;
	uint64_t expirations;
	if (read(run->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (!run->draining && !run->timed_out && run->files.copies && !arm_timer(run, COPY_GRACE_NS)) {
		run->timed_out = true; /* the program ends, and what it has made is still copied */
		vsock_signal(&run->machine.vsock, SIGKILL);
	} else if (!run->draining) {
		run->timed_out = true;
		machine_stop(&run->machine, MACHINE_STOPPED);
	} else if (run->grace) {
		run->given_up = true;
	} else {
		run->grace = !arm_timer(run, DRAIN_GRACE_NS);
	}
}

static int stream_fd(const struct run *run, int fd)
{
	uint8_t kind = run->stdio.kind[fd];
	return kind == WIRE_STDIO_STREAM || (kind == WIRE_STDIO_TTY && fd < 2) ? fd : -1;
}

static int make_services(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	if (loop_init(&m->loop, on_wake, run, error))
		return -1;
	struct services_config services = {
	    .job = run->job.data,
	    .job_bytes = run->job.length,
	    .image = run->image,
	    .image_files = run->image_files,
	    .in = stream_fd(run, 0),
	    .out = stream_fd(run, 1),
	    .err = stream_fd(run, 2),
	    .files = run->files.socket,
	    .files_count = run->files.sessions,
	    .dax = m->dax.socket >= 0 ? &m->dax : NULL,
	};
	return services_init(&run->services, &services, error);
}

static int attach_device(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	struct vsock_config vsock = {
	    .guest_cid = m->boot.vsock.guest_cid,
	    .memory = &m->vm.memory,
	    .services = &run->services,
	    .loop = &m->loop,
	    .raise = on_raise,
	    .context = run,
	};
	return vsock_init(&m->vsock, &vsock, error) || vsock_handover(&m->vsock, m->boot.vsock.queue, error) ? -1 : 0;
}

/* Signals that are the program's business arrive as reads. */
static int watch_signals(struct run *run, struct error *error)
{
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	if (tty_prepare(&run->tty, &set, error))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTIN, SIG_IGN); /* input is read ahead: stream.h */
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (run->signal_fd < 0)
		return error_errno(error, STATUS_RUNNER, "signalfd");
	return loop_add(&run->machine.loop, run->signal_fd, EPOLLIN, on_signal, run, error) < 0 ? -1 : 0;
}

static int watch_timeout(struct run *run, struct error *error)
{
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (run->timer_fd < 0 || arm_timer(run, run->spec->timeout_ns))
		return error_errno(error, STATUS_RUNNER, "timerfd");
	return loop_add(&run->machine.loop, run->timer_fd, EPOLLIN, on_timeout, run, error) < 0 ? -1 : 0;
}

static int watch_tick(struct run *run, struct error *error)
{
	run->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (run->tick_fd < 0)
		return error_errno(error, STATUS_RUNNER, "timerfd");
	atomic_store(&run->machine.ticking, true);
	return loop_add(&run->machine.loop, run->tick_fd, EPOLLIN, on_tick, run, error) < 0 ? -1 : 0;
}

static int open_stats(struct run *run, struct error *error)
{
	if (!run->spec->stats)
		return 0;
	if (!run->spec->stats_file) {
		run->stats_fd = STDERR_FILENO;
		return 0;
	}
	run->stats_fd = open(run->spec->stats_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return run->stats_fd < 0 ? error_errno(error, STATUS_RUNNER, "--stats=%s", run->spec->stats_file) : 0;
}

/* ---- confinement ---- */

static int confine(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	int keep[POLICY_KEEP_MAX];
	size_t n = 0;
	const int fixed[] = {
	    m->vm.fd,	  m->loop.epoll,       m->loop.wake,	     run->signal_fd,	  run->timer_fd,
	    run->tick_fd, run->stats_fd,       run->record.fd,	     STDERR_FILENO,	  m->trace.fd,
	    run->tty.fd,  run->services.in.fd, run->services.out.fd, run->services.err.fd};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		keep[n++] = fixed[i];
	if (run->files.copies)
		keep[n++] = run->files.status;
	if (m->dax.socket >= 0) {
		keep[n++] = m->dax.socket;
		keep[n++] = m->dax.zero;
		for (size_t i = 0; i < sizeof(m->dax.spare) / sizeof(m->dax.spare[0]); i++)
			keep[n++] = m->dax.spare[i];
	}
	for (unsigned i = 0; i < run->files.sessions; i++) {
		keep[n++] = run->services.files_in[i].fd;
		keep[n++] = run->services.files_out[i].fd;
	}
	for (unsigned i = 0; i < m->vm.cpus; i++)
		keep[n++] = m->vm.vcpu_fd[i];
	for (uint32_t i = 0; i < run->image_files; i++) {
		if (n == POLICY_KEEP_MAX)
			return error_set(error, STATUS_RUNNER, "the program needs more than %d files",
					 POLICY_KEEP_MAX - 64);
		keep[n++] = run->image[i].fd;
	}
	if (files_server_confined(&run->files, error))
		return -1;
	if (policy_confine_process(keep, n, &run->policy, error))
		return -1;
	if (m->dax.socket >= 0)
		dax_confined(&m->dax);
	return 0;
}

static bool one_round(void *context)
{
	return (*(int *)context)++ > 0;
}

static int start(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	if (vcpu_start_all(m, error) || policy_confine_thread(run->tty.used ? POLICY_IO_TTY : POLICY_IO, error))
		return -1;
	set_tick(run, true);
	/* Takes the first edges of the streams, so that they do not come while the guest boots. */
	loop_wake(&m->loop);
	if (loop_run(&m->loop, one_round, &(int){0}, error))
		return -1;
	run->stats.confined_ns = monotonic_ns();
	if (run->spec->verbose)
		verbose_start(m, run->closure.exec_path, run->image_files, &run->policy);
	if (tty_start(&run->tty, error))
		return -1;
	pthread_barrier_wait(&m->start);
	return 0;
}

/* ---- the end ---- */

static bool ended(void *context)
{
	struct run *run = context;
	return atomic_load(&run->machine.end) != MACHINE_RUNNING;
}

static bool drained(void *context)
{
	struct run *run = context;
	return run->given_up || vsock_drained(&run->machine.vsock);
}

static int failed_to_start(struct run *run, struct error *error)
{
	const struct wire_fail *fail = &run->report.fail;
	const char *program = run->spec->program;
	errno = (int)fail->error;
	run->stats.outcome = OUTCOME_RUNNER;
	if (fail->stage == WIRE_STAGE_EXEC) {
		run->stats.outcome = OUTCOME_NO_PROGRAM;
		return error_errno(error, fail->error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC,
				   "cannot execute %s", program);
	}
	return error_errno(error, STATUS_RUNNER, "the guest could not start %s: %s", program, run->report.fail_text);
}

static uint64_t oom_kills(struct run *run)
{
	const struct shared_page *page = memory_range(&run->machine.vm.memory, gpa(BOOT_SHARED_GPA), BOOT_PAGE);
	return page ? __atomic_load_n(&page->stats.oom_kills, __ATOMIC_RELAXED) : 0;
}

/* A call that ended a process of the program for not being allowed; NULL: none did. */
static const char *denied_call(struct run *run)
{
	struct stats_guest guest;
	if (!run->spec->limit_calls)
		return NULL;
	stats_guest(&run->machine, &guest);
	for (unsigned i = 0; i < BOOT_CALLS; i++)
		if (syscalls_has(&guest.denied, i))
			return syscalls_name(i) ? syscalls_name(i) : "without a name";
	return NULL;
}

static int program_ended(struct run *run, struct error *error)
{
	const struct wire_exit *e = &run->report.exit;
	run->stats.code = (int)e->code;
	if (e->end == WIRE_END_EXITED) {
		run->stats.outcome = OUTCOME_EXIT;
		return (int)e->code;
	}
	run->stats.outcome = OUTCOME_SIGNAL;
	if (e->code == SIGSYS && denied_call(run)) {
		run->stats.outcome = OUTCOME_DENIED;
		error_set(error, STATUS_SIGNAL_BASE + SIGSYS,
			  "%s was ended: it made the system call %s, which --allow-syscall does not list",
			  run->spec->program, denied_call(run));
	}
	if (e->code == SIGBUS && dax_losses(&run->machine.dax))
		error_set(error, STATUS_SIGNAL_BASE + SIGBUS,
			  "%s was ended: a file of a share, or the image of the root, that it had mapped was truncated "
			  "on the host",
			  run->spec->program);
	if (e->code == SIGKILL && oom_kills(run)) {
		run->stats.outcome = OUTCOME_OOM;
		error_set(error, STATUS_SIGNAL_BASE + SIGKILL,
			  "%s was killed: the guest ran out of memory (--memory is %llu MiB)", run->spec->program,
			  (unsigned long long)(run->spec->memory_bytes >> 20));
	}
	return STATUS_SIGNAL_BASE + (int)e->code;
}

/* The exit status of the whole command. */
static int outcome(struct run *run, struct error *error)
{
	vsock_report(&run->machine.vsock, &run->report);
	run->stats.report = &run->report;
	if (run->timed_out) {
		run->stats.outcome = OUTCOME_TIMEOUT;
		error_set(error, STATUS_TIMEOUT, "%s was ended: it ran for longer than --timeout, %.15g ms",
			  run->spec->program, (double)run->spec->timeout_ns / 1e6);
		return STATUS_TIMEOUT;
	}
	if (run->report.state == CONTROL_FAILED) {
		failed_to_start(run, error);
		return error->status;
	}
	if (run->report.state == CONTROL_EXITED)
		return program_ended(run, error);
	if (atomic_load(&run->machine.end) == MACHINE_FAILED) {
		run->stats.outcome = OUTCOME_RUNNER;
		error_set(error, STATUS_RUNNER, "%s", run->machine.crash_text);
		return STATUS_RUNNER;
	}
	run->stats.outcome = OUTCOME_GUEST_CRASH;
	if (run->report.state == CONTROL_BROKEN)
		error_set(error, STATUS_RUNNER, "guest crash: the agent broke the protocol: %s", run->report.broken);
	else if (run->machine.crash_text[0])
		error_set(error, STATUS_RUNNER, "guest crash: %s", run->machine.crash_text);
	else
		error_set(error, STATUS_RUNNER, "guest crash: it powered off without a result");
	return STATUS_RUNNER;
}

/* Lost output is an error of the run, unless its reader went away, as in any pipeline. */
static int check_output(struct run *run, int status, struct error *error)
{
	static const enum service_index streams[] = {SERVICE_STDIN, SERVICE_STDOUT, SERVICE_STDERR};
	static const char *const names[] = {"standard input", "standard output", "standard error"};
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		errno = vsock_stream_error(&run->machine.vsock, streams[i]);
		if (!errno || errno == EPIPE || (errno != EFAULT && streams[i] == SERVICE_STDIN))
			continue;
		if (errno == EFAULT)
			error_set(error, STATUS_RUNNER, "%s was cut off: %s", names[i], ERROR_MEMORY_LOST);
		else
			error_errno(error, STATUS_RUNNER, "output was lost: %s", names[i]);
		run->stats.outcome = OUTCOME_RUNNER;
		return STATUS_RUNNER;
	}
	if (run->given_up && !vsock_drained(&run->machine.vsock)) {
		error_set(error, STATUS_RUNNER,
			  "output was lost: its reader took nothing for %llu s after the program's end",
			  DRAIN_GRACE_NS / 1000000000);
		run->stats.outcome = run->timed_out ? OUTCOME_TIMEOUT : OUTCOME_RUNNER;
		return error->status = run->timed_out ? STATUS_TIMEOUT : STATUS_RUNNER;
	}
	int number, file = vsock_image_error(&run->machine.vsock, &number);
	if (file < 0)
		return status;
	run->stats.outcome = OUTCOME_RUNNER;
	error_set(error, STATUS_RUNNER, "a file of the program changed while it was being read%s%s", number ? ": " : "",
		  number ? strerror(number) : "");
	return STATUS_RUNNER;
}

/* Of a run that came to the program at least; the error of one that did not stands. */
static int record_run(struct run *run, struct error *error)
{
	struct stats_guest guest;
	struct error wrong = {0};
	if (!run->machine.vm.memory.size)
		return 0;
	stats_guest(&run->machine, &guest);
	if (!record_write(&run->record, run->files.record, &guest.used, &wrong) || error->text[0])
		return 0;
	*error = wrong;
	return -1;
}

/* How the program ended says more than that something of it could not be copied. */
static int check_copies(struct run *run, int status, struct error *error)
{
	struct error theirs = {0};
	if (!run->files.copies || (run->report.state != CONTROL_EXITED && !run->timed_out) ||
	    !files_server_copied(&run->files, run->spec, &theirs) || error->text[0])
		return status;
	*error = theirs;
	if (status)
		return error->status = status;
	run->stats.outcome = OUTCOME_RUNNER;
	return STATUS_RUNNER;
}

/* --stats and -v, the last things before the status. */
static int report(struct run *run, int status, struct error *error)
{
	run->stats.status = status;
	run->stats.teardown_ns = monotonic_ns();
	if (run->spec->verbose)
		verbose_end(&run->machine, &run->stats);
	if (run->machine.trace.fd >= 0 && trace_finish(&run->machine.trace) && !error->text[0]) {
		error_errno(error, STATUS_RUNNER, "--trace: it is not complete");
		status = run->stats.status = STATUS_RUNNER;
	}
	if (run->record.fd >= 0 && record_run(run, error))
		status = run->stats.status = STATUS_RUNNER;
	if (run->stats_fd >= 0 && stats_write(run->stats_fd, &run->machine, &run->stats) && !error->text[0]) {
		error_errno(error, STATUS_RUNNER, "--stats");
		return STATUS_RUNNER;
	}
	return status;
}

static int finish(struct run *run, struct error *error)
{
	struct machine *m = &run->machine;
	if (loop_run(&m->loop, ended, run, error))
		machine_stop(m, MACHINE_STOPPED);
	vcpu_await_all(m);
	if (m->trace.fd >= 0)
		trace_take(&m->trace, true);
	vsock_finish(&m->vsock);
	m->loop.stopped = false;
	run->draining = true;
	if (run->timed_out)
		run->grace = !arm_timer(run, DRAIN_GRACE_NS);
	loop_wake(&m->loop);
	loop_run(&m->loop, drained, run, error);
	tty_restore(&run->tty);
	int status = check_copies(run, check_output(run, outcome(run, error), error), error);
	return report(run, status, error);
}

static int open_reports(struct run *run, struct error *error)
{
	if (run->spec->trace && trace_open(&run->machine.trace, run->spec->trace_file, error))
		return -1;
	if (run->spec->record_file && record_open(&run->record, run->spec->record_file, run->spec->record_head, error))
		return -1;
	return open_stats(run, error);
}

static int prepare(struct run *run, struct error *error)
{
	/* The descriptors 0, 1 and 2 first: nothing that is opened later may take the place of a closed one. */
	tty_decide(&run->tty, run->spec->tty);
	run->machine.terminal = run->tty.used;
	stdio_kinds(run->tty.used, run->tty.merged, &run->stdio);
	/* The vCPUs are made on their thread meanwhile. */
	return stdio_fill_holes(error) || open_reports(run, error) ||
	       files_server_start(&run->files, run->spec, error) || make_machine(run, error) ||
	       find_program(run, error) || make_services(run, error) || watch_signals(run, error) ||
	       watch_timeout(run, error) || watch_tick(run, error) || prepare_machine(run, error) ||
	       attach_device(run, error) || confine(run, error);
}

/* The machine never ran: the same report as of any other end. */
static int refuse(struct run *run, struct error *error)
{
	bool program = error->status == STATUS_CANNOT_EXEC || error->status == STATUS_NOT_FOUND;
	run->stats.outcome = program ? OUTCOME_NO_PROGRAM : OUTCOME_RUNNER;
	tty_restore(&run->tty);
	return report(run, error->status, error);
}

int run_command(const struct run_spec *spec, struct error *error)
{
	static struct run run;
	run.spec = spec;
	run.stats.start_ns = monotonic_ns();
	run.stats_fd = run.record.fd = run.machine.trace.fd = -1;
	if (prepare(&run, error) || start(&run, error))
		return refuse(&run, error);
	return finish(&run, error);
}
