/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for the runner, see fake_runner.h: one poll loop over the five streams.
 */
#include "tests/unit/fake_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_S 30
#define MTIME_NS  1500000000123456789

enum { CONTROL, IMAGE, IN, OUT, ERR, STREAMS };

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __LINE__))

_Noreturn static void check_failed(const char *condition, int line)
{
	fprintf(stderr, "fake_runner.c:%d: %s: %s\n", line, condition, strerror(errno));
	abort();
}

/* ---- building a job ---- */

void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
	if (bytes->length + length > bytes->room) {
		bytes->room = 2 * (bytes->length + length);
		bytes->data = realloc(bytes->data, bytes->room);
		CHECK(bytes->data);
	}
	if (length)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void bytes_add_string(struct bytes *bytes, const char *string)
{
	bytes_add(bytes, string, strlen(string) + 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void fake_run_init(struct fake_run *run, const char *const *argv)
{
	static const char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C", NULL};

	*run = (struct fake_run){
	    .job = {.version = WIRE_VERSION,
		    .uid = getuid(),
		    .gid = getgid(),
		    .umask = 022,
		    .stdio = {WIRE_STDIO_STREAM, WIRE_STDIO_STREAM, WIRE_STDIO_STREAM}},
	    .hostname = "sandbox",
	    .user = "tester",
	    .workdir = "/",
	    .home = "/",
	    .program = argv[0],
	    .argv = (const char **)argv,
	    .envp = environment,
	};
	strcpy(run->directory, "/tmp/agent-test-XXXXXX");
	CHECK(mkdtemp(run->directory));
}

void fake_run_free(struct fake_run *run)
{
	struct bytes *all[] = {&run->files,  &run->image,  &run->frame, &run->input,
			       &run->on_cue, &run->output, &run->errors};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]->data);
	if (run->directory[0])
		nftw(run->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	*run = (struct fake_run){0}; /* a skipped test frees what it never made */
}

static void add_record(struct fake_run *run, struct wire_file file, const char *path, const char *target)
{
	file.path_len = (uint32_t)strlen(path) + 1;
	file.link_len = target ? (uint32_t)strlen(target) + 1 : 0;
	file.mtime_ns = MTIME_NS;
	file.uid = run->job.uid;
	file.gid = run->job.gid;
	bytes_add(&run->files, &file, sizeof file);
	bytes_add_string(&run->files, path);
	if (target)
		bytes_add_string(&run->files, target);
	run->job.nfiles++;
}

void fake_run_file(struct fake_run *run, const char *path, unsigned mode, const void *data, size_t size)
{
	static const char zeros[WIRE_PAGE];

	add_record(run, (struct wire_file){.kind = WIRE_FILE_REGULAR, .mode = mode, .size = size}, path, NULL);
	bytes_add(&run->image, data, size);
	bytes_add(&run->image, zeros, (WIRE_PAGE - size % WIRE_PAGE) % WIRE_PAGE);
}

void fake_run_host_file(struct fake_run *run, const char *path, unsigned mode, const char *source)
{
	int fd = open(source, O_RDONLY);
	struct stat st;
	char *data;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	data = malloc((size_t)st.st_size);
	CHECK(data && read(fd, data, (size_t)st.st_size) == st.st_size);
	fake_run_file(run, path, mode, data, (size_t)st.st_size);
	free(data);
	close(fd);
}

void fake_run_directory(struct fake_run *run, const char *path, unsigned mode)
{
	add_record(run, (struct wire_file){.kind = WIRE_FILE_DIRECTORY, .mode = mode}, path, NULL);
}

void fake_run_symlink(struct fake_run *run, const char *path, const char *target)
{
	add_record(run, (struct wire_file){.kind = WIRE_FILE_SYMLINK, .mode = 0777}, path, target);
}

void fake_run_frame(struct fake_run *run, struct bytes *frame)
{
	struct wire_frame head = {.type = WIRE_JOB};

	run->job.argc = run->job.envc = 0;
	bytes_add(frame, &head, sizeof head);
	bytes_add(frame, &run->job, sizeof run->job);
	bytes_add_string(frame, run->hostname);
	bytes_add_string(frame, run->user);
	bytes_add_string(frame, run->workdir);
	bytes_add_string(frame, run->home);
	bytes_add_string(frame, run->program);
	for (; run->argv[run->job.argc]; run->job.argc++)
		bytes_add_string(frame, run->argv[run->job.argc]);
	for (; run->envp[run->job.envc]; run->job.envc++)
		bytes_add_string(frame, run->envp[run->job.envc]);
	bytes_add(frame, run->files.data, run->files.length);
	head.length = (uint32_t)(frame->length - sizeof head);
	memcpy(frame->data, &head, sizeof head);
	memcpy(frame->data + sizeof head, &run->job, sizeof run->job);
}

void add_signal(struct bytes *bytes, uint32_t signo)
{
	struct wire_frame head = {.type = WIRE_SIGNAL, .length = sizeof(struct wire_signal)};
	struct wire_signal payload = {.signo = signo};

	bytes_add(bytes, &head, sizeof head);
	bytes_add(bytes, &payload, sizeof payload);
}

/* ---- starting the agent ---- */

/* build/unit/test_x -> build/agent */
static const char *agent_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);

	CHECK(n > 0);
	path[n] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = 0;
	return strcat(path, "/agent");
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void enter_namespaces(const char *root)
{
	char map[64], devices[128];
	uid_t uid = getuid();
	gid_t gid = getgid();

	CHECK(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | (uid ? CLONE_NEWUSER : 0)) == 0);
	if (uid) {
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "0 %u 1", uid);
		write_text("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "0 %u 1", gid);
		write_text("/proc/self/gid_map", map);
	}
	CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	if (uid) { /* a user namespace may not mount devtmpfs */
		snprintf(devices, sizeof devices, "%s/dev", root);
		CHECK(mount("/dev", devices, NULL, MS_BIND | MS_REC, NULL) == 0);
	}
}

_Noreturn static void exec_agent(const struct fake_run *run)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (run->root) {
		CHECK(chroot(run->root) == 0 && chdir("/") == 0);
		execl("/init", "/init", "--unix", "/sockets", NULL);
	} else {
		execl(agent_path(), "agent", "--unix", run->directory, NULL);
	}
	CHECK(!"exec of the agent");
	abort();
}

static pid_t start_agent(const struct fake_run *run)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	if (!run->root)
		exec_agent(run);
	enter_namespaces(run->root);
	int status;
	pid_t init = fork();

	if (init == 0)
		exec_agent(run);
	CHECK(init > 0 && waitpid(init, &status, 0) == init);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* ---- the streams ---- */

static const unsigned ports[STREAMS] = {WIRE_CONTROL, WIRE_IMAGE, WIRE_STDIN, WIRE_STDOUT, WIRE_STDERR};

struct streams {
	int listener[STREAMS], fd[STREAMS];
	struct bytes frame, control; /* the job; what the agent sent */
	size_t sent[STREAMS];
	bool cue_given;
};

static bool wanted(const struct fake_run *run, int stream)
{
	int kind = stream >= IN ? run->job.stdio[stream - IN] : WIRE_STDIO_STREAM;

	return kind == WIRE_STDIO_STREAM || (kind == WIRE_STDIO_TTY && stream != ERR);
}

static void open_listeners(const struct fake_run *run, struct streams *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[256];

	snprintf(directory, sizeof directory, "%s", run->root ? run->root : run->directory);
	if (run->root) {
		strcat(directory, "/sockets");
		mkdir(directory, 0755);
	}
	for (int i = 0; i < STREAMS; i++) {
		s->fd[i] = s->listener[i] = -1;
		if (!wanted(run, i))
			continue;
		CHECK((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/%u", directory, ports[i]) <
		      sizeof address.sun_path);
		unlink(address.sun_path);
		s->listener[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		CHECK(s->listener[i] >= 0);
		CHECK(bind(s->listener[i], (struct sockaddr *)&address, sizeof address) == 0);
		CHECK(listen(s->listener[i], 1) == 0);
	}
}

static void close_stream(struct streams *s, int i)
{
	if (s->fd[i] >= 0)
		close(s->fd[i]);
	s->fd[i] = -1;
}

static const struct bytes *to_send(const struct fake_run *run, const struct streams *s, int i)
{
	static const struct bytes nothing;

	return i == CONTROL ? &s->frame : i == IMAGE ? &run->image : i == IN ? &run->input : &nothing;
}

static bool ends(const struct fake_run *run, int i)
{
	return i == IMAGE || (i == IN && !run->keep_input_open) || (i == CONTROL && run->end_control);
}

static void send_some(struct fake_run *run, struct streams *s, int i)
{
	const struct bytes *bytes = to_send(run, s, i);
	size_t length = bytes->length - s->sent[i];

	if (run->chunk && length > run->chunk)
		length = run->chunk;
	ssize_t n = length ? send(s->fd[i], bytes->data + s->sent[i], length, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n > 0)
		s->sent[i] += (size_t)n;
	if (n < 0 && errno != EAGAIN) {
		if (i == IN)
			run->input_refused = true;
		s->sent[i] = bytes->length;
		if (i != CONTROL)
			close_stream(s, i);
	} else if (s->sent[i] == bytes->length && ends(run, i)) {
		shutdown(s->fd[i], SHUT_WR);
		s->sent[i]++; /* done: do not come back */
	}
}

static bool has_to_send(const struct fake_run *run, const struct streams *s, int i)
{
	const struct bytes *bytes = to_send(run, s, i);

	return s->sent[i] < bytes->length || (s->sent[i] == bytes->length && ends(run, i));
}

/* Returns false at the end of the stream. */
static bool receive_some(struct bytes *into, int fd)
{
	char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

	if (n > 0)
		bytes_add(into, buffer, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void drain(struct bytes *into, int fd)
{
	size_t before;

	do {
		before = into->length;
	} while (fd >= 0 && receive_some(into, fd) && into->length > before);
}

static void take_frames(struct fake_run *run, struct streams *s)
{
	size_t at = 0;
	struct wire_frame head;

	run->after_last = false;
	while (s->control.length - at >= sizeof head) {
		memcpy(&head, s->control.data + at, sizeof head);
		CHECK(head.length <= WIRE_REPORT_MAX);
		if (s->control.length - at - sizeof head < head.length)
			return;
		const char *payload = s->control.data + at + sizeof head;

		run->after_last |= run->last != 0;
		at += sizeof head + head.length;
		if (head.type == WIRE_STARTED) {
			CHECK(!run->started && head.length == 0);
			run->started = true;
		} else if (head.type == WIRE_EXIT) {
			CHECK(head.length == sizeof run->exit);
			memcpy(&run->exit, payload, sizeof run->exit);
			run->last = WIRE_EXIT;
		} else {
			CHECK(head.type == WIRE_FAIL && head.length >= sizeof run->fail);
			memcpy(&run->fail, payload, sizeof run->fail);
			memcpy(run->text, payload + sizeof run->fail, head.length - sizeof run->fail);
			run->last = WIRE_FAIL;
		}
	}
	if (at)
		memmove(s->control.data, s->control.data + at, s->control.length - at);
	s->control.length -= at;
}

static void give_cue(struct fake_run *run, struct streams *s)
{
	size_t n = run->cue ? strlen(run->cue) : 0;

	if (!n || s->cue_given || run->output.length < n ||
	    memcmp(run->output.data + run->output.length - n, run->cue, n))
		return;
	s->cue_given = true;
	if (run->hang_up)
		close_stream(s, CONTROL);
	else if (run->close_output)
		shutdown(s->fd[OUT], SHUT_RD); /* close would be ECONNRESET for the writer, as bytes are unread */
	else
		bytes_add(&s->frame, run->on_cue.data, run->on_cue.length);
}

static void handle_events(struct fake_run *run, struct streams *s, int i, short events)
{
	if (s->fd[i] < 0 && s->listener[i] < 0)
		return; /* closed since the poll */
	if (s->fd[i] < 0) {
		s->fd[i] = accept4(s->listener[i], NULL, NULL, SOCK_CLOEXEC);
		CHECK(s->fd[i] >= 0);
		close(s->listener[i]);
		s->listener[i] = -1;
		return;
	}
	if (events & (POLLIN | POLLHUP) && (i == OUT || i == ERR || i == CONTROL)) {
		struct bytes *into = i == CONTROL ? &s->control : i == OUT ? &run->output : &run->errors;

		if (!receive_some(into, s->fd[i]) && !(i == OUT && run->close_output))
			close_stream(s, i);
		if (i == CONTROL && s->fd[i] >= 0) {
			take_frames(run, s);
			if (run->last)
				shutdown(s->fd[i], SHUT_WR); /* the agent may wait for us to have read it */
			if (run->last == WIRE_EXIT) {	     /* what was written before has arrived before */
				drain(&run->output, s->fd[OUT]);
				drain(&run->errors, s->fd[ERR]);
				close_stream(s, OUT);
				close_stream(s, ERR);
			}
		}
	}
	if (events & POLLIN && i == IN && s->fd[i] >= 0) {
		char byte;

		CHECK(recv(s->fd[i], &byte, 1, MSG_DONTWAIT) <= 0); /* nobody writes to standard input */
		if (has_to_send(run, s, i) || run->keep_input_open)
			run->input_refused = true;
		close_stream(s, i);
		s->sent[i] = run->input.length + 1;
		return;
	}
	if (s->fd[i] >= 0 && events & (POLLOUT | POLLERR | POLLHUP) && has_to_send(run, s, i))
		send_some(run, s, i);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void fake_run(struct fake_run *run)
{
	struct streams s = {0};
	double deadline = now() + TIMEOUT_S;

	if (run->frame.length)
		bytes_add(&s.frame, run->frame.data, run->frame.length);
	else
		fake_run_frame(run, &s.frame);
	open_listeners(run, &s);
	pid_t agent = start_agent(run);
	bool ended = false;

	while (!ended) {
		struct pollfd fds[STREAMS];

		for (int i = 0; i < STREAMS; i++) {
			fds[i] = (struct pollfd){.fd = s.fd[i] >= 0 ? s.fd[i] : s.listener[i], .events = POLLIN};
			if (s.fd[i] >= 0 && has_to_send(run, &s, i))
				fds[i].events |= POLLOUT;
			if (s.fd[i] >= 0 && i == IMAGE && !has_to_send(run, &s, i))
				fds[i].fd = -1;
		}
		poll(fds, STREAMS, 20);
		for (int i = 0; i < STREAMS; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				handle_events(run, &s, i, fds[i].revents);
		give_cue(run, &s);
		ended = waitpid(agent, &run->status, WNOHANG) == agent;
		if (now() > deadline) {
			kill(agent, SIGKILL);
			CHECK(!"the agent ended in time");
		}
	}
	if (s.fd[CONTROL] >= 0) {
		drain(&s.control, s.fd[CONTROL]);
		int had_last = run->last;

		take_frames(run, &s);
		if (!had_last && run->last == WIRE_EXIT) {
			drain(&run->output, s.fd[OUT]);
			drain(&run->errors, s.fd[ERR]);
		}
	}
	for (int i = 0; i < STREAMS; i++) {
		close_stream(&s, i);
		if (s.listener[i] >= 0)
			close(s.listener[i]);
	}
	free(s.frame.data);
	free(s.control.data);
}
