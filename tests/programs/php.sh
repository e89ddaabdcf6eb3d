# SPDX-License-Identifier: Apache-2.0
# what: PHP's own tests (Debian source) of the language, the standard library and the extensions that php-cli has, with the installed php-cli
# sources: php8.2
# packages: php-cli
# limit: 500
# shellcheck shell=bash
# Large directories are split: DIR.N.OF has each OFth test of DIR, from the Nth on.
units() {
	echo ext/standard/tests/{file,streams,general_functions,network,dir,time,filters,directory,array.{1,2,3}.3,strings.{1,2,3}.3,math,serialize,class_object,assert,crypt,hrtime,http,image,ini_info,mail,misc,password,url,versioning} \
		ext/{pcntl,posix,sockets,json,pcre,ctype,fileinfo,phar,sysvsem,sysvshm,sysvmsg,shmop,openssl,session,reflection,hash,random,ffi,filter,iconv,gettext,calendar,tokenizer,zlib,exif,pdo,readline,ftp,libxml}/tests \
		ext/{date,spl,opcache}/tests.{1,2,3}.3 tests/{basic,output,security,classes,func,lang,strings} Zend/tests.{1,2,3,4,5,6,7,8}.8 sapi/cli/tests |
		tr ' /' '\n%'
}
prepare() { cp -r "$SOURCE/php8.2/run-tests.php" "$SOURCE/php8.2/ext" "$SOURCE/php8.2/tests" "$SOURCE/php8.2/Zend" "$SOURCE/php8.2/sapi" .; }
run() {
	local part=${1//%//} number of
	IFS=. read -r part number of <<<"$part"
	mkdir -p "$part" && cp "$DIR/run-tests.php" . && cp -r "$DIR/$part/." "$part" || return
	find "$part" -name '*.phpt' | sort | awk -v "n=${number:-0}" -v "of=${of:-1}" 'NR % of == n % of' >list
	NO_INTERACTION=1 TEST_PHP_EXECUTABLE=/usr/bin/php php run-tests.php -q --no-color -g FAIL,PASS,SKIP,XFAIL,BORK --set-timeout $((40 * SCALE)) -d "session.save_path=$WORK" -r list 2>&1 </dev/null | tr '\r' '\n' | tee "$WORK/log"
	sed -nE 's/^(PASS|FAIL|SKIP|XFAIL|BORK) .*\[([^]]*\.phpt)\].*/\1 \2/p' "$WORK/log" | sort -u >&3
}
