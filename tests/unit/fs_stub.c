/* SPDX-License-Identifier: Apache-2.0
 *
 * Stand-ins for what the file system part needs of proc/ and mm/'s user memory: user addresses are host addresses.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/mm/vma.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/names.h"
#include "guestkernel/syscall/syscall.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_stub.h"

enum backend fs_backend;
int fs_signal;
void (*fs_sleep_hook)(void);
unsigned fs_wakes;

/* ---- user memory ---- */

static bool bad(u64 addr, size_t n)
{
	return n && (addr < 0x10000 || addr >= USER_END || n > USER_END - addr);
}

int copy_from_user(void *to, user_ptr from, size_t n)
{
	if (bad(from.addr, n))
		return -EFAULT;
	if (n)
		memcpy(to, (void *)from.addr, n);
	return 0;
}

int copy_to_user(user_ptr to, const void *from, size_t n)
{
	if (bad(to.addr, n))
		return -EFAULT;
	if (n)
		memcpy((void *)to.addr, from, n);
	return 0;
}

int clear_user(user_ptr to, size_t n)
{
	if (bad(to.addr, n))
		return -EFAULT;
	memset((void *)to.addr, 0, n);
	return 0;
}

size_t copy_from_user_partial(void *to, user_ptr from, size_t n)
{
	return copy_from_user(to, from, n) ? 0 : n;
}

size_t copy_to_user_partial(user_ptr to, const void *from, size_t n)
{
	return copy_to_user(to, from, n) ? 0 : n;
}

long strncpy_from_user(char *to, user_ptr from, size_t size)
{
	if (bad(from.addr, 1))
		return -EFAULT;
	size_t n = strnlen((char *)from.addr, size);
	if (n == size)
		return -ENAMETOOLONG;
	memcpy(to, (char *)from.addr, n + 1);
	return (long)n;
}

/* The mappings that a test has put into the list. */
struct vma *mm_find(struct mm *mm, u64 addr)
{
	struct vma *vma;
	list_for_each (vma, &mm->vmas, link)
		if (vma->end > addr)
			return vma;
	return NULL;
}

struct vma *vma_next(const struct vma *vma)
{
	return vma->link.next == &vma->mm->vmas ? NULL : list_entry(vma->link.next, struct vma, link);
}

/* /proc/PID/mem of a process without an address space. */
void mm_get(struct mm *mm) {}
void mm_put(struct mm *mm) {}

int mm_copy_to(struct mm *mm, u64 to, const void *from, size_t n)
{
	return -EFAULT;
}

int user_pin(struct mm *mm, u64 addr, bool write, struct page **page, paddr_t *pa)
{
	return -EFAULT;
}

/* Buffers in the RAM of the stub have frames, others have none. */
u64 user_frames(u64 addr, u64 n, bool write, u32 *frames)
{
	u64 start = (u64)stub_memory, first = addr - start;
	if (addr < start || first + n > stub_memory_bytes)
		return 0;
	for (u64 pa = first & ~(PAGE_SIZE - 1); pa < first + n; pa += PAGE_SIZE)
		*frames++ = (u32)(pa / PAGE_SIZE);
	return n;
}

int mm_prefault(struct mm *mm, u64 start, u64 length, bool write)
{
	return -EFAULT;
}

int mm_copy_from(struct mm *mm, void *to, u64 from, size_t n)
{
	return -EFAULT;
}

void mm_unmap_inode(struct inode *inode, u64 first) {}

struct inode *fs_unmapped;
u64 fs_unmapped_first, fs_unmapped_end;

void mm_unmap_inode_range(struct inode *inode, u64 first, u64 end)
{
	fs_unmapped = inode;
	fs_unmapped_first = first;
	fs_unmapped_end = end;
}

/* ---- processes ---- */

const struct cred cred_kernel;

const struct cred *process_cred(const struct process *p)
{
	return &p->leader->cred;
}

bool cred_has_cap(int cap)
{
	return stub_thread.cred.cap_effective >> cap & 1;
}

bool cred_in_group(u32 gid)
{
	return false;
}

int signal_send_process(struct process *p, int sig, const struct k_siginfo *info)
{
	fs_signal = sig;
	return 0;
}

int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info)
{
	fs_signal = sig;
	return 0;
}

void signal_broken_pipe(void)
{
	fs_signal = SIGPIPE;
}

void sched_wake(struct thread *t)
{
	fs_wakes++;
}

void sched_yield_cpu(void) {}

int sched_sleep(bool interruptible, u64 deadline)
{
	if (fs_sleep_hook) {
		fs_sleep_hook();
		return 0;
	}
	if (deadline) {
		stub_now_ns = deadline;
		return -ETIMEDOUT;
	}
	if (!interruptible)
		abort(); /* nobody will ever wake it */
	return -ERESTARTSYS;
}

int sched_sleep_killable(void)
{
	if (!fs_sleep_hook)
		return -EINTR; /* nobody will ever wake it */
	fs_sleep_hook();
	return 0;
}

u64 time_boot_ns(void)
{
	return stub_now_ns;
}

/* Moves on with every look, so that changes can be told apart. */
u64 time_wall_ns(void)
{
	static u64 ns = 1700000000ull * 1000000000;
	return ns += 1000;
}

struct list all_processes = LIST_INIT(all_processes);
struct process *init_process = &stub_process, kernel_process;

struct process *process_find(int pid)
{
	return pid == stub_process.pid ? &stub_process : NULL;
}

u64 threads_made;

struct thread *thread_find(int tid)
{
	return tid == stub_thread.tid ? &stub_thread : NULL;
}

struct thread *process_thread(struct process *p)
{
	return &stub_thread;
}

void process_get(struct process *p)
{
	p->refs++;
}

void process_put(struct process *p)
{
	p->refs--;
}

u64 process_user_ns(const struct process *p)
{
	return 0;
}

u64 process_system_ns(const struct process *p)
{
	return 0;
}

u64 thread_cpu_ns(const struct thread *t)
{
	return 0;
}

u64 mm_rss_pages(const struct mm *mm)
{
	return 0;
}

u64 sched_runnable(void)
{
	return 1;
}

const char *system_hostname(void)
{
	return "host";
}

const char *system_domainname(void)
{
	return "(none)";
}

/* ---- both sides ---- */

static char old_dir[4096], temp_dir[64];

static void start_ours(void)
{
	static bool booted;
	if (!booted) { /* the kernel boots once: its tables are static */
		stub_init(256ull << 20);
		/* The runner's pages stay free of ours. */
		page_init(BOOT_TABLES_GPA, stub_memory_bytes, stub_memory_bytes);
		list_append(&all_processes, &stub_process.all_link);
		vfs_init();
		booted = true;
	}
	fs_become_root();
	stub_process.files = files_create();
	stub_process.fs = fs_ctx_create();
	stub_process.fs->umask = 022;
	stub_process.rlimit[7] = (struct k_rlimit){1024, 4096};
	static unsigned runs;
	char dir[32];
	snprintf(dir, sizeof(dir), "/run%u", runs++);
	if (call(mkdir, dir, 0777) || call(chdir, dir) || call(chmod, dir, 0777))
		abort();
}

static void start_linux(void)
{
	strcpy(temp_dir, "/dev/shm/fs_test.XXXXXX");
	if (!getcwd(old_dir, sizeof(old_dir)) || !mkdtemp(temp_dir) || chdir(temp_dir) || chmod(temp_dir, 0777))
		abort();
	umask(022);
	close_range(3, ~0u, 0); /* the lowest free descriptor is known */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void fs_start(enum backend backend)
{
	fs_backend = backend;
	fs_signal = 0;
	fs_sleep_hook = NULL;
	if (backend == OURS)
		start_ours();
	else
		start_linux();
}

static void remove_tree(const char *path)
{
	char name[8192];
	DIR *dir = opendir(path);
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			remove_tree(name);
		else
			unlink(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

void fs_stop(void)
{
	if (fs_backend == OURS) {
		fs_become_root();
		files_put(stub_process.files);
		fs_ctx_put(stub_process.fs);
		stub_process.files = NULL;
		stub_process.fs = NULL;
		return;
	}
	fs_become_root();
	if (chdir(old_dir))
		abort();
	remove_tree(temp_dir);
}

#define SYSCALL_FULL(number, name, format)	    extern __typeof__(sys_##name) sys_##name __attribute__((weak));
#define SYSCALL_PART(number, name, format, missing) SYSCALL_FULL(number, name, format)
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

static const syscall_fn table[] = {
#define SYSCALL_FULL(number, name, format)	    [number] = sys_##name,
#define SYSCALL_PART(number, name, format, missing) [number] = sys_##name,
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"
};

long fs_call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	if (fs_backend == LINUX) {
		long r = syscall(number, a, b, c, d, e, f);
		return r == -1 ? -errno : r;
	}
	if ((size_t)number >= ARRAY_SIZE(table) || !table[number])
		return -ENOSYS;
	return table[number](a, b, c, d, e, f);
}

void fs_become(u32 uid, u32 gid)
{
	if (fs_backend == LINUX) {
		setfsgid(gid);
		setfsuid(uid); /* drops the file capabilities of the effective set */
		return;
	}
	struct cred *c = &stub_thread.cred;
	c->fsuid = uid;
	c->fsgid = gid;
	/* What setfsuid(2) drops: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD,
	 * MAC_OVERRIDE. */
	if (uid)
		c->cap_effective &= ~(0x1full | 1ull << 9 | 1ull << 27 | 1ull << 32);
}

void fs_become_root(void)
{
	if (fs_backend == LINUX) {
		setfsuid(0);
		setfsgid(0);
		return;
	}
	stub_thread.cred.fsuid = stub_thread.cred.fsgid = 0;
	stub_thread.cred.cap_effective = stub_thread.cred.cap_permitted = ~0ull;
}

void fs_set_rlimit(int which, u64 value)
{
	stub_process.rlimit[which].cur = value;
}

void fs_unmount(const char *name)
{
	stub_process.fs = NULL;	       /* the kernel's own root */
	while (!vfs_umount(name, 2)) { /* several may stand there */
	}
	char parent[256];
	snprintf(parent, sizeof(parent), "%s", name);
	vfs_rmdir(AT_FDCWD, parent);
	*strrchr(parent, '/') = 0;
	vfs_rmdir(AT_FDCWD, parent);
}
