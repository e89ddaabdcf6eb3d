#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plot.sh JSON SVG: whole runs of a static hello and of /bin/true, as bars, beside the floor.
set -eu
data=$(mktemp)
trap 'rm -f "$data"' EXIT
jq -r '.process | (.[] | select(.row == "floor") | .median_ms // 0) as $floor
	| "\"bare VM\" \($floor) \($floor)",
	  (("native", "bwrap", "ours", "runsc") as $peer | [.[] | select(.peer == $peer)] |
	   "\(if $peer == "ours" then "sandbox" else $peer end) \(map(select(.row == "hello"))[0].median_ms // 0) \(map(select(.row == "true"))[0].median_ms // 0)")' \
	"$1" >"$data"
gnuplot <<PLOT
set terminal svg size 760,420 font "sans-serif,13" background "white"
set output "$2"
set title "One command from start to end, median (lower is better)"
set ylabel "ms (logarithmic)"
set logscale y
set yrange [0.2:*]
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.85 border -1
set grid ytics
set key top left
set boxwidth 0.9
plot "$data" using 2:xtic(1) title "static hello" linecolor rgb "#4472a8", "" using 3 title "/bin/true" linecolor rgb "#d08a3c", \
	"" using (\$0-0.17):2:(sprintf("%.1f", \$2)) with labels offset 0,0.6 notitle, \
	"" using (\$0+0.17):3:(sprintf("%.1f", \$3)) with labels offset 0,0.6 notitle
PLOT
