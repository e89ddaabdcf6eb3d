/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire protocol between the runner (host) and the agent (pid 1 in the guest).
 *
 * Transport: AF_VSOCK streams. The agent connects to the host (CID 2), one stream a purpose, by port.
 * All integers are little-endian; both sides are x86-64, so the structs are the wire format.
 *
 *   port            direction        content
 *   WIRE_CONTROL    both             frames: struct wire_frame, then `length` bytes of payload
 *   WIRE_IMAGE      host -> guest    the contents of the job's regular files, in the job's order; each
 *                                    padded with zero bytes to a multiple of WIRE_PAGE
 *   WIRE_STDIN      host -> guest    bytes of the caller's standard input, then half-close
 *   WIRE_STDOUT     guest -> host    bytes of standard output (also standard error when they are one)
 *   WIRE_STDERR     guest -> host    bytes of standard error
 *   WIRE_FILES      both             9P2000.L, or a copy-out (docs/files.md); one connection a session, as many as the job
 *                                    has shares and copy-outs
 *
 * Order on the control stream:
 *   host  -> JOB                                       at once, once
 *   agent -> STARTED                                   the program's execve has succeeded
 *   host  -> SIGNAL, WINSIZE                           any number, after JOB
 *   agent -> EXIT or FAIL                              last; then the agent powers the machine off
 * All bytes that the program wrote precede EXIT in the order of packets on the virtqueue.
 */
#ifndef ABI_WIRE_H
#define ABI_WIRE_H

#include <stdint.h>

#define WIRE_VERSION 5u
#define WIRE_PAGE 4096u

#define WIRE_HOST_CID 2u
#define WIRE_GUEST_CID 3u

enum wire_port {
	WIRE_CONTROL = 1024,
	WIRE_IMAGE = 1025,
	WIRE_STDIN = 1026,
	WIRE_STDOUT = 1027,
	WIRE_STDERR = 1028,
	WIRE_FILES = 1029,
};

/* Upper bounds; a frame or job beyond them is a protocol error. */
#define WIRE_FRAME_MAX (8u << 20)   /* bytes of payload; JOB alone comes near (ARG_MAX is 2 MiB) */
#define WIRE_REPORT_MAX 4096u       /* bytes of payload of any agent -> host frame */
#define WIRE_STRINGS_MAX 65536u     /* arguments + environment strings */
#define WIRE_FILES_MAX 65536u       /* file records in one job */
#define WIRE_PATH_MAX 4096u         /* bytes of a path with its NUL */
#define WIRE_HOSTNAME_MAX 65u       /* bytes with its NUL */
#define WIRE_PREFETCH_MAX 2048u     /* bytes of a list of paths with its NUL */
#define WIRE_MOUNTS_MAX 16u         /* mount records in one job */
#define WIRE_FILES_SESSIONS_MAX 16u /* connections to WIRE_FILES */

enum wire_type {
	WIRE_JOB = 1,      /* struct wire_job + strings + file records */
	WIRE_SIGNAL = 2,   /* struct wire_signal: deliver to the program (its process group when it has a tty) */
	WIRE_WINSIZE = 3,  /* struct wire_winsize */
	WIRE_STARTED = 16, /* no payload */
	WIRE_EXIT = 17,    /* struct wire_exit */
	WIRE_FAIL = 18,    /* struct wire_fail + text */
};

struct wire_frame {
	uint32_t type;   /* enum wire_type */
	uint32_t length; /* bytes of payload that follow */
};

enum wire_stdio {
	WIRE_STDIO_CLOSED = 0, /* the descriptor is not open in the program */
	WIRE_STDIO_STREAM = 1, /* a stream to the port of the same name */
	WIRE_STDIO_NULL = 2,   /* the guest's /dev/null */
	WIRE_STDIO_STDOUT = 3, /* standard error only: a duplicate of standard output */
	WIRE_STDIO_TTY = 4,    /* 0 and 1 together, and mostly 2: the program gets a pty; bytes travel over STDIN and STDOUT */
};

#define WIRE_RLIMITS 16 /* RLIM_NLIMITS */
struct wire_rlimit {
	uint64_t soft, hard;
};

/*
 * After struct wire_job come, in this order and without gaps:
 *   NUL-terminated strings: hostname, user name, working directory, home directory, path to execute,
 *   argc argument strings, envc environment strings ("NAME=VALUE");
 *   then nmounts records: struct wire_mount, path with NUL, and with prefetch_len that list with NUL; parents before
 *   what lies in them;
 *   then nfiles records: struct wire_file, path with NUL, and for a symbolic link its target with NUL.
 */
#define WIRE_JOB_SEARCH 1u /* the path to execute is a name that execvp(3) would take, in the environment's PATH */

struct wire_job {
	uint32_t version; /* WIRE_VERSION */
	uint32_t flags;   /* WIRE_JOB_* */
	uint32_t uid, gid;
	uint32_t umask;
	uint32_t argc, envc, nfiles;
	uint8_t stdio[4]; /* enum wire_stdio of descriptors 0, 1, 2; [3] is 0 */
	uint16_t rows, cols; /* window size, with WIRE_STDIO_TTY */
	uint32_t rlimit_mask; /* bit N: rlimit[N] (Linux RLIMIT_*) is to be set */
	uint32_t nmounts;
	struct wire_rlimit rlimit[WIRE_RLIMITS];
	uint64_t disk_bytes; /* what the program may add to file systems in memory, all together; 0: as the kernel likes */
};

enum wire_mount_kind {
	WIRE_MOUNT_SHARE = 1, /* a 9P session over WIRE_FILES */
	WIRE_MOUNT_TMPFS = 2,
	WIRE_MOUNT_OVERLAY = 3,  /* a share that is not written to: what is changed is kept in memory */
	WIRE_MOUNT_TAR = 4,      /* the share is a tar archive; its contents become the root, in memory. Path "/" */
	WIRE_MOUNT_IMAGE = 5,    /* the share is an EROFS or squashfs image: the root, as an overlay over it. Path "/" */
	/* Not mounted, and after all that is: */
	WIRE_MOUNT_COPY_IN = 6,  /* the share's contents are copied to the path before the program starts */
	WIRE_MOUNT_COPY_OUT = 7, /* the path is sent to copy-out `share` after the program's end */
};

#define WIRE_MOUNT_READONLY 1u
#define WIRE_MOUNT_FILE 2u /* the share is a regular file */

struct wire_mount {
	uint32_t kind;     /* enum wire_mount_kind */
	uint32_t flags;    /* WIRE_MOUNT_*; 0 for tmpfs */
	uint32_t share;    /* number of the share (aname in decimal), or of the copy-out; 0 for tmpfs */
	uint32_t path_len; /* as in struct wire_file; a share may have path "/": then only /dev, /proc, /sys, /tmp and (SHARE alone)
	                      /run of the guest stay, and no other mount may hide them */
	uint64_t size;     /* bytes, tmpfs only; 0: as the kernel likes */
	uint32_t prefetch_len; /* bytes with the NUL, 0 or 2..WIRE_PREFETCH_MAX: what the program will want of a read-only
	                          share at once, as the mount option `prefetch` has it (docs/files.md). A hint */
	uint32_t reserved;     /* 0 */
};

enum wire_file_kind {
	WIRE_FILE_REGULAR = 1, /* contents on WIRE_IMAGE; created with missing parent directories (0755, root) */
	WIRE_FILE_DIRECTORY = 2,
	WIRE_FILE_SYMLINK = 3,
};

struct wire_file {
	uint32_t kind;     /* enum wire_file_kind */
	uint32_t mode;     /* permission bits, 07777 */
	uint32_t uid, gid;
	uint64_t size;     /* bytes, regular files only */
	int64_t mtime_ns;  /* since the epoch */
	uint32_t path_len; /* bytes with the NUL, 2..WIRE_PATH_MAX; absolute, no `.` or `..` components */
	uint32_t link_len; /* bytes with the NUL; 0 unless a symbolic link */
};

/*
 * A copy-out, on a connection to WIRE_FILES of its own. Messages are framed as in 9P (size[4] type[1] tag[2], strings with
 * length[2]), with types that 9P does not have; the host answers the last.
 *   BEGIN  index[4]                                                       once
 *   ENTRY  kind[1] mode[4] mtime_ns[8] size[8] path[s] target[s]          directories before what lies in them; the first
 *                                                                         has an empty path, the others are relative to it
 *   DATA   offset[8] count[4] data[count]                                 of the last entry, a regular file; holes are not sent
 *   LEAVE  mtime_ns[8] path[s]                                            of a directory, when all that lies in it has been sent
 *   END    errno[4] path[s]                                               0, or why it could not all be read, and where
 */
enum wire_copy {
	WIRE_COPY_BEGIN = 200,
	WIRE_COPY_ENTRY = 202,
	WIRE_COPY_DATA = 204,
	WIRE_COPY_LEAVE = 208,
	WIRE_COPY_END = 206, /* answered by END + 1, errno[4] */
};

struct wire_signal {
	uint32_t signo; /* 1..64 */
};

struct wire_winsize {
	uint16_t rows, cols, xpixel, ypixel;
};

enum wire_end {
	WIRE_END_EXITED = 0,   /* code: exit status, 0..255 */
	WIRE_END_SIGNALED = 1, /* code: signal number */
};

struct wire_exit {
	uint32_t end;  /* enum wire_end */
	uint32_t code;
	uint64_t user_us, system_us; /* CPU time of the program and its waited-for children */
	uint64_t max_rss_kib;
	uint64_t minor_faults, major_faults;
	uint64_t voluntary_switches, involuntary_switches;
};

/* Where the agent failed; decides the runner's exit status. */
enum wire_stage {
	WIRE_STAGE_JOB = 1,     /* the job could not be read: 125 */
	WIRE_STAGE_FILES = 2,   /* a file could not be created: 125 */
	WIRE_STAGE_STDIO = 3,   /* 125 */
	WIRE_STAGE_SPAWN = 4,   /* vfork, setuid, setrlimit ...: 125 */
	WIRE_STAGE_WORKDIR = 5, /* chdir failed: 125 */
	WIRE_STAGE_EXEC = 6,    /* execve failed: 127 for ENOENT, else 126 */
	WIRE_STAGE_MOUNT = 7,   /* 125 */
};

struct wire_fail {
	uint32_t stage; /* enum wire_stage */
	uint32_t error; /* Linux errno */
	/* then text: what it was doing, without a NUL, up to WIRE_REPORT_MAX */
};

/*
 * setsockopt(fd, AF_VSOCK, WIRE_SO_FIFO, &one, sizeof(int)): present a connected stream to programs as a
 * FIFO (fstat says S_IFIFO, getpeername says ENOTSOCK, /proc/self/fd/N can be opened), as programs expect
 * of standard streams. A kernel that does not know it answers ENOPROTOOPT and the agent goes on.
 */
#define WIRE_SO_FIFO 4096

#endif
