/* SPDX-License-Identifier: Apache-2.0
 *
 * What `sandbox run` was asked to do: the command line, checked, and nothing derived from the host. Filled by cli.c,
 * read by everybody else. Strings point into argv and live as long as the process.
 */
#ifndef RUNNER_SPEC_H
#define RUNNER_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/boot.h"
#include "abi/wire.h"
#include "runner/syscalls.h"

#define SPEC_MEMORY_DEFAULT (512ull << 20)
#define SPEC_MEMORY_MIN	    (16ull << 20) /* kernel, initramfs, and a small program */
#define SPEC_MEMORY_MAX	    (64ull << 30) /* page tables of the direct map fit below BOOT_TABLES_END */
#define SPEC_MEMORY_ALIGN   (2ull << 20)  /* struct guest_memory wants a multiple of it; we round up */
#define SPEC_TIMEOUT_MIN_NS 1000000ull	  /* 1 ms */
#define SPEC_TIMEOUT_MAX_NS (365 * 86400 * 1000000000ull)
#define SPEC_ID_MAX	    0xfffffffeu /* (uid_t)-1 means "no change" to Linux */
#define SPEC_HOSTNAME	    "sandbox"

#define SPEC_MOUNTS_MAX 16
#define SPEC_TMPFS_MIN	4096u
#define SPEC_DISK_MIN	4096u

enum spec_mount_kind {
	SPEC_RO,
	SPEC_RW,
	SPEC_TMPFS,
	SPEC_OVERLAY, /* also --rootfs DIRECTORY, at "/" */
	SPEC_TAR,     /* --rootfs ARCHIVE, at "/" */
	SPEC_IMAGE,   /* --rootfs IMAGE, at "/" */
};

/* --ro, --rw, --tmpfs, --overlay, --rootfs. */
struct spec_mount {
	enum spec_mount_kind kind;
	const char *host;  /* as given, unescaped; NULL for a tmpfs */
	const char *guest; /* absolute, normal: no `.`, `..`, empty components or trailing slash, but "/" itself */
	uint64_t size;	   /* bytes, tmpfs; 0: the kernel's default */
	const char *value; /* the option's */
	unsigned source;   /* run_spec.source when it was given */
};

/* --copy-in, --copy-out. */
struct spec_copy {
	bool out;
	bool into;	   /* out: HOST ended with a slash, so it must be a directory */
	const char *host;  /* as given, unescaped */
	const char *guest; /* as in struct spec_mount */
};

/* --allow-read, --allow-write. */
struct spec_reach {
	const char *path; /* as given: with a slash at the end all that is beneath it */
	bool write;
};

enum privilege { PRIVILEGE_AUTO, PRIVILEGE_SPLIT, PRIVILEGE_FLAT };

struct run_spec {
	const char *program;   /* as typed; equals argv[0] */
	char *const *argv;     /* PROGRAM and its arguments, NULL-terminated */
	size_t argc;	       /* at least 1 */
	uint64_t memory_bytes; /* SPEC_MEMORY_MIN..MAX, a multiple of SPEC_MEMORY_ALIGN */
	uint64_t timeout_ns;   /* 0: none */
	const char **env;      /* values of -e in order, "NAME" or "NAME=VALUE" */
	size_t env_count;
	const char *workdir;  /* absolute, no `.` or `..` components; NULL: the home directory */
	const char *hostname; /* never NULL */
	uint32_t uid, gid;
	uint32_t umask; /* 0..0777 */
	unsigned cpus;	/* 1..BOOT_MAX_CPUS */
	enum privilege privilege;
	unsigned verbose; /* how often -v was given */
	bool tty;
	bool stats;
	const char *stats_file; /* NULL: standard error */
	bool trace;
	const char *trace_file; /* NULL: standard error */
	const char *trace_only; /* "NAME,NAME..."; NULL: all */
	bool limit_calls;	/* `calls` are all that the program may make */
	struct syscall_set calls;
	struct spec_reach *reach; /* when there are any, all of the shares that can be reached */
	size_t reach_count;
	const char *record_file;		  /* NULL: no record is made */
	const char *record_head;		  /* what stands in the file before it */
	struct spec_mount mount[SPEC_MOUNTS_MAX]; /* parents before what lies in them; no path twice */
	unsigned mount_count;
	unsigned
	    source; /* what is being read: 0, 1 ... the profiles, then the command line, which override the earlier */
	struct spec_copy copy[SPEC_MOUNTS_MAX]; /* in the order given; mounts and copies together are SPEC_MOUNTS_MAX */
	unsigned copy_count;
	bool rootfs;	     /* one of the mounts is from --rootfs: PROGRAM is a path inside */
	uint64_t disk_bytes; /* --disk; 0: as the kernel likes */
};

#endif
