# SPDX-License-Identifier: Apache-2.0
# The same for a user without any privilege, who has access to /dev/kvm alone. /dev/kvm here is a copy of the node with
# open permissions, in a mount namespace of its own: the machine's own node stays as it is.
# shellcheck shell=bash

if [ "$(id -u)" != 0 ]; then
	skip "an unprivileged user" "not root: the other themes have run unprivileged already"
	return
fi
chmod 711 "$TMP/.." && mkdir -m 777 open && cp "$SANDBOX" "$PROG"/{hello-static,hello-dynamic,identity,memory} open/ && chmod 755 open/*
mknod -m 666 node c "0x$(stat -c %t /dev/kvm)" "0x$(stat -c %T /dev/kvm)"
mknod -m 600 closed-node c "0x$(stat -c %t /dev/kvm)" "0x$(stat -c %T /dev/kvm)"

# as_nobody NODE CMD...
as_nobody() {
	timeout -k 5 "$LIMIT" unshare -m bash -c 'mount --bind "$1" /dev/kvm && cd open && shift &&
		exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --no-new-privs "$@"' _ "$@"
}
if ! as_nobody node true 2>err; then
	fail "a mount namespace with a copy of /dev/kvm" <err
	return
fi
check "static program" equal "$(as_nobody node ./sandbox run ./hello-static </dev/null 2>&1)" hello
check "dynamic program" equal "$(as_nobody node ./sandbox run ./hello-dynamic </dev/null 2>&1)" hello
check "its numbers" equal "$(as_nobody node ./sandbox run ./identity </dev/null 2>&1 | head -n 1)" "uid 65534 65534 gid 65534 65534"
check "sandbox check succeeds" as_nobody node ./sandbox check
check "cat as in a pipeline" equal "$(seq 1000 | as_nobody node ./sandbox run cat | md5sum)" "$(seq 1000 | md5sum)"

as_nobody closed-node ./sandbox run ./hello-static </dev/null >out 2>err
check "no permission on /dev/kvm: 125" equal "$?" 125
check "no permission on /dev/kvm: said, with what to do" grep -qE '^sandbox: .*/dev/kvm.*(permission|group|access)' err
as_nobody /dev/null ./sandbox run ./hello-static </dev/null >out 2>err
check "/dev/kvm that is not KVM: 125" equal "$?" 125
check "/dev/kvm that is not KVM: said" grep -q '^sandbox: .*/dev/kvm' err

# Not dumpable: the kernel gives its /proc files to root, so that no process of the same user can attach or read.
as_nobody node ./sandbox run ./memory wait </dev/null >live.out 2>live.err &
PID=$!
if await ready; then
	child=$(find /proc/[0-9]*/exe -lname "$TMP/open/sandbox" 2>/dev/null | cut -d/ -f3)
	check "not dumpable" equal "$(stat -c %u "/proc/$child/environ" 2>&1)" 0
	kill -9 "$child"
else
	cat live.out live.err | fail "an unprivileged sandbox that waits"
	kill "$PID"
fi
wait "$PID" 2>/dev/null
