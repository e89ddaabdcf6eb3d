/* SPDX-License-Identifier: Apache-2.0
 *
 * All limits of the guest kernel, each with its unit and reason.
 */
#ifndef GUESTKERNEL_LIMITS_H
#define GUESTKERNEL_LIMITS_H

#define PID_LIMIT	       32768	    /* highest thread id + 1: what programs know from Linux */
#define FD_LIMIT	       1048576	    /* descriptors a process: Linux's fs.nr_open */
#define PATH_LIMIT	       4096	    /* bytes of a path with its NUL: PATH_MAX */
#define NAME_LIMIT	       255	    /* bytes of one name: NAME_MAX */
#define SYMLINK_LIMIT	       40	    /* symbolic links followed in one path: Linux's MAXSYMLINKS */
#define ARG_LIMIT_BYTES	       (2 << 20)    /* arguments and environment of execve: ARG_MAX with an 8 MiB stack */
#define ARG_STRING_LIMIT       131072	    /* one argument string: MAX_ARG_STRLEN */
#define VMA_LIMIT	       65530	    /* mappings an address space: vm.max_map_count */
#define PIPE_PAGES	       16	    /* pages of a new pipe: 64 KiB as on Linux */
#define PIPE_PAGES_LIMIT       256	    /* F_SETPIPE_SZ: fs.pipe-max-size is 1 MiB */
#define IOV_LIMIT	       1024	    /* iovecs a call: UIO_MAXIOV */
#define RW_LIMIT	       0x7ffff000ul /* bytes one read or write moves: MAX_RW_COUNT */
#define SIGQUEUE_LIMIT	       4096	    /* queued signals a process */
#define MOUNT_LIMIT	       1024	/* mounts: a recursive bind can double them, and they are searched one by one */
#define FILES_LIMIT	       1000000	/* open file descriptions in the guest */
#define SOCKET_BUFFER_DEFAULT  212992u	/* bytes: net.core.wmem_default, rmem_default */
#define SOCKET_BUFFER_LIMIT    4194304u /* bytes SO_SNDBUF and SO_RCVBUF accept: net.core.wmem_max */
#define SOCKET_SNDBUF_LEAST    4608u	/* bytes: what Linux raises a smaller SO_SNDBUF to ... */
#define SOCKET_RCVBUF_LEAST    2304u	/* ... and SO_RCVBUF */
#define SOCKET_BACKLOG_LIMIT   4096u	/* connections to accept: net.core.somaxconn */
#define SOCKET_DATAGRAMS_LIMIT 4096u	/* datagrams one socket holds, however small: bounds their bookkeeping */
#define UNIX_INFLIGHT_LOOK     1024u	/* descriptors in flight at which sends begin to look for garbage */
#define SOCKET_CONTROL_LIMIT   20480	/* bytes of control messages a send takes: net.core.optmem_max of old */
#define TCP_SNDBUF_SHOWN       16384u	/* bytes: what SO_SNDBUF tells of a new TCP socket, as net.ipv4.tcp_wmem ... */
#define TCP_RCVBUF_SHOWN       131072u	/* ... and SO_RCVBUF, as tcp_rmem: Linux grows both as needed */
#define TCP_BUFFER_BYTES       (512u << 10) /* bytes each end lets wait in a connection when the program sets no size */
#define TIME_WAIT_NS	       60000000000ull /* how long a closed connection keeps its port: Linux's TCP_TIMEWAIT_LEN */
#define TIME_WAIT_LIMIT	       4096u	      /* remembered at most: net.ipv4.tcp_max_tw_buckets of a small machine */
#define MULTICAST_GROUPS_LIMIT 20	      /* groups that a socket joins: net.ipv4.igmp_max_memberships */
#define SOCKET_MSGS_LIMIT      1024	      /* messages of sendmmsg and recvmmsg: UIO_MAXIOV */
#define DISCARD_START_BYTES                                                                                            \
	(64ul << 20) /* free recycled memory (in 2 MiB blocks) at which the host gets some back ... */
#define DISCARD_KEEP_BYTES                                                                                             \
	(32ul << 20)	  /* ... until this much is left: each give-back is an exit, each reuse a host fault */
#define PTY_LIMIT     256 /* pseudo-terminals: minors 0..255, some 28 KiB each */
#define RECLAIM_PAGES 256 /* frames taken from caches at once when memory is out: not one by one */
#define RESERVE_PAGES 64  /* frames for ALLOC_ATOMIC alone: page tables of a few faults, an exiting process */

#endif
