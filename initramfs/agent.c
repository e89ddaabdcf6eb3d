/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent: takes the job from the runner, starts the program, reaps what dies, reports how the program ended and
 * powers the machine off. Pid 1 of the guest; as any other process (agent --unix DIRECTORY) it runs a job under the
 * kernel it finds, with the runner at Unix sockets.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINGER_MS 1000 /* stock Linux: how long power-off waits for the runner to have read the last frame */

bool agent_is_init;
static bool stock_kernel; /* a kernel that leaves the mounts to us, and sends asynchronously */
static pid_t program;

_Noreturn void agent_end(void)
{
	if (!agent_is_init && program > 0)
		kill(-program, SIGKILL); /* with a machine of our own, power-off does it */
	if (agent_is_init) {
		struct pollfd gone = {.fd = stream_fd(STREAM_CONTROL), .events = POLLIN};

		if (stock_kernel)
			poll(&gone, 1, LINGER_MS);
		reboot(RB_POWER_OFF);
	}
	_exit(0);
}

_Noreturn void agent_fail(enum wire_stage stage, int error, const char *doing, const char *what)
{
	char report[CONTROL_REPORT_MAX];
	struct wire_fail head = {.stage = stage, .error = (uint32_t)(error < 0 ? -error : error)};
	size_t length = sizeof head;

	memcpy(report, &head, sizeof head);
	text_append(report, sizeof report, &length, doing);
	text_append(report, sizeof report, &length, what);
	control_send(WIRE_FAIL, report, length);
	agent_end();
}

/* Our own kernel comes with these; under stock Linux pid 1 has to ask for them. Best effort: few programs need all. */
static void mount_base(void)
{
	if (access("/proc/self", F_OK) == 0)
		return;
	stock_kernel = true;
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=666");
}

static void read_job(struct job *job)
{
	static char *few_slots[128];
	char **slots = few_slots;
	const char *what;
	char *payload;
	size_t length = control_read_job(&payload);
	size_t count = job_vector_slots(payload, length);

	if (count > sizeof few_slots / sizeof *few_slots)
		slots = map_bytes(count * sizeof *slots);
	int ret = job_decode(payload, length, slots, count, job, &what);

	if (ret)
		agent_fail(WIRE_STAGE_JOB, ret, "read the job: ", what);
}

/* Fills stdio with the descriptors that the program is to have; -1: closed. */
static void open_stdio(const struct job *job, int stdio[3])
{
	const uint8_t *kind = job->header.stdio;
	bool tty = kind[0] == WIRE_STDIO_TTY;
	unsigned wanted = 0;

	for (int i = 0; i < 3; i++)
		if (kind[i] == WIRE_STDIO_STREAM || (tty && i < 2))
			wanted |= 1u << i;
	for (int i = 0; i < 3; i++)
		if (!(wanted >> i & 1))
			stream_close((enum stream)i);
	streams_wait(tty ? wanted & 3u : wanted, !tty);
	if (tty)
		streams_wait(wanted & 4u, true);
	int terminal = tty ? tty_open(job) : -1;

	for (int i = 0; i < 3; i++) {
		stdio[i] = kind[i] == WIRE_STDIO_TTY ? terminal : stream_fd((enum stream)i);
		/* The program's own user may open /dev/stdout again, as with pipes that a shell made for it. */
		if (kind[i] == WIRE_STDIO_STREAM && job->header.uid)
			(void)!fchown(stdio[i], job->header.uid, job->header.gid);
		if (i == 2 && kind[i] == WIRE_STDIO_STDOUT)
			stdio[i] = stdio[1];
		if (kind[i] == WIRE_STDIO_NULL)
			stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (kind[i] == WIRE_STDIO_NULL && stdio[i] < 0)
			agent_fail(WIRE_STAGE_STDIO, errno, "open ", "/dev/null");
	}
}

/* The program has its own copies now. Ours would keep its streams open after it closes them. */
static void close_stdio(const struct job *job, const int stdio[3], bool tty)
{
	/* But the terminal stays open: a program that closes it may open it again, and the pump must not take that for
	 * its end. */
	for (int i = tty ? 2 : 0; i < 3; i++) {
		stream_close((enum stream)i);
		if (job->header.stdio[i] == WIRE_STDIO_NULL)
			close(stdio[i]);
	}
}

static void deliver_signal(uint32_t signo)
{
	pid_t group = tty_foreground();

	kill(group ? -group : program, (int)signo);
}

static void handle_frame(const struct wire_frame *frame, const char *payload)
{
	struct wire_signal signal_frame;
	struct wire_winsize winsize;

	if (frame->type == WIRE_SIGNAL && frame->length == sizeof signal_frame) {
		memcpy(&signal_frame, payload, sizeof signal_frame);
		if (signal_frame.signo >= 1 && signal_frame.signo <= 64) {
			deliver_signal(signal_frame.signo);
			return;
		}
	} else if (frame->type == WIRE_WINSIZE && frame->length == sizeof winsize) {
		memcpy(&winsize, payload, sizeof winsize);
		tty_resize(&winsize);
		return;
	}
	agent_fail(WIRE_STAGE_JOB, EPROTO, "read a control frame: ", "type or content");
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

_Noreturn static void report_end(int status, const struct rusage *usage)
{
	struct wire_exit end = {
	    .end = WIFSIGNALED(status) ? WIRE_END_SIGNALED : WIRE_END_EXITED,
	    .code = (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)),
	    .user_us = microseconds(usage->ru_utime),
	    .system_us = microseconds(usage->ru_stime),
	    .max_rss_kib = (uint64_t)usage->ru_maxrss,
	    .minor_faults = (uint64_t)usage->ru_minflt,
	    .major_faults = (uint64_t)usage->ru_majflt,
	    .voluntary_switches = (uint64_t)usage->ru_nvcsw,
	    .involuntary_switches = (uint64_t)usage->ru_nivcsw,
	};

	tty_drain();
	if (copies_wanted()) {
		if (agent_is_init)
			kill(-1, SIGKILL); /* what the program left running would change things under the copy */
		copies_out();
	}
	control_send(WIRE_EXIT, &end, sizeof end);
	agent_end();
}

/* Reaps orphans and the program; returns when nothing more has died. */
static void reap(void)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		if (pid == program)
			report_end(status, &usage);
}

static void child_died(int signo)
{
	/* ppoll returns; reap() does the work */
}

/*
 * SIGCHLD gets through in ppoll alone, so that a child cannot die between the look and the wait. SIGPIPE never: a write
 * tells by its error. Blocked and not ignored, because the program would inherit that.
 */
static void block_signals(void)
{
	struct sigaction action = {.sa_handler = child_died, .sa_flags = SA_NOCLDSTOP};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGCHLD, &action, NULL);
}

_Noreturn static void serve(void)
{
	struct pollfd fds[1 + TTY_POLLFDS];
	struct wire_frame frame;
	const char *payload;
	sigset_t while_waiting;

	sigemptyset(&while_waiting);
	sigaddset(&while_waiting, SIGPIPE);
	for (;;) {
		while (control_next(&frame, &payload))
			handle_frame(&frame, payload);
		fds[0] = (struct pollfd){.fd = stream_fd(STREAM_CONTROL), .events = POLLIN};
		int tty_fds = tty_poll(fds + 1);

		if (ppoll(fds, 1 + (nfds_t)tty_fds, NULL, &while_waiting) < 0) {
			reap(); /* EINTR: SIGCHLD, what else */
			continue;
		}
		tty_transfer(fds + 1, tty_fds);
		if (tty_fds)
			reap(); /* with something always ready, ppoll does not get round to signals */
		if (fds[0].revents)
			control_fill();
	}
}

static bool parse_arguments(int argc, char **argv, const char **directory)
{
	*directory = NULL;
	if (argc == 3 && strcmp(argv[1], "--unix") == 0)
		*directory = argv[2];
	return *directory || agent_is_init;
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: agent --unix DIRECTORY\n";
	const char *directory;
	static struct job job;
	int stdio[3];

	agent_is_init = getpid() == 1;
	if (!parse_arguments(argc, argv, &directory)) {
		write_all(STDERR_FILENO, usage, sizeof usage - 1);
		return 2;
	}
	block_signals();
	streams_connect(directory);
	if (agent_is_init)
		mount_base();
	read_job(&job);
	bool tty = job.header.stdio[0] == WIRE_STDIO_TTY;

	if (job.header.nmounts)
		mounts_make(&job);
	files_create(&job);
	stream_close(STREAM_IMAGE);
	if (job.header.nmounts) {
		copies_in(&job);
		copies_note(&job);
	}
	if (agent_is_init) {
		account_add(&job);
		if (*job.hostname)
			sethostname(job.hostname, strlen(job.hostname));
	}
	open_stdio(&job, stdio);
	if (job.header.disk_bytes)
		mounts_limit(job.header.disk_bytes);
	program = spawn_program(&job, stdio, tty);
	control_send(WIRE_STARTED, NULL, 0);
	close_stdio(&job, stdio, tty);
	serve();
}
