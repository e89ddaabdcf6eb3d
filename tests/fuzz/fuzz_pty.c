/* SPDX-License-Identifier: Apache-2.0
 *
 * The line discipline under any order of typing, writing, reading, taking, and changes of mode. The input is a list of
 * operations: a byte that says which, a byte that says how much, then that many bytes.
 * sources: guestkernel/drv/ldisc.c guestkernel/drv/ldisc_output.c
 */
#include <asm/termbits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guestkernel/drv/ldisc.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

static struct ldisc *l;

static void on_signal(struct ldisc *ldisc, int sig)
{
	CHECK(ldisc == l && (sig == 2 || sig == 3 || sig == 20));
}

static void on_event(struct ldisc *ldisc, u8 bits)
{
	CHECK(ldisc == l && bits);
}

static void check_ring(const struct byte_ring *r)
{
	CHECK(r->head - r->tail <= r->size);
}

static void check_state(void)
{
	bool canonical = l->termios.lflag & ICANON;
	u32 queued = l->head - l->tail, complete = l->canon - l->tail, marks = 0;

	CHECK(queued <= LDISC_IN_BYTES && complete <= queued);
	CHECK(!canonical || l->head - l->canon < LDISC_LINE_BYTES);
	CHECK(!canonical || !complete ||
	      (l->line_end[(l->canon - 1) % LDISC_IN_BYTES / 64] >> (l->canon - 1) % 64 & 1));
	for (size_t i = 0; i < LDISC_IN_BYTES / 64; i++)
		marks += (u32)__builtin_popcountll(l->line_end[i]);
	CHECK(marks <= complete);
	CHECK(ldisc_input_bytes(l) <= queued);
	CHECK(ldisc_readable(l, 1) == (canonical ? complete : queued) > 0);
	check_ring(&l->out);
	check_ring(&l->echo);
}

static void write_bytes(const uint8_t *data, u32 n)
{
	bool could = ldisc_can_write(l);
	u32 taken = ldisc_write(l, data, n);

	CHECK(taken <= n && (!could || !n || taken));
}

static void type_bytes(const uint8_t *data, u32 n)
{
	bool could = ldisc_can_receive(l);
	u32 taken = ldisc_receive(l, data, n);

	CHECK(taken <= n && (!could || !n || taken));
}

/* The same bytes many times: the queues are long. */
static void repeat(void (*feed)(const uint8_t *data, u32 n), const uint8_t *data, u32 n)
{
	for (int i = 0; i < 64; i++)
		feed(data, n);
}

static void read_bytes(u32 n)
{
	u8 *buf = malloc(n);
	bool end, readable = ldisc_readable(l, 1);
	u32 before = ldisc_input_bytes(l), done = ldisc_read(l, buf, n, &end);

	CHECK(done <= n && before - ldisc_input_bytes(l) == done);
	CHECK(done || end || !readable);
	free(buf);
}

static void take_bytes(u32 n)
{
	u8 *buf = malloc(n);

	CHECK(ldisc_take_output(l, buf, n) <= n);
	free(buf);
}

static void change_mode(const uint8_t *data, u32 n)
{
	struct k_termios t = l->termios;
	u32 bytes = n < sizeof(t) ? n : sizeof(t);

	memcpy(&t, data, bytes);
	ldisc_set_termios(l, &t);
}

static void step(uint8_t op, const uint8_t *data, u32 n)
{
	switch (op % 10) {
	case 0:
		type_bytes(data, n);
		break;
	case 1:
		write_bytes(data, n);
		break;
	case 2:
		read_bytes(n + 1);
		break;
	case 3:
		take_bytes(n + 1);
		break;
	case 4:
		change_mode(data, n);
		break;
	case 5:
		ldisc_hold(l, n & 1);
		break;
	case 6:
		ldisc_flush_input(l);
		break;
	case 7:
		ldisc_flush_output(l);
		break;
	case 8:
		repeat(type_bytes, data, n);
		break;
	case 9:
		repeat(write_bytes, data, n);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	l = malloc(sizeof(*l));
	ldisc_init(l);
	l->signal = on_signal;
	l->event = on_event;
	while (size - at >= 2) {
		uint8_t op = data[at], n = data[at + 1];

		at += 2;
		if (n > size - at)
			n = (uint8_t)(size - at);
		step(op, data + at, n);
		if (op % 10 != 2 && op % 10 != 3)
			at += n;
		check_state();
	}
	free(l);
	return 0;
}
