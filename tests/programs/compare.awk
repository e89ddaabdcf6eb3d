#!/usr/bin/awk -f
# SPDX-License-Identifier: Apache-2.0
# compare.awk -v suite=NAME KNOWN NATIVE INSIDE: a line for each test of both: "= NAME", "K NAME" for a difference that
# KNOWN names ("SUITE: NAME  # reason"; a * in NAME stands for anything), "host RESULT, sandbox RESULT: NAME".
function is_known(name,    i) {
	for (i = 1; i <= knowns; i++)
		if (name ~ known[i])
			return 1
	return 0
}
FILENAME == ARGV[1] {
	sub(/ +#.*/, "")
	if (index($0, suite ": ") == 1) {
		pattern = substr($0, length(suite) + 3)
		gsub(/[][\\^$.?+(){}|]/, "\\\\&", pattern)
		gsub(/\*/, ".*", pattern)
		known[++knowns] = "^" pattern "$"
	}
	next
}
{
	name = $0
	sub(/^[^ ]+ /, "", name)
	all[name] = 1
	if (FILENAME == ARGV[2])
		native[name] = native[name] $1
	else
		inside[name] = inside[name] $1
}
END {
	for (name in all) {
		host = name in native ? native[name] : "nothing"
		sandbox = name in inside ? inside[name] : "nothing"
		print (host == sandbox ? "= " : is_known(name) ? "K " : "host " host ", sandbox " sandbox ": ") name
	}
}
