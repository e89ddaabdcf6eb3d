/* SPDX-License-Identifier: Apache-2.0
 *
 * String functions and formatted text. memcpy, memmove and memset are in arch/string.S. The functions with the C
 * library's names exist in the guest alone: host-built tests have the C library's.
 */
#include "guestkernel/lib.h"

#ifdef __GUEST__
int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n >= 8 && *(const u64 *)x == *(const u64 *)y; n -= 8)
		x += 8, y += 8;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return p - s;
}

size_t strnlen(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i])
		i++;
	return i;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}
#endif

/* Where formatted text goes; length counts what did not fit, too. */
struct sink {
	char *buf;
	size_t size, length;
};

/* One conversion specification. */
struct spec {
	bool left, zero;
	int width, precision; /* precision -1: none */
	int size;	      /* bytes of the integer argument */
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_padding(struct sink *s, char c, int n)
{
	while (n-- > 0)
		put(s, c);
}

static void put_text(struct sink *s, const struct spec *spec, const char *text, size_t n)
{
	int pad = spec->width - (int)n;

	if (!spec->left)
		put_padding(s, ' ', pad);
	while (n--)
		put(s, *text++);
	if (spec->left)
		put_padding(s, ' ', pad);
}

static void put_number(struct sink *s, const struct spec *spec, u64 value, unsigned base, bool upper,
		       const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int n = 0, zeros, prefix_len = 0, pad;

	while (prefix[prefix_len])
		prefix_len++;
	for (; value; value /= base)
		text[n++] = digits[value % base];
	if (!n && spec->precision != 0)
		text[n++] = '0';
	zeros = spec->precision > n ? spec->precision - n : 0;
	pad = spec->width - n - zeros - prefix_len;
	if (spec->zero && !spec->left && spec->precision < 0 && pad > 0) {
		zeros += pad;
		pad = 0;
	}
	if (!spec->left)
		put_padding(s, ' ', pad);
	while (*prefix)
		put(s, *prefix++);
	put_padding(s, '0', zeros);
	while (n)
		put(s, text[--n]);
	if (spec->left)
		put_padding(s, ' ', pad);
}

static const char *parse_count(const char *f, int *count, va_list *args)
{
	if (*f == '*') {
		*count = va_arg(*args, int);
		return f + 1;
	}
	for (*count = 0; *f >= '0' && *f <= '9'; f++)
		*count = MIN(*count * 10 + (*f - '0'), 4096);
	return f;
}

static const char *parse_spec(const char *f, struct spec *spec, va_list *args)
{
	*spec = (struct spec){.precision = -1, .size = sizeof(int)};
	for (;; f++) {
		if (*f == '-')
			spec->left = true;
		else if (*f == '0')
			spec->zero = true;
		else
			break;
	}
	f = parse_count(f, &spec->width, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*f == '.')
		f = parse_count(f + 1, &spec->precision, args);
	for (;; f++) {
		if (*f == 'l' || *f == 'z')
			spec->size = sizeof(long);
		else if (*f == 'h')
			spec->size = spec->size == 2 ? 1 : 2;
		else
			return f;
	}
}

static s64 take_signed(int size, va_list *args)
{
	switch (size) {
	case 8:
		return va_arg(*args, long);
	case 2:
		return (short)va_arg(*args, int);
	case 1:
		return (signed char)va_arg(*args, int);
	default:
		return va_arg(*args, int);
	}
}

static u64 take_unsigned(int size, va_list *args)
{
	switch (size) {
	case 8:
		return va_arg(*args, unsigned long);
	case 2:
		return (u16)va_arg(*args, unsigned);
	case 1:
		return (u8)va_arg(*args, unsigned);
	default:
		return va_arg(*args, unsigned);
	}
}

static void put_string(struct sink *s, const struct spec *spec, const char *text)
{
	size_t n = 0, limit = spec->precision >= 0 ? (size_t)spec->precision : ~0ul;

	if (!text)
		text = "(null)";
	while (n < limit && text[n])
		n++;
	put_text(s, spec, text, n);
}

static void convert(struct sink *s, char kind, struct spec *spec, va_list *args)
{
	s64 value;
	char c;

	switch (kind) {
	case 'd':
	case 'i':
		value = take_signed(spec->size, args);
		put_number(s, spec, value < 0 ? -(u64)value : (u64)value, 10, false, value < 0 ? "-" : "");
		break;
	case 'u':
		put_number(s, spec, take_unsigned(spec->size, args), 10, false, "");
		break;
	case 'o':
		put_number(s, spec, take_unsigned(spec->size, args), 8, false, "");
		break;
	case 'x':
	case 'X':
		put_number(s, spec, take_unsigned(spec->size, args), 16, kind == 'X', "");
		break;
	case 'p':
		put_number(s, spec, (u64)va_arg(*args, void *), 16, false, "0x");
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_text(s, spec, &c, 1);
		break;
	case 's':
		put_string(s, spec, va_arg(*args, const char *));
		break;
	default: /* %% and what is unknown stands for itself */
		put(s, kind);
	}
}

int kvsnprintf(char *buf, size_t size, const char *format, va_list args)
{
	struct sink s = {buf, size, 0};
	struct spec spec;
	va_list copy;

	va_copy(copy, args);
	for (; *format; format++) {
		if (*format != '%') {
			put(&s, *format);
			continue;
		}
		format = parse_spec(format + 1, &spec, &copy);
		if (!*format)
			break;
		convert(&s, *format, &spec, &copy);
	}
	va_end(copy);
	if (size)
		buf[MIN(s.length, size - 1)] = 0;
	return (int)s.length;
}

int ksnprintf(char *buf, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = kvsnprintf(buf, size, format, args);
	va_end(args);
	return n;
}
