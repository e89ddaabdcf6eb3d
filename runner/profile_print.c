/* SPDX-License-Identifier: Apache-2.0
 *
 * From options back to a profile. A value stands plain where YAML reads it as the same text, else between double
 * quotes.
 */
#include <string.h>
#include <strings.h>

#include "runner/profile.h"
#include "runner/shares.h"

static int put(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/* Bytes of the UTF-8 character at text that YAML may hold as it is; 0: not one. */
static size_t character(const unsigned char *text)
{
	uint32_t c;
	size_t length = *text < 0x80 ? 1 : *text >= 0xc2 && *text < 0xe0 ? 2 : (*text & 0xf0) == 0xe0 ? 3 : 4;
	if (length == 1)
		return 1;
	if (*text < 0xc2 || *text > 0xf4)
		return 0;
	c = *text & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	bool shortest = c >= (length == 3 ? 0x800u : length == 4 ? 0x10000u : 0x80u);
	return shortest && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? length : 0;
}

/* Text that no YAML reader takes for anything but itself or the number that it looks like. */
static bool is_plain(const char *text)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=@%^";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return false;
	return *text && !strchr("-=@%+", *text) && !text[strspn(text, safe)];
}

static int put_quoted(struct buffer *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	int failed = put(out, "\"");
	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		size_t length = character(at);
		if (*at < ' ' || *at == 0x7f)
			failed |= buffer_append(out, (const char[]){'\\', 'x', digits[*at >> 4], digits[*at & 15]}, 4);
		else if (length == 2 && *at == 0xc2 && at[1] < 0xa0) /* C1 control characters, U+0080 to U+009F */
			failed |=
			    buffer_append(out, (const char[]){'\\', 'x', digits[at[1] >> 4], digits[at[1] & 15]}, 4);
		else if (length == 3 && !memcmp(at, "\xef\xbb\xbf", 3))
			failed |= put(out, "\\uFEFF");
		else if (length == 3 && *at == 0xef && at[1] == 0xbf && at[2] >= 0xbe) /* U+FFFE, U+FFFF */
			failed |= put(out, at[2] == 0xbe ? "\\uFFFE" : "\\uFFFF");
		else if (length == 3 && !memcmp(at, "\xe2\x80", 2) &&
			 (at[2] | 1) == 0xa9) /* line and paragraph separator */
			failed |= put(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
		else if (*at == '"' || *at == '\\')
			failed |= buffer_append(out, (const char[]){'\\', (char)*at}, 2);
		else
			failed |= buffer_append(out, at, length);
		at += length;
	}
	return failed | put(out, "\"");
}

static bool is_utf8(const char *text)
{
	for (size_t length; *text; text += length)
		if (!(length = character((const unsigned char *)text)))
			return false;
	return true;
}

int profile_put_item(struct buffer *out, const char *value)
{
	if (!is_utf8(value))
		return -1;
	return put(out, "  - ") | (is_plain(value) ? put(out, value) : put_quoted(out, value)) | put(out, "\n");
}

int profile_put(struct buffer *out, const char *key, const char *const *value, size_t count, bool list,
		struct error *error)
{
	int failed = put(out, key) | put(out, list ? ":\n" : ": ");
	for (size_t i = 0; i < count; i++) {
		if (!is_utf8(value[i]))
			return error_set(error, STATUS_RUNNER,
					 "%s: '%.300s' is not UTF-8, and so cannot stand in a profile", key, value[i]);
		if (list)
			failed |= profile_put_item(out, value[i]);
		else
			failed |=
			    (is_plain(value[i]) ? put(out, value[i]) : put_quoted(out, value[i])) | put(out, "\n");
	}
	return failed ? error_set(error, STATUS_RUNNER, "out of memory") : 0;
}

/* A share or a tmpfs that another one has taken the place of. */
static bool is_replaced(const struct command *command, const struct option_value *taken)
{
	return options_is_mount(taken->option) && !shares_holds(&command->run, taken->value);
}

static int put_flag(const struct option_value *taken, struct buffer *out)
{
	return put(out, taken->option->name) | put(out, ": true\n");
}

static int put_option(const struct command *command, const struct option *option, const char **value,
		      struct buffer *out, struct error *error)
{
	const struct option_value *last = NULL;
	size_t count = 0;
	for (size_t i = 0; i < command->taken.count; i++) {
		const struct option_value *taken = &command->taken.item[i];
		if (taken->option != option || is_replaced(command, taken))
			continue;
		last = taken;
		if (option->use == OPTION_SCALAR)
			count = 0;
		value[count++] = taken->value;
	}
	if (!last && option->otherwise)
		return put(out, "# ") | put(out, option->name) | put(out, ": ") | put(out, option->otherwise) |
		       put(out, "\n");
	if (!last)
		return 0;
	return last->value ? profile_put(out, option->name, value, count, option->use == OPTION_LIST, error)
			   : put_flag(last, out);
}

int profile_print(const struct command *command, struct buffer *out, struct error *error)
{
	const char **value = calloc(command->taken.count + 1, sizeof(*value));
	int result = value ? 0 : -1;
	for (const struct option *option = options_run; option->name && !result; option++)
		if ((option->use == OPTION_SCALAR || option->use == OPTION_LIST) &&
		    !(command->run.record_file && options_is_recorded(option)))
			result = put_option(command, option, value, out, error);
	free(value);
	if (result && !error->text[0])
		error_set(error, STATUS_RUNNER, "out of memory");
	return result;
}
