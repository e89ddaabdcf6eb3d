/* SPDX-License-Identifier: Apache-2.0
 * What terminal settings make of typed bytes: each row sets and clears flags, types, and tells what is read, line by
 * line, and what is echoed.
 * area: Terminals
 */
#include "pty.h"

#define S(text) (text), sizeof(text) - 1
#define NO_CC	-1

struct row {
	const char *name;
	tcflag_t iflag_on, iflag_off, lflag_on, lflag_off;
	int cc, value;
	const char *typed;
	size_t typed_bytes;
	const char *read;
	size_t read_bytes;
	const char *echo;
	size_t echo_bytes;
};

static const struct row rows[] = {
    {"a line", 0, 0, 0, 0, NO_CC, 0, S("hello\n"), S("hello\012|"), S("hello\015\012")},
    {"two lines", 0, 0, 0, 0, NO_CC, 0, S("one\ntwo\n"), S("one\012|two\012|"), S("one\015\012two\015\012")},
    {"an incomplete line is not read", 0, 0, 0, 0, NO_CC, 0, S("part"), S(""), S("part")},
    {"ICRNL", 0, 0, 0, 0, NO_CC, 0, S("a\rb\n"), S("a\012|b\012|"), S("a\015\012b\015\012")},
    {"no ICRNL", 0, ICRNL, 0, 0, NO_CC, 0, S("a\rb\n"), S("a\015b\012|"), S("a^Mb\015\012")},
    {"IGNCR", IGNCR, 0, 0, 0, NO_CC, 0, S("a\rb\n"), S("ab\012|"), S("ab\015\012")},
    {"IGNCR before ICRNL", IGNCR | ICRNL, 0, 0, 0, NO_CC, 0, S("\r\rx\n"), S("x\012|"), S("x\015\012")},
    {"INLCR", INLCR, ICRNL, 0, 0, NO_CC, 0, S("a\nb\004"), S("a\015b|"), S("a^Mb")},
    {"INLCR and ICRNL", INLCR | ICRNL, 0, 0, 0, NO_CC, 0, S("a\nb\rc\n"), S("a\015b\012|"), S("a^Mb\015\012c^M")},
    {"INLCR, ICRNL and IGNCR", INLCR | ICRNL | IGNCR, 0, 0, 0, NO_CC, 0, S("a\nb\rc\004"), S("a\015bc|"), S("a^Mbc")},
    {"ISTRIP", ISTRIP, 0, 0, 0, NO_CC, 0, S("\301\302z\n"), S("ABz\012|"), S("ABz\015\012")},
    {"ISTRIP makes special characters", ISTRIP, 0, 0, 0, NO_CC, 0, S("ab\377c\n"), S("ac\012|"),
     S("ab\010 \010c\015\012")},
    {"eight bits", 0, 0, 0, 0, NO_CC, 0, S("\301\302z\n"), S("\301\302z\012|"), S("\301\302z\015\012")},
    {"IUCLC", IUCLC, 0, 0, 0, NO_CC, 0, S("AbC[Z@\n"), S("abc[z@\012|"), S("abc[z@\015\012")},
    {"IUCLC without IEXTEN", IUCLC, 0, 0, IEXTEN, NO_CC, 0, S("AbC\n"), S("AbC\012|"), S("AbC\015\012")},
    {"IUTF8: an erased character has two bytes", IUTF8, 0, 0, 0, NO_CC, 0, S("a\303\244\177b\n"), S("ab\012|"),
     S("a\303\244\010 \010b\015\012")},
    {"IUTF8: of four bytes", IUTF8, 0, 0, 0, NO_CC, 0, S("a\360\237\230\200\177b\n"), S("ab\012|"),
     S("a\360\237\230\200\010 \010b\015\012")},
    {"IUTF8: a stray continuation byte", IUTF8, 0, 0, 0, NO_CC, 0, S("\244\177b\n"), S("\244b\012|"),
     S("\244b\015\012")},
    {"no IUTF8: an erased character has one byte", 0, 0, 0, 0, NO_CC, 0, S("a\303\244\177b\n"), S("a\303b\012|"),
     S("a\303\244\010 \010b\015\012")},
    {"PARMRK doubles \\377", PARMRK, 0, 0, 0, NO_CC, 0, S("a\377b\n"), S("a\377\377b\012|"), S("a\377b\015\012")},
    {"PARMRK in raw mode", PARMRK, 0, 0, ICANON | ECHO, NO_CC, 0, S("a\377b"), S("a\377\377b"), S("")},
    {"PARMRK with ISTRIP", PARMRK | ISTRIP, 0, 0, 0, NO_CC, 0, S("a\377b\n"), S("b\012|"), S("a\010 \010b\015\012")},
    {"IGNPAR", IGNPAR, 0, 0, 0, NO_CC, 0, S("a\377b\n"), S("a\377b\012|"), S("a\377b\015\012")},
    {"INPCK", INPCK, 0, 0, 0, NO_CC, 0, S("a\377b\n"), S("a\377b\012|"), S("a\377b\015\012")},
    {"IXON eats ^S and ^Q", 0, 0, 0, 0, NO_CC, 0, S("a\023b\021c\n"), S("abc\012|"), S("abc\015\012")},
    {"no IXON: ^S and ^Q are typed", 0, IXON, 0, 0, NO_CC, 0, S("a\023b\021c\n"), S("a\023b\021c\012|"),
     S("a^Sb^Qc\015\012")},
    {"IXANY starts again", IXANY, 0, 0, 0, NO_CC, 0, S("a\023b\n"), S("ab\012|"), S("ab\015\012")},
    {"IXANY without IXON", IXANY, IXON, 0, 0, NO_CC, 0, S("a\023b\n"), S("a\023b\012|"), S("a^Sb\015\012")},
    {"IXOFF alone", IXOFF, 0, 0, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"IMAXBEL", IMAXBEL, 0, 0, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"VERASE", 0, 0, 0, 0, NO_CC, 0, S("ab\177c\n"), S("ac\012|"), S("ab\010 \010c\015\012")},
    {"VERASE at the start", 0, 0, 0, 0, NO_CC, 0, S("\177\177a\n"), S("a\012|"), S("a\015\012")},
    {"VERASE of a control character", 0, 0, 0, 0, NO_CC, 0, S("a\001\177b\n"), S("ab\012|"),
     S("a^A\010 \010\010 \010b\015\012")},
    {"VERASE of a control character without ECHOCTL", 0, 0, 0, ECHOCTL, NO_CC, 0, S("a\001\177b\n"), S("ab\012|"),
     S("a\001b\015\012")},
    {"VERASE of a tab", 0, 0, 0, 0, NO_CC, 0, S("ab\t\177c\n"), S("abc\012|"),
     S("ab\011\010\010\010\010\010\010c\015\012")},
    {"VERASE of a second tab", 0, 0, 0, 0, NO_CC, 0, S("ab\t\t\177c\n"), S("ab\011c\012|"),
     S("ab\011\011\010\010\010\010\010\010\010\010c\015\012")},
    {"VERASE of a tab behind a control character", 0, 0, 0, 0, NO_CC, 0, S("\001\t\177c\n"), S("\001c\012|"),
     S("^A\011\010\010\010\010\010\010c\015\012")},
    {"VERASE of a tab at the start", 0, 0, 0, 0, NO_CC, 0, S("\t\177c\n"), S("c\012|"),
     S("\011\010\010\010\010\010\010\010\010c\015\012")},
    {"VERASE stops at the line before", 0, 0, 0, 0, NO_CC, 0, S("a\n\177b\n"), S("a\012|b\012|"),
     S("a\015\012b\015\012")},
    {"another VERASE", 0, 0, 0, 0, VERASE, 043, S("ab#c\177\n"), S("ac\177\012|"), S("ab\010 \010c^?\015\012")},
    {"a disabled VERASE", 0, 0, 0, 0, VERASE, 0, S("ab\177c\n"), S("ab\177c\012|"), S("ab^?c\015\012")},
    {"a disabled VERASE and NUL", 0, 0, 0, 0, VERASE, 0, S("a\000b\n"), S("a\000b\012|"), S("a^@b\015\012")},
    {"no ECHOE", 0, 0, 0, ECHOE, NO_CC, 0, S("abc\177\177d\n"), S("ad\012|"), S("abc^?^?d\015\012")},
    {"ECHOPRT", 0, 0, ECHOPRT, 0, NO_CC, 0, S("abc\177\177d\n"), S("ad\012|"), S("abc\134cb/d\015\012")},
    {"ECHOPRT and a word", 0, 0, ECHOPRT, 0, NO_CC, 0, S("one two\027x\n"), S("one x\012|"),
     S("one two\134owt/x\015\012")},
    {"ECHOPRT and a line", 0, 0, ECHOPRT, 0, NO_CC, 0, S("one\025x\n"), S("x\012|"), S("one\134eno/x\015\012")},
    {"ECHOPRT down to nothing", 0, 0, ECHOPRT, 0, NO_CC, 0, S("ab\177\177\177x\n"), S("x\012|"),
     S("ab\134ba/x\015\012")},
    {"ECHOPRT and a line's end", 0, 0, ECHOPRT, 0, NO_CC, 0, S("ab\177\n"), S("a\012|"), S("ab\134b\015\012")},
    {"ECHOPRT and ^C", 0, 0, ECHOPRT, 0, NO_CC, 0, S("ab\177\003x\n"), S("x\012|"), S("^Cx\015\012")},
    {"ECHOPRT of two-byte characters", IUTF8, 0, ECHOPRT, 0, NO_CC, 0, S("a\303\244\177b\n"), S("ab\012|"),
     S("a\303\244\134\303\244/b\015\012")},
    {"VKILL", 0, 0, 0, 0, NO_CC, 0, S("abc\025d\n"), S("d\012|"), S("abc\010 \010\010 \010\010 \010d\015\012")},
    {"VKILL of tabs and control characters", 0, 0, 0, 0, NO_CC, 0, S("a\tb\001\025d\n"), S("d\012|"),
     S("a\011b^A\010 \010\010 \010\010 \010\010\010\010\010\010\010\010\010 \010d\015\012")},
    {"VKILL without ECHOKE", 0, 0, 0, ECHOKE, NO_CC, 0, S("abc\025d\n"), S("d\012|"), S("abc^U\015\012d\015\012")},
    {"VKILL without ECHOKE and ECHOK", 0, 0, 0, ECHOKE | ECHOK, NO_CC, 0, S("abc\025d\n"), S("d\012|"),
     S("abc^Ud\015\012")},
    {"VKILL without ECHOK", 0, 0, 0, ECHOK, NO_CC, 0, S("abc\025d\n"), S("d\012|"), S("abc^Ud\015\012")},
    {"VKILL without ECHOE", 0, 0, 0, ECHOE, NO_CC, 0, S("abc\025d\n"), S("d\012|"), S("abc^U\015\012d\015\012")},
    {"VKILL on an empty line", 0, 0, 0, 0, NO_CC, 0, S("\025d\n"), S("d\012|"), S("d\015\012")},
    {"VKILL of an echo that is off", 0, 0, 0, ECHO, NO_CC, 0, S("abc\025d\n"), S("d\012|"), S("")},
    {"another VKILL", 0, 0, 0, 0, VKILL, 0100, S("abc@d\025\n"), S("d\025\012|"),
     S("abc\010 \010\010 \010\010 \010d^U\015\012")},
    {"a disabled VKILL", 0, 0, 0, 0, VKILL, 0, S("abc\025d\n"), S("abc\025d\012|"), S("abc^Ud\015\012")},
    {"VWERASE", 0, 0, 0, 0, NO_CC, 0, S("one two\027x\n"), S("one x\012|"),
     S("one two\010 \010\010 \010\010 \010x\015\012")},
    {"VWERASE and blanks", 0, 0, 0, 0, NO_CC, 0, S("one  two   \027x\n"), S("one  x\012|"),
     S("one  two   \010 \010\010 \010\010 \010\010 \010\010 \010\010 \010x\015\012")},
    {"VWERASE and punctuation", 0, 0, 0, 0, NO_CC, 0, S("a.b_c,,\027x\n"), S("a.x\012|"),
     S("a.b_c,,\010 \010\010 \010\010 \010\010 \010\010 \010x\015\012")},
    {"VWERASE at the start", 0, 0, 0, 0, NO_CC, 0, S("\027x\n"), S("x\012|"), S("x\015\012")},
    {"VWERASE of blanks alone", 0, 0, 0, 0, NO_CC, 0, S("   \027x\n"), S("x\012|"),
     S("   \010 \010\010 \010\010 \010x\015\012")},
    {"VWERASE without IEXTEN", 0, 0, 0, IEXTEN, NO_CC, 0, S("one two\027x\n"), S("one two\027x\012|"),
     S("one two^Wx\015\012")},
    {"VWERASE of eight-bit letters", 0, 0, 0, 0, NO_CC, 0, S("a \344\366\027x\n"), S("a x\012|"),
     S("a \344\366\010 \010\010 \010x\015\012")},
    {"VWERASE of UTF-8", IUTF8, 0, 0, 0, NO_CC, 0, S("a b\303\244c\027x\n"), S("a x\012|"),
     S("a b\303\244c\010 \010\010 \010\010 \010x\015\012")},
    {"a disabled VWERASE", 0, 0, 0, 0, VWERASE, 0, S("one two\027x\n"), S("one two\027x\012|"),
     S("one two^Wx\015\012")},
    {"VREPRINT", 0, 0, 0, 0, NO_CC, 0, S("ab\022c\n"), S("abc\012|"), S("ab^R\015\012abc\015\012")},
    {"VREPRINT of control characters", 0, 0, 0, 0, NO_CC, 0, S("a\001\022c\n"), S("a\001c\012|"),
     S("a^A^R\015\012a^Ac\015\012")},
    {"VREPRINT while erasing", 0, 0, ECHOPRT, 0, NO_CC, 0, S("ab\177\022c\n"), S("ac\012|"),
     S("ab\134b/^R\015\012ac\015\012")},
    {"VREPRINT on an empty line", 0, 0, 0, 0, NO_CC, 0, S("\022c\n"), S("c\012|"), S("^R\015\012c\015\012")},
    {"VREPRINT without ECHO", 0, 0, 0, ECHO, NO_CC, 0, S("ab\022c\n"), S("ab\022c\012|"), S("")},
    {"VREPRINT without IEXTEN", 0, 0, 0, IEXTEN, NO_CC, 0, S("ab\022c\n"), S("ab\022c\012|"), S("ab^Rc\015\012")},
    {"VREPRINT without ECHOCTL", 0, 0, 0, ECHOCTL, NO_CC, 0, S("ab\022c\n"), S("abc\012|"),
     S("ab\022\015\012abc\015\012")},
    {"VLNEXT", 0, 0, 0, 0, NO_CC, 0, S("a\026\177b\n"), S("a\177b\012|"), S("a^\010^?b\015\012")},
    {"VLNEXT of a newline", 0, 0, 0, 0, NO_CC, 0, S("a\026\nb\n"), S("a\012b\012|"), S("a^\010^Jb\015\012")},
    {"VLNEXT of ^C", 0, 0, 0, 0, NO_CC, 0, S("a\026\003b\n"), S("a\003b\012|"), S("a^\010^Cb\015\012")},
    {"VLNEXT of ^S", 0, 0, 0, 0, NO_CC, 0, S("a\026\023b\n"), S("a\023b\012|"), S("a^\010^Sb\015\012")},
    {"VLNEXT of itself", 0, 0, 0, 0, NO_CC, 0, S("a\026\026b\n"), S("a\026b\012|"), S("a^\010^Vb\015\012")},
    {"VLNEXT of a return", 0, 0, 0, 0, NO_CC, 0, S("a\026\rb\n"), S("a\015b\012|"), S("a^\010^Mb\015\012")},
    {"VLNEXT of an end of file", 0, 0, 0, 0, NO_CC, 0, S("a\026\004b\n"), S("a\004b\012|"), S("a^\010^Db\015\012")},
    {"VLNEXT without IEXTEN", 0, 0, 0, IEXTEN, NO_CC, 0, S("a\026\177b\n"), S("ab\012|"),
     S("a^V\010 \010\010 \010b\015\012")},
    {"VLNEXT without ECHOCTL", 0, 0, 0, ECHOCTL, NO_CC, 0, S("a\026\003b\n"), S("a\003b\012|"), S("a\003b\015\012")},
    {"VLNEXT without ECHO", 0, 0, 0, ECHO, NO_CC, 0, S("a\026\003b\n"), S("a\003b\012|"), S("")},
    {"VLNEXT in raw mode", 0, 0, 0, ICANON, NO_CC, 0, S("a\026\003"), S(""), S("^C")},
    {"a disabled VLNEXT", 0, 0, 0, 0, VLNEXT, 0, S("a\026b\n"), S("a\026b\012|"), S("a^Vb\015\012")},
    {"VLNEXT while erasing", 0, 0, ECHOPRT, 0, NO_CC, 0, S("ab\177\026\177c\n"), S("a\177c\012|"),
     S("ab\134b/^\010^?c\015\012")},
    {"VDISCARD", 0, 0, 0, 0, NO_CC, 0, S("a\017b\n"), S("a\017b\012|"), S("a^Ob\015\012")},
    {"VDISCARD without IEXTEN", 0, 0, 0, IEXTEN, NO_CC, 0, S("a\017b\n"), S("a\017b\012|"), S("a^Ob\015\012")},
    {"VEOF ends a line without newline", 0, 0, 0, 0, NO_CC, 0, S("ab\004cd\n"), S("ab|cd\012|"), S("abcd\015\012")},
    {"VEOF alone", 0, 0, 0, 0, NO_CC, 0, S("\004"), S("|"), S("")},
    {"VEOF twice", 0, 0, 0, 0, NO_CC, 0, S("\004\004"), S("||"), S("")},
    {"VEOF behind a line", 0, 0, 0, 0, NO_CC, 0, S("ab\n\004"), S("ab\012||"), S("ab\015\012")},
    {"VEOF twice behind bytes", 0, 0, 0, 0, NO_CC, 0, S("ab\004\004"), S("ab||"), S("ab")},
    {"another VEOF", 0, 0, 0, 0, VEOF, 0132, S("abZ\004\n"), S("ab|\004\012|"), S("ab^D\015\012")},
    {"a disabled VEOF", 0, 0, 0, 0, VEOF, 0, S("a\004b\n"), S("a\004b\012|"), S("a^Db\015\012")},
    {"VEOL", 0, 0, 0, 0, VEOL, 0073, S("a;b\n"), S("a;|b\012|"), S("a;b\015\012")},
    {"VEOL2", 0, 0, 0, 0, VEOL2, 0073, S("a;b\n"), S("a;|b\012|"), S("a;b\015\012")},
    {"VEOL2 without IEXTEN", 0, 0, 0, IEXTEN, VEOL2, 0073, S("a;b\n"), S("a;b\012|"), S("a;b\015\012")},
    {"VEOL of a control character", 0, 0, 0, 0, VEOL, 001, S("a\001b\n"), S("a\001|b\012|"), S("a^Ab\015\012")},
    {"VEOL without ECHO", 0, 0, 0, ECHO, VEOL, 0073, S("a;b\n"), S("a;|b\012|"), S("")},
    {"VEOL that is VEOF", 0, 0, 0, 0, VEOL, 004, S("a\004b\n"), S("a|b\012|"), S("ab\015\012")},
    {"VINTR flushes", 0, 0, 0, 0, NO_CC, 0, S("ab\003c\n"), S("c\012|"), S("^Cc\015\012")},
    {"VQUIT flushes", 0, 0, 0, 0, NO_CC, 0, S("ab\034c\n"), S("c\012|"), S("^\134c\015\012")},
    {"VSUSP flushes", 0, 0, 0, 0, NO_CC, 0, S("ab\032c\n"), S("c\012|"), S("^Zc\015\012")},
    {"VINTR with NOFLSH", 0, 0, NOFLSH, 0, NO_CC, 0, S("ab\003c\n"), S("abc\012|"), S("ab^Cc\015\012")},
    {"VQUIT with NOFLSH", 0, 0, NOFLSH, 0, NO_CC, 0, S("ab\034c\n"), S("abc\012|"), S("ab^\134c\015\012")},
    {"VSUSP with NOFLSH", 0, 0, NOFLSH, 0, NO_CC, 0, S("ab\032c\n"), S("abc\012|"), S("ab^Zc\015\012")},
    {"VINTR with NOFLSH and a line", 0, 0, NOFLSH, 0, NO_CC, 0, S("ab\n\003c\n"), S("ab\012|c\012|"),
     S("ab\015\012^Cc\015\012")},
    {"VINTR without ISIG", 0, 0, 0, ISIG, NO_CC, 0, S("ab\003c\n"), S("ab\003c\012|"), S("ab^Cc\015\012")},
    {"VQUIT without ISIG", 0, 0, 0, ISIG, NO_CC, 0, S("ab\034c\n"), S("ab\034c\012|"), S("ab^\134c\015\012")},
    {"VSUSP without ISIG", 0, 0, 0, ISIG, NO_CC, 0, S("ab\032c\n"), S("ab\032c\012|"), S("ab^Zc\015\012")},
    {"VINTR without ECHOCTL", 0, 0, 0, ECHOCTL, NO_CC, 0, S("ab\003c\n"), S("c\012|"), S("\003c\015\012")},
    {"VINTR without ECHO", 0, 0, 0, ECHO, NO_CC, 0, S("ab\003c\n"), S("c\012|"), S("")},
    {"VINTR with a literal next", 0, 0, 0, 0, NO_CC, 0, S("ab\026\003c\n"), S("ab\003c\012|"), S("ab^\010^Cc\015\012")},
    {"VINTR in raw mode", 0, 0, 0, ICANON, NO_CC, 0, S("ab\003c"), S("c"), S("^Cc")},
    {"another VINTR", 0, 0, 0, 0, VINTR, 0170, S("abxc\003d\n"), S("c\003d\012|"), S("xc^Cd\015\012")},
    {"a disabled VINTR", 0, 0, 0, 0, VINTR, 0, S("ab\003c\n"), S("ab\003c\012|"), S("ab^Cc\015\012")},
    {"VINTR starts stopped output", 0, 0, 0, 0, NO_CC, 0, S("a\023b\003c\n"), S("c\012|"), S("^Cc\015\012")},
    {"no ECHO", 0, 0, 0, ECHO, NO_CC, 0, S("abc\n"), S("abc\012|"), S("")},
    {"ECHONL without ECHO", 0, 0, ECHONL, ECHO, NO_CC, 0, S("abc\n\n"), S("abc\012|\012|"), S("\015\012\015\012")},
    {"ECHONL with ECHO", 0, 0, ECHONL, 0, NO_CC, 0, S("abc\n"), S("abc\012|"), S("abc\015\012")},
    {"ECHONL in raw mode", 0, 0, ECHONL, ECHO | ICANON, NO_CC, 0, S("abc\n"), S("abc\012"), S("")},
    {"ECHOCTL", 0, 0, 0, 0, NO_CC, 0, S("\001\033[A\t\n"), S("\001\033[A\011\012|"), S("^A^[[A\011\015\012")},
    {"no ECHOCTL", 0, 0, 0, ECHOCTL, NO_CC, 0, S("\001\033[A\t\n"), S("\001\033[A\011\012|"),
     S("\001\033[A\011\015\012")},
    {"ECHOCTL of \\177", 0, 0, 0, 0, VERASE, 0, S("\177\n"), S("\177\012|"), S("^?\015\012")},
    {"ECHOCTL of eight-bit controls", 0, 0, 0, 0, NO_CC, 0, S("\201\n"), S("\201\012|"), S("\201\015\012")},
    {"ECHO of an end of file", 0, 0, 0, 0, NO_CC, 0, S("\004"), S("|"), S("")},
    {"no ICANON: bytes at once", 0, 0, 0, ICANON, NO_CC, 0, S("ab\177\025\004c"), S("ab\177\025\004c"), S("ab^?^U^Dc")},
    {"no ICANON, echo of a return", 0, 0, 0, ICANON, NO_CC, 0, S("a\rb"), S("a\012b"), S("a\015\012b")},
    {"no ICANON, no ICRNL", 0, ICRNL, 0, ICANON, NO_CC, 0, S("a\rb\n"), S("a\015b\012"), S("a^Mb^J")},
    {"no ICANON: NUL", 0, 0, 0, ICANON, NO_CC, 0, S("a\000b"), S("a\000b"), S("a^@b")},
    {"XCASE", 0, 0, XCASE, 0, NO_CC, 0, S("A\\a\n"), S("A\134a\012|"), S("A\134a\015\012")},
    {"EXTPROC", 0, 0, EXTPROC, 0, NO_CC, 0, S("ab\177c\n"), S("ab\177c\012|"), S("")},
    {"FLUSHO", 0, 0, FLUSHO, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"PENDIN", 0, 0, PENDIN, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"TOSTOP", 0, 0, TOSTOP, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"BRKINT", BRKINT, 0, 0, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"IGNBRK", IGNBRK, 0, 0, 0, NO_CC, 0, S("ab\n"), S("ab\012|"), S("ab\015\012")},
    {"a NUL in a line", 0, 0, 0, 0, NO_CC, 0, S("a\000b\n"), S("a\000b\012|"), S("a^@b\015\012")},
    {"IXON and a disabled VSTOP", 0, 0, 0, 0, VSTOP, 0, S("a\023b\n"), S("a\023b\012|"), S("a^Sb\015\012")},
    {"another VSTART", 0, 0, 0, 0, VSTART, 0170, S("a\023bxc\n"), S("abc\012|"), S("abc\015\012")},
    {"VSTART that is VSTOP", 0, 0, 0, 0, VSTART, 023, S("a\023b\023c\n"), S("abc\012|"), S("abc\015\012")},
    {"lines and an end of file", 0, 0, 0, 0, NO_CC, 0, S("a\nb\n\004c\004"), S("a\012|b\012||c|"),
     S("a\015\012b\015\012c")},
    {"IUCLC of Latin-1", IUCLC, 0, 0, 0, NO_CC, 0, S("\311\327\337\336\n"), S("\351\327\337\376\012|"),
     S("\351\327\337\376\015\012")},
    {"VWERASE stops at signs of Latin-1", 0, 0, 0, 0, NO_CC, 0, S("a\327\344\366\027x\n"), S("a\327x\012|"),
     S("a\327\344\366\010 \010\010 \010x\015\012")},
    {"VWERASE of Latin-1 letters", 0, 0, 0, 0, NO_CC, 0, S(",\300\337\377\367\027x\n"), S(",x\012|"),
     S(",\300\337\377\367\010 \010\010 \010\010 \010\010 \010x\015\012")},
};

static void check(const struct row *row)
{
	struct termios t;
	struct got got;
	char text[400];
	open_pair();
	tcgetattr(slave, &t);
	t.c_iflag = (t.c_iflag & ~row->iflag_off) | row->iflag_on;
	t.c_lflag = (t.c_lflag & ~row->lflag_off) | row->lflag_on;
	if (row->cc != NO_CC)
		t.c_cc[row->cc] = (cc_t)row->value;
	tcsetattr(slave, TCSANOW, &t);
	if (write(master, row->typed, row->typed_bytes) != (ssize_t)row->typed_bytes)
		exit(97);
	collect(slave, &got, row->read_bytes, (t.c_lflag & ICANON) != 0);
	snprintf(text, sizeof(text), "%s: what is read", row->name);
	char seen[600];
	report(same(&got, row->read, row->read_bytes), text, "READ \"%s\"",
	       escaped(got.bytes, got.n, seen, sizeof(seen)));
	collect(master, &got, row->echo_bytes, 0);
	snprintf(text, sizeof(text), "%s: what is echoed", row->name);
	report(same(&got, row->echo, row->echo_bytes), text, "ECHO \"%s\"",
	       escaped(got.bytes, got.n, seen, sizeof(seen)));
	close_pair();
}

int main(void)
{
	limit_seconds(120);
	theme("typed bytes");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&rows[i]);
	return finish();
}
