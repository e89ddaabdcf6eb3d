# SPDX-License-Identifier: Apache-2.0
# what: stress-ng's stressors of files and sockets, two of each for a second, which verify what they do
# packages: stress-ng
# limit: 200
# shellcheck shell=bash
units() { echo names data sockets; }
prepare() { :; }
run() {
	local list stressor
	case $1 in
	names) list="chmod chown dentry dir dirdeep filename getdent inode-flags inotify link mknod open rename symlink touch utime xattr" ;;
	data) list="copy-file fallocate fcntl fiemap file-ioctl flock fpunch fsize fstat hdd io iomix locka lockf lockofd readahead revio seek sendfile splice sync-file verity vm-splice" ;;
	sockets) list="dccp epoll icmp-flood netdev ping-sock rawudp sctp sock sockabuse sockdiag sockfd sockmany sockpair udp udp-flood tun" ;;
	esac
	for stressor in $list; do
		check "$stressor" timeout -k 2 40 stress-ng --quiet --temp-path "$WORK" --verify "--$stressor" 2 -t 1
	done
}
