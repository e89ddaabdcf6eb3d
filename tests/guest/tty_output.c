/* SPDX-License-Identifier: Apache-2.0
 * What terminal settings make of written bytes: each row sets and clears flags, writes in one call or byte by byte, and
 * tells what arrives.
 * area: Terminals
 */
#include "pty.h"

#define S(text) (text), sizeof(text) - 1

struct row {
	const char *name;
	tcflag_t on, off;
	const char *written;
	size_t written_bytes;
	const char *seen;
	size_t seen_bytes;
};

static const struct row rows[] = {
    {"ONLCR", 0, 0, S("a\nb\n"), S("a\015\012b\015\012")},
    {"no ONLCR", 0, ONLCR, S("a\nb\n"), S("a\012b\012")},
    {"no OPOST", 0, OPOST, S("a\nb\tc\r\n"), S("a\012b\011c\015\012")},
    {"no OPOST, all other flags", ONLCR | OCRNL | ONOCR | ONLRET | OLCUC | XTABS, OPOST, S("a\nb\tc\r\n"),
     S("a\012b\011c\015\012")},
    {"OCRNL", OCRNL, 0, S("a\rb\r\n"), S("a\012b\012\015\012")},
    {"OCRNL without ONLCR", OCRNL, ONLCR, S("a\rb\r\n"), S("a\012b\012\012")},
    {"ONOCR at the start", ONOCR, 0, S("\ra\r\rb\n\rc"), S("a\015b\015\012c")},
    {"ONOCR without ONLCR", ONOCR, ONLCR, S("\ra\rb\n\rc\n\r"), S("a\015b\012\015c\012\015")},
    {"ONOCR behind a backspace", ONOCR, 0, S("a\b\rb"), S("a\010b")},
    {"ONOCR behind a control character", ONOCR, 0, S("\001\rb"), S("\001b")},
    {"ONOCR behind a tab", ONOCR, 0, S("\t\rb"), S("\011\015b")},
    {"ONOCR and OCRNL", ONOCR | OCRNL, 0, S("\ra\r\rb"), S("a\012\012b")},
    {"ONOCR, OCRNL and ONLRET", ONOCR | OCRNL | ONLRET, 0, S("\ra\r\rb"), S("a\012b")},
    {"ONLRET", ONLRET, 0, S("a\nb\r\n"), S("a\015\012b\015\015\012")},
    {"ONLRET without ONLCR", ONLRET, ONLCR, S("ab\nb\r\n"), S("ab\012b\015\012")},
    {"ONLRET and ONOCR", ONLRET | ONOCR, ONLCR, S("ab\n\rb\r\n"), S("ab\012b\015\012")},
    {"OLCUC", OLCUC, 0, S("aZ{`z\351\n"), S("AZ{`Z\311\015\012")},
    {"XTABS at each column", XTABS, 0, S("\t|a\t|ab\t|abc\t|abcd\t|abcde\t|abcdef\t|abcdefg\t|"),
     S("        |a      |ab     |abc    |abcd   |abcde  |abcdef |abcdefg        |")},
    {"XTABS and two", XTABS, 0, S("\t\t."), S("                .")},
    {"XTABS behind a newline", XTABS, 0, S("abc\n\t."), S("abc\015\012        .")},
    {"XTABS behind a newline without ONLCR", XTABS, ONLCR, S("abc\n\t."), S("abc\012     .")},
    {"XTABS, ONLRET", XTABS | ONLRET, ONLCR, S("abc\n\t."), S("abc\012        .")},
    {"XTABS behind a return", XTABS, 0, S("abc\r\t."), S("abc\015        .")},
    {"XTABS behind OCRNL", XTABS | OCRNL, 0, S("abc\r\t."), S("abc\012     .")},
    {"XTABS behind OCRNL and ONLRET", XTABS | OCRNL | ONLRET, 0, S("abc\r\t."), S("abc\012        .")},
    {"XTABS behind a backspace", XTABS, 0, S("abc\b\t."), S("abc\010      .")},
    {"XTABS behind backspaces at the start", XTABS, 0, S("\b\b\t."), S("\010\010        .")},
    {"XTABS behind control characters", XTABS, 0, S("\001\033\t."), S("\001\033        .")},
    {"XTABS behind \\177", XTABS, 0, S("\177\t."), S("\177        .")},
    {"XTABS behind eight-bit characters", XTABS, 0, S("\344\366\t."), S("\344\366      .")},
    {"TAB1", TAB1, 0, S("a\tb"), S("a\011b")},
    {"TAB2", TAB2, 0, S("a\tb"), S("a\011b")},
    {"CR1, NL1, BS1, FF1, VT1", CR1 | NL1 | BS1 | FF1 | VT1, 0, S("a\r\n\b\f\v"), S("a\015\015\012\010\014\013")},
    {"OFILL and OFDEL", OFILL | OFDEL, 0, S("a\r\n\b"), S("a\015\015\012\010")},
    {"plain control characters", 0, 0, S("\a\b\f\v\033\177"), S("\007\010\014\013\033\177")},
    {"NUL", 0, 0, S("a\000b"), S("a\000b")},
    {"eight bits", 0, 0, S("\200\377"), S("\200\377")},
    {"XTABS behind a form feed", XTABS, 0, S("abc\f\t."), S("abc\014     .")},
    {"upper and lower case with XTABS", OLCUC | XTABS, 0, S("ab\tc\n"), S("AB      C\015\012")},
    {"OLCUC of Latin-1", OLCUC, 0, S("\337\340\367\377\300"), S("\277\300\367\337\300")},
};

static void check(const struct row *row, int single)
{
	struct termios t;
	struct got got;
	char text[400], seen[600];
	size_t done = 0;
	open_pair();
	tcgetattr(slave, &t);
	t.c_oflag = (t.c_oflag & ~row->off) | row->on;
	tcsetattr(slave, TCSANOW, &t);
	while (done < row->written_bytes) {
		ssize_t n = write(slave, row->written + done, single ? 1 : row->written_bytes - done);
		if (n <= 0)
			exit(97);
		done += (size_t)n;
	}
	collect(master, &got, row->seen_bytes, 0);
	snprintf(text, sizeof(text), "%s%s", row->name, single ? ", byte by byte" : "");
	report(same(&got, row->seen, row->seen_bytes), text, "SEEN \"%s\"",
	       escaped(got.bytes, got.n, seen, sizeof(seen)));
	close_pair();
}

int main(void)
{
	limit_seconds(120);
	theme("written bytes");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check(&rows[i], 0);
		check(&rows[i], 1);
	}
	return finish();
}
