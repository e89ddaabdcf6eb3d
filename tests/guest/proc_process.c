/* SPDX-License-Identifier: Apache-2.0
 * What /proc/PID tells of a process: status, stat, statm, limits, comm, command line, environment, links, and who may
 * look.
 * area: /dev /proc /sys
 * flags: -pthread
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "probe.h"

static char text[1 << 17], other[1 << 17];

#define slurp(name) read_text(name, text, sizeof(text))

static long slurp_of(pid_t pid, const char *file)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/%d/%s", pid, file);
	return slurp(name);
}

/* The value of a line "Key:\tvalue" of text. */
static const char *value(const char *key)
{
	static char out[256];
	size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, key, length) && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " \t");
			size_t n = strcspn(line, "\n");
			snprintf(out, sizeof(out), "%.*s", (int)(n < 255 ? n : 255), line);
			return out;
		}
	return "(none)";
}

static long number(const char *key)
{
	const char *v = value(key);
	return isdigit((unsigned char)*v) || *v == '-' ? strtol(v, NULL, 0) : -999;
}

static unsigned long mask(const char *key)
{
	return strtoul(value(key), NULL, 16);
}

/* Field n (from 1) of a stat line in text. */
static long field(int n)
{
	const char *p = strrchr(text, ')');
	if (n == 1)
		return atol(text);
	for (int i = 2; p && i < n; i++)
		p = strchr(p + 1, ' ');
	return p ? (long)strtoul(p + 1, NULL, 10) : -999;
}

static char state(void)
{
	const char *p = strrchr(text, ')');
	return p ? p[2] : '?';
}

/* ---- status ---- */

static void status(void)
{
	theme("/proc/PID/status");
	REQUIRE(slurp("/proc/self/status") > 0);
	static const char *const keys[] = {"Name",
					   "Umask",
					   "State",
					   "Tgid",
					   "Ngid",
					   "Pid",
					   "PPid",
					   "TracerPid",
					   "Uid",
					   "Gid",
					   "FDSize",
					   "Groups",
					   "NStgid",
					   "NSpid",
					   "NSpgid",
					   "NSsid",
					   "VmPeak",
					   "VmSize",
					   "VmLck",
					   "VmPin",
					   "VmHWM",
					   "VmRSS",
					   "RssAnon",
					   "RssFile",
					   "RssShmem",
					   "VmData",
					   "VmStk",
					   "VmExe",
					   "VmLib",
					   "VmPTE",
					   "VmSwap",
					   "HugetlbPages",
					   "CoreDumping",
					   "THP_enabled",
					   "Threads",
					   "SigQ",
					   "SigPnd",
					   "ShdPnd",
					   "SigBlk",
					   "SigIgn",
					   "SigCgt",
					   "CapInh",
					   "CapPrm",
					   "CapEff",
					   "CapBnd",
					   "CapAmb",
					   "NoNewPrivs",
					   "Seccomp",
					   "Seccomp_filters",
					   "Speculation_Store_Bypass",
					   "Cpus_allowed",
					   "Cpus_allowed_list",
					   "Mems_allowed",
					   "Mems_allowed_list",
					   "voluntary_ctxt_switches",
					   "nonvoluntary_ctxt_switches"};
	const char *last = text;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s%s:", i ? "\n" : "", keys[i]);
		const char *found = strstr(last, line);
		CHECKF(found, "%s, in its place", keys[i]);
		last = found ? found + 1 : last;
	}
	char wanted[128];
	CHECK(!strcmp(value("Name"), "proc_process") && !strncmp(value("State"), "R (running)", 11));
	CHECK(number("Tgid") == getpid() && number("Pid") == getpid() && number("PPid") == getppid() &&
	      number("TracerPid") == 0);
	snprintf(wanted, sizeof(wanted), "%u\t%u\t%u\t%u", getuid(), geteuid(), getuid(), geteuid());
	CHECK(!strcmp(value("Uid"), wanted));
	snprintf(wanted, sizeof(wanted), "%u\t%u\t%u\t%u", getgid(), getegid(), getgid(), getegid());
	CHECK(!strcmp(value("Gid"), wanted));
	CHECK(number("NSpid") == getpid() && number("NSpgid") >= 0 && number("FDSize") >= 3 && number("Threads") == 1);
	CHECK(number("VmSize") > 0 && number("VmRSS") > 0 && number("VmRSS") <= number("VmSize") &&
	      number("VmHWM") >= number("VmRSS"));
	CHECK(number("VmPeak") >= number("VmSize"));
	CHECK(number("RssAnon") + number("RssFile") + number("RssShmem") == number("VmRSS"));
	CHECK(strstr(value("VmSize"), " kB") && number("VmStk") > 0 && number("VmExe") > 0 && number("VmSwap") == 0);
	char size_before[64];
	snprintf(size_before, sizeof(size_before), "%s", value("VmSize"));
	umask(027);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGHUP, _exit); /* some function */
	raise(SIGUSR1);
	kill(getpid(), SIGRTMIN + 3);
	char *p = mmap(NULL, 100 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	memset(p, 1, 4 << 20);
	long rss_before = number("VmRSS"), anon_before = number("RssAnon"), data_before = number("VmData");
	slurp("/proc/self/status");
	CHECK_THAT(number("VmSize") == atol(size_before) + (100 << 10), "VmSize counts what is mapped");
	CHECK_THAT(number("VmRSS") >= rss_before + (3 << 10) && number("RssAnon") >= anon_before + (3 << 10) &&
		       number("VmRSS") < rss_before + (20 << 10),
		   "VmRSS what is used");
	CHECK_THAT(number("VmData") == data_before + (100 << 10), "VmData private writable memory");
	CHECK(!strcmp(value("Umask"), "0027"));
	CHECK((mask("SigBlk") & (1ul << (SIGUSR1 - 1))) && (mask("SigBlk") & (1ul << (SIGRTMIN + 2))));
	CHECK((mask("SigIgn") & (1ul << (SIGUSR2 - 1))) && (mask("SigCgt") & (1ul << (SIGHUP - 1))) &&
	      !(mask("SigCgt") & (1ul << (SIGUSR2 - 1))));
	CHECK((mask("SigPnd") & (1ul << (SIGUSR1 - 1))) && (mask("ShdPnd") & (1ul << (SIGRTMIN + 2))));
	CHECK_THAT(strchr(value("SigQ"), '/') && atoi(value("SigQ")) >= 1, "SigQ: queued signals and how many may be");
	munmap(p, 100 << 20);
	CHECK_THAT(slurp("/proc/self/status") > 0 && number("VmPeak") >= atol(size_before) + (100 << 10) &&
		       number("VmHWM") >= rss_before + (3 << 10),
		   "peaks stay");
	CHECK_IN_CHILD_THAT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && slurp("/proc/self/status") > 0 &&
				number("NoNewPrivs") == 1,
			    "NoNewPrivs");
	CHECK_IN_CHILD_THAT(prctl(PR_SET_NAME, "a b\nc\\d") == 0 && slurp("/proc/self/status") > 0 &&
				!strcmp(value("Name"), "a b\\nc\\\\d"),
			    "a name cannot forge a line");
	if (geteuid() == 0)
		CHECK_IN_CHILD_THAT(setresgid(1, 2, 3) == 0 && setresuid(4, 5, 6) == 0 &&
					prctl(PR_SET_DUMPABLE, 1) == 0 && slurp("/proc/self/status") > 0 &&
					!strcmp(value("Uid"), "4\t5\t6\t5") && !strcmp(value("Gid"), "1\t2\t3\t2") &&
					mask("CapEff") == 0,
				    "identities and capabilities");
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CHECK_IN_CHILD_THAT(sched_setaffinity(0, sizeof(cpus), &cpus) == 0 && slurp("/proc/self/status") > 0 &&
				mask("Cpus_allowed") == 1 && !strcmp(value("Cpus_allowed_list"), "0"),
			    "Cpus_allowed");
}

/* ---- stat, statm ---- */

static void stat_line(void)
{
	theme("/proc/PID/stat fields");
	REQUIRE(slurp("/proc/self/stat") > 0);
	int spaces = 0;
	for (const char *p = strrchr(text, ')'); p && *p; p++)
		spaces += *p == ' ';
	CHECK_THAT(spaces == 50 && text[strlen(text) - 1] == '\n', "52 fields and the end of the line");
	CHECK(field(1) == getpid() && strstr(text, "(proc_process)") && state() == 'R');
	CHECK(field(4) == getppid() && field(5) == getpgrp() && field(6) == getsid(0));
	CHECK(field(18) == 20 + getpriority(PRIO_PROCESS, 0) && field(19) == getpriority(PRIO_PROCESS, 0) &&
	      field(20) == 1);
	CHECK_THAT(field(22) >= 0, "the time of its start");
	long start = field(22);
	CHECK(field(23) > 0 && field(23) % PAGE == 0 && field(24) > 0 && field(24) * PAGE <= field(23));
	struct rlimit limit;
	getrlimit(RLIMIT_RSS, &limit);
	CHECK_THAT((rlim_t)field(25) == limit.rlim_cur, "the limit of its resident set");
	CHECK_THAT(field(26) && field(26) < field(27) && field(27) > (long)(uintptr_t)stat_line &&
		       field(26) <= (long)(uintptr_t)stat_line,
		   "its code");
	CHECK_THAT((uintptr_t)field(28) > (uintptr_t)&start && (uintptr_t)field(28) < (uintptr_t)&start + (8 << 20),
		   "where its stack begins");
	CHECK_THAT(field(38) == SIGCHLD, "the signal at its end");
	CHECK_THAT(field(39) >= 0 && field(39) < 1024, "its CPU");
	CHECK(field(40) == 0 && field(41) == 0);
	CHECK_THAT((uintptr_t)field(47) <= (uintptr_t)sbrk(0) && field(47) > 0, "where its heap begins");
	CHECK_THAT(field(48) < field(49) && field(49) <= field(50) && field(50) < field(51),
		   "arguments, then environment");
	CHECK_THAT((uintptr_t)environ[0] >= (uintptr_t)field(50) && (uintptr_t)environ[0] < (uintptr_t)field(51),
		   "the environment is there");
	char *p = map_pages(100, PROT_READ | PROT_WRITE);
	long minor = field(10);
	memset(p, 1, 100 * PAGE);
	slurp("/proc/self/stat");
	CHECK_THAT(field(10) > minor, "minor faults");
	long used = field(14) + field(15);
	for (long begin = now_us(); now_us() < begin + 5000000 && field(14) + field(15) <= used;)
		slurp("/proc/self/stat");
	CHECK_THAT(field(14) + field(15) > used, "CPU time passes");
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	long ticks = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 100 +
		     (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 10000;
	CHECK_THAT(field(14) + field(15) <= ticks + 2 && field(14) + field(15) >= ticks - 3, "as getrusage says");
	pid_t pid = fork_child();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	until_asleep(pid, pid);
	CHECK(slurp_of(pid, "stat") > 0 && state() == 'S' && field(4) == getpid() && field(22) >= start);
	CHECK(slurp_of(pid, "status") > 0 && !strcmp(value("State"), "S (sleeping)") && number("PPid") == getpid());
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	CHECK(slurp_of(pid, "stat") > 0 && state() == 'T' && slurp_of(pid, "status") > 0 &&
	      !strcmp(value("State"), "T (stopped)"));
	setpriority(PRIO_PROCESS, (id_t)pid, 7);
	CHECK(slurp_of(pid, "stat") > 0 && field(18) == 27 && field(19) == 7);
	struct sched_param fifo = {.sched_priority = 10};
	sched_setscheduler(pid, SCHED_FIFO, &fifo);
	if (geteuid() == 0)
		CHECK(slurp_of(pid, "stat") > 0 && field(18) == -11 && field(40) == 10 && field(41) == SCHED_FIFO);
	char name[64];
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	int opened = open(name, O_RDONLY);
	snprintf(name, sizeof(name), "/proc/%d", pid);
	int directory = open(name, O_RDONLY | O_DIRECTORY);
	kill(pid, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	theme("zombies in /proc");
	CHECK(slurp_of(pid, "stat") > 0 && state() == 'Z' && field(23) == 0 && field(24) == 0 && field(4) == getpid());
	CHECK_THAT(field(52) == SIGKILL, "how it ended");
	CHECK(slurp_of(pid, "status") > 0 && !strcmp(value("State"), "Z (zombie)") &&
	      !strcmp(value("VmSize"), "(none)") && number("Threads") == 1);
	CHECK(slurp_of(pid, "cmdline") == 0 && slurp_of(pid, "maps") == 0 && slurp_of(pid, "statm") == 14);
	CHECK(slurp_of(pid, "comm") > 0 && !strcmp(text, "proc_process\n"));
	static const char *const links[] = {"exe", "cwd", "fd/0"};
	for (int i = 0; i < 3 - (geteuid() != 0); i++) {
		snprintf(name, sizeof(name), "/proc/%d/%s", pid, links[i]);
		CHECKF(ANSWER(readlink(name, other, 100)) == -ENOENT, "%s", links[i]);
	}
	CHECK_THAT(pread(opened, other, 100, 0) > 0, "a file opened before");
	CHECK(wait_for(pid) > 0);
	theme("processes that are gone");
	CHECK_ERRNO(pread(opened, other, 100, 0), ESRCH);
	CHECK_ERRNO(openat(directory, "stat", O_RDONLY), ESRCH);
	CHECK_THAT(syscall(SYS_getdents64, directory, other, sizeof(other)) == -1 && errno == ENOENT,
		   "its directory cannot be listed");
	CHECK(slurp_of(pid, "stat") == -ENOENT);
	CHECK_THAT(fstat(opened, &(struct stat){0}) == 0, "an open file can be looked at");
	close(opened);
	close(directory);
	theme("/proc/PID/statm");
	long pages[7];
	slurp("/proc/self/statm");
	CHECK(sscanf(text, "%ld %ld %ld %ld %ld %ld %ld\n", &pages[0], &pages[1], &pages[2], &pages[3], &pages[4],
		     &pages[5], &pages[6]) == 7);
	CHECK(pages[0] > pages[1] && pages[1] >= pages[2] && pages[3] > 0 && pages[4] == 0 && pages[5] > 0 &&
	      pages[6] == 0);
	long size = pages[0];
	map_pages(1000, PROT_READ | PROT_WRITE);
	CHECK(slurp("/proc/self/statm") > 0 && atol(text) == size + 1000);
}

/* ---- command line, environment, comm ---- */

static void words(char **argv)
{
	theme("command line and names");
	long n = slurp("/proc/self/cmdline");
	CHECK_THAT(n == (long)strlen(argv[0]) + 1 && !strcmp(text, argv[0]), "cmdline: arguments with NULs");
	CHECK_IN_CHILD_THAT((execl("/proc/self/exe", "name", "two words", "", "last", NULL), 0),
			    "execve with arguments");
	char kept = argv[0][0];
	argv[0][0] = '#';
	CHECK_THAT(slurp("/proc/self/cmdline") == n && text[0] == '#', "cmdline shows what the process writes over it");
	argv[0][0] = kept;
	n = slurp("/proc/self/environ");
	CHECK_THAT(n > 0 && !strcmp(text, environ[0]) && text[n - 1] == 0, "environ");
	CHECK_IN_CHILD_THAT(setenv("LATER", "1", 1) == 0 && slurp("/proc/self/environ") == n,
			    "environ is that of the start");
	CHECK(slurp("/proc/self/comm") > 0 && !strcmp(text, "proc_process\n"));
	static const char *const names[][2] = {{"short", "short\n"},
					       {"exactly15bytes.", "exactly15bytes.\n"},
					       {"much longer than fifteen", "much longer tha\n"},
					       {"with\nline", "with\nline\n"},
					       {"", "\n"}};
	for (size_t i = 0; i < 5; i++) {
		int fd = open("/proc/self/comm", O_RDWR);
		long length = (long)strlen(names[i][0]);
		CHECKF(i == 4 || (write(fd, names[i][0], (size_t)length) == length && slurp("/proc/self/comm") > 0 &&
				  !strcmp(text, names[i][1])),
		       "comm is written, case %zu", i);
		prctl(PR_SET_NAME, names[i][0]);
		CHECKF(slurp("/proc/self/comm") > 0 && !strcmp(text, names[i][1]), "prctl sets it, case %zu", i);
		close(fd);
	}
	prctl(PR_SET_NAME, "proc_process");
	pid_t pid = fork_child();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	char name[64];
	snprintf(name, sizeof(name), "/proc/%d/comm", pid);
	int fd = open(name, O_WRONLY);
	CHECK_ERRNO(write(fd, "x", 1), EINVAL);
	CHECK(slurp(name) > 0 && !strcmp(text, "proc_process\n"));
	close(fd);
	kill(pid, SIGKILL);
	wait_for(pid);
	unsigned long vector[100];
	fd = open("/proc/self/auxv", O_RDONLY);
	n = read(fd, vector, sizeof(vector));
	close(fd);
	int good = n > 0 && n % 16 == 0;
	for (long i = 0; good && i < n / 8; i += 2)
		good = !vector[i] || (vector[i] == AT_HWCAP ? vector[i + 1] >> 26 & 1 /* SSE2; CPUID 1: EDX */
							    : getauxval(vector[i]) == vector[i + 1]);
	CHECK_THAT(good && vector[n / 8 - 2] == 0, "auxv is what the program was given, and AT_NULL");
}

/* ---- the other small files ---- */

static void adjust(const char *what, long result, long after)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);
	CHECKF(ANSWER(write(fd, what, strlen(what))) == result && slurp("/proc/self/oom_score_adj") > 0 &&
		   atol(text) == after,
	       "oom_score_adj: writing \"%.*s\"", (int)strcspn(what, "\n"), what);
	close(fd);
}

static void adjust_as_user(void)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		int fd = setuid(1234) || prctl(PR_SET_DUMPABLE, 1) ? -1 : open("/proc/self/oom_score_adj", O_RDWR);
		int fine =
		    write(fd, "1000", 4) == 4 && write(fd, "100", 3) == 3 && ANSWER(write(fd, "-1", 2)) == -EACCES;
		_exit(fine && slurp("/proc/self/oom_score_adj") == 4 && atol(text) == 100 ? 0 : 1);
	}
	CHECK_THAT(wait_for(pid) == 0, "an ordinary user lowers it to what it was");
}

static void small(void)
{
	theme("small files of /proc/PID");
	adjust("100\n", 4, 100);
	adjust(" 7 ", 3, 7);
	adjust("1001", -EINVAL, 7);
	adjust("-1001", -EINVAL, 7);
	adjust("word", -EINVAL, 7);
	adjust("", -EINVAL, 7);
	adjust("0", 1, 0);
	if (geteuid() == 0)
		adjust_as_user();
	CHECK(slurp("/proc/self/oom_score") > 0 && atol(text) >= 0 && atol(text) <= 2000);
	struct rlimit limit = {123, 456};
	setrlimit(RLIMIT_NOFILE, &limit);
	long n = slurp("/proc/self/limits");
	static const char *const rows[] = {
	    "Limit                     Soft Limit           Hard Limit           Units     \n",
	    "Max cpu time ",
	    "Max file size ",
	    "Max data size ",
	    "Max stack size ",
	    "Max core file size ",
	    "Max resident set ",
	    "Max processes ",
	    "Max open files            123                  456                  files     \n",
	    "Max locked memory ",
	    "Max address space ",
	    "Max file locks ",
	    "Max pending signals ",
	    "Max msgqueue size ",
	    "Max nice priority ",
	    "Max realtime priority ",
	    "Max realtime timeout "};
	const char *at = text;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECKF(n > 0 && at && !strncmp(at, rows[i], strlen(rows[i])), "limits: %.20s", rows[i]);
		at = at && strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	}
	CHECK(slurp("/proc/self/io") > 0 && strstr(text, "rchar: ") == text && strstr(text, "\nwchar: ") &&
	      strstr(text, "\nsyscr: ") && strstr(text, "\ncancelled_write_bytes: "));
	long calls = number("syscr"), bytes = number("rchar");
	slurp("/proc/self/limits");
	CHECK_THAT(slurp("/proc/self/io") > 0 && number("syscr") > calls && number("rchar") > bytes, "io counts reads");
	bytes = number("wchar");
	int null = open("/dev/null", O_WRONLY);
	CHECK_THAT(write(null, text, 12345) == 12345 && slurp("/proc/self/io") > 0 && number("wchar") >= bytes + 12345,
		   "and writes");
	close(null);
	CHECK(slurp("/proc/self/loginuid") > 0 && slurp("/proc/self/sessionid") > 0 && slurp("/proc/self/wchan") == 1 &&
	      text[0] == '0');
	CHECK(slurp("/proc/self/cgroup") > 0 && strstr(text, ":/") && slurp("/proc/self/schedstat") > 0);
	CHECK(slurp("/proc/self/personality") == 9 && !strcmp(text, "00000000\n"));
	CHECK(slurp("/proc/self/coredump_filter") == 9 && slurp("/proc/self/timerslack_ns") > 0 && atol(text) == 50000);
	CHECK(slurp("/proc/self/uid_map") == 33 && slurp("/proc/self/gid_map") == 33 &&
	      slurp("/proc/self/setgroups") == 6);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		int fine = slurp("/proc/self/cmdline") == 21 && !memcmp(text, "name\0two words\0\0last", 21);
		return fine && slurp("/proc/self/comm") > 0 && !strcmp(text, "exe\n") ? 0 : 1;
	}
	limit_seconds(60);
	status();
	stat_line();
	words(argv);
	small();
	return finish();
}
