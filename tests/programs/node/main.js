// SPDX-License-Identifier: Apache-2.0
// Node's own abilities, one function each: node main.js PART FD. A line `RESULT NAME` for each check goes to FD.
'use strict';
const fs = require('fs');
const fsp = require('fs/promises');
const os = require('os');
const path = require('path');
const net = require('net');
const dgram = require('dgram');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const tls = require('tls');
const cluster = require('cluster');
const crypto = require('crypto');
const zlib = require('zlib');
const stream = require('stream');
const readline = require('readline');
const util = require('util');
const v8 = require('v8');
const { once } = require('events');
const { pipeline } = require('stream/promises');
const { setTimeout: sleep, setInterval: every } = require('timers/promises');
const { spawn, spawnSync, exec, execFile, execFileSync, fork } = require('child_process');
const workers = require('worker_threads');
const { performance, PerformanceObserver } = require('perf_hooks');

const [part, fd] = [process.argv[2], Number(process.argv[3] || 1)];
const work = process.cwd();
const at = (name) => path.join(work, name);
const md5 = (data) => crypto.createHash('md5').update(data).digest('hex');
const listening = async (server, ...where) => { server.listen(...where); await once(server, 'listening'); return server; };
const all = async (readable) => { const parts = []; for await (const p of readable) parts.push(Buffer.from(p)); return Buffer.concat(parts); };

const parts = {};

parts.files = {
	async 'write, append, read'() { await fsp.writeFile(at('a'), 'one'); await fsp.appendFile(at('a'), 'two'); return fsp.readFile(at('a'), 'utf8'); },
	async 'handle: positions, truncate, sync, stat'() {
		const h = await fsp.open(at('h'), 'w+');
		await h.write('0123456789', 0); await h.write('x', 20); await h.truncate(30); await h.sync(); await h.datasync();
		const { buffer, bytesRead } = await h.read(Buffer.alloc(5), 0, 5, 18);
		const s = await h.stat(); await h.close();
		return [bytesRead, buffer.toString('hex'), s.size, s.isFile()];
	},
	async 'readv, writev'() {
		const h = await fsp.open(at('v'), 'w+');
		const w = await h.writev([Buffer.from('ab'), Buffer.from('cde')]);
		const b = [Buffer.alloc(1), Buffer.alloc(4)]; const r = await h.readv(b, 0); await h.close();
		return [w.bytesWritten, r.bytesRead, b.map(String)];
	},
	async 'mkdir -p, readdir, rm -r'() {
		await fsp.mkdir(at('t/u/v'), { recursive: true }); await fsp.writeFile(at('t/u/f'), ''); await fsp.symlink('f', at('t/u/l'));
		const list = (await fsp.readdir(at('t'), { recursive: true, withFileTypes: true })).map((e) => [e.name, e.isDirectory(), e.isSymbolicLink()]).sort();
		await fsp.rm(at('t'), { recursive: true });
		return [list, fs.existsSync(at('t'))];
	},
	async 'opendir iterates'() {
		await fsp.mkdir(at('many')); for (let i = 0; i < 300; i++) await fsp.writeFile(at('many/' + i), '' + i);
		let n = 0; for await (const e of await fsp.opendir(at('many'), { bufferSize: 7 })) n += Number(e.name);
		return n;
	},
	async 'copyFile, cp -r, link, rename, readlink, realpath'() {
		await fsp.mkdir(at('c/d'), { recursive: true }); await fsp.writeFile(at('c/f'), 'data'); await fsp.copyFile(at('c/f'), at('c/g'), fs.constants.COPYFILE_EXCL);
		await fsp.link(at('c/f'), at('c/h')); await fsp.rename(at('c/g'), at('c/d/g')); await fsp.symlink('d/g', at('c/s')); await fsp.cp(at('c'), at('c2'), { recursive: true });
		return [(await fsp.stat(at('c/f'))).nlink, (await fsp.realpath(at('c/s'))).slice(work.length), (await fsp.readdir(at('c2'))).sort(), await fsp.readFile(at('c2/d/g'), 'utf8')];
	},
	async 'times, modes, access'() {
		await fsp.writeFile(at('m'), ''); await fsp.utimes(at('m'), 1000000000.5, 1234567890.25); await fsp.chmod(at('m'), 0o440);
		const s = await fsp.stat(at('m'), { bigint: true });
		return [String(s.atimeNs), String(s.mtimeNs), String(s.mode & 0o7777n), await fsp.access(at('m'), fs.constants.R_OK).then(() => 'ok', (e) => e.code)];
	},
	async 'errors'() {
		const codes = [];
		for (const f of [() => fsp.readFile(at('none')), () => fsp.readFile(work), () => fsp.mkdir(work), () => fsp.rmdir(at('many')), () => fsp.open(at('m/x')), () => fsp.readlink(work), () => fsp.writeFile('/proc/none', ''),
			() => fsp.unlink(work), () => fsp.open(at('m'), 'wx'), () => fsp.readFile('/proc/self/mem')])
			codes.push(await f().then(() => 'ok', (e) => `${e.code}:${e.syscall}`));
		return codes;
	},
	async 'streams with highWaterMark, ranges'() {
		const data = crypto.createHash('sha512').update('x').digest().toString('hex').repeat(4000);
		await pipeline(stream.Readable.from(data.match(/.{1,1000}/g)), fs.createWriteStream(at('big'), { highWaterMark: 4096 }));
		return [md5(await all(fs.createReadStream(at('big'), { highWaterMark: 1234 }))), md5(await all(fs.createReadStream(at('big'), { start: 1000, end: 99999 })))];
	},
	async 'readline over a file'() { await fsp.writeFile(at('lines'), Array.from({ length: 5000 }, (_, i) => i).join('\n')); let n = 0; for await (const l of readline.createInterface({ input: fs.createReadStream(at('lines')) })) n += Number(l); return n; },
	async 'watch: names and kinds of events'() {
		const d = await fsp.mkdtemp(at('w-')), seen = new Set(), watcher = fs.watch(d, (kind, name) => seen.add(kind + name));
		await fsp.writeFile(path.join(d, 'x'), '1'); await fsp.rename(path.join(d, 'x'), path.join(d, 'y')); await fsp.unlink(path.join(d, 'y'));
		while (!seen.has('renamey') || !seen.has('changex')) await sleep(20);
		watcher.close(); return [...seen].sort();
	},
	async 'watchFile'() { await fsp.writeFile(at('p'), 'a'); const p = new Promise((done) => fs.watchFile(at('p'), { interval: 50 }, (now, was) => done([now.size, was.size]))); await sleep(120); await fsp.writeFile(at('p'), 'abc'); const r = await p; fs.unwatchFile(at('p')); return r; },
	async 'statfs'() { const s = await fsp.statfs('/proc'); return [s.type, s.blocks]; },
	async 'a hundred at once'() { return (await Promise.all(Array.from({ length: 100 }, async (_, i) => { await fsp.writeFile(at('q' + i), 'z'.repeat(i * 10)); return (await fsp.readFile(at('q' + i))).length; }))).reduce((a, b) => a + b); },
};

parts.processes = {
	async 'spawn: output, status'() { const c = spawn('sh', ['-c', 'echo out; echo err >&2; exit 7']); const [o, e, [code]] = await Promise.all([all(c.stdout), all(c.stderr), once(c, 'close')]); return [String(o), String(e), code]; },
	async 'exec: environment, directory'() { const r = await util.promisify(exec)('echo $X; pwd', { env: { X: 'y' }, cwd: '/usr' }); return r.stdout; },
	async 'execFile: time-out'() { return util.promisify(execFile)('sleep', ['30'], { timeout: 200 }).catch((e) => [e.killed, e.signal, e.code]); },
	async 'maxBuffer'() { return util.promisify(exec)('yes', { maxBuffer: 1000 }).catch((e) => [e.code, e.stdout.length]); },
	async 'a signal ends it'() { const c = spawn('sleep', ['30']); await once(c, 'spawn'); c.kill('SIGTERM'); return once(c, 'exit'); },
	async 'spawnSync: input'() { const r = spawnSync('wc', ['-c'], { input: 'x'.repeat(300000) }); return [String(r.stdout).trim(), r.status]; },
	async 'no such program'() { const c = spawn('/none'); const [e] = await once(c, 'error'); return [e.code, e.syscall]; },
	async 'stdio: inherited descriptors, pipes beyond 2'() { const c = spawn('sh', ['-c', 'echo three >&3; cat <&4'], { stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'] }); c.stdio[4].end('four'); return [String(await all(c.stdio[3])), String(await all(c.stdout))]; },
	async 'fork: messages both ways'() { const c = fork(__filename, ['child', '0']); c.send({ n: 20 }); const [m] = await once(c, 'message'); c.disconnect(); return [m, await once(c, 'exit')]; },
	async 'fork: a server socket is sent'() {
		const c = fork(__filename, ['child-server', '0']), server = await listening(net.createServer(), 0, '127.0.0.1'); const { port } = server.address();
		c.send('server', server); await once(c, 'message'); server.close();
		const text = String(await all(net.connect(port, '127.0.0.1'))); c.kill(); await once(c, 'exit'); return text;
	},
	async 'advanced serialization'() { const c = fork(__filename, ['child-echo', '0'], { serialization: 'advanced' }); c.send({ m: new Map([[1, new Uint8Array([1, 2])]]), d: new Date(5), b: 10n }); const [m] = await once(c, 'message'); c.disconnect(); await once(c, 'exit'); return util.inspect(m); },
	async 'detached group, kill of the group'() { const c = spawn('sh', ['-c', 'sleep 30 & sleep 30'], { detached: true, stdio: 'ignore' }); await sleep(200); process.kill(-c.pid, 'SIGKILL'); return once(c, 'exit'); },
	async 'signals to oneself'() { const got = once(process, 'SIGUSR2'); process.kill(process.pid, 'SIGUSR2'); return (await got)[0]; },
	async 'pipeline of three'() { const a = spawn('seq', ['1', '50000']), b = spawn('grep', ['7']), c = spawn('wc', ['-l']); a.stdout.pipe(b.stdin); b.stdout.pipe(c.stdin); return String(await all(c.stdout)).trim(); },
	async 'twenty at once'() { return (await Promise.all(Array.from({ length: 20 }, (_, i) => util.promisify(exec)('echo ' + i)))).map((r) => r.stdout.trim()).join(); },
	async 'cluster: two workers serve'() { return execFileSync(process.execPath, [__filename, 'cluster', '1'], { encoding: 'utf8', timeout: 60000 }); },
	async 'abort signal'() { const a = new AbortController(); const c = spawn('sleep', ['30'], { signal: a.signal }); setTimeout(() => a.abort(), 100); const [e] = await once(c, 'error'); return e.code; },
	async 'uncaught exception: status'() { const r = spawnSync(process.execPath, ['-e', 'throw new Error("x")']); return [r.status, r.signal]; },
	async 'abort(): signal'() { const r = spawnSync(process.execPath, ['-e', 'process.abort()']); return [r.status, r.signal]; },
	async 'stdin of a REPL'() { const r = spawnSync(process.execPath, ['-i'], { input: '1+41\nlet x = [1,2]; x.map(a => a * 2)\n' }); return String(r.stdout); },
};

parts.sockets = {
	async 'TCP: echo of a megabyte'() { const s = await listening(net.createServer((c) => c.pipe(c)), 0, '127.0.0.1'); const c = net.connect(s.address().port, '127.0.0.1'); const data = crypto.createHash('md5').update('y').digest('hex').repeat(32768); c.end(data); const r = md5(await all(c)) === md5(data); s.close(); return r; },
	async 'half open, reset, time-out'() {
		const s = await listening(net.createServer({ allowHalfOpen: true }, (c) => { c.on('error', () => 0); c.on('end', () => { c.write('late'); c.end(); }); c.resume(); }), 0, '127.0.0.1'); const { port } = s.address();
		const c = net.connect(port, '127.0.0.1'); c.end('x'); const late = String(await all(c));
		const d = net.connect(port, '127.0.0.1'); await once(d, 'connect'); d.resetAndDestroy(); await once(d, 'close');
		const e = net.connect(port, '127.0.0.1'); e.setTimeout(100); await once(e, 'timeout'); e.destroy(); s.close(); return late;
	},
	async 'refused, unreachable, in use'() {
		const codes = []; for (const [port, host] of [[1, '127.0.0.1'], [1, '::1']]) codes.push((await once(net.connect(port, host), 'error').then(([e]) => e, (e) => e)).code);
		const s = await listening(net.createServer(), 0, '127.0.0.1'); const t = net.createServer(); t.listen(s.address().port, '127.0.0.1'); codes.push((await once(t, 'error'))[0].code); s.close(); return codes;
	},
	async 'Unix socket, abstract name'() { const out = []; for (const name of [at('us'), '\0node-' + process.pid]) { const s = await listening(net.createServer((c) => c.end('hello')), name); out.push(String(await all(net.connect(name)))); s.close(); await once(s, 'close'); } return [out, fs.existsSync(at('us'))]; },
	async 'IPv6, dual stack'() { const s = await listening(net.createServer((c) => c.end(c.remoteAddress)), 0); const r = [String(await all(net.connect(s.address().port, '::1'))), String(await all(net.connect(s.address().port, '127.0.0.1')))]; s.close(); return r; },
	async 'UDP: message, connected, broadcast refused'() {
		const a = dgram.createSocket('udp4'); a.bind(0, '127.0.0.1'); await once(a, 'listening'); const b = dgram.createSocket('udp4'); b.connect(a.address().port, '127.0.0.1'); await once(b, 'connect');
		b.send('hi'); const [m, from] = await once(a, 'message'); a.send('ho', from.port, from.address); const [n] = await once(b, 'message'); const sizes = [a.getRecvBufferSize() > 0, b.remoteAddress().address]; a.close(); b.close(); return [String(m), String(n), sizes];
	},
	async 'UDP: multicast on loopback'() { const a = dgram.createSocket({ type: 'udp4', reuseAddr: true }); a.bind(0); await once(a, 'listening'); a.addMembership('239.1.2.3', '127.0.0.1'); a.setMulticastInterface('127.0.0.1'); a.setMulticastLoopback(true); a.send('m', a.address().port, '239.1.2.3'); const [m] = await once(a, 'message'); a.close(); return String(m); },
	async 'http: keep alive, chunks, 100 requests'() {
		const s = await listening(http.createServer((q, r) => { if (q.url === '/echo') q.pipe(r); else r.end(q.url); }), 0, '127.0.0.1'); const { port } = s.address(), agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
		const get = (p, body) => new Promise((done, no) => { const q = http.request({ port, path: p, agent, host: '127.0.0.1', method: body ? 'POST' : 'GET' }, async (r) => done(String(await all(r)))); q.on('error', no); q.end(body); });
		const r = await Promise.all(Array.from({ length: 100 }, (_, i) => get('/' + i))); const e = await get('/echo', 'z'.repeat(100000)); agent.destroy(); s.close(); return [md5(r.join()), e.length];
	},
	async 'fetch'() { const s = await listening(http.createServer((q, r) => { r.setHeader('content-type', 'application/json'); r.end('{"a":[1,2]}'); }), 0, '127.0.0.1'); const r = await (await fetch(`http://127.0.0.1:${s.address().port}/`)).json(); s.closeAllConnections(); s.close(); return r; },
	async 'upgrade, connect'() { const s = await listening(http.createServer(), 0, '127.0.0.1'); s.on('upgrade', (q, c) => { c.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n'); c.pipe(c); }); const q = http.request({ port: s.address().port, host: '127.0.0.1', headers: { Connection: 'Upgrade', Upgrade: 'y' } }); q.end(); const [, c] = await once(q, 'upgrade'); c.write('ping'); const [d] = await once(c, 'data'); c.destroy(); s.closeAllConnections(); s.close(); return String(d); },
	async 'https and tls'() {
		execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('k'), '-out', at('c'), '-subj', '/CN=localhost', '-days', '2', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
		const key = fs.readFileSync(at('k')), cert = fs.readFileSync(at('c')); const s = await listening(https.createServer({ key, cert }, (q, r) => r.end('secret')), 0, '127.0.0.1'); const { port } = s.address();
		const text = await new Promise((done, no) => https.get({ port, host: '127.0.0.1', ca: cert, agent: false }, async (r) => done(String(await all(r)))).on('error', no)); const c = tls.connect({ port, host: '127.0.0.1', ca: cert, maxVersion: 'TLSv1.2' }); await once(c, 'secureConnect'); const r = [text, c.getProtocol(), c.authorized]; c.destroy(); s.closeAllConnections(); s.close(); return r;
	},
	async 'http 2 with pushes of streams'() { const s = await listening(http2.createServer((q, r) => r.end(q.url)), 0, '127.0.0.1'); const c = http2.connect(`http://127.0.0.1:${s.address().port}`); const r = await Promise.all(Array.from({ length: 30 }, (_, i) => all(c.request({ ':path': '/' + i })))); c.close(); s.close(); return r.map(String).join(); },
	async 'lookup of localhost'() { return (await require('dns/promises').lookup('localhost', { family: 4 })).address; },
	async 'interfaces'() { return Object.entries(os.networkInterfaces()).filter(([n]) => n === 'lo').map(([n, a]) => [n, a.map((x) => x.cidr).sort()]); },
};

parts.threads = {
	async 'message, result, exit'() { const w = new workers.Worker('const { parentPort, workerData } = require("worker_threads"); parentPort.once("message", (m) => { parentPort.postMessage(m + workerData); process.exit(3); })', { eval: true, workerData: 5 }); w.postMessage(37); const [m] = await once(w, 'message'); return [m, await once(w, 'exit')]; },
	async 'shared memory and Atomics.wait'() { const shared = new Int32Array(new SharedArrayBuffer(8)); const ws = [0, 1, 2, 3].map(() => new workers.Worker('const { workerData: s } = require("worker_threads"); Atomics.wait(s, 1, 0); for (let i = 0; i < 100000; i++) Atomics.add(s, 0, 1)', { eval: true, workerData: shared })); await Promise.all(ws.map((w) => once(w, 'online'))); await sleep(100); Atomics.store(shared, 1, 1); Atomics.notify(shared, 1); await Promise.all(ws.map((w) => once(w, 'exit'))); return shared[0]; },
	async 'transfer, ports'() { const { port1, port2 } = new workers.MessageChannel(); const w = new workers.Worker('require("worker_threads").parentPort.once("message", ({ port, b }) => { port.postMessage(b.byteLength); port.close(); })', { eval: true }); const b = new ArrayBuffer(100000); w.postMessage({ port: port2, b }, [port2, b]); const [n] = await once(port1, 'message'); await once(w, 'exit'); return [n, b.byteLength]; },
	async 'terminate an endless loop'() { const w = new workers.Worker('for (;;);', { eval: true }); await once(w, 'online'); return w.terminate(); },
	async 'an error in a worker'() { const w = new workers.Worker('throw new TypeError("no")', { eval: true }); const [e] = await once(w, 'error'); return [e.name, e.message]; },
	async 'resource limits'() { const w = new workers.Worker('const a = []; for (;;) a.push(new Array(1e5).fill(1))', { eval: true, resourceLimits: { maxOldGenerationSizeMb: 20 } }); const [e] = await once(w, 'error'); return e.code; },
	async 'broadcast'() { const ws = [1, 2, 3].map(() => new workers.Worker('const c = new BroadcastChannel("b"); c.onmessage = (m) => { require("worker_threads").parentPort.postMessage(m.data); c.close(); }', { eval: true })); await Promise.all(ws.map((w) => once(w, 'online'))); await sleep(300); const c = new workers.BroadcastChannel('b'); const got = Promise.all(ws.map((w) => once(w, 'message'))); c.postMessage('x'); const r = (await got).map(([m]) => m); c.close(); return r; },
	async 'eight that compute'() { const ws = Array.from({ length: 8 }, (_, i) => new workers.Worker('const { parentPort: p, workerData: n } = require("worker_threads"); let h = n; for (let i = 0; i < 3e6; i++) h = (h * 31 + i) | 0; p.postMessage(h)', { eval: true, workerData: i })); return (await Promise.all(ws.map((w) => once(w, 'message')))).map(([m]) => m).join(); },
	async 'WebAssembly with shared memory'() { const m = new WebAssembly.Memory({ initial: 1, maximum: 10, shared: true }); new Int32Array(m.buffer)[0] = 7; m.grow(2); return [m.buffer.byteLength, new Int32Array(m.buffer)[0]]; },
};

parts.runtime = {
	async 'order of the event loop'() { const seen = []; await new Promise((done) => { fs.stat('/', () => { setTimeout(() => { seen.push('timeout'); done(); }, 5); setImmediate(() => seen.push('immediate')); process.nextTick(() => seen.push('tick')); Promise.resolve().then(() => seen.push('promise')); }); }); return seen; },
	async 'timers'() { const t = performance.now(); await sleep(50); let n = 0; for await (const _ of every(5)) if (++n === 10) break; return [performance.now() - t >= 98, n]; },
	async 'zlib, brotli, streams of them'() { const d = 'hello '.repeat(100000); const g = await util.promisify(zlib.gzip)(d), b = await util.promisify(zlib.brotliCompress)(d, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }); return [md5(zlib.gunzipSync(g)), md5(zlib.brotliDecompressSync(b)), md5(await all(stream.Readable.from([g]).pipe(zlib.createGunzip())))]; },
	async 'crypto in the thread pool'() { return (await Promise.all([1, 2, 3, 4, 5, 6].map((i) => util.promisify(crypto.pbkdf2)('p' + i, 's', 5000, 32, 'sha256')))).map((b) => md5(b)).join(); },
	async 'scrypt, keys, signatures'() { const k = await util.promisify(crypto.generateKeyPair)('ed25519'); const s = crypto.sign(null, Buffer.from('x'), k.privateKey); return [crypto.verify(null, Buffer.from('x'), k.publicKey, s), md5(crypto.scryptSync('p', 's', 32)), crypto.randomBytes(16).length, crypto.randomUUID().length]; },
	async 'heap: grow, collect, snapshot of it'() { let a = []; for (let i = 0; i < 300; i++) a.push(Buffer.alloc(100000, i)); const n = a.reduce((s, b) => s + b[5], 0); a = null; v8.setFlagsFromString('--expose-gc'); require('vm').runInNewContext('gc')(); return [n, v8.deserialize(v8.serialize({ a: [1, new Set([2])] })).a[1].has(2), process.memoryUsage.rss() > 1e6]; },
	async 'os: what it says'() { return [os.platform(), os.arch(), os.endianness(), os.homedir() === process.env.HOME, os.tmpdir(), os.userInfo().uid === process.getuid(), os.totalmem() > 0, os.loadavg().length, os.cpus().length > 0, os.uptime() > 0]; },
	async 'process: what it says'() { return [process.argv0, typeof process.hrtime.bigint(), process.cpuUsage().user > 0, process.resourceUsage().maxRSS > 0, process.umask(), process.title.length > 0, process.getgroups().length >= 0, process.version]; },
	async 'async hooks, local storage'() { const { AsyncLocalStorage } = require('async_hooks'); const s = new AsyncLocalStorage(); return s.run(42, async () => { await sleep(5); await fsp.stat('/'); return s.getStore(); }); },
	async 'JIT: hot functions'() { const f = (n) => (n < 2 ? n : f(n - 1) + f(n - 2)); let x = 0; for (let i = 0; i < 2e6; i++) x = (x * 1103515245 + 12345) & 0x7fffffff; return [f(24), x, [3, 1, 2].toSorted().join(), new Intl.DateTimeFormat('de', { timeZone: 'UTC' }).format(0)]; },
	async 'inspector'() { const i = new (require('inspector').Session)(); i.connect(); const r = await new Promise((done) => i.post('Runtime.evaluate', { expression: '6*7' }, (e, v) => done(v.result.value))); i.disconnect(); return r; },
	async 'modules: import(), JSON, cycles'() { fs.writeFileSync(at('m.mjs'), 'import { b } from "./n.mjs"; export const a = () => b() + 1;'); fs.writeFileSync(at('n.mjs'), 'import { a } from "./m.mjs"; export const b = () => typeof a === "function" ? 41 : 0;'); return (await import(at('m.mjs'))).a(); },
	async 'the test runner'() { fs.writeFileSync(at('t.test.js'), 'const t = require("node:test"); t("a", () => {}); t("b", async () => { await new Promise((r) => setTimeout(r, 20)); }); t("c", { skip: true }, () => {});'); const r = spawnSync(process.execPath, ['--test', '--test-reporter=tap', at('t.test.js')], { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: '' } }); return [r.status, (r.stdout.match(/^# (pass|fail|skipped|tests) \d+$/gm) || []).join()]; },
	async 'deep recursion is a RangeError'() { try { (function f() { f(); f(); })(); } catch (e) { return e.name; } },
	async 'performance observer'() { const seen = new Promise((done) => new PerformanceObserver((l) => done(l.getEntries().length)).observe({ entryTypes: ['measure'] })); performance.mark('a'); performance.measure('m', 'a'); return seen; },
	async 'stdout to a pipe is whole'() { return spawnSync(process.execPath, ['-e', 'process.stdout.write("x".repeat(1e6)); process.exitCode = 4'], { maxBuffer: 2e6 }).stdout.length; },
};

// What the processes that the checks start do.
const roles = {
	child() { process.on('message', ({ n }) => process.send(n * 2 + 2)); },
	'child-echo'() { process.on('message', (m) => process.send(m)); },
	'child-server'() { process.on('message', (m, server) => { server.on('connection', (c) => c.end('from the child')); process.send('ready'); }); },
	async cluster() {
		if (!cluster.isPrimary) { http.createServer((q, r) => r.end(String(cluster.worker.id))).listen(34461, '127.0.0.1'); return; }
		cluster.fork(); cluster.fork(); let up = 0; await new Promise((done) => cluster.on('listening', () => ++up === 2 && done()));
		const seen = new Set(); for (let i = 0; i < 20; i++) seen.add(await new Promise((done, no) => http.get({ port: 34461, host: '127.0.0.1', agent: false }, async (r) => done(String(await all(r)))).on('error', no)));
		for (const w of Object.values(cluster.workers)) w.disconnect();
		await Promise.all(Object.values(cluster.workers).map((w) => once(w, 'exit'))); console.log([...seen].sort().join());
	},
};

(async () => {
	if (roles[part]) return roles[part]();
	for (const [name, check] of Object.entries(parts[part])) {
		let outcome, timer;
		const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error('time-out')), 40000); });
		try { outcome = JSON.stringify(await Promise.race([check(), late])); } catch (e) { outcome = 'error:' + (e.code || e.message); console.error(name, e); }
		clearTimeout(timer); console.error(name, outcome);
		fs.writeSync(fd, `${md5(String(outcome)).slice(0, 8)} ${part}: ${name}\n`);
	}
	process.exit(0);
})();
