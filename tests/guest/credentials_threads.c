/* SPDX-License-Identifier: Apache-2.0
 * Credentials belong to threads: a raw system call changes those of its own thread, a new thread begins with a copy,
 * each check asks the acting thread's, and only the C library makes it look as if a process had one set.
 * area: Processes
 * flags: -pthread
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "probe.h"

#define USER  1000
#define GROUP 2000

/* What a thread does on behalf of a check: true when all was as wanted. */
typedef int (*deed)(void *arg);

struct work {
	deed fn;
	void *arg;
	int result;
};

static void *work(void *arg)
{
	struct work *w = arg;
	w->result = w->fn(w->arg);
	return NULL;
}

static int in_thread(deed fn, void *arg)
{
	struct work w = {fn, arg, 0};
	pthread_t thread;
	return pthread_create(&thread, NULL, work, &w) == 0 && pthread_join(thread, NULL) == 0 && w.result;
}

static int uids(uid_t r, uid_t e, uid_t s)
{
	uid_t a, b, c;
	return getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

static int gids(gid_t r, gid_t e, gid_t s)
{
	gid_t a, b, c;
	return getresgid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

/* The raw calls, which the C library does not broadcast. */
static int become_user(void *arg)
{
	return syscall(SYS_setresuid, USER, USER, USER) == 0 && uids(USER, USER, USER);
}

static int become_group(void *arg)
{
	return syscall(SYS_setresgid, GROUP, GROUP, GROUP) == 0 && gids(GROUP, GROUP, GROUP);
}

static int leave_groups(void *arg)
{
	gid_t one = 77;
	return syscall(SYS_setgroups, 1, &one) == 0 && getgroups(0, NULL) == 1;
}

static int become_fs_user(void *arg)
{
	return setfsuid(USER) == 0 && setfsuid((uid_t)-1) == USER;
}

static uint64_t effective(pid_t tid)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, tid};
	struct __user_cap_data_struct d[2];
	return syscall(SYS_capget, &h, d) ? ~0ull : d[0].effective | (uint64_t)d[1].effective << 32;
}

static int drop_capabilities(void *arg)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};
	return syscall(SYS_capset, &h, none) == 0 && effective(0) == 0;
}

static int keep_capabilities(void *arg)
{
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1;
}

static int secure_bits(void *arg)
{
	return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) == 0 && prctl(PR_GET_SECUREBITS) == SECBIT_NOROOT;
}

static int shrink_bounds(void *arg)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == 0;
}

static int no_new_privileges(void *arg)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void alone(void)
{
	int groups = getgroups(0, NULL);
	long bits = prctl(PR_GET_SECUREBITS);
	int bound = prctl(PR_CAPBSET_READ, CAP_SYS_TIME);
	theme("credentials of threads");
	CHECK_IN_CHILD_THAT(in_thread(become_user, NULL) && uids(0, 0, 0), "setresuid is the calling thread's alone");
	CHECK_IN_CHILD_THAT(in_thread(become_group, NULL) && gids(0, 0, 0), "setresgid");
	CHECK_IN_CHILD_THAT(in_thread(leave_groups, NULL) && getgroups(0, NULL) == groups, "setgroups");
	CHECK_IN_CHILD_THAT(in_thread(become_fs_user, NULL) && setfsuid((uid_t)-1) == 0, "setfsuid");
	CHECK_IN_CHILD_THAT(in_thread(drop_capabilities, NULL) && effective(0) != 0, "capset");
	CHECK_IN_CHILD_THAT(in_thread(keep_capabilities, NULL) && prctl(PR_GET_KEEPCAPS) == 0, "PR_SET_KEEPCAPS");
	CHECK_IN_CHILD_THAT(in_thread(secure_bits, NULL) && prctl(PR_GET_SECUREBITS) == bits, "PR_SET_SECUREBITS");
	CHECK_IN_CHILD_THAT(in_thread(shrink_bounds, NULL) && prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == bound,
			    "PR_CAPBSET_DROP");
	CHECK_IN_CHILD_THAT(in_thread(no_new_privileges, NULL) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0,
			    "PR_SET_NO_NEW_PRIVS");
}

static int is_user(void *arg)
{
	return uids(USER, USER, USER) && getgroups(0, NULL) == 1;
}

static int user_with_child_thread(void *arg)
{
	return leave_groups(NULL) && become_user(NULL) && in_thread(is_user, NULL);
}

static int user_with_child_process(void *arg)
{
	if (!leave_groups(NULL) || !become_user(NULL))
		return 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(is_user(NULL) ? 0 : 1);
	return wait_for(pid) == 0;
}

/* This very program again, asked by its argument to tell whether it is the user. */
static int user_execs(void *arg)
{
	char *argv[] = {"credentials_threads", "is-user", NULL}, *envp[] = {NULL};
	int fd = *(int *)arg;
	return become_user(NULL) && syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH) == 0;
}

static int status_uid(const char *path)
{
	char line[256];
	int uid = -1;
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Uid: %d", &uid) == 1)
			break;
	if (f)
		fclose(f);
	return uid;
}

static int status_tells(void *arg)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", syscall(SYS_gettid));
	return become_user(NULL) && status_uid(path) == USER && status_uid("/proc/thread-self/status") == USER &&
	       status_uid("/proc/self/status") == 0;
}

static int told_by_number(void *arg)
{
	return drop_capabilities(NULL) && effective((pid_t)syscall(SYS_gettid)) == 0 && effective(getpid()) != 0;
}

static int is_mortal(void *arg)
{
	int sig = -1;
	return prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0 && become_user(NULL) && prctl(PR_GET_PDEATHSIG, &sig) == 0 &&
	       sig == 0 && prctl(PR_GET_DUMPABLE) != 1;
}

static void handed_on(void)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	theme("credentials handed on");
	CHECK_IN_CHILD_THAT(in_thread(user_with_child_thread, NULL) && uids(0, 0, 0), "a new thread has its maker's");
	CHECK_IN_CHILD_THAT(in_thread(user_with_child_process, NULL), "a new process has the forking thread's");
	CHECK_IN_CHILD_THAT(in_thread(user_execs, &self), "a program has those of the thread that called exec");
	CHECK_IN_CHILD_THAT(in_thread(status_tells, NULL), "/proc tells each thread's own");
	CHECK_IN_CHILD_THAT(in_thread(told_by_number, NULL), "capget tells each thread's own");
	CHECK_IN_CHILD_THAT(in_thread(is_mortal, NULL), "a change ends dumpability and the parent death signal");
	close(self);
}

struct target {
	char *name; /* a file of root's, mode 0600 */
	pid_t pid;  /* a process of root's */
	int pair[2];
};

static int opens_nothing(void *arg)
{
	struct target *t = arg;
	return open(t->name, O_RDONLY) >= 0 && become_user(NULL) && open(t->name, O_RDONLY) == -1 && errno == EACCES;
}

static int owns_what_it_makes(void *arg)
{
	char name[] = "/tmp/guest-credentials-threads-XXXXXX";
	struct stat st;
	int fd = become_fs_user(NULL) ? mkstemp(name) : -1;
	int ok = fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == USER;
	close(fd);
	unlink(name);
	return ok;
}

static int may_not_kill(void *arg)
{
	struct target *t = arg;
	return kill(t->pid, 0) == 0 && become_user(NULL) && kill(t->pid, 0) == -1 && errno == EPERM;
}

static int kills_its_own(void *arg)
{
	return become_user(NULL) && syscall(SYS_tgkill, getpid(), getpid(), 0) == 0 && kill(getpid(), 0) == 0;
}

static int signals_as_user(void *arg)
{
	const sigset_t *set = arg;
	siginfo_t info;
	return become_user(NULL) && kill((pid_t)syscall(SYS_gettid), SIGUSR2) == 0 &&
	       sigwaitinfo(set, &info) == SIGUSR2 && info.si_uid == USER && info.si_pid == getpid();
}

/* Sends a byte with these credentials, or with what the kernel fills in. */
static int send_as(int fd, const struct ucred *claim)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(*claim))] = {0};
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	if (claim) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_CREDENTIALS;
		c->cmsg_len = CMSG_LEN(sizeof(*claim));
		memcpy(CMSG_DATA(c), claim, sizeof(*claim));
	}
	return sendmsg(fd, &m, 0) == 1;
}

static int received_from(int fd, uid_t uid)
{
	char byte, control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec io = {&byte, 1};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct ucred got = {0, 12345, 0};
	if (recvmsg(fd, &m, 0) != 1)
		return 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	return got.uid == uid && got.pid == getpid();
}

static int sends_as_user(void *arg)
{
	struct target *t = arg;
	struct ucred lie = {getpid(), 0, 0}, truth = {getpid(), USER, 0};
	return become_user(NULL) && send_as(t->pair[0], NULL) && received_from(t->pair[1], USER) &&
	       !send_as(t->pair[0], &lie) && errno == EPERM && send_as(t->pair[0], &truth) &&
	       received_from(t->pair[1], USER);
}

static void asked(void)
{
	char name[] = "/tmp/guest-credentials-threads-XXXXXX";
	struct target t = {.name = name};
	int fd = mkstemp(name), on = 1;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	theme("checks of threads");
	REQUIRE(fd >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, t.pair) == 0);
	setsockopt(t.pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	t.pid = fork_child();
	if (t.pid == 0)
		for (;;)
			pause();
	CHECK_IN_CHILD_THAT(in_thread(opens_nothing, &t) && open(name, O_RDONLY) >= 0, "files");
	CHECK_IN_CHILD_THAT(in_thread(owns_what_it_makes, &t), "the owner of a new file");
	CHECK_IN_CHILD_THAT(in_thread(may_not_kill, &t) && kill(t.pid, 0) == 0, "kill");
	CHECK_IN_CHILD_THAT(in_thread(kills_its_own, &t), "a thread may always signal its own process");
	CHECK_IN_CHILD_THAT(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && in_thread(signals_as_user, &set),
			    "si_uid, and kill by a thread's number");
	CHECK_IN_CHILD_THAT(in_thread(sends_as_user, &t) && send_as(t.pair[0], NULL) && received_from(t.pair[1], 0),
			    "SCM_CREDENTIALS");
	kill(t.pid, SIGKILL);
	wait_for(t.pid);
	close(fd);
	unlink(name);
}

/* Another thread, which looks at its own ids when asked. */
static pthread_barrier_t meet;

static int looks_after(void *arg)
{
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	return uids(USER, USER, USER) && gids(GROUP, GROUP, GROUP) && getgroups(0, NULL) == 0;
}

static int library_changes_all(void)
{
	struct work w[3] = {{looks_after, NULL, 0}, {looks_after, NULL, 0}, {looks_after, NULL, 0}};
	pthread_t thread[3];
	int ok = pthread_barrier_init(&meet, NULL, 4) == 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, work, &w[i]);
	pthread_barrier_wait(&meet);
	ok = ok && setgroups(0, NULL) == 0 && setresgid(GROUP, GROUP, GROUP) == 0 && setuid(USER) == 0;
	pthread_barrier_wait(&meet);
	for (int i = 0; i < 3; i++)
		ok = pthread_join(thread[i], NULL) == 0 && w[i].result && ok;
	return ok && uids(USER, USER, USER);
}

static int changes_from_another(void *arg)
{
	return setresuid(USER, USER, 0) == 0;
}

static void by_the_library(void)
{
	theme("credentials by the C library");
	CHECK_IN_CHILD_THAT(library_changes_all(), "setuid, setresgid and setgroups change every thread");
	CHECK_IN_CHILD_THAT(in_thread(changes_from_another, NULL) && uids(USER, USER, 0), "from any thread");
}

int main(int argc, char **argv)
{
	limit_seconds(60);
	if (argc > 1)
		return uids(USER, USER, USER) ? 0 : 1;
	theme("credentials of threads");
	CHECK(effective(0) != ~0ull);
	if (geteuid() == 0) {
		alone();
		handed_on();
		asked();
		by_the_library();
	}
	return finish();
}
