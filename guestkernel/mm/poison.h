/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells AddressSanitizer, in host-built tests, which kernel memory is free. Nothing in the guest.
 */
#ifndef GUESTKERNEL_MM_POISON_H
#define GUESTKERNEL_MM_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MM_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MM_ASAN 1
#endif

#ifdef MM_ASAN
#include <sanitizer/asan_interface.h>
#define mm_poison(p, n)	  __asan_poison_memory_region((p), (n))
#define mm_unpoison(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define mm_poison(p, n)	  ((void)(p), (void)(n))
#define mm_unpoison(p, n) ((void)(p), (void)(n))
#endif

#endif
