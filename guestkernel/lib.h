/* SPDX-License-Identifier: Apache-2.0
 *
 * What every part of the kernel may use: memory and string functions, formatted text, the log, assertions.
 */
#ifndef GUESTKERNEL_LIB_H
#define GUESTKERNEL_LIB_H

#include <stdarg.h>
#include "guestkernel/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* Like snprintf(3) with %d %i %u %x %X %o %c %s %p %%, the lengths l ll z h hh, width, precision, `-`, `0`, `*`.
 * Returns the length that the whole text has; writes at most size bytes with a NUL. */
int ksnprintf(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int kvsnprintf(char *buf, size_t size, const char *format, va_list args);

/* Appends to the kernel log (the runner prints it under -v and when the guest crashes). One exit a call. */
void klog(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the guest as `guest crash` with this reason. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* An invariant of the kernel; no side effects in cond. */
#define kassert(cond)                                                                                                  \
	do {                                                                                                           \
		if (unlikely(!(cond)))                                                                                 \
			panic("%s:%d: %s", __FILE__, __LINE__, #cond);                                                 \
	} while (0)

/* Fills buf with random bytes (drv/random.c: ChaCha20 keyed by the boot seed and RDRAND). */
void random_bytes(void *buf, size_t n);

#endif
