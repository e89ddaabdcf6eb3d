# SPDX-License-Identifier: Apache-2.0
# what: PHP's own tests (Debian source) of what meets the system, with the installed php-cli
# sources: php8.2
# packages: php-cli
# options: --tmpfs /var/lib/php/sessions
# limit: 300
# shellcheck shell=bash
units() { echo ext/standard/tests/{file,streams,general_functions,network,dir,time,filters,directory} ext/{pcntl,posix,sockets,date,json,pcre,ctype,fileinfo,phar,sysvsem,sysvshm,sysvmsg,shmop,openssl}/tests tests/{basic,output,security} Zend/tests/{generators,fibers,closures} sapi/cli/tests | tr ' /' '\n%'; }
prepare() { cp -r "$SOURCE/php8.2/run-tests.php" "$SOURCE/php8.2/ext" "$SOURCE/php8.2/tests" "$SOURCE/php8.2/Zend" "$SOURCE/php8.2/sapi" .; }
run() {
	local part=${1//%//}
	mkdir -p "$part" && cp "$DIR/run-tests.php" . && cp -r "$DIR/$part/." "$part" || return
	NO_INTERACTION=1 TEST_PHP_EXECUTABLE=/usr/bin/php php run-tests.php -q --no-color -g FAIL,PASS,SKIP,XFAIL,BORK --set-timeout 40 "$part" 2>&1 </dev/null | tr '\r' '\n' | tee "$WORK/log"
	sed -nE 's/^(PASS|FAIL|SKIP|XFAIL|BORK) .*\[([^]]*\.phpt)\].*/\1 \2/p' "$WORK/log" | sort -u >&3
}
