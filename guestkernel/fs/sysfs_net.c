/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /sys/class/net: the loopback interface, the only one there is.
 */
#include "guestkernel/fs/procfs.h"

#define RO PROC_FILE

#define LINE(name, what)                                                                                               \
	static void show_##name(struct text *t, const struct proc_ref *ref)                                            \
	{                                                                                                              \
		text_printf(t, "%s\n", what);                                                                          \
	}
LINE(address, "00:00:00:00:00:00")
LINE(addr_len, "6")
LINE(flags, "0x9")
LINE(mtu, "65536")
LINE(operstate, "unknown")
LINE(queue_len, "1000")
LINE(type, "772") /* ARPHRD_LOOPBACK */
LINE(zero, "0")
LINE(one, "1")

#define COUNTER(file)                                                                                                  \
	{                                                                                                              \
		.name = file, .mode = RO, .show = show_zero                                                            \
	}
/* No packet is ever built that could be counted. */
static const struct proc_entry statistics_children[] = {
    COUNTER("collisions"),
    COUNTER("multicast"),
    COUNTER("rx_bytes"),
    COUNTER("rx_dropped"),
    COUNTER("rx_errors"),
    COUNTER("rx_packets"),
    COUNTER("tx_bytes"),
    COUNTER("tx_dropped"),
    COUNTER("tx_errors"),
    COUNTER("tx_packets"),
    {0},
};

static const struct proc_entry lo_children[] = {
    {.name = "addr_len", .mode = RO, .show = show_addr_len},
    {.name = "address", .mode = RO, .show = show_address},
    {.name = "broadcast", .mode = RO, .show = show_address},
    {.name = "carrier", .mode = RO, .show = show_one},
    {.name = "dormant", .mode = RO, .show = show_zero},
    {.name = "flags", .mode = RO, .show = show_flags},
    {.name = "ifindex", .mode = RO, .show = show_one},
    {.name = "iflink", .mode = RO, .show = show_one},
    {.name = "mtu", .mode = RO, .show = show_mtu},
    {.name = "operstate", .mode = RO, .show = show_operstate},
    {.name = "statistics", .mode = PROC_DIR, .children = statistics_children},
    {.name = "tx_queue_len", .mode = RO, .show = show_queue_len},
    {.name = "type", .mode = RO, .show = show_type},
    {0},
};

const struct proc_entry sysfs_net_children[] = {{.name = "lo", .mode = PROC_DIR, .children = lo_children}, {0}};
