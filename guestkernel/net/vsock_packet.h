/* SPDX-License-Identifier: Apache-2.0
 *
 * The vsock packet header (virtio 1.2, 5.10.6) and the one register that the driver writes (4.2.2).
 */
#ifndef GUESTKERNEL_NET_VSOCK_PACKET_H
#define GUESTKERNEL_NET_VSOCK_PACKET_H

#include "guestkernel/types.h"

#define VSOCK_MMIO_NOTIFY  0x50
#define VSOCK_HEADER_BYTES 44

struct vsock_header {
	u64 src_cid, dst_cid;
	u32 src_port, dst_port, len;
	u16 type, op;
	u32 flags, buf_alloc, fwd_cnt;
	u32 pad[5]; /* to 64 bytes, so that headers in an array do not share cache lines */
};
_Static_assert(offsetof(struct vsock_header, pad) == VSOCK_HEADER_BYTES, "vsock header");

#define VSOCK_TYPE_STREAM	1
#define VSOCK_OP_REQUEST	1
#define VSOCK_OP_RESPONSE	2
#define VSOCK_OP_RST		3
#define VSOCK_OP_SHUTDOWN	4
#define VSOCK_OP_RW		5
#define VSOCK_OP_CREDIT_UPDATE	6
#define VSOCK_OP_CREDIT_REQUEST 7
#define VSOCK_SHUTDOWN_RECEIVE	1u
#define VSOCK_SHUTDOWN_SEND	2u

#endif
