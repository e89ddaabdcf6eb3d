/* SPDX-License-Identifier: Apache-2.0
 * What the stress programs share: how long they run. A first argument, or STRESS_SECONDS, gives the seconds for all
 * parts of a program together; without either the short form runs, which ends in about a second.
 */
#ifndef TESTS_GUEST_STRESS_H
#define TESTS_GUEST_STRESS_H

#include <pthread.h>
#include <sched.h>

#include "probe.h"

static long stress_ms = 800;
static int stress_parts = 1;
static volatile int stress_over;

/* To be called first, with the number of parts that measure their time by stress_begin(). */
__attribute__((unused)) static void stress_setup(int argc, char **argv, int parts)
{
	const char *seconds = argc > 1 ? argv[1] : getenv("STRESS_SECONDS");
	if (seconds && atol(seconds) > 0)
		stress_ms = atol(seconds) * 1000;
	stress_parts = parts;
	limit_seconds((unsigned)(stress_ms / 1000 * 2 + 60));
}

static long stress_end_us;

__attribute__((unused)) static void stress_begin(void)
{
	stress_over = 0;
	stress_end_us = now_us() + stress_ms * 1000 / stress_parts;
}

/* Goes on for at least one round, so that the check that follows is about something. */
__attribute__((unused)) static int stress_goes_on(void)
{
	return !stress_over && now_us() < stress_end_us;
}

/* Starts a thread; ends the program when there is none. */
__attribute__((unused)) static pthread_t stress_thread(void *(*function)(void *), void *argument)
{
	pthread_t t;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	if (pthread_create(&t, &attributes, function, argument))
		exit(97);
	return t;
}

#endif
