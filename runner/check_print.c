/* SPDX-License-Identifier: Apache-2.0
 *
 * The findings of `sandbox check` for people and for machines.
 */
#include "runner/check.h"
#include "runner/error.h"

static const char *const grade_names[] = {"ok", "warn", "FAIL"};

void check_print_text(const struct check_findings *findings, unsigned verbose, FILE *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct check_finding *row = &findings->rows[i];
		if (row->detail && row->grade == CHECK_OK && verbose == 0)
			continue;
		fprintf(out, "%-5s %-16s %s\n", grade_names[row->grade], row->topic, row->text);
		if (row->fix && row->grade != CHECK_OK)
			fprintf(out, "%-22s to fix: %s\n", "", row->fix);
	}
	fputs(check_worst(findings) == CHECK_FAIL ? "This host cannot run sandbox as it is.\n"
						  : "This host can run sandbox.\n",
	      out);
}

static void print_json_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

void check_print_json(const struct check_findings *findings, FILE *out)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	fprintf(out, "{\"usable\": %s, \"findings\": [", check_worst(findings) == CHECK_FAIL ? "false" : "true");
	for (size_t i = 0; i < findings->count; i++) {
		const struct check_finding *row = &findings->rows[i];
		fprintf(out, "%s\n  {\"topic\": \"%s\", \"grade\": \"%s\", \"text\": ", i ? "," : "", row->topic,
			names[row->grade]);
		print_json_string(row->text, out);
		fputs(", \"fix\": ", out);
		if (row->fix && row->grade != CHECK_OK)
			print_json_string(row->fix, out);
		else
			fputs("null", out);
		fputc('}', out);
	}
	fputs("\n]}\n", out);
}

int check_command(unsigned verbose, bool json)
{
	struct check_findings findings;
	check_collect("/dev/kvm", &findings);
	if (json)
		check_print_json(&findings, stdout);
	else
		check_print_text(&findings, verbose, stdout);
	if (fflush(stdout) || ferror(stdout))
		return -1;
	return check_worst(&findings) == CHECK_FAIL ? STATUS_RUNNER : 0;
}
