/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unpacker and its part for sparse files share.
 */
#ifndef AGENT_UNTAR_H
#define AGENT_UNTAR_H

#include "initramfs/agent.h"

#include <time.h>

#define TAR_BLOCK 512

/* Ends the run, naming the entry. */
_Noreturn void untar_fail(int error, const char *doing);

/* Up to `most` bytes of the archive, at *bytes; 0 at its end. */
size_t untar_take(size_t most, char **bytes);

/* The whole of it: a block or an extension; untar_fail() when the archive ends before. */
void untar_read(void *to, size_t length);

/* A field of a header: octal, or binary with the highest bit set. */
uint64_t untar_number(const char *field, size_t length);

/* Digits at *text, which is moved behind them; stops growing at the largest number. */
uint64_t untar_decimal(const char **text);

/* Contents of an entry, at the descriptor's position. */
void untar_contents(int fd, uint64_t length);

/* ---- untar_sparse.c: files with holes, in the four ways that GNU tar has written them ---- */

/* A new entry: no sparse file so far. */
void sparse_begin(void);

/* An extended header's record; the key without its "GNU.sparse." (`name` is not one of its keys). */
void sparse_record(const char *key, const char *value);

/* An entry of type S: the map begins in its header, of which these are the bytes, and goes on in blocks behind it. */
void sparse_header(const char *block);

/* Is the entry, all of whose headers have been read, one? */
bool sparse_is(void);

/* Writes it from its `packed` bytes in the archive. */
void sparse_unpack(int fd, uint64_t packed);

/* ---- untar_times.c ---- */

/* No directories so far. */
void times_begin(void);

/* The directory is to have this time when all is there. */
void times_later(const char *path, struct timespec mtime);

/* Sets them. The path of one where that failed, with errno, or NULL. */
const char *times_set(void);

#endif
