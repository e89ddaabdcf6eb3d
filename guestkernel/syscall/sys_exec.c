/* SPDX-License-Identifier: Apache-2.0
 *
 * execve(2), execveat(2): arguments and environment from the program into kernel memory.
 */
#include <linux/fcntl.h>
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#define SHORT_STRING 256    /* most arguments fit; longer ones take a detour through a large buffer */
#define VECTOR_LIMIT 131072 /* strings in one vector: the pointers fill the largest kmalloc() */

static char *long_string(user_ptr from, long *length)
{
	char *big = kmalloc(ARG_STRING_LIMIT), *copy = NULL;

	*length = -ENOMEM;
	if (!big)
		return NULL;
	*length = strncpy_from_user(big, from, ARG_STRING_LIMIT);
	if (*length >= 0) {
		copy = kmalloc((size_t)*length + 1);
		if (copy)
			memcpy(copy, big, (size_t)*length + 1);
		else
			*length = -ENOMEM;
	}
	kfree(big);
	return copy;
}

static char *copy_string(user_ptr from, long *length)
{
	char text[SHORT_STRING], *copy;

	*length = strncpy_from_user(text, from, sizeof(text));
	if (*length == -ENAMETOOLONG)
		return long_string(from, length);
	if (*length < 0)
		return NULL;
	copy = kmalloc((size_t)*length + 1);
	if (!copy) {
		*length = -ENOMEM;
		return NULL;
	}
	memcpy(copy, text, (size_t)*length + 1);
	return copy;
}

static void free_vector(char **vector, int count)
{
	while (count)
		kfree(vector[--count]);
	kfree(vector);
}

/* Makes room for one more pointer. */
static int grow(char ***vector, int count)
{
	char **more;

	if (count >= VECTOR_LIMIT)
		return -E2BIG;
	if (count & (count - 1) || (count && count < 16))
		return 0; /* grows at 0, 16, 32, 64 ... */
	more = krealloc(*vector, sizeof(char *) * (size_t)MAX(16, count * 2));
	if (!more)
		return -ENOMEM;
	*vector = more;
	return 0;
}

static int copy_vector(u64 from, char ***vector, int *count, u64 *bytes)
{
	u64 pointer;
	long length;
	int error;

	for (; from; from += sizeof(pointer)) {
		if (get_user(pointer, user(from)))
			return -EFAULT;
		if (!pointer)
			return 0;
		error = grow(vector, *count);
		if (error)
			return error;
		(*vector)[*count] = copy_string(user(pointer), &length);
		if (length < 0)
			return length == -ENAMETOOLONG ? -E2BIG : (int)length;
		(*count)++;
		*bytes += (u64)length + 1 + sizeof(pointer);
		if (*bytes > ARG_LIMIT_BYTES)
			return -E2BIG;
	}
	return 0;
}

static long exec(int dirfd, u64 path, u64 argv, u64 envp, int at_flags)
{
	struct exec_args args = {0};
	static char empty[] = "";
	char *name, *no_args[] = {empty, NULL};
	long length;
	int error;

	name = copy_string(user(path), &length);
	if (length < 0)
		return length;
	error = length >= PATH_LIMIT ? -ENAMETOOLONG : copy_vector(argv, &args.argv, &args.argc, &args.bytes);
	if (!error)
		error = copy_vector(envp, &args.envp, &args.envc, &args.bytes);
	if (!error) {
		struct exec_args given = args;

		/* A program may count on argv[0] to exist. */
		if (!given.argc) {
			given.argv = no_args;
			given.argc = 1;
		}
		error = process_exec(dirfd, name, at_flags, &given);
	}
	free_vector(args.argv, args.argc);
	free_vector(args.envp, args.envc);
	kfree(name);
	return error;
}

SYSCALL(execve)
{
	return exec(AT_FDCWD, a, b, c, 0);
}

SYSCALL(execveat)
{
	if (e & ~(u64)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec((int)a, b, c, d, (int)e);
}
