/* SPDX-License-Identifier: Apache-2.0
 * AF_UNIX names, in the file system and abstract, and what connects to them: backlogs, connects that wait.
 * area: Sockets
 * flags: -pthread
 */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "harness.h"
#include "unix.h"

static void names(void)
{
	struct sockaddr_un a, b;
	socklen_t alen = address(&a, "sock.a"), blen;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
	struct stat st;
	theme("names");
	unlink("sock.a");
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, 1), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, 200), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&a, sizeof(a) + 1), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)8, sizeof(a)), EFAULT);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_INET, "x"}, 5), EINVAL);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "no/such/dir"}, 20), ENOENT);
	CHECK_ERRNO(connect(s, (struct sockaddr *)&a, alen), ENOENT);
	CHECK(bind(s, (struct sockaddr *)&a, alen) == 0);
	CHECK(stat("sock.a", &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK_ERRNO(open("sock.a", O_RDWR), ENXIO);
	CHECK_ERRNO(bind(s, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "sock.c"}, 10), EINVAL);
	blen = sizeof(b);
	CHECK(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !strcmp(b.sun_path, "sock.a"));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(bind(c, (struct sockaddr *)&a, alen), EADDRINUSE);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK(listen(s, 2) == 0);
	CHECK(int_option(s, SO_ACCEPTCONN) == 1);
	CHECK(int_option(c, SO_ACCEPTCONN) == 0);
	CHECK_ERRNO(connect(s, (struct sockaddr *)&a, alen), EINVAL);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), q = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK_ERRNO(connect(d, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(connect(q, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(sendto(d, "x", 1, 0, (struct sockaddr *)&a, alen), EPROTOTYPE);
	CHECK_ERRNO(listen(d, 1), EOPNOTSUPP);
	CHECK_ERRNO(accept(d, NULL, NULL), EOPNOTSUPP);
	close(d);
	close(q);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/dev/null"}, 20), ECONNREFUSED);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/"}, 20), ECONNREFUSED);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/dev/null/x"}, 20), ENOTDIR);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, 2), EINVAL);
	/* Without the terminating NUL the name ends at the given length. */
	CHECK(connect(c, (struct sockaddr *)&a, alen - 1) == 0);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), EISCONN);
	CHECK(events_of(s, POLLIN) == POLLIN);
	blen = sizeof(b);
	int e = accept(s, (struct sockaddr *)&b, &blen);
	CHECK(e >= 0 && blen == 2);
	CHECK(events_of(s, POLLIN | POLLOUT) == 0);
	blen = sizeof(b);
	CHECK(getsockname(e, (struct sockaddr *)&b, &blen) == 0 && blen == alen);
	blen = sizeof(b);
	CHECK(getpeername(c, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !strcmp(b.sun_path, "sock.a"));
	CHECK(rename("sock.a", "sock.b") == 0);
	int f = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(f, (struct sockaddr *)&a, alen), ENOENT);
	address(&b, "sock.b");
	CHECK_THAT(connect(f, (struct sockaddr *)&b, alen) == 0, "a renamed socket is found by its new name");
	unlink("sock.b");
	CHECK(write(c, "x", 1) == 1 && read(e, buffer, 1) == 1);
	close(s);
	CHECK_ERRNO(read(f, buffer, 1), ECONNRESET);
	CHECK_THAT(write(c, "x", 1) == 1, "connections outlive their listener");
	close(c);
	close(e);
	close(f);
}

static void abstract_names(void)
{
	struct sockaddr_un a, b;
	char name[64];
	theme("abstract names");
	snprintf(name, sizeof(name), "sandbox-test-%d", getpid());
	socklen_t alen = abstract(&a, name), blen;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(c, (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK(bind(s, (struct sockaddr *)&a, alen) == 0);
	CHECK_ERRNO(bind(c, (struct sockaddr *)&a, alen), EADDRINUSE);
	CHECK_THAT(bind(c, (struct sockaddr *)&a, alen - 1) == 0, "every byte of the length counts");
	blen = sizeof(b);
	CHECK(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == alen && !memcmp(&a, &b, alen));
	CHECK(listen(s, 5) == 0 && connect(c, (struct sockaddr *)&a, alen) == 0);
	blen = sizeof(b);
	int e = accept4(s, (struct sockaddr *)&b, &blen, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(e >= 0 && blen == alen - 1);
	CHECK(fcntl(e, F_GETFD) == FD_CLOEXEC && fcntl(e, F_GETFL) & O_NONBLOCK);
	CHECK_ERRNO(accept4(s, NULL, NULL, 1), EINVAL);
	close(s);
	close(e);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_THAT(bind(s, (struct sockaddr *)&a, alen) == 0, "the name is free once its socket is closed");
	close(s);
	close(c);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(s, (struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, 2) == 0);
	blen = sizeof(b);
	CHECK_THAT(getsockname(s, (struct sockaddr *)&b, &blen) == 0 && blen == 8 && b.sun_path[0] == 0,
		   "autobind gives an abstract name of five digits");
	close(s);
}

static void backlog(void)
{
	struct sockaddr_un a;
	char name[64];
	theme("backlog");
	snprintf(name, sizeof(name), "sandbox-backlog-%d", getpid());
	socklen_t alen = abstract(&a, name);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c[4];
	REQUIRE(bind(s, (struct sockaddr *)&a, alen) == 0 && listen(s, 1) == 0);
	CHECK_ERRNO(accept(s, NULL, NULL), EAGAIN);
	for (int i = 0; i < 4; i++)
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(connect(c[0], (struct sockaddr *)&a, alen) == 0);
	CHECK(connect(c[1], (struct sockaddr *)&a, alen) == 0);
	CHECK_ERRNO(connect(c[2], (struct sockaddr *)&a, alen), EAGAIN);
	CHECK_THAT(write(c[0], "early", 5) == 5, "data can be sent before accept");
	int e = accept(s, NULL, NULL);
	CHECK(e >= 0 && read(e, buffer, 10) == 5);
	CHECK(connect(c[2], (struct sockaddr *)&a, alen) == 0);
	CHECK(shutdown(s, SHUT_RD) == 0);
	CHECK_ERRNO(connect(c[3], (struct sockaddr *)&a, alen), ECONNREFUSED);
	close(s);
	CHECK_ERRNO(connect(c[3], (struct sockaddr *)&a, alen), ECONNREFUSED);
	CHECK_ERRNO(read(c[1], buffer, 1), ECONNRESET);
	close(e);
	for (int i = 0; i < 4; i++)
		close(c[i]);
}

static void *accept_late(void *arg)
{
	usleep(30000);
	return (void *)(long)accept(*(int *)arg, NULL, NULL);
}

static void blocking_connect(void)
{
	struct sockaddr_un a;
	char name[64];
	pthread_t t;
	void *fd;
	theme("blocking connect");
	snprintf(name, sizeof(name), "sandbox-wait-%d", getpid());
	socklen_t alen = abstract(&a, name);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c[2];
	REQUIRE(bind(s, (struct sockaddr *)&a, alen) == 0 && listen(s, 0) == 0);
	c[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	c[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c[0], (struct sockaddr *)&a, alen) == 0);
	REQUIRE(pthread_create(&t, NULL, accept_late, &s) == 0);
	CHECK_THAT(connect(c[1], (struct sockaddr *)&a, alen) == 0, "connect waits for room in the queue");
	pthread_join(t, &fd);
	CHECK((long)fd >= 0);
	close((int)(long)fd);
	close(s);
	close(c[0]);
	close(c[1]);
}

int main(void)
{
	names();
	abstract_names();
	backlog();
	blocking_connect();
	return finish();
}
