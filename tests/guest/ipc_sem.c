/* SPDX-License-Identifier: Apache-2.0
 * System V semaphores: semget, semop, semtimedop, semctl, SEM_UNDO.
 * area: System V and POSIX IPC
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>

#include "probe.h"

#define SEMVMX 32767

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
	void *any;
};

static void *nowhere(void)
{
	return unmapped_address();
}

static key_t free_key(int salt)
{
	return (key_t)(0x5c000000 + (getpid() & 0xffff) * 16 + salt);
}

static int ctl(int id, int num, int cmd, void *arg)
{
	return semctl(id, num, cmd, (union semun){.any = arg});
}
static int set_value(int id, int num, int value)
{
	return semctl(id, num, SETVAL, (union semun){.val = value});
}
static int value(int id, int num)
{
	return semctl(id, num, GETVAL);
}
static int op(int id, int num, int by, int flags)
{
	struct sembuf one = {(unsigned short)num, (short)by, (short)flags};
	return semop(id, &one, 1);
}
static int timed(int id, int by, long ns)
{
	struct sembuf one = {0, (short)by, 0};
	return semtimedop(id, &one, 1, &(struct timespec){0, ns});
}
static struct semid_ds stat_of(int id)
{
	struct semid_ds ds = {0};
	ctl(id, 0, IPC_STAT, &ds);
	return ds;
}
static void as_nobody(void)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(199);
}

/* Until so many wait for the semaphore. */
static int waiting(int id, int num, int cmd, int wanted)
{
	for (int i = 0; i < 5000; i++) {
		if (semctl(id, num, cmd) == wanted)
			return 1;
		sleep_ms(1);
	}
	return 0;
}

static void hostile(void)
{
	struct sembuf many[501] = {0}, one = {0, 1, 0};
	theme("hostile");
	int id = semget(IPC_PRIVATE, 2, 0600);
	REQUIRE(id >= 0);
	CHECK_ERRNO(semop(id, nowhere(), 1), EFAULT);
	CHECK_ERRNO(semop(id, nowhere(), 500), EFAULT);
	CHECK_ERRNO(semop(id, (void *)0xffff800000000000, 1), EFAULT);
	CHECK_ERRNO(semop(id, nowhere(), 501), E2BIG);
	CHECK_ERRNO(semop(id, many, 501), E2BIG);
	CHECK_ERRNO(semop(id, many, UINT_MAX), E2BIG);
	CHECK_ERRNO(semop(id, &one, 0), EINVAL);
	CHECK_ERRNO(semop(-1, &one, 1), EINVAL);
	CHECK_ERRNO(semop(id + 1, &one, 1), EINVAL);
	CHECK_ERRNO(semop(id + 32768, &one, 1), EINVAL);
	CHECK_ERRNO(semtimedop(id, &one, 1, nowhere()), EFAULT);
	CHECK_ERRNO(semtimedop(id, &one, 1, &(struct timespec){0, 1000000000}), EINVAL);
	CHECK_ERRNO(semtimedop(id, &one, 1, &(struct timespec){-1, 0}), EINVAL);
	one.sem_num = 2;
	CHECK_ERRNO(semop(id, &one, 1), EFBIG);
	CHECK_ERRNO(ctl(id, 0, GETALL, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(id, 0, SETALL, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(id, 0, IPC_STAT, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(id, 0, IPC_SET, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(0, 0, IPC_INFO, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(0, 0, SEM_INFO, nowhere()), EFAULT);
	CHECK_ERRNO(ctl(id, 0, 12345, NULL), EINVAL);
	CHECK_ERRNO(ctl(-1, 0, GETVAL, NULL), EINVAL);
	CHECK_ERRNO(ctl(id, 2, GETVAL, NULL), EINVAL);
	CHECK_ERRNO(ctl(id, -1, GETVAL, NULL), EINVAL);
	CHECK_ERRNO(set_value(id, 2, 0), EINVAL);
	CHECK_ERRNO(set_value(id, 0, -1), ERANGE);
	CHECK_ERRNO(set_value(id, 0, SEMVMX + 1), ERANGE);
	CHECK_ERRNO(ctl(id, 0, SETALL, ((unsigned short[]){1, SEMVMX + 1})), ERANGE);
	CHECK_THAT(value(id, 0) == 0 && value(id, 1) == 0, "nothing of it had an effect");
	CHECK(ctl(id, 0, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(ctl(id, 0, IPC_RMID, NULL), EINVAL);
}

static void get(void)
{
	key_t key = free_key(0);
	theme("semget");
	CHECK_ERRNO(semget(key, 1, 0600), ENOENT);
	CHECK_ERRNO(semget(key, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERRNO(semget(IPC_PRIVATE, -1, 0600), EINVAL);
	CHECK_ERRNO(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
	int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
	REQUIRE(id >= 0);
	CHECK_ERRNO(semget(key, 3, IPC_CREAT | IPC_EXCL | 0640), EEXIST);
	CHECK(semget(key, 0, 0) == id && semget(key, 3, 0) == id && semget(key, 2, IPC_CREAT) == id);
	CHECK_ERRNO(semget(key, 4, 0), EINVAL);
	struct semid_ds ds = stat_of(id);
	CHECK(ds.sem_nsems == 3 && ds.sem_otime == 0 && labs((long)ds.sem_ctime - (long)time(NULL)) <= 5);
	CHECK(ds.sem_perm.__key == key && (ds.sem_perm.mode & 07777) == 0640);
	CHECK(ds.sem_perm.uid == geteuid() && ds.sem_perm.cgid == getegid());
	CHECK(ctl(id, 0, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(semget(key, 0, 0), ENOENT);
	int big = semget(IPC_PRIVATE, 32000, 0600);
	CHECK_THAT(big >= 0 && set_value(big, 31999, 7) == 0 && value(big, 31999) == 7, "a set of 32000 semaphores");
	ctl(big, 0, IPC_RMID, NULL);
}

static void operations(void)
{
	unsigned short all[3] = {5, 6, 7};
	theme("semop");
	int id = semget(IPC_PRIVATE, 3, 0600);
	REQUIRE(id >= 0);
	CHECK(ctl(id, 0, SETALL, all) == 0 && value(id, 0) == 5 && value(id, 2) == 7);
	CHECK(op(id, 0, -2, 0) == 0 && value(id, 0) == 3);
	CHECK(semctl(id, 0, GETPID) == getpid() && stat_of(id).sem_otime != 0);
	CHECK_ERRNO(op(id, 0, -4, IPC_NOWAIT), EAGAIN);
	CHECK_ERRNO(op(id, 0, 0, IPC_NOWAIT), EAGAIN);
	CHECK(value(id, 0) == 3);
	CHECK(op(id, 0, SEMVMX - 3, 0) == 0 && value(id, 0) == SEMVMX);
	CHECK_ERRNO(op(id, 0, 1, 0), ERANGE);
	struct sembuf some[3] = {{1, -6, 0}, {2, 1, 0}, {0, 1, 0}};
	CHECK_ERRNO(semop(id, some, 3), ERANGE);
	CHECK_THAT(value(id, 1) == 6 && value(id, 2) == 8 - 1, "operations are done together or not at all");
	CHECK(semop(id, some, 2) == 0 && value(id, 1) == 0 && value(id, 2) == 8);
	struct sembuf lock[2] = {{1, 0, 0}, {1, 1, 0}};
	CHECK_THAT(semop(id, lock, 2) == 0 && value(id, 1) == 1, "wait for zero, then add: a lock in one call");
	struct sembuf twice[2] = {{1, -1, IPC_NOWAIT}, {1, -1, IPC_NOWAIT}};
	CHECK_ERRNO(semop(id, twice, 2), EAGAIN);
	CHECK(value(id, 1) == 1);
	CHECK(ctl(id, 0, GETALL, all) == 0 && all[0] == SEMVMX && all[1] == 1 && all[2] == 8);
	long start = now_us();
	set_value(id, 0, 0);
	CHECK_ERRNO(timed(id, -1, 30000000), EAGAIN);
	CHECK(now_us() - start >= 29000);
	CHECK_ERRNO(timed(id, -1, 0), EAGAIN);
	CHECK(timed(id, 1, 0) == 0 && value(id, 0) == 1);
	ctl(id, 0, IPC_RMID, NULL);
}

static void ignore(int number) {}

static void waits(void)
{
	theme("waiting");
	int id = semget(IPC_PRIVATE, 2, 0600);
	REQUIRE(id >= 0);
	pid_t child = fork_child();
	if (child == 0)
		_exit(op(id, 0, -3, 0) == 0 ? 0 : errno);
	CHECK(waiting(id, 0, GETNCNT, 1));
	CHECK(semctl(id, 0, GETZCNT) == 0);
	CHECK(op(id, 0, 2, 0) == 0 && value(id, 0) == 2);
	CHECK(op(id, 0, 2, 0) == 0 && wait_for(child) == 0 && value(id, 0) == 1);
	CHECK(semctl(id, 0, GETNCNT) == 0);
	child = fork_child();
	if (child == 0)
		_exit(op(id, 0, 0, 0) == 0 ? 0 : errno);
	CHECK(waiting(id, 0, GETZCNT, 1));
	CHECK(op(id, 0, -1, 0) == 0 && wait_for(child) == 0);
	child = fork_child();
	if (child == 0)
		_exit(op(id, 1, -1, 0) == 0 ? 0 : errno);
	CHECK(waiting(id, 1, GETNCNT, 1));
	CHECK_THAT(set_value(id, 1, 1) == 0 && wait_for(child) == 0, "SETVAL wakes");
	child = fork_child();
	if (child == 0)
		_exit(op(id, 1, -1, 0) == 0 ? 0 : errno);
	CHECK_THAT(waiting(id, 1, GETNCNT, 1), "one waits again");
	CHECK_THAT(ctl(id, 0, SETALL, ((unsigned short[]){0, 4})) == 0 && wait_for(child) == 0, "SETALL wakes");
	child = fork_child();
	if (child == 0) {
		struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
		sigaction(SIGUSR1, &action, NULL);
		_exit(op(id, 0, -1, 0) == 0 ? 0 : errno);
	}
	CHECK_THAT(waiting(id, 0, GETNCNT, 1), "one waits for a signal");
	kill(child, SIGUSR1);
	int status = wait_for(child);
	CHECK_THAT(WIFEXITED(status) && WEXITSTATUS(status) == EINTR,
		   "a handler ends it with EINTR, SA_RESTART or not");
	CHECK(semctl(id, 0, GETNCNT) == 0);
	child = fork_child();
	if (child == 0)
		_exit(op(id, 0, -1, 0) == 0 ? 0 : errno);
	CHECK_THAT(waiting(id, 0, GETNCNT, 1), "one waits for the set's end");
	CHECK(ctl(id, 0, IPC_RMID, NULL) == 0);
	status = wait_for(child);
	CHECK_THAT(WIFEXITED(status) && WEXITSTATUS(status) == EIDRM, "IPC_RMID ends it with EIDRM");
}

static void undo(void)
{
	theme("SEM_UNDO");
	int id = semget(IPC_PRIVATE, 2, 0600), child, status;
	REQUIRE(id >= 0);
	set_value(id, 0, 5);
	CHECK_IN_CHILD_THAT(op(id, 0, -3, SEM_UNDO) == 0 && value(id, 0) == 2, "a child takes three");
	CHECK_THAT(value(id, 0) == 5, "its end gives them back");
	CHECK_IN_CHILD_THAT(op(id, 0, -3, SEM_UNDO) == 0 && op(id, 0, 2, SEM_UNDO) == 0, "corrections add up");
	CHECK_THAT(value(id, 0) == 5, "to what was before");
	CHECK_IN_CHILD_THAT(op(id, 0, 4, SEM_UNDO) == 0 && op(id, 0, -9, 0) == 0, "more to take back than is there");
	CHECK_THAT(value(id, 0) == 0, "a value does not go below zero");
	set_value(id, 0, 5);
	CHECK_IN_CHILD_THAT(op(id, 0, -3, SEM_UNDO) == 0 && set_value(id, 0, 1) == 0, "SETVAL in between");
	CHECK_THAT(value(id, 0) == 1, "forgets the correction");
	set_value(id, 0, 0);
	REQUIRE(op(id, 0, 1, SEM_UNDO) == 0);
	CHECK_IN_CHILD_THAT(value(id, 0) == 1, "fork does not inherit corrections");
	CHECK(value(id, 0) == 1);
	CHECK(op(id, 0, -1, SEM_UNDO) == 0);
	child = fork_child();
	if (child == 0) {
		op(id, 0, 1, SEM_UNDO);
		raise(SIGKILL);
	}
	status = wait_for(child);
	CHECK_THAT(WIFSIGNALED(status) && value(id, 0) == 0, "killed: given back too");
	CHECK_THAT(semctl(id, 0, GETPID) == child, "GETPID tells of the one that ended");
	set_value(id, 0, 1);
	child = fork_child();
	if (child == 0) {
		op(id, 0, -1, SEM_UNDO);
		sleep_ms(30);
		_exit(0);
	}
	REQUIRE(waiting(id, 0, GETVAL, 0));
	CHECK_THAT(op(id, 0, -1, 0) == 0, "what an ending process gives back wakes who waits");
	wait_for(child);
	set_value(id, 1, SEMVMX);
	CHECK_IN_CHILD_THAT(op(id, 1, -SEMVMX, SEM_UNDO) == 0 && op(id, 1, SEMVMX, 0) == 0 &&
				op(id, 1, -1, SEM_UNDO) == -1 && errno == ERANGE,
			    "a correction out of range is refused");
	ctl(id, 0, IPC_RMID, NULL);
}

static void permissions(void)
{
	theme("permissions");
	int id = semget(free_key(1), 1, IPC_CREAT | 0604);
	REQUIRE(id >= 0);
	struct semid_ds ds = stat_of(id);
	if (geteuid() == 0) {
		CHECK_IN_CHILD_THAT((as_nobody(), op(id, 0, 1, 0) == -1 && errno == EACCES), "no right to alter");
		CHECK_IN_CHILD_THAT((as_nobody(), op(id, 0, 0, 0) == 0), "waiting for zero needs the right to read");
		CHECK_IN_CHILD_THAT((as_nobody(), value(id, 0) == 0), "GETVAL too");
		CHECK_IN_CHILD_THAT((as_nobody(), set_value(id, 0, 1) == -1 && errno == EACCES), "SETVAL alters");
		CHECK_IN_CHILD_THAT((as_nobody(), ctl(id, 0, SETALL, (unsigned short[]){1}) == -1 && errno == EACCES),
				    "SETALL alters");
		CHECK_IN_CHILD_THAT((as_nobody(), ctl(id, 0, IPC_RMID, NULL) == -1 && errno == EPERM), "not its owner");
		CHECK_IN_CHILD_THAT((as_nobody(), ctl(id, 0, IPC_SET, &ds) == -1 && errno == EPERM),
				    "nor may it be set");
		ds.sem_perm.mode = 0;
		CHECK(ctl(id, 0, IPC_SET, &ds) == 0);
		CHECK_IN_CHILD_THAT((as_nobody(), ctl(id, 0, IPC_STAT, &ds) == -1 && errno == EACCES),
				    "IPC_STAT reads");
		CHECK_IN_CHILD_THAT((as_nobody(), semget(free_key(1), 1, 0400) == -1),
				    "semget checks rights asked for");
		CHECK_THAT(op(id, 0, 1, 0) == 0, "CAP_IPC_OWNER alters anyhow");
	}
	ctl(id, 0, IPC_RMID, NULL);
}

static void information(void)
{
	struct seminfo info = {0}, usage = {0};
	struct semid_ds ds;
	char line[256];
	theme("information");
	int id = semget(free_key(2), 3, IPC_CREAT | 0600), found = 0;
	REQUIRE(id >= 0);
	int highest = semctl(0, 0, IPC_INFO, (union semun){.info = &info});
	CHECK(highest >= 0 && info.semmsl >= 3 && info.semopm >= 1 && info.semvmx == SEMVMX);
	CHECK(semctl(0, 0, SEM_INFO, (union semun){.info = &usage}) == highest);
	CHECK(usage.semusz >= 1 && usage.semaem >= 3);
	for (int i = 0; i <= highest; i++)
		found += ctl(i, 0, SEM_STAT, &ds) == id && ds.sem_nsems == 3;
	CHECK_THAT(found == 1, "SEM_STAT finds it by index");
	found = 0;
	FILE *f = fopen("/proc/sysvipc/sem", "r");
	REQUIRE(f != NULL);
	CHECK(fgets(line, sizeof(line), f) && strstr(line, "       key      semid perms      nsems") == line);
	while (fgets(line, sizeof(line), f)) {
		int key, semid, mode, count;
		found += sscanf(line, "%d %d %o %d", &key, &semid, &mode, &count) == 4 && key == free_key(2) &&
			 semid == id && mode == 0600 && count == 3;
	}
	CHECK_THAT(found == 1, "/proc/sysvipc/sem has it");
	fclose(f);
	ctl(id, 0, IPC_RMID, NULL);
}

/* Several processes that take turns at a counter which is not atomic. */
static void exclusion(void)
{
	enum { PROCESSES = 4, ROUNDS = 200 };
	pid_t children[PROCESSES];
	int id = semget(IPC_PRIVATE, 1, 0600), ok = 1;
	volatile int *counter = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	theme("exclusion");
	set_value(id, 0, 1);
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork_child();
		for (int n = 0; children[i] == 0 && n < ROUNDS; n++) {
			if (op(id, 0, -1, SEM_UNDO) != 0)
				_exit(1);
			int seen = *counter;
			if (n % 16 == 0)
				sched_yield();
			*counter = seen + 1;
			if (op(id, 0, 1, SEM_UNDO) != 0)
				_exit(2);
		}
		if (children[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++)
		ok &= wait_for(children[i]) == 0;
	CHECK_THAT(ok && *counter == PROCESSES * ROUNDS, "no turn is lost");
	ctl(id, 0, IPC_RMID, NULL);
}

int main(void)
{
	limit_seconds(50);
	hostile();
	get();
	operations();
	waits();
	undo();
	permissions();
	information();
	exclusion();
	return finish();
}
