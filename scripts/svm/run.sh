#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command on ordinary (AMD SVM) KVM: run.sh [--timeout SECONDS] [--user UID] [--shadow] [--console FILE] [--disk IMAGE] DIR CMD [ARG...]
# A clone of the saved machine is restored, DIR is copied to its /work, CMD runs there (as root by default; /dev/kvm is
# open to all), its stdout, stderr and exit status come back here. What it writes stays in the clone and goes with it.
# --disk: a squashfs image (disk.sh) is the root of what CMD sees, with /work, /tmp and the like of the machine.
# 124 when the time is up, 125 when the rig itself failed. Any number of clones may run at the same time.
set -eu
. "$(dirname "$0")/lib.sh"

limit=120 user=root console='' disk=''
while [ $# -gt 0 ]; do
	case $1 in
	--timeout) limit=$2 && shift 2 ;;
	--user) user=$2 && shift 2 ;;
	--console) console=$2 && shift 2 ;;
	--disk) disk=$2 && shift 2 ;;
	--shadow) SVM_NPT=0 && shift ;;
	--) shift && break ;;
	-*) svm_die "unknown option $1" ;;
	*) break ;;
	esac
done
[ $# -ge 2 ] || svm_die "usage: run.sh [--timeout SECONDS] [--user UID] [--shadow] [--console FILE] [--disk IMAGE] DIR CMD [ARG...]"
[[ $limit =~ ^[0-9]+$ ]] || svm_die "--timeout: not a number of seconds: $limit"
payload=$1
shift
[ -d "$payload" ] || svm_die "no directory $payload"

work=
qemu=
cats=()
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || :
	[ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 125' INT TERM HUP

if [ "$SVM_NPT" = 1 ]; then template=$("$(dirname "$0")/template.sh"); else template=$("$(dirname "$0")/template.sh" --shadow); fi
work=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-svm.XXXXXX")
tar -C "$payload" --owner=0 --group=0 -cf "$work/payload" .
[ -n "$disk" ] || { disk=$work/disk && truncate -s 512 "$disk"; }

# Starts the clone with fresh channels. Sets: qemu, cats.
start_clone() {
	rm -f "$work"/{monitor,out,err,control.in,control.out}
	mkfifo "$work"/{monitor,out,err,control.in,control.out}
	exec 7<>"$work/monitor" 8<>"$work/control.in" 9<>"$work/control.out"
	cat "$work/out" 7>&- 8>&- 9>&- &
	cats=($!)
	cat "$work/err" >&2 7>&- 8>&- 9>&- &
	cats+=($!)
	svm_qemu_args "$template/memory" off
	"${QEMU[@]}" -kernel "$SVM_CACHE"/kernel/boot/vmlinuz-* -incoming defer \
		-chardev file,id=console,path="${console:-/dev/null}" -serial chardev:console \
		-chardev pipe,id=control,path="$work/control" -device virtserialport,chardev=control,nr=1 \
		-chardev file,id=out,path="$work/out" -device virtserialport,chardev=out,nr=2 \
		-chardev file,id=err,path="$work/err" -device virtserialport,chardev=err,nr=3 \
		-drive file="$work/payload",format=raw,if=none,id=payload,readonly=on -device virtio-blk-pci,drive=payload,addr=0x10 \
		-drive file="$disk",format=raw,if=none,id=disk,readonly=on -device virtio-blk-pci,drive=disk,addr=0x11 \
		-monitor stdio <&7 >"$work/monitor.log" 2>&1 7>&- 8>&- 9>&- &
	qemu=$!
	printf '%s\n' 'migrate_set_capability x-ignore-shared on' "migrate_incoming \"exec:cat $template/state\"" >&7
	printf '%s %s %s %s\n' "$limit" "$user" "$(date +%s)" "$(printf '%q ' exec "$@" | base64 -w 0)" >&8
}

stop_clone() {
	kill -9 "$qemu" 2>/dev/null || :
	wait "$qemu" 2>/dev/null || :
	qemu=
	# The pipes end with QEMU: what it had written is all read when these are done.
	wait "${cats[@]}" || :
	exec 7>&- 8>&- 9>&-
}

# Prints nothing; returns the command's status in $status, or an empty one when the command had not started.
run_once() {
	local line=
	status=
	start_clone "$@"
	if ! read -r -t 60 line <&9 || [ "$line" != started ]; then
		echo "svm: the command did not start${line:+ ($line)}: $(svm_monitor_tail "$work/monitor.log")" >&2
		stop_clone
		return
	fi
	# The guest enforces the limit; the margin is for a guest that no longer can.
	read -r -t $((limit + 30)) line <&9 || line=
	stop_clone
	case $line in
	exit\ *) status=${line#exit } ;;
	*) echo "svm: the machine stopped answering" >&2 && status=124 ;;
	esac
}

run_once "$@"
[ -n "$status" ] || run_once "$@"
exit "${status:-125}"
