# SPDX-License-Identifier: Apache-2.0
# A live sandbox as /proc shows it: filters, capabilities, descriptors, threads.
# shellcheck shell=bash

field() { sed -n "s/^$1:[[:space:]]*//p" /proc/"$PID"/task/*/status | sort -u | tr '\n' ' '; }

echo data >callers-file
exec 9<callers-file
start "$PROG/memory" wait
if ! await ready; then
	cat live.err | fail "a sandbox that waits"
	return
fi
check "seccomp filter mode on each thread" equal "$(field Seccomp)" "2 "
check "no_new_privs on each thread" equal "$(field NoNewPrivs)" "1 "
for set in CapInh CapPrm CapEff CapAmb; do
	check "$set is empty on each thread" equal "$(field $set)" "0000000000000000 "
done
if [ "$(id -u)" = 0 ]; then
	check "CapBnd is empty when started as root" equal "$(field CapBnd)" "0000000000000000 "
else
	skip "CapBnd is empty when started as root" "not root; the themes run as root elsewhere"
fi
check "at most three threads with one vCPU" test "$(field Threads)" -le 3
check "each thread has a name of its own" equal "$(cat /proc/"$PID"/task/*/comm | sort | uniq -d)" ""
check "no core dumps" equal "$(sed -n 's/^Max core file size *\([0-9a-z]*\) .*/\1/p' "/proc/$PID/limits")" 0
check "it cannot write files" bash -c 'grep -qE "^Max file size +0 |^Max open files +[0-9]{1,3} " /proc/$1/limits' _ "$PID"

# Each descriptor is the caller's stream (opened anew without blocking, or a duplicate), KVM's, or the event loop's.
for fd in /proc/"$PID"/fd/*; do
	target=$(readlink "$fd")
	case "${fd##*/} $target" in
	[012]\ * | *\ "$(readlink -f live.out)" | *\ "$(readlink -f live.err)") ;;
	*\ anon_inode:kvm-vm | *\ anon_inode:kvm-vcpu:* | *\ anon_inode:\[event*\] | *\ anon_inode:\[timerfd\] | *\ anon_inode:\[signalfd\]) ;;
	*) echo "${fd##*/} -> $target" ;;
	esac
done >strange
check "each descriptor is accounted for" equal "$(cat strange)" ""
check "the caller's other descriptors are not inherited" bash -c '! ls -l /proc/$1/fd | grep callers-file' _ "$PID"
check "at most 16 descriptors" test "$(ls "/proc/$PID/fd" | wc -l)" -le 16
check "no memory both writable and executable" bash -c '! grep -E "^[^ ]+ .wx" /proc/$1/maps' _ "$PID"
check "no child processes" equal "$(pgrep -P "$PID")" ""
kill -9 "$PID"
finish
exec 9<&-
