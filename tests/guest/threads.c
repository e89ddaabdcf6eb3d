/* SPDX-License-Identifier: Apache-2.0
 * POSIX threads: creation and joining, thread-local storage, mutexes of each kind, condition variables, barriers,
 * reader-writer locks, cancellation, keys, thread-directed signals, exit of a process with threads.
 * area: Threads and SMP
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "probe.h"

static __thread int tls_data = 42;
static __thread char tls_large[10000];
static volatile int shared;

static void *echo(void *argument)
{
	return argument;
}

static void *thread_local(void *argument)
{
	int fresh = tls_data == 42 && tls_large[0] == 0 && tls_large[9999] == 0;
	tls_data = 7;
	tls_large[9999] = 1;
	return (void *)(long)fresh;
}

static void *identity(void *argument)
{
	pid_t *ids = argument;
	ids[0] = getpid();
	ids[1] = (pid_t)syscall(SYS_gettid);
	ids[2] = getppid();
	return NULL;
}

static void creation(void)
{
	pthread_t t[32];
	void *result;
	pid_t ids[3];
	theme("threads");
	CHECK(pthread_create(&t[0], NULL, echo, (void *)0x1234) == 0);
	CHECK(pthread_join(t[0], &result) == 0 && result == (void *)0x1234);
	pthread_create(&t[0], NULL, identity, ids);
	pthread_join(t[0], NULL);
	CHECK_THAT(ids[0] == getpid(), "a thread has its process's id");
	CHECK_THAT(ids[1] != getpid() && ids[1] > 0, "and a thread id of its own");
	CHECK_THAT(ids[2] == getppid(), "and its process's parent");
	/* It ends a moment after it can be joined. */
	for (int i = 0; i < 1000 && syscall(SYS_tgkill, getpid(), ids[1], 0) == 0; i++)
		sleep_ms(1);
	CHECK_ERRNO_THAT(syscall(SYS_tgkill, getpid(), ids[1], 0), ESRCH, "the id of an ended thread is free");
	long sum = 0;
	for (long i = 0; i < 32; i++)
		if (pthread_create(&t[i], NULL, echo, (void *)i))
			exit(97);
	for (int i = 0; i < 32; i++) {
		pthread_join(t[i], &result);
		sum += (long)result;
	}
	CHECK_THAT(sum == 496, "32 threads at once");
	for (int i = 0; i < 200; i++) {
		if (pthread_create(&t[0], NULL, echo, NULL) || pthread_join(t[0], NULL))
			exit(97);
	}
	CHECK_THAT(1, "200 threads one after another");
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1 << 20);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	CHECK_THAT(pthread_create(&t[0], &attributes, echo, NULL) == 0, "a detached thread");
	pthread_attr_destroy(&attributes);
	CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
	theme("thread-local storage");
	pthread_create(&t[0], NULL, thread_local, NULL);
	pthread_join(t[0], &result);
	CHECK_THAT(result == (void *)1, "begins with its initial value");
	CHECK_THAT(tls_data == 42 && tls_large[9999] == 0, "is each thread's own");
	tls_data = 8;
	CHECK_IN_CHILD_THAT(tls_data == 8, "a forked child keeps that of the forking thread");
	tls_data = 42;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter;

static void *add(void *argument)
{
	for (int i = 0; i < 10000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *hand_over(void *argument)
{
	pthread_mutex_lock(&mutex);
	shared = 1;
	pthread_cond_signal(&condition);
	while (shared != 2)
		pthread_cond_wait(&condition, &mutex);
	shared = 3;
	pthread_cond_broadcast(&condition);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *try_lock(void *argument)
{
	return (void *)(long)pthread_mutex_trylock(argument);
}

static long result_of(void *(*function)(void *), void *argument)
{
	pthread_t t;
	void *result = NULL;
	if (pthread_create(&t, NULL, function, argument) || pthread_join(t, &result))
		return -1;
	return (long)result;
}

static struct timespec soon(clockid_t clock, long ms)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *lock_and_end(void *argument)
{
	pthread_mutex_lock(argument);
	return NULL;
}

static void mutexes(void)
{
	pthread_t t[4];
	pthread_mutex_t m;
	pthread_mutexattr_t attributes;
	theme("mutex");
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, add, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(counter == 40000, "four threads add under one lock");
	pthread_mutex_lock(&mutex);
	CHECK(result_of(try_lock, &mutex) == EBUSY);
	pthread_mutex_unlock(&mutex);
	static const int kinds[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
	for (int i = 0; i < 2; i++) {
		pthread_mutexattr_init(&attributes);
		pthread_mutexattr_settype(&attributes, kinds[i]);
		pthread_mutex_init(&m, &attributes);
		pthread_mutex_lock(&m);
		CHECKF(pthread_mutex_lock(&m) == (i ? 0 : EDEADLK), "second lock of kind %d", i);
		if (i)
			pthread_mutex_unlock(&m);
		pthread_mutex_unlock(&m);
		CHECKF(pthread_mutex_unlock(&m) == EPERM, "unlock by a thread that does not hold it, kind %d", i);
	}
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &attributes);
	result_of(lock_and_end, &m);
	CHECK_THAT(pthread_mutex_lock(&m) == EOWNERDEAD, "a robust mutex tells of its dead owner");
	CHECK(pthread_mutex_consistent(&m) == 0 && pthread_mutex_unlock(&m) == 0 && pthread_mutex_lock(&m) == 0);
	pthread_mutex_unlock(&m);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_t *between = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutex_init(between, &attributes);
	CHECK_IN_CHILD(pthread_mutex_lock(between) == 0);
	CHECK_THAT(pthread_mutex_lock(between) == EOWNERDEAD, "so it does between processes");
	munmap(between, PAGE);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&m, &attributes);
	CHECK_THAT(pthread_mutex_lock(&m) == 0 && result_of(try_lock, &m) == EBUSY && pthread_mutex_unlock(&m) == 0,
		   "priority inheritance");
	struct timespec limit = soon(CLOCK_REALTIME, 20);
	pthread_mutex_init(&m, NULL);
	pthread_mutex_lock(&m);
	CHECK(pthread_mutex_timedlock(&m, &limit) == ETIMEDOUT);
	limit = soon(CLOCK_MONOTONIC, 10);
	CHECK(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &limit) == ETIMEDOUT);
}

static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *meet(void *argument)
{
	int serial = 0;
	for (int i = 0; i < 50; i++)
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	return (void *)(long)serial;
}

static void *try_read(void *argument)
{
	int error = pthread_rwlock_tryrdlock(&rwlock);
	if (!error)
		pthread_rwlock_unlock(&rwlock);
	return (void *)(long)error;
}

static void *post(void *argument)
{
	for (int i = 0; i < 100; i++)
		sem_post(argument);
	return NULL;
}

static void rendezvous(void)
{
	pthread_t t[4];
	void *result;
	theme("condition variable");
	pthread_mutex_lock(&mutex);
	shared = 0;
	pthread_create(&t[0], NULL, hand_over, NULL);
	while (shared != 1)
		pthread_cond_wait(&condition, &mutex);
	shared = 2;
	pthread_cond_signal(&condition);
	while (shared != 3)
		pthread_cond_wait(&condition, &mutex);
	CHECK_THAT(shared == 3, "three hand-overs");
	long begin = now_us();
	struct timespec limit = soon(CLOCK_REALTIME, 20);
	CHECK(pthread_cond_timedwait(&condition, &mutex, &limit) == ETIMEDOUT);
	CHECK_THAT(now_us() - begin >= 15000, "the time-out is not early");
	limit.tv_sec = 0;
	CHECK_THAT(pthread_cond_timedwait(&condition, &mutex, &limit) == ETIMEDOUT, "a time in the past");
	pthread_mutex_unlock(&mutex);
	pthread_join(t[0], NULL);
	theme("barrier");
	long serial = 0;
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, meet, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &result);
		serial += (long)result;
	}
	CHECK_THAT(serial == 50, "one serial thread each round");
	theme("reader-writer lock");
	CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
	CHECK(result_of(try_read, NULL) == 0);
	CHECK(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
	pthread_rwlock_unlock(&rwlock);
	CHECK(pthread_rwlock_wrlock(&rwlock) == 0 && result_of(try_read, NULL) == EBUSY);
	pthread_rwlock_unlock(&rwlock);
	theme("semaphore");
	sem_t semaphore;
	int value = -1;
	sem_init(&semaphore, 0, 0);
	pthread_create(&t[0], NULL, post, &semaphore);
	for (int i = 0; i < 100; i++)
		sem_wait(&semaphore);
	pthread_join(t[0], NULL);
	CHECK(sem_getvalue(&semaphore, &value) == 0 && value == 0);
	CHECK_ERRNO(sem_trywait(&semaphore), EAGAIN);
	limit = soon(CLOCK_REALTIME, 10);
	CHECK_ERRNO(sem_timedwait(&semaphore, &limit), ETIMEDOUT);
}

static int cleaned;

static void clean(void *argument)
{
	cleaned++;
}

static void *be_cancelled(void *argument)
{
	pthread_cleanup_push(clean, NULL);
	shared = 1;
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *spin(void *argument)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	shared = 1;
	for (;;)
		;
	return NULL;
}

static pthread_key_t key;

static void destroy(void *value)
{
	cleaned += (int)(long)value;
}

static void *use_key(void *argument)
{
	pthread_setspecific(key, (void *)5);
	return pthread_getspecific(key);
}

static void endings(void)
{
	pthread_t t;
	void *result;
	theme("cancellation");
	shared = 0;
	pthread_create(&t, NULL, be_cancelled, NULL);
	while (!shared)
		sched_yield();
	CHECK(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED && cleaned == 1);
	shared = 0;
	pthread_create(&t, NULL, spin, NULL);
	while (!shared)
		sched_yield();
	CHECK_THAT(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED,
		   "asynchronous, of a loop");
	cleaned = 0;
	CHECK(pthread_key_create(&key, destroy) == 0 && result_of(use_key, NULL) == 5);
	CHECK_THAT(cleaned == 5, "the destructor of a key runs");
	CHECK(pthread_getspecific(key) == NULL);
}

static void *end_process(void *argument)
{
	if (argument)
		_exit(33);
	raise(SIGKILL);
	return NULL;
}

static void *wait_forever(void *argument)
{
	for (;;)
		pause();
	return NULL;
}

static int with_threads(void *(*function)(void *), void *argument)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		pthread_t t;
		for (int i = 0; i < 5; i++)
			pthread_create(&t, NULL, wait_forever, NULL);
		pthread_create(&t, NULL, function, argument);
		for (;;)
			pause();
	}
	return wait_for(pid);
}

static void *fault(void *argument)
{
	prctl(PR_SET_DUMPABLE, 0);
	*(volatile int *)argument = 1;
	return NULL;
}

static void *execute(void *argument)
{
	syscall(SYS_execve, "/nowhere/at/all", NULL, NULL);
	_exit(errno == ENOENT ? 0 : 1);
}

static void *main_ends(void *argument)
{
	sleep_ms(20);
	_exit(44);
}

static void processes(void)
{
	theme("threads and processes");
	CHECK_THAT(with_threads(end_process, (void *)1) == 33 << 8, "_exit of one thread ends all");
	CHECK_THAT(with_threads(end_process, NULL) == SIGKILL, "a deadly signal ends all");
	int status = with_threads(fault, (void *)8);
	CHECK_THAT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a fault of one thread ends all");
	CHECK_THAT(with_threads(execute, NULL) == 0, "a failed execve leaves the threads alone");
	pid_t pid = fork_child();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, NULL, main_ends, NULL);
		syscall(SYS_exit, 1);
	}
	status = wait_for(pid);
	CHECK_THAT(status == 44 << 8, "exit of the first thread alone does not end the process");
	pid = fork_child();
	if (pid == 0) {
		pthread_t t;
		pthread_create(&t, NULL, wait_forever, NULL);
		pid_t child = fork();
		if (child == 0)
			_exit(syscall(SYS_gettid) == getpid() ? 0 : 1);
		_exit(WEXITSTATUS(wait_for(child)));
	}
	CHECK_THAT(wait_for(pid) == 0, "fork copies the calling thread alone");
}

int main(void)
{
	limit_seconds(60);
	creation();
	mutexes();
	rendezvous();
	endings();
	processes();
	return finish();
}
