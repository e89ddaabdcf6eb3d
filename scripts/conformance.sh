#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the guest-semantics programs on the host and in the sandbox with one and with four vCPUs, and writes what was seen to
# docs/conformance.md: conformance.sh [PROGRAM...] (a selection is not written down). conformance.sh write FILE: only writes,
# from a report of tests/guest/run.sh. The columns of the layout that was not measured stay, where the checks are the same.
set -eu
cd "$(dirname "$0")/.." || exit 1
doc=docs/conformance.md

# $1: area or theme, $2: a report. Prints the table of areas or of themes.
table() {
	awk -F '\t' -v by="$1" '
	BEGIN {
		ways = split("native flat-1 flat-4 split-1 split-4", way, " ")
		title["native"] = "host"
		for (w = 2; w <= ways; w++)
			title[way[w]] = sprintf("%s, %d vCPU%s", substr(way[w], 1, length(way[w]) - 2), w % 2 ? 4 : 1, w % 2 ? "s" : "")
	}
	# The table that is there.
	FILENAME == ARGV[1] {
		n = split($0, cell, / *\| */)
		if (n == ways + 4 && cell[3] ~ /^[0-9]+$/ && cell[2] !~ /\*/)
			for (w = 1; w <= ways; w++)
				if (cell[3 + w] ~ /^[0-9]+$/)
					old[cell[2], way[w]] = cell[3] "\t" cell[3 + w]
		next
	}
	{
		name = by == "area" ? $1 : $2
		if (!(name in checks))
			order[++names] = name
		seen[name, $3] += $5
		checks[name] = seen[name, $3] > checks[name] ? seen[name, $3] : checks[name]
		measured[name, $3] += $4
	}
	END {
		head = "| " by " | checks |"
		rule = "| --- | --- |"
		for (w = 1; w <= ways; w++) {
			head = head " " title[way[w]] " |"
			rule = rule " --- |"
		}
		print head "\n" rule
		for (t = 1; t <= names; t++) {
			name = order[t]
			line = "| " name " | " checks[name] " |"
			all += checks[name]
			for (w = 1; w <= ways; w++) {
				value = "-"
				if ((name, way[w]) in measured)
					value = measured[name, way[w]]
				else if (split(old[name, way[w]], was, "\t") == 2 && was[1] == checks[name])
					value = was[2]
				if (value != "-")
					sum[w] += value
				line = line " " value " |"
			}
			print line
		}
		line = "| **all** | " all " |"
		for (w = 1; w <= ways; w++)
			line = line " " (w in sum ? sum[w] : "-") " |"
		print line
	}' "$doc" "$2"
}

write() {
	{
		cat <<'TEXT'
# Conformance

How far the guest kernel behaves like Linux: the programs in `tests/guest/` are ordinary Linux programs that check one
behaviour a line. They run on the host's Linux and in the sandbox, in both privilege layouts, with one vCPU and with
four. The tables tell how many checks pass, first by area, then by theme. This file is generated: `make conformance`
measures the host and the layout of this machine's KVM, `make check-svm` the split layout, on a machine that QEMU
emulates (`-`: not measured since the checks changed). A check that fails natively on the emulated machine too is no
failure there: its CPU raises no SSE exceptions.

TEXT
		table area "$1"
		echo
		table theme "$1"
		printf '\n## Known failures\n\n'
		sed -n '/^[^#]/s/^/- /p' tests/guest/known-failures.txt | grep . || echo None.
	} >"$doc.new"
	mv "$doc.new" "$doc"
}

if [ "${1-}" = write ]; then
	write "$2"
	exit
fi
report=$(mktemp)
trap 'rm -f "$report"' EXIT
status=0
RUNS="auto:1 auto:4" REPORT=$report tests/guest/run.sh "$@" || status=$?
[ -s "$report" ] || exit 1
[ $# -gt 0 ] || write "$report"
exit "$status"
