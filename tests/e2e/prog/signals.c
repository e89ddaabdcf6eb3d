/* SPDX-License-Identifier: Apache-2.0
 * Says "ready", then the number of each signal that comes; ends at SIGTERM with status 7. With the argument `default`
 * it leaves every signal at its default; with `ignore` it ignores SIGINT and SIGTERM and ends by itself after two
 * seconds.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM};
	sigset_t set;
	const char *how = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	if (!strcmp(how, "ignore")) {
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		puts("ready");
		sleep(2);
		puts("slept");
		return 0;
	}
	if (!strcmp(how, "default")) {
		puts("ready");
		for (;;)
			pause();
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	for (;;) {
		int signo;
		if (sigwait(&set, &signo))
			return 1;
		printf("signal %d\n", signo);
		if (signo == SIGTERM)
			return 7;
	}
}
