/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "runner/check.h"
#include "runner/help.h"
#include "runner/profile.h"
#include "runner/run.h"

#ifndef SANDBOX_VERSION
#define SANDBOX_VERSION "unknown"
#endif

struct subcommand {
	const char *name, *help;
	int (*parse)(int argc, char *const argv[], struct command *out, struct error *error); /* argv[0]: the name */
	int (*execute)(const struct command *command, struct error *error);
};

/* --- options in general --- */

/* The arguments not read yet, and the options read and not yet taken. */
struct scan {
	int argc;
	char *const *argv;
	const struct option *options;
	struct command *command;
	struct error *error;
	struct option_values later; /* taken once all are read */
};

static int complain(struct scan *scan, const char *text, const char *what)
{
	return error_set(scan->error, STATUS_RUNNER, "%.300s: %s; see 'sandbox %s --help'", text, what,
			 scan->command->verb->name);
}

static int take(struct scan *scan, const struct option_value *given)
{
	const char letter[] = {given->option->letter, 0}, *value = given->value;
	const char *wrong = options_take(scan->command, given->option, value);
	if (!wrong)
		return 0;
	return error_set(scan->error, STATUS_RUNNER, "%s%s: '%.300s' %s; see 'sandbox %s --help'",
			 given->by_letter ? "-" : "--", given->by_letter ? letter : given->option->name,
			 value ? value : "", wrong, scan->command->verb->name);
}

static int read_value(struct scan *scan, const struct option *option, const char *value, bool by_letter)
{
	struct option_value given = {option, value, by_letter};
	if (option->use == OPTION_FIRST)
		return take(scan, &given);
	return options_append(&scan->later, &given) ? error_set(scan->error, STATUS_RUNNER, "out of memory") : 0;
}

/* The next argument as the value of an option. */
static int read_next(struct scan *scan, const struct option *option, const char *text, bool by_letter)
{
	if (scan->argc == 0)
		return complain(scan, text, "needs a value");
	const char *value = *scan->argv;
	scan->argc--;
	scan->argv++;
	return read_value(scan, option, value, by_letter);
}

static int scan_long(struct scan *scan, const char *text)
{
	size_t length = strcspn(text, "=");
	const struct option *option = options_find(scan->options, text + 2, length - 2);
	if (!option)
		return complain(scan, text, "unknown option");
	const char *value = text[length] ? text + length + 1 : NULL;
	if (value && option->argument == ARGUMENT_NONE)
		return complain(scan, text, "takes no value");
	return !value && option->argument == ARGUMENT_REQUIRED ? read_next(scan, option, text, false)
							       : read_value(scan, option, value, false);
}

/* -v, -vv, -tv, -e VALUE, -eVALUE. */
static int scan_short(struct scan *scan, const char *text)
{
	for (const char *letter = text + 1; *letter; letter++) {
		const struct option *option = options_find_letter(scan->options, *letter);
		const char name[] = {'-', *letter, 0};
		if (!option)
			return complain(scan, text, "unknown option");
		if (option->argument == ARGUMENT_REQUIRED)
			return letter[1] ? read_value(scan, option, letter + 1, true)
					 : read_next(scan, option, name, true);
		if (read_value(scan, option, NULL, true))
			return -1;
	}
	return 0;
}

/* Reads options up to the first other argument or behind `--`. */
static int scan_options(struct scan *scan)
{
	while (scan->argc > 0 && !scan->command->wants_help) {
		const char *text = *scan->argv;
		if (text[0] != '-' || text[1] == 0)
			return 0;
		scan->argc--;
		scan->argv++;
		if (!strcmp(text, "--"))
			return 0;
		if (text[1] == '-' ? scan_long(scan, text) : scan_short(scan, text))
			return -1;
	}
	return 0;
}

/* What the command line says overrides profiles, wherever --profile stands. */
static int load_profiles(struct scan *scan)
{
	for (unsigned i = 0; i < scan->command->profiles; i++)
		if (profile_load(scan->command, scan->command->profile[i], scan->error))
			return -1;
	scan->command->run.source++;
	return 0;
}

static int take_later(struct scan *scan)
{
	for (size_t i = 0; i < scan->later.count; i++)
		if (take(scan, &scan->later.item[i]))
			return -1;
	return 0;
}

/* All options of a command. */
static int parse_options(struct scan *scan)
{
	int result = scan_options(scan);
	if (scan->command->wants_help)
		scan->command->help = scan->command->verb->help;
	else if (!result)
		result = load_profiles(scan) || take_later(scan) ? -1 : 0;
	free(scan->later.item);
	return result;
}

/* --- subcommands --- */

/* The profile as a string; NULL: not printable, *error says why. */
static char *profile_text(const struct command *command, struct error *error)
{
	struct buffer text = {0};
	if (!profile_print(command, &text, error) && !buffer_append(&text, "", 1))
		return (char *)text.data;
	if (!error->text[0])
		error_set(error, STATUS_RUNNER, "out of memory");
	buffer_free(&text);
	return NULL;
}

/* What --record writes before what it has seen. */
static int prepare_record(struct command *command, struct error *error)
{
	char *text = profile_text(command, error);
	if (!text)
		return -1;
	command->run.record_head = options_keep(command, text);
	free(text);
	return command->run.record_head ? 0 : error_set(error, STATUS_RUNNER, "out of memory");
}

static int parse_run(int argc, char *const argv[], struct command *out, struct error *error)
{
	struct scan scan = {argc - 1, argv + 1, options_run, out, error, {0}};
	options_defaults(&out->run);
	if (parse_options(&scan))
		return -1;
	if (out->help || (out->print_profile && scan.argc == 0))
		return 0;
	if (scan.argc == 0)
		return error_set(error, STATUS_RUNNER, "run: no PROGRAM given; see 'sandbox run --help'");
	out->run.program = scan.argv[0];
	out->run.argv = scan.argv;
	out->run.argc = (size_t)scan.argc;
	return out->run.record_file && !out->print_profile ? prepare_record(out, error) : 0;
}

static int parse_plain(int argc, char *const argv[], const struct option *options, struct command *out,
		       struct error *error)
{
	struct scan scan = {argc - 1, argv + 1, options, out, error, {0}};
	if (parse_options(&scan))
		return -1;
	return out->help || scan.argc == 0 ? 0 : complain(&scan, scan.argv[0], "unexpected argument");
}

static int parse_check(int argc, char *const argv[], struct command *out, struct error *error)
{
	return parse_plain(argc, argv, options_check, out, error);
}

static int parse_version(int argc, char *const argv[], struct command *out, struct error *error)
{
	return parse_plain(argc, argv, options_plain, out, error);
}

static int parse_help(int argc, char *const argv[], struct command *out, struct error *error);

static int cannot_print(struct error *error)
{
	error_errno(error, STATUS_RUNNER, "cannot write to standard output");
	return STATUS_RUNNER;
}

static int execute_check(const struct command *command, struct error *error)
{
	int status = check_command(command->check_verbose, command->check_json);
	return status < 0 ? cannot_print(error) : status;
}

static int print(const char *text, struct error *error)
{
	return fputs(text, stdout) < 0 || fflush(stdout) ? cannot_print(error) : 0;
}

static int execute_run(const struct command *command, struct error *error)
{
	if (!command->print_profile)
		return run_command(&command->run, error);
	char *text = profile_text(command, error);
	int status = text ? print(text, error) : STATUS_RUNNER;
	free(text);
	return status;
}

static int execute_version(const struct command *command, struct error *error)
{
	return print("sandbox " SANDBOX_VERSION "\n", error);
}

static const struct subcommand subcommands[] = {
    {"run", help_run, parse_run, execute_run},
    {"check", help_check, parse_check, execute_check},
    {"version", help_version, parse_version, execute_version},
    {"help", help_main, parse_help, NULL},
};

static const struct subcommand *find_subcommand(const char *name)
{
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(*subcommands); i++)
		if (!strcmp(name, subcommands[i].name))
			return &subcommands[i];
	return NULL;
}

static int unknown_command(const char *name, struct error *error)
{
	if (name[0] == '-')
		return error_set(error, STATUS_RUNNER, "%.300s: unknown option; see 'sandbox --help'", name);
	return error_set(
	    error, STATUS_RUNNER,
	    "%.300s: unknown command; to run a program write 'sandbox run %.300s', or see 'sandbox --help'", name,
	    name);
}

static int parse_help(int argc, char *const argv[], struct command *out, struct error *error)
{
	const struct subcommand *about = argc > 1 ? find_subcommand(argv[1]) : out->verb;
	if (!about)
		return unknown_command(argv[1], error);
	out->help = about->help;
	return 0;
}

int cli_parse(int argc, char *const argv[], struct command *out, struct error *error)
{
	*out = (struct command){0};
	if (argc < 2)
		return error_set(error, STATUS_RUNNER,
				 "no command given; try 'sandbox run PROGRAM', or see 'sandbox --help'");
	out->verb = find_subcommand(argv[1]);
	if (!out->verb)
		return unknown_command(argv[1], error);
	return out->verb->parse(argc - 1, argv + 1, out, error);
}

int cli_execute(const struct command *command, struct error *error)
{
	return command->help ? print(command->help, error) : command->verb->execute(command, error);
}

void cli_complain(const struct error *error)
{
	/* A control character out of a file name must not reach the user's terminal. */
	char text[sizeof(error->text)];
	size_t length = 0;
	for (; length < sizeof(text) && error->text[length]; length++)
		text[length] = iscntrl((unsigned char)error->text[length]) ? '?' : error->text[length];
	struct iovec parts[] = {{"sandbox: ", 9}, {text, length}, {"\n", 1}};
	ssize_t written = writev(2, parts, 3);
	(void)written; /* there is nobody left to tell */
}

void command_free(struct command *command)
{
	options_free(command);
}
