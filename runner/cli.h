/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: argv to a checked struct command, the help texts, and the table of subcommands. Beside main.c
 * the only file that prints.
 */
#ifndef RUNNER_CLI_H
#define RUNNER_CLI_H

#include "runner/error.h"
#include "runner/options.h"

/* Reads argv[0..argc) (argv[argc] is NULL) into *out. Prints nothing. Errors: STATUS_RUNNER; the text names the option
 * and the value at fault and the help to read. *out must be given to command_free() in both cases. */
int cli_parse(int argc, char *const argv[], struct command *out, struct error *error);

/* Does what *command says and returns the exit status of the process. When error->text is not empty afterwards, the
 * caller prints it with cli_complain(). */
int cli_execute(const struct command *command, struct error *error);

/* Writes "sandbox: TEXT\n" to standard error in one write. */
void cli_complain(const struct error *error);

void command_free(struct command *command);

#endif
