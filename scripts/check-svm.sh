#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The end-to-end and guest-semantics tests on ordinary KVM: check-svm.sh smoke|all. Two clones of the rig's machine share the work.
# The guest-semantics programs run with one and with four vCPUs; what `all` measured goes into docs/conformance.md.
# Last line: "N passed, N failed, N skipped" (all of it).
set -u
cd "$(dirname "$0")/.." || exit 1
part=${1:-all}
case $part in
smoke)
	first="basic" second=""
	guest="basics memory_map memfd pipe process_clone process_exec signal_action futex"
	;;
all)
	first="basic hostile status stdio confinement unprivileged identity signals limits programs options terminal"
	guest=$(cd tests/guest && echo *.c | sed -E "s/\.c\b//g")
	# The other clone has the guest-semantics programs and the themes that are left.
	second=$(for theme in tests/e2e/theme_*.sh; do basename "${theme#tests/e2e/theme_}" .sh; done | grep -vxF "${first// /$'\n'}" | tr '\n' ' ')
	;;
*) echo "check-svm.sh: smoke or all" >&2 && exit 1 ;;
esac
scripts/deps.sh svm || exit 1
scripts/svm/template.sh >/dev/null || exit 1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-check.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

# Emulated: about twenty times slower than a host, so each case has more time.
on_svm() {
	FORCE_SVM=1 SVM_OPTIONS="--timeout 3000" scripts/kvm.sh VERSION build/sandbox build/e2e build/guest tests/e2e tests/guest \
		guestkernel/syscall/table.h -- env LENIENT=1 RUNS="auto:1 auto:4" REPORT=- LIMIT=180 THEME_LIMIT=1500 STRICT="${STRICT-}" "$@"
}
# Shows results as they come, but for the counts of a part and what is for the table.
show() { tee "$1" | grep --line-buffered -vE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$|^report:'; }
set -o pipefail
on_svm sh -c "tests/guest/run.sh $guest; a=\$?; [ -z \"$second\" ] || tests/e2e/run.sh $second; b=\$?; exit \$((a | b))" 2>&1 | show "$scratch/second" &
pid=$!
# shellcheck disable=SC2086
on_svm tests/e2e/run.sh $first 2>&1 | show "$scratch/first"
a=$?
wait "$pid"
b=$?
sed -n 's/^report://p' "$scratch/second" | grep -v "$(printf '\tnative\t')" >"$scratch/report"
[ "$part" != all ] || [ ! -s "$scratch/report" ] || scripts/conformance.sh write "$scratch/report"
cat "$scratch/first" "$scratch/second" | awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ (skipped|known failures)$/ { p += $1; f += $3; if ($6 == "skipped") s += $5 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s }'
exit $((a | b))
