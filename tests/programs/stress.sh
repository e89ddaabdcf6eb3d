# SPDX-License-Identifier: Apache-2.0
# what: stress-ng's stressors of files, sockets, processes, memory, signals and clocks, two of each for a second, which verify what they do
# packages: stress-ng
# limit: 200
# shellcheck shell=bash
units() { echo names data sockets processes memory signals ipc; }
prepare() { :; }
run() {
	local list stressor
	case $1 in
	names) list="chmod chown dentry dir dirdeep filename getdent inode-flags inotify link mknod open rename symlink touch utime xattr" ;;
	data) list="copy-file fallocate fcntl fiemap file-ioctl flock fpunch fsize fstat hdd io iomix locka lockf lockofd readahead revio seek sendfile splice sync-file verity vm-splice" ;;
	sockets) list="dccp epoll icmp-flood netdev ping-sock rawudp sctp sock sockabuse sockdiag sockfd sockmany sockpair udp udp-flood tun" ;;
	processes) list="affinity clone close cpu daemon env exit-group fork forkheavy get getrandom itimer kill membarrier nice pidfd procfs pthread schedpolicy set sysinfo tee vfork wait yield zombie" ;;
	memory) list="bigheap brk fault madvise malloc mcontend memfd memthrash mergesort mincore mlock mmap mmapaddr mmapfork mmapmany mprotect mremap msync munmap pageswap prefetch resources shm stack stackmmap stream tlb-shootdown vm vm-addr vm-rw" ;;
	signals) list="alarm clock cyclic hrtimers nanosleep poll signal signest sigabrt sigchld sigfd sigfpe sigio sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap sleep timer timerfd" ;;
	ipc) list="eventfd fifo futex mq msg mutex pipe pipeherd pty sem sem-sysv shm-sysv switch" ;;
	esac
	for stressor in $list; do
		check "$stressor" timeout -k 2 $((40 * SCALE)) stress-ng --quiet --temp-path "$WORK" --verify "--$stressor" 2 -t 1
	done
}
