/* SPDX-License-Identifier: Apache-2.0
 *
 * The vsock device on a small driver, with pipes at the host's ends: what the tests of the device start from.
 */
#ifndef TESTS_VSOCK_FIXTURE_H
#define TESTS_VSOCK_FIXTURE_H

#include "tests/unit/mini_driver.h"

struct fixture {
	struct driver d;
	int in[2], out[2], err[2]; /* pipes; the test keeps in[1], out[0], err[0] */
	struct services_config config;
	struct image_file files[2];
};

static const struct {
	struct wire_frame frame;
	char body[24];
} job = {.frame = {.type = WIRE_JOB, .length = 24}, .body = "the job as encoded"};

static inline void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int setup_device(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_int_equal(pipe2(f->in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->err, O_CLOEXEC), 0);
	f->config = (struct services_config){
	    .job = (const uint8_t *)&job, .job_bytes = sizeof(job), .in = f->in[0], .out = f->out[1], .err = f->err[1]};
	driver_open(&f->d, &f->config);
	*state = f;
	return 0;
}

static inline int setup(void **state)
{
	setup_device(state);
	driver_start(&((struct fixture *)*state)->d);
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	driver_close(&f->d);
	close_end(&f->in[1]);
	close_end(&f->out[0]);
	close_end(&f->err[0]);
	close_end(&f->err[1]);
	free(f);
	return 0;
}

static inline void assert_reads(int fd, const char *text)
{
	char buffer[256] = {0};
	assert_int_equal(read(fd, buffer, sizeof(buffer) - 1), strlen(text));
	assert_string_equal(buffer, text);
}

static inline bool has_packet(void *context)
{
	struct driver *d = context;
	return ring_used_idx(&d->ring[VSOCK_RX]) != d->ring[VSOCK_RX].used_seen;
}

static inline bool is_drained(void *context)
{
	return vsock_drained(&((struct driver *)context)->vsock);
}

static uint32_t pending_before;

static inline bool pending_has_shrunk(void *context)
{
	return ((struct driver *)context)->services.out.pending < pending_before;
}

static inline void run_until(struct driver *d, bool (*done)(void *context))
{
	assert_int_equal(loop_run(&d->loop, done, d, NULL), 0);
}

#endif
