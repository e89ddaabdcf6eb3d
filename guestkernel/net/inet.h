/* SPDX-License-Identifier: Apache-2.0
 *
 * AF_INET and AF_INET6 on the loopback interface.
 */
#ifndef GUESTKERNEL_NET_INET_H
#define GUESTKERNEL_NET_INET_H

#include "guestkernel/types.h"

struct socket;

/* socket(AF_INET, ...), socket(AF_INET6, ...). -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -ENOMEM */
int inet_create(int type, int protocol, struct socket **out);
int inet6_create(int type, int protocol, struct socket **out);

#endif
