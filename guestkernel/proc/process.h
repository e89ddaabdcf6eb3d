/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes (thread groups): identity, family, what their threads share.
 */
#ifndef GUESTKERNEL_PROC_PROCESS_H
#define GUESTKERNEL_PROC_PROCESS_H

#include "guestkernel/linux_abi.h"
#include "guestkernel/list.h"
#include "guestkernel/proc/sched.h"

struct files;	      /* fs/vfs.h: descriptor table */
struct fs_ctx;	      /* fs/vfs.h: root, cwd, umask */
struct tty;	      /* controlling terminal, drv/tty */
struct sem_undo_list; /* ipc/sem.h */

struct session {
	u32 refs;
	int sid;
	struct tty *tty; /* controlling terminal, with a reference, or NULL: drv/tty_job.c */
	int lost_pgrp;	 /* the foreground group when the terminal was hung up */
};

struct process {
	int pid;  /* thread group id */
	u32 refs; /* pidfds and the like keep a dead one */
	struct process *parent;
	struct thread *parent_thread; /* the living one of the parent whose child this is: it, or the one after it */
	struct list children, sibling, all_link;
	struct list threads; /* thread.process_link; the leader first */
	unsigned thread_count;
	struct thread *leader;
	int pgid;
	struct session *session;
	bool left_tty; /* TIOCNOTTY by a member: the session's terminal is not its own any more */
	struct files *files;
	struct fs_ctx *fs;
	struct sem_undo_list *sem_undo; /* SEM_UNDO of System V semaphores, or NULL */
	struct sighand *sighand;	/* actions */
	struct sigpending *pending;	/* process-directed */
	struct k_rlimit rlimit[16];
	struct wait_queue child_wait; /* wait4 of this process */
	struct wait_queue exit_wait;  /* pidfd poll */
	/* end */
	bool exiting;  /* exit_group in progress */
	int exit_code; /* wait status, once dead */
	bool zombie;
	bool dead;		    /* reaped: only references keep it */
	struct thread *exec_thread; /* waits in exec for the others to end */
	int exit_signal;	    /* to the parent, normally SIGCHLD */
	bool stopped;		    /* job control: threads stop on their way to user mode */
	int stop_signal;	    /* a stop that wait4 has not reported, or 0 */
	bool continued;		    /* a continuation that waitid has not reported */
	bool tell_continued;	    /* the parent gets a signal about it as soon as a thread runs */
	bool subreaper, dumpable, did_exec;
	u32 barriers; /* commands of membarrier(2) that it registered for */
	/* accounting of dead threads, waited-for children */
	u64 user_ns, system_ns, child_user_ns, child_system_ns;
	u64 minor_faults, major_faults, child_minor, child_major, voluntary, involuntary;
	u64 rss_peak_pages, child_rss_peak_pages;
	u64 start_ns;
	struct timer alarm; /* ITIMER_REAL */
	u64 alarm_interval_ns;
	struct list posix_timers;
	struct list cpu_timers;		      /* struct cpu_timer: armed ones */
	struct cpu_timer *cpu_limit;	      /* RLIMIT_CPU */
	struct cpu_itimer *itimer_cpu;	      /* ITIMER_VIRTUAL, ITIMER_PROF; allocated at first use */
	int oom_score_adj, oom_score_adj_min; /* the least that it may be without CAP_SYS_RESOURCE */
	struct {
		u64 read_bytes, written_bytes, reads, writes; /* by system calls */
	} io;
	u32 personality;
	bool filtered; /* of the program, from its execve on, and for ever: see syscall/filter.h */
	char *cmdline; /* not used when mm has it */
};

extern struct list all_processes;  /* process.all_link */
extern unsigned stopped_processes; /* how many are stopped by job control */
static inline void process_set_stopped(struct process *p, bool stopped)
{
	stopped_processes += (unsigned)stopped - (unsigned)p->stopped;
	p->stopped = stopped;
}
extern struct process *init_process;

struct process *process_find(int pid);
struct thread *thread_find(int tid);
extern u64 threads_made;      /* since the start: /proc/stat */
unsigned threads_count(void); /* how many ids are in use */
/* execve by a thread that is not the leader: it takes over the process's id. The old owner of the number must be gone.
 */
void thread_rename(struct thread *t, int tid);
/* The thread that stands for a living process: the leader, or another one when that has ended already. */
struct thread *process_thread(struct process *p);
/* A new process around its first thread: a child of `parent` (NULL: none) in its group and session, with default limits
 * or the parent's, but without files, fs, sighand. NULL: no memory. */
struct process *process_alloc(struct thread *leader, struct process *parent);
/* Takes a process that never ran, or was waited for, out of all lists and drops the list's reference. */
void process_unlink(struct process *p);
/* Adds the CPU time and peaks of a dead child to its parent's and unlinks it. */
void process_reap(struct process *p);
void session_put(struct session *s);
/* Leaves the session for a new one; -EPERM, -ENOMEM. */
int session_create(struct process *p);
/* A process group is orphaned when no member has a parent in another group of the same session: nobody could continue
 * it. */
bool process_group_orphaned(int pgid);
/* The parent of a vfork goes on. */
void vfork_release(struct thread *t);
/* wait4 and waitid: what a child of the current process has done. */
struct wait_result {
	int pid, code, status; /* CLD_*, exit status or signal */
	u32 uid;
	int wait_status; /* as wait4 stores it */
	struct k_rusage usage;
};
enum wait_kind { WAIT_ANY, WAIT_PID, WAIT_GROUP };
/* Returns the pid, 0 with WNOHANG when nothing has happened, -ECHILD, -ERESTARTSYS. options: W* and __W* of wait(2). */
long process_wait(enum wait_kind kind, int id, u32 options, struct wait_result *result);
void process_usage(const struct process *p, bool children, struct k_rusage *usage);
/* A descriptor for a process; poll says readable when it has ended. */
struct file *pidfd_create(struct process *p, u32 flags);
/* The process of a pidfd, or NULL. Not referenced. */
struct process *pidfd_process(struct file *file);
/* Futexes of a thread that leaves its address space (exit, exec): robust list, PI futexes, clear_child_tid. */
void futex_exit(struct thread *t);
/* POSIX timers do not survive exec and exit. */
void posix_timers_delete(struct process *p);
void itimers_cancel(struct process *p);
void process_get(struct process *p);
void process_put(struct process *p);
/* The address space of a process, with a reference, or NULL when it has ended. */
struct mm *process_mm_get(struct process *p);

/* Creates pid 1 from the initramfs' /init and makes it runnable. */
int process_start_init(const char *path);

struct clone_args_in { /* decoded clone/clone3 */
	u64 flags;
	u64 child_tid, parent_tid, pidfd, tls, stack;
	int exit_signal;
	int set_tid;
};
long process_clone(const struct clone_args_in *args);
/* Ends the current thread; the process with the last one. status: wait status encoding. */
void thread_exit(int status) __attribute__((noreturn));
/* Ends all threads of the current process. */
void process_exit_group(int status) __attribute__((noreturn));
/* Kernel-side execve: path and argument vectors already copied to kernel memory. On success the registers of the
 * current thread are those of the new program and 0 is returned. */
struct exec_args {
	char **argv, **envp; /* kmalloc'ed strings */
	int argc, envc;
	u64 bytes;
};
int process_exec(int dirfd, const char *path, int at_flags, struct exec_args *args);

/* The largest process by resident pages is killed with SIGKILL; false when there is none to kill. */
bool oom_kill(void);

#endif
