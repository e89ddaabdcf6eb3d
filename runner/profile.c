/* SPDX-License-Identifier: Apache-2.0
 *
 * From a YAML text to options. Of YAML it takes one mapping of names to scalars or sequences of scalars, all as plain
 * text: what a value means is the option's business. Anchors, aliases, tags and everything nested deeper are refused as
 * they come, so neither depth nor expansion costs anything.
 */
#include "runner/profile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; belongs to the reader */
	struct command *command;
	const char *name;
	struct error *error;
	uint64_t seen; /* rows of options_run, a bit each */
	unsigned values;
};

static unsigned line_of(const struct reader *reader)
{
	return (unsigned)reader->event.start_mark.line + 1;
}

static int complain(struct reader *reader, const char *key, const char *what)
{
	return error_set(reader->error, STATUS_RUNNER, "%.300s:%u: %.100s%s%s", reader->name, line_of(reader), key,
			 *key ? ": " : "", what);
}

static int next(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (yaml_parser_parse(&reader->parser, &reader->event))
		return 0;
	const yaml_parser_t *p = &reader->parser;
	/* problem_mark is not set by errors of the encoding. */
	size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;
	return error_set(reader->error, STATUS_RUNNER, "%.300s:%zu: not a YAML file: %.200s", reader->name, line + 1,
			 p->problem ? p->problem : "out of memory");
}

/* The event after `count` - 1 others. */
static int advance(struct reader *reader, int count)
{
	while (count--)
		if (next(reader))
			return -1;
	return 0;
}

/* The text of the current event, which must be a plain scalar of YAML; it ends with a NUL. NULL: it is not
 * (complained). */
static const char *scalar(struct reader *reader, const char *key)
{
	const yaml_event_t *event = &reader->event;
	const char *text = (const char *)event->data.scalar.value;
	if (event->type != YAML_SCALAR_EVENT)
		return complain(reader, key,
				event->type == YAML_ALIAS_EVENT ? "is an alias, which a profile cannot have"
								: "is not a plain value"),
		       NULL;
	if (event->data.scalar.anchor || event->data.scalar.tag)
		return complain(reader, key, "has an anchor or a tag, which a profile cannot have"), NULL;
	if (strlen(text) != event->data.scalar.length)
		return complain(reader, key, "has a NUL byte"), NULL;
	return text;
}

/* Whether the current scalar is a YAML true or false; else -1. */
static int truth(const struct reader *reader, const char *text)
{
	if (reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return -1;
	return !strcmp(text, "true") ? 1 : !strcmp(text, "false") ? 0 : -1;
}

/* The current event is a value of `option`. */
static int take_value(struct reader *reader, const struct option *option)
{
	const char *text = scalar(reader, option->name), *value = NULL;
	if (!text)
		return -1;
	if (++reader->values > PROFILE_VALUES_MAX)
		return complain(reader, option->name, "is one value too many for a profile");
	int is_true = truth(reader, text);
	if (option->argument == ARGUMENT_NONE && is_true < 0)
		return complain(reader, option->name, "is neither true nor false");
	if (option->argument != ARGUMENT_REQUIRED && is_true == 0)
		return 0;
	if (option->argument == ARGUMENT_REQUIRED || is_true < 0) {
		if (!*text)
			return complain(reader, option->name, "has no value");
		value = options_keep(reader->command, text);
		if (!value)
			return complain(reader, option->name, "needs more memory than there is");
	}
	const char *wrong = options_take(reader->command, option, value);
	if (!wrong)
		return 0;
	return error_set(reader->error, STATUS_RUNNER, "%.300s:%u: %s: '%.300s' %s", reader->name, line_of(reader),
			 option->name, text, wrong);
}

/* The current event is what stands behind a key: one value, or a sequence where the option may be repeated. */
static int take_values(struct reader *reader, const struct option *option)
{
	if (reader->event.type != YAML_SEQUENCE_START_EVENT)
		return take_value(reader, option);
	if (option->use != OPTION_LIST)
		return complain(reader, option->name, "has one value, not a list");
	if (reader->event.data.sequence_start.anchor || reader->event.data.sequence_start.tag)
		return complain(reader, option->name, "has an anchor or a tag, which a profile cannot have");
	for (;;) {
		if (next(reader))
			return -1;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (take_value(reader, option))
			return -1;
	}
}

static int take_key(struct reader *reader)
{
	const char *key = scalar(reader, "a key");
	if (!key)
		return -1;
	const struct option *option = options_find(options_run, key, strlen(key));
	if (!option)
		return complain(reader, key, "unknown key");
	if (option->use == OPTION_LINE || option->use == OPTION_FIRST)
		return complain(reader, key, "belongs on the command line, not into a profile");
	uint64_t bit = 1ull << (option - options_run);
	if (reader->seen & bit)
		return complain(reader, key, "is there twice; give a list of values");
	reader->seen |= bit;
	return next(reader) || take_values(reader, option) ? -1 : 0;
}

static int take_mapping(struct reader *reader)
{
	const yaml_event_t *event = &reader->event;
	/* A file of comments alone. */
	if (event->type == YAML_STREAM_END_EVENT)
		return 0;
	if (event->type != YAML_DOCUMENT_START_EVENT || next(reader))
		return complain(reader, "", "not a YAML document");
	if (event->type != YAML_MAPPING_START_EVENT)
		return complain(reader, "", "not a list of `key: value`");
	if (event->data.mapping_start.anchor || event->data.mapping_start.tag)
		return complain(reader, "", "has an anchor or a tag, which a profile cannot have");
	for (;;) {
		if (next(reader))
			return -1;
		if (event->type == YAML_MAPPING_END_EVENT)
			break;
		if (take_key(reader))
			return -1;
	}
	if (advance(reader, 2))
		return -1;
	return event->type == YAML_STREAM_END_EVENT ? 0 : complain(reader, "", "has more than one YAML document");
}

int profile_parse(struct command *command, const char *name, const char *text, size_t length, struct error *error)
{
	struct reader reader = {.command = command, .name = name, .error = error};
	if (length > PROFILE_BYTES_MAX)
		return error_set(error, STATUS_RUNNER, "%.300s: is larger than %u KiB", name, PROFILE_BYTES_MAX >> 10);
	if (!yaml_parser_initialize(&reader.parser))
		return error_set(error, STATUS_RUNNER, "%.300s: out of memory", name);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	/* The first event is the start of the stream. */
	int result = advance(&reader, 2) || take_mapping(&reader) ? -1 : 0;
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	return result;
}
