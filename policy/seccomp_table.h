/* SPDX-License-Identifier: Apache-2.0
 *
 * What each thread of the runner may ask of the host's kernel once the guest runs: one table a role, one row a
 * system call (or one permitted form of its arguments), with the reason on the row. Everything else is refused.
 * The hot calls come first: that is the order in which the filter compares.
 *
 * Read by policy/gen/policygen.c (rows -> BPF and docs/policy.md) and by the unit test. The runner itself sees only
 * the BPF. The threads of the VMM may not do any of these, on purpose: opening, creating or duplicating descriptors,
 * sockets, memory mappings (but of files, at fixed addresses, never executable) and protections, processes and threads,
 * credentials. The runner allocates nothing after lock-down. A filter cannot look behind pointers: sendmsg and recvmsg
 * can still carry a descriptor over a socket that the caller itself gave as a standard stream.
 */
#ifndef POLICY_SECCOMP_TABLE_H
#define POLICY_SECCOMP_TABLE_H

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* All checked arguments are `int` or `unsigned int` in the kernel, which ignores the upper half of the register. */
struct policy_check {
	uint32_t argument;    /* 0..5 */
	uint32_t mask, value; /* allowed when (argument & mask) == value */
	const char *text;     /* for the documentation; NULL: no check on this row */
};

struct policy_row {
	int number;
	const char *name;
	struct policy_check check;
	const char *reason;
	struct policy_check also; /* a second argument */
};

/* Stands for the process id, which is known at run time only; patched when the filter is installed. */
#define POLICY_PID_PLACEHOLDER 0x7ed1c0deu

/* clang-format off */
#define NO_CHECK {0, 0, 0, NULL}
#define ROW(call, why) {SYS_##call, #call, NO_CHECK, why, NO_CHECK}
#define ROW_IF(call, arg, bits, why) {SYS_##call, #call, {arg, 0xffffffffu, (uint32_t)(bits), #bits}, why, NO_CHECK}
#define ROW_IF_BOTH(call, arg, bits, arg2, bits2, why) \
	{SYS_##call, #call, {arg, 0xffffffffu, (uint32_t)(bits), #bits}, why, {arg2, 0xffffffffu, (uint32_t)(bits2), #bits2}}
#define ROW_FUTEX(op, why) \
	{SYS_futex, "futex", {1, ~(uint32_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), op, #op}, why, NO_CHECK}
#define ROW_OWN_PID(call, why) \
	{SYS_##call, #call, {0, 0xffffffffu, POLICY_PID_PLACEHOLDER, "the runner's own process"}, why, NO_CHECK}

/* Into the room that the guest gives, which is its memory by construction; nothing can be made executable. */
#define ROW_MAP_IMAGE \
	ROW_IF_BOTH(mmap, 2, PROT_READ | PROT_WRITE, 3, MAP_PRIVATE | MAP_FIXED, "pages of a large program or library, into the guest's page cache")
/* The addresses are the window's by construction (runner/dax.c); nothing can be mapped executable. */
#define POLICY_WINDOW_ROWS \
	ROW_IF_BOTH(mmap, 2, PROT_READ, 3, MAP_SHARED | MAP_FIXED, "a file that the files server hands over, into the read-only window"), \
	ROW_IF(madvise, 2, MADV_POPULATE_READ, "which pages of the window has a file lost")

#define POLICY_VCPU_ROWS \
	ROW_IF(ioctl, 1, KVM_RUN, "enter the guest"), \
	ROW_IF(ioctl, 1, KVM_INTERRUPT, "inject the event vector (no in-kernel irqchip)"), \
	ROW_IF(ioctl, 1, KVM_SET_USER_MEMORY_REGION, "the rest of the guest's RAM, when it is wanted"), \
	ROW_IF(ioctl, 1, KVM_GET_REGS, "register dump after a guest crash"), \
	ROW_IF(ioctl, 1, KVM_GET_SREGS, "register dump after a guest crash"), \
	ROW(write, "wake the I/O thread through its eventfd; messages on stderr"), \
	ROW(writev, "guest output, straight from its buffers to the caller's file"), \
	ROW(preadv2, "caller's input, program and libraries, files of shares, straight into the guest's memory"), \
	ROW_IF(pwritev2, 5, 0, "files of writable shares, straight from the guest's memory"), \
	ROW_MAP_IMAGE, \
	ROW_IF(sendmsg, 2, MSG_DONTWAIT | MSG_NOSIGNAL, "guest output, when the caller's stream is a socket"), \
	ROW_IF(recvmsg, 2, MSG_DONTWAIT, "caller's input, when the stream is a socket; files of shares"), \
	ROW_FUTEX(FUTEX_WAIT, "a contended lock of the device model"), \
	ROW_FUTEX(FUTEX_WAKE, "a contended lock of the device model"), \
	ROW_FUTEX(FUTEX_WAIT_BITSET, "an idle vCPU waits for an event or its deadline"), \
	ROW(poll, "a vCPU waits for the files server; would a stream block that could not be opened anew as non-blocking"), \
	ROW(timer_settime, "arm this vCPU's timer, whose signal ends KVM_RUN"), \
	ROW(rt_sigreturn, "return from the handler of that signal"), \
	ROW_OWN_PID(tgkill, "make another vCPU leave KVM_RUN"), \
	ROW_IF(madvise, 2, MADV_DONTNEED, "the guest gave pages back"), \
	ROW_IF(madvise, 2, MADV_FREE, "the guest gave pages back"), \
	ROW(sched_yield, "this vCPU waits for one that the host does not run"), \
	ROW(clock_gettime, "when the vDSO cannot read the clock (clock source other than TSC)"), \
	ROW(restart_syscall, "the kernel's own continuation of futex after SIGSTOP and SIGCONT"), \
	ROW(close, "a stream has ended"), \
	POLICY_WINDOW_ROWS, \
	ROW(exit, "end of the thread"), \
	ROW(exit_group, "end of the run; also the handlers of refused calls and lost memory")

static const struct policy_row policy_vcpu_rows[] = {POLICY_VCPU_ROWS};

static const struct policy_row policy_vcpu_tty_rows[] = {
	POLICY_VCPU_ROWS,
	ROW_IF(ioctl, 1, TCSETS, "those handlers give the caller's terminal back"),
};

#define POLICY_IO_ROWS \
	ROW(epoll_pwait, "the event loop"), \
	ROW(read, "eventfd, timerfd, signalfd; caller's input"), \
	ROW(write, "guest output; eventfd; messages and statistics"), \
	ROW(writev, "guest output, straight from its buffers to the caller's file"), \
	ROW(preadv2, "caller's input, program and libraries, straight into the guest's memory"), \
	ROW_MAP_IMAGE, \
	ROW_FUTEX(FUTEX_WAIT, "a contended lock of the device model; the end of the vCPUs"), \
	ROW_FUTEX(FUTEX_WAKE, "a contended lock of the device model"), \
	ROW_OWN_PID(tgkill, "make a vCPU leave KVM_RUN"), \
	ROW_IF(sendmsg, 2, MSG_DONTWAIT | MSG_NOSIGNAL, "guest output, when the caller's stream is a socket"), \
	ROW_IF(recvmsg, 2, MSG_DONTWAIT, "caller's input, when the stream is a socket; files of shares"), \
	ROW(timerfd_settime, "the tick that looks after deadlines of vCPUs"), \
	ROW(timer_settime, "a vCPU's deadline is near"), \
	ROW(poll, "would a stream block that could not be opened anew as non-blocking"), \
	ROW(rt_sigreturn, "return from a signal handler"), \
	ROW(clock_gettime, "when the vDSO cannot read the clock; CPU time of the run"), \
	ROW(getrusage, "CPU time and memory of the run, for --stats"), \
	ROW(restart_syscall, "the kernel's own continuation of futex after SIGSTOP and SIGCONT"), \
	ROW(close, "a stream has ended"), \
	POLICY_WINDOW_ROWS, \
	ROW(exit_group, "end of the run; also the handlers of refused calls and lost memory")

static const struct policy_row policy_io_rows[] = {POLICY_IO_ROWS};

static const struct policy_row policy_io_tty_rows[] = {
	POLICY_IO_ROWS,
	ROW_IF(ioctl, 1, TIOCGWINSZ, "the caller's window size changed"),
	ROW_IF(ioctl, 1, TCGETS, "the caller's terminal settings, to restore them"),
	ROW_IF(ioctl, 1, TCSETS, "terminal raw, and back"),
	ROW_IF(ioctl, 1, TCSETSW, "terminal raw, and back"),
	ROW_IF(ioctl, 1, TCSETSF, "terminal raw, and back"),
};

/* Not a thread of the VMM but the process that serves shared directories; Landlock limits it to these, and a share that
 * is read-only is so in Landlock too. */
static const struct policy_row policy_files_rows[] = {
	ROW(poll, "wait for requests"),
	ROW(recvfrom, "requests"),
	ROW_IF(sendmsg, 2, MSG_DONTWAIT | MSG_NOSIGNAL, "replies; open files of shares, for the runner to map, read and write"),
	ROW(openat2, "one step of a walk, O_PATH, beneath a directory of the share"),
	ROW(newfstatat, "attributes"),
	ROW(fstat, "attributes"),
	ROW(pread64, "read from a file"),
	ROW(pwrite64, "write to a file"),
	ROW(openat, "open a file that a walk has found; create one"),
	ROW(close, "a fid is given up"),
	ROW_IF(fcntl, 1, F_DUPFD_CLOEXEC, "a fid is cloned"),
	ROW(fstatfs, "free space; is it a file system of the kernel"),
	ROW(getdents64, "list a directory"),
	ROW(lseek, "go on in a directory"),
	ROW(readlinkat, "target of a symbolic link"),
	ROW(ftruncate, "size of a file"),
	ROW(fchmodat, "mode of a file"),
	ROW(fchownat, "owner of a file"),
	ROW(utimensat, "times of a file"),
	ROW(mkdirat, "make a directory"),
	ROW(symlinkat, "make a symbolic link"),
	ROW(linkat, "make a hard link"),
	ROW(renameat, "rename within a share"),
	ROW(unlinkat, "remove a name"),
	ROW(fsync, "write a file to the disk"),
	ROW(fdatasync, "write a file to the disk"),
	ROW(write, "tell the runner that all is set up; messages on stderr"),
	ROW(rt_sigreturn, "return from a signal handler"),
	ROW(restart_syscall, "the kernel's own continuation of poll after SIGSTOP and SIGCONT"),
	ROW(exit_group, "end of the run; also the handler of refused calls"),
};

/* clang-format on */

/* Most system calls that a role may have (not rows). */
#define POLICY_VCPU_MAX	 20
#define POLICY_IO_MAX	 30
#define POLICY_FILES_MAX 30

/* Indexed by enum policy_role. */
static const struct policy_role_table {
	const char *identifier, *title;
	const struct policy_row *rows;
	size_t count, most;
} policy_role_tables[] = {
    {"vcpu", "vCPU thread", policy_vcpu_rows, sizeof(policy_vcpu_rows) / sizeof(struct policy_row), POLICY_VCPU_MAX},
    {"io", "I/O thread", policy_io_rows, sizeof(policy_io_rows) / sizeof(struct policy_row), POLICY_IO_MAX},
    {"io_tty", "I/O thread of a run with a terminal", policy_io_tty_rows,
     sizeof(policy_io_tty_rows) / sizeof(struct policy_row), POLICY_IO_MAX},
    {"vcpu_tty", "vCPU thread of a run with a terminal", policy_vcpu_tty_rows,
     sizeof(policy_vcpu_tty_rows) / sizeof(struct policy_row), POLICY_VCPU_MAX},
    {"files", "files server", policy_files_rows, sizeof(policy_files_rows) / sizeof(struct policy_row),
     POLICY_FILES_MAX},
};
#define POLICY_ROLE_TABLES (sizeof(policy_role_tables) / sizeof(policy_role_tables[0]))

#endif
