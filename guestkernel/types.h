/* SPDX-License-Identifier: Apache-2.0
 *
 * Basic types of the guest kernel. Linux constants come from the UAPI headers (<linux/...>, <asm/...>); structures
 * whose UAPI names clash with a C library's (unit tests are built on the host) have our own definitions in linux_abi.h.
 */
#ifndef GUESTKERNEL_TYPES_H
#define GUESTKERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/errno.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 paddr_t; /* guest-physical address */

/* An address that a program named. A struct, so that the kernel cannot dereference it: mm/uaccess.h reads and writes
 * it. */
typedef struct {
	u64 addr;
} user_ptr;

static inline user_ptr user(u64 addr)
{
	return (user_ptr){addr};
}
static inline user_ptr user_add(user_ptr p, u64 bytes)
{
	return (user_ptr){p.addr + bytes};
}

#define PAGE_SHIFT   12
#define PAGE_SIZE    4096ul
#define PAGE_MASK    (~(PAGE_SIZE - 1))
#define HUGE_SHIFT   21
#define HUGE_SIZE    (1ul << HUGE_SHIFT)
#define PAGE_UP(x)   (((u64)(x) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_DOWN(x) ((u64)(x)&PAGE_MASK)

#define USER_END 0x7ffffffff000ul /* first address that user programs cannot map */

#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)			((a) < (b) ? (a) : (b))
#define MAX(a, b)			((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define likely(x)			__builtin_expect(!!(x), 1)
#define unlikely(x)			__builtin_expect(!!(x), 0)

/* Kernel-internal results of interrupted system calls; signal delivery turns them into EINTR or a restart. */
#define ERESTARTSYS	      512 /* restart if SA_RESTART */
#define ERESTARTNOINTR	      513 /* always restart */
#define ERESTARTNOHAND	      514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* restart through restart_syscall(2) */

#endif
