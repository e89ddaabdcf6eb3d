/* SPDX-License-Identifier: Apache-2.0
 *
 * The mount option `prefetch` of the 9P client: what is asked for at once, and that nothing depends on it.
 *
 * sources: tests/unit/p9_fake.c tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "tests/unit/fs_test.h"
#include "abi/boot.h"
#include "guestkernel/fs/p9.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/p9_fake.h"

static long mount_with(const char *cache, const char *prefetch)
{
	char options[3000];
	is(0, call(mkdir, "m", 0755));
	snprintf(options, sizeof(options), "%s,prefetch=%s", cache, prefetch);
	return fake_mount("m", options);
}

static void unmount(void)
{
	is(0, call(umount2, "m", MNT_DETACH));
	is(0, call(rmdir, "m"));
}

static void body_names_are_known_after_the_mount(void)
{
	struct stat st;
	is(0, mount_with("loose", "ffile:nnone:lgone:nfile/below"));
	unsigned asked = fake.requests;
	is(0, call(stat, "m/file", &st));
	is(5, st.st_size);
	is(-ENOENT, call(stat, "m/none", &st));
	is(-ENOENT, call(stat, "m/gone", &st));
	is(asked, fake.requests);
	unmount();
}

static void body_files_begin_to_be_mapped(void)
{
	char buf[8];
	fake.size = 20000; /* a small one comes with its name */
	is(0, mount_with("loose", "ffile"));
	long fd = call(open, "m/file", O_RDONLY);
	is(5, call(read, fd, buf, 5));
	is(0, memcmp(buf, "hello", 5));
	is(1, fake.maps);
	unsigned asked = fake.requests;
	is(5, call(pread64, fd, buf, 5, 0));
	is(asked, fake.requests);
	call(close, fd);
	unmount();
}

static void body_what_cannot_be_mapped_is_read(void)
{
	char buf[8];
	fake.map_error = EOPNOTSUPP;
	is(0, mount_with("loose", "ffile"));
	long fd = call(open, "m/file", O_RDONLY);
	is(5, call(read, fd, buf, sizeof(buf)));
	is(0, memcmp(buf, "hello", 5));
	call(close, fd);
	unmount();
}

static void body_shares_that_others_write_to_ask_for_nothing(void)
{
	struct stat st;
	is(0, mount_with("mmap", "ffile:nnone"));
	is(3, fake.requests);
	is(0, call(stat, "m/file", &st));
	unmount();
}

static void body_a_name_is_asked_for_once(void)
{
	is(0, mount_with("loose", "nfile:nfile:ffile:lfile"));
	is(4, fake.requests); /* session 3, Tlook */
	unmount();
}

/* Whatever the list says, the mount succeeds and the file is there. */
static void body_odd_lists_do_no_harm(void)
{
	static const char *const lists[] = {
	    "",		":",
	    "f",	"n:f:l",
	    ":::",	"f/file",
	    "ffile/",	"ffile//x",
	    "n..",	"n../../etc/passwd",
	    "f./file",	"xfile",
	    "ffile:n.", "nfile/..",
	    "n/",	"lfile/x/y/z",
	};
	char buf[300];
	static char many[2500];
	struct stat st;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		fake_reset();
		is(0, mount_with("loose", lists[i]));
		is(0, call(stat, "m/file", &st));
		is(-ENOENT, call(stat, "m/x", &st));
		unmount();
	}
	memset(buf, 'a', sizeof(buf));
	buf[0] = 'n';
	buf[sizeof(buf) - 1] = 0; /* a name that is too long */
	is(0, mount_with("loose", buf));
	unmount();
	for (unsigned i = 0, at = 0; i < 200; i++)
		at += (unsigned)sprintf(many + at, "f%u:", i);
	fake_reset();
	is(0, mount_with("loose", many));
	is_true(fake.requests < 150);
	is(0, call(stat, "m/file", &st));
	is(-ENOENT, call(stat, "m/199", &st));
	unmount();
}

static void body_wrong_answers(void)
{
	char buf[64];
	for (unsigned wrong = 1; wrong < FAKE_WRONG; wrong++) {
		for (unsigned at = 0; at < 16; at++) {
			struct stat st;
			fake_reset();
			fake.wrong = wrong;
			fake.wrong_at = at;
			long r = mount_with("loose", "ffile:nnone:lfile");
			if (r) {
				is(0, call(rmdir, "m"));
				continue;
			}
			long fd = call(open, "m/file", O_RDONLY);
			if (fd >= 0) {
				call(read, fd, buf, sizeof(buf));
				call(close, fd);
			}
			if (fake.did_wrong && wrong != FAKE_WRONG_QID)
				is(-EIO, call(stat, "m/other", &st));
			unmount();
		}
	}
}

OURS_ONLY(names_are_known_after_the_mount)
OURS_ONLY(files_begin_to_be_mapped)
OURS_ONLY(what_cannot_be_mapped_is_read)
OURS_ONLY(shares_that_others_write_to_ask_for_nothing)
OURS_ONLY(a_name_is_asked_for_once)
OURS_ONLY(odd_lists_do_no_harm)
OURS_ONLY(wrong_answers)

static int reset(void **state)
{
	fake_reset();
	return 0;
}

int main(void)
{
	stub_window_bytes = 8 * WINDOW_UNIT;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(ours_names_are_known_after_the_mount, reset),
	    cmocka_unit_test_setup(ours_files_begin_to_be_mapped, reset),
	    cmocka_unit_test_setup(ours_what_cannot_be_mapped_is_read, reset),
	    cmocka_unit_test_setup(ours_shares_that_others_write_to_ask_for_nothing, reset),
	    cmocka_unit_test_setup(ours_a_name_is_asked_for_once, reset),
	    cmocka_unit_test_setup(ours_odd_lists_do_no_harm, reset),
	    cmocka_unit_test_setup(ours_wrong_answers, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
