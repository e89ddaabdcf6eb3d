/* SPDX-License-Identifier: Apache-2.0
 *
 * seccomp programs: what the checker takes must end, and touch nothing but its data and memory. The input is the data,
 * then instructions.
 * sources: guestkernel/proc/seccomp_bpf.c
 */
#include <stdlib.h>
#include <string.h>
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/seccomp_bpf.h"

void *kmalloc(size_t n)
{
	return malloc(n);
}
void kfree(void *p)
{
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct sock_filter *program;
	struct seccomp_data data;
	size_t length;

	if (size < sizeof(data))
		return 0;
	memcpy(&data, input, sizeof(data));
	length = (size - sizeof(data)) / sizeof(*program);
	/* Exactly as long as it is: a step too far is seen. */
	program = malloc(length ? length * sizeof(*program) : 1);
	if (!program)
		return 0;
	memcpy(program, input + sizeof(data), length * sizeof(*program));
	if (!seccomp_bpf_check(program, (u32)length))
		seccomp_bpf_run(program, &data);
	free(program);
	return 0;
}
