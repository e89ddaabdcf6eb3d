/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/net: the tables of sockets that ss and netstat read. What is there only because programs look for it is in
 * proc_net_stats.c. Formats: proc(5), and Linux's own where that is silent: columns count.
 */
#include "guestkernel/net/proc_net.h"
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/net/unix.h"

#define LINE_TCP 149 /* Linux pads lines of IPv4 tables to this ... */
#define LINE_UDP 127 /* ... and this */

static u64 inode_of(const struct socket *s)
{
	return s->file ? s->file->inode->ino : 0;
}

static void pad(struct text *t, size_t start, size_t width)
{
	text_pad(t, start, width);
	text_add(t, "\n", 1);
}

/* ---- TCP and UDP ---- */

struct table {
	struct text *t;
	bool v6, tcp;
	unsigned lines;
};

/* Words of the address in network order, each as a number of this machine. */
static void show_end(const struct table *table, const struct inet_end *end, bool is_set)
{
	u32 words[4] = {0};

	if (is_set)
		memcpy(words, end->addr.b, sizeof(words));
	if (table->v6)
		text_printf(table->t, " %08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3], end->port);
	else
		text_printf(table->t, " %08X:%04X", words[3], end->port);
}

static void show_start(const struct table *table, const struct inet_end *local, const struct inet_end *remote,
		       unsigned state, u32 rx)
{
	text_printf(table->t, table->tcp ? "%4u:" : "%5u:", table->lines);
	show_end(table, local, true);
	show_end(table, remote, remote->port != 0);
	text_printf(table->t, " %02X %08X:%08X", state, 0u, rx);
}

static void show_inet(void *arg, struct inet_sock *i)
{
	struct table *table = arg;
	size_t start = table->t->len;
	bool listening = i->state == TCP_S_LISTEN;
	unsigned state = table->tcp ? i->state : i->connected ? TCP_S_ESTABLISHED : TCP_S_CLOSE;

	if ((i->socket.family == K_AF_INET6) != table->v6 || (table->tcp && i->state == TCP_S_CLOSE))
		return;
	show_start(table, &i->local, &i->remote, state, listening ? i->pending_count : i->rx.bytes);
	text_printf(table->t, " 00:%08lX %08X %5u %8d %lu", 0ul, 0u, i->uid, 0, inode_of(&i->socket));
	/* References, the kernel's address, which is nobody's business, and figures of the transfer. */
	if (table->tcp)
		text_printf(table->t, " %u %016lx %s", 1, 0ul, listening ? "100 0 0 10 0" : "20 4 30 10 -1");
	else
		text_printf(table->t, " %u %016lx %u", 2, 0ul, i->drops);
	pad(table->t, start, table->v6 ? 0 : table->tcp ? LINE_TCP : LINE_UDP);
	table->lines++;
}

static void show_time_wait(void *arg, const struct inet_end *local, const struct inet_end *remote)
{
	struct table *table = arg;
	size_t start = table->t->len;

	show_start(table, local, remote, TCP_S_TIME_WAIT, 0);
	text_printf(table->t, " 03:%08lX %08X %5u %8d %d %d %016lx", 0ul, 0u, 0u, 0, 0, 3, 0ul);
	pad(table->t, start, table->v6 ? 0 : LINE_TCP);
	table->lines++;
}

static void show_table(struct text *t, int protocol, bool v6)
{
	bool tcp = protocol == K_IPPROTO_TCP;
	struct table table = {t, v6, tcp, 0};
	size_t start = t->len;

	if (v6)
		text_printf(
		    t, "  sl  local_address                         remote_address                        st tx_queue "
		       "rx_queue tr tm->when retrnsmt   uid  timeout inode");
	else
		text_printf(
		    t,
		    "%s  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
		    "inode",
		    tcp ? "" : " ");
	if (!tcp)
		text_printf(t, " ref pointer drops");
	pad(t, start, v6 ? 0 : tcp ? LINE_TCP : LINE_UDP);
	port_for_each(protocol, show_inet, &table);
	if (tcp)
		port_for_each_time_wait(v6, show_time_wait, &table);
}

#define TABLE(name, protocol, v6)                                                                                      \
	static void show_##name(struct text *t, const struct proc_ref *ref)                                            \
	{                                                                                                              \
		show_table(t, protocol, v6);                                                                           \
	}
TABLE(tcp, K_IPPROTO_TCP, false)
TABLE(tcp6, K_IPPROTO_TCP, true)
TABLE(udp, K_IPPROTO_UDP, false)
TABLE(udp6, K_IPPROTO_UDP, true)
TABLE(udplite, K_IPPROTO_UDPLITE, false)
TABLE(udplite6, K_IPPROTO_UDPLITE, true)

/* ---- Unix sockets ---- */

static void show_unix_name(struct text *t, const struct unix_name *name)
{
	const char *path = (const char *)name->addr + UNIX_ADDR_MIN;
	u32 n = name->len - UNIX_ADDR_MIN;

	text_add(t, " ", 1);
	if (n && path[0]) { /* a path ends at its NUL */
		text_add(t, path, strnlen(path, n));
		return;
	}
	for (u32 i = 0; i < n; i++) /* abstract: @ stands for NUL */
		text_add(t, path[i] ? &path[i] : "@", 1);
}

static unsigned unix_state(const struct unix_sock *u)
{
	bool connected = u->state == UNIX_CONNECTED;

	if (!u->socket.file)
		return connected ? 2 : 4; /* SS_CONNECTING: not accepted yet; SS_DISCONNECTING */
	return connected ? 3 : 1;	  /* SS_CONNECTED, SS_UNCONNECTED */
}

static void show_unix(struct text *t, const struct proc_ref *ref)
{
	const struct unix_sock *u;

	text_printf(t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	list_for_each (u, &all_unix_sockets, all_link) {
		if (u->dead)
			continue;
		text_printf(t, "%016lx: %08X %08X %08X %04X %02X %5lu", 0ul, u->refs + 1, 0u,
			    u->state == UNIX_LISTENING ? 0x10000u : 0u, (u32)u->socket.type, unix_state(u),
			    inode_of(&u->socket));
		if (u->name)
			show_unix_name(t, u->name);
		text_add(t, "\n", 1);
	}
}

/* ---- counts ---- */

static void count_tcp(void *arg, struct inet_sock *i)
{
	struct socket_counts *c = arg;
	bool v6 = i->socket.family == K_AF_INET6;

	if (i->state == TCP_S_CLOSE)
		return;
	c->tcp[v6]++;
	c->established += i->state == TCP_S_ESTABLISHED || i->state == TCP_S_CLOSE_WAIT;
}

static void count_udp(void *arg, struct inet_sock *i)
{
	((struct socket_counts *)arg)->udp[i->socket.family == K_AF_INET6]++;
}

static void count_time_wait(void *arg, const struct inet_end *local, const struct inet_end *remote)
{
	((struct socket_counts *)arg)->time_wait++;
}

void proc_net_count(struct socket_counts *c)
{
	const struct unix_sock *u;

	*c = (struct socket_counts){0};
	port_for_each(K_IPPROTO_TCP, count_tcp, c);
	port_for_each(K_IPPROTO_UDP, count_udp, c);
	port_for_each_time_wait(false, count_time_wait, c);
	port_for_each_time_wait(true, count_time_wait, c);
	list_for_each (u, &all_unix_sockets, all_link)
		c->local += !u->dead;
}

const struct proc_entry proc_net_children[] = {
    PROC_NET_STATS,
    {.name = "tcp", .mode = PROC_FILE, .show = show_tcp},
    {.name = "tcp6", .mode = PROC_FILE, .show = show_tcp6},
    {.name = "udp", .mode = PROC_FILE, .show = show_udp},
    {.name = "udp6", .mode = PROC_FILE, .show = show_udp6},
    {.name = "udplite", .mode = PROC_FILE, .show = show_udplite},
    {.name = "udplite6", .mode = PROC_FILE, .show = show_udplite6},
    {.name = "unix", .mode = PROC_FILE, .show = show_unix},
    {0},
};
