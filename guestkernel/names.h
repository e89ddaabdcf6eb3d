/* SPDX-License-Identifier: Apache-2.0
 *
 * What the system calls itself: uname(2), /proc/version, /proc/sys/kernel.
 */
#ifndef GUESTKERNEL_NAMES_H
#define GUESTKERNEL_NAMES_H

/* The Linux release whose system call interface this is; C libraries compare it. */
#define SYSTEM_RELEASE "6.1.0-sandbox"
#define SYSTEM_VERSION "#1 SMP sandbox guest kernel"

const char *system_hostname(void);
const char *system_domainname(void);

#endif
