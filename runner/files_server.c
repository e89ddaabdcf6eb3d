/* SPDX-License-Identifier: Apache-2.0
 *
 * Process and loop of the files server. It allocates everything before it is confined, never blocks on a client, and
 * ends with the runner: by signal at its death, or when all sockets have come to their end.
 */
#include "runner/files_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/policy.h"
#include "runner/copy_out.h"
#include "runner/dax.h"
#include "runner/p9_session.h"
#include "runner/rootfs.h"
#include "runner/reach.h"
#include "runner/unpack.h"

_Static_assert(P9_SHARES_MAX >= SPEC_MOUNTS_MAX && WIRE_FILES_SESSIONS_MAX >= SPEC_MOUNTS_MAX,
	       "a session for each share");

#define INPUT_BYTES   (P9_MSIZE_MAX + 65536u) /* of one session: a message, and the beginning of the next */
#define OUTPUT_BYTES  (P9_MSIZE_MAX + 65536u) /* of one session: a reply, and small ones before it */
#define OTHER_FDS     64u		      /* descriptors that are no fids */
#define MESSAGES_TURN 64		      /* answered for one session before the others get their turn */

/* What the server serves; the same for all clients. */
struct served {
	struct p9_export export;
	struct copy_target target[SPEC_MOUNTS_MAX];
	unsigned targets;
	uint64_t copy_bytes; /* that a copy-out may bring */
	uint32_t begun;	     /* copy-outs, by bit: each is taken once */
	int status;
};

struct client {
	int socket; /* -1: over */
	struct served *served;
	struct p9_session session;
	struct copy_session copy; /* in place of it, once the first message says so */
	uint8_t *input, *output;
	size_t taken, filled; /* of input: handled, received */
	size_t sent, to_send; /* of output */
	bool busy;	      /* has more to do without an event */
};

/* ---- the loop ---- */

static void end_client(struct client *client)
{
	close(client->socket);
	client->socket = -1;
	p9_fid_drop_all(&client->session);
	copy_session_close(&client->copy);
}

/* Sends what is left of the reply. False while the socket is full, or when it is over. */
static bool send_reply(struct client *client)
{
	while (client->sent < client->to_send) {
		struct iovec iov = {client->output + client->sent, client->to_send - client->sent};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = sendmsg(client->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				end_client(client);
			return false;
		}
		client->sent += (size_t)n;
	}
	client->sent = client->to_send = 0;
	return true;
}

/* Also when the next message is none: that is found out by taking it. */
static bool whole_message(const struct client *client)
{
	size_t have = client->filled - client->taken;
	int64_t size = p9_message_size(client->input + client->taken, have);
	return size < 0 || (size > 0 && have >= (size_t)size);
}

/* Tells the runner how the copy-out ended; the pipe has room for all of them. */
static void tell_copied(const struct client *client)
{
	struct copy_result result = {.index = client->copy.index, .error = client->copy.error};
	ssize_t told = write(client->served->status, &result, sizeof(result));
	(void)told; /* the runner will miss it */
}

/* A message of a copy-out: bytes of the reply, 0 when none is due, -1 at the end of the session. */
static int copy(struct client *client, const uint8_t *message, size_t size, uint8_t *reply)
{
	struct served *served = client->served;
	bool first = !client->copy.target;
	int result = client->session.msize ? -1
					   : copy_handle(&client->copy, served->target, served->targets, message, size,
							 reply, P9_MSIZE_MAX);
	if (result < 0)
		return -1;
	if (first && served->begun & 1u << client->copy.index)
		return -1;
	served->begun |= 1u << client->copy.index;
	if (client->copy.over)
		tell_copied(client);
	return result;
}

/* Puts the reply to the next message behind those that wait to be sent. False when there is no whole message, no room,
 * or the session is over. */
static bool answer(struct client *client)
{
	const uint8_t *message = client->input + client->taken;
	int64_t size = p9_message_size(message, client->filled - client->taken);
	int reply = 0;
	if (!whole_message(client) || client->to_send > OUTPUT_BYTES - P9_MSIZE_MAX)
		return false;
	if (size > 0 && (copy_message(message) || client->copy.target))
		reply = copy(client, message, (size_t)size, client->output + client->to_send);
	else if (size > 0)
		reply = (int)p9_session_handle(&client->session, message, (size_t)size,
					       client->output + client->to_send, P9_MSIZE_MAX)
			    ?: -1;
	if (size < 0 || reply < 0) {
		if (send_reply(client) || client->socket >= 0)
			end_client(client);
		return false;
	}
	client->to_send += (size_t)reply;
	client->taken += (size_t)size;
	return true;
}

/* Receives more. False when there is nothing now, or at the end. */
static bool receive(struct client *client)
{
	ssize_t n;
	if (client->taken) {
		memmove(client->input, client->input + client->taken, client->filled - client->taken);
		client->filled -= client->taken;
		client->taken = 0;
	}
	do
		n = recv(client->socket, client->input + client->filled, INPUT_BYTES - client->filled, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		end_client(client);
	if (n <= 0)
		return false;
	client->filled += (size_t)n;
	return true;
}

/* Answers what is here, sends all of that together, and only then receives more. It leaves the client in one of three
 * states, each of which something ends: replies that the socket does not take (POLLOUT), nothing to send and no whole
 * message (POLLIN), or busy (the next turn). */
static void serve_client(struct client *client)
{
	client->busy = false;
	for (int turn = 0; turn < MESSAGES_TURN; turn++) {
		if (answer(client))
			continue;
		if (client->socket < 0 || !send_reply(client))
			return;
		if (!whole_message(client) && !receive(client))
			return;
	}
	client->busy = send_reply(client);
}

static void serve(struct client *client, unsigned count)
{
	struct pollfd poll_fd[WIRE_FILES_SESSIONS_MAX];
	for (;;) {
		bool busy = false;
		unsigned open = 0;
		for (unsigned i = 0; i < count; i++) {
			poll_fd[i] =
			    (struct pollfd){.fd = client[i].socket, .events = client[i].to_send ? POLLOUT : POLLIN};
			busy |= client[i].busy;
			open += client[i].socket >= 0;
		}
		if (!open)
			return;
		if (poll(poll_fd, count, busy ? 0 : -1) < 0 && errno != EINTR)
			return;
		for (unsigned i = 0; i < count; i++)
			if (client[i].socket >= 0 && (poll_fd[i].revents || client[i].busy))
				serve_client(&client[i]);
	}
}

/* ---- files for the runner ---- */

/* The runner gets the file before the guest gets the reply. fd -1: none goes along. */
static int hand_over(const int *window, const struct dax_message *what, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {(void *)(uintptr_t)what, sizeof(*what)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	return sendmsg(*window, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*what) ? 0 : -EBUSY;
}

static int show(void *context, int fd, uint64_t offset, uint64_t bytes, uint32_t unit)
{
	struct dax_message message = {.kind = DAX_MAP, .offset = offset, .bytes = bytes, .place = unit};
	return hand_over(context, &message, fd);
}

static int lend(void *context, int fd, uint32_t slot)
{
	struct dax_message message = {.kind = fd < 0 ? DAX_RETURN : DAX_LEND, .place = slot};
	return hand_over(context, &message, fd);
}

/* ---- the process ---- */

/* As many descriptors as fids could want, and the host allows. */
static unsigned descriptor_limit(unsigned sessions)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)sessions * P9_FIDS_MAX + OTHER_FDS;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1024;
	return (unsigned)(limit.rlim_max < want ? limit.rlim_max : want);
}

static int prepare_clients(struct client *client, const int *socket, unsigned count, struct served *served,
			   struct error *error)
{
	for (unsigned i = 0; i < count; i++) {
		client[i] = (struct client){.socket = socket[i],
					    .served = served,
					    .input = malloc(INPUT_BYTES),
					    .output = malloc(OUTPUT_BYTES)};
		copy_session_init(&client[i].copy, served->copy_bytes);
		if (!client[i].input || !client[i].output || p9_session_init(&client[i].session, &served->export))
			return error_set(error, STATUS_RUNNER, "the files server has not enough memory");
	}
	return 0;
}

static int confine(const struct served *served, const int *socket, unsigned count, struct error *error)
{
	const struct p9_export *export = &served->export;
	int keep[2 * WIRE_FILES_SESSIONS_MAX + 5];
	struct policy_tree *tree;
	size_t n = 0, trees;
	keep[n++] = STDERR_FILENO;
	keep[n++] = served->status;
	keep[n++] = export->self_fd;
	if (export->lend)
		keep[n++] = *(const int *)export->map_context;
	for (unsigned i = 0; i < count; i++)
		keep[n++] = socket[i];
	for (unsigned i = 0; i < export->shares; i++)
		keep[n++] = export->share[i].root;
	if (reach_trees(export, &tree, &trees, error))
		return -1;
	for (unsigned i = 0; i < served->targets; i++) {
		keep[n++] = served->target[i].at;
		tree[trees++] = (struct policy_tree){served->target[i].at, true, true, false};
	}
	/* `tree` stays: the filter has no munmap. */
	return policy_confine_files(keep, n, tree, trees, descriptor_limit(count), error);
}

_Noreturn static void run_server(struct served *served, const int *socket, unsigned count, pid_t parent)
{
	struct p9_export *export = &served->export;
	static struct client client[WIRE_FILES_SESSIONS_MAX];
	struct error error = {0};
	sigset_t all;
	/* Signals of the terminal are the runner's; the server ends with it. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_RUNNER);
	prctl(PR_SET_NAME, "sandbox-files");
	umask(0);
	export->self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (export->self_fd < 0)
		error_errno(&error, STATUS_RUNNER, "the files server needs /proc/self/fd");
	else if (!prepare_clients(client, socket, count, served, &error))
		confine(served, socket, count, &error);
	ssize_t told = write(served->status, &error, sizeof(error));
	if (error.text[0] || told != sizeof(error))
		_exit(STATUS_RUNNER);
	if (!served->targets)
		close(served->status);
	serve(client, count);
	syscall(SYS_exit_group, 0); /* as the filter has it: nothing of a library in between */
	__builtin_trap();
}

static const char *why(int number)
{
	switch (number) {
	case EINVAL:
		return "is neither a directory nor a regular file";
	case EACCES:
		return "may not be read, or is on a file system of the kernel (proc, sysfs ...), which cannot be "
		       "shared";
	default:
		return strerror(number);
	}
}

static int open_share(struct p9_export *export, const char *option, const char *host, bool writable,
		      struct error *error)
{
	int result = p9_share_open(&export->share[export->shares], host, writable);
	if (result)
		return error_set(error, STATUS_RUNNER, "%s %s: %s", option, host, why(-result));
	export->shares++;
	return 0;
}

/* A plain archive is a share like others; a compressed one is unpacked into memory, which no path leads to. */
static int open_archive(struct p9_export *export, const struct run_spec *spec, const char *host, struct error *error)
{
	struct p9_share *share = &export->share[export->shares];
	struct stat st;
	int memory;
	if (rootfs_decompress(host, spec->memory_bytes, &memory, error))
		return -1;
	if (memory < 0)
		return open_share(export, "--rootfs", host, false, error);
	if (fstat(memory, &st))
		return error_errno(error, STATUS_RUNNER, "--rootfs %s", host);
	*share = (struct p9_share){
	    .root = memory, .dev = st.st_dev, .ino = st.st_ino, .nameless = true, .reach = {.rights = REACH_ALL}};
	export->shares++;
	return 0;
}

/* In the order of shares_index() and shares_copy_index(). */
static int open_shares(const struct run_spec *spec, struct p9_export *export, struct error *error)
{
	static const char *const option[] = {[SPEC_RO] = "--ro",
					     [SPEC_RW] = "--rw",
					     [SPEC_OVERLAY] = "--overlay",
					     [SPEC_TAR] = "--rootfs",
					     [SPEC_IMAGE] = "--rootfs"};
	for (unsigned i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mount[i];
		if (mount->kind == SPEC_TMPFS)
			continue;
		const char *name =
		    spec->rootfs && mount->kind == SPEC_OVERLAY && !mount->guest[1] ? "--rootfs" : option[mount->kind];
		if (mount->kind == SPEC_TAR ? open_archive(export, spec, mount->host, error)
					    : open_share(export, name, mount->host, mount->kind == SPEC_RW, error))
			return -1;
		export->share[export->shares - 1].image = mount->kind == SPEC_IMAGE;
		if (mount->kind == SPEC_IMAGE)
			export->unpack = unpack_block;
	}
	/* What is copied in, the caller has named as it is. */
	if (reach_prepare(export, spec, error))
		return -1;
	for (unsigned i = 0; i < spec->copy_count; i++)
		if (!spec->copy[i].out && open_share(export, "--copy-in", spec->copy[i].host, false, error))
			return -1;
	return 0;
}

static int open_targets(const struct run_spec *spec, struct served *served, struct error *error)
{
	for (unsigned i = 0; i < spec->copy_count; i++) {
		if (!spec->copy[i].out)
			continue;
		if (copy_target_open(&served->target[served->targets], &spec->copy[i], error))
			return -1;
		served->targets++;
	}
	return 0;
}

static int make_sockets(unsigned count, int mine[], int theirs[], struct error *error)
{
	for (unsigned i = 0; i < count; i++) {
		int pair[2], bytes = 2 << 20; /* the kernel gives what it allows */
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return error_errno(error, STATUS_RUNNER, "cannot make a socket pair");
		for (int end = 0; end < 2; end++)
			setsockopt(pair[end], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		mine[i] = pair[0];
		theirs[i] = pair[1];
	}
	return 0;
}

/* Files go to the runner: of shares that are read-only to be mapped, of all to be lent. */
static int make_window(struct files_server *server, struct p9_export *export, int window[2], struct error *error)
{
	for (unsigned i = 0; i < export->shares; i++)
		server->mapped |= !export->share[i].writable;
	if (!export->shares)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, window))
		return error_errno(error, STATUS_RUNNER, "cannot make a socket pair");
	export->map = server->mapped ? show : NULL;
	export->lend = lend;
	export->map_context = &window[1];
	return 0;
}

int files_server_start(struct files_server *server, const struct run_spec *spec, struct error *error)
{
	static struct served served; /* large */
	served = (struct served){
	    .export = {.host_uid = geteuid(), .guest_uid = spec->uid, .host_gid = getegid(), .guest_gid = spec->gid},
	    .copy_bytes = spec->memory_bytes};
	static int window[2]; /* the export points to it */
	int theirs[WIRE_FILES_SESSIONS_MAX], status[2];
	pid_t parent = getpid();
	*server = (struct files_server){.status = -1, .window = -1};
	window[0] = window[1] = -1;
	if (open_shares(spec, &served.export, error) || open_targets(spec, &served, error))
		return -1;
	unsigned sessions = served.export.shares + served.targets;
	if (!sessions)
		return 0;
	if (make_sockets(sessions, server->socket, theirs, error) || make_window(server, &served.export, window, error))
		return -1;
	if (pipe2(status, O_CLOEXEC))
		return error_errno(error, STATUS_RUNNER, "cannot make a pipe");
	served.status = status[1];
	server->pid = fork();
	if (server->pid < 0)
		return error_errno(error, STATUS_RUNNER, "cannot start the files server");
	if (server->pid == 0)
		run_server(&served, theirs, sessions, parent);
	close(status[1]);
	if (window[1] >= 0)
		close(window[1]);
	server->window = window[0];
	for (unsigned i = 0; i < sessions; i++)
		close(theirs[i]);
	for (unsigned i = 0; i < served.export.shares; i++)
		close(served.export.share[i].root);
	for (unsigned i = 0; i < served.targets; i++)
		close(served.target[i].at);
	server->sessions = sessions;
	server->copies = served.targets;
	server->record = served.export.record;
	server->status = status[0];
	return 0;
}

int files_server_confined(struct files_server *server, struct error *error)
{
	struct error theirs;
	if (!server->sessions)
		return 0;
	ssize_t n = read(server->status, &theirs, sizeof(theirs));
	if (!server->copies || fcntl(server->status, F_SETFL, O_NONBLOCK)) {
		close(server->status);
		server->status = -1;
	}
	if (n != sizeof(theirs))
		return error_set(error, STATUS_RUNNER, "the files server ended before the run");
	if (theirs.text[0]) {
		*error = theirs;
		return -1;
	}
	return 0;
}

int files_server_copied(struct files_server *server, const struct run_spec *spec, struct error *error)
{
	static struct copy_result result;
	uint32_t done = 0;
	int failed = 0;
	while (server->status >= 0 && read(server->status, &result, sizeof(result)) == sizeof(result)) {
		done |= result.index < 32 ? 1u << result.index : 0;
		result.error.text[sizeof(result.error.text) - 1] = 0;
		if (result.error.text[0] && !failed++)
			error_set(error, STATUS_RUNNER, "%s", result.error.text);
	}
	for (unsigned i = 0, index = 0; i < spec->copy_count; i++)
		if (spec->copy[i].out && !(done & 1u << index++) && !failed++)
			error_set(error, STATUS_RUNNER, "--copy-out %s:%s: the guest did not send it",
				  spec->copy[i].guest, spec->copy[i].host);
	return failed ? -1 : 0;
}
