/* SPDX-License-Identifier: Apache-2.0
 * Stress: more threads than processors, lock torture, condition variable rounds, futex ping-pong, creation and joining.
 * area: Threads and SMP
 */
#include <linux/futex.h>
#include <semaphore.h>

#include "stress.h"

#define THREADS 24

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inherit;
static pthread_spinlock_t spin;
static volatile long counter, owner;
static long overlaps;
static volatile long taken[THREADS];

static void *torture(void *argument)
{
	long me = (long)argument, n = 0;
	while (!stress_over) {
		pthread_mutex_lock(&mutex);
		if (owner)
			overlaps++;
		owner = me + 1;
		counter++;
		if (n % 64 == 0)
			sched_yield();
		if (owner != me + 1)
			overlaps++;
		owner = 0;
		pthread_mutex_unlock(&mutex);
		taken[me] = ++n;
	}
	return NULL;
}

/* How many threads have had the mutex. */
static int turns(void)
{
	int count = 0;
	for (int i = 0; i < THREADS; i++)
		count += taken[i] > 0;
	return count;
}

static void locks(void)
{
	pthread_t t[THREADS];
	long sum = 0;
	int starved = 0;
	theme("stress locks");
	counter = 0;
	stress_begin();
	for (long i = 0; i < THREADS; i++)
		t[i] = stress_thread(torture, (void *)i);
	while (stress_goes_on() || (turns() < THREADS / 2 && now_us() < stress_end_us + 20000000))
		sleep_ms(5);
	stress_over = 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		sum += taken[i];
		starved += taken[i] == 0;
	}
	CHECK_THAT(overlaps == 0, "a mutex has one owner");
	CHECK_THAT(sum == counter, "no increment is lost");
	CHECK_THAT(starved <= THREADS / 2, "most threads get their turn");
}

static void *spinner(void *argument)
{
	for (int i = 0; i < 2000; i++) {
		pthread_spin_lock(&spin);
		counter++;
		pthread_spin_unlock(&spin);
	}
	return NULL;
}

static void *inheritor(void *argument)
{
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&inherit);
		counter++;
		pthread_mutex_unlock(&inherit);
	}
	return NULL;
}

static void other_locks(void)
{
	pthread_t t[8];
	pthread_mutexattr_t attributes;
	theme("stress other locks");
	pthread_spin_init(&spin, 0);
	counter = 0;
	for (int i = 0; i < 8; i++)
		t[i] = stress_thread(spinner, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(counter == 16000, "spin locks with more threads than processors");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inherit, &attributes);
	counter = 0;
	for (int i = 0; i < 8; i++)
		t[i] = stress_thread(inheritor, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(counter == 4000, "mutexes with priority inheritance");
}

static unsigned ball;
static volatile long rounds;

static void hit(unsigned from, unsigned to)
{
	while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != from) {
		unsigned now = __atomic_load_n(&ball, __ATOMIC_ACQUIRE);
		if (now == 9)
			return;
		if (now != from)
			syscall(SYS_futex, &ball, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
	}
	__atomic_store_n(&ball, stress_over ? 9 : to, __ATOMIC_RELEASE);
	syscall(SYS_futex, &ball, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

static void *player(void *argument)
{
	unsigned me = (unsigned)(long)argument;
	while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != 9) {
		hit(me, (me + 1) % 4);
		if (me == 0)
			rounds++;
	}
	return NULL;
}

static void ping_pong(void)
{
	pthread_t t[4];
	theme("stress futex");
	ball = 0;
	stress_begin();
	for (long i = 0; i < 4; i++)
		t[i] = stress_thread(player, (void *)i);
	while (stress_goes_on() || (rounds <= 10 && now_us() < stress_end_us + 20000000))
		sleep_ms(5);
	stress_over = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(rounds > 10, "the ball goes round between four threads");
}

static void *nothing(void *argument)
{
	return argument;
}

static void creation(void)
{
	int good = 1;
	void *result;
	theme("stress creation");
	stress_begin();
	do {
		pthread_t t[16];
		for (long i = 0; i < 16; i++)
			t[i] = stress_thread(nothing, (void *)i);
		for (long i = 0; i < 16; i++)
			good &= pthread_join(t[i], &result) == 0 && result == (void *)i;
	} while (stress_goes_on());
	CHECK_THAT(good, "threads are created and joined sixteen at a time");
}

int main(int argc, char **argv)
{
	stress_setup(argc, argv, 3);
	locks();
	other_locks();
	ping_pong();
	creation();
	return finish();
}
