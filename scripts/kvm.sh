#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command that needs KVM: kvm.sh FILE... -- CMD [ARG...]. On this host when its /dev/kvm works, else on a clone of
# the SVM rig's machine, to which the FILEs (paths from the top) are copied. The command runs at the top either way.
# FORCE_SVM=1 takes the rig in any case; SVM_OPTIONS are options of scripts/svm/run.sh.
set -eu
cd "$(dirname "$0")/.." || exit 1
files=()
while [ "$1" != -- ]; do
	files+=("$1")
	shift
done
shift
if [ -z "${FORCE_SVM-}" ] && build/e2e/kvm_probe >/dev/null 2>&1; then
	exec "$@"
fi
[ -n "${FORCE_SVM-}" ] || echo "no usable /dev/kvm here ($(build/e2e/kvm_probe 2>&1 || :)): using the SVM rig" >&2
scripts/deps.sh svm
stage=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
cp -a --parents "${files[@]}" "$stage"
# shellcheck disable=SC2086
scripts/svm/run.sh ${SVM_OPTIONS-} "$stage" "$@"
