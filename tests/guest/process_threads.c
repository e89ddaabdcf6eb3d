/* SPDX-License-Identifier: Apache-2.0
 * What threads mean to the process around them: exec by one of many, whose children are whose, parent death signals,
 * what dies with a process, and that all of them run.
 * area: Threads and SMP
 * flags: -pthread
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "probe.h"

#define MANY 8

static pid_t gettid_now(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* ---- exec ---- */

static int self_fd;

static void become(const char *word)
{
	char *argv[] = {"process_threads", (char *)(uintptr_t)word, NULL}, *envp[] = {NULL};
	syscall(SYS_execveat, self_fd, "", argv, envp, AT_EMPTY_PATH);
}

static void *spin(void *arg)
{
	for (volatile long i = 0;; i++)
		;
	return NULL;
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void *read_on(void *arg)
{
	char byte;
	int p[2];
	if (pipe2(p, O_CLOEXEC) == 0)
		read(p[0], &byte, 1);
	return NULL;
}

static void *exec_now(void *arg)
{
	become(arg);
	_exit(9);
}

/* Many threads, of which one that is not the first calls exec; leader: the first one has ended before. */
static void crowd(const char *word, int leader_ends)
{
	void *(*const what[])(void *) = {spin, sleep_on, read_on};
	pthread_t thread;
	for (int i = 0; i < MANY; i++)
		pthread_create(&thread, NULL, what[i % 3], NULL);
	sched_yield();
	pthread_create(&thread, NULL, exec_now, (void *)(uintptr_t)word);
	if (leader_ends)
		pthread_exit(NULL);
	sleep_on(NULL);
}

/* The new program: it is alone, and its first thread has the process's number. */
static int alone(void)
{
	struct stat st;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", getpid());
	return gettid_now() == getpid() && access(path, F_OK) == 0 && stat("/proc/self/task", &st) == 0 &&
	       st.st_nlink == 3;
}

static void *exec_both(void *arg)
{
	pthread_barrier_wait(arg);
	become("alone");
	_exit(9);
}

/* Two threads call exec at the same time: one of them wins. */
static void race(void)
{
	pthread_barrier_t both;
	pthread_t thread;
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&thread, NULL, exec_both, &both);
	exec_both(&both);
}

static int crowd_status(int leader_ends)
{
	pid_t pid = fork_child();
	if (pid == 0)
		crowd("alone", leader_ends);
	return wait_for(pid);
}

static void exec_of_threads(void)
{
	theme("exec of threads");
	CHECK_THAT(crowd_status(0) == 0, "one of many: it becomes the first, the others are gone");
	CHECK_THAT(crowd_status(1) == 0, "after the first has ended");
	int good = 0;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork_child();
		if (pid == 0)
			race();
		good += wait_for(pid) == 0;
	}
	CHECK_THAT(good == 20, "two at the same time: one wins");
	pid_t pid = fork_child();
	if (pid == 0)
		crowd("signalled", 0);
	CHECK_THAT(wait_for(pid) == 0, "the process can be signalled by its number afterwards");
}

/* ---- children of threads ---- */

static int report_pipe[2];
static volatile int go_on;

static void on_death(int number)
{
	char byte = (char)number;
	write(report_pipe[1], &byte, 1);
}

/* A grandchild that reports the signal which the end of its maker sends. */
static void *make_mortal(void *arg)
{
	int ready[2];
	char byte;
	pipe(ready);
	pid_t *pid = arg;
	*pid = fork();
	if (*pid == 0) {
		signal(SIGUSR1, on_death);
		prctl(PR_SET_PDEATHSIG, SIGUSR1);
		write(ready[1], "", 1);
		for (int i = 0; i < 20000; i++)
			sleep_ms(1);
		_exit(0);
	}
	read(ready[0], &byte, 1);
	close(ready[0]);
	close(ready[1]);
	return NULL;
}

static void *nothing(void *arg)
{
	return NULL;
}

static int reported(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	fd_set set;
	char byte = 0;
	FD_ZERO(&set);
	FD_SET(report_pipe[0], &set);
	return pselect(report_pipe[0] + 1, &set, NULL, NULL, &t, NULL) == 1 && read(report_pipe[0], &byte, 1) == 1
		   ? byte
		   : 0;
}

static int maker_ends(void)
{
	pthread_t thread;
	pid_t pid = 0;
	pthread_create(&thread, NULL, make_mortal, &pid);
	pthread_join(thread, NULL);
	int ok = reported(10000) == SIGUSR1 && getppid() > 0;
	kill(pid, SIGKILL);
	return ok && wait_for(pid) >= 0;
}

static int another_ends(void)
{
	pthread_t thread;
	pid_t pid = 0;
	make_mortal(&pid);
	pthread_create(&thread, NULL, nothing, NULL);
	pthread_join(thread, NULL);
	int ok = reported(50) == 0;
	kill(pid, SIGKILL);
	return ok && wait_for(pid) >= 0;
}

static void *fork_one(void *arg)
{
	pid_t *pid = arg;
	*pid = fork();
	if (*pid == 0)
		_exit(5);
	while (!go_on)
		sleep_ms(1);
	return NULL;
}

static int only_own_children(void)
{
	pthread_t thread;
	pid_t pid = 0;
	int status = 0;
	siginfo_t info;
	go_on = 0;
	pthread_create(&thread, NULL, fork_one, &pid);
	waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	int ok = waitpid(-1, &status, __WNOTHREAD | WNOHANG) == -1 && errno == ECHILD;
	go_on = 1;
	pthread_join(thread, NULL);
	ok = ok && waitpid(-1, &status, __WNOTHREAD) == pid && WEXITSTATUS(status) == 5;
	return ok;
}

static void *wait_there(void *arg)
{
	int status = 0;
	return (void *)(long)(waitpid(*(pid_t *)arg, &status, 0) > 0 && WEXITSTATUS(status) == 3);
}

static int another_waits(void)
{
	pthread_t thread;
	void *ok = NULL;
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	pthread_create(&thread, NULL, wait_there, &pid);
	pthread_join(thread, &ok);
	return ok != NULL;
}

static void children(void)
{
	theme("children of threads");
	REQUIRE(pipe(report_pipe) == 0);
	CHECK_IN_CHILD_THAT(maker_ends(), "the parent death signal comes when the thread that forked ends");
	CHECK_IN_CHILD_THAT(another_ends(), "and not when another one does");
	CHECK_IN_CHILD_THAT(another_waits(), "any thread may wait for the process's children");
	CHECK_IN_CHILD_THAT(only_own_children(), "__WNOTHREAD: for its own alone, and for those of threads that ended");
}

/* ---- what dies with a process ---- */

struct shared {
	pthread_mutex_t mutex;
	pthread_mutex_t more[MANY];
	volatile int locked;
};

static struct shared *shared_memory(void)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->mutex, &a);
	for (int i = 0; i < MANY; i++)
		pthread_mutex_init(&s->more[i], &a);
	return s;
}

static void *lock_one(void *arg)
{
	struct shared *s = arg;
	int i = __atomic_fetch_add(&s->locked, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&s->more[i]);
	return sleep_on(NULL);
}

/* A process of several threads, each of which holds a mutex; how: 0 killed, 1 exit_group, 2 exec. */
static int holder_ends(int how)
{
	struct shared *s = shared_memory();
	pthread_t thread;
	int ok = 1;
	pid_t pid = fork_child();
	if (pid == 0) {
		for (int i = 0; i < MANY; i++)
			pthread_create(&thread, NULL, lock_one, s);
		while (s->locked < MANY)
			sched_yield();
		for (int i = 0; i < MANY; i++)
			while (pthread_mutex_trylock(&s->more[i]) == 0)
				pthread_mutex_unlock(&s->more[i]);
		pthread_mutex_lock(&s->mutex);
		s->locked = 100;
		if (how == 1)
			_exit(0);
		if (how == 2)
			become("alone");
		for (;;)
			pause();
	}
	while (s->locked < 100)
		sleep_ms(1);
	if (how == 0)
		kill(pid, SIGKILL);
	ok = pthread_mutex_lock(&s->mutex) == EOWNERDEAD && pthread_mutex_consistent(&s->mutex) == 0 &&
	     pthread_mutex_unlock(&s->mutex) == 0;
	for (int i = 0; i < MANY; i++)
		ok = ok && pthread_mutex_lock(&s->more[i]) == EOWNERDEAD;
	wait_for(pid);
	munmap(s, sizeof(*s));
	return ok;
}

/* The wait status and waitid's code of a child that this signal kills. */
static int no_core(int sig)
{
	siginfo_t info;
	int status;
	pid_t pid = fork_child();
	if (pid == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		prctl(PR_SET_DUMPABLE, 0);
		kill(getpid(), sig);
		_exit(0);
	}
	memset(&info, 0, sizeof(info));
	int ok = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_code == CLD_KILLED &&
		 info.si_status == sig;
	status = wait_for(pid);
	return ok && WIFSIGNALED(status) && WTERMSIG(status) == sig && !WCOREDUMP(status);
}

static int time_is_up(void)
{
	struct rlimit second = {1, 1};
	setrlimit(RLIMIT_CPU, &second);
	spin(NULL);
	return 0;
}

static void ends(void)
{
	static const int cores[] = {SIGABRT, SIGSEGV, SIGQUIT, SIGILL,	SIGTRAP,
				    SIGFPE,  SIGBUS,  SIGSYS,  SIGXCPU, SIGXFSZ};
	theme("end of a process");
	CHECK_THAT(holder_ends(0), "robust mutexes of all threads of a process that is killed");
	CHECK_THAT(holder_ends(1), "of one that calls exit_group");
	CHECK_THAT(holder_ends(2), "of one that calls exec");
	for (unsigned i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
		CHECKF(no_core(cores[i]), "signal %d without a core file: WCOREDUMP is not set", cores[i]);
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(time_is_up());
	int status = wait_for(pid);
	CHECK_THAT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "RLIMIT_CPU: SIGKILL at the hard limit");
}

/* ---- timers ---- */

static volatile pid_t fired[MANY];
static timer_t timers[MANY];

static void on_timer(int number, siginfo_t *info, void *context)
{
	fired[info->si_value.sival_int] = gettid_now();
}

static void *own_timer(void *arg)
{
	int i = (int)(long)arg;
	struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = i};
	struct itimerspec soon = {{0, 0}, {0, 2000000}};
	e._sigev_un._tid = gettid_now();
	if (timer_create(CLOCK_MONOTONIC, &e, &timers[i]) || timer_settime(timers[i], 0, &soon, NULL))
		return NULL;
	for (int ms = 0; ms < 10000 && !fired[i]; ms++)
		sleep_ms(1);
	return (void *)(long)(fired[i] == gettid_now());
}

static int overruns_of(int period_us, int wait_ms)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec often = {{0, period_us * 1000}, {0, period_us * 1000}};
	struct timespec zero = {0, 0};
	siginfo_t info;
	sigset_t set;
	timer_t t;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(CLOCK_MONOTONIC, &e, &t);
	long begin = now_us();
	timer_settime(t, 0, &often, NULL);
	sleep_ms(wait_ms);
	long before = (now_us() - begin) / period_us;
	int got = sigtimedwait(&set, &info, &zero) == SIGRTMIN + 1 ? info.si_overrun : -1;
	long after = (now_us() - begin) / period_us;
	int same = timer_getoverrun(t) == got;
	timer_delete(t);
	sigtimedwait(&set, &info, &zero);
	return same && got >= before - 2 && got <= after;
}

static void timers_of_threads(void)
{
	struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
	pthread_t thread[MANY];
	int right = 0;
	theme("timers of threads");
	sigaction(SIGRTMIN, &action, NULL);
	for (long i = 0; i < MANY; i++)
		pthread_create(&thread[i], NULL, own_timer, (void *)i);
	for (int i = 0; i < MANY; i++) {
		void *ok = NULL;
		pthread_join(thread[i], &ok);
		right += ok != NULL;
		timer_delete(timers[i]);
	}
	CHECK_THAT(right == MANY, "SIGEV_THREAD_ID: each thread gets its own");
	/* A machine that stops for milliseconds between two looks at the clock says nothing. */
	int counted = 0;
	for (int tries = 5; tries && !counted; tries--)
		counted = overruns_of(1000, 40);
	CHECK_THAT(counted, "the overrun count is that of the periods missed");
}

/* ---- fairness ---- */

static volatile int stop;

static void *work(void *arg)
{
	struct timespec t;
	while (!stop)
		for (volatile int i = 0; i < 1000; i++)
			;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	*(long *)arg = t.tv_sec * 1000000 + t.tv_nsec / 1000;
	return NULL;
}

/* The least and the most processor time of `count` threads that never wait: their ratio in percent. */
static long fairness(int count, int one_cpu, long ms)
{
	long time[64] = {0}, least = 1L << 40, most = 1;
	pthread_t thread[64];
	cpu_set_t old, set;
	stop = 0;
	sched_getaffinity(0, sizeof(old), &old);
	if (one_cpu) {
		CPU_ZERO(&set);
		for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&set); i++)
			if (CPU_ISSET(i, &old))
				CPU_SET(i, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	for (int i = 0; i < count; i++)
		pthread_create(&thread[i], NULL, work, &time[i]);
	sleep_ms(ms);
	stop = 1;
	for (int i = 0; i < count; i++) {
		pthread_join(thread[i], NULL);
		least = time[i] < least ? time[i] : least;
		most = time[i] > most ? time[i] : most;
	}
	sched_setaffinity(0, sizeof(old), &old);
	return least * 100 / most;
}

static void shares(void)
{
	theme("fairness");
	CHECK_SOON(fairness(8, 1, 400) >= 50, "threads that never wait share one CPU");
	CHECK_SOON(fairness(12, 0, 400) >= 25, "more of them than CPUs share them all");
}

int main(int argc, char **argv)
{
	limit_seconds(90);
	if (argc > 1 && !strcmp(argv[1], "signalled")) {
		signal(SIGTERM, SIG_IGN);
		return alone() && kill(getpid(), SIGTERM) == 0 && syscall(SYS_tgkill, getpid(), getpid(), SIGTERM) == 0
			   ? 0
			   : 1;
	}
	if (argc > 1)
		return alone() ? 0 : 1;
	self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	exec_of_threads();
	children();
	ends();
	timers_of_threads();
	shares();
	return finish();
}
