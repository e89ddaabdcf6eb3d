/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/shares.h"
#include "runner/units.h"

static const char no_memory[] = "needs more memory than there is";

/* Makes room for one more in an array that has `count`; it grows at powers of two. NULL: no memory. */
static void *grown(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : reallocarray(array, count ? 2 * count : 1, size);
}

/* --- values of options --- */

static const char *set_memory(struct command *command, const char *value)
{
	uint64_t bytes;
	if (units_size(value, &bytes))
		return "is not a size such as 512M or 1.5G";
	if (bytes < SPEC_MEMORY_MIN || bytes > SPEC_MEMORY_MAX)
		return "is out of range: 16M to 64G (without a suffix it counts bytes)";
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
	const char **env = grown(command->run.env, command->run.env_count, sizeof(*env));
	if (!env)
		return no_memory;
	command->run.env = env;
	env[command->run.env_count++] = value;
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

static const char *set_overlay(struct command *command, const char *value)
{
	return shares_add(&command->run, SPEC_OVERLAY, value);
}

static const char *set_rootfs(struct command *command, const char *value)
{
	return shares_add_rootfs(&command->run, value);
}

static const char *set_copy_in(struct command *command, const char *value)
{
	return shares_add_copy(&command->run, false, value);
}

static const char *set_copy_out(struct command *command, const char *value)
{
	return shares_add_copy(&command->run, true, value);
}

static const char *set_disk(struct command *command, const char *value)
{
	uint64_t bytes;
	if (units_size(value, &bytes) || bytes < SPEC_DISK_MIN)
		return "is not a size such as 256M, of 4K or more";
	command->run.disk_bytes = bytes;
	return NULL;
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

static const char *add_reach(struct command *command, bool write, const char *value)
{
	struct run_spec *run = &command->run;
	if (!*value)
		return "names no path";
	for (const char *at = value; *at;) {
		at += strspn(at, "/");
		size_t length = strcspn(at, "/");
		if (length == 2 && at[0] == '.' && at[1] == '.')
			return "has a `..` component; write the path without it";
		at += length;
	}
	struct spec_reach *reach = grown(run->reach, run->reach_count, sizeof(*reach));
	if (!reach)
		return no_memory;
	run->reach = reach;
	reach[run->reach_count++] = (struct spec_reach){value, write};
	return NULL;
}

static const char *set_allow_read(struct command *command, const char *value)
{
	return add_reach(command, false, value);
}

static const char *set_allow_write(struct command *command, const char *value)
{
	return add_reach(command, true, value);
}

static const char *set_record(struct command *command, const char *value)
{
	if (!*value)
		return "names no file";
	command->run.record_file = value;
	return NULL;
}

static const char *set_allow_syscall(struct command *command, const char *value)
{
	if (!*value || syscalls_add(&command->run.calls, value))
		return "is not a list of system calls that exist, such as open,read";
	command->run.limit_calls = true;
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

static const char *set_profile(struct command *command, const char *value)
{
	if (!*value)
		return "names no profile";
	if (command->profiles == OPTIONS_PROFILES_MAX)
		return "is one too many: at most 8 profiles";
	command->profile[command->profiles++] = value;
	return NULL;
}

static const char *set_print_profile(struct command *command, const char *value)
{
	command->print_profile = true;
	return NULL;
}

static const char *set_help(struct command *command, const char *value)
{
	command->wants_help = true;
	return NULL;
}

const struct option options_run[] = {
    {0, "profile", ARGUMENT_REQUIRED, OPTION_FIRST, set_profile, NULL},
    {0, "print-profile", ARGUMENT_NONE, OPTION_LINE, set_print_profile, NULL},
    {0, "memory", ARGUMENT_REQUIRED, OPTION_SCALAR, set_memory, "512M"},
    {0, "cpus", ARGUMENT_REQUIRED, OPTION_SCALAR, set_cpus, "1"},
    {0, "timeout", ARGUMENT_REQUIRED, OPTION_SCALAR, set_timeout, NULL},
    {'e', "env", ARGUMENT_REQUIRED, OPTION_LIST, set_env, NULL},
    {'w', "workdir", ARGUMENT_REQUIRED, OPTION_SCALAR, set_workdir, NULL},
    {0, "ro", ARGUMENT_REQUIRED, OPTION_LIST, set_ro, NULL},
    {0, "rw", ARGUMENT_REQUIRED, OPTION_LIST, set_rw, NULL},
    {0, "tmpfs", ARGUMENT_REQUIRED, OPTION_LIST, set_tmpfs, NULL},
    {0, "overlay", ARGUMENT_REQUIRED, OPTION_LIST, set_overlay, NULL},
    {0, "rootfs", ARGUMENT_REQUIRED, OPTION_LIST, set_rootfs, NULL},
    {0, "copy-in", ARGUMENT_REQUIRED, OPTION_LIST, set_copy_in, NULL},
    {0, "copy-out", ARGUMENT_REQUIRED, OPTION_LIST, set_copy_out, NULL},
    {0, "disk", ARGUMENT_REQUIRED, OPTION_SCALAR, set_disk, NULL},
    {0, "user", ARGUMENT_REQUIRED, OPTION_SCALAR, set_user, NULL},
    {0, "hostname", ARGUMENT_REQUIRED, OPTION_SCALAR, set_hostname, SPEC_HOSTNAME},
    {0, "record", ARGUMENT_REQUIRED, OPTION_LINE, set_record, NULL},
    {0, "allow-read", ARGUMENT_REQUIRED, OPTION_LIST, set_allow_read, NULL},
    {0, "allow-write", ARGUMENT_REQUIRED, OPTION_LIST, set_allow_write, NULL},
    {0, "allow-syscall", ARGUMENT_REQUIRED, OPTION_LIST, set_allow_syscall, NULL},
    {'t', "tty", ARGUMENT_NONE, OPTION_SCALAR, set_tty, NULL},
    {0, "stats", ARGUMENT_OPTIONAL, OPTION_SCALAR, set_stats, NULL},
    {0, "trace", ARGUMENT_OPTIONAL, OPTION_SCALAR, set_trace, NULL},
    {0, "trace-only", ARGUMENT_REQUIRED, OPTION_SCALAR, set_trace_only, NULL},
    {'v', "verbose", ARGUMENT_NONE, OPTION_LINE, set_verbose, NULL},
    {0, "privilege", ARGUMENT_REQUIRED, OPTION_SCALAR, set_privilege, "auto"},
    {'h', "help", ARGUMENT_NONE, OPTION_FIRST, set_help, NULL},
    {0},
};

const struct option options_check[] = {
    {0, "json", ARGUMENT_NONE, OPTION_LINE, set_json, NULL},
    {'v', "verbose", ARGUMENT_NONE, OPTION_LINE, set_verbose, NULL},
    {'h', "help", ARGUMENT_NONE, OPTION_FIRST, set_help, NULL},
    {0},
};

const struct option options_plain[] = {
    {'h', "help", ARGUMENT_NONE, OPTION_FIRST, set_help, NULL},
    {0},
};

/* --- options in general --- */

const struct option *options_find(const struct option *options, const char *name, size_t length)
{
	for (; options->name; options++)
		if (strlen(options->name) == length && !memcmp(options->name, name, length))
			return options;
	return NULL;
}

const struct option *options_find_letter(const struct option *options, char letter)
{
	for (; options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

/* There is no way to read the mask without setting it. */
static uint32_t callers_umask(void)
{
	mode_t mask = umask(077);
	umask(mask);
	return mask & 0777;
}

void options_defaults(struct run_spec *spec)
{
	*spec = (struct run_spec){.memory_bytes = SPEC_MEMORY_DEFAULT,
				  .hostname = SPEC_HOSTNAME,
				  .uid = (uint32_t)geteuid(),
				  .gid = (uint32_t)getegid(),
				  .umask = callers_umask(),
				  .cpus = 1};
}

int options_append(struct option_values *values, const struct option_value *value)
{
	struct option_value *item = grown(values->item, values->count, sizeof(*item));
	if (!item)
		return -1;
	values->item = item;
	item[values->count++] = *value;
	return 0;
}

const char *options_take(struct command *command, const struct option *option, const char *value)
{
	const char *wrong = option->set(command, value);
	if (!wrong && options_append(&command->taken, &(struct option_value){option, value, false}))
		wrong = no_memory;
	return wrong;
}

const char *options_keep(struct command *command, const char *text)
{
	char **kept = grown(command->kept, command->kept_count, sizeof(*kept));
	if (!kept)
		return NULL;
	command->kept = kept;
	kept[command->kept_count] = strdup(text);
	return kept[command->kept_count] ? kept[command->kept_count++] : NULL;
}

bool options_is_recorded(const struct option *option)
{
	return option->set == set_allow_read || option->set == set_allow_write || option->set == set_allow_syscall ||
	       option->set == set_stats || option->set == set_trace || option->set == set_trace_only;
}

bool options_is_mount(const struct option *option)
{
	return option->set == set_ro || option->set == set_rw || option->set == set_tmpfs ||
	       option->set == set_overlay || option->set == set_rootfs;
}

void options_free(struct command *command)
{
	shares_free(&command->run);
	free(command->run.env);
	command->run.env = NULL;
	command->run.env_count = 0;
	free(command->run.reach);
	command->run.reach = NULL;
	command->run.reach_count = 0;
	for (size_t i = 0; i < command->kept_count; i++)
		free(command->kept[i]);
	free(command->kept);
	command->kept = NULL;
	command->kept_count = 0;
	free(command->taken.item);
	command->taken = (struct option_values){0};
}
