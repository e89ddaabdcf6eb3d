/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of /proc and /sys over names that a program chooses: of processes, files that are mapped, mounts and their
 * sources. Whatever they hold, a text read in pieces is the text read at once, lines are neither forged nor lost, and
 * nothing leaks.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "guestkernel/fs/mount.h"
#include "guestkernel/mm/vm.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_stub.h"

#define TEXT_MAX 65536
#define VMAS	 6

struct input {
	const u8 *data;
	size_t left;
};

static char text[TEXT_MAX + 1], pieces[TEXT_MAX];
static struct mm mm;
static struct vma vmas[VMAS];
static unsigned vma_count, mount_count;

static u8 byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

/* Any bytes that a name can have. */
static void name(struct input *in, char *out, size_t max)
{
	size_t n = byte(in) % max + 1;
	for (size_t i = 0; i < n; i++) {
		u8 c = byte(in);
		out[i] = (char)(c && c != '/' ? c : ' ');
	}
	out[n] = 0;
	if (!strcmp(out, ".") || !strcmp(out, ".."))
		out[0] = 'n';
}

static void map_file(struct input *in)
{
	struct vma *v = &vmas[vma_count];
	char file_name[40];
	name(in, file_name, 30);
	long fd = call(open, file_name, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || vma_count == VMAS)
		return;
	u8 bits = byte(in);
	*v = (struct vma){.start = 0x100000ul * (vma_count + 1), .prot = bits & 7, .mm = &mm, .pgoff = byte(in)};
	v->end = v->start + PAGE_SIZE * (1 + byte(in) % 8);
	v->flags = bits & 8 ? VMA_SHARED : 0;
	v->name = bits & 16 ? "[heap]" : NULL;
	v->file = bits & 32 ? NULL : fd_get((int)fd);
	list_append(&mm.vmas, &v->link);
	vma_count++;
	call(close, fd);
	if (bits & 64)
		call(unlink, file_name);
}

static void mount_something(struct input *in)
{
	char where[32], source[32];
	name(in, where, 20);
	name(in, source, 20);
	if (mount_count < 6 && !call(mkdir, where, 0700) &&
	    !call(mount, source, where, "tmpfs", (u64)(byte(in) & 15), NULL))
		mount_count++;
}

/* Reads the whole text at once, then the part from an offset on in pieces: both must agree. Returns its length or
 * -errno. */
static long read_text(const char *path, struct input *in)
{
	long fd = call(open, path, O_RDONLY), n, at, end;
	if (fd < 0)
		return fd;
	n = call(pread64, fd, text, TEXT_MAX, 0);
	if (n > 0) {
		size_t step = byte(in) + 16ul;
		at = end = byte(in) % n + 1;
		for (long r = 1; r > 0; end += r) {
			r = call(pread64, fd, pieces + end, MIN(step, (size_t)(TEXT_MAX - end)), end);
			if (r < 0)
				abort();
		}
		if (end != n || memcmp(text + at, pieces + at, (size_t)(n - at)))
			abort();
	}
	text[MAX(n, 0l)] = 0;
	call(close, fd);
	return n;
}

static unsigned count(const char *s, char c)
{
	unsigned n = 0;
	for (; *s; s++)
		n += *s == c;
	return n;
}

/* A line for each mount, ten fields each: no name makes another line or field. */
static void check_mounts(struct input *in, unsigned mounts)
{
	char *save, *line;
	if (read_text("proc/self/mountinfo", in) <= 0 || count(text, '\n') != mounts)
		abort();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (count(line, ' ') != 9 || !strstr(line, " - "))
			abort();
	if (read_text("proc/self/mounts", in) <= 0 || count(text, '\n') != mounts)
		abort();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (count(line, ' ') != 5)
			abort();
}

static void check_process(struct input *in)
{
	char *save, *line;
	if (read_text("proc/self/maps", in) < 0 || count(text, '\n') != vma_count)
		abort();
	if (read_text("proc/self/stat", in) <= 0 || count(strrchr(text, ')'), ' ') != 50)
		abort();
	if (read_text("proc/self/status", in) <= 0)
		abort();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strstr(line, ":\t"))
			abort();
}

static void one_call(struct input *in)
{
	static const char *const paths[] = {
	    "proc/self/comm",
	    "proc/self/cmdline",
	    "proc/self/limits",
	    "proc/self/smaps",
	    "proc/self/environ",
	    "proc/self/oom_score_adj",
	    "proc/self/smaps_rollup",
	    "proc/self/statm",
	    "proc/self/io",
	    "proc/stat",
	    "proc/meminfo",
	    "proc/uptime",
	    "proc/cpuinfo",
	    "proc/loadavg",
	    "proc/sys/kernel/pid_max",
	    "proc/sys/kernel/random/uuid",
	    "proc/vmstat",
	    "proc/tty/drivers",
	    "sys/class/net/lo/address",
	    "proc/self/auxv",
	    "sys/devices/system/cpu/online",
	};
	char bytes[64];
	long fd;
	switch (byte(in) % 6) {
	case 0:
		map_file(in);
		break;
	case 1:
		mount_something(in);
		break;
	case 2:
		name(in, stub_thread.comm, sizeof(stub_thread.comm) - 1);
		break;
	case 3:
		read_text(paths[byte(in) % ARRAY_SIZE(paths)], in);
		break;
	case 4:
		fd = call(open, paths[byte(in) % ARRAY_SIZE(paths)], O_WRONLY | O_TRUNC);
		name(in, bytes, 60);
		call(write, fd, bytes, strlen(bytes));
		if (fd >= 0)
			call(close, fd);
		break;
	case 5: /* a directory, in buffers that few entries fit */
		fd = call(open, byte(in) & 1 ? "proc/self" : "proc/sys/kernel", O_DIRECTORY);
		while (call(getdents64, fd, bytes, sizeof(bytes)) > 0)
			;
		call(close, fd);
		break;
	}
}

static void forget_maps(void)
{
	for (; vma_count; vma_count--)
		if (vmas[vma_count - 1].file)
			file_put(vmas[vma_count - 1].file);
	stub_thread.mm = NULL;
	pt_destroy(&mm.pt);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = {data, MIN(size, 600ul)};
	char top[64];
	fs_start(OURS);
	u64 files = files_open;
	if (call(getcwd, top, sizeof(top)) < 0 || call(mkdir, "top", 0777) ||
	    call(mount, "t", "top", "tmpfs", 0, "size=1m") || call(chdir, "top") || call(chroot, ".") ||
	    call(mkdir, "proc", 0755) || call(mount, "proc", "proc", "proc", 0, NULL) || call(mkdir, "sys", 0755) ||
	    call(mount, "sysfs", "sys", "sysfs", 0, NULL))
		abort();
	strcat(top, "/top");
	mm = (struct mm){.refs = 1, .vmas = LIST_INIT(mm.vmas)};
	if (pt_create(&mm.pt))
		abort();
	vma_count = mount_count = 0;
	stub_thread.mm = &mm;
	strcpy(stub_thread.comm, "fuzz");
	while (in.left)
		one_call(&in);
	check_mounts(&in, 3 + mount_count);
	check_process(&in);
	forget_maps();
	fs_stop();
	fs_unmount(top);
	if (files_open != files)
		abort(); /* an open file description leaked */
	return 0;
}
