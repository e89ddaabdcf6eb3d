/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of /proc/net about interfaces, routes and counters. There is one interface, no neighbour, and no packet
 * that could be counted: counters are zero.
 */
#include "guestkernel/lib.h"
#include "guestkernel/net/inet.h"
#include "guestkernel/net/proc_net.h"

/* A file that is a text. */
#define TEXT(name, ...)                                                                                                \
	void proc_net_##name(struct text *t, const struct proc_ref *ref)                                               \
	{                                                                                                              \
		text_printf(t, "%s", __VA_ARGS__);                                                                     \
	}

TEXT(nothing, "")
TEXT(arp, "IP address       HW type     Flags       HW address            Mask     Device\n")
TEXT(if_inet6, "00000000000000000000000000000001 01 80 10 80       lo\n")
TEXT(igmp, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
	   "1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n")
TEXT(
    ipv6_route,
    "00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 "
    "00000001 00000000 80200001       lo\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff "
    "00000001 00000000 00200200       lo\n")
TEXT(netlink, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n")
TEXT(packet, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n")
TEXT(raw, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
	  "pointer drops\n")
TEXT(raw6, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
	   "tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
TEXT(netstat,
     "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed TW TWRecycled TWKilled ListenOverflows ListenDrops "
     "TCPTimeouts\nTcpExt: 0 0 0 0 0 0 0 0 0\n"
     "IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets\n"
     "IpExt: 0 0 0 0 0 0 0 0\n")

/* Linux pads these two. */
void proc_net_route(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%-127s\n",
		    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
}

void proc_net_dev(struct text *t, const struct proc_ref *ref)
{
	text_printf(t,
		    "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
		    "colls carrier compressed\n");
	text_printf(t, "%6s: %7u %7u %4u %4u %4u %5u %10u %9u %8u %7u %4u %4u %4u %5u %7u %10u\n", INTERFACE_NAME, 0, 0,
		    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

void proc_net_snmp(struct text *t, const struct proc_ref *ref)
{
	struct socket_counts c;

	proc_net_count(&c);
	text_printf(t, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos "
		       "InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs "
		       "ReasmFails FragOKs FragFails FragCreates\n"
		       "Ip: 2 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	text_printf(
	    t, "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects "
	       "InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors "
	       "OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps "
	       "OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps\n"
	       "Icmp: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	text_printf(
	    t,
	    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab "
	    "InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
	    "Tcp: 1 200 120000 -1 0 0 0 0 %u 0 0 0 0 0 0\n",
	    c.established);
	for (int lite = 0; lite < 2; lite++) {
		const char *name = lite ? "UdpLite" : "Udp";

		text_printf(t,
			    "%s: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors "
			    "IgnoredMulti MemErrors\n%s: 0 0 0 0 0 0 0 0 0\n",
			    name, name);
	}
}

void proc_net_sockstat(struct text *t, const struct proc_ref *ref)
{
	struct socket_counts c;

	proc_net_count(&c);
	text_printf(
	    t,
	    "sockets: used %u\nTCP: inuse %u orphan 0 tw %u alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse 0\n"
	    "RAW: inuse 0\nFRAG: inuse 0 memory 0\n",
	    c.local + c.tcp[0] + c.tcp[1] + c.udp[0] + c.udp[1], c.tcp[0], c.time_wait, c.tcp[0] + c.tcp[1], c.udp[0]);
}

void proc_net_sockstat6(struct text *t, const struct proc_ref *ref)
{
	struct socket_counts c;

	proc_net_count(&c);
	text_printf(t, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n",
		    c.tcp[1], c.udp[1]);
}
