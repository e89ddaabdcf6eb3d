/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of data before the vDSO's code: constants of the clock, written once at boot.
 */
#ifndef GUESTKERNEL_VDSO_H
#define GUESTKERNEL_VDSO_H

#include <stdint.h>

struct vdso_data {
	uint64_t tsc_start;  /* TSC at boot: CLOCK_MONOTONIC 0 */
	uint64_t ns_per_tsc; /* 32.32 fixed point */
	uint64_t wall_ns;    /* CLOCK_REALTIME at tsc_start */
};

#endif
