/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoder of the JOB frame, see job.h.
 */
#include "initramfs/job.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* A file's contents travel padded to WIRE_PAGE; the padded size and every offset in it must fit off_t. */
#define FILE_SIZE_MAX (INT64_MAX - WIRE_PAGE)

struct cursor {
	char *next, *end;
};

/* Takes a NUL-terminated string off the cursor, or returns NULL. */
static char *take_string(struct cursor *in)
{
	char *string = in->next;
	char *nul = memchr(string, 0, (size_t)(in->end - string));

	if (!nul)
		return NULL;
	in->next = nul + 1;
	return string;
}

/* Takes a string whose length with its NUL is known: it must have no NUL before. */
static char *take_counted_string(struct cursor *in, uint32_t length)
{
	char *string = in->next;

	if (length > (size_t)(in->end - string) || memchr(string, 0, length) != string + length - 1)
		return NULL;
	in->next += length;
	return string;
}

static bool path_ok(const char *path)
{
	size_t length = strlen(path);

	if (path[0] != '/' || length >= WIRE_PATH_MAX)
		return false;
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		size_t dots = strspn(slash + 1, ".");
		char after = slash[1 + dots];

		if ((dots == 1 || dots == 2) && (after == '/' || after == '\0'))
			return false;
	}
	return true;
}

static bool user_ok(const char *user)
{
	for (; *user; user++)
		if (*user == ':' || *user == '/' || (unsigned char)*user < ' ')
			return false;
	return true;
}

static bool stdio_ok(const uint8_t stdio[4])
{
	bool tty = stdio[0] == WIRE_STDIO_TTY;

	for (int i = 0; i < 3; i++) {
		if (stdio[i] > WIRE_STDIO_TTY)
			return false;
		/* Standard error may go elsewhere than to the terminal. */
		if ((stdio[i] == WIRE_STDIO_TTY) != tty && !(tty && i == 2))
			return false;
		if (stdio[i] == WIRE_STDIO_STDOUT && i != 2)
			return false;
	}
	return stdio[3] == 0;
}

static bool limits_ok(const struct wire_job *header)
{
	if (header->rlimit_mask >> WIRE_RLIMITS)
		return false;
	for (int i = 0; i < WIRE_RLIMITS; i++)
		if (header->rlimit_mask >> i & 1 && header->rlimit[i].soft > header->rlimit[i].hard)
			return false;
	return true;
}

static bool counts_ok(const struct wire_job *header)
{
	return header->argc >= 1 && header->argc <= WIRE_STRINGS_MAX && header->envc <= WIRE_STRINGS_MAX &&
	       header->argc + header->envc <= WIRE_STRINGS_MAX && header->nfiles <= WIRE_FILES_MAX &&
	       header->nmounts <= WIRE_MOUNTS_MAX;
}

/* Decodes one file record; returns NULL, or what is wrong with it. */
static const char *take_file(struct cursor *in, struct job_file *file)
{
	struct wire_file *header = &file->header;

	if ((size_t)(in->end - in->next) < sizeof *header)
		return "file record";
	memcpy(header, in->next, sizeof *header);
	in->next += sizeof *header;
	if (header->kind < WIRE_FILE_REGULAR || header->kind > WIRE_FILE_SYMLINK || header->mode > 07777)
		return "file kind or mode";
	if (header->kind == WIRE_FILE_REGULAR ? header->size > FILE_SIZE_MAX : header->size != 0)
		return "file size";
	if (header->path_len < 2 || header->path_len > WIRE_PATH_MAX)
		return "file path length";
	file->path = take_counted_string(in, header->path_len);
	if (!file->path || !path_ok(file->path))
		return "file path";
	file->target = NULL;
	if (header->kind != WIRE_FILE_SYMLINK)
		return header->link_len ? "link target" : NULL;
	if (header->link_len < 2 || header->link_len > WIRE_PATH_MAX)
		return "link target length";
	file->target = take_counted_string(in, header->link_len);
	return file->target ? NULL : "link target";
}

static const char *take_prefetch(struct cursor *in, struct job_mount *mount, bool share)
{
	static char none[1];
	uint32_t length = mount->header.prefetch_len;

	mount->prefetch = none;
	if (mount->header.reserved || (length && (!share || length < 2 || length > WIRE_PREFETCH_MAX)))
		return "mount prefetch list";
	if (length)
		mount->prefetch = take_counted_string(in, length);
	return mount->prefetch && !strchr(mount->prefetch, ',') ? NULL : "mount prefetch list";
}

/* Decodes one mount record; returns NULL, or what is wrong with it. */
static const char *take_mount(struct cursor *in, struct job_mount *mount)
{
	struct wire_mount *header = &mount->header;
	bool share, in_memory, root_only;

	if ((size_t)(in->end - in->next) < sizeof *header)
		return "mount record";
	memcpy(header, in->next, sizeof *header);
	in->next += sizeof *header;
	in_memory = header->kind == WIRE_MOUNT_TMPFS;
	share = !in_memory && header->kind != WIRE_MOUNT_COPY_OUT;
	root_only = header->kind == WIRE_MOUNT_TAR || header->kind == WIRE_MOUNT_IMAGE;
	if (header->kind < WIRE_MOUNT_SHARE || header->kind > WIRE_MOUNT_COPY_OUT ||
	    header->flags & ~(WIRE_MOUNT_READONLY | WIRE_MOUNT_FILE) || (!share && header->flags))
		return "mount kind or flags";
	if (in_memory ? header->share : header->share >= WIRE_FILES_SESSIONS_MAX || header->size)
		return "mount share or size";
	if (header->path_len < 2 || header->path_len > WIRE_PATH_MAX)
		return "mount path length";
	mount->path = take_counted_string(in, header->path_len);
	if (!mount->path || !path_ok(mount->path) || (root_only && mount->path[1]))
		return "mount path";
	return take_prefetch(in, mount, share);
}

static const char *take_vector(struct cursor *in, char **vector, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		vector[i] = take_string(in);
		if (!vector[i])
			return "argument or environment string";
	}
	vector[count] = NULL;
	return NULL;
}

static const char *take_strings(struct cursor *in, char **slots, struct job *job)
{
	const char *what;

	job->hostname = take_string(in);
	if (!job->hostname || strlen(job->hostname) >= WIRE_HOSTNAME_MAX)
		return "hostname";
	job->user = take_string(in);
	if (!job->user || !user_ok(job->user))
		return "user name";
	job->workdir = take_string(in);
	if (!job->workdir || !path_ok(job->workdir))
		return "working directory";
	job->home = take_string(in);
	if (!job->home || !path_ok(job->home))
		return "home directory";
	job->program = take_string(in);
	if (!job->program || (job->header.flags & WIRE_JOB_SEARCH ? !*job->program : !path_ok(job->program)))
		return "path to execute";
	job->argv = slots;
	job->envp = slots + job->header.argc + 1;
	what = take_vector(in, job->argv, job->header.argc);
	return what ? what : take_vector(in, job->envp, job->header.envc);
}

static const char *check_mounts(struct cursor *in, struct job *job)
{
	struct job_mount mount;
	const char *what;

	job->mounts = in->next;
	for (uint32_t i = 0; i < job->header.nmounts; i++) {
		what = take_mount(in, &mount);
		if (what)
			return what;
	}
	job->mounts_end = in->next;
	return NULL;
}

static const char *check_files(struct cursor *in, struct job *job)
{
	struct job_file file;
	const char *what;

	job->files = in->next;
	job->files_end = in->end;
	for (uint32_t i = 0; i < job->header.nfiles; i++) {
		what = take_file(in, &file);
		if (what)
			return what;
	}
	return in->next == in->end ? NULL : "bytes after the last record";
}

size_t job_vector_slots(const char *payload, size_t length)
{
	struct wire_job header;

	if (length < sizeof header)
		return 0;
	memcpy(&header, payload, sizeof header);
	return counts_ok(&header) ? (size_t)header.argc + header.envc + 2 : 0;
}

int job_decode(char *payload, size_t length, char **slots, size_t count, struct job *job, const char **what)
{
	struct wire_job *header = &job->header;
	struct cursor in = {payload + sizeof *header, payload + length};

	*what = "header";
	if (length < sizeof *header)
		return -EPROTO;
	memcpy(header, payload, sizeof *header);
	*what = "version";
	if (header->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	*what = "flags, counts, umask or limits";
	if (header->flags & ~WIRE_JOB_SEARCH || !counts_ok(header) || count < (size_t)header->argc + header->envc + 2 ||
	    header->umask > 0777 || !limits_ok(header))
		return -EPROTO;
	*what = "standard streams";
	if (!stdio_ok(header->stdio))
		return -EPROTO;
	*what = take_strings(&in, slots, job);
	if (!*what)
		*what = check_mounts(&in, job);
	if (!*what)
		*what = check_files(&in, job);
	return *what ? -EPROTO : 0;
}

int job_next_mount(struct job *job, struct job_mount *mount)
{
	struct cursor in = {job->mounts, job->mounts_end};

	if (job->mounts == job->mounts_end || take_mount(&in, mount))
		return 0;
	job->mounts = in.next;
	return 1;
}

int job_next_file(struct job *job, struct job_file *file)
{
	struct cursor in = {job->files, job->files_end};

	if (job->files == job->files_end || take_file(&in, file))
		return 0;
	job->files = in.next;
	return 1;
}
