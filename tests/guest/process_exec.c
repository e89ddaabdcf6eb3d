/* SPDX-License-Identifier: Apache-2.0
 * execve and execveat: errors in the order that Linux has, what a new program inherits, limits of arguments. The
 * program executes itself with a first argument that says what to look at.
 * area: Processes
 */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "probe.h"

static const char *self;
static char text[128 << 10];

/* What the executed program looks at: status 0 when it is as expected. */
static int executed(int argc, char **argv, char **envp)
{
	const char *what = argv[1];
	struct sigaction action;
	sigset_t set;
	if (!strcmp(what, "--arguments"))
		return !(argc == 4 && !strcmp(argv[2], "") && !strcmp(argv[3], "a b") && !argv[4]);
	if (!strcmp(what, "--environment"))
		return !(envp[0] && !strcmp(envp[0], "ONE=1") && envp[1] && !strcmp(envp[1], "odd") && !envp[2]);
	if (!strcmp(what, "--no-environment"))
		return envp[0] != NULL;
	if (!strcmp(what, "--closed"))
		return !(fcntl(atoi(argv[2]), F_GETFD) == -1 && errno == EBADF);
	if (!strcmp(what, "--open"))
		return fcntl(atoi(argv[2]), F_GETFD) != 0;
	if (!strcmp(what, "--handlers"))
		return !(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL &&
			 sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	if (!strcmp(what, "--mask"))
		return !(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR1) == 1 &&
			 sigismember(&set, SIGUSR2) == 0 && sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1);
	if (!strcmp(what, "--pid"))
		return atoi(argv[2]) != getpid();
	if (!strcmp(what, "--alarm"))
		return alarm(0) == 0;
	if (!strcmp(what, "--stack"))
		return !(syscall(SYS_sigaltstack, NULL, &(stack_t){0}) == 0);
	if (!strcmp(what, "--name"))
		return !(prctl(PR_GET_NAME, text) == 0 && !strncmp(text, argv[2], 15));
	if (!strcmp(what, "--execfn"))
		return strcmp((char *)getauxval(AT_EXECFN), argv[2]) != 0;
	if (!strcmp(what, "--many"))
		return argc != 1002;
	if (!strcmp(what, "--directory"))
		return !(getcwd(text, sizeof(text)) && !strcmp(text, "/") && umask(0) == 077);
	return 99;
}

static int run(char *const argv[], char *const envp[])
{
	execve(self, argv, envp);
	return 0;
}

static char *arguments(const char *a, const char *b, const char *c, const char *d)
{
	static char *list[8];
	list[0] = (char *)a;
	list[1] = (char *)b;
	list[2] = (char *)c;
	list[3] = (char *)d;
	return (char *)list;
}
#define ARGS(b, c, d) ((char *const *)(void *)arguments("guest", b, c, d))
#define NO_ENV	      ((char *const[]){NULL})

static void errors(void)
{
	char *const argv[] = {"x", NULL}, *const bad_argv[] = {"x", unmapped_address(), NULL};
	char longname[5000], nearly[300];
	theme("execve");
	memset(longname, 'l', sizeof(longname));
	longname[4999] = '\0';
	memset(nearly, 'l', sizeof(nearly));
	nearly[0] = '/';
	nearly[280] = '\0';
	CHECK_ERRNO(execve("/nowhere/at/all", argv, NO_ENV), ENOENT);
	CHECK_ERRNO(execve("", argv, NO_ENV), ENOENT);
	CHECK_ERRNO(execve("/", argv, NO_ENV), EACCES);
	CHECK_ERRNO(execve("/dev", argv, NO_ENV), EACCES);
	CHECK_ERRNO(execve("/dev/null", argv, NO_ENV), EACCES);
	CHECK_ERRNO(execve("/dev/null/x", argv, NO_ENV), ENOTDIR);
	CHECK_ERRNO(execve(longname, argv, NO_ENV), ENAMETOOLONG);
	CHECK_ERRNO(execve(nearly, argv, NO_ENV), ENAMETOOLONG);
	CHECK_ERRNO(syscall(SYS_execve, NULL, argv, NO_ENV), EFAULT);
	CHECK_ERRNO(syscall(SYS_execve, unmapped_address(), argv, NO_ENV), EFAULT);
	CHECK_ERRNO(syscall(SYS_execve, 0xffff800000000000, argv, NO_ENV), EFAULT);
	CHECK_ERRNO(execve(self, (char *const *)unmapped_address(), NO_ENV), EFAULT);
	CHECK_ERRNO(execve(self, argv, (char *const *)unmapped_address()), EFAULT);
	CHECK_ERRNO(execve(self, bad_argv, NO_ENV), EFAULT);
	CHECK_ERRNO(execve(self, argv, bad_argv), EFAULT);
	char *big = map_pages(34, PROT_READ | PROT_WRITE);
	memset(big, 'b', 34 * PAGE - 1);
	char *const big_argv[] = {"x", big, NULL};
	CHECK_ERRNO_THAT(execve(self, big_argv, NO_ENV), E2BIG, "a single argument of more than 128 KiB");
	char file[] = "/tmp/guest-exec-XXXXXX";
	int fd = mkstemp(file);
	REQUIRE(fd >= 0);
	CHECK_ERRNO_THAT(execve(file, argv, NO_ENV), EACCES, "a file without x permission");
	fchmod(fd, 0755);
	close(fd);
	CHECK_ERRNO_THAT(execve(file, argv, NO_ENV), ENOEXEC, "an empty file");
	fd = open(file, O_WRONLY);
	CHECK_ERRNO_THAT(execve(file, argv, NO_ENV), ETXTBSY, "a file that is open for writing");
	write(fd, "just text\n", 10);
	close(fd);
	CHECK_ERRNO_THAT(execve(file, argv, NO_ENV), ENOEXEC, "a file of text");
	static const char *const scripts[] = {"#!/nowhere/interpreter\n", "#!\n", "#!   \n", "#!/dev\n"};
	static const int errnos[] = {ENOENT, ENOEXEC, ENOEXEC, EACCES};
	for (int i = 0; i < 4; i++) {
		fd = open(file, O_WRONLY | O_TRUNC);
		write(fd, scripts[i], strlen(scripts[i]));
		close(fd);
		execve(file, argv, NO_ENV);
		int got = errno;
		CHECKF(got == errnos[i], "script %d fails with errno %d", i, errnos[i]);
	}
	fd = open(file, O_WRONLY | O_TRUNC);
	snprintf(text, sizeof(text), "#!%s --arguments\n", file);
	write(fd, text, strlen(text));
	close(fd);
	CHECK_ERRNO_THAT(execve(file, argv, NO_ENV), ELOOP, "a script that is its own interpreter");
	unlink(file);
	munmap(big, 34 * PAGE);
}

static void make_script(const char *file, const char *line)
{
	int fd = open(file, O_WRONLY | O_TRUNC);
	fchmod(fd, 0755);
	dprintf(fd, "#!%s%s\n", self, line);
	close(fd);
}

static void handler(int number) {}

static void inheritance(void)
{
	char number[16];
	sigset_t set;
	theme("exec keeps");
	CHECK_IN_CHILD_THAT(run(ARGS("--arguments", "", "a b"), NO_ENV), "arguments arrive");
	CHECK_IN_CHILD_THAT(run(ARGS("--environment", NULL, NULL), ((char *const[]){"ONE=1", "odd", NULL})),
			    "the environment arrives");
	CHECK_IN_CHILD_THAT(run(ARGS("--no-environment", NULL, NULL), NULL), "a NULL environment is an empty one");
	int fd = dup(1), closing = fcntl(1, F_DUPFD_CLOEXEC, 10);
	snprintf(number, sizeof(number), "%d", fd);
	CHECK_IN_CHILD_THAT(run(ARGS("--open", number, NULL), NO_ENV), "a descriptor stays open");
	snprintf(number, sizeof(number), "%d", closing);
	CHECK_IN_CHILD_THAT(run(ARGS("--closed", number, NULL), NO_ENV), "a close-on-exec descriptor is closed");
	close(fd);
	close(closing);
	CHECK_IN_CHILD_THAT(({
				    signal(SIGUSR1, handler);
				    signal(SIGUSR2, SIG_IGN);
				    run(ARGS("--handlers", NULL, NULL), NO_ENV);
			    }),
			    "handlers become SIG_DFL, SIG_IGN stays");
	CHECK_IN_CHILD_THAT(({
				    sigemptyset(&set);
				    sigaddset(&set, SIGUSR1);
				    sigprocmask(SIG_SETMASK, &set, NULL);
				    raise(SIGUSR1);
				    run(ARGS("--mask", NULL, NULL), NO_ENV);
			    }),
			    "mask and pending signals stay");
	CHECK_IN_CHILD_THAT(({
				    snprintf(number, sizeof(number), "%d", getpid());
				    run(ARGS("--pid", number, NULL), NO_ENV);
			    }),
			    "the process id stays");
	CHECK_IN_CHILD_THAT(({
				    alarm(20);
				    run(ARGS("--alarm", NULL, NULL), NO_ENV);
			    }),
			    "an alarm stays");
	CHECK_IN_CHILD_THAT(({
				    umask(077);
				    chdir("/");
				    run(ARGS("--directory", NULL, NULL), NO_ENV);
			    }),
			    "directory and umask stay");
	const char *base = strrchr(self, '/') ? strrchr(self, '/') + 1 : self;
	CHECK_IN_CHILD_THAT(({
				    prctl(PR_SET_NAME, "something");
				    run(ARGS("--name", base, NULL), NO_ENV);
			    }),
			    "the name is that of the file");
	CHECK_IN_CHILD_THAT(run(ARGS("--execfn", self, NULL), NO_ENV), "AT_EXECFN is the path");
	CHECK_IN_CHILD_THAT(({
				    static char *many[1003];
				    for (int i = 0; i < 1002; i++)
					    many[i] = "--many";
				    run(many, NO_ENV);
			    }),
			    "a thousand arguments");
	char file[] = "/tmp/guest-script-XXXXXX";
	close(mkstemp(file));
	make_script(file, " --execfn");
	CHECK_IN_CHILD_THAT(({
				    execve(file, ((char *const[]){"replaced", NULL}), NO_ENV);
				    0;
			    }),
			    "a script gets its argument and its own path");
	unlink(file);
	pid_t pid = vfork();
	if (pid == 0) {
		execve(self, ARGS("--no-environment", NULL, NULL), NO_ENV);
		_exit(77);
	}
	CHECK_THAT(wait_for(pid) == 0, "exec after vfork");
}

static void by_descriptor(void)
{
	char *const *argv = ARGS("--no-environment", NULL, NULL);
	theme("execveat");
	int fd = open(self, O_RDONLY | O_CLOEXEC), path = open(self, O_PATH | O_CLOEXEC);
	int root = open("/", O_RDONLY | O_DIRECTORY);
	CHECK_ERRNO(syscall(SYS_execveat, -1, "x", argv, NO_ENV, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_execveat, fd, "", argv, NO_ENV, 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_execveat, fd, "x", argv, NO_ENV, 0), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, self, argv, NO_ENV, 0x8000), EINVAL);
	CHECK_ERRNO(syscall(SYS_execveat, root, "nowhere", argv, NO_ENV, 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_execveat, root, "", argv, NO_ENV, AT_EMPTY_PATH), EACCES);
	CHECK_ERRNO(syscall(SYS_execveat, -1, "", argv, NO_ENV, AT_EMPTY_PATH), EBADF);
	CHECK_ERRNO(syscall(SYS_execveat, root, NULL, argv, NO_ENV, 0), EFAULT);
	CHECK_IN_CHILD_THAT(syscall(SYS_execveat, fd, "", argv, NO_ENV, AT_EMPTY_PATH), "an open file");
	CHECK_IN_CHILD_THAT(syscall(SYS_execveat, path, "", argv, NO_ENV, AT_EMPTY_PATH),
			    "a descriptor opened with O_PATH");
	CHECK_IN_CHILD_THAT(syscall(SYS_execveat, root, self + 1, argv, NO_ENV, 0), "a path below a directory");
	CHECK_IN_CHILD_THAT(syscall(SYS_execveat, AT_FDCWD, self, argv, NO_ENV, AT_SYMLINK_NOFOLLOW), "AT_FDCWD");
	close(fd);
	close(path);
	close(root);
}

int main(int argc, char **argv, char **envp)
{
	static char absolute[4096];
	if (argc > 1)
		return executed(argc, argv, envp);
	limit_seconds(60);
	self = (char *)getauxval(AT_EXECFN);
	if (realpath(self, absolute))
		self = absolute;
	errors();
	inheritance();
	by_descriptor();
	return finish();
}
