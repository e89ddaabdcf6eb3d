/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP urgent data (MSG_OOB) as Linux has it: the last byte of such a send is the urgent one. It is taken out of the
 * stream unless SO_OOBINLINE is set, reads stop before it, and there is one at a time. Places are counted in bytes
 * received.
 */
#include "guestkernel/fs/async.h"
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"
#include <asm/signal.h>
#include <linux/eventpoll.h>

/* The place that the next read begins at. */
static u64 read_place(const struct inet_sock *i)
{
	return i->bytes_received - i->rx.bytes;
}

void tcp_urgent_arrived(struct inet_sock *i, u8 byte)
{
	i->urgent = TCP_URGENT_VALID;
	i->urgent_place = i->bytes_received - 1;
	i->urgent_byte = byte;
	async_urgent(i->socket.file);
	wake_up(&i->read_wait, EPOLLPRI);
}

bool tcp_at_mark(const struct inet_sock *i, u32 ahead)
{
	return i->urgent && i->urgent_place == read_place(i) + ahead;
}

u32 tcp_before_mark(const struct inet_sock *i, u32 ahead, u32 n)
{
	u64 place = read_place(i) + ahead;
	if (!i->urgent || i->urgent_place <= place || i->urgent_place - place >= n)
		return n;
	return (u32)(i->urgent_place - place);
}

u32 tcp_urgent_inq(const struct inet_sock *i)
{
	return i->socket.options.oobinline ? i->rx.bytes : tcp_before_mark(i, 0, i->rx.bytes);
}

void tcp_urgent_passed(struct inet_sock *i)
{
	if (i->urgent && i->urgent_place < read_place(i))
		i->urgent = TCP_URGENT_NONE;
}

long tcp_recv_urgent(struct inet_sock *i, struct socket_msg *msg)
{
	if (i->socket.options.oobinline || i->urgent != TCP_URGENT_VALID)
		return i->state == TCP_S_CLOSE && !i->fin_received ? -ENOTCONN : -EINVAL;
	msg->out_flags |= K_MSG_OOB;
	if (!msg->uio->left) {
		msg->out_flags |= K_MSG_TRUNC;
		return 0;
	}
	if (!(msg->flags & K_MSG_TRUNC) && !uio_copy_to(msg->uio, &i->urgent_byte, 1))
		return -EFAULT;
	if (!(msg->flags & K_MSG_PEEK))
		i->urgent = TCP_URGENT_READ;
	return 1;
}
