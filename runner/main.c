/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox: runs one program in its own microVM. The only file that exits.
 */
#include <stdlib.h>

#include "runner/cli.h"

int main(int argc, char *argv[])
{
	struct command command = {0};
	struct error error = {0};
	int status = STATUS_RUNNER;
	if (!cli_parse(argc, argv, &command, &error))
		status = cli_execute(&command, &error);
	if (error.text[0]) {
		cli_complain(&error);
		status = error.status ? error.status : status;
	}
	/* Memory, threads and the VM go with the process: exit_group is the fastest way to be gone. */
	_Exit(status);
}
