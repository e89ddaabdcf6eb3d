/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls about the system as a whole: names, memory, entropy, power.
 */
#include <linux/capability.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include "guestkernel/drv/tty.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/names.h"
#include "guestkernel/syscall/syscall.h"

#define NAME_BYTES 65 /* a name of uname(2) with its NUL */

static char hostname[NAME_BYTES] = "sandbox", domainname[NAME_BYTES] = "(none)";

const char *system_hostname(void)
{
	return hostname;
}

const char *system_domainname(void)
{
	return domainname;
}

/* struct new_utsname */
struct k_utsname {
	char sysname[NAME_BYTES], nodename[NAME_BYTES], release[NAME_BYTES], version[NAME_BYTES], machine[NAME_BYTES],
	    domain[NAME_BYTES];
};

SYSCALL(uname)
{
	struct k_utsname name = {
	    .sysname = "Linux", .release = SYSTEM_RELEASE, .version = SYSTEM_VERSION, .machine = "x86_64"};

	memcpy(name.nodename, hostname, NAME_BYTES);
	memcpy(name.domain, domainname, NAME_BYTES);
	return put_user(user(a), name);
}

static long set_name(char *name, u64 from, u64 length)
{
	char text[NAME_BYTES] = {0};

	if (!cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	if ((int)length < 0 || length >= NAME_BYTES)
		return -EINVAL;
	if (copy_from_user(text, user(from), length))
		return -EFAULT;
	memcpy(name, text, NAME_BYTES);
	return 0;
}

SYSCALL(sethostname)
{
	return set_name(hostname, a, b);
}

SYSCALL(setdomainname)
{
	return set_name(domainname, a, b);
}

/* struct sysinfo */
struct k_sysinfo {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit, tail;
};
_Static_assert(sizeof(struct k_sysinfo) == 112, "sysinfo");

SYSCALL(sysinfo)
{
	struct page_stats pages;
	struct process *p;
	struct k_sysinfo info = {.uptime = (s64)(time_boot_ns() / 1000000000), .mem_unit = 1};
	u64 threads = 0;

	page_stats(&pages);
	list_for_each (p, &all_processes, all_link)
		threads += MAX(p->thread_count, 1u);
	info.procs = (u16)MIN(threads, 65535);
	info.totalram = pages.total * PAGE_SIZE;
	info.freeram = pages.free * PAGE_SIZE;
	info.bufferram = 0;
	info.sharedram = pages.cache * PAGE_SIZE;
	info.loads[0] = info.loads[1] = info.loads[2] = sched_runnable() << 16;
	return put_user(user(a), info);
}

SYSCALL(getrandom)
{
	u8 buf[256];
	u64 done = 0, part;

	if (c & ~(u64)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((c & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	b = MIN(b, (u64)INT32_MAX);
	for (; done < b; done += part) {
		if (done && signal_pending(current))
			break;
		part = MIN(b - done, sizeof(buf));
		random_bytes(buf, part);
		if (copy_to_user(user(a + done), buf, part))
			return done ? (long)done : -EFAULT;
	}
	memset(buf, 0, sizeof(buf));
	return (long)done;
}

SYSCALL(vhangup)
{
	struct tty *tty = tty_current();

	if (!cred_has_cap(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	if (tty)
		tty_hang_up(tty);
	return 0;
}

SYSCALL(reboot)
{
	if (!cred_has_cap(CAP_SYS_BOOT))
		return -EPERM;
	if ((u32)a != LINUX_REBOOT_MAGIC1 || ((u32)b != LINUX_REBOOT_MAGIC2 && (u32)b != LINUX_REBOOT_MAGIC2A &&
					      (u32)b != LINUX_REBOOT_MAGIC2B && (u32)b != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch ((u32)c) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_RESTART:
		arch_poweroff(POWEROFF_DONE);
	default:
		return -EINVAL;
	}
}

SYSCALL(personality)
{
	u32 old = current->process->personality;

	if ((u32)a != 0xffffffff)
		current->process->personality = (u32)a;
	return old;
}

SYSCALL(getcpu)
{
	u32 cpu = (u32)arch_cpu(), node = 0;

	if ((a && put_user(user(a), cpu)) || (b && put_user(user(b), node)))
		return -EFAULT;
	return 0;
}

/* Kinds of syslog(2), SYSLOG_ACTION_* of the kernel. */
enum {
	LOG_CLOSE,
	LOG_OPEN,
	LOG_READ,
	LOG_READ_ALL,
	LOG_READ_CLEAR,
	LOG_CLEAR,
	LOG_CONSOLE_OFF,
	LOG_CONSOLE_ON,
	LOG_LEVEL,
	LOG_UNREAD,
	LOG_SIZE
};
#define LOG_BYTES  131072 /* what SYSLOG_ACTION_SIZE_BUFFER tells */
#define LOG_LEVELS 8

/* Nothing ever comes. */
static long wait_for_log(void)
{
	int r;

	while (!(r = sched_sleep(true, 0)))
		;
	return r;
}

SYSCALL(syslog)
{
	int kind = (int)a, len = (int)c;

	/* As where kernel.dmesg_restrict is set. */
	if (!cred_has_cap(CAP_SYSLOG) && !cred_has_cap(CAP_SYS_ADMIN))
		return -EPERM;
	switch (kind) {
	case LOG_READ:
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		if (!b || len < 0)
			return -EINVAL;
		return len && kind == LOG_READ ? wait_for_log() : 0;
	case LOG_LEVEL:
		return len < 1 || len > LOG_LEVELS ? -EINVAL : 0;
	case LOG_SIZE:
		return LOG_BYTES;
	case LOG_CLOSE:
	case LOG_OPEN:
	case LOG_CLEAR:
	case LOG_CONSOLE_OFF:
	case LOG_CONSOLE_ON:
	case LOG_UNREAD:
		return 0;
	default:
		return -EINVAL;
	}
}
