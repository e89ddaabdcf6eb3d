/* SPDX-License-Identifier: Apache-2.0
 *
 * `sandbox check`: can this host run microVMs, in which layout, with which confinement, and how to fix what is missing.
 * Collecting and printing are apart, so that tests look at the findings.
 */
#ifndef RUNNER_CHECK_H
#define RUNNER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints the findings to standard output, one line each, or with json as one JSON object. With verbose > 0 also what
 * only developers ask for. Returns 0 when a program can be run, else STATUS_RUNNER; -1 (errno) when it cannot be
 * written. */
int check_command(unsigned verbose, bool json);

enum check_grade {
	CHECK_OK,
	CHECK_WARN, /* works, but slower or with less confinement */
	CHECK_FAIL, /* nothing can be run */
};

struct check_finding {
	enum check_grade grade;
	bool detail;	   /* shown with -v, or when it is not ok */
	const char *topic; /* "kvm", "layout", ...: stable names, for machines */
	char text[256];
	const char *fix; /* what to do; NULL when nothing is to be done */
};

#define CHECK_FINDINGS_MAX 48

struct check_findings {
	struct check_finding rows[CHECK_FINDINGS_MAX];
	size_t count;
};

/* Examines the host; kvm_path is "/dev/kvm" but in tests. Changes nothing. */
void check_collect(const char *kvm_path, struct check_findings *findings);
/* The worst grade among the findings. */
enum check_grade check_worst(const struct check_findings *findings);
void check_print_text(const struct check_findings *findings, unsigned verbose, FILE *out);
void check_print_json(const struct check_findings *findings, FILE *out);

#endif
