# SPDX-License-Identifier: Apache-2.0
# First file: known failures (program, theme, text). Second: results (where, program, ok|not, theme, text).
# With `lenient` set a check that fails natively (results of native runs come first) says nothing about the sandbox either.
# Prints unexpected results, a line for each theme, and the counts; writes the table to `report` when that is set.
function bad(what, line) {
	gsub(/\t/, ": ", line)
	print "FAIL - " what ": " line
	failures++
}
FILENAME == ARGV[1] {
	known[$1 "\t" $2 "\t" $3] = 1
	next
}
{
	key = $2 "\t" $4 "\t" $5
	side = $1 == "native" ? "native" : "sandbox"
	if (!($4 in seen)) {
		seen[$4] = 1
		order[++themes] = $4
	}
	total[side, $4]++
	checks[side]++
	if ($3 == "ok") {
		passed[side, $4]++
		good[side]++
	} else if (side == "native" && lenient) {
		unreferenced[key] = 1
		print "no reference: fails natively here: " $2 ": " $4 ": " $5
	} else if (side == "native") {
		bad("natively", key)
	} else if (key in unreferenced) {
		next
	} else if (key in known) {
		expected[$4]++
		all_expected++
	} else {
		bad($1, key)
	}
	if (side == "sandbox") {
		tried[key] = 1
		if ($3 != "ok")
			failed[key] = 1
	}
}
END {
	for (key in known)
		if (key in tried && !(key in failed))
			bad("listed in known-failures.txt but passes", key)
	for (i = 1; i <= themes; i++) {
		t = order[i]
		printf "%-24s sandbox %4d of %-4d  native %4d of %-4d  known failures %d\n", t, passed["sandbox", t],
			total["sandbox", t], passed["native", t], total["native", t], expected[t]
	}
	printf "%d passed, %d failed, %d known failures\n", good["sandbox"], failures, all_expected
	if (report != "") {
		print "| theme | checks | pass in the sandbox | pass natively | known failures |\n| --- | --- | --- | --- | --- |" >report
		for (i = 1; i <= themes; i++) {
			t = order[i]
			printf "| %s | %d | %d | %d | %d |\n", t, total["sandbox", t], passed["sandbox", t], passed["native", t], expected[t] >report
		}
		printf "| **all** | %d | %d | %d | %d |\n", checks["sandbox"], good["sandbox"], good["native"], all_expected >report
	}
	exit failures > 0
}
