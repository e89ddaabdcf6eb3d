# SPDX-License-Identifier: Apache-2.0
# docs/bench.json to docs/bench.md: tables with ratios and aims.

def fixed(d): if . == null then "-" else . as $x | pow(10; d) as $p | ($x * $p | round / $p) as $r
	| ($r | tostring) as $s | if d == 0 then $s elif ($s | contains(".")) then
	  ($s | split(".")) as $t | $t[0] + "." + ($t[1] + "000")[:d] else $s + "." + ("000")[:d] end end;
def significant: if . == null then "-" elif . == 0 then "0" elif . < 10 then fixed(2) elif . < 100 then fixed(1) else fixed(0) end;
def time: if . == null then "-" elif . < 1000 then "\(significant) ns" elif . < 1000000 then "\(. / 1000 | significant) us"
	else "\(. / 1000000 | significant) ms" end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;
def x: if . == null then "-" else "\(significant)x" end;
# reached: value against an aim, "at most" or "at least".
def most($aim): if . == null then "**failed**" elif . <= $aim then "reached" else "**not reached**, by \(. / $aim | significant)x" end;
def least($aim): if . == null then "**failed**" elif . >= $aim then "reached" else "**not reached**, by \($aim / . | significant)x" end;
def line: "| " + join(" | ") + " |";

. as $all
| def process($row; $peer): first($all.process[], $all.long[] | select(.row == $row and .peer == $peer));
  def ms($row; $peer): process($row; $peer) | .median_ms;
  def p10($row; $peer): process($row; $peer) | .p10_ms;
  def cell($row; $peer): process($row; $peer) | if .median_ms == null then "failed (status \(.status))"
	else (.median_ms | significant) + " ms" + (if .failed > 0 then " (\(.failed) failed)" else "" end) end;
  def micro($row; $peer): [$all.micro[] | select(.row == $row and .peer == $peer)][0].value;
  def cost($row): [$all.costs[] | select(.row == $row)][0];
  def speed($bytes; $ms): if $ms == null or $ms <= 0 then null else $bytes / $ms / 1e6 end; # GB/s
  ($all.machine) as $m
| (100.0e6) as $big
| ((ms("big"; "ours") // null) as $t | if $t == null then null else ([$t - ms("hello"; "ours"), 0.001] | max) end) as $delivery
| ($all.memory | if . == null then null else .private_clean_kib + .private_dirty_kib end) as $private
| "# Benchmark",
"",
"Written by `make bench` (scripts/bench.sh, tests/bench/) from the one run that docs/bench.json holds.",
"",
"\($m.cpu), \($m.cores) CPUs, \($m.memory); Linux \($m.kernel); transparent huge pages: \($m.thp); \($m.date); load before the run \($m.load).",
"KVM: \($m.kvm).",
"Peers: native, \($m.bwrap) (`--ro-bind / / --unshare-all`), \($m.runsc) (`--platform=ptrace --network=none do`). \($m.sandbox).",
"",
"Times of processes go from before the fork to after the wait, so creation and teardown count. They are medians; all commands of",
"a table are interleaved, each once a round.",
"",
"![whole runs](bench.svg)",
"",
"## One command, start to end (\($all.process | map(.runs) | max) runs)",
"",
(["", "native", "bwrap", "runsc", "sandbox", "sandbox / bwrap", "sandbox / floor"] | line),
(["---", "---:", "---:", "---:", "---:", "---:", "---:"] | line),
(("hello", "true") as $row | [if $row == "hello" then "static hello" else "/bin/true" end, cell($row; "native"), cell($row; "bwrap"), cell($row; "runsc"),
	cell($row; "ours"), (ratio(ms($row; "ours"); ms($row; "bwrap")) | x), (ratio(ms($row; "ours"); ms("floor"; "floor")) | x)] | line),
"",
"Floor, a bare VM that runs one instruction: \(cell("floor"; "floor")). At the 10th percentile, the quieter moments of this run, the floor is",
"\(p10("floor"; "floor") | significant) ms, the static hello \(p10("hello"; "ours") | significant) ms: \(ratio(p10("hello"; "ours"); p10("floor"; "floor")) | x) floor, \(ratio(p10("hello"; "ours"); p10("hello"; "bwrap")) | x) bwrap; /bin/true is \(p10("true"; "ours") | significant) ms, \(ratio(p10("true"; "ours"); p10("true"; "bwrap")) | x) bwrap.",
"",
"| aim | measured | |",
"| --- | ---: | --- |",
(ratio(ms("hello"; "ours"); ms("floor"; "floor")) | "| static hello at most 2.0x floor | \(x) | \(most(2)) |"),
(ratio(ms("hello"; "ours"); ms("hello"; "bwrap")) | "| static hello at most 1.0x bwrap | \(x) | \(most(1)) |"),
(ratio(ms("true"; "ours"); ms("true"; "bwrap")) | "| /bin/true at most 1.0x bwrap | \(x) | \(most(1)) |"),
($all.phases.times_ms.boot | "| first KVM_RUN to the agent's first instruction at most 1 ms | \(significant) ms | \(most(1)) |"),
(if $private == null then null else $private / 1024 end | "| private host memory of a live hello at most 4 MiB | \(significant) MiB | \(most(4)) |"),
(ratio(ms("cpu"; "native"); ms("cpu"; "ours")) | "| CPU-bound program at least 0.97 of native | \(fixed(3)) | \(least(0.97)) |"),
(if $m.kvm | startswith("flat") then ratio(micro("getpid"; "ours"); micro("bare_syscall"; "bare")) |
	"| null system call at most 1.5x the bare SYSCALL round trip (\(micro("bare_syscall"; "bare") | time)) | \(x) | \(most(1.5)) |" else empty end),
(speed($big; $delivery) | "| executable of 100 MB delivered at 1 GB/s or more (its run less hello's) | \(significant) GB/s | \(least(1)) |"),
(ratio(ms("cat"; "native"); ms("cat"; "ours")) | "| `cat` at least 25 % of native pipe throughput | \(if . then . * 100 | fixed(0) else "-" end) % | \(least(0.25)) |"),
(ratio(micro("exec"; "ours"); micro("exec"; "native")) | "| fork+exec+wait of a static program at most 3x native | \(x) | \(most(3)) |"),
(ratio(micro("exec"; "ours"); micro("exec"; "runsc")) | "| fork+exec+wait of a static program at most 0.5x runsc | \(x) | \(most(0.5)) |"),
(micro("parallel"; "ours") | "| two vCPUs at least 1.8x one (native here: \(micro("parallel"; "native") | x)) | \(x) | \(least(1.8)) |"),
"",
"## Inside one run of the static hello (\($all.phases.runs) runs, medians of --stats)",
"",
"| phase | ms |",
"| --- | ---: |",
(($all.phases.times_ms) as $t |
 ["main to VM ready (setup)", $t.setup], ["confinement", $t.confine], ["first KVM_RUN to the guest kernel's C code", $t.kernel],
 ["first KVM_RUN to the agent's first instruction (boot)", $t.boot], ["agent to the program's first instruction", $t.agent],
 ["main to the program's first instruction", $t.to_program],
 ["program's first instruction to power-off (run)", $t.run], ["teardown until the process ends itself", $t.teardown], ["main to end", $t.total]
 | "| \(.[0]) | \(.[1] | fixed(3)) |"),
"",
"CPU time of the host: \($all.phases.host_cpu_ms | significant) ms. Exits: \([$all.phases.exits // {} | .[]] | add); system calls \($all.phases.syscalls), page faults \($all.phases.page_faults)" +
" (agent and program together); peak of guest memory \($all.phases.guest_peak_kib) KiB.",
"",
"Host memory of a live sandbox whose static program waits: RSS \($all.memory.rss_kib) KiB, private \($private) KiB (dirty \($all.memory.private_dirty_kib), clean \($all.memory.private_clean_kib)).",
"",
"## Throughput and long programs (\($all.long | map(.runs) | max) runs)",
"",
(["", "native", "bwrap", "runsc", "sandbox", "native / sandbox"] | line),
(["---", "---:", "---:", "---:", "---:", "---:"] | line),
((["cpu", "CPU-bound: sieve and multiplications in the caches"], ["big", "executable of 100 MB, data not touched"],
  ["big_read", "executable of 100 MB, each page read"], ["cat", "256 MiB through `cat`, pipe to pipe"]) as [$row, $title]
 | [$title, cell($row; "native"), cell($row; "bwrap"), cell($row; "runsc"), cell($row; "ours"), (ratio(ms($row; "native"); ms($row; "ours")) | if . then fixed(2) else "-" end)] | line),
"",
"Through `cat`: native \(speed(268435456; ms("cat"; "native")) | significant) GB/s, sandbox \(speed(268435456; ms("cat"; "ours")) | significant) GB/s.",
"",
"## Operations inside (medians of \($all.micro | map(.runs) | max) rounds)",
"",
"tests/bench/micro.c, the same program everywhere. The aim of each row is to be faster than runsc. The sandbox has one vCPU, two in",
"the rows that say so. The last columns are per operation in the sandbox: exits to the VMM, page faults of the guest, and, as far as",
"perf can count them, instructions that KVM emulated and shadow page-table entries that it made.",
"",
(["", "native", "bwrap", "runsc", "sandbox", "/ native", "/ runsc", "aim", "exits", "faults", "emulated", "shadow entries"] | line),
(["---", "---:", "---:", "---:", "---:", "---:", "---:", "---", "---:", "---:", "---:", "---:"] | line),
((["getpid", "getppid"], ["clock_gettime", "clock_gettime"], ["pipe", "pipe ping-pong between processes"], ["futex_1cpu", "futex ping-pong between threads, one CPU"],
  ["futex_2cpu", "the same, two CPUs"], ["fork", "fork, exit, wait"], ["exec", "fork, exec, wait: static"], ["exec_dynamic", "fork, exec, wait: dynamic"],
  ["touch", "first touch of a page (32 MiB mappings)"], ["mmap", "mmap, touch, munmap of 64 KiB"], ["mprotect", "mprotect there and back, write"], ["signal", "signal to itself, handler, return"],
  ["epoll", "epoll wake-up and back by eventfd"], ["thread", "thread create, join"], ["cpu", "computation"]) as [$row, $title]
 | micro($row; "ours") as $ours | (cost($row) // {}) as $c
 | [$title, (micro($row; "native") | time), (micro($row; "bwrap") | time), (micro($row; "runsc") | time), ($ours | if . then time else "failed" end),
    (ratio($ours; micro($row; "native")) | x), (ratio($ours; micro($row; "runsc")) | x),
    (ratio($ours; micro($row; "runsc")) | if . == null then (if $ours == null then "**failed**" else "runsc failed" end) else most(1) end),
    ($c.exits | significant), ($c.faults | significant), ($c.emulated | significant), ($c.shadow | significant)] | line),
([("native", "bwrap", "runsc", "ours") | micro("parallel"; .) | x] as $p | ["speed-up by a second CPU"] + $p + ["", "", (micro("parallel"; "ours") | least(1.8)), "", "", "", ""] | line),
"",
"Bare SYSCALL round trip in a bare VM: \(micro("bare_syscall"; "bare") | time).",
(if ($all.failures | length) > 0 then "", "Failed:", ($all.failures[] | "- \(.peer), \(.times) times: status \(.status), `\(.error)`") else empty end)
