# SPDX-License-Identifier: Apache-2.0
# Profiles: reading and printing, the allow-lists of system calls and paths, and recording them.
# Programs of the inner shell stand between single quotes.
# shellcheck shell=bash disable=SC2016

sh=$(readlink -f "$(command -v sh)")
export XDG_CONFIG_HOME=$TMP/config
mkdir -p config/sandbox/profiles work/dir
cd work || exit 1
echo readable >listed
echo secret >unlisted
echo below >dir/file

# prints TEXT WANT ARG...: `run ARG... --print-profile` without comments.
prints() {
	local text=$1 want=$2
	shift 2
	if timeout "$LIMIT" "$SANDBOX" run "$@" --print-profile 2>"$TMP/err" | grep -v '^#' >"$TMP/got" && [ "$(cat "$TMP/got")" = "$want" ]; then
		ok "$text"
	else
		{ echo "wanted:" && echo "$want" && echo "got:" && cat "$TMP/got" "$TMP/err"; } | fail "$text"
	fi
}

# outcome FIELD: of the last run's --stats=stats.
outcome() { grep -o "\"$1\":[^,}]*" "$TMP/stats" | cut -d: -f2-; }

# ---- reading and printing ----
cat >p.yaml <<-'EOF'
	# an example
	memory: 64M
	env: [A=one, "B=a \"b\""]
	tmpfs: /scratch:1M
EOF
check_output 'one a "b" 1024' "options out of a file" --profile p.yaml -- "$sh" -c 'printf "%s %s %s\n" "$A" "$B" "$(set -- $(while read -r d m r; do [ "$m" = /scratch ] && echo 1024; done </proc/mounts); echo $1)"'
prints "the command line overrides a value and adds to a list" $'memory: 1G\nenv:\n  - A=one\n  - "B=a \\"b\\""\n  - C=x\ntmpfs:\n  - "/scratch:1M"' \
	--memory 1G --profile ./p.yaml -e C=x
prints "a mount of the command line takes the place of the profile's" $'memory: 64M\nenv:\n  - A=one\n  - "B=a \\"b\\""\ntmpfs:\n  - "/scratch:2M"' \
	--tmpfs /scratch:2M --profile p.yaml
for name in ci function strict; do
	"$SANDBOX" run --profile $name --print-profile >first.yaml
	check "$name reads back as it is printed" cmp first.yaml <("$SANDBOX" run --profile ./first.yaml --print-profile)
done
check_output function "a shipped profile runs a program" --profile function -- uname -n
check_output 3 "a profile from a pipe" --profile <(echo 'env: N=3') -- "$sh" -c 'echo $N'
echo 'env: N=mine' >"$XDG_CONFIG_HOME/sandbox/profiles/ci.yaml"
check_output mine "the user's profile of a name comes before the shipped one" --profile ci -- "$sh" -c 'echo $N'
rm "$XDG_CONFIG_HOME/sandbox/profiles/ci.yaml"
printf 'memory: 64M\nmemroy: 1G\n' >bad.yaml
check_error 125 "bad.yaml:2: memroy: unknown key" "an unknown key is named with file and line" run --profile bad.yaml true
printf 'memory: 1K\n' >bad.yaml
check_error 125 "bad.yaml:1: memory: '1K' is out of range" "a value out of range likewise" run --profile bad.yaml true
head -c 2000000 /dev/zero | tr '\0' '#' >bad.yaml
check_error 125 "larger than" "a file of any size costs no more than the limit" run --profile bad.yaml true
check_error 125 "nosuch" "a name that is not there" run --profile nosuch true

# ---- system calls ----
base=read,write,open,openat,close,fstat,newfstatat,mmap,mprotect,munmap,brk,arch_prctl,set_tid_address,set_robust_list,rseq
base+=,prlimit64,getrandom,exit_group,ioctl,fcntl,access,pread64,rt_sigaction,rt_sigprocmask,rt_sigreturn,getpid,getppid,getuid,geteuid
base+=,getgid,getegid,dup2,rt_sigsuspend,stat,getcwd,faccessat2,readlink
check_output hi "what is listed works" --allow-syscall $base -- "$sh" -c 'echo hi'
check_status 159 "a call that is not ends the program by SIGSYS" --allow-syscall $base --stats="$TMP/stats" -- "$sh" -c 'echo $(echo in a child)'
check "the outcome is denied" equal "$(outcome outcome)" '"denied"'
check "--stats names the call" grep -q '"denied":\["\(fork\|vfork\|clone\|pipe\|pipe2\)"' "$TMP/stats"
check_error 159 "the system call" "the message names the call" run --allow-syscall $base -- "$sh" -c 'echo $(echo in a child)'
check_output "child 159" "children are under it, and the parent sees SIGSYS" --allow-syscall $base,clone,fork,vfork,wait4 --stats="$TMP/stats" -- \
	"$sh" -c 'exec 2>/dev/null; (cd /; echo out) & wait $!; echo "child $?"'
check "a child's denied call is in --stats, and the program's outcome is its own" grep -q '"outcome":"exit".*"denied":\["chdir"\]' "$TMP/stats"
check_output "child 159" "a program that is executed is under it" --allow-syscall $base,clone,fork,vfork,wait4,execve -- \
	"$sh" -c 'exec 2>/dev/null; "$0" -c "cd /; echo out"; echo "child $?"' "$sh"
check "-v says so" grep -q "a system call that is not allowed ended the program" <(sandbox_run -v --allow-syscall $base -- "$sh" -c 'cd /' 2>&1)
check_status 159 "with a trace likewise" --allow-syscall $base --trace="$TMP/trace" -- "$sh" -c 'cd /'
check_status 159 "a signal that the program sends itself" --allow-syscall $base,kill,tgkill --stats="$TMP/stats" -- "$sh" -c 'kill -SYS $$'
check "is none" equal "$(outcome outcome) $(outcome denied)" '"signal" '
check_error 125 "no_such_call" "a call that there is not" run --allow-syscall read,no_such_call true

# ---- paths ----
programs=(--ro /usr --ro /lib --ro /lib64 --ro /bin --allow-read /usr/ --allow-read /lib/ --allow-read /lib64/ --allow-read /bin/)
[ -e /lib64 ] || programs=(--ro / --allow-read /usr/ --allow-read /lib/ --allow-read /bin/)
share=(--rw ".:/w" --allow-read listed --allow-write new --allow-write dir/)
inside() {
	local text=$1 want=$2
	shift 2
	check_output "$want" "$text" "${programs[@]}" "${share[@]}" -- "$sh" -c "cd /w; $1"
}
inside "what is listed is read, what is not is not there" $'readable\nno\nno' 'cat listed; cat unlisted 2>/dev/null || echo no; [ -e unlisted ] || echo no'
inside "a directory on the way shows the listed names alone" $'dir\nlisted' 'ls'
inside "a directory with a slash is there with all beneath" $'below\nx' 'cat dir/file; mkdir dir/sub; echo x >dir/sub/x; cat dir/sub/x; rm -r dir/sub'
inside "to read is not to write" $'no\nno\nno\nno\nreadable' \
	'for c in "echo x >listed" "rm listed" "chmod 600 listed" "mv listed new"; do sh -c "$c" 2>/dev/null || echo no; done; cat listed'
inside "a new name must be listed" $'no\nno\nno\nmade' \
	'for c in "echo x >other" "mkdir other" "ln -s x other"; do sh -c "$c" 2>/dev/null || echo no; done; echo made >new; cat new; rm new'
inside "a link does not lead to what is not listed" $'no\nno\nno' \
	'ln -s ../unlisted dir/link; cat dir/link 2>/dev/null || echo no; ln listed dir/hard 2>/dev/null || echo no; ln unlisted dir/hard 2>/dev/null || echo no; rm dir/link'
check "nothing on the host has changed" equal "$(cat listed unlisted dir/file; ls -A dir)" $'readable\nsecret\nbelow\nfile'
check_output "readable" "places on which the guest's own files are mounted need no listing" --ro / --ro . --allow-read /usr/ --allow-read /lib --allow-read /lib64 \
	--allow-read /bin --allow-read listed cat listed

# ---- recording ----
cat >job.sh <<-'EOF'
	set -e
	cat listed
	ls dir
	echo result >out
	echo draft >dir/draft.$$
	mv dir/draft.$$ dir/final
	mkdir made
	echo x >made/x
EOF
check_status 0 "recording a job" --ro / --rw . --record "$TMP/job.yaml" -- sh job.sh
check "what was read is listed by file" grep -qx "  - $PWD/listed" "$TMP/job.yaml"
check "what was not touched is not listed" equal "$(grep -c 'unlisted\|bin/rm' "$TMP/job.yaml")" 0
rm -rf out dir/final made
check_output $'readable\nfile' "the recorded job runs under its profile" --profile "$TMP/job.yaml" -- sh job.sh
check "and its results are on the host" equal "$(cat out dir/final made/x)" $'result\ndraft\nx'
check_status 127 "another program does not" --profile "$TMP/job.yaml" -- sh -c 'rm -f listed'
check_status 159 "nor another system call" --profile "$TMP/job.yaml" --stats="$TMP/stats" -- sh -c 'ulimit -S -f 10000; kill -0 $$'
check "which is denied" equal "$(outcome outcome)" '"denied"'
rm -rf out dir/final made

check_output hello "recording a program without shares" --record "$TMP/plain.yaml" -- "$PROG/hello-static"
check_output hello "which runs under its profile" --profile "$TMP/plain.yaml" -- "$PROG/hello-static"
check "which lists system calls alone" equal "$(grep -c allow "$TMP/plain.yaml")" 1
cat >narrow.sh <<-'EOF'
	echo changed >listed
	cat dir/file
EOF
check_output below "recording a write to a file that is there" --ro / --rw . --record "$TMP/narrow.yaml" -- sh narrow.sh
check "is the file alone" equal "$(sed -n '/^allow-write:/,/^[^ ]/p' "$TMP/narrow.yaml" | grep '^ ')" "  - $PWD/listed"
check_output below "and is allowed" --profile "$TMP/narrow.yaml" -- sh narrow.sh
check_output no "but no other" --profile "$TMP/narrow.yaml" -- sh -c 'true 2>/dev/null >other || echo no'
touch "$(printf 'not\377utf8')"
check_error 125 "not UTF-8" "a path that a profile cannot hold is told" run --ro / --ro . --record "$TMP/utf8.yaml" -- sh -c 'cat not?utf8'
printf 'allow-read:\n  - ../x\n' >bad.yaml
check_error 125 "bad.yaml:2: allow-read: '../x'" "a list has no .." run --profile bad.yaml true
