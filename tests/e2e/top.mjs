// SPDX-License-Identifier: ISC
// `tally status` and `tally top`, on a terminal of their own: what they show of a real node and of
// one with much to show, in 80 columns and other sizes, and that the terminal is as it was before,
// however they end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { ROOT, binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { SLOW, finish, must, seconds, test } from './harness.mjs';

const dir = scratch('top');
const program = path.join(binaries(), 'tally');
const [httpPort, wsPort, deadPort] = await freePorts(3);
const url = `http://127.0.0.1:${httpPort}/`;
const started = [];

function run(command, args, env = {}) {
	return new Promise((resolve) => {
		const child = spawn(command, args, {
			env: { ...process.env, TERM: 'xterm', ...env },
		});
		const done = { out: '', err: '' };
		child.stdout.on('data', (data) => (done.out += data));
		child.stderr.on('data', (data) => (done.err += data));
		child.on('close', (code) => resolve({ ...done, code }));
	});
}

const tally = (server, args, env) => run(program, ['--url', server, ...args], env);

// `top` on a terminal; what terminal.py tells of it.
async function onTerminal(server, steps, args = [], env = {}) {
	const timed = steps.map(([what, ...more]) =>
		['wait', 'until', 'end'].includes(what)
			? [what, ...more.slice(0, -1), more.at(-1) * SLOW]
			: [what, ...more],
	);
	const done = await run(
		path.join(ROOT, 'tests/e2e/terminal.py'),
		[JSON.stringify(timed), program, '--url', server, 'top', ...args],
		env,
	);
	assert.equal(done.code, 0, done.err + done.out);
	return JSON.parse(done.out);
}

function isWhole(snap, columns, lines) {
	assert.equal(snap.over, false);
	assert.ok(snap.lines.length <= lines, `${snap.lines.length} lines`);
	for (const line of snap.lines) assert.ok(line.length <= columns, line);
	assert.ok(snap.alt && !snap.cursor);
}

function isRestored(done) {
	assert.ok(done.restored, 'the mode of the terminal');
	assert.ok(!done.alt && done.cursor, done.raw.slice(-200));
}

async function launch() {
	const args = ['--standalone', '--data', path.join(dir, 'data'), '--close-every', '200'];
	const ports = ['--http', String(httpPort), '--ws', String(wsPort)];
	const node = start(
		path.join(binaries(), 'tallyd'),
		[...args, ...ports],
		path.join(dir, 'output'),
	);
	started.push(node);
	await until('it answers', seconds(5), () => rpc(url, 'server_info', {}, 500), 20);
	return node;
}

// ---- a server with much to show

const share = (agreed, missed, wrong) => ({
	ledgers: agreed + missed + wrong,
	...{ agreed, missed, wrong },
	agreement: agreed / (agreed + missed + wrong),
});
const names = (n, one) => Array.from({ length: n }, (_, i) => one(i));
const big = {
	version: '9.9.9-with-a-long-name-of-its-own',
	network_id: 4294967295,
	server_state: 'proposing',
	uptime_ms: 123456789000,
	health: {
		status: 'unhealthy',
		reasons: [
			'ledger_age',
			'peers',
			'disk',
			'loop',
			'clock',
			'unl_expired',
			'memory',
			'rpc',
		],
		warnings: ['disk_low \u001b[31m\u009b2J'],
	},
	ledger: {
		validated_index: 4294967295,
		hash: 'AB'.repeat(32),
		age_ms: 123456,
		interval_ms_last: 4000,
		interval_ms_p50: 4001,
		interval_ms_p99: 99999,
		first_index: 1,
	},
	consensus: { phase: 'establish', mode: 'wrong_ledger', present: 34, unl: 35, quorum: 28 },
	validators: names(35, (i) => ({
		key: `n${String(i).padStart(2, '0')}${'K'.repeat(49)}`,
		self: i === 3,
		disabled: i === 4,
		last_index: 4294967295 - i,
		hour:
			i === 9
				? { ledgers: 0, agreed: 0, missed: 0, wrong: 0 }
				: share(900, i, i % 3),
		day: share(21000, 10 * i, i),
	})),
	peers: names(60, (i) => ({
		address: `[2001:0db8:85a3:0000:0000:8a2e:0370:${7000 + i}]:51235`,
		key: `n9${'P'.repeat(50)}`,
		inbound: i % 2 === 0,
		rtt_ms: i === 5 ? -1 : 1000 * i,
		bytes_in: 1e15,
		bytes_out: i,
		uptime_s: 1e9,
	})),
	transactions: {
		open: 20000,
		queued: 20000,
		queue_max: 20000,
		received: 1e12,
		validated: 1e12,
	},
	load: {
		cpu_us: 1e12,
		rss_bytes: 1e12,
		descriptors: 1000000,
		descriptors_max: 1000000,
		connections: 12000,
		connections_max: 12000,
		websockets: 12000,
		subscribers: 12000,
		requests: 1e15,
		bytes_out: 1e15,
		requests_by_method: Object.fromEntries(
			names(50, (i) => [
				`a_method_with_a_long_name_${i}`,
				{ count: 1e12 + i, errors: 1e11, p50_us: 100 * i, p99_us: 1e9 },
			]),
		),
	},
	disk: { stage: 'not_validating', free_bytes: 1e15, total_bytes: 1e18, data_bytes: 1e15 },
};

let asked = 0;
let report = big;
const fake = http.createServer((request, response) => {
	asked++;
	response.setHeader('Content-Type', 'application/json');
	request.resume().on('end', () => {
		const grown = structuredClone(report);
		grown.uptime_ms += 1000 * asked;
		grown.load.requests += 5000 * asked;
		grown.load.requests_by_method.a_method_with_a_long_name_7.count += 4321 * asked;
		response.end(JSON.stringify({ result: { info: grown, status: 'success' } }));
	});
});
await new Promise((resolve) => fake.listen(0, '127.0.0.1', resolve));
const fakeUrl = `http://127.0.0.1:${fake.address().port}/`;

fs.mkdirSync(dir, { recursive: true });
process.on('exit', (code) => {
	started.forEach((one) => signal(one, 'SIGKILL'));
	if (code === 0) fs.rmSync(dir, { recursive: true, force: true });
});

let node;
await must('a standalone server', 10, async () => {
	node = await launch();
});

await test('status: words, JSON, exit codes', 15, async () => {
	const words = await tally(url, ['status']);
	assert.equal(words.code, 0, words.err);
	assert.match(words.out, /^node +healthy, network 0$/m);
	assert.match(words.out, /^state +full, up \d\d:\d\d:\d\d$/m);
	assert.match(words.out, /^validated +\d+ [0-9A-F]{16}, \d\.\d s old/m);
	const json = await tally(url, ['status', '--json']);
	const { healthy, info } = JSON.parse(json.out);
	assert.ok(healthy && info.ledger.validated_index >= 1 && info.load.requests >= 1);
	const bad = await tally(fakeUrl, ['status']);
	assert.equal(bad.code, 1);
	assert.match(bad.out, /^node +NOT HEALTHY, network 4294967295$/m);
	assert.match(bad.out, /^because +ledger_age, peers, disk/m);
	assert.match(bad.out, /^agreement +35 validators, the least 9\d\.\d\d % by n34K/m);
	assert.match(bad.out, /^warnings +disk_low \?\[31m\?+2J$/m);
	for (const line of bad.out.split('\n')) assert.ok(line.length <= 80, line);
	const dead = await tally(`http://127.0.0.1:${deadPort}/`, ['status']);
	assert.equal(dead.code, 2);
	assert.match(dead.err, /connect/);
	assert.equal((await tally(url, ['status', 'of', 'what'])).code, 64);
});

await test('top on 80 columns: it updates, q gives the terminal back', 20, async () => {
	const done = await onTerminal(url, [
		['until', 'METHOD', 5],
		['snap'],
		['wait', 1.6],
		['snap'],
		['key', 'q'],
		['end', 5],
	]);
	const [first, second] = done.snaps;
	isWhole(first, 80, 24);
	isWhole(second, 80, 24);
	const ledger = (snap) => Number(/^ledger +(\d+) /m.exec(snap.lines.join('\n'))[1]);
	assert.ok(ledger(second) > ledger(first));
	assert.match(second.lines.join('\n'), /^status +[\d.]+\/s +0\/s +\d+ +\d+ us/m);
	assert.ok(second.styles.length > 1);
	assert.equal(done.code, 0);
	isRestored(done);
});

await test('top with much to show, and other sizes', 30, async () => {
	const sizes = [
		[80, 24],
		[40, 10],
		[120, 200],
		[20, 3],
		[80, 24],
	];
	const done = await onTerminal(fakeUrl, [
		['until', 'VALIDATOR', 5],
		...sizes.flatMap(([columns, lines]) => [
			['size', columns, lines],
			['wait', 0.4],
			['snap'],
		]),
		['key', 'q'],
		['end', 5],
	]);
	done.snaps.forEach((snap, i) => isWhole(snap, ...sizes[i]));
	const text = done.snaps[0].lines.join('\n');
	assert.equal(done.snaps[0].lines.length, 24);
	assert.match(text, /^node +NOT HEALTHY/m);
	assert.match(text, /^VALIDATOR \d\/35 +LAST +HOUR +DAY +MISSED +WRONG$/m);
	assert.match(text, /^n34KKKKKKKKK\.\.\. +4294967261 +96\.\d\d %/m);
	assert.match(text, /^PEER \d\/60/m);
	assert.match(text, /^a_method_with_a_long_nam +\d+\/s/m);
	assert.match(text, /^requests +\d+\/s/m);
	assert.equal(done.snaps[2].lines.length > 140, true);
	const all = done.snaps[2].lines.join('\n');
	assert.match(all, /^n09KKKKKKKKK\.\.\. +4294967286 +- +\S+ % +0 +0$/m);
	assert.match(all, /^n03K\S+ +self/m);
	assert.match(all, /^n04K\S+ +disabled/m);
	isRestored(done);
	assert.equal(done.raw.includes('[31m\u009b'), false);
});

await test('the terminal is given back on every way out', 40, async () => {
	const ways = [
		[[['key', '\x03']], { code: 0 }],
		[[['signal', 'SIGTERM']], { code: 0 }],
		[[['signal', 'SIGHUP']], { code: 0 }],
		[[['signal', 'SIGQUIT']], { signal: 3 }],
		[[['signal', 'SIGABRT']], { signal: 6 }],
		[[['signal', 'SIGSEGV']], {}],
	];
	await Promise.all(
		ways.map(async ([way, wanted]) => {
			const all = [['until', 'METHOD', 5], ['snap'], ...way, ['end', 5]];
			const done = await onTerminal(url, all);
			isWhole(done.snaps[0], 80, 24);
			isRestored(done);
			for (const [key, value] of Object.entries(wanted))
				assert.equal(done[key], value, JSON.stringify(way));
			assert.ok(done.code !== null || done.signal !== null);
		}),
	);
});

await test('stopped by ^Z it gives it back, and goes on', 20, async () => {
	const done = await onTerminal(url, [
		['until', 'METHOD', 5],
		['key', '\x1a'],
		['wait', 0.5],
		['snap'],
		['signal', 'SIGCONT'],
		['wait', 1.5],
		['snap'],
		['key', 'q'],
		['end', 5],
	]);
	assert.ok(done.stopped);
	assert.ok(!done.snaps[0].alt && done.snaps[0].cursor);
	isWhole(done.snaps[1], 80, 24);
	assert.equal(done.code, 0);
	isRestored(done);
});

await test('a server that goes away and comes back', 30, async () => {
	const watching = onTerminal(url, [
		['until', 'METHOD', 5],
		['until', 'NO ANSWER', 10],
		['snap'],
		['until', 'ledger', 10],
		['wait', 2.5],
		['snap'],
		['key', 'q'],
		['end', 5],
	]);
	await until('it is shown', seconds(5), () => rpc(url, 'get_counts'), 50);
	await new Promise((resolve) => setTimeout(resolve, seconds(1)));
	assert.equal(await stop([node]), 0);
	await new Promise((resolve) => setTimeout(resolve, seconds(1.5)));
	node = await launch();
	const done = await watching;
	assert.match(done.snaps[0].lines[1], /^NO ANSWER for \d+ s/);
	assert.equal(done.snaps[1].lines.join('\n').includes('NO ANSWER'), false);
	isRestored(done);
});

await test('without colour, without a terminal, and once', 20, async () => {
	const quit = [['until', 'METHOD', 5], ['snap'], ['key', 'q'], ['end', 5]];
	for (const [args, env] of [
		[['--no-color'], {}],
		[[], { NO_COLOR: '1' }],
	]) {
		const done = await onTerminal(url, quit, args, env);
		assert.deepEqual(done.snaps[0].styles, []);
		isRestored(done);
	}
	const dumb = await onTerminal(url, [['end', 5]], [], { TERM: 'dumb' });
	assert.equal(dumb.code, 1);
	assert.match(dumb.raw, /--once/);
	const none = await tally(url, ['top']);
	assert.equal(none.code, 1);
	assert.match(none.err, /no terminal; --once/);
	const once = await tally(fakeUrl, ['top', '--once'], { COLUMNS: '80', LINES: '24' });
	assert.equal(once.code, 0);
	assert.equal(once.out.trimEnd().split('\n').length, 24);
	for (const line of once.out.split('\n')) assert.ok(/^[ -~]{0,80}$/.test(line), line);
	const dead = await tally(`http://127.0.0.1:${deadPort}/`, ['top', '--once']);
	assert.equal(dead.code, 6);
	assert.equal((await tally(url, ['top', '--every', '0'])).code, 64);
});

await test('log-level', 10, async () => {
	assert.match((await tally(url, ['log-level'])).out, /^base +Info\n/);
	assert.match((await tally(url, ['log-level', 'net', 'debug'])).out, /^net +Debug$/m);
	assert.match((await tally(url, ['log-level', 'warn'])).out, /^net +Warning$/m);
	assert.equal((await tally(url, ['log-level', 'nowhere', 'debug'])).code, 1);
	assert.equal((await tally(url, ['log-level', 'loud'])).code, 1);
});

fake.close();
await stop(started);
await finish();
