/* SPDX-License-Identifier: Apache-2.0
 *
 * The help texts of the command line.
 */
#ifndef RUNNER_HELP_H
#define RUNNER_HELP_H

extern const char help_main[], help_run[], help_check[], help_version[];

#endif
