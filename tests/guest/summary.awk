# SPDX-License-Identifier: Apache-2.0
# First file: known failures (program, theme, text). Second: results (way, program, ok|not, theme, text).
# With `lenient` set a check that fails natively (results of native runs come first) says nothing about the sandbox either.
# Prints unexpected results, a line for each theme, and the counts of all ways but the native one; writes to `report` for
# each theme and way: theme, way, passed, checks (tabs between).
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
	way = $1
	if (!(way in seen_way)) {
		seen_way[way] = 1
		ways[++number_of_ways] = way
	}
	if (!($4 in seen)) {
		seen[$4] = 1
		order[++themes] = $4
	}
	total[way, $4]++
	if (way != "native")
		tried[key] = 1
	if ($3 == "ok") {
		passed[way, $4]++
		if (way != "native")
			good++
	} else if (way == "native" && lenient) {
		unreferenced[key] = 1
		print "no reference: fails natively here: " $2 ": " $4 ": " $5
	} else if (way == "native") {
		bad("natively", key)
	} else if (key in unreferenced) {
		failed[key] = 1
	} else if (key in known) {
		failed[key] = 1
		expected++
	} else {
		bad(way, key)
	}
}
END {
	for (key in known)
		if (key in tried && !(key in failed))
			bad("listed in known-failures.txt but passes", key)
	for (i = 1; i <= themes; i++) {
		t = order[i]
		line = sprintf("%-28s", t)
		for (w = 1; w <= number_of_ways; w++) {
			line = line sprintf(" %s %d of %-5d", ways[w], passed[ways[w], t], total[ways[w], t])
			printf "%s\t%s\t%d\t%d\n", t, ways[w], passed[ways[w], t], total[ways[w], t] >report
		}
		print line
	}
	printf "%d passed, %d failed, %d known failures\n", good, failures, expected
	exit failures > 0
}
