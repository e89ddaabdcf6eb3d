/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/sys: the entries that programs read. What can be written keeps its value, but nothing here changes how the
 * kernel behaves, apart from the limits of System V IPC and the time for giving up a lease.
 */
#include <linux/capability.h>
#include "guestkernel/fs/image.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/names.h"

#define RO (K_S_IFREG | 0444)
#define RW (K_S_IFREG | 0644)

/* ---- words ---- */

#define WORDS(name, format, ...)                                                                                       \
	static void name(struct text *t, const struct proc_ref *ref)                                                   \
	{                                                                                                              \
		text_printf(t, format "\n", __VA_ARGS__);                                                              \
	}
WORDS(show_ostype, "%s", "Linux")
WORDS(show_osrelease, "%s", SYSTEM_RELEASE)
WORDS(show_version, "%s", SYSTEM_VERSION)
WORDS(show_hostname, "%s", system_hostname())
WORDS(show_domainname, "%s", system_domainname())
WORDS(show_core_pattern, "%s", "core")
WORDS(show_seccomp_actions, "%s", "kill_process kill_thread trap errno trace log allow")
WORDS(show_seccomp_logged, "%s", "kill_process kill_thread trap errno trace log")
WORDS(show_printk, "%s", "4\t4\t1\t7")
WORDS(show_file_nr, "%lu\t0\t%lu", files_open, (u64)FILES_LIMIT)
WORDS(show_inode_nr, "%lu\t0", files_open)
WORDS(show_port_range, "%s", "32768\t60999")
WORDS(show_somaxconn, "%u", 4096)
WORDS(show_tcp_mem, "%s", "4096\t131072\t6291456")

static void show_uuid_of(struct text *t, u8 b[16])
{
	b[6] = (u8)((b[6] & 0x0f) | 0x40); /* version 4, RFC 4122 */
	b[8] = (u8)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++)
		text_printf(t, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	text_printf(t, "\n");
}

static void show_uuid(struct text *t, const struct proc_ref *ref)
{
	u8 bytes[16];
	random_bytes(bytes, sizeof(bytes));
	show_uuid_of(t, bytes);
}

static void show_boot_id(struct text *t, const struct proc_ref *ref)
{
	static u8 bytes[16];
	static bool made;
	if (!made)
		random_bytes(bytes, sizeof(bytes));
	made = true;
	show_uuid_of(t, bytes);
}

/* ---- numbers: a table of values that can be set ---- */

enum number {
	OVERCOMMIT,
	OVERCOMMIT_RATIO,
	SWAPPINESS,
	MAX_MAP_COUNT,
	DROP_CACHES,
	DIRTY_RATIO,
	ASLR,
	PTY_MAX,
	PID_MAX,
	PANIC,
	DMESG,
	KPTR,
	PERF,
	SCHED_RT,
	HUNG,
	UNPRIVILEGED_BPF,
	FILE_MAX,
	NR_OPEN,
	PIPE_MAX,
	DIR_NOTIFY,
	LEASES,
	SUID_DUMPABLE,
	PROTECTED_LINKS,
	PROTECTED_HARD,
	PROTECTED_FIFOS,
	PROTECTED_REGULAR,
	CTRL_ALT_DEL,
	THREADS_MAX,
	SCHED_RT_PERIOD,
	DIRTY_BACKGROUND,
	CACHE_PRESSURE,
	OVERCOMMIT_KBYTES,
	IP_FORWARD,
	FIN_TIMEOUT,
	DGRAM_QUEUE,
	NUMBERS
};
static u64 numbers[NUMBERS] = {
    [OVERCOMMIT_RATIO] = 50,
    [SWAPPINESS] = 60,
    [MAX_MAP_COUNT] = VMA_LIMIT,
    [DIRTY_RATIO] = 20,
    [ASLR] = 2,
    [PTY_MAX] = 4096,
    [PID_MAX] = PID_LIMIT,
    [DMESG] = 1,
    [KPTR] = 1,
    [PERF] = 3,
    [SCHED_RT] = 950000,
    [HUNG] = 120,
    [UNPRIVILEGED_BPF] = 2,
    [FILE_MAX] = FILES_LIMIT,
    [NR_OPEN] = FD_LIMIT,
    [PIPE_MAX] = PIPE_PAGES_LIMIT * PAGE_SIZE,
    [DIR_NOTIFY] = 1,
    [LEASES] = 1,
    [THREADS_MAX] = PID_LIMIT,
    [SCHED_RT_PERIOD] = 1000000,
    [DIRTY_BACKGROUND] = 10,
    [CACHE_PRESSURE] = 100,
    [FIN_TIMEOUT] = 60,
    [DGRAM_QUEUE] = 10,
};
/* The largest value that can be set; 0: that of an int, or what fits. */
static const u64 largest[NUMBERS] = {
    [OVERCOMMIT] = 2,
    [SWAPPINESS] = 200,
    [DIRTY_RATIO] = 100,
    [DIRTY_BACKGROUND] = 100,
    [ASLR] = 2,
    [DMESG] = 1,
    [KPTR] = 2,
    [UNPRIVILEGED_BPF] = 2,
    [PROTECTED_LINKS] = 1,
    [PROTECTED_HARD] = 1,
    [PROTECTED_FIFOS] = 2,
    [PROTECTED_REGULAR] = 2,
    [SUID_DUMPABLE] = 2,
    [FILE_MAX] = INT64_MAX,
    [OVERCOMMIT_KBYTES] = INT64_MAX,
    [HUNG] = INT64_MAX,
};

#define NUMBER(which)                                                                                                  \
	static void show_##which(struct text *t, const struct proc_ref *ref)                                           \
	{                                                                                                              \
		text_printf(t, "%lu\n", numbers[which]);                                                               \
	}                                                                                                              \
	static long write_##which(const struct proc_ref *ref, char *text, size_t n)                                    \
	{                                                                                                              \
		return set_number(which, text, n);                                                                     \
	}

static long set_number(enum number which, const char *text, size_t n)
{
	s64 value;
	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!proc_parse_number(text, &value) || value < 0 ||
	    (u64)value > (largest[which] ? largest[which] : (u64)INT32_MAX))
		return -EINVAL;
	numbers[which] = (u64)value;
	return (long)n;
}
NUMBER(OVERCOMMIT)
NUMBER(OVERCOMMIT_RATIO)
NUMBER(SWAPPINESS)
NUMBER(MAX_MAP_COUNT)
NUMBER(DROP_CACHES)
NUMBER(DIRTY_RATIO)
NUMBER(ASLR)
NUMBER(PTY_MAX)
NUMBER(PID_MAX)
NUMBER(PANIC)
NUMBER(DMESG)
NUMBER(KPTR)
NUMBER(PERF)
NUMBER(SCHED_RT)
NUMBER(HUNG)
NUMBER(UNPRIVILEGED_BPF)
NUMBER(FILE_MAX)
NUMBER(NR_OPEN)
NUMBER(PIPE_MAX)
NUMBER(DIR_NOTIFY)
NUMBER(LEASES)
NUMBER(SUID_DUMPABLE)
NUMBER(PROTECTED_LINKS)
NUMBER(PROTECTED_HARD)
NUMBER(PROTECTED_FIFOS)
NUMBER(PROTECTED_REGULAR)
NUMBER(CTRL_ALT_DEL)
NUMBER(THREADS_MAX)
NUMBER(SCHED_RT_PERIOD)
NUMBER(DIRTY_BACKGROUND)
NUMBER(CACHE_PRESSURE)
NUMBER(OVERCOMMIT_KBYTES)
NUMBER(IP_FORWARD)
NUMBER(FIN_TIMEOUT)
NUMBER(DGRAM_QUEUE)

/* Why the last image could not be mounted; not of Linux, for the agent: mount(2) tells no more than a number. */
static void show_image_error(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%s\n", image_mount_error);
}

/* What may be added to the file systems in memory; not of Linux, for the agent. Once set, it stays. */
static void show_tmpfs_limit(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%lu\n", tmpfs_pool_limit());
}

static long write_tmpfs_limit(const struct proc_ref *ref, char *text, size_t n)
{
	s64 bytes;
	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!proc_parse_number(text, &bytes) || bytes <= 0)
		return -EINVAL;
	int r = tmpfs_pool_set_limit((u64)bytes);
	return r ? r : (long)n;
}

static void show_lease_break(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%lu\n", lease_break_seconds);
}

static long write_lease_break(const struct proc_ref *ref, char *text, size_t n)
{
	s64 seconds;
	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!proc_parse_number(text, &seconds) || seconds < 0 || seconds > INT32_MAX)
		return -EINVAL;
	lease_break_seconds = (u64)seconds;
	return (long)n;
}

#define RW_NUMBER(file, which)                                                                                         \
	{                                                                                                              \
		.name = file, .mode = RW, .show = show_##which, .write = write_##which                                 \
	}

static void show_value_ref(struct text *t, u64 value)
{
	text_printf(t, "%lu\n", value);
}
#define CONSTANT(name, value)                                                                                          \
	static void show_##name(struct text *t, const struct proc_ref *ref)                                            \
	{                                                                                                              \
		show_value_ref(t, value);                                                                              \
	}
CONSTANT(cap_last, CAP_LAST_CAP)
CONSTANT(ngroups, 65536)
CONSTANT(overflow_id, 65534)
CONSTANT(entropy, 256)
CONSTANT(mmap_min, 65536)
CONSTANT(page_cluster, 3)
CONSTANT(min_free, 4096)
CONSTANT(inotify_events, 16384)
CONSTANT(inotify_instances, 1024)
CONSTANT(inotify_watches_limit, 65536)
CONSTANT(epoll_watches, 1000000)
CONSTANT(aio_max, 65536)
CONSTANT(socket_buffer, SOCKET_BUFFER_DEFAULT)
CONSTANT(socket_buffer_most, SOCKET_BUFFER_LIMIT)
CONSTANT(one, 1)
CONSTANT(zero, 0)

#define IPC_LIMIT(file, which)                                                                                         \
	{                                                                                                              \
		.name = file, .mode = RW, .show = proc_show_##which, .write = proc_write_##which                       \
	}

static const struct proc_entry random_children[] = {
    {.name = "boot_id", .mode = RO, .show = show_boot_id},
    {.name = "entropy_avail", .mode = RO, .show = show_entropy},
    {.name = "poolsize", .mode = RO, .show = show_entropy},
    {.name = "uuid", .mode = RO, .show = show_uuid},
    {0},
};

static const struct proc_entry pty_children[] = {
    RW_NUMBER("max", PTY_MAX), {.name = "nr", .mode = RO, .show = show_zero}, {0}};

static const struct proc_entry seccomp_children[] = {
    {.name = "actions_avail", .mode = RO, .show = show_seccomp_actions},
    {.name = "actions_logged", .mode = RO, .show = show_seccomp_logged},
    {0},
};

static const struct proc_entry kernel_children[] = {
    {.name = "cap_last_cap", .mode = RO, .show = show_cap_last},
    {.name = "core_pattern", .mode = RO, .show = show_core_pattern},
    {.name = "core_uses_pid", .mode = RO, .show = show_zero},
    RW_NUMBER("ctrl-alt-del", CTRL_ALT_DEL),
    RW_NUMBER("dmesg_restrict", DMESG),
    {.name = "domainname", .mode = RO, .show = show_domainname},
    {.name = "hostname", .mode = RO, .show = show_hostname},
    RW_NUMBER("hung_task_timeout_secs", HUNG),
    RW_NUMBER("kptr_restrict", KPTR),
    IPC_LIMIT("msgmax", msgmax),
    IPC_LIMIT("msgmnb", msgmnb),
    IPC_LIMIT("msgmni", msgmni),
    {.name = "ngroups_max", .mode = RO, .show = show_ngroups},
    {.name = "osrelease", .mode = RO, .show = show_osrelease},
    {.name = "ostype", .mode = RO, .show = show_ostype},
    {.name = "overflowgid", .mode = RO, .show = show_overflow_id},
    {.name = "overflowuid", .mode = RO, .show = show_overflow_id},
    RW_NUMBER("panic", PANIC),
    RW_NUMBER("perf_event_paranoid", PERF),
    RW_NUMBER("pid_max", PID_MAX),
    {.name = "printk", .mode = RO, .show = show_printk},
    {.name = "pty", .mode = PROC_DIR, .children = pty_children},
    {.name = "random", .mode = PROC_DIR, .children = random_children},
    RW_NUMBER("randomize_va_space", ASLR),
    RW_NUMBER("sched_rt_period_us", SCHED_RT_PERIOD),
    RW_NUMBER("sched_rt_runtime_us", SCHED_RT),
    {.name = "seccomp", .mode = PROC_DIR, .children = seccomp_children},
    IPC_LIMIT("sem", semlimits),
    IPC_LIMIT("shmall", shmall),
    IPC_LIMIT("shmmax", shmmax),
    IPC_LIMIT("shmmni", shmmni),
    {.name = "tainted", .mode = RO, .show = show_zero},
    RW_NUMBER("threads-max", THREADS_MAX),
    RW_NUMBER("unprivileged_bpf_disabled", UNPRIVILEGED_BPF),
    {.name = "version", .mode = RO, .show = show_version},
    {0},
};

static const struct proc_entry vm_children[] = {
    RW_NUMBER("dirty_background_ratio", DIRTY_BACKGROUND),
    RW_NUMBER("dirty_ratio", DIRTY_RATIO),
    RW_NUMBER("drop_caches", DROP_CACHES),
    RW_NUMBER("max_map_count", MAX_MAP_COUNT),
    {.name = "min_free_kbytes", .mode = RO, .show = show_min_free},
    {.name = "mmap_min_addr", .mode = RO, .show = show_mmap_min},
    {.name = "nr_hugepages", .mode = RO, .show = show_zero},
    RW_NUMBER("overcommit_kbytes", OVERCOMMIT_KBYTES),
    RW_NUMBER("overcommit_memory", OVERCOMMIT),
    RW_NUMBER("overcommit_ratio", OVERCOMMIT_RATIO),
    {.name = "page-cluster", .mode = RO, .show = show_page_cluster},
    RW_NUMBER("swappiness", SWAPPINESS),
    RW_NUMBER("vfs_cache_pressure", CACHE_PRESSURE),
    {0},
};

static const struct proc_entry inotify_children[] = {
    {.name = "max_queued_events", .mode = RO, .show = show_inotify_events},
    {.name = "max_user_instances", .mode = RO, .show = show_inotify_instances},
    {.name = "max_user_watches", .mode = RO, .show = show_inotify_watches_limit},
    {0},
};
static const struct proc_entry epoll_children[] = {{.name = "max_user_watches", .mode = RO, .show = show_epoll_watches},
						   {0}};

static const struct proc_entry fs_children[] = {
    {.name = "aio-max-nr", .mode = RO, .show = show_aio_max},
    {.name = "aio-nr", .mode = RO, .show = show_zero},
    RW_NUMBER("dir-notify-enable", DIR_NOTIFY),
    {.name = "epoll", .mode = PROC_DIR, .children = epoll_children},
    RW_NUMBER("file-max", FILE_MAX),
    {.name = "file-nr", .mode = RO, .show = show_file_nr},
    {.name = "inode-nr", .mode = RO, .show = show_inode_nr},
    {.name = "inotify", .mode = PROC_DIR, .children = inotify_children},
    {.name = "lease-break-time", .mode = RW, .show = show_lease_break, .write = write_lease_break},
    RW_NUMBER("leases-enable", LEASES),
    RW_NUMBER("nr_open", NR_OPEN),
    RW_NUMBER("pipe-max-size", PIPE_MAX),
    RW_NUMBER("protected_fifos", PROTECTED_FIFOS),
    RW_NUMBER("protected_hardlinks", PROTECTED_HARD),
    RW_NUMBER("protected_regular", PROTECTED_REGULAR),
    RW_NUMBER("protected_symlinks", PROTECTED_LINKS),
    RW_NUMBER("suid_dumpable", SUID_DUMPABLE),
    {.name = "image_mount_error", .mode = RO, .show = show_image_error},
    {.name = "tmpfs_limit_bytes", .mode = RW, .show = show_tmpfs_limit, .write = write_tmpfs_limit},
    {0},
};

static const struct proc_entry core_children[] = {
    {.name = "rmem_default", .mode = RO, .show = show_socket_buffer},
    {.name = "rmem_max", .mode = RO, .show = show_socket_buffer_most},
    {.name = "somaxconn", .mode = RO, .show = show_somaxconn},
    {.name = "wmem_default", .mode = RO, .show = show_socket_buffer},
    {.name = "wmem_max", .mode = RO, .show = show_socket_buffer_most},
    {0},
};
static const struct proc_entry unix_children[] = {RW_NUMBER("max_dgram_qlen", DGRAM_QUEUE), {0}};
static const struct proc_entry ipv4_children[] = {
    RW_NUMBER("ip_forward", IP_FORWARD),
    {.name = "ip_local_port_range", .mode = RO, .show = show_port_range},
    {.name = "ip_unprivileged_port_start", .mode = RO, .show = show_zero},
    RW_NUMBER("tcp_fin_timeout", FIN_TIMEOUT),
    {.name = "tcp_rmem", .mode = RO, .show = show_tcp_mem},
    {.name = "tcp_syncookies", .mode = RO, .show = show_zero},
    {.name = "tcp_timestamps", .mode = RO, .show = show_one},
    {.name = "tcp_wmem", .mode = RO, .show = show_tcp_mem},
    {0},
};
static const struct proc_entry ipv6_all_children[] = {{.name = "disable_ipv6", .mode = RO, .show = show_zero}, {0}};
static const struct proc_entry ipv6_conf_children[] = {{.name = "all", .mode = PROC_DIR, .children = ipv6_all_children},
						       {0}};
static const struct proc_entry ipv6_children[] = {{.name = "conf", .mode = PROC_DIR, .children = ipv6_conf_children},
						  {0}};
static const struct proc_entry sys_net_children[] = {
    {.name = "core", .mode = PROC_DIR, .children = core_children},
    {.name = "ipv4", .mode = PROC_DIR, .children = ipv4_children},
    {.name = "ipv6", .mode = PROC_DIR, .children = ipv6_children},
    {.name = "unix", .mode = PROC_DIR, .children = unix_children},
    {0},
};

const struct proc_entry proc_sys_children[] = {
    {.name = "fs", .mode = PROC_DIR, .children = fs_children},
    {.name = "kernel", .mode = PROC_DIR, .children = kernel_children},
    {.name = "net", .mode = PROC_DIR, .children = sys_net_children},
    {.name = "vm", .mode = PROC_DIR, .children = vm_children},
    {0},
};
