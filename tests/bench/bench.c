/* SPDX-License-Identifier: Apache-2.0
 *
 * Times whole processes against each other: `bench RUNS [cold] <jobs`. Each line of standard input is a job: its row,
 * its peer, and the command's words, separated by tabs. Every round runs each job once, beginning with another one, so
 * that what the machine does meanwhile meets all alike; one round before the first is not counted, or there is none
 * with `cold`.
 *
 * Prints a JSON array, an object a job: times from before fork to after wait, in ms by CLOCK_MONOTONIC. A run that
 * does not exit with 0, or not within LIMIT_MS, is counted under `failed`, with the last such status, and not timed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS  64
#define MAX_WORDS 64
#define LIMIT_MS  180000

extern char **environ;

struct job {
	char *row, *peer, *argv[MAX_WORDS];
	double *ms;
	int runs, failed, status; /* status: as a shell tells it; -1 not started, -2 out of time */
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int parse(char *line, struct job *job)
{
	int n = 0;
	char *save = NULL;
	line[strcspn(line, "\n")] = 0;
	job->row = strtok_r(line, "\t", &save);
	job->peer = strtok_r(NULL, "\t", &save);
	while (n < MAX_WORDS - 1 && (job->argv[n] = strtok_r(NULL, "\t", &save)))
		n++;
	job->argv[n] = NULL;
	return job->peer && n ? 0 : -1;
}

/* Runs the job once; returns the time in ms, or -1 after noting a failure. */
static double run(struct job *job, posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes)
{
	pid_t pid;
	int status;
	double start = now_ms();
	if (posix_spawnp(&pid, job->argv[0], files, attributes, job->argv, environ)) {
		job->status = -1;
		return -1;
	}
	/* Cheap beside any process: the poll replaces the wait's own sleep. */
	int fd = pidfd_open(pid, 0);
	int over = fd >= 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, LIMIT_MS) == 0;
	if (over)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	double time = now_ms() - start;
	close(fd);
	job->status = over ? -2 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return job->status ? -1 : time;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void print(struct job *job, int last_status, int last)
{
	printf("{\"row\":\"%s\",\"peer\":\"%s\",\"runs\":%d,\"failed\":%d", job->row, job->peer, job->runs,
	       job->failed);
	if (job->failed)
		printf(",\"status\":%d", last_status);
	if (job->runs) {
		qsort(job->ms, (size_t)job->runs, sizeof(*job->ms), ascending);
		int n = job->runs;
		printf(",\"median_ms\":%.4f,\"min_ms\":%.4f,\"p10_ms\":%.4f,\"p90_ms\":%.4f",
		       (job->ms[(n - 1) / 2] + job->ms[n / 2]) / 2, job->ms[0], job->ms[n / 10],
		       job->ms[n - 1 - n / 10]);
	}
	printf("}%s\n", last ? "" : ",");
}

int main(int argc, char **argv)
{
	static struct job jobs[MAX_JOBS];
	static int bad_status[MAX_JOBS];
	int cold = argc == 3 && !strcmp(argv[2], "cold");
	int count = 0, rounds = argc == 2 || cold ? atoi(argv[1]) : 0;
	char *line = NULL;
	size_t room = 0;
	if (rounds < 1) {
		fprintf(stderr, "usage: bench RUNS [cold] <jobs\n");
		return 2;
	}
	while (getline(&line, &room, stdin) > 0) {
		if (count == MAX_JOBS || parse(line, &jobs[count])) {
			fprintf(stderr, "bench: bad line, or more than %d\n", MAX_JOBS);
			return 2;
		}
		jobs[count++].ms = calloc((size_t)rounds, sizeof(double));
		line = NULL;
		room = 0;
	}
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	if (!getenv("BENCH_VERBOSE"))
		posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* so that a time-out ends all of it */
	for (int round = cold ? 1 : 0; round <= rounds; round++) {
		for (int i = 0; i < count; i++) {
			struct job *job = &jobs[(i + round) % count];
			double ms = run(job, &files, &attributes);
			if (round && ms >= 0)
				job->ms[job->runs++] = ms;
			if (round && ms < 0) {
				job->failed++;
				bad_status[job - jobs] = job->status;
			}
		}
	}
	puts("[");
	for (int i = 0; i < count; i++)
		print(&jobs[i], bad_status[i], i == count - 1);
	puts("]");
	return 0;
}
