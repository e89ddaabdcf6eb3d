# SPDX-License-Identifier: Apache-2.0
# Environment, directory, user, host name.
# shellcheck shell=bash

line() { sandbox_run "${@:2}" "$PROG/identity" </dev/null 2>&1 | sed -n "s/^$1 //p" | sort | tr '\n' ' ' | sed 's/ $//'; }

export SECRET_OF_THE_CALLER=1
check "the environment is PATH, HOME, LANG, TERM at most" bash -c '
	"$@" | sed -n "s/^env \([^=]*\)=.*/\1/p" | grep -vxE "PATH|HOME|LANG|TERM"; [ "${PIPESTATUS[2]}" = 1 ]' _ \
	timeout "$LIMIT" "$SANDBOX" run "$PROG/identity"
check "PATH is set" bash -c '"$@" | grep -q "^env PATH=/"' _ timeout "$LIMIT" "$SANDBOX" run "$PROG/identity"
check "-e NAME=VALUE" equal "$(line env -e A=1 -e B='x y=z' | grep -o 'A=1 B=x y=z')" "A=1 B=x y=z"
check "-e NAME takes the caller's value" equal "$(line env -e SECRET_OF_THE_CALLER | grep -o 'SECRET[^ ]*')" SECRET_OF_THE_CALLER=1
check "-e NAME that is not set adds nothing" equal "$(line env -e NOT_SET_ANYWHERE | grep -o 'NOT_SET[^ ]*')" ""
check "-e NAME= is empty, not absent" equal "$(line env -e A= | grep -o 'A=\( \|$\)' | tr -d ' ')" A=
check "-e replaces a default" equal "$(line env -e HOME=/h | grep -o 'HOME=[^ ]*')" HOME=/h
check "-e twice: the last counts" equal "$(line env -e A=1 -e A=2 | grep -o 'A=.' | tr '\n' ' ')" "A=2 "
check "--env=NAME=VALUE" equal "$(line env --env=A=3 | grep -o 'A=3')" A=3

uid=$(id -u) gid=$(id -g)
check "the caller's numbers by default" equal "$(line uid)" "$uid $uid gid $gid $gid"
check "--user UID" equal "$(line uid --user 1234)" "1234 1234 gid 1234 1234"
check "--user UID:GID" equal "$(line uid --user 1234:99)" "1234 1234 gid 99 99"
check "--user 0:0 is root inside, whoever calls" equal "$(line uid --user 0:0)" "0 0 gid 0 0"
check "no groups of the host" equal "$(line 'groups beyond the own')" 0
check "--hostname" equal "$(line hostname --hostname box-7)" box-7
check "the host's own name is not told" bash -c '[ "$1" != "$(uname -n)" ] && [ -n "$1" ]' _ "$(line hostname)"
check "--workdir" equal "$(line directory -w /tmp)" /tmp
check "--workdir is made when it is missing" equal "$(line directory -w /made/for/this)" /made/for/this
check "the system is Linux x86_64" equal "$(line system)" "Linux x86_64"
check "umask of the caller" equal "$(umask 027; line umask)" 027
