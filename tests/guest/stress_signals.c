/* SPDX-License-Identifier: Apache-2.0
 * Stress: signal storms between processes and threads, timers against system calls, vector registers across preemption
 * and signals.
 * area: Threads and SMP
 */
#include <immintrin.h>
#include <sys/time.h>

#include "stress.h"

static volatile long received, sum;
static volatile sig_atomic_t ticks;

static void add(int number, siginfo_t *info, void *context)
{
	__atomic_add_fetch(&received, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&sum, info->si_value.sival_int, __ATOMIC_SEQ_CST);
}

static void catch (int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
	sigaction(number, &action, NULL);
}

static void storms(void)
{
	long expected = 0, sent = 0;
	int bad = 0;
	theme("stress signals");
	catch (SIGRTMIN, add, SA_RESTART);
	stress_begin();
	do {
		pid_t parent = getpid(), pids[4];
		for (int c = 0; c < 4; c++) {
			pids[c] = fork();
			if (pids[c])
				continue;
			for (int i = 1; i <= 25; i++)
				while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = i}) < 0 &&
				       errno == EAGAIN)
					sched_yield();
			_exit(0);
		}
		for (int c = 0; c < 4; c++)
			bad += wait_for(pids[c]) != 0;
		expected += 4 * 25 * 26 / 2;
		sent += 100;
	} while (stress_goes_on());
	CHECK_THAT(bad == 0, "each sender ends well");
	CHECK_THAT(received == sent && sum == expected, "no queued signal is lost or doubled");
}

static void *receiver(void *argument)
{
	while (!stress_over)
		sched_yield();
	return NULL;
}

static void between_threads(void)
{
	pthread_t t[4];
	long sent = 0;
	theme("stress thread signals");
	received = 0;
	catch (SIGRTMIN + 1, add, SA_RESTART);
	stress_begin();
	for (int i = 0; i < 4; i++)
		t[i] = stress_thread(receiver, NULL);
	do {
		for (int i = 0; i < 4; i++)
			sent += pthread_sigqueue(t[i], SIGRTMIN + 1, (union sigval){0}) == 0;
		if (sent - received > 400)
			sched_yield();
	} while (stress_goes_on());
	long end = now_us() + 30000000;
	while (received < sent && now_us() < end)
		sched_yield();
	CHECK_THAT(received == sent, "each thread gets each of its signals");
	stress_over = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void tick(int number, siginfo_t *info, void *context)
{
	/* Ruins what the interrupted code holds in its registers, unless they are saved and restored. */
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm8, %%xmm8\n\tpxor %%xmm15, %%xmm15"
			 :
			 :
			 : "xmm0", "xmm1", "xmm8", "xmm15");
	ticks++;
}

/* Fills vector registers with a pattern, lets time pass, and compares: returns how often they had changed. */
__attribute__((target("avx"))) static long hold_wide(unsigned pattern, long rounds)
{
	unsigned in[8], out[32];
	long bad = 0;
	for (int i = 0; i < 8; i++)
		in[i] = pattern * 2654435761u + (unsigned)i;
	for (long r = 0; r < rounds; r++) {
		__asm__ volatile(
		    "vmovups (%0), %%ymm0\n\tvmovups (%0), %%ymm1\n\tvmovups (%0), %%ymm8\n\tvmovups (%0), %%ymm15\n\t"
		    "mov $20000, %%ecx\n1:\tpause\n\tsub $40, %%ecx\n\tjnz 1b\n\t"
		    "vmovups %%ymm0, (%1)\n\tvmovups %%ymm1, 32(%1)\n\tvmovups %%ymm8, 64(%1)\n\tvmovups %%ymm15, "
		    "96(%1)"
		    :
		    : "r"(in), "r"(out)
		    : "xmm0", "xmm1", "xmm8", "xmm15", "rcx", "memory");
		for (int i = 0; i < 4; i++)
			bad += memcmp(in, out + 8 * i, sizeof(in)) != 0;
	}
	return bad;
}

static long hold_narrow(unsigned pattern, long rounds)
{
	unsigned in[4] = {pattern, pattern * 3, pattern * 5, pattern * 7}, out[8];
	long bad = 0;
	for (long r = 0; r < rounds; r++) {
		__asm__ volatile("movups (%0), %%xmm0\n\tmovups (%0), %%xmm15\n\tmov $20000, %%ecx\n1:\tpause\n\tsub "
				 "$40, %%ecx\n\tjnz 1b\n\t"
				 "movups %%xmm0, (%1)\n\tmovups %%xmm15, 16(%1)"
				 :
				 : "r"(in), "r"(out)
				 : "xmm0", "xmm15", "rcx", "memory");
		bad += memcmp(in, out, 16) != 0 || memcmp(in, out + 4, 16) != 0;
	}
	return bad;
}

static volatile long changed;

static void *holder(void *argument)
{
	unsigned pattern = (unsigned)(long)argument;
	int wide = __builtin_cpu_supports("avx");
	while (!stress_over) {
		long bad = wide ? hold_wide(pattern, 10) : hold_narrow(pattern, 10);
		__atomic_add_fetch(&changed, bad, __ATOMIC_SEQ_CST);
		pattern++;
	}
	return NULL;
}

static void vectors(void)
{
	pthread_t t[6];
	struct itimerval fast = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
	theme("stress vector registers");
	catch (SIGPROF, tick, SA_RESTART);
	stress_begin();
	for (long i = 0; i < 6; i++)
		t[i] = stress_thread(holder, (void *)(i * 1000 + 1));
	setitimer(ITIMER_PROF, &fast, NULL);
	do {
		for (int i = 0; i < 6; i++)
			pthread_kill(t[i], SIGPROF);
		sleep_ms(1);
	} while (stress_goes_on());
	setitimer(ITIMER_PROF, &off, NULL);
	stress_over = 1;
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(changed == 0, "they survive preemption and handlers");
	CHECK_THAT(ticks > 0, "there were handlers");
}

static void beat(int number, siginfo_t *info, void *context)
{
	ticks++;
}

static void interrupted(void)
{
	int fds[2], bad = 0;
	long total = 0;
	char block[4096];
	struct itimerval fast = {{0, 500}, {0, 500}}, off = {{0, 0}, {0, 0}};
	theme("stress interrupted calls");
	REQUIRE(pipe(fds) == 0);
	catch (SIGVTALRM, beat, SA_RESTART);
	catch (SIGPROF, beat, SA_RESTART);
	pid_t pid = fork_child();
	if (pid == 0) {
		unsigned char next = 0;
		long n;
		close(fds[1]);
		setitimer(ITIMER_PROF, &fast, NULL);
		while ((n = read(fds[0], block, 1000)) > 0)
			for (long i = 0; i < n; i++)
				if ((unsigned char)block[i] != next++)
					_exit(1);
		_exit(n == 0 ? 0 : 2);
	}
	close(fds[0]);
	setitimer(ITIMER_PROF, &fast, NULL);
	stress_begin();
	unsigned char next = 0;
	do {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)next++;
		for (size_t done = 0; done < sizeof(block);) {
			long n = write(fds[1], block + done, sizeof(block) - done);
			if (n <= 0) {
				bad++;
				break;
			}
			done += (size_t)n;
			total += n;
		}
	} while (stress_goes_on() && !bad);
	setitimer(ITIMER_PROF, &off, NULL);
	close(fds[1]);
	CHECK_THAT(bad == 0 && total > 0, "writes go on under a storm of timers");
	CHECK_THAT(wait_for(pid) == 0, "and what arrives is whole and in order");
}

int main(int argc, char **argv)
{
	stress_setup(argc, argv, 4);
	storms();
	between_threads();
	vectors();
	interrupted();
	return finish();
}
