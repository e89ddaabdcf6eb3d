# SPDX-License-Identifier: Apache-2.0
# First file: known failures (program, theme, text). Second: areas (program, area). Third: results (way, program, ok|not,
# theme, text).
# With `lenient` set a check that fails natively (results of native runs come first) says nothing about the sandbox either.
# Prints unexpected results, a line for each theme, and the counts of all ways but the native one; writes to `report` for
# each area, theme and way: area, theme, way, passed, checks (tabs between).
function bad(what, line) {
	gsub(/\t/, ": ", line)
	print "FAIL - " what ": " line
	failures++
}
FILENAME == ARGV[1] {
	known[$1 "\t" $2 "\t" $3] = 1
	next
}
FILENAME == ARGV[2] {
	area[$1] = $2
	next
}
{
	key = $2 "\t" $4 "\t" $5
	way = $1
	row = area[$2] "\t" $4 "\t" way
	if (!(row in rows)) {
		rows[row] = 0
		row_order[++number_of_rows] = row
	}
	rows[row]++
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
		row_passed[row]++
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
		for (w = 1; w <= number_of_ways; w++)
			line = line sprintf(" %s %d of %-5d", ways[w], passed[ways[w], t], total[ways[w], t])
		print line
	}
	for (r = 1; r <= number_of_rows; r++)
		printf "%s\t%d\t%d\n", row_order[r], row_passed[row_order[r]], rows[row_order[r]] >report
	printf "%d passed, %d failed, %d known failures\n", good, failures, expected
	exit failures > 0
}
