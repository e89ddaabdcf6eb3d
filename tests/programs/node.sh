# SPDX-License-Identifier: Apache-2.0
# what: node: files, processes, sockets, worker threads, the runtime; cluster, http 1 and 2, TLS, streams; npm with a tree of packages, where it is there
# packages: nodejs
# limit: 200
# shellcheck shell=bash
units() { echo files processes sockets threads runtime npm; }
prepare() { type -P node >/dev/null && cp "$HERE/node/main.js" .; }
run() {
	[ "$1" = npm ] || { node "$DIR/main.js" "$1" 3; return; }
	type -P npm >/dev/null || { result skip npm; return; }
	export npm_config_cache=$WORK/cache npm_config_offline=true npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
	# Packages that depend on each other, installed from their directories and from a tarball.
	mkdir a b top
	echo '{"name":"a","version":"1.0.0","main":"i.js","bin":{"say":"say.js"},"dependencies":{"b":"file:../b"}}' >a/package.json
	echo 'module.exports = () => require("b") + 1' >a/i.js
	printf '#!/usr/bin/env node\nconsole.log(require("./i.js")())\n' >a/say.js && chmod +x a/say.js
	echo '{"name":"b","version":"2.1.0","main":"i.js","scripts":{"postinstall":"echo built >built"}}' >b/package.json
	echo 'module.exports = 41' >b/i.js
	echo '{"name":"top","version":"1.0.0","private":true,"scripts":{"pretest":"echo before","test":"node t.js && say"}}' >top/package.json
	echo 'require("assert").equal(require("a")(), 42)' >top/t.js
	digest "npm pack" sh -c 'cd b && npm pack --silent && tar -tzf b-2.1.0.tgz | sort'
	check "npm install" sh -c 'cd top && npm install --install-links=false ../a ../b'
	digest "the tree" sh -c 'cd top && find node_modules -printf "%y %p %l\n" | grep -v package-lock | sort'
	digest "npm ls" sh -c 'cd top && npm ls --all --parseable | sed "s,.*/,,"'
	digest "npm test" sh -c 'cd top && npm test --silent'
	check "npm ci" sh -c 'cd top && npm ci'
	digest "npx" sh -c 'cd top && npx --no-install say'
}
