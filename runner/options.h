/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of the commands, one table each: name, argument, and the function that checks a value and takes it into
 * struct command. The command line (cli.c) and profiles (profile.c) read values by it. Prints nothing.
 */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

#include "runner/error.h"
#include "runner/spec.h"

#define OPTIONS_PROFILES_MAX 8

enum option_argument { ARGUMENT_NONE, ARGUMENT_REQUIRED, ARGUMENT_OPTIONAL /* only as --NAME=VALUE */ };

enum option_use {
	OPTION_SCALAR, /* given again, it replaces what was given before; in a profile too */
	OPTION_LIST,   /* adds to what was given before; in a profile too, where it may have many values */
	OPTION_LINE,   /* of the command line alone */
	OPTION_FIRST,  /* of the command line alone, and taken before all others */
};

struct command;

struct option {
	char letter; /* 0: none */
	const char *name;
	enum option_argument argument;
	enum option_use use;
	/* value is NULL without an argument; it must live as long as the command. Returns NULL, or what is wrong with
	 * the value. */
	const char *(*set)(struct command *command, const char *value);
	const char *otherwise; /* the value when none is given; NULL: there is none, or it depends */
};

/* An option as it was taken, in order. */
struct option_value {
	const struct option *option;
	const char *value;
	bool by_letter; /* given as -L */
};

struct option_values {
	struct option_value *item;
	size_t count;
};

struct command {
	const struct subcommand *verb; /* a row of the table in cli.c */
	struct run_spec run;	       /* `run` */
	unsigned check_verbose;	       /* `check` */
	bool check_json;	       /* `check --json` */
	bool wants_help;	       /* --help */
	const char *help;	       /* text to print instead of acting; NULL: act */
	const char *profile[OPTIONS_PROFILES_MAX];
	unsigned profiles;
	bool print_profile;	    /* --print-profile */
	struct option_values taken; /* all that options_take took */
	char **kept;		    /* options_keep */
	size_t kept_count;
};

/* Terminated by a row without a name. */
extern const struct option options_run[], options_check[], options_plain[];

/* NULL: there is none. */
const struct option *options_find(const struct option *options, const char *name, size_t length);
const struct option *options_find_letter(const struct option *options, char letter);

/* Fills *spec with what holds when no option says otherwise. */
void options_defaults(struct run_spec *spec);

/* Checks the value and takes it. Returns NULL, or what is wrong with it. */
const char *options_take(struct command *command, const struct option *option, const char *value);

/* A copy of the text that lives as long as the command; NULL: no memory. */
const char *options_keep(struct command *command, const char *text);

/* Whether the option makes a mount, which one of a later source at the same place takes the place of. */
bool options_is_mount(const struct option *option);

/* Whether --record writes the option by what the run did, or it is about the one run: --stats, --trace. */
bool options_is_recorded(const struct option *option);

/* 0 or -1: no memory. */
int options_append(struct option_values *values, const struct option_value *value);

/* What options_take and options_keep allocated. */
void options_free(struct command *command);

#endif
