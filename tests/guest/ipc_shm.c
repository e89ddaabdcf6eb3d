/* SPDX-License-Identifier: Apache-2.0
 * System V shared memory: shmget, shmat, shmdt, shmctl, and what of it survives fork and the end of a process.
 * area: System V and POSIX IPC
 */
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "probe.h"

#define BAD	    ((void *)-1L)
#define KERNEL_HALF ((void *)0xffff800000000000)

static void *nowhere(void)
{
	return unmapped_address();
}

static key_t free_key(int salt)
{
	return (key_t)(0x5b000000 + (getpid() & 0xffff) * 16 + salt);
}

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds ds;
	memset(&ds, 0xee, sizeof(ds));
	if (shmctl(id, IPC_STAT, &ds) != 0)
		memset(&ds, 0, sizeof(ds));
	return ds;
}

/* Evaluates in a child without privileges. */
static void as_nobody(void)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(199);
}

static void hostile(void)
{
	theme("hostile");
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	REQUIRE(id >= 0);
	CHECK_ERRNO(shmctl(id, IPC_STAT, nowhere()), EFAULT);
	CHECK_ERRNO(shmctl(id, IPC_SET, nowhere()), EFAULT);
	CHECK_ERRNO(shmctl(id, IPC_STAT, KERNEL_HALF), EFAULT);
	CHECK_ERRNO(shmctl(0, IPC_INFO, nowhere()), EFAULT);
	CHECK_ERRNO(shmctl(0, SHM_INFO, nowhere()), EFAULT);
	CHECK(shmctl(id, IPC_SET, nowhere()) == -1 && stat_of(id).shm_segsz == 4096);
	CHECK_ERRNO(shmat(id, KERNEL_HALF, 0), ENOMEM);
	CHECK_ERRNO(shmat(id, (void *)-4096L, 0), EINVAL);
	CHECK_ERRNO(shmat(-1, NULL, 0), EINVAL);
	CHECK_ERRNO(shmat(id + 1, NULL, 0), EINVAL);
	CHECK_ERRNO(shmat(id + 32768, NULL, 0), EINVAL);
	CHECK_ERRNO(shmat(0x7fffffff, NULL, 0), EINVAL);
	CHECK_ERRNO(shmdt(nowhere()), EINVAL);
	CHECK_ERRNO(shmdt((void *)-4096L), EINVAL);
	CHECK_ERRNO(shmdt((void *)&id), EINVAL);
	CHECK_ERRNO(shmctl(id, 12345, NULL), EINVAL);
	CHECK_ERRNO(shmctl(id, -1, NULL), EINVAL);
	CHECK_ERRNO(shmctl(-1, IPC_STAT, NULL), EINVAL);
	CHECK_ERRNO(shmctl(-1, IPC_RMID, NULL), EINVAL);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERRNO(shmctl(id, IPC_STAT, NULL), EINVAL);
}

static void get(void)
{
	key_t key = free_key(0);
	theme("shmget");
	CHECK_ERRNO(shmget(key, 4096, 0600), ENOENT);
	CHECK_ERRNO(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)-1, 0600), EINVAL);
	CHECK_THAT(shmget(IPC_PRIVATE, 1UL << 60, 0600) == -1 &&
		       (errno == ENOMEM || errno == ENOSPC || errno == EINVAL),
		   "a segment that no memory can hold is refused");
	int id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640);
	REQUIRE(id >= 0);
	CHECK_ERRNO(shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640), EEXIST);
	CHECK(shmget(key, 5000, 0) == id);
	CHECK(shmget(key, 0, 0) == id);
	CHECK(shmget(key, 100, IPC_CREAT | 0600) == id);
	CHECK_THAT(shmget(key, 5001, 0) == -1 && errno == EINVAL, "a larger size than the segment has is EINVAL");
	struct shmid_ds ds = stat_of(id);
	CHECK(ds.shm_segsz == 5000);
	CHECK(ds.shm_perm.__key == key);
	CHECK((ds.shm_perm.mode & 07777) == 0640);
	CHECK(ds.shm_perm.uid == geteuid() && ds.shm_perm.cuid == geteuid());
	CHECK(ds.shm_perm.gid == getegid() && ds.shm_perm.cgid == getegid());
	CHECK(ds.shm_cpid == getpid() && ds.shm_lpid == 0);
	CHECK(ds.shm_nattch == 0);
	CHECK(ds.shm_atime == 0 && ds.shm_dtime == 0);
	CHECK(labs((long)ds.shm_ctime - (long)time(NULL)) <= 5);
	int other = shmget(IPC_PRIVATE, 1, 0600);
	CHECK(other >= 0 && other != id);
	CHECK(shmctl(other, IPC_RMID, NULL) == 0);
	int again = shmget(IPC_PRIVATE, 1, 0600);
	CHECK_THAT(again >= 0 && again != other, "an identifier is not used again at once");
	CHECK(shmctl(again, IPC_RMID, NULL) == 0);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(shmget(key, 0, 0), ENOENT);
}

static void attach(void)
{
	theme("shmat");
	int id = shmget(IPC_PRIVATE, 2 * PAGE + 1, 0600);
	REQUIRE(id >= 0);
	char *a = shmat(id, NULL, 0);
	REQUIRE(a != BAD);
	CHECK(((long)a & (PAGE - 1)) == 0);
	CHECK_THAT(a[0] == 0 && a[2 * PAGE] == 0, "memory is zero at first");
	CHECK(stat_of(id).shm_nattch == 1 && stat_of(id).shm_lpid == getpid() && stat_of(id).shm_atime != 0);
	a[0] = 'x';
	a[3 * PAGE - 1] = 'y';
	char *b = shmat(id, NULL, SHM_RDONLY);
	REQUIRE(b != BAD);
	CHECK(b != a && b[0] == 'x' && b[3 * PAGE - 1] == 'y');
	CHECK(stat_of(id).shm_nattch == 2);
	a[1] = 'z';
	CHECK(b[1] == 'z');
	CHECK_FAULT_THAT(WRITE, b, SIGSEGV, SEGV_ACCERR, "a read-only attach cannot be written");
	CHECK_ERRNO(mprotect(b, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_ERRNO(shmat(id, a, 0), EINVAL);
	CHECK_ERRNO(shmat(id, a + 1, 0), EINVAL);
	CHECK_ERRNO(shmat(id, a + 1, SHM_RND), EINVAL);
	CHECK_ERRNO(shmat(id, NULL, SHM_REMAP), EINVAL);
	CHECK_ERRNO(shmdt(a + 1), EINVAL);
	CHECK_ERRNO(shmdt(a + PAGE), EINVAL);
	CHECK(shmdt(b) == 0);
	CHECK_FAULT_THAT(READ, b, SIGSEGV, SEGV_MAPERR, "nothing is left where it was detached");
	CHECK_ERRNO(shmdt(b), EINVAL);
	char *place = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_ERRNO(shmat(id, place + PAGE, 0), EINVAL);
	CHECK(shmat(id, place + PAGE + 7, SHM_RND | SHM_REMAP) == place + PAGE);
	CHECK(place[PAGE] == 'x' && place[0] == 0 && place[4 * PAGE] == 0);
	CHECK(munmap(place, 8 * PAGE) == 0);
	CHECK_THAT(stat_of(id).shm_nattch == 1, "munmap(2) detaches too");
	CHECK_ERRNO(shmdt(place + PAGE), EINVAL);
	place = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(place, 8 * PAGE);
	CHECK(shmat(id, place, 0) == place && place[0] == 'x');
	CHECK(munmap(place + PAGE, PAGE) == 0);
	CHECK_THAT(stat_of(id).shm_nattch == 3, "each part of a divided attach counts");
	CHECK(shmdt(place) == 0);
	CHECK_THAT(stat_of(id).shm_nattch == 1, "shmdt takes all parts");
	CHECK_FAULT(READ, place + 2 * PAGE, SIGSEGV, SEGV_MAPERR);
	char *c = shmat(id, NULL, SHM_EXEC);
	CHECK_THAT(c == BAD ? errno == EACCES : 1, "SHM_EXEC needs the right, or privileges");
	if (c != BAD)
		shmdt(c);
	CHECK(shmdt(a) == 0);
	CHECK(stat_of(id).shm_nattch == 0 && stat_of(id).shm_dtime != 0);
	a = shmat(id, NULL, 0);
	CHECK_THAT(a != BAD && a[0] == 'x', "contents stay while nobody is attached");
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

static int see(int id, const volatile char *a)
{
	return stat_of(id).shm_nattch == 2 && a[0] == 'p' && (((volatile char *)a)[1] = 'c');
}

static void processes(void)
{
	theme("processes");
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	REQUIRE(id >= 0);
	char *a = shmat(id, NULL, 0);
	REQUIRE(a != BAD);
	a[0] = 'p';
	CHECK_IN_CHILD_THAT(see(id, a), "fork inherits attaches, and they count");
	CHECK(a[1] == 'c');
	CHECK_THAT(stat_of(id).shm_nattch == 1, "the end of a process detaches");
	CHECK_IN_CHILD_THAT(shmdt(a) == 0 && stat_of(id).shm_nattch == 1, "a child detaches for itself alone");
	CHECK(a[0] == 'p');
	int ready[2], go[2];
	char byte;
	REQUIRE(pipe(ready) == 0 && pipe2(go, O_CLOEXEC) == 0);
	fcntl(ready[1], F_SETFD, FD_CLOEXEC);
	pid_t child = fork_child();
	if (child == 0) {
		close(ready[0]);
		close(go[1]);
		dup2(go[0], 0);
		char *const argv[] = {"self", "wait", NULL}, *const envp[] = {NULL};
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	close(ready[1]);
	CHECK_THAT(read(ready[0], &byte, 1) == 0 && stat_of(id).shm_nattch == 1, "exec detaches");
	close(go[1]);
	CHECK(wait_for(child) == 0);
	close(ready[0]);
	close(go[0]);
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

static void removal(void)
{
	key_t key = free_key(1);
	theme("IPC_RMID");
	int id = shmget(key, PAGE, IPC_CREAT | 0600);
	REQUIRE(id >= 0);
	char *a = shmat(id, NULL, 0);
	REQUIRE(a != BAD);
	a[0] = 'k';
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK_THAT(a[0] == 'k' && stat_of(id).shm_nattch == 1, "an attached segment stays until the last detach");
	CHECK((stat_of(id).shm_perm.mode & SHM_DEST) != 0);
	CHECK(stat_of(id).shm_perm.__key == IPC_PRIVATE);
	CHECK_ERRNO(shmget(key, PAGE, 0), ENOENT);
	char *b = shmat(id, NULL, 0);
	CHECK_THAT(b != BAD && b[0] == 'k', "it can still be attached by its identifier");
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK(shmdt(a) == 0 && stat_of(id).shm_nattch == 1);
	CHECK(shmdt(b) == 0);
	CHECK_THAT(shmctl(id, IPC_STAT, &(struct shmid_ds){0}) == -1 && errno == EINVAL, "then it is gone");
	id = shmget(IPC_PRIVATE, PAGE, 0600);
	pid_t child = fork_child();
	if (child == 0) {
		a = shmat(id, NULL, 0);
		_exit(a == BAD || shmctl(id, IPC_RMID, NULL) != 0 || stat_of(id).shm_nattch != 1);
	}
	CHECK(wait_for(child) == 0);
	CHECK_THAT(shmctl(id, IPC_STAT, &(struct shmid_ds){0}) == -1 && errno == EINVAL,
		   "it goes with the process that had the last attach");
}

static void permissions(void)
{
	theme("permissions");
	int id = shmget(free_key(2), PAGE, IPC_CREAT | 0604);
	REQUIRE(id >= 0);
	struct shmid_ds ds = stat_of(id);
	ds.shm_perm.mode = 07620;
	CHECK(shmctl(id, IPC_SET, &ds) == 0 && (stat_of(id).shm_perm.mode & 07777) == 0620);
	ds.shm_perm.mode = 0604;
	CHECK(shmctl(id, IPC_SET, &ds) == 0);
	if (geteuid() == 0) {
		CHECK_IN_CHILD_THAT((as_nobody(), shmat(id, NULL, 0) == BAD && errno == EACCES),
				    "others may not write without the right");
		CHECK_IN_CHILD_THAT((as_nobody(), shmat(id, NULL, SHM_RDONLY) != BAD),
				    "others may read with the right");
		CHECK_IN_CHILD_THAT((as_nobody(), shmget(free_key(2), 0, 0002) == -1 && errno != 0),
				    "shmget checks the rights asked for");
		CHECK_IN_CHILD_THAT((as_nobody(), shmctl(id, IPC_RMID, NULL) == -1 && errno == EPERM),
				    "others may not remove it");
		CHECK_IN_CHILD_THAT((as_nobody(), shmctl(id, IPC_SET, &ds) == -1 && errno == EPERM),
				    "others may not change it");
		CHECK_IN_CHILD_THAT((as_nobody(), shmctl(id, SHM_LOCK, NULL) == -1 && errno == EPERM),
				    "others may not lock it");
		ds.shm_perm.mode = 0;
		CHECK(shmctl(id, IPC_SET, &ds) == 0);
		CHECK_IN_CHILD_THAT((as_nobody(), shmctl(id, IPC_STAT, &ds) == -1 && errno == EACCES),
				    "IPC_STAT needs the right to read");
		CHECK_THAT(shmdt(shmat(id, NULL, 0)) == 0, "CAP_IPC_OWNER reads and writes anyhow");
		ds.shm_perm.uid = 65534;
		CHECK(shmctl(id, IPC_SET, &ds) == 0);
		CHECK_IN_CHILD_THAT((as_nobody(), shmctl(id, IPC_RMID, NULL) == 0), "the new owner may remove it");
	} else {
		shmctl(id, IPC_RMID, NULL);
	}
}

static void information(void)
{
	struct shminfo info;
	struct shm_info usage;
	struct shmid_ds ds;
	char line[256];
	theme("information");
	int id = shmget(free_key(3), 3 * PAGE, IPC_CREAT | 0600);
	REQUIRE(id >= 0);
	char *a = shmat(id, NULL, 0);
	REQUIRE(a != BAD);
	a[0] = 1;
	int highest = shmctl(0, IPC_INFO, (void *)&info);
	CHECK(highest >= 0 && info.shmmin == 1 && info.shmmni >= 1 && info.shmmax >= 3 * (unsigned long)PAGE);
	CHECK(shmctl(0, SHM_INFO, (void *)&usage) == highest);
	CHECK(usage.used_ids >= 1 && usage.shm_tot >= 3 && usage.shm_rss >= 1);
	int found = 0;
	for (int i = 0; i <= highest; i++)
		found += shmctl(i, SHM_STAT, &ds) == id && ds.shm_segsz == 3 * (size_t)PAGE;
	CHECK_THAT(found == 1, "SHM_STAT finds it by index");
	CHECK_ERRNO(shmctl(highest + 1, SHM_STAT, &ds), EINVAL);
	CHECK(shmctl(id, SHM_LOCK, NULL) == 0 && (stat_of(id).shm_perm.mode & SHM_LOCKED) != 0);
	CHECK(shmctl(id, SHM_UNLOCK, NULL) == 0 && (stat_of(id).shm_perm.mode & SHM_LOCKED) == 0);
	found = 0;
	FILE *f = fopen("/proc/sysvipc/shm", "r");
	REQUIRE(f != NULL);
	CHECK(fgets(line, sizeof(line), f) &&
	      strstr(line, "       key      shmid perms                  size") == line);
	while (fgets(line, sizeof(line), f)) {
		int key, shmid, mode;
		unsigned long size;
		found += sscanf(line, "%d %d %o %lu", &key, &shmid, &mode, &size) == 4 && key == free_key(3) &&
			 shmid == id && mode == 0600 && size == 3 * (unsigned long)PAGE;
	}
	CHECK_THAT(found == 1, "/proc/sysvipc/shm has it");
	fclose(f);
	found = 0;
	snprintf(line, sizeof(line), "/SYSV%08x (deleted)", (unsigned)free_key(3));
	char wanted[64];
	strcpy(wanted, line);
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), f))
		found += strstr(line, wanted) != NULL && strstr(line, " rw-s ") != NULL;
	CHECK_THAT(found == 1, "/proc/self/maps has it");
	fclose(f);
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
	limit_seconds(50);
	if (argc > 1) { /* run by processes() */
		char byte;
		return read(0, &byte, 1) == 0 ? 0 : 1;
	}
	hostile();
	get();
	attach();
	processes();
	removal();
	permissions();
	information();
	return finish();
}
