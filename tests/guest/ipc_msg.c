/* SPDX-License-Identifier: Apache-2.0
 * System V message queues: msgget, msgsnd, msgrcv, msgctl.
 * area: System V and POSIX IPC
 */
#include <limits.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include "probe.h"

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct text {
	long type;
	char bytes[8200];
};

static void *nowhere(void)
{
	return unmapped_address();
}

static key_t free_key(int salt)
{
	return (key_t)(0x5d000000 + (getpid() & 0xffff) * 16 + salt);
}

static struct msqid_ds stat_of(int id)
{
	struct msqid_ds ds = {0};
	msgctl(id, IPC_STAT, &ds);
	return ds;
}

static int send_text(int id, long type, const char *bytes, int flags)
{
	struct text m = {.type = type};
	strcpy(m.bytes, bytes);
	return msgsnd(id, &m, strlen(bytes), flags);
}

/* Receives and compares: the type, or -1. */
static long receive(int id, long type, int flags, const char *wanted)
{
	struct text m = {0};
	ssize_t n = msgrcv(id, &m, sizeof(m.bytes), type, flags);
	return n == (ssize_t)strlen(wanted) && memcmp(m.bytes, wanted, (size_t)n) == 0 ? m.type : -1;
}

static void as_nobody(void)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(199);
}

static void hostile(void)
{
	struct text m = {.type = 1};
	theme("hostile");
	int id = msgget(IPC_PRIVATE, 0600);
	REQUIRE(id >= 0);
	CHECK_ERRNO(msgsnd(id, nowhere(), 1, 0), EFAULT);
	CHECK_ERRNO(msgsnd(id, (void *)0xffff800000000000, 1, 0), EFAULT);
	char *edge = map_pages(2, PROT_READ | PROT_WRITE);
	munmap(edge + PAGE, PAGE);
	*(long *)(void *)(edge + PAGE - 8) = 1;
	CHECK_THAT(msgsnd(id, edge + PAGE - 8, 100, 0) == -1 && errno == EFAULT,
		   "text beyond the end of memory is EFAULT");
	CHECK(stat_of(id).msg_qnum == 0);
	CHECK_ERRNO(msgsnd(id, &m, 8193, 0), EINVAL);
	CHECK_ERRNO(msgsnd(id, &m, (size_t)-1, 0), EINVAL);
	CHECK_ERRNO(msgsnd(-1, &m, 1, 0), EINVAL);
	CHECK_ERRNO(msgsnd(id + 1, &m, 1, 0), EINVAL);
	CHECK_ERRNO(msgsnd(id + 32768, &m, 1, 0), EINVAL);
	m.type = 0;
	CHECK_THAT(msgsnd(id, &m, 1, 0) == -1 && errno == EINVAL, "type 0 is EINVAL");
	m.type = -5;
	CHECK_THAT(msgsnd(id, &m, 1, 0) == -1 && errno == EINVAL, "a negative type is EINVAL");
	CHECK_ERRNO(msgrcv(id, &m, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(msgrcv(-1, &m, 1, 0, IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(msgrcv(id + 1, &m, 1, 0, IPC_NOWAIT), EINVAL);
	CHECK_ERRNO(msgrcv(id, &m, 1, 0, IPC_NOWAIT), ENOMSG);
	CHECK(send_text(id, 1, "lost", 0) == 0);
	CHECK_ERRNO(msgrcv(id, nowhere(), 100, 0, 0), EFAULT);
	CHECK_ERRNO(msgctl(id, IPC_STAT, nowhere()), EFAULT);
	CHECK_ERRNO(msgctl(id, IPC_SET, nowhere()), EFAULT);
	CHECK_ERRNO(msgctl(0, IPC_INFO, nowhere()), EFAULT);
	CHECK_ERRNO(msgctl(0, MSG_INFO, nowhere()), EFAULT);
	CHECK_ERRNO(msgctl(id, 12345, NULL), EINVAL);
	CHECK_ERRNO(msgctl(id, -1, NULL), EINVAL);
	CHECK_ERRNO(msgctl(-1, IPC_STAT, NULL), EINVAL);
	CHECK(msgctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(msgctl(id, IPC_RMID, NULL), EINVAL);
}

static void get(void)
{
	key_t key = free_key(0);
	theme("msgget");
	CHECK_ERRNO(msgget(key, 0600), ENOENT);
	int id = msgget(key, IPC_CREAT | IPC_EXCL | 0640);
	REQUIRE(id >= 0);
	CHECK_ERRNO(msgget(key, IPC_CREAT | IPC_EXCL | 0640), EEXIST);
	CHECK(msgget(key, 0) == id && msgget(key, IPC_CREAT) == id);
	struct msqid_ds ds = stat_of(id);
	CHECK(ds.msg_qnum == 0 && ds.__msg_cbytes == 0 && ds.msg_qbytes >= 8192);
	CHECK(ds.msg_stime == 0 && ds.msg_rtime == 0 && labs((long)ds.msg_ctime - (long)time(NULL)) <= 5);
	CHECK(ds.msg_lspid == 0 && ds.msg_lrpid == 0);
	CHECK(ds.msg_perm.__key == key && (ds.msg_perm.mode & 07777) == 0640 && ds.msg_perm.uid == geteuid());
	CHECK(msgctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERRNO(msgget(key, 0), ENOENT);
}

static void transfer(void)
{
	struct text m = {0};
	theme("messages");
	int id = msgget(IPC_PRIVATE, 0600);
	REQUIRE(id >= 0);
	CHECK(send_text(id, 3, "three", 0) == 0 && send_text(id, 1, "one", 0) == 0);
	CHECK(send_text(id, 2, "", 0) == 0 && send_text(id, 3, "again", 0) == 0);
	struct msqid_ds ds = stat_of(id);
	CHECK(ds.msg_qnum == 4 && ds.__msg_cbytes == 13 && ds.msg_lspid == getpid() && ds.msg_stime != 0);
	CHECK_THAT(receive(id, 0, 0, "three") == 3, "type 0 takes the first");
	CHECK_THAT(receive(id, 2, 0, "") == 2, "a type takes the first of that type, an empty one too");
	CHECK_THAT(receive(id, 7, IPC_NOWAIT, "x") == -1 && errno == ENOMSG, "a type that is not there is ENOMSG");
	CHECK(send_text(id, 9, "nine", 0) == 0);
	CHECK_THAT(receive(id, -5, 0, "one") == 1, "a negative type takes the lowest up to it");
	CHECK_THAT(receive(id, 3, MSG_EXCEPT, "nine") == 9, "MSG_EXCEPT takes the first of another type");
	CHECK_THAT(msgrcv(id, &m, 3, 0, 0) == -1 && errno == E2BIG, "a long message is E2BIG");
	CHECK(stat_of(id).msg_qnum == 1);
	CHECK_ERRNO(msgrcv(id, &m, 100, 0, MSG_COPY), EINVAL);
	CHECK_ERRNO(msgrcv(id, &m, 100, 1, MSG_COPY | IPC_NOWAIT), ENOMSG);
	CHECK_THAT(msgrcv(id, &m, 3, 0, MSG_NOERROR) == 3 && memcmp(m.bytes, "agai", 4) != 0 &&
		       memcmp(m.bytes, "aga", 3) == 0,
		   "MSG_NOERROR cuts it");
	CHECK_THAT(stat_of(id).msg_qnum == 0, "and the rest is lost");
	ds = stat_of(id);
	CHECK(ds.__msg_cbytes == 0 && ds.msg_lrpid == getpid() && ds.msg_rtime != 0);
	memset(m.bytes, 'b', sizeof(m.bytes));
	m.type = LONG_MAX;
	CHECK(msgsnd(id, &m, 8192, 0) == 0 && msgsnd(id, &m, 8192, 0) == 0);
	CHECK_THAT(msgsnd(id, &m, 1, IPC_NOWAIT) == -1 && errno == EAGAIN, "a full queue is EAGAIN");
	CHECK(send_text(id, 1, "", IPC_NOWAIT) == 0);
	CHECK_THAT(msgrcv(id, &m, 8192, LONG_MIN, 0) == 0 && m.type == 1, "LONG_MIN takes the lowest of all");
	CHECK(msgrcv(id, &m, 8192, 0, 0) == 8192 && m.bytes[8191] == 'b' && m.type == LONG_MAX);
	msgctl(id, IPC_RMID, NULL);
}

static void ignore(int number) {}

static int wait_status(pid_t child)
{
	int status = wait_for(child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void waits(void)
{
	struct text m = {.type = 1};
	theme("waiting");
	int id = msgget(IPC_PRIVATE, 0600);
	REQUIRE(id >= 0);
	pid_t child = fork_child();
	if (child == 0)
		_exit(receive(id, 5, 0, "five") == 5 ? 0 : 1);
	sleep_ms(20);
	CHECK(send_text(id, 4, "four", 0) == 0);
	sleep_ms(10);
	CHECK(send_text(id, 5, "five", 0) == 0 && wait_for(child) == 0);
	CHECK(receive(id, 0, 0, "four") == 4);
	CHECK(msgsnd(id, &m, 8192, 0) == 0 && msgsnd(id, &m, 8192, 0) == 0);
	child = fork_child();
	if (child == 0)
		_exit(send_text(id, 6, "six", 0) == 0 ? 0 : errno);
	sleep_ms(20);
	CHECK(stat_of(id).msg_qnum == 2);
	CHECK(msgrcv(id, &m, 8192, 0, 0) == 8192 && wait_for(child) == 0);
	CHECK(receive(id, 6, 0, "six") == 6);
	CHECK_THAT(msgrcv(id, &m, 8192, 0, 0) == 8192, "the queue is emptied");
	child = fork_child();
	if (child == 0) {
		struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
		sigaction(SIGUSR1, &action, NULL);
		send_text(id, 1, "ready", 0);
		_exit(msgrcv(id, &m, 10, 99, 0) == -1 ? errno : 0);
	}
	CHECK(receive(id, 1, 0, "ready") == 1);
	sleep_ms(20);
	kill(child, SIGUSR1);
	CHECK_THAT(wait_status(child) == EINTR, "a handler ends msgrcv with EINTR, SA_RESTART or not");
	child = fork_child();
	if (child == 0)
		_exit(msgrcv(id, &m, 10, 0, 0) == -1 ? errno : 0);
	sleep_ms(20);
	CHECK(msgctl(id, IPC_RMID, NULL) == 0);
	CHECK_THAT(wait_status(child) == EIDRM, "IPC_RMID ends msgrcv with EIDRM");
	id = msgget(IPC_PRIVATE, 0600);
	struct msqid_ds ds = stat_of(id);
	ds.msg_qbytes = 10;
	CHECK(msgctl(id, IPC_SET, &ds) == 0 && stat_of(id).msg_qbytes == 10);
	CHECK(send_text(id, 1, "0123456789", IPC_NOWAIT) == 0);
	child = fork_child();
	if (child == 0)
		_exit(send_text(id, 2, "more", 0) == 0 ? 0 : errno);
	sleep_ms(20);
	ds.msg_qbytes = 100;
	CHECK_THAT(msgctl(id, IPC_SET, &ds) == 0 && wait_for(child) == 0, "room made by IPC_SET lets a sender go on");
	msgctl(id, IPC_RMID, NULL);
}

static void permissions(void)
{
	struct text m = {.type = 1};
	theme("permissions");
	int id = msgget(free_key(1), IPC_CREAT | 0604);
	REQUIRE(id >= 0);
	struct msqid_ds ds = stat_of(id);
	if (geteuid() == 0) {
		CHECK_IN_CHILD_THAT((as_nobody(), send_text(id, 1, "x", 0) == -1 && errno == EACCES),
				    "no right to send");
		CHECK_IN_CHILD_THAT((as_nobody(), msgrcv(id, &m, 1, 0, IPC_NOWAIT) == -1 && errno == ENOMSG),
				    "the right to receive");
		CHECK_IN_CHILD_THAT((as_nobody(), msgctl(id, IPC_RMID, NULL) == -1 && errno == EPERM), "not its owner");
		CHECK_IN_CHILD_THAT((as_nobody(), msgctl(id, IPC_SET, &ds) == -1 && errno == EPERM),
				    "nor may it be set");
		ds.msg_perm.mode = 0;
		ds.msg_perm.uid = 65534;
		CHECK(msgctl(id, IPC_SET, &ds) == 0);
		CHECK_IN_CHILD_THAT((as_nobody(), msgctl(id, IPC_STAT, &ds) == -1 && errno == EACCES),
				    "an owner without rights cannot read");
		ds.msg_qbytes = 1 << 20;
		CHECK_IN_CHILD_THAT((as_nobody(), msgctl(id, IPC_SET, &ds) == -1 && errno == EPERM),
				    "a larger queue needs CAP_SYS_RESOURCE");
		CHECK_THAT(msgctl(id, IPC_SET, &ds) == 0 ? stat_of(id).msg_qbytes == 1 << 20 : errno == EPERM,
			   "root may, where it has that");
	}
	msgctl(id, IPC_RMID, NULL);
}

static void information(void)
{
	struct msginfo info, usage;
	struct msqid_ds ds;
	char line[256];
	theme("information");
	int id = msgget(free_key(2), IPC_CREAT | 0600), found = 0;
	REQUIRE(id >= 0 && send_text(id, 1, "hello", 0) == 0);
	int highest = msgctl(0, IPC_INFO, (void *)&info);
	CHECK(highest >= 0 && info.msgmax >= 8192 && info.msgmnb >= 8192 && info.msgmni >= 1);
	CHECK(msgctl(0, MSG_INFO, (void *)&usage) == highest);
	CHECK(usage.msgpool >= 1 && usage.msgmap >= 1 && usage.msgtql >= 5);
	for (int i = 0; i <= highest; i++)
		found += msgctl(i, MSG_STAT, &ds) == id && ds.msg_qnum == 1;
	CHECK_THAT(found == 1, "MSG_STAT finds it by index");
	found = 0;
	FILE *f = fopen("/proc/sysvipc/msg", "r");
	REQUIRE(f != NULL);
	CHECK(fgets(line, sizeof(line), f) &&
	      strstr(line, "       key      msqid perms      cbytes       qnum") == line);
	while (fgets(line, sizeof(line), f)) {
		int key, msqid, mode, bytes, count;
		found += sscanf(line, "%d %d %o %d %d", &key, &msqid, &mode, &bytes, &count) == 5 &&
			 key == free_key(2) && msqid == id && mode == 0600 && bytes == 5 && count == 1;
	}
	CHECK_THAT(found == 1, "/proc/sysvipc/msg has it");
	fclose(f);
	msgctl(id, IPC_RMID, NULL);
}

int main(void)
{
	limit_seconds(50);
	hostile();
	get();
	transfer();
	waits();
	permissions();
	information();
	return finish();
}
