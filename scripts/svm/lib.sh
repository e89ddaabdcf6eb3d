# SPDX-License-Identifier: Apache-2.0
# Shared by template.sh and run.sh: where the saved machine is kept, what identifies it, and QEMU's common arguments.
# shellcheck shell=bash

SVM_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SVM_CACHE=${SANDBOX_SVM_CACHE:-$SVM_TOP/build/svm}
SVM_MEMORY_MIB=3072
SVM_NPT=1

svm_die() {
	echo "svm: $*" >&2
	exit 125
}

# What the host's package lists call the cloud kernel; kept in the cache so that a run needs no package lists.
svm_kernel_package() {
	if [ ! -s "$SVM_CACHE/kernel-package" ]; then
		mkdir -p "$SVM_CACHE"
		apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' |
			head -n 1 >"$SVM_CACHE/kernel-package"
	fi
	cat "$SVM_CACHE/kernel-package"
}

svm_cpu() {
	if [ "$SVM_NPT" = 1 ]; then echo max,+svm,+npt; else echo max,+svm,-npt; fi
}

# The last lines that a monitor answered (its line editor writes each line many times over).
svm_monitor_tail() { tr -d '\r' <"$1" | sed 's/.*\x1b\[K//' | tail -n 3; }

# The hash of all that the saved machine depends on.
svm_key() {
	{
		cat "$SVM_TOP"/scripts/svm/{lib.sh,template.sh,init,hold.c,programs}
		svm_kernel_package
		dpkg-query -W -f '${Package} ${Version}\n' qemu-system-x86 busybox-static coreutils bash libc6 jq sqlite3 openssl tmux python3 2>&1
		svm_cpu
	} | sha256sum | cut -c1-16
}

# Sets the array QEMU. $1: memory file, $2: "on" to write it (template) or "off" for a private copy (run).
# The rest of the command line must be the same for a template and its clones.
svm_qemu_args() {
	# A QEMU whose script dies goes with it.
	# shellcheck disable=SC2034,SC2054
	QEMU=(setpriv --pdeathsig KILL qemu-system-x86_64 -accel "tcg,thread=multi,tb-size=256" -cpu "$(svm_cpu)" -smp 2
		-machine q35,memory-backend=ram,hpet=off -nodefaults -no-user-config -display none -no-reboot
		-m "$SVM_MEMORY_MIB" -object "memory-backend-file,id=ram,size=${SVM_MEMORY_MIB}M,mem-path=$1,share=$2"
		-device virtio-serial-pci,max_ports=4,addr=0xf)
}
