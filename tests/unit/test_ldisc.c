/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal line discipline: what is typed, what is shown, what the program reads.
 * sources: guestkernel/drv/ldisc.c guestkernel/drv/ldisc_output.c
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guestkernel/drv/ldisc.h"

static struct ldisc *l;
static int signals[8], signal_count;
static unsigned events;
static char text[LDISC_OUT_BYTES + 1];

static void on_signal(struct ldisc *ldisc, int sig)
{
	assert_true(signal_count < 8);
	signals[signal_count++] = sig;
}

static void on_event(struct ldisc *ldisc, u8 bits)
{
	events |= bits;
}

static int setup(void **state)
{
	l = malloc(sizeof(*l)); /* of its own, so that the sanitizer sees what goes beyond */
	ldisc_init(l);
	l->signal = on_signal;
	l->event = on_event;
	signal_count = 0;
	events = 0;
	return 0;
}

static int teardown(void **state)
{
	free(l);
	return 0;
}

static void type_bytes(const char *bytes, size_t n)
{
	assert_int_equal(ldisc_receive(l, (const u8 *)bytes, (u32)n), n);
}

static void type(const char *s)
{
	type_bytes(s, strlen(s));
}

static const char *shown(void)
{
	text[ldisc_take_output(l, (u8 *)text, LDISC_OUT_BYTES)] = 0;
	return text;
}

/* What read(2) gives; "EOF" for an end of file, "-" when it would wait. */
static const char *got(void)
{
	bool end;
	if (!ldisc_readable(l, 1))
		return "-";
	u32 n = ldisc_read(l, (u8 *)text, LDISC_OUT_BYTES, &end);
	text[n] = 0;
	return n ? text : end ? "EOF" : "nothing";
}

static void set(u32 iflag, u32 oflag, u32 lflag)
{
	struct k_termios t = l->termios;
	t.iflag = iflag;
	t.oflag = oflag;
	t.lflag = lflag;
	ldisc_set_termios(l, &t);
}

static void set_lflag(u32 on, u32 off)
{
	set(l->termios.iflag, l->termios.oflag, (l->termios.lflag | on) & ~off);
}

static void set_iflag(u32 on, u32 off)
{
	set((l->termios.iflag | on) & ~off, l->termios.oflag, l->termios.lflag);
}

static void set_oflag(u32 on, u32 off)
{
	set(l->termios.iflag, (l->termios.oflag | on) & ~off, l->termios.lflag);
}

#define expect_shown(wanted) assert_string_equal(shown(), wanted)
#define expect_read(wanted)  assert_string_equal(got(), wanted)

/* ---- canonical input ---- */

static void a_line_can_be_read_once_it_is_complete(void **state)
{
	type("ab");
	expect_read("-");
	type("c\r");
	expect_shown("abc\r\n");
	expect_read("abc\n");
	expect_read("-");
}

static void a_read_takes_one_line_and_a_short_one_leaves_the_rest(void **state)
{
	u8 buf[4];
	bool end;
	type("one\ntwo\n");
	expect_read("one\n");
	assert_int_equal(ldisc_read(l, buf, 2, &end), 2);
	assert_false(end);
	assert_memory_equal(buf, "tw", 2);
	expect_read("o\n");
}

static void end_of_file_ends_a_line_and_alone_it_is_the_end(void **state)
{
	type("ab\004");
	expect_shown("ab");
	expect_read("ab");
	type("\004");
	expect_read("EOF");
	expect_read("-");
}

static void end_of_file_right_behind_a_full_buffer_is_no_second_end(void **state)
{
	u8 buf[3];
	bool end;
	type("abc\004x\n");
	assert_int_equal(ldisc_read(l, buf, 3, &end), 3);
	assert_true(end);
	expect_read("x\n");
}

static void other_line_ends_work_and_need_what_they_need(void **state)
{
	l->termios.cc[VEOL] = ';';
	l->termios.cc[VEOL2] = '!';
	type("a;b!");
	expect_read("a;");
	expect_read("b!");
	set_lflag(0, IEXTEN);
	type("c!");
	expect_read("-");
}

static void return_and_newline_are_mapped(void **state)
{
	set_iflag(0, ICRNL);
	type("a\rb\n");
	expect_read("a\rb\n");
	set_iflag(IGNCR, 0);
	type("a\r\n");
	expect_read("a\n");
	set_iflag(INLCR, IGNCR);
	type("a\n");
	expect_read("-");
}

static void a_line_beyond_the_limit_loses_its_end_but_can_be_ended(void **state)
{
	bool end;
	set_lflag(0, ECHO);
	for (int i = 0; i < 5000; i++)
		type(i < 4095 ? "a" : "b");
	type("\n");
	static u8 line[LDISC_LINE_BYTES + 16];
	assert_int_equal(ldisc_read(l, line, sizeof(line), &end), LDISC_LINE_BYTES);
	assert_int_equal(line[4094], 'a');
	assert_int_equal(line[4095], '\n');
}

static void a_full_queue_takes_no_more_until_read(void **state)
{
	static u8 many[LDISC_IN_BYTES * 2];
	memset(many, 'x', sizeof(many));
	set_lflag(0, ICANON | ECHO);
	u32 n = ldisc_receive(l, many, sizeof(many));
	assert_in_range(n, LDISC_LINE_BYTES, LDISC_IN_BYTES);
	assert_false(ldisc_can_receive(l));
	assert_int_equal(ldisc_input_bytes(l), n);
	got();
	assert_true(ldisc_can_receive(l));
}

static void bytes_waiting_are_those_that_can_be_read(void **state)
{
	type("ab\n\004cd");
	assert_int_equal(ldisc_input_bytes(l), 3);
	set_lflag(0, ICANON);
	assert_int_equal(ldisc_input_bytes(l), 6);
}

/* ---- editing ---- */

static void erase_takes_the_last_character_off_line_and_screen(void **state)
{
	type("ab\177c\n");
	expect_shown("ab\b \bc\r\n");
	expect_read("ac\n");
	type("\177\177x\n");
	expect_shown("x\r\n");
	expect_read("x\n");
}

static void erase_does_not_go_beyond_the_line(void **state)
{
	type("one\n");
	type("a\177\177\177\n");
	expect_read("one\n");
	expect_read("\n");
}

static void erase_of_a_control_character_takes_two_columns(void **state)
{
	type("\001\177\n");
	expect_shown("^A\b \b\b \b\r\n");
	expect_read("\n");
}

static void erase_of_a_tab_goes_back_to_where_it_began(void **state)
{
	type("abc\t");
	expect_shown("abc\t");
	type("\177");
	expect_shown("\b\b\b\b\b");
	type("\tx\t\177");
	expect_shown("\tx\t\b\b\b\b\b\b\b");
	type("\n");
	ldisc_write(l, (const u8 *)"PS>", 3);
	type("a\t");
	shown();
	type("\177"); /* the prompt's three columns count: tab from 4 to 8 */
	expect_shown("\b\b\b\b");
}

static void erase_takes_all_bytes_of_a_character_with_iutf8(void **state)
{
	type("\303\244\177\177x\n");
	expect_read("\303x\n" + 1);
	set_iflag(IUTF8, 0);
	shown();
	type("a\303\244\177");
	expect_shown("a\303\244\b \b");
	type("\n");
	expect_read("a\n");
}

static void kill_takes_the_line(void **state)
{
	type("abc\025d\n");
	expect_shown("abc\b \b\b \b\b \bd\r\n");
	expect_read("d\n");
	set_lflag(0, ECHOKE);
	type("abc\025d\n");
	expect_shown("abc^U\r\nd\r\n");
	expect_read("d\n");
	set_lflag(0, ECHOK);
	type("abc\025d\n");
	expect_shown("abc^Ud\r\n");
	expect_read("d\n");
}

static void word_erase_takes_a_word_and_what_follows_it(void **state)
{
	type("one two_2 ..\027\n");
	expect_read("one \n");
	set_lflag(0, IEXTEN);
	type("one two\027\n");
	expect_read("one two\027\n");
}

static void erase_without_echoe_shows_the_character(void **state)
{
	set_lflag(0, ECHOE);
	type("ab\177\n");
	expect_shown("ab^?\r\n");
	expect_read("a\n");
}

static void echoprt_prints_what_is_erased(void **state)
{
	set_lflag(ECHOPRT, 0);
	type("abc\177\177d\n");
	expect_shown("abc\\cb/d\r\n");
	expect_read("ad\n");
}

static void literal_next_takes_any_character(void **state)
{
	type("a\026\003\026\177\026\n\n");
	expect_shown("a^\b^C^\b^?^\b^J\r\n");
	expect_read("a\003\177\n\n");
	assert_int_equal(signal_count, 0);
}

static void reprint_shows_the_line_again(void **state)
{
	type("ab\022c\n");
	expect_shown("ab^R\r\nabc\r\n");
	expect_read("abc\n");
}

/* ---- echo ---- */

static void without_echo_nothing_shows_but_newline_if_asked(void **state)
{
	set_lflag(0, ECHO);
	type("secret\n");
	expect_shown("");
	set_lflag(ECHONL, 0);
	type("secret\n");
	expect_shown("\r\n");
	expect_read("secret\n");
}

static void control_characters_show_as_two_unless_echoctl_is_off(void **state)
{
	type("\001\t\n");
	expect_shown("^A\t\r\n");
	set_lflag(0, ECHOCTL);
	type("\001\n");
	expect_shown("\001\r\n");
}

static void echo_waits_while_output_is_stopped_and_precedes_later_output(void **state)
{
	type("\023ab");
	expect_shown("");
	assert_int_equal(ldisc_write(l, (const u8 *)"x", 1), 0);
	type("\021");
	expect_shown("ab");
	assert_int_equal(ldisc_write(l, (const u8 *)"x", 1), 1);
	expect_shown("x");
	assert_int_equal(events, TIOCPKT_STOP | TIOCPKT_START);
}

static void echo_without_end_does_not_stop_input(void **state)
{
	static char many[LDISC_IN_BYTES - 16];
	memset(many, 'x', sizeof(many));
	set_lflag(0, ICANON);
	type("\023");
	type_bytes(many, sizeof(many));
	assert_int_equal(ldisc_input_bytes(l), sizeof(many));
	type("\021");
	assert_int_equal(strlen(shown()), LDISC_ECHO_BYTES);
}

/* ---- signals and flow ---- */

static void interrupt_signals_and_throws_the_queues_away(void **state)
{
	ldisc_write(l, (const u8 *)"out", 3);
	type("line\nab\003");
	assert_int_equal(signal_count, 1);
	assert_int_equal(signals[0], 2);
	expect_read("-");
	expect_shown("^C");
	assert_int_equal(events, TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	type("\034\032");
	assert_int_equal(signals[1], 3);
	assert_int_equal(signals[2], 20);
}

static void noflsh_keeps_the_queues(void **state)
{
	set_lflag(NOFLSH, 0);
	type("line\nab\003c\n");
	expect_read("line\n");
	expect_read("abc\n");
	assert_int_equal(signal_count, 1);
}

static void without_isig_the_characters_are_plain(void **state)
{
	set_lflag(0, ISIG);
	type("\003\032\034\n");
	expect_read("\003\032\034\n");
	assert_int_equal(signal_count, 0);
}

static void a_disabled_character_is_plain(void **state)
{
	l->termios.cc[VINTR] = 0;
	type_bytes("a\0b\003\n", 5);
	bool end;
	u8 buf[8];
	assert_int_equal(ldisc_read(l, buf, 8, &end), 5);
	assert_memory_equal(buf, "a\0b\003\n", 5);
	assert_int_equal(signal_count, 0);
}

static void a_signal_starts_stopped_output(void **state)
{
	type("\023\003");
	assert_int_equal(ldisc_write(l, (const u8 *)"x", 1), 1);
	expect_shown("^Cx");
}

static void any_character_starts_output_with_ixany(void **state)
{
	set_iflag(IXANY, 0);
	type("\023a");
	assert_int_equal(ldisc_write(l, (const u8 *)"x", 1), 1);
	expect_shown("ax");
}

static void taking_ixon_away_starts_output(void **state)
{
	type("\023");
	set_iflag(0, IXON);
	assert_true(ldisc_can_write(l));
	type("\023\021\n");
	expect_read("\023\021\n");
}

static void output_held_by_the_program_is_not_started_by_keys(void **state)
{
	ldisc_hold(l, true);
	type("\021\003");
	assert_false(ldisc_can_write(l));
	ldisc_hold(l, false);
	assert_true(ldisc_can_write(l));
}

/* ---- output processing ---- */

static void write_all(const char *s)
{
	assert_int_equal(ldisc_write(l, (const u8 *)s, (u32)strlen(s)), strlen(s));
}

static void newline_becomes_return_newline_with_opost(void **state)
{
	write_all("a\nb\r\n");
	expect_shown("a\r\nb\r\r\n");
	set_oflag(0, OPOST);
	write_all("a\n");
	expect_shown("a\n");
}

static void return_is_mapped_or_left_out(void **state)
{
	set_oflag(OCRNL, 0);
	write_all("a\r");
	expect_shown("a\n");
	set_oflag(ONOCR, OCRNL);
	write_all("\n\ra\r");
	expect_shown("\r\na\r");
}

static void tabs_are_expanded_to_the_next_column_of_eight(void **state)
{
	set_oflag(XTABS, 0);
	write_all("ab\tc\n");
	expect_shown("ab      c\r\n");
	write_all("\303\244\t");
	expect_shown("\303\244      ");
	set_iflag(IUTF8, 0);
	write_all("\n\303\244\tx");
	expect_shown("\r\n\303\244       x");
}

static void upper_case_terminals(void **state)
{
	set_oflag(OLCUC, 0);
	set_iflag(IUCLC, 0);
	write_all("abC");
	expect_shown("ABC");
	type("AbC\n");
	expect_read("abc\n");
	shown();
	write_all("\351\367\311");
	expect_shown("\311\367\311");
	type("\311\327\n");
	expect_read("\351\327\n");
}

static void output_stops_when_full_without_losing_a_byte(void **state)
{
	static u8 many[LDISC_OUT_BYTES * 2];
	memset(many, '\n', sizeof(many));
	u32 n = ldisc_write(l, many, sizeof(many));
	assert_in_range(n, LDISC_OUT_BYTES / 2 - LDISC_OUT_UNIT, LDISC_OUT_BYTES / 2);
	assert_false(ldisc_can_write(l));
	assert_int_equal(strlen(shown()), 2 * n);
	assert_true(ldisc_can_write(l));
}

/* ---- modes ---- */

static void raw_bytes_can_be_read_at_once(void **state)
{
	set(0, 0, 0);
	type_bytes("a\0\003\r", 4);
	assert_true(ldisc_readable(l, 4));
	assert_false(ldisc_readable(l, 5));
	bool end;
	u8 buf[8];
	assert_int_equal(ldisc_read(l, buf, 8, &end), 4);
	assert_memory_equal(buf, "a\0\003\r", 4);
	expect_shown("");
}

static void input_survives_a_change_of_mode(void **state)
{
	type("line\nrest");
	set_lflag(0, ICANON);
	expect_read("line\nrest");
	type("typed");
	set_lflag(ICANON, 0);
	expect_read("typed"); /* what was there counts as a line */
	type("x\n");
	expect_read("x\n");
}

static void marks_are_doubled_and_the_high_bit_is_stripped(void **state)
{
	set_iflag(PARMRK, 0);
	type("\377\n");
	expect_read("\377\377\n");
	set_iflag(ISTRIP, PARMRK);
	type("\341\n");
	expect_read("a\n");
}

static void a_typed_newline_is_a_control_character_in_raw_mode(void **state)
{
	set_lflag(0, ICANON);
	type("a\nb\r");
	expect_shown("a^Jb\r\n");
	expect_read("a\nb\n");
}

static void extproc_leaves_all_to_the_other_end(void **state)
{
	set_lflag(EXTPROC, 0);
	type("ab\177\003\r");
	expect_shown("");
	expect_read("ab\177\003\r");
	assert_int_equal(signal_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_line_can_be_read_once_it_is_complete),
	    TEST(a_read_takes_one_line_and_a_short_one_leaves_the_rest),
	    TEST(end_of_file_ends_a_line_and_alone_it_is_the_end),
	    TEST(end_of_file_right_behind_a_full_buffer_is_no_second_end),
	    TEST(other_line_ends_work_and_need_what_they_need),
	    TEST(return_and_newline_are_mapped),
	    TEST(a_line_beyond_the_limit_loses_its_end_but_can_be_ended),
	    TEST(a_full_queue_takes_no_more_until_read),
	    TEST(bytes_waiting_are_those_that_can_be_read),
	    TEST(erase_takes_the_last_character_off_line_and_screen),
	    TEST(erase_does_not_go_beyond_the_line),
	    TEST(erase_of_a_control_character_takes_two_columns),
	    TEST(erase_of_a_tab_goes_back_to_where_it_began),
	    TEST(erase_takes_all_bytes_of_a_character_with_iutf8),
	    TEST(kill_takes_the_line),
	    TEST(word_erase_takes_a_word_and_what_follows_it),
	    TEST(erase_without_echoe_shows_the_character),
	    TEST(echoprt_prints_what_is_erased),
	    TEST(literal_next_takes_any_character),
	    TEST(reprint_shows_the_line_again),
	    TEST(without_echo_nothing_shows_but_newline_if_asked),
	    TEST(control_characters_show_as_two_unless_echoctl_is_off),
	    TEST(echo_waits_while_output_is_stopped_and_precedes_later_output),
	    TEST(echo_without_end_does_not_stop_input),
	    TEST(interrupt_signals_and_throws_the_queues_away),
	    TEST(noflsh_keeps_the_queues),
	    TEST(without_isig_the_characters_are_plain),
	    TEST(a_disabled_character_is_plain),
	    TEST(a_signal_starts_stopped_output),
	    TEST(any_character_starts_output_with_ixany),
	    TEST(taking_ixon_away_starts_output),
	    TEST(output_held_by_the_program_is_not_started_by_keys),
	    TEST(newline_becomes_return_newline_with_opost),
	    TEST(return_is_mapped_or_left_out),
	    TEST(tabs_are_expanded_to_the_next_column_of_eight),
	    TEST(upper_case_terminals),
	    TEST(output_stops_when_full_without_losing_a_byte),
	    TEST(raw_bytes_can_be_read_at_once),
	    TEST(input_survives_a_change_of_mode),
	    TEST(marks_are_doubled_and_the_high_bit_is_stripped),
	    TEST(a_typed_newline_is_a_control_character_in_raw_mode),
	    TEST(extproc_leaves_all_to_the_other_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
