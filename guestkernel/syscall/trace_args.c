/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments and results of system calls as text. Memory of the program is read once, where it is shown; what cannot be
 * read is shown as an address.
 */
#include <asm/fcntl.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include "guestkernel/lib.h"
#include "guestkernel/linux_abi.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/syscall/trace_text.h"

#define DATA_LIMIT   32		  /* bytes shown of data, as strace has it */
#define PATH_LIMIT   240	  /* of a path */
#define VECTOR_LIMIT 16		  /* elements of an array */
#define FILLED	     "BVS2iXTnqL" /* letters of what the kernel fills in */

void text_put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = kvsnprintf(t->bytes + t->length, t->size - t->length, format, args);
	va_end(args);
	t->length = MIN(t->length + (size_t)n, t->size - 1);
}

static void put_byte(struct text *t, u8 c, bool digit_follows)
{
	static const char letters[] = "\n"
				      "n\t"
				      "t\r"
				      "r\v"
				      "v\f"
				      "f\""
				      "\"\\\\";
	size_t i;

	for (i = 0; i < sizeof(letters) - 1; i += 2) {
		if (c == (u8)letters[i]) {
			text_put(t, "\\%c", letters[i + 1]);
			return;
		}
	}
	if (c < ' ' || c > '~')
		text_put(t, digit_follows ? "\\%03o" : "\\%o", c);
	else
		text_put(t, "%c", c);
}

void text_quote(struct text *t, const char *bytes, size_t n, size_t limit)
{
	size_t i, shown = MIN(n, limit);

	text_put(t, "\"");
	for (i = 0; i < shown; i++)
		put_byte(t, (u8)bytes[i], i + 1 < shown && bytes[i + 1] >= '0' && bytes[i + 1] <= '9');
	text_put(t, n > limit ? "\"..." : "\"");
}

static void put_pointer(struct text *t, u64 addr)
{
	text_put(t, addr ? "0x%lx" : "NULL", addr);
}

static void put_data(struct text *t, u64 addr, u64 length)
{
	char data[DATA_LIMIT + 1];
	size_t n = MIN(length, sizeof(data));

	if (!addr || copy_from_user(data, user(addr), n))
		put_pointer(t, addr);
	else
		text_quote(t, data, n, DATA_LIMIT);
}

static void put_path(struct text *t, u64 addr, size_t limit)
{
	char path[PATH_LIMIT + 1];
	size_t n = addr ? copy_from_user_partial(path, user(addr), limit + 1) : 0;

	if (!n)
		put_pointer(t, addr);
	else
		text_quote(t, path, strnlen(path, n), limit);
}

static void put_strings(struct text *t, u64 addr, bool count_only)
{
	u64 string;
	unsigned n;

	if (!addr) {
		text_put(t, "NULL");
		return;
	}
	text_put(t, count_only ? "0x%lx /* " : "[", addr);
	for (n = 0; !get_user(string, user(addr + n * 8)) && string; n++) {
		if (count_only && n < 4096)
			continue;
		if (n == VECTOR_LIMIT || count_only) {
			text_put(t, count_only ? "more than " : ", ...");
			break;
		}
		text_put(t, n ? ", " : "");
		put_path(t, string, DATA_LIMIT);
	}
	text_put(t, count_only ? "%u vars */" : "]", n);
}

static void put_iov(struct text *t, u64 addr, u64 count, s64 bytes)
{
	struct iov v;
	u64 i, n;

	if (!addr || count > 1024) {
		put_pointer(t, addr);
		return;
	}
	text_put(t, "[");
	for (i = 0; i < count && i < VECTOR_LIMIT && !copy_from_user(&v, user(addr + i * sizeof(v)), sizeof(v)); i++) {
		n = bytes < 0 ? v.len : MIN(v.len, (u64)bytes);
		text_put(t, i ? ", {iov_base=" : "{iov_base=");
		put_data(t, v.base, n);
		text_put(t, ", iov_len=%lu}", v.len);
		bytes -= bytes < 0 ? 0 : (s64)n;
	}
	text_put(t, i < count ? ", ...]" : "]");
}

static void put_poll(struct text *t, u64 addr, u64 count)
{
	struct {
		s32 fd;
		s16 events, revents;
	} p;
	u64 i;

	if (!addr) {
		text_put(t, "NULL");
		return;
	}
	text_put(t, "[");
	for (i = 0; i < count && i < VECTOR_LIMIT && !copy_from_user(&p, user(addr + i * sizeof(p)), sizeof(p)); i++) {
		text_put(t, "%s{fd=%d, events=", i ? ", " : "", p.fd);
		trace_put_flags(t, NAMES_POLL, (u16)p.events);
		text_put(t, "}");
	}
	text_put(t, i < count ? ", ...]" : "]");
}

static void put_signal(struct text *t, u64 sig)
{
	const char *name = trace_signal_name((int)sig);

	if (name)
		text_put(t, "%s", name);
	else if (sig >= 32 && sig <= 64)
		text_put(t, sig == 32 ? "SIGRTMIN" : "SIGRT_%d", (int)sig - 32);
	else
		text_put(t, "%d", (int)sig);
}

static void put_mask(struct text *t, u64 mask)
{
	bool most, any = false;
	int sig, set = 0;

	for (sig = 0; sig < 64; sig++)
		set += mask >> sig & 1;
	most = set > 40;
	text_put(t, most ? "~[" : "[");
	for (sig = 1; sig <= 64; sig++) {
		const char *name = trace_signal_name(sig);

		if (!(mask >> (sig - 1) & 1) != most)
			continue;
		text_put(t, any ? " " : "");
		if (name)
			text_put(t, "%s", name + 3);
		else
			text_put(t, sig == 32 ? "RTMIN" : "RT_%d", sig - 32);
		any = true;
	}
	text_put(t, "]");
}

static void put_action(struct text *t, const struct k_sigaction *a)
{
	text_put(t, "{sa_handler=");
	text_put(t, a->handler > 1 ? "0x%lx" : a->handler ? "SIG_IGN" : "SIG_DFL", a->handler);
	text_put(t, ", sa_mask=");
	put_mask(t, a->mask);
	text_put(t, ", sa_flags=");
	trace_put_flags(t, NAMES_SA, a->flags);
	text_put(t, "}");
}

static void put_stat(struct text *t, const struct k_stat *s)
{
	text_put(t, "{st_mode=");
	trace_put_name(t, NAMES_FORMAT, s->mode & K_S_IFMT);
	text_put(t, "|0%o, ", s->mode & 07777);
	if ((s->mode & K_S_IFMT) == K_S_IFCHR)
		text_put(t, "st_rdev=%lu:%lu, ...}", s->rdev >> 8, s->rdev & 255);
	else
		text_put(t, "st_size=%ld, ...}", s->size);
}

static void put_wait_status(struct text *t, s32 status)
{
	if (status == 0xffff) {
		text_put(t, "[{WIFCONTINUED(s)}]");
		return;
	}
	if (!(status & 0x7f)) {
		text_put(t, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", status >> 8 & 0xff);
		return;
	}
	bool stopped = (status & 0xff) == 0x7f;
	text_put(t, stopped ? "[{WIFSTOPPED(s) && WSTOPSIG(s) == " : "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
	put_signal(t, (u64)(stopped ? status >> 8 & 0xff : status & 0x7f));
	text_put(t, "}]");
}

/* What stands at a fixed-size argument. */
static void put_struct(struct text *t, char kind, u64 addr)
{
	union {
		struct k_stat stat;
		struct k_sigaction action;
		struct k_timespec time;
		struct k_rlimit limit;
		s32 pair[2];
		u64 mask;
	} u;
	size_t size;

	/* clang-format off */
	switch (kind) {
	case 'S': size = sizeof(u.stat); break;
	case 'a': case 'q': size = sizeof(u.action); break;
	case 't': case 'T': size = sizeof(u.time); break;
	case 'L': case 'e': size = sizeof(u.limit); break;
	case 'i': case 'X': size = sizeof(s32); break;
	default: size = 8; /* 2, m, n */
	}
	if (!addr || copy_from_user(&u, user(addr), size)) {
		put_pointer(t, addr);
		return;
	}
	switch (kind) {
	case 'S': put_stat(t, &u.stat); break;
	case 'a': case 'q': put_action(t, &u.action); break;
	case 't': case 'T': text_put(t, "{tv_sec=%ld, tv_nsec=%ld}", u.time.sec, u.time.nsec); break;
	case 'L': case 'e': text_put(t, "{rlim_cur=%ld, rlim_max=%ld}", (long)u.limit.cur, (long)u.limit.max); break;
	case '2': text_put(t, "[%d, %d]", u.pair[0], u.pair[1]); break;
	case 'i': text_put(t, "[%d]", u.pair[0]); break;
	case 'X': put_wait_status(t, u.pair[0]); break;
	default: put_mask(t, u.mask);
	}
	/* clang-format on */
}

static void put_clone_flags(struct text *t, u64 value)
{
	trace_put_flags(t, NAMES_CLONE, value & ~0xffull);
	if (value & 0xff) {
		text_put(t, "|");
		put_signal(t, value & 0xff);
	}
}

static void put_futex(struct text *t, u64 value)
{
	trace_put_name(t, NAMES_FUTEX, value & FUTEX_CMD_MASK);
	text_put(t, value & FUTEX_PRIVATE_FLAG ? "_PRIVATE" : "");
	text_put(t, value & FUTEX_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "");
}

static void put_open_flags(struct text *t, u64 value)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

	text_put(t, "%s", modes[value & O_ACCMODE]);
	if (value & ~(u64)O_ACCMODE) {
		text_put(t, "|");
		trace_put_flags(t, NAMES_OPEN, (u32)value & ~(u32)O_ACCMODE);
	}
}

static void put_dirfd(struct text *t, u64 value)
{
	text_put(t, (s32)value == AT_FDCWD ? "AT_FDCWD" : "%d", (s32)value);
}

/* Letters that need no more than the value itself. */
static void put_value(struct text *t, char kind, u64 value)
{
	/* clang-format off */
	switch (kind) {
	case 'd': case 'f': text_put(t, "%d", (s32)value); break;
	case 'u': text_put(t, "%lu", value); break;
	case 'l': text_put(t, "%ld", (long)value); break;
	case 'o': text_put(t, "0%o", (u32)value); break;
	case 'p': put_pointer(t, value); break;
	case 's': put_path(t, value, PATH_LIMIT); break;
	case 'g': put_signal(t, value); break;
	case 'D': put_dirfd(t, value); break;
	case 'O': put_open_flags(t, value); break;
	case 'P': value ? trace_put_flags(t, NAMES_PROT, value) : text_put(t, "PROT_NONE"); break;
	case 'M': trace_put_flags(t, NAMES_MAP, value); break;
	case 'k': value ? trace_put_flags(t, NAMES_ACCESS, value) : text_put(t, "F_OK"); break;
	case 'z': trace_put_flags(t, NAMES_AT, value); break;
	case 'w': trace_put_flags(t, NAMES_WAIT, (u32)value); break;
	case 'h': trace_put_name(t, NAMES_HOW, value); break;
	case 'W': trace_put_name(t, NAMES_WHENCE, (u32)value); break;
	case 'F': trace_put_name(t, NAMES_FCNTL, (u32)value); break;
	case 'I': trace_put_name(t, NAMES_IOCTL, (u32)value); break;
	case 'r': trace_put_name(t, NAMES_RLIMIT, (u32)value); break;
	case 'c': trace_put_name(t, NAMES_CLOCK, (u32)value); break;
	case 'C': put_clone_flags(t, value); break;
	case 'K': put_futex(t, (u32)value); break;
	case 'A': put_strings(t, value, false); break;
	case 'E': put_strings(t, value, true); break;
	default: text_put(t, "0x%lx", value);
	}
	/* clang-format on */
}

/* `next`: the argument behind, which is the length of data and the count of an array. */
static void put_argument(struct text *t, char kind, u64 value, u64 next, long result)
{
	bool filled = strchr(FILLED, kind);

	if (filled && (result < 0 || (kind == 'X' && !result))) { /* wait4 that found nothing */
		put_pointer(t, value);
		return;
	}
	/* clang-format off */
	switch (kind) {
	case 'b': put_data(t, value, next); break;
	case 'B': put_data(t, value, (u64)result); break;
	case 'v': put_iov(t, value, next, -1); break;
	case 'V': put_iov(t, value, next, result); break;
	case 'j': put_poll(t, value, next); break;
	case 'S': case 'a': case 'q': case 't': case 'T': case 'L': case 'e': case '2': case 'i': case 'X': case 'm': case 'n':
		put_struct(t, kind, value);
		break;
	default: put_value(t, kind, value);
	}
	/* clang-format on */
}

void trace_arguments(struct text *t, const char *format, const u64 args[6], enum trace_part part, long result)
{
	int i, given;

	for (given = 0; given < 6 && format[given] && !strchr(FILLED, format[given]); given++)
		;
	for (i = part == TRACE_GIVEN ? 0 : given; i < (part == TRACE_GIVEN ? given : 6) && format[i]; i++) {
		/* The mode of a file is there only when one may be created. */
		if (format[i] == 'y' && !(args[i - 1] & (O_CREAT | (__O_TMPFILE & ~O_DIRECTORY))))
			break;
		if (i && (part == TRACE_GIVEN || i > given))
			text_put(t, ", ");
		put_argument(t, format[i] == 'y' ? 'o' : format[i], args[i], i < 5 ? args[i + 1] : 0, result);
	}
	if (part == TRACE_GIVEN && given && given < 6 && format[given])
		text_put(t, ", ");
}

void trace_result(struct text *t, u64 number, long result)
{
	static const struct {
		int error;
		const char *text;
	} restarts[] = {
	    {ERESTARTSYS, "ERESTARTSYS (To be restarted if SA_RESTART is set)"},
	    {ERESTARTNOINTR, "ERESTARTNOINTR (To be restarted)"},
	    {ERESTARTNOHAND, "ERESTARTNOHAND (To be restarted if no handler)"},
	    {ERESTART_RESTARTBLOCK, "ERESTART_RESTARTBLOCK (Interrupted by signal)"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(restarts); i++) {
		if (result == -restarts[i].error) {
			text_put(t, " = ? %s", restarts[i].text);
			return;
		}
	}
	if (result < 0 && result >= -4095 && trace_errno_name(-result))
		text_put(t, " = -1 %s", trace_errno_name(-result));
	else if (number == __NR_mmap || number == __NR_brk || number == __NR_mremap)
		text_put(t, " = 0x%lx", (u64)result);
	else if (number == __NR_umask)
		text_put(t, " = 0%lo", (u64)result);
	else
		text_put(t, " = %ld", result);
}
