/* SPDX-License-Identifier: Apache-2.0
 * openat2: sizes and fields of its structure, and each bound of the walk.
 * area: Files
 */
#include <linux/openat2.h>

#include "files.h"

static int opens2(int dirfd, const char *name, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {flags, mode, resolve};
	long fd;
	int error = FAILS(fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how)));
	if (fd >= 0)
		close((int)fd);
	return error;
}

static void openat2_arguments(void)
{
	theme("openat2");
	char block[2 * PAGE];
	struct open_how how = {.flags = O_RDONLY};
	static const struct {
		size_t size;
		int wanted;
	} sizes[] = {{0, EINVAL}, {8, EINVAL}, {23, EINVAL}, {24, 0}, {25, 0}, {32, 0}, {PAGE, 0}, {PAGE + 1, E2BIG}};
	memset(block, 0, sizeof(block));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd, error = FAILS(fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", block, sizes[i].size));
		GIVES(sizes[i].wanted, error, "size %zu", sizes[i].size);
		if (fd >= 0)
			close(fd);
	}
	EXPECT(E2BIG, syscall(SYS_openat2, AT_FDCWD, "file", block, ~0ul), "the largest size");
	block[24] = 1;
	EXPECT(E2BIG, syscall(SYS_openat2, AT_FDCWD, "file", block, 32), "a field that is not known");
	block[24] = 0;
	block[PAGE - 1] = 1;
	EXPECT(E2BIG, syscall(SYS_openat2, AT_FDCWD, "file", block, PAGE), "one at the end of the page");
	EXPECT(EFAULT, syscall(SYS_openat2, AT_FDCWD, "file", unmapped_address(), 24), "a bad address");
	EXPECT(EFAULT, syscall(SYS_openat2, AT_FDCWD, unmapped_address(), &how, 24), "a bad name");
	EXPECT(EINVAL, syscall(SYS_openat2, AT_FDCWD, "file", unmapped_address(), 8), "size before address");
	static const struct {
		uint64_t flags, mode, resolve;
		int wanted;
		const char *text;
	} rows[] = {
	    {1ull << 32, 0, 0, EINVAL, "a flag above 32 bits"},
	    {0x40000000, 0, 0, EINVAL, "an unknown flag"},
	    {O_RDONLY, 0644, 0, EINVAL, "a mode without O_CREAT"},
	    {O_RDWR | O_CREAT, 010644, 0, EINVAL, "a mode with a type"},
	    {O_RDWR | O_CREAT, 1ull << 40, 0, EINVAL, "a mode far too large"},
	    {O_RDWR | O_CREAT, 0644, 0, 0, "O_CREAT of a file"},
	    {O_TMPFILE | O_RDWR, 0600, 0, ENOTDIR, "O_TMPFILE in a file"},
	    {O_TMPFILE, 0600, 0, EINVAL, "O_TMPFILE for reading"},
	    {O_PATH | O_RDWR, 0, 0, EINVAL, "O_PATH with an access mode"},
	    {O_PATH | O_CREAT, 0, 0, EINVAL, "O_PATH with O_CREAT"},
	    {O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, 0, 0, "O_PATH with what goes with it"},
	    {O_RDONLY, 0, 0x40, EINVAL, "an unknown bound"},
	    {O_RDONLY, 0, 1ull << 63, EINVAL, "the highest bound"},
	    {O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT, EINVAL, "two bounds that exclude each other"},
	    {O_RDONLY, 0, RESOLVE_CACHED, 0, "RESOLVE_CACHED of what is known"},
	    {O_RDWR | O_CREAT, 0600, RESOLVE_CACHED, EAGAIN, "RESOLVE_CACHED with O_CREAT"},
	    {O_RDWR | O_TRUNC, 0, RESOLVE_CACHED, EAGAIN, "RESOLVE_CACHED with O_TRUNC"},
	    {O_RDONLY | O_DIRECTORY, 0, 0, ENOTDIR, "O_DIRECTORY of a file"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		GIVES(rows[i].wanted, opens2(AT_FDCWD, "file", rows[i].flags, rows[i].mode, rows[i].resolve), "%s",
		      rows[i].text);
	GIVES(ENOENT, opens2(AT_FDCWD, "", 0, 0, 0), "an empty name");
	GIVES(EBADF, opens2(-1, "file", 0, 0, 0), "a bad descriptor");
	how.flags = O_RDWR;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how));
	CHECK_THAT(fd >= 0 && fcntl(fd, F_GETFL) == (O_RDWR | 0100000), "O_LARGEFILE is added");
	close(fd);
}

#define B  RESOLVE_BENEATH
#define R  RESOLVE_IN_ROOT
#define NS RESOLVE_NO_SYMLINKS
#define NM RESOLVE_NO_MAGICLINKS
#define NX RESOLVE_NO_XDEV

/* Below tree/: file, dir/, up -> .., out -> ../file, absolute -> /file, in -> dir/../file, magic -> /proc/self/cwd. */
static const struct {
	const char *name;
	int flags, resolve, wanted;
} bounds[] = {
    {"file", 0, B, 0},
    {"dir/../file", 0, B, 0},
    {"../tree/file", 0, B, EXDEV},
    {"..", 0, B, EXDEV},
    {"dir/../..", 0, B, EXDEV},
    {"/file", 0, B, EXDEV},
    {"up", 0, B, EXDEV},
    {"up", O_PATH | O_NOFOLLOW, B, 0},
    {"out", 0, B, EXDEV},
    {"absolute", 0, B, EXDEV},
    {"in", 0, B, 0},
    {"magic", 0, B, EXDEV},
    {"gone", 0, B, ENOENT},
    {".", 0, B, 0},
    {"new", O_CREAT | O_RDWR, B, 0},
    {"../new", O_CREAT | O_RDWR, B, EXDEV},
    {"file", 0, R, 0},
    {"/file", 0, R, 0},
    {"../file", 0, R, 0},
    {"../../../file", 0, R, 0},
    {"/..", 0, R, 0},
    {"up/file", 0, R, 0},
    {"out", 0, R, 0},
    {"absolute", 0, R, 0},
    {"/tmp", 0, R, ENOENT},
    {"magic", 0, R, ENOENT},
    {"/new", O_CREAT | O_RDWR, R, 0},
    {"/dir/../../in", 0, R, 0},
    {"file", 0, NS, 0},
    {"up", 0, NS, ELOOP},
    {"up/file", 0, NS, ELOOP},
    {"in", 0, NS, ELOOP},
    {"in", O_PATH, NS, ELOOP},
    {"in", O_PATH | O_NOFOLLOW, NS, 0},
    {"in", O_NOFOLLOW, NS, ELOOP},
    {"/proc/self/cwd", 0, NS, ELOOP},
    {"gone", O_CREAT | O_RDWR, NS, 0},
    {"in", 0, NM, 0},
    {"absolute", 0, NM, ENOENT},
    {"magic", 0, NM, ELOOP},
    {"/proc/self/cwd", 0, NM, ELOOP},
    {"/proc/self/cwd/file", 0, NM, ELOOP},
    {"/proc/self/cwd", O_PATH | O_NOFOLLOW, NM, 0},
    {"/proc/self/status", 0, NM, 0},
    {"/proc/self/fd/0", O_PATH, NM, ELOOP},
    {"file", 0, NX, 0},
    {"dir/../file", 0, NX, 0},
    {"in", 0, NX, 0},
    {"/", 0, NX, 0},
    {"/proc", 0, NX, EXDEV},
    {"/proc/self/cwd", 0, NX, EXDEV},
    {"in", 0, B | NX, 0},
    {"in", 0, R | NS, ELOOP},
    {"up", 0, R | NM, 0},
};

static void openat2_bounds(void)
{
	theme("bounds of openat2");
	REQUIRE(mkdir("tree", 0755) == 0 && mkdir("tree/dir", 0755) == 0 && make_file("tree/file", "x", 0644));
	REQUIRE(symlink("..", "tree/up") == 0 && symlink("../file", "tree/out") == 0);
	REQUIRE(symlink("/file", "tree/absolute") == 0 && symlink("dir/../file", "tree/in") == 0);
	REQUIRE(symlink("/proc/self/cwd", "tree/magic") == 0);
	int tree = open("tree", O_PATH), proc = open("/proc", O_PATH);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		int mode = bounds[i].flags & O_CREAT ? 0600 : 0, resolve = bounds[i].resolve;
		GIVES(bounds[i].wanted,
		      opens2(tree, bounds[i].name, (uint64_t)bounds[i].flags, (uint64_t)mode, (uint64_t)resolve),
		      "%s with bounds %#x%s%s%s", bounds[i].name, (unsigned)resolve,
		      bounds[i].flags & O_CREAT ? " to be made" : "", bounds[i].flags & O_PATH ? " as a path" : "",
		      bounds[i].flags & O_NOFOLLOW ? " itself" : "");
	}
	CHECK_THAT(exists("tree/new") && !exists("new") && exists("tree/gone"), "what was made lies where it may");
	GIVES(EXDEV, opens2(proc, "..", 0, 0, NX), "up from another file system");
	GIVES(0, opens2(proc, "self/status", 0, 0, NX), "within another file system");
	GIVES(EXDEV, opens2(proc, "self/root", 0, 0, NX), "a magic link out of it");
	GIVES(EXDEV, opens2(proc, "self/cwd", 0, 0, B), "a magic link below it");
	GIVES(0, opens2(proc, "..", 0, 0, R), "up from a root");
	close(tree);
	close(proc);
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	theme("openat2");
	REQUIRE(make_file("file", "12345", 0644));
	openat2_arguments();
	openat2_bounds();
	return finish();
}
