/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runner/check.h"
#include "runner/help.h"
#include "runner/run.h"
#include "runner/shares.h"
#include "runner/units.h"

#ifndef SANDBOX_VERSION
#define SANDBOX_VERSION "unknown"
#endif

struct subcommand {
	const char *name, *help;
	int (*parse)(int argc, char *const argv[], struct command *out, struct error *error); /* argv[0]: the name */
	int (*execute)(const struct command *command, struct error *error);
};

enum argument { ARGUMENT_NONE, ARGUMENT_REQUIRED, ARGUMENT_OPTIONAL /* only as --NAME=VALUE */ };

struct option {
	char letter; /* 0: none */
	const char *name;
	enum argument argument;
	/* value is NULL without an argument. Returns NULL, or what is wrong with the value. */
	const char *(*set)(struct command *command, const char *value);
};

/* --- values of options --- */

static const char *set_memory(struct command *command, const char *value)
{
	uint64_t bytes;
	if (units_size(value, &bytes))
		return "is not a size such as 512M or 1.5G";
	if (bytes < SPEC_MEMORY_MIN || bytes > SPEC_MEMORY_MAX)
		return "is out of range: 16M to 64G";
	command->run.memory_bytes = (bytes + SPEC_MEMORY_ALIGN - 1) & ~(SPEC_MEMORY_ALIGN - 1);
	return NULL;
}

static const char *set_timeout(struct command *command, const char *value)
{
	uint64_t ns;
	if (units_duration(value, &ns))
		return "is not a duration such as 10s, 250ms or 2m";
	if (ns < SPEC_TIMEOUT_MIN_NS || ns > SPEC_TIMEOUT_MAX_NS)
		return "is out of range: 1ms to 365d";
	command->run.timeout_ns = ns;
	return NULL;
}

static const char *set_cpus(struct command *command, const char *value)
{
	uint64_t cpus;
	_Static_assert(BOOT_MAX_CPUS == 16, "texts here and in help.c");
	if (units_number(value, BOOT_MAX_CPUS, &cpus) || cpus == 0)
		return "is not a number from 1 to 16";
	command->run.cpus = (unsigned)cpus;
	return NULL;
}

static const char *set_env(struct command *command, const char *value)
{
	if (*value == 0 || *value == '=')
		return "has no name; write NAME or NAME=VALUE";
	command->run.env[command->run.env_count++] = value;
	return NULL;
}

static const char *set_workdir(struct command *command, const char *value)
{
	if (*value != '/')
		return "is not an absolute path";
	if (strlen(value) >= WIRE_PATH_MAX)
		return "is longer than 4095 bytes";
	for (const char *at = value; *at;) {
		at += strspn(at, "/");
		size_t length = strcspn(at, "/");
		if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
			return "has a `.` or `..` component; write the path without it";
		at += length;
	}
	command->run.workdir = value;
	return NULL;
}

static const char *set_ro(struct command *command, const char *value)
{
	return shares_add(&command->run, SPEC_RO, value);
}

static const char *set_rw(struct command *command, const char *value)
{
	return shares_add(&command->run, SPEC_RW, value);
}

static const char *set_tmpfs(struct command *command, const char *value)
{
	return shares_add(&command->run, SPEC_TMPFS, value);
}

static const char *set_user(struct command *command, const char *value)
{
	char text[32];
	uint64_t uid, gid;
	size_t length = strcspn(value, ":");
	if (length >= sizeof(text))
		return "is not UID or UID:GID in numbers";
	memcpy(text, value, length);
	text[length] = 0;
	/* Without a GID the same number: the caller's group, perhaps root's, is not what a user of its own should have.
	 */
	if (units_number(text, SPEC_ID_MAX, &uid) ||
	    units_number(value[length] ? value + length + 1 : text, SPEC_ID_MAX, &gid))
		return "is not UID or UID:GID in numbers from 0 to 4294967294";
	command->run.uid = (uint32_t)uid;
	command->run.gid = (uint32_t)gid;
	return NULL;
}

static const char *set_hostname(struct command *command, const char *value)
{
	size_t length = strlen(value);
	if (length == 0 || length >= WIRE_HOSTNAME_MAX)
		return "is not 1 to 64 bytes long";
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)value[i]) && value[i] != '.' && (value[i] != '-' || i == 0))
			return "may hold letters, digits, dots and (not in front) hyphens only";
	command->run.hostname = value;
	return NULL;
}

static const char *set_privilege(struct command *command, const char *value)
{
	static const char *const names[] = {
	    [PRIVILEGE_AUTO] = "auto", [PRIVILEGE_SPLIT] = "split", [PRIVILEGE_FLAT] = "flat"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(value, names[i])) {
			command->run.privilege = (enum privilege)i;
			return NULL;
		}
	return "is none of auto, split and flat";
}

static const char *set_stats(struct command *command, const char *value)
{
	if (value && !*value)
		return "names no file";
	command->run.stats = true;
	command->run.stats_file = value;
	return NULL;
}

static const char *set_trace(struct command *command, const char *value)
{
	if (value && !*value)
		return "names no file";
	command->run.trace = true;
	command->run.trace_file = value;
	return NULL;
}

static const char *set_trace_only(struct command *command, const char *value)
{
	for (const char *at = value;; at++) {
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (length == 0 || (at[length] && at[length] != ','))
			return "is not a list of system calls such as open,read";
		at += length;
		if (!*at)
			break;
	}
	command->run.trace = true;
	command->run.trace_only = value;
	return NULL;
}

static const char *set_tty(struct command *command, const char *value)
{
	command->run.tty = true;
	return NULL;
}

static const char *set_verbose(struct command *command, const char *value)
{
	command->run.verbose++;
	command->check_verbose++;
	return NULL;
}

static const char *set_json(struct command *command, const char *value)
{
	command->check_json = true;
	return NULL;
}

static const char *set_help(struct command *command, const char *value)
{
	command->help = command->verb->help;
	return NULL;
}

static const struct option run_options[] = {
    {0, "memory", ARGUMENT_REQUIRED, set_memory},
    {0, "cpus", ARGUMENT_REQUIRED, set_cpus},
    {0, "timeout", ARGUMENT_REQUIRED, set_timeout},
    {'e', "env", ARGUMENT_REQUIRED, set_env},
    {'w', "workdir", ARGUMENT_REQUIRED, set_workdir},
    {0, "ro", ARGUMENT_REQUIRED, set_ro},
    {0, "rw", ARGUMENT_REQUIRED, set_rw},
    {0, "tmpfs", ARGUMENT_REQUIRED, set_tmpfs},
    {0, "user", ARGUMENT_REQUIRED, set_user},
    {0, "hostname", ARGUMENT_REQUIRED, set_hostname},
    {'t', "tty", ARGUMENT_NONE, set_tty},
    {0, "stats", ARGUMENT_OPTIONAL, set_stats},
    {0, "trace", ARGUMENT_OPTIONAL, set_trace},
    {0, "trace-only", ARGUMENT_REQUIRED, set_trace_only},
    {'v', "verbose", ARGUMENT_NONE, set_verbose},
    {0, "privilege", ARGUMENT_REQUIRED, set_privilege},
    {'h', "help", ARGUMENT_NONE, set_help},
    {0},
};

static const struct option check_options[] = {
    {0, "json", ARGUMENT_NONE, set_json},
    {'v', "verbose", ARGUMENT_NONE, set_verbose},
    {'h', "help", ARGUMENT_NONE, set_help},
    {0},
};

static const struct option plain_options[] = {
    {'h', "help", ARGUMENT_NONE, set_help},
    {0},
};

/* --- options in general --- */

/* The arguments not read yet. */
struct scan {
	int argc;
	char *const *argv;
	const struct option *options;
	struct command *command;
	struct error *error;
};

static int complain(struct scan *scan, const char *text, const char *what)
{
	return error_set(scan->error, STATUS_RUNNER, "%.300s: %s; see 'sandbox %s --help'", text, what,
			 scan->command->verb->name);
}

static int apply(struct scan *scan, const struct option *option, const char *text, const char *value)
{
	const char *wrong = option->set(scan->command, value);
	if (!wrong)
		return 0;
	return error_set(scan->error, STATUS_RUNNER, "%s: '%.300s' %s; see 'sandbox %s --help'", text,
			 value ? value : "", wrong, scan->command->verb->name);
}

/* The next argument as the value of an option. */
static int apply_next(struct scan *scan, const struct option *option, const char *text)
{
	if (scan->argc == 0)
		return complain(scan, text, "needs a value");
	const char *value = *scan->argv;
	scan->argc--;
	scan->argv++;
	return apply(scan, option, text, value);
}

static int scan_long(struct scan *scan, const char *text)
{
	size_t length = strcspn(text, "=");
	const struct option *option = scan->options;
	while (option->name && (strncmp(option->name, text + 2, length - 2) || option->name[length - 2]))
		option++;
	if (!option->name)
		return complain(scan, text, "unknown option");
	const char *value = text[length] ? text + length + 1 : NULL;
	char name[32];
	snprintf(name, sizeof(name), "--%s", option->name);
	if (value && option->argument == ARGUMENT_NONE)
		return complain(scan, text, "takes no value");
	return !value && option->argument == ARGUMENT_REQUIRED ? apply_next(scan, option, name)
							       : apply(scan, option, name, value);
}

/* -v, -vv, -tv, -e VALUE, -eVALUE. */
static int scan_short(struct scan *scan, const char *text)
{
	for (const char *letter = text + 1; *letter; letter++) {
		const struct option *option = scan->options;
		char name[] = {'-', *letter, 0};
		while (option->name && option->letter != *letter)
			option++;
		if (!option->name)
			return complain(scan, text, "unknown option");
		if (option->argument == ARGUMENT_REQUIRED)
			return letter[1] ? apply(scan, option, name, letter + 1) : apply_next(scan, option, name);
		if (apply(scan, option, name, NULL))
			return -1;
	}
	return 0;
}

/* Reads options up to the first other argument or behind `--`. */
static int scan_options(struct scan *scan)
{
	while (scan->argc > 0 && !scan->command->help) {
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

/* --- subcommands --- */

/* There is no way to read the mask without setting it. */
static uint32_t callers_umask(void)
{
	mode_t mask = umask(077);
	umask(mask);
	return mask & 0777;
}

static int parse_run(int argc, char *const argv[], struct command *out, struct error *error)
{
	struct scan scan = {argc - 1, argv + 1, run_options, out, error};
	out->run = (struct run_spec){.memory_bytes = SPEC_MEMORY_DEFAULT,
				     .hostname = SPEC_HOSTNAME,
				     .uid = (uint32_t)geteuid(),
				     .gid = (uint32_t)getegid(),
				     .umask = callers_umask(),
				     .cpus = 1,
				     .env = calloc((size_t)argc, sizeof(char *))};
	if (!out->run.env)
		return error_set(error, STATUS_RUNNER, "out of memory");
	if (scan_options(&scan))
		return -1;
	if (out->help)
		return 0;
	if (scan.argc == 0)
		return error_set(error, STATUS_RUNNER, "run: no PROGRAM given; see 'sandbox run --help'");
	out->run.program = scan.argv[0];
	out->run.argv = scan.argv;
	out->run.argc = (size_t)scan.argc;
	return 0;
}

static int parse_plain(int argc, char *const argv[], const struct option *options, struct command *out,
		       struct error *error)
{
	struct scan scan = {argc - 1, argv + 1, options, out, error};
	if (scan_options(&scan))
		return -1;
	return out->help || scan.argc == 0 ? 0 : complain(&scan, scan.argv[0], "unexpected argument");
}

static int parse_check(int argc, char *const argv[], struct command *out, struct error *error)
{
	return parse_plain(argc, argv, check_options, out, error);
}

static int parse_version(int argc, char *const argv[], struct command *out, struct error *error)
{
	return parse_plain(argc, argv, plain_options, out, error);
}

static int parse_help(int argc, char *const argv[], struct command *out, struct error *error);

static int execute_run(const struct command *command, struct error *error)
{
	return run_command(&command->run, error);
}

static int execute_check(const struct command *command, struct error *error)
{
	return check_command(command->check_verbose, command->check_json);
}

static int print(const char *text, struct error *error)
{
	if (fputs(text, stdout) < 0 || fflush(stdout))
		return error_errno(error, STATUS_RUNNER, "cannot write to standard output"), STATUS_RUNNER;
	return 0;
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
	shares_free(&command->run);
	free(command->run.env);
	command->run.env = NULL;
}
