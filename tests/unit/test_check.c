/* SPDX-License-Identifier: Apache-2.0
 *
 * `sandbox check`: each way in which KVM can be missing is a FAIL that says what to do.
 *
 * sources: runner/check.c runner/check_print.c runner/error.c
 * Stubbed: what policy/ says of the running kernel.
 */
#include "policy/policy.h"
#include "runner/check.h"
#include "runner/error.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool seccomp_available = true;
static int landlock_abi, landlock_errno;

bool policy_seccomp_available(void)
{
	return seccomp_available;
}

int policy_landlock_abi(void)
{
	errno = landlock_errno;
	return landlock_abi;
}

static const struct check_finding *find(const struct check_findings *findings, const char *topic)
{
	for (size_t i = 0; i < findings->count; i++)
		if (!strcmp(findings->rows[i].topic, topic))
			return &findings->rows[i];
	return NULL;
}

static char *print(const struct check_findings *findings, bool json, unsigned verbose)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	if (json)
		check_print_json(findings, out);
	else
		check_print_text(findings, verbose, out);
	fclose(out);
	return text;
}

static void a_missing_device_fails_with_advice(void **state)
{
	struct check_findings findings;
	check_collect("/nonexistent/kvm", &findings);
	const struct check_finding *kvm = find(&findings, "kvm");
	assert_non_null(kvm);
	assert_int_equal(kvm->grade, CHECK_FAIL);
	assert_non_null(strstr(kvm->text, "/nonexistent/kvm: No such file"));
	assert_non_null(kvm->fix);
	assert_null(find(&findings, "layout"));
	assert_int_equal(check_worst(&findings), CHECK_FAIL);
	char *text = print(&findings, false, 0);
	assert_non_null(strstr(text, "FAIL  kvm"));
	assert_non_null(strstr(text, "to fix: "));
	assert_non_null(strstr(text, "cannot run"));
	free(text);
}

static void something_else_at_the_path_fails(void **state)
{
	struct check_findings findings;
	check_collect("/dev/null", &findings);
	assert_int_equal(find(&findings, "kvm")->grade, CHECK_FAIL);
	assert_non_null(strstr(find(&findings, "kvm")->text, "API version -1"));
}

/* A device of the group: join it. A device of root alone: udev rule. Seen by a user without privileges. */
static void a_forbidden_device_names_the_group(void **state)
{
	char path[] = "/tmp/test_check.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	if (geteuid() != 0 || fchown(fd, 0, 12345)) {
		print_message("not root: cannot make a device of another group\n");
		close(fd);
		unlink(path);
		return;
	}
	for (int round = 0; round < 2; round++) {
		assert_int_equal(fchmod(fd, round ? 0600 : 0660), 0);
		pid_t child = fork();
		if (child == 0) {
			struct check_findings findings;
			if (setgid(65534) || setuid(65534))
				_exit(2);
			check_collect(path, &findings);
			const struct check_finding *kvm = find(&findings, "kvm");
			_exit(kvm->grade != CHECK_FAIL || !kvm->fix || !strstr(kvm->fix, round ? "udev" : "join the"));
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	close(fd);
	unlink(path);
}

static void confinement_is_reported(void **state)
{
	struct check_findings findings;
	landlock_abi = 7;
	check_collect("/dev/kvm", &findings);
	assert_int_equal(find(&findings, "machine")->grade, CHECK_OK);
	assert_int_equal(find(&findings, "seccomp")->grade, CHECK_OK);
	assert_int_equal(find(&findings, "landlock")->grade, CHECK_OK);
	assert_non_null(find(&findings, "overcommit"));
	assert_non_null(find(&findings, "huge-pages"));
}

static void missing_confinement_is_reported(void **state)
{
	struct check_findings findings;
	landlock_abi = 0;
	landlock_errno = EOPNOTSUPP;
	check_collect("/dev/kvm", &findings);
	assert_int_equal(find(&findings, "landlock")->grade, CHECK_WARN);
	assert_non_null(strstr(find(&findings, "landlock")->fix, "lsm="));
	landlock_errno = ENOSYS;
	seccomp_available = false;
	check_collect("/dev/kvm", &findings);
	assert_non_null(strstr(find(&findings, "landlock")->fix, "CONFIG_SECURITY_LANDLOCK"));
	assert_int_equal(find(&findings, "seccomp")->grade, CHECK_FAIL);
	assert_int_equal(check_worst(&findings), CHECK_FAIL);
	seccomp_available = true;
}

static void this_host_can_run_it_when_it_has_kvm(void **state)
{
	struct check_findings findings;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	check_collect("/dev/kvm", &findings);
	assert_int_equal(check_worst(&findings) == CHECK_FAIL, kvm < 0);
	if (kvm >= 0) {
		assert_non_null(find(&findings, "layout"));
		close(kvm);
	}
}

static void details_appear_with_v_only(void **state)
{
	struct check_findings findings = {.count = 2,
					  .rows = {{.grade = CHECK_OK, .detail = true, .topic = "small", .text = "x"},
						   {.grade = CHECK_WARN, .detail = true, .topic = "bad", .text = "y"}}};
	char *brief = print(&findings, false, 0), *full = print(&findings, false, 1);
	assert_null(strstr(brief, "small"));
	assert_non_null(strstr(brief, "warn  bad"));
	assert_non_null(strstr(full, "ok    small"));
	assert_non_null(strstr(brief, "This host can run"));
	free(brief);
	free(full);
}

static void json_is_escaped(void **state)
{
	struct check_findings findings = {
	    .count = 1, .rows = {{.grade = CHECK_FAIL, .topic = "t", .text = "a\"b\\c\nd", .fix = "do \"this\""}}};
	char *text = print(&findings, true, 0);
	assert_string_equal(text,
			    "{\"usable\": false, \"findings\": [\n  {\"topic\": \"t\", \"grade\": \"fail\", \"text\": "
			    "\"a\\\"b\\\\c\\u000ad\", \"fix\": \"do \\\"this\\\"\"}\n]}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_device_fails_with_advice),
	    cmocka_unit_test(something_else_at_the_path_fails),
	    cmocka_unit_test(a_forbidden_device_names_the_group),
	    cmocka_unit_test(confinement_is_reported),
	    cmocka_unit_test(missing_confinement_is_reported),
	    cmocka_unit_test(this_host_can_run_it_when_it_has_kvm),
	    cmocka_unit_test(details_appear_with_v_only),
	    cmocka_unit_test(json_is_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
