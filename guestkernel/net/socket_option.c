/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of SOL_SOCKET that mean the same in every family (socket(7)).
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/net/socket.h"
#include "guestkernel/proc/process.h"

#define CAP_NET_ADMIN 12
#define BPF_ANCILLARY 64 /* SO_BPF_EXTENSIONS: SKF_AD_MAX of Linux */

static int get_int(const void *value, u32 len, int *out)
{
	if (len < sizeof(*out))
		return -EINVAL;
	memcpy(out, value, sizeof(*out));
	return 0;
}

/* ---- setting ---- */

static bool *flag_of(struct socket_options *o, int name)
{
	switch (name) {
	case SO_DEBUG:
		return &o->debug;
	case SO_REUSEADDR:
		return &o->reuseaddr;
	case SO_REUSEPORT:
		return &o->reuseport;
	case SO_KEEPALIVE:
		return &o->keepalive;
	case SO_BROADCAST:
		return &o->broadcast;
	case SO_OOBINLINE:
		return &o->oobinline;
	case SO_DONTROUTE:
		return &o->dontroute;
	case SO_RXQ_OVFL:
		return &o->rxq_ovfl;
	case SO_ZEROCOPY:
		return &o->zerocopy;
	default:
		return NULL;
	}
}

static int set_timeout(u64 *ns, const void *value, u32 len)
{
	struct k_timeval tv;
	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, value, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	/* A negative time means: do not wait. */
	if (tv.sec < 0)
		*ns = 1;
	else
		*ns = tv.sec > 1000000000 ? 0 : (u64)tv.sec * 1000000000 + (u64)tv.usec * 1000;
	return 0;
}

static u32 buffer_size(int value, bool force, u32 least)
{
	u32 n = value < 0 && force ? 0 : (u32)value;
	/* Double, as Linux does to make room for its bookkeeping: programs read the doubled figure back. */
	return MAX(MIN(n, SOCKET_BUFFER_LIMIT) * 2, least);
}

static int set_linger(struct socket_options *o, const void *value, u32 len)
{
	struct k_linger l;
	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	o->linger = l.on != 0;
	o->linger_seconds = l.on ? l.seconds : o->linger_seconds;
	return 0;
}

/* Binding to the loopback interface, the only one, changes nothing; but it is told again. */
static int set_device(struct socket_options *o, const char *name, u32 len)
{
	char wanted[16] = {0};
	memcpy(wanted, name, MIN(len, (u32)sizeof(wanted) - 1));
	if (wanted[0] && strcmp(wanted, "lo"))
		return -ENODEV;
	o->bound_to_lo = wanted[0] != 0;
	return 0;
}

static int set_other(struct socket_options *o, int name, int v)
{
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		o->sndbuf = buffer_size(v, name == SO_SNDBUFFORCE, SOCKET_SNDBUF_LEAST);
		o->sndbuf_set = true;
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		o->rcvbuf = buffer_size(v, name == SO_RCVBUFFORCE, SOCKET_RCVBUF_LEAST);
		o->rcvbuf_set = true;
		return 0;
	case SO_RCVLOWAT:
		o->rcvlowat = v < 0 ? INT32_MAX : v ? (u32)v : 1;
		return 0;
	case SO_PRIORITY:
		if ((v < 0 || v > 6) && !cred_has_cap(CAP_NET_ADMIN))
			return -EPERM;
		o->priority = (u32)v;
		return 0;
	case SO_MARK:
		if (!cred_has_cap(CAP_NET_ADMIN))
			return -EPERM;
		o->mark = (u32)v;
		return 0;
	case SO_BUSY_POLL:
		if (v < 0)
			return -EINVAL;
		o->busy_poll = (u32)v;
		return 0;
	case SO_TIMESTAMP_OLD:
		o->timestamp = v != 0;
		o->timestampns = false;
		return 0;
	case SO_TIMESTAMPNS_OLD:
		o->timestampns = v != 0;
		o->timestamp = false;
		return 0;
	case SO_INCOMING_CPU:
	case SO_NO_CHECK:
	case SO_BSDCOMPAT:
		return 0;
	case SO_TYPE:
	case SO_PROTOCOL:
	case SO_DOMAIN:
	case SO_ERROR:
	case SO_SNDLOWAT:
		return -ENOPROTOOPT; /* can only be read */
	default:
		return -ENOPROTOOPT;
	}
}

static int set_generic(struct socket *s, int name, const void *value, u32 len)
{
	struct socket_options *o = &s->options;
	int v, r;
	if ((name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE) && !cred_has_cap(CAP_NET_ADMIN))
		return -EPERM;
	if (name == SO_BINDTODEVICE)
		return set_device(o, value, len);
	r = get_int(value, len, &v);
	if (r)
		return r;
	bool *flag = flag_of(o, name);
	if (flag == &o->zerocopy && s->family != K_AF_INET && s->family != K_AF_INET6)
		return -EOPNOTSUPP;
	if (flag == &o->zerocopy && (v < 0 || v > 1))
		return -EINVAL;
	if (flag == &o->debug && v && !cred_has_cap(CAP_NET_ADMIN))
		return -EACCES;
	if (flag) {
		*flag = v != 0;
		return 0;
	}
	switch (name) {
	case SO_LINGER:
		return set_linger(o, value, len);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&o->receive_timeout_ns, value, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&o->send_timeout_ns, value, len);
	default:
		return set_other(o, name, v);
	}
}

int socket_setsockopt(struct socket *s, int level, int name, const void *value, u32 len)
{
	int r = s->ops->setsockopt ? s->ops->setsockopt(s, level, name, value, len) : -ENOPROTOOPT;
	if (r != -ENOPROTOOPT || level != SOL_SOCKET)
		return r;
	return set_generic(s, name, value, len);
}

/* ---- reading ---- */

static int get_other(struct socket *s, int name, int *v)
{
	const struct socket_options *o = &s->options;
	switch (name) {
	case SO_TYPE:
		*v = s->type;
		return 0;
	case SO_PROTOCOL:
		*v = s->protocol;
		return 0;
	case SO_DOMAIN:
		*v = s->family;
		return 0;
	case SO_ERROR:
		*v = -socket_take_error(s);
		return 0;
	case SO_SNDBUF:
		*v = (int)o->sndbuf;
		return 0;
	case SO_RCVBUF:
		*v = (int)o->rcvbuf;
		return 0;
	case SO_RCVLOWAT:
		*v = (int)o->rcvlowat;
		return 0;
	case SO_SNDLOWAT:
		*v = 1;
		return 0;
	case SO_PRIORITY:
		*v = (int)o->priority;
		return 0;
	case SO_MARK:
		*v = (int)o->mark;
		return 0;
	case SO_BUSY_POLL:
		*v = (int)o->busy_poll;
		return 0;
	case SO_TIMESTAMP_OLD:
		*v = o->timestamp;
		return 0;
	case SO_TIMESTAMPNS_OLD:
		*v = o->timestampns;
		return 0;
	case SO_ACCEPTCONN:
	case SO_NO_CHECK:
	case SO_BSDCOMPAT:
		*v = 0;
		return 0;
	case SO_BPF_EXTENSIONS:
		*v = BPF_ANCILLARY;
		return 0;
	case SO_INCOMING_CPU:
		*v = -1;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static void put_value(void *to, u32 *len, const void *value, u32 size)
{
	*len = MIN(*len, size);
	memcpy(to, value, *len);
}

static int get_peer_name(struct socket *s, void *value, u32 len)
{
	u8 name[SOCKADDR_MAX];
	int n = s->ops->getname(s, name, true);
	if (n < 0)
		return -ENOTCONN;
	if ((u32)n < len)
		return -EINVAL;
	memcpy(value, name, len);
	return 0;
}

/* A number that no other socket has. */
static int get_cookie(struct socket *s, void *value, u32 *len)
{
	static u64 last;
	if (*len < sizeof(s->cookie))
		return -EINVAL;
	if (!s->cookie)
		s->cookie = ++last;
	put_value(value, len, &s->cookie, sizeof(s->cookie));
	return 0;
}

static int get_generic(struct socket *s, int name, void *value, u32 *len)
{
	const struct socket_options *o = &s->options;
	bool *flag = flag_of(&s->options, name);
	int v = flag ? *flag : 0, r = 0;
	if (name == SO_LINGER) {
		struct k_linger l = {o->linger, o->linger_seconds};
		put_value(value, len, &l, sizeof(l));
		return 0;
	}
	if (name == SO_RCVTIMEO_OLD || name == SO_SNDTIMEO_OLD || name == SO_RCVTIMEO_NEW || name == SO_SNDTIMEO_NEW) {
		bool receive = name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW;
		u64 ns = receive ? o->receive_timeout_ns : o->send_timeout_ns;
		struct k_timeval tv = {(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
		put_value(value, len, &tv, sizeof(tv));
		return 0;
	}
	if (name == SO_PEERNAME)
		return get_peer_name(s, value, *len);
	if (name == SO_COOKIE)
		return get_cookie(s, value, len);
	if (name == SO_PEERCRED) { /* of families without credentials */
		struct k_ucred nobody = {0, (u32)-1, (u32)-1};
		put_value(value, len, &nobody, sizeof(nobody));
		return 0;
	}
	if (name == SO_BINDTODEVICE) {
		put_value(value, len, "lo", o->bound_to_lo ? 3 : 0);
		return 0;
	}
	if (name == SO_MEMINFO) { /* SK_MEMINFO_*: of what it counts, only the limits are known here */
		u32 info[9] = {[1] = o->rcvbuf, [3] = o->sndbuf};
		put_value(value, len, info, sizeof(info));
		return 0;
	}
	if (!flag)
		r = get_other(s, name, &v);
	if (!r)
		put_value(value, len, &v, sizeof(v));
	return r;
}

int socket_getsockopt(struct socket *s, int level, int name, void *value, u32 *len)
{
	int r = s->ops->getsockopt ? s->ops->getsockopt(s, level, name, value, len) : -ENOPROTOOPT;
	if (r != -ENOPROTOOPT || level != SOL_SOCKET)
		return r;
	return get_generic(s, name, value, len);
}
