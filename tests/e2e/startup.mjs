// SPDX-License-Identifier: ISC
// What tallyd says when it cannot start: each failure by its cause, with a word on what to look at,
// and a code that tells a wrong configuration (78) from a start that failed (1).
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until, withToken } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const GENESIS = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
const WRONG_CONFIGURATION = 78;
const NO_START = 1;
const STORE_FAILED = 74;

const dir = scratch('startup');
const file = (name) => path.join(dir, name);
const tallyd = path.join(binaries(), 'tallyd');
const tally = (...args) =>
	execFileSync(path.join(binaries(), 'tally'), args, { encoding: 'utf8' }).trim();
const [peerPort, httpPort, adminPort, otherPeer, otherHttp] = await freePorts(5);
const started = [];
let key;
let node;

function genesis(name, ...more) {
	const all = `${GENESIS}:100000000000000000`;
	tally('genesis', '--out', file(name), '--account', all, ...more);
}

// A configuration, some of it other than usual; a value of undefined leaves the line out.
function configure(name, other = {}) {
	const values = {
		'node data_dir': 'data',
		'node genesis': 'genesis',
		'validator key_file': 'validator.key',
		'unl key': key,
		'peers listen': `127.0.0.1:${peerPort}`,
		'http listen': `127.0.0.1:${httpPort}`,
		'admin listen': `127.0.0.1:${adminPort}`,
		...other,
	};
	const lines = [];
	for (const [where, value] of Object.entries(values)) {
		const [section, name_] = where.split(' ');
		if (value !== undefined) lines.push(`[${section}]`, `${name_} = ${value}`);
	}
	fs.writeFileSync(file(name), lines.join('\n') + '\n');
	return file(name);
}

function run(...args) {
	const done = spawnSync(tallyd, args, { encoding: 'utf8', timeout: seconds(10) });
	return { code: done.status, said: done.stderr + done.stdout, last: lastLine(done.stderr) };
}

const lastLine = (text) => text.trim().split('\n').pop();

// Refused with this code; the last line on standard error says why.
function refused(code, said, other, ...more) {
	const done = run('--config', configure('try.ini', other), ...more);
	assert.equal(done.code, code, done.said);
	assert.match(done.last, said);
	assert.match(done.last, /^tallyd: /);
}

// Ports of its own, and another folder: nothing of the running node is in the way.
const elsewhere = {
	'peers listen': `127.0.0.1:${otherPeer}`,
	'http listen': `127.0.0.1:${otherHttp}`,
	'admin listen': undefined,
};

async function launch(config, port, host = '127.0.0.1') {
	const one = start(tallyd, ['--config', config], file('output'));
	started.push(one);
	await until('it answers', seconds(5), () => rpc(`http://${host}:${port}/`, 'ping'), 20);
	return one;
}

// The status of one answer on a connection of its own, which stays open until all have theirs.
function status(port) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(port, '127.0.0.1');
		const timer = setTimeout(() => socket.destroy(), 3000);
		socket.on('error', reject);
		socket.on('close', () => clearTimeout(timer));
		socket.once('data', (text) => resolve(Number(String(text).split(' ')[1])));
		socket.write(
			'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{"method":"ping"}',
		);
	});
}

fs.mkdirSync(dir, { recursive: true });
process.on('exit', (code) => {
	started.forEach((one) => signal(one, 'SIGKILL'));
	if (code === 0) fs.rmSync(dir, { recursive: true, force: true });
});

await must('a node that runs', 15, async () => {
	key = tally('validator-keys', '--out', file('validator.key'));
	genesis('genesis', '--network-id', '21337');
	node = await launch(configure('node.ini'), httpPort);
});

await test('ports in use are named', 15, async () => {
	const other = { 'node data_dir': 'data2' };
	const inUse = (port) => new RegExp(`${port}.* in use`);
	refused(NO_START, inUse(peerPort), other);
	refused(NO_START, inUse(httpPort), { ...other, 'peers listen': undefined });
	refused(NO_START, inUse(adminPort), {
		...other,
		...elsewhere,
		'admin listen': `127.0.0.1:${adminPort}`,
	});
});

await test('a second node on the same folder learns who has it', 10, async () => {
	refused(NO_START, new RegExp(`another node .*lock.* process ${node.pid}`), elsewhere);
	const standalone = ['--standalone', '--data', file('data'), '--http', '0', '--ws', '0'];
	const done = run(...standalone);
	assert.equal(done.code, NO_START);
	assert.match(done.last, /another node .* process/);
	assert.ok(alive(node));
	assert.equal(await stop([node]), 0);
});

await test('data of another network or genesis is refused and left alone', 15, async () => {
	genesis('id', '--network-id', '21338');
	refused(NO_START, /data of network 21337, configured is 21338/, { 'node genesis': 'id' });
	genesis('fees', '--network-id', '21337', '--reserve', '5');
	refused(NO_START, /another genesis, [0-9A-F]{8}/, { 'node genesis': 'fees' });
	refused(WRONG_CONFIGURATION, /network_id is 5, .*21337/, { 'node network_id': 5 });
	const standalone = run('--standalone', '--http', '0', '--ws', '0', '--data', file('data'));
	assert.equal(standalone.code, NO_START);
	assert.match(standalone.last, /data of network 21337/);
	await stop([await launch(configure('node.ini'), httpPort)]);
	assert.match(tally('verify', file('data')), /sound/);
});

// Rewrites the schema number in every copy of the identity row.
function setSchema(folder, schema) {
	const name = path.join(folder, 'data/data.mdb');
	const bytes = fs.readFileSync(name);
	let found = 0;
	for (let at = bytes.indexOf('identity'); at >= 0; at = bytes.indexOf('identity', at + 1)) {
		if (bytes.readUInt32BE(at + 12) !== 21337) continue;
		bytes.writeUInt32BE(schema, at + 8);
		found++;
	}
	assert.ok(found > 0);
	fs.writeFileSync(name, bytes);
}

await test('data of another schema names the command to run', 15, async () => {
	for (const [schema, said] of [
		[0, /no way/],
		[77, /newer/],
	]) {
		const folder = file(`schema${schema}`);
		fs.cpSync(file('data'), folder, { recursive: true });
		setSchema(folder, schema);
		refused(NO_START, new RegExp(`schema ${schema}, .*run: tally migrate ${folder}$`), {
			'node data_dir': folder,
		});
		const migrate = spawnSync(path.join(binaries(), 'tally'), ['migrate', folder], {
			encoding: 'utf8',
		});
		assert.equal(migrate.status, 1);
		assert.match(migrate.stderr, said);
	}
});

await test('damaged data is refused by the name of the file', 20, async () => {
	const damaged = (name, where, change) => {
		const folder = file(name);
		fs.cpSync(file('data'), folder, { recursive: true });
		const bytes = change(fs.readFileSync(path.join(folder, where)));
		fs.writeFileSync(path.join(folder, where), bytes);
		return { 'node data_dir': name };
	};
	const zero = (bytes) => bytes.fill(0);
	const cut = (bytes) => bytes.subarray(0, 30000);
	const mdb = 'data/data.mdb';
	refused(STORE_FAILED, /cut\/data.*cut short/, damaged('cut', mdb, cut));
	refused(STORE_FAILED, /zeros\/data/, damaged('zeros', mdb, zero));
	refused(STORE_FAILED, /votes.*both slots are damaged/, damaged('votes', 'votes', zero));
	// What is remembered of the genesis is only a short cut.
	const forgot = damaged('forgot', 'genesis', zero);
	const again = await launch(configure('forgot.ini', forgot), httpPort);
	assert.equal(await stop([again]), 0);
});

await test('stages of the disk that make no sense', 10, async () => {
	const wrong = (said, other) => refused(WRONG_CONFIGURATION, said, other);
	wrong(/must not rise/, { 'disk stop_below_percent': 50 });
	wrong(/120 is not between 0 and 99/, { 'disk warn_below_percent': 120 });
	wrong(/whole number/, { 'disk emergency_bytes': '1k' });
});

await test('folders and files that are missing or something else', 15, async () => {
	fs.writeFileSync(file('plain'), 'text');
	const wrong = (said, other) => refused(WRONG_CONFIGURATION, said, other);
	wrong(/data_dir: .*no\/such\/folder: No such file/, { 'node data_dir': 'no/such/folder' });
	wrong(/data_dir: .*plain: not a folder/, { 'node data_dir': 'plain' });
	wrong(/genesis: .*absent: No such file/, { 'node genesis': 'absent' });
	wrong(/genesis: .*not a regular file/, { 'node genesis': '.' });
	wrong(/plain: line 1: .*tally genesis/, { 'node genesis': 'plain' });
	refused(NO_START, /no\/such\/log: No such file/, { 'log file': 'no/such/log' });
	const lines = fs.readFileSync(file('genesis'), 'utf8').split('\n');
	lines.splice(3, 0, 'what = this');
	fs.writeFileSync(file('odd'), lines.join('\n'));
	wrong(/odd: line 4: /, { 'node genesis': 'odd' });
	const done = run('--standalone', '--data', file('no/such'), '--http', '0', '--ws', '0');
	assert.equal(done.code, NO_START);
	assert.match(done.last, /no\/such: No such file/);
});

await test('key files that cannot be trusted', 10, async () => {
	const wrong = (said, other) => refused(WRONG_CONFIGURATION, said, other);
	wrong(/key_file: .*absent: No such file/, { 'validator key_file': 'absent' });
	const text = fs.readFileSync(file('validator.key'), 'utf8');
	const write = (name, content, mode = 0o600) => {
		fs.writeFileSync(file(name), content);
		fs.chmodSync(file(name), mode);
		return { 'validator key_file': name };
	};
	wrong(/key_file: .*others may read it \(mode 640\)/, write('open', text, 0o640));
	wrong(/key_file: .*not a key file/, write('junk', 'junk\n'));
	wrong(/key_file: .*not a key file/, write('none', ''));
	const seed = /^seed = (\S+)$/m.exec(text)[1];
	const typo = seed.slice(0, -1) + (seed.endsWith('x') ? 'y' : 'x');
	wrong(/key_file: .*seed is malformed/, write('typo', text.replace(seed, typo)));
	const other = tally('validator-keys', '--out', file('other.key'));
	wrong(/key_file: .*does not belong/, write('mixed', text.replace(key, other)));
	write('peer', 'junk\n');
	wrong(/\[peers\] key_file: .*not a key file/, { 'peers key_file': 'peer' });
});

await test('addresses: IPv6 in brackets, and what is none', 10, async () => {
	for (const [address, said] of [
		['127.0.0.1', /host:port/],
		['[::1]', /host:port/],
		['::1:5005', /IPv6 .*\[ \]/],
		['[::1]5005', /host:port/],
		['[::1:5005', /\S/],
		['127.0.0.1:65536', /65535/],
		['127.0.0.1:-1', /host:port/],
		['127.0.0.1:80x', /port/],
		['example.com:80', /not an address/],
		['300.0.0.1:80', /not an address/],
		[':80', /host:port/],
	])
		for (const section of ['http', 'peers']) {
			const other = { ...elsewhere, [`${section} listen`]: address };
			const line = section === 'http' ? 12 : 10;
			refused(WRONG_CONFIGURATION, said, other);
			refused(WRONG_CONFIGURATION, new RegExp(`try.ini:${line}: `), other);
		}
	refused(WRONG_CONFIGURATION, /loopback/, { 'admin listen': '0.0.0.0:5005' });
	refused(NO_START, /203.0.113.7 .*no address of this machine/, {
		...elsewhere,
		'http listen': `203.0.113.7:${otherHttp}`,
	});
});

await test('listeners of all kinds on IPv6; one in use there is named', 20, async () => {
	const six = await new Promise((resolve) => {
		const server = net.createServer();
		server.on('error', () => resolve(false));
		server.listen(0, '::1', () => server.close(() => resolve(true)));
	});
	if (!six) return 'skipped: this machine has no IPv6';
	const listeners = {
		'peers listen': `[::1]:${peerPort}`,
		'http listen': `[::1]:${httpPort}`,
		'ws listen': `[::]:${otherHttp}`,
		'admin listen': `[::1]:${adminPort}`,
	};
	const one = await launch(configure('six.ini', listeners), httpPort, '[::1]');
	const admin = withToken(
		`http://[::1]:${adminPort}/`,
		path.join(dir, 'data', 'admin.token'),
	);
	assert.ok((await rpc(admin, 'peers')).peers !== null);
	await rpc(`http://[::1]:${otherHttp}/`, 'ping');
	const taken = { 'node data_dir': 'data2', 'http listen': `[::1]:${httpPort}` };
	refused(NO_START, new RegExp(`${httpPort} .*::1.* in use`), {
		...elsewhere,
		...taken,
	});
	assert.equal(await stop([one]), 0);
	return undefined;
});

await test('open files: refused below what it needs, raised to what it may', 20, async () => {
	const config = configure('few.ini', { ...elsewhere, 'node data_dir': 'data4' });
	const limited = (soft, hard) => [
		...['-c', `ulimit -Sn ${soft} && ulimit -Hn ${hard} && exec "$0" "$@"`],
		...[tallyd, '--config', config],
	];
	const none = spawnSync('sh', limited(64, 64), { encoding: 'utf8', timeout: seconds(10) });
	assert.equal(none.status, NO_START, none.stderr);
	const said = /tallyd: 64 open files are allowed, (\d+) are needed: .*LimitNOFILE$/;
	const [, need] = said.exec(lastLine(none.stderr));
	assert.ok(need > 128 + 42 && need < 256, need);
	for (const [soft, hard] of [
		[256, 256],
		[64, 1024],
	]) {
		const output = file(`few-${hard}`);
		const one = start('sh', limited(soft, hard), output);
		started.push(one);
		const url = `http://127.0.0.1:${otherHttp}/`;
		await until('it answers', seconds(5), () => rpc(url, 'ping'), 20);
		const text = fs.readFileSync(output, 'utf8');
		assert.match(text, new RegExp(`open files: ${hard} allowed`));
		const [, places] = /descriptors allow (\d+) connections/.exec(text);
		assert.ok(Number(places) >= 16 && Number(places) < hard - 170, places);
		// more clients than places: each gets an answer, and none is left without a word
		const answers = await Promise.all(
			Array.from({ length: Number(places) + 8 }, () => status(otherHttp)),
		);
		assert.ok(answers.filter((code) => code === 200).length >= Number(places) - 1);
		assert.deepEqual(
			answers.filter((code) => code !== 200 && code !== 503),
			[],
		);
		await stop([one], seconds(5));
	}
});

await test('what could not start left the data as it was', 15, async () => {
	const again = await launch(configure('node.ini'), httpPort);
	assert.equal(await stop([again]), 0);
	assert.match(tally('verify', file('data')), /sound/);
});

await test('a data file that vanishes from memory ends the node with words', 15, async () => {
	const one = await launch(configure('node.ini'), httpPort);
	signal(one, 'SIGBUS');
	await until('it has ended', seconds(5), () => !alive(one), 20);
	const last = fs.readFileSync(file('output'), 'utf8').trim().split('\n').pop();
	assert.match(last, /SIGBUS.*tally verify/);
});

await test('little of everything: memory, files, the size of one', 20, async () => {
	const under = (limit) =>
		new Promise((resolve) => {
			const command = `ulimit ${limit}; exec timeout 2 "$@"`;
			const args = [
				'--standalone',
				'--http',
				'0',
				'--ws',
				'0',
				'--close-every',
				'300',
			];
			const child = spawn('sh', ['-c', command, 'sh', tallyd, ...args]);
			let said = '';
			child.stderr.on('data', (data) => (said += data));
			child.on('close', (code) => resolve({ code, said }));
		});
	const refused = await under('-n 64');
	assert.equal(refused.code, NO_START);
	assert.match(refused.said, /64 open files are allowed, \d+ are needed.*LimitNOFILE/);
	const wanted = { '-n 256': 'descriptors=256', '-f 16384': 'file_size=' };
	if (!/asan|tsan/.test(tallyd)) wanted['-v 524288'] = 'address_space=536870912';
	await Promise.all(
		Object.entries(wanted).map(async ([limit, limits]) => {
			const { code, said } = await under(limit);
			assert.equal(code, 124, said); // ended by timeout, in order
			assert.ok(said.includes(limits), said);
			assert.match(said, /ledger validated seq=3 /);
			assert.match(said, /stopped exit_code=0/);
		}),
	);
});

await stop(started);
await finish();
