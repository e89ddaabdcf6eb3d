/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the agent and what they promise each other. The agent runs once, in order, and has nobody to return
 * an error to but the runner: a step that fails calls agent_fail(), which reports and ends the machine.
 *
 * Start-up time is the measure here: a page fault or a wait costs the guest more than a hundred instructions. So no
 * stdio, no malloc, few pages, and no wait that another wait could cover.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/wire.h"
#include "initramfs/job.h"

/*
 * For large buffers: the linker puts common symbols behind all other data, so that everything small shares one page
 * and most of a buffer is never touched.
 */
#define BEHIND_OTHER_DATA __attribute__((common))

/* agent.c */

/* The agent is pid 1 of the machine: it may mount, name the host, edit /etc and power off. Else it only runs a job. */
extern bool agent_is_init;

/*
 * Reports that the job cannot be run (stage, a positive or negative errno, "doing what") and ends the machine.
 */
_Noreturn void agent_fail(enum wire_stage stage, int error, const char *doing, const char *what);

/* Ends the machine without a word: the last frame has been sent, or there is nobody left to send it to. */
_Noreturn void agent_end(void);

/* connect.c: the streams to the runner. */

enum stream { STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR, STREAM_CONTROL, STREAM_IMAGE, STREAMS };

/*
 * Starts to connect all streams, without waiting: over AF_VSOCK to the host, or, with a directory, to the Unix
 * sockets directory/PORT. A stream that the job does not use is refused by the runner and does no harm.
 */
void streams_connect(const char *directory);

/* The stream's descriptor, -1 when closed; O_NONBLOCK, close-on-exec. */
int stream_fd(enum stream stream);

/*
 * Waits until every stream whose bit is set in mask is connected, in one wait for all. For a program they become
 * blocking and, as far as the kernel can, FIFOs (WIRE_SO_FIFO). agent_fail(WIRE_STAGE_STDIO) when one was refused.
 */
void streams_wait(unsigned mask, bool for_program);

void stream_close(enum stream stream);

/* A new, blocking connection to the runner's WIRE_FILES; waits for it. Returns the descriptor or a negative errno. */
int stream_open_files(void);

/* control.c: frames. */

/*
 * Reads the JOB frame; *payload stays valid until the first control_next(). The end of the stream ends the machine, a
 * frame that is no JOB or out of bounds is agent_fail(WIRE_STAGE_JOB).
 */
size_t control_read_job(char **payload);

/*
 * Takes the next complete frame that has been received: returns 1, or 0 when there is none yet. *payload is valid
 * until the next call of control_next or control_fill. Lengths beyond CONTROL_PAYLOAD_MAX are agent_fail().
 */
#define CONTROL_PAYLOAD_MAX 64u
int control_next(struct wire_frame *frame, const char **payload);

/* Reads what has arrived on the control stream; its end ends the machine. */
void control_fill(void);

/* Sends one frame, whole; a dead stream ends the machine. length <= CONTROL_REPORT_MAX (small: it is on the stack). */
#define CONTROL_REPORT_MAX 512u
_Static_assert(CONTROL_REPORT_MAX <= WIRE_REPORT_MAX, "report");
void control_send(enum wire_type type, const void *payload, size_t length);

/* files.c, account.c: the job's files, directories and user. */

/* Creates the job's files in order, then its home and working directory, which belong to its user. */
void files_create(struct job *job);

/* Makes the directories that the path lies in, after files_create(). Cuts the path short while it works. */
void files_make_parents(char *path);

/* Adds the job's user and group to /etc/passwd and /etc/group unless their numbers are there. */
void account_add(const struct job *job);

/* mounts.c */

/* Makes the job's mounts in order. agent_fail(WIRE_STAGE_MOUNT). After it, the root may be another. */
void mounts_make(struct job *job);

/* Limits what the program may add to all file systems in memory together. agent_fail(WIRE_STAGE_MOUNT). */
void mounts_limit(uint64_t bytes);

/* Whether this path of the guest lies in a share, where nothing is made for the job. */
bool mounts_share_covers(const struct job *job, const char *path);

/* Mounts a share at a path, which is made; takes such a mount away again with its path. */
void mounts_share_at(const struct job_mount *wanted, const char *at, const char *name);
void mounts_remove(const char *at, bool file);

/* untar.c: unpacks the archive below the root directory. agent_fail(WIRE_STAGE_MOUNT). */
void untar(int fd);

/* copy_in.c, copy_out.c */

/* Copies what the job's copy-ins bring. agent_fail(WIRE_STAGE_FILES). */
void copies_in(const struct job *job);

/* Keeps what copies_out() needs of the job. */
void copies_note(const struct job *job);
bool copies_wanted(void);

/* Sends what the copy-outs ask for and waits until the host has it. Failures are the host's to tell. */
void copies_out(void);

/* spawn.c */

/*
 * Starts the program with stdio[i] as its descriptor i (-1: closed) and nothing else open; returns its pid. With tty,
 * stdio[0] becomes its controlling terminal. agent_fail() when a step up to and including execve failed.
 */
pid_t spawn_program(const struct job *job, const int stdio[3], bool tty);

/* tty.c: a pseudo-terminal between the program and the streams STDIN and STDOUT. */

/* Opens the pty with the job's window size; returns the terminal for the program. */
int tty_open(const struct job *job);

/* Asks for the events that tty_transfer can use: fills up to TTY_POLLFDS entries, returns how many. 0 without a tty. */
#define TTY_POLLFDS 3
int tty_poll(struct pollfd *fds);

/* Moves bytes after a poll of the entries that tty_poll filled. Never waits. */
void tty_transfer(const struct pollfd *fds, int count);

/* Writes all output that the program left in the terminal to the stream; waits for the stream. */
void tty_drain(void);

void tty_resize(const struct wire_winsize *size);

/* The terminal's foreground process group; 0 without a tty or a group. */
pid_t tty_foreground(void);

/* util.c: what every part needs. */

/* poll(2) on one descriptor, without a time-out, again after signals. */
void wait_for(int fd, short events);

/* Clears O_NONBLOCK. */
void make_blocking(int fd);

/* Writes all bytes to a file, pipe or socket, waiting as needed; returns 0 or a negative errno, never SIGPIPE. */
int write_all(int fd, const char *bytes, size_t length);

/* Appends string to the text buffer[0..size) that ends at *length, as far as there is room. No NUL. */
void text_append(char *buffer, size_t size, size_t *length, const char *string);

/* Zeroed memory of its own. agent_fail(WIRE_STAGE_JOB) when there is none. */
void *map_bytes(size_t length);

#endif
