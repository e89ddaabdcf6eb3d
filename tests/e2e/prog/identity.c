/* SPDX-License-Identifier: Apache-2.0
 * Who and where the program is: one line each.
 */
#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
	struct utsname name;
	char dir[4096];
	gid_t groups[64];
	mode_t mask = umask(0);
	if (uname(&name) || !getcwd(dir, sizeof(dir)))
		return 1;
	printf("uid %u %u gid %u %u\n", getuid(), geteuid(), getgid(), getegid());
	printf("groups beyond the own %d\n", getgroups(64, groups) > 1);
	printf("directory %s\n", dir);
	printf("hostname %s\n", name.nodename);
	printf("system %s %s\n", name.sysname, name.machine);
	printf("umask %03o\n", mask);
	for (char **e = environ; *e; e++)
		printf("env %s\n", *e);
	return 0;
}
