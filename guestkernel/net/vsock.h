/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_VSOCK stream sockets and the virtio device below them (virtio 1.2, 5.10).
 */
#ifndef GUESTKERNEL_NET_VSOCK_H
#define GUESTKERNEL_NET_VSOCK_H

#include "guestkernel/types.h"

struct socket;

/* Takes over the device that the runner has set up (boot->vsock) and posts receive buffers. */
void vsock_init(void);
/* Takes what the device has delivered. Returns true when there was something. Kernel lock held, does not sleep. */
bool vsock_poll(void);
/* Notifies the device of packets that were left for later (connection requests, credit), then polls; true when
 * something came. */
bool vsock_flush(void);
/* The same, and waits for an answer for a moment where nobody else wants a CPU: cheaper than to go idle and be woken.
 * False: nothing has come. */
bool vsock_ask(void);
/* Counts packets of all connections but those that vsock_quiet() was called for: what came from outside may tell the
 * programs of changes there. */
extern u64 vsock_news;
struct file;
void vsock_quiet(struct file *file);
/* socket(AF_VSOCK, SOCK_STREAM, 0) */
int vsock_create(int type, int protocol, struct socket **out);

#endif
