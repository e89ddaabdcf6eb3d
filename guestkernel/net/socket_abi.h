/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants and structures of socket(7), unix(7), ip(7) that the UAPI headers leave to the C library.
 */
#ifndef GUESTKERNEL_NET_SOCKET_ABI_H
#define GUESTKERNEL_NET_SOCKET_ABI_H

#include <asm/socket.h>
#include "guestkernel/types.h"

#define K_AF_UNSPEC  0
#define K_AF_UNIX    1
#define K_AF_INET    2
#define K_AF_INET6   10
#define K_AF_NETLINK 16
#define K_AF_VSOCK   40

#define K_SOCK_STREAM	 1
#define K_SOCK_DGRAM	 2
#define K_SOCK_RAW	 3
#define K_SOCK_SEQPACKET 5
#define K_SOCK_TYPE_MASK 0xf
#define K_SOCK_CLOEXEC	 02000000
#define K_SOCK_NONBLOCK	 04000

#define K_MSG_OOB	   0x1u
#define K_MSG_PEEK	   0x2u
#define K_MSG_CTRUNC	   0x8u
#define K_MSG_TRUNC	   0x20u
#define K_MSG_DONTWAIT	   0x40u
#define K_MSG_EOR	   0x80u
#define K_MSG_WAITALL	   0x100u
#define K_MSG_ERRQUEUE	   0x2000u
#define K_MSG_NOSIGNAL	   0x4000u
#define K_MSG_WAITFORONE   0x10000u
#define K_MSG_FASTOPEN	   0x20000000u
#define K_MSG_CMSG_CLOEXEC 0x40000000u

#define K_SHUT_RD   1u /* how + 1 of shutdown(2) */
#define K_SHUT_WR   2u
#define K_SHUT_BOTH 3u

#define K_SCM_RIGHTS	  1
#define K_SCM_CREDENTIALS 2

struct k_msghdr {
	u64 name;
	u32 name_len, pad;
	u64 iov, iov_count;
	u64 control, control_len;
	u32 flags, pad2;
};
_Static_assert(sizeof(struct k_msghdr) == 56, "msghdr");

struct k_mmsghdr {
	struct k_msghdr hdr;
	u32 len, pad;
};

struct k_cmsghdr {
	u64 len; /* with this header */
	s32 level, type;
};
#define CMSG_SPACE_OF(n) (sizeof(struct k_cmsghdr) + (((n) + 7) & ~7ul))

struct k_ucred {
	s32 pid;
	u32 uid, gid;
};

struct k_linger {
	s32 on, seconds;
};

#endif
