/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface ioctls of netdevice(7): they know the loopback interface, and change nothing.
 */
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"
#include <linux/sockios.h>

#define NAME_BYTES		  16 /* IFNAMSIZ */
#define FLAGS_UP_LOOPBACK_RUNNING 0x49
#define ARPHRD_LOOPBACK_TYPE	  772

struct k_ifreq {
	char name[NAME_BYTES];
	union {
		struct {
			u16 family, port;
			u8 addr[4], zero[8];
		} in;
		s32 value;
		s16 flags;
		u8 raw[24];
	};
};
_Static_assert(sizeof(struct k_ifreq) == 40, "ifreq");

struct k_ifconf {
	s32 len, pad;
	u64 buffer;
};

static void set_ipv4(struct k_ifreq *r, u8 a, u8 b, u8 c, u8 d)
{
	memset(r->raw, 0, sizeof(r->raw));
	r->in.family = K_AF_INET;
	r->in.addr[0] = a;
	r->in.addr[1] = b;
	r->in.addr[2] = c;
	r->in.addr[3] = d;
}

static long list_interfaces(u64 arg)
{
	struct k_ifconf conf;
	struct k_ifreq r = {.name = INTERFACE_NAME};
	if (get_user(conf, user(arg)))
		return -EFAULT;
	set_ipv4(&r, 127, 0, 0, 1);
	if (!conf.buffer) {
		conf.len = sizeof(r);
	} else if (conf.len >= (s32)sizeof(r)) {
		if (copy_to_user(user(conf.buffer), &r, sizeof(r)))
			return -EFAULT;
		conf.len = sizeof(r);
	} else {
		conf.len = 0;
	}
	return put_user(user(arg), conf);
}

static long index_to_name(struct k_ifreq *r)
{
	if (r->value != INTERFACE_INDEX)
		return -ENODEV;
	memset(r->name, 0, sizeof(r->name));
	memcpy(r->name, INTERFACE_NAME, sizeof(INTERFACE_NAME));
	return 0;
}

static long answer(u32 cmd, struct k_ifreq *r)
{
	memset(r->raw, 0, sizeof(r->raw));
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = FLAGS_UP_LOOPBACK_RUNNING;
		return 0;
	case SIOCGIFADDR:
		set_ipv4(r, 127, 0, 0, 1);
		return 0;
	case SIOCGIFDSTADDR:
		set_ipv4(r, 127, 0, 0, 1);
		return 0;
	case SIOCGIFNETMASK:
		set_ipv4(r, 255, 0, 0, 0);
		return 0;
	case SIOCGIFBRDADDR:
		set_ipv4(r, 0, 0, 0, 0);
		return 0;
	case SIOCGIFMTU:
		r->value = INTERFACE_MTU;
		return 0;
	case SIOCGIFINDEX:
		r->value = INTERFACE_INDEX;
		return 0;
	case SIOCGIFTXQLEN:
		r->value = INTERFACE_TX_QUEUE;
		return 0;
	case SIOCGIFMETRIC:
	case SIOCGIFMAP:
		return 0;
	case SIOCGIFHWADDR:
		r->in.family = ARPHRD_LOOPBACK_TYPE;
		return 0;
	default:
		return -ENOTTY;
	}
}

static bool asks(u32 cmd)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFMTU:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMETRIC:
	case SIOCGIFMAP:
	case SIOCGIFHWADDR:
		return true;
	default:
		return false;
	}
}

static bool changes(u32 cmd)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
	case SIOCSIFMTU:
	case SIOCSIFTXQLEN:
	case SIOCSIFMETRIC:
	case SIOCSIFHWADDR:
	case SIOCSIFNAME:
		return true;
	default:
		return false;
	}
}

long interface_ioctl(u32 cmd, u64 arg)
{
	struct k_ifreq r;
	if (cmd == SIOCGIFCONF)
		return list_interfaces(arg);
	if (cmd != SIOCGIFNAME && !asks(cmd))
		return changes(cmd) ? -EPERM : -ENOTTY;
	if (get_user(r, user(arg)))
		return -EFAULT;
	r.name[NAME_BYTES - 1] = 0;
	long e = cmd == SIOCGIFNAME ? index_to_name(&r) : strcmp(r.name, INTERFACE_NAME) ? -ENODEV : answer(cmd, &r);
	return e ? e : put_user(user(arg), r);
}
