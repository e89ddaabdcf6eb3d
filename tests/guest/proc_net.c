/* SPDX-License-Identifier: Apache-2.0
 * /proc/net: what ss and netstat read of sockets, in Linux's columns; NETLINK_SOCK_DIAG's sockets can be made.
 * area: /dev /proc /sys
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "probe.h"

static char line[1024];

static unsigned long inode_of(int fd)
{
	struct stat st = {0};
	fstat(fd, &st);
	return st.st_ino;
}

/* Leaves the line of /proc/net/NAME that has the inode in this column (counted from 1) in `line`. */
static int find(const char *name, int column, unsigned long inode)
{
	char path[64], copy[1024];
	snprintf(path, sizeof(path), "/proc/net/%s", name);
	FILE *f = fopen(path, "r");
	int found = 0;
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *save, *word;
		int n = 0;
		strcpy(copy, line);
		for (word = strtok_r(copy, " \n", &save); word && ++n < column; word = strtok_r(NULL, " \n", &save))
			;
		found = word && strtoul(word, NULL, 10) == inode;
	}
	if (f)
		fclose(f);
	return found;
}

static int header(const char *name, const char *start)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/net/%s", name);
	FILE *f = fopen(path, "r");
	int ok = f && fgets(line, sizeof(line), f) && strncmp(line, start, strlen(start)) == 0;
	if (f)
		fclose(f);
	return ok;
}

static int bound(int family, int type, unsigned short *port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_storage got;
	socklen_t length = sizeof(got);
	int fd = socket(family, type, 0);
	int r = family == AF_INET ? bind(fd, (void *)&a4, sizeof(a4)) : bind(fd, (void *)&a6, sizeof(a6));
	if (r != 0 || getsockname(fd, (void *)&got, &length) != 0)
		exit(97);
	*port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&got)->sin_port
					: ((struct sockaddr_in6 *)&got)->sin6_port);
	return fd;
}

static void headers(void)
{
	theme("headers");
	CHECK(header(
	    "tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"));
	CHECK(strlen(line) == 150);
	CHECK(header("tcp6",
		     "  sl  local_address                         remote_address                        st tx_queue"));
	CHECK(header(
	    "udp",
	    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref"));
	CHECK(strlen(line) == 128);
	CHECK(header("udp6",
		     "  sl  local_address                         remote_address                        st tx_queue"));
	CHECK(header("unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"));
	CHECK(header("dev", "Inter-|   Receive                                                |  Transmit\n"));
	CHECK(header("route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"));
	CHECK(header("sockstat", "sockets: used "));
	CHECK(header("raw", "  sl  local_address rem_address "));
	CHECK(header("packet", "sk  "));
	CHECK(header("snmp", "Ip: Forwarding DefaultTTL "));
	CHECK(header("netstat", "TcpExt: SyncookiesSent "));
	CHECK(header("arp", "IP address       HW type     Flags       HW address            Mask     Device\n"));
}

static void tcp(void)
{
	unsigned short port;
	char wanted[128];
	theme("tcp");
	int listener = bound(AF_INET, SOCK_STREAM, &port);
	CHECK(listen(listener, 5) == 0);
	CHECK_THAT(find("tcp", 10, inode_of(listener)), "the listener is in /proc/net/tcp");
	snprintf(wanted, sizeof(wanted), " 0100007F:%04X 00000000:0000 0A 00000000:00000000 ", port);
	CHECK_THAT(strstr(line, wanted) != NULL, "with its address, and LISTEN");
	CHECK_THAT(strlen(line) == 150, "the line is as long as Linux's");
	int client = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
	CHECK(connect(client, (void *)&to, sizeof(to)) == 0 && send(client, "hello", 5, 0) == 5);
	CHECK_THAT(find("tcp", 10, inode_of(listener)) && strstr(line, " 0A 00000000:00000001 "),
		   "a connection to accept is counted");
	int server = accept(listener, NULL, NULL);
	CHECK(find("tcp", 10, inode_of(server)) && strstr(line, " 01 00000000:00000005 "));
	snprintf(wanted, sizeof(wanted), " 0100007F:%04X ", port);
	CHECK_THAT(strstr(line, wanted) != NULL, "the server's end has the listener's port");
	CHECK_THAT(find("tcp", 10, inode_of(client)) && strstr(line, wanted), "and is the client's remote end");
	CHECK_THAT(!find("tcp6", 10, inode_of(client)), "it is not in /proc/net/tcp6");
	close(server);
	close(client);
	close(listener);
	listener = bound(AF_INET6, SOCK_STREAM, &port);
	CHECK(listen(listener, 5) == 0 && find("tcp6", 10, inode_of(listener)));
	snprintf(wanted, sizeof(wanted),
		 " 00000000000000000000000001000000:%04X 00000000000000000000000000000000:0000 0A ", port);
	CHECK(strstr(line, wanted) != NULL);
	close(listener);
}

static void udp(void)
{
	unsigned short port;
	char wanted[128];
	theme("udp");
	int fd = bound(AF_INET, SOCK_DGRAM, &port);
	CHECK(find("udp", 10, inode_of(fd)) && strlen(line) == 128);
	snprintf(wanted, sizeof(wanted), " 0100007F:%04X 00000000:0000 07 00000000:00000000 ", port);
	CHECK(strstr(line, wanted) != NULL);
	struct sockaddr_in to = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
	CHECK(connect(fd, (void *)&to, sizeof(to)) == 0 && find("udp", 10, inode_of(fd)));
	snprintf(wanted, sizeof(wanted), " 0100007F:%04X 0100007F:%04X 01 ", port, port);
	CHECK(strstr(line, wanted) != NULL);
	close(fd);
	fd = bound(AF_INET6, SOCK_DGRAM, &port);
	CHECK(find("udp6", 10, inode_of(fd)));
	close(fd);
}

static void local(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char wanted[160];
	int pair[2];
	theme("unix");
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	CHECK(find("unix", 7, inode_of(pair[0])) && strstr(line, ": 00000003 00000000 00000000 0005 03 "));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(find("unix", 7, inode_of(fd)) && strstr(line, ": 00000002 00000000 00000000 0001 01 "));
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "probe-%d", getpid());
	snprintf(wanted, sizeof(wanted), " @%s\n", name.sun_path + 1);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name.sun_path + 1));
	CHECK(bind(fd, (void *)&name, length) == 0 && listen(fd, 1) == 0);
	CHECK(find("unix", 7, inode_of(fd)) && strstr(line, ": 00000002 00000000 00010000 0001 01 "));
	CHECK_THAT(strstr(line, wanted) != NULL, "an abstract name begins with @");
	close(fd);
	unsigned long gone = inode_of(pair[0]);
	close(pair[0]);
	close(pair[1]);
	CHECK_THAT(!find("unix", 7, gone), "a closed socket is not there");
}

int main(void)
{
	limit_seconds(30);
	headers();
	tcp();
	udp();
	local();
	theme("netlink");
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	CHECK_THAT(fd >= 0, "socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)");
	close(fd);
	return finish();
}
