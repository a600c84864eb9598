// SPDX-License-Identifier: ISC
// What nodes write into their logs: JSON lines that say what happened, levels that change while the
// node runs, rotation, requests that take long, a log that nobody reads. And what they never write:
// a secret, whatever a client sends, in text and in JSON.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { WebSocket } from '../../tools/js/clients.mjs';
import { ROOT, binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('logs');
const tallyd = path.join(binaries(), 'tallyd');
const tally = (...args) =>
	execFileSync(path.join(binaries(), 'tally'), args, { encoding: 'utf8' }).trim();
const started = [];

// Secrets of all kinds, each recognisable, none of them a real one of this node.
const PLANT = {
	seed: 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb',
	seed_hex: 'DEDCE9CE67B451D852FD4E846FCDE31C',
	passphrase: 'PLANTED-pass-phrase',
	key: 'PLANTED-a-secret-key',
	token: 'PLANTED-bearer-token',
	cookie: 'PLANTED-cookie',
	idempotency: 'PLANTED-idempotency-key',
	url_password: 'PLANTED-url-password',
	url_token: 'PLANTED-url-token',
	name: 'PLANTED-method-name',
	path: 'PLANTED-path',
};

const siteUrl = (port) => `https://me:${PLANT.url_password}@127.0.0.1:${port}/?${PLANT.url_token}`;

class Node {
	constructor(name, ports, log) {
		this.name = name;
		this.dir = path.join(dir, name);
		[this.http, this.admin, this.site] = ports;
		fs.mkdirSync(this.dir);
		const key = tally('validator-keys', '--out', this.file('validator.key'));
		const made = tally('--json', 'master', 'create', '--out', this.file('publisher'));
		const publisher = JSON.parse(made).public_key_hex;
		const token = this.file('publisher.token');
		tally('master', 'token', this.file('publisher'), '--out', token);
		const list = ['--sequence', '1', '--out', this.file('list')];
		tally('list', 'make', key, '--token', token, ...list);
		tally('genesis', '--network-id', '21337', '--out', this.file('genesis'));
		const url = siteUrl(this.site);
		fs.writeFileSync(
			this.file('tallyd.ini'),
			[
				'[node]\ndata_dir = data\ngenesis = genesis',
				`[log]\n${log}`,
				'[validator]\nkey_file = validator.key',
				`[unl]\nkey = ${key}\npublisher = ${publisher}`,
				`list = list\nsite = ${url}`,
				`[http]\nlisten = 127.0.0.1:${this.http}`,
				`[admin]\nlisten = 127.0.0.1:${this.admin}`,
				'[disk]\nstop_below_percent = 0\nstop_below_bytes = 0',
			].join('\n') + '\n',
		);
	}

	file = (name) => path.join(this.dir, name);
	text = (name = 'log') =>
		fs.existsSync(this.file(name)) ? fs.readFileSync(this.file(name), 'utf8') : '';
	lines = (name = 'log') =>
		this.text(name)
			.split('\n')
			.slice(0, -1)
			.map((line) => JSON.parse(line));

	async start() {
		const args = ['--config', this.file('tallyd.ini')];
		this.process = start(tallyd, args, this.file('output'));
		started.push(this.process);
		await until('it answers', seconds(10), () => this.call('ping'), 50);
	}

	headers() {
		const token = this.file('data/admin.token');
		if (!fs.existsSync(token)) return {};
		return { Authorization: `Bearer ${fs.readFileSync(token, 'utf8').trim()}` };
	}

	async call(method, params = {}) {
		const answer = await fetch(`http://127.0.0.1:${this.admin}/`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', ...this.headers() },
			body: JSON.stringify({ method, params: [params] }),
			signal: AbortSignal.timeout(seconds(5)),
		});
		const { result } = await answer.json();
		if (result.error) throw new Error(`${method}: ${result.error}`);
		return result;
	}
}

fs.mkdirSync(dir, { recursive: true });
process.on('exit', (code) => {
	started.forEach((one) => signal(one, 'SIGKILL'));
	if (code === 0) fs.rmSync(dir, { recursive: true, force: true });
});

const ports = await freePorts(6);
let json;
let text;

await must('two nodes, one with JSON lines', 20, async () => {
	json = new Node('json', ports.slice(0, 3), 'file = log\nformat = json\nslow_ms = 0');
	text = new Node('text', ports.slice(3), 'file = log\nlevel = warn\nareas = net:debug');
	await Promise.all([json.start(), text.start()]);
});

await test('start, ledgers and listeners are lines with fields', 20, async () => {
	const ledger = await until(
		'a ledger in the log',
		seconds(15),
		() => json.lines().find((l) => l.msg === 'ledger validated' && l.seq > 2),
		100,
	);
	for (const line of json.lines()) {
		assert.match(line.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
		assert.ok(['error', 'warn', 'info'].includes(line.level), line.level);
		assert.match(line.area, /^[a-z]+$/);
		assert.ok(line.msg.length > 3);
	}
	assert.match(ledger.hash, /^[0-9A-F]{64}$/);
	for (const key of ['close_time', 'proposers', 'round_ms', 'peers', 'open', 'queued'])
		assert.equal(typeof ledger[key], 'number', key);
	const first = json.lines().find((l) => l.msg === 'started');
	assert.equal(first.pid, json.process.pid);
	assert.equal(first.network, 21337);
	assert.equal(first.role, 'validator');
	assert.ok(json.lines().find((l) => l.msg === 'limits').descriptors >= 64);
	assert.equal(text.text().includes(' INFO '), false);
});

await test('levels change while the node runs, by area', 20, async () => {
	const { levels } = await text.call('log_level');
	assert.equal(levels.base.toLowerCase(), 'warning');
	assert.equal(levels.net.toLowerCase(), 'debug');
	assert.equal(levels.node.toLowerCase(), 'warning');
	assert.equal(text.text().includes('ledger validated'), false);
	await text.call('log_level', { severity: 'info', partition: 'node' });
	const said = () => text.text().includes('INFO  node: ledger validated seq=');
	await until('a ledger in the text', seconds(15), said, 100);
	assert.equal(text.text().includes('DEBUG rpc'), false);
	await text.call('log_level', { severity: 'debug' });
	await text.call('ping');
	const request = /DEBUG rpc: request method=ping us=\d+ address=127\.0\.0\.1 over=http/;
	await until('requests in the text', seconds(5), () => request.test(text.text()), 50);
	await until('rounds too', seconds(10), () => /DEBUG node: round phase=/.test(text.text()));
	await assert.rejects(text.call('log_level', { severity: 'loud' }), /invalidParams/);
});

await test('SIGHUP and logrotate open the file anew', 20, async () => {
	fs.renameSync(json.file('log'), json.file('log.1'));
	signal(json.process, 'SIGHUP');
	await until('the new file', seconds(5), () => json.text().includes('SIGHUP'), 50);
	fs.renameSync(json.file('log'), json.file('log.2'));
	assert.ok((await json.call('logrotate')).message);
	await until(
		'a ledger in it',
		seconds(15),
		() => json.lines().some((l) => l.msg === 'ledger validated'),
		100,
	);
	const all = ['log.1', 'log.2', 'log'].flatMap((name) => json.lines(name));
	const seqs = all.filter((l) => l.msg === 'ledger validated').map((l) => l.seq);
	seqs.forEach((seq, i) => assert.equal(seq, seqs[0] + i)); /* none lost, none twice */
	fs.renameSync(json.file('log'), json.file('log.3'));
	fs.mkdirSync(json.file('log'));
	signal(json.process, 'SIGHUP');
	const says = () => /SIGHUP: .*Is a directory/.test(json.text('log.3'));
	await until('it goes on with the old one', seconds(5), says, 50);
	fs.rmdirSync(json.file('log'));
	signal(json.process, 'SIGHUP');
	await until('and the new one', seconds(5), () => fs.existsSync(json.file('log')), 50);
});

// ---- secrets

const methods = [
	...fs
		.readFileSync(path.join(ROOT, 'src/rpc/methods.def'), 'utf8')
		.matchAll(/^M\("(\w+)"/gm),
]
	.map(([, name]) => name)
	.filter((name) => name !== 'stop');

const ACCOUNT = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
const payment = {
	TransactionType: 'Payment',
	Account: ACCOUNT,
	Destination: 'r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59',
	Amount: '25000000',
};
const ready = { ...payment, Sequence: 1, Fee: '30', NetworkID: 21337, SigningPubKey: '' };
const url = `http://me:${PLANT.url_password}@127.0.0.1:1/?${PLANT.url_token}`;

// Parameters that are right for some method, wrong for others.
const params = [
	{ secret: PLANT.seed, tx_json: payment },
	{ seed: PLANT.seed, key_type: 'secp256k1', tx_json: payment, offline: true },
	{ seed_hex: PLANT.seed_hex, key_type: 'ed25519', tx_json: payment },
	{ passphrase: PLANT.passphrase, key_type: 'ed25519', tx_json: payment },
	{ passphrase: PLANT.passphrase, secret: PLANT.key, seed: PLANT.key },
	{ account: 'rnUy2SHTrB9DubsPmkJZUXTf5FcNDGrYEA', secret: PLANT.seed, tx_json: ready },
	{
		account: ACCOUNT,
		secret: PLANT.seed,
		tx_json: { ...ready, Account: payment.Destination },
	},
	{ secret: PLANT.seed, tx_json: payment, signature_target: PLANT.key },
	{ secret: PLANT.seed, tx_json: { ...ready, [PLANT.key]: PLANT.key } },
	{ tx_json: { ...ready, Signers: [{ Signer: { Account: PLANT.key } }] } },
	{ secret: PLANT.key, tx_json: { ...payment, Account: PLANT.key } },
	{ seed: { in: PLANT.seed }, passphrase: [PLANT.passphrase], secret: 7 },
	{ secret: PLANT.seed, channel_id: 'A'.repeat(64), amount: '1', key_type: 'secp256k1' },
	{ url, url_username: 'me', url_password: PLANT.url_password, streams: ['ledger'] },
	{ url: `ftp://me:${PLANT.url_password}@x/`, url_password: PLANT.url_password },
	{ severity: PLANT.key, partition: PLANT.key, severities: PLANT.key },
	{ account: PLANT.seed, ledger_hash: PLANT.key, transaction: PLANT.key, tx_blob: PLANT.key },
];

const bodies = [
	...methods.flatMap((method) => params.map((p) => [method, p])),
	[PLANT.name, { passphrase: PLANT.passphrase }],
	['sign', PLANT.passphrase],
];
const broken = [
	`{"method":"sign","params":[{"secret":"${PLANT.seed}"`,
	`{"method":"sign","params":[{"secret":"${PLANT.seed}","secret":"${PLANT.key}"}]}`,
	`{"command":"sign","secret":"${PLANT.seed}","secret":"${PLANT.key}"}`,
	PLANT.passphrase,
	`"${PLANT.passphrase}"`,
	`{"method":{"x":"${PLANT.passphrase}"}}`,
	`${'['.repeat(200)}"${PLANT.passphrase}"`,
];

const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

function post(port, body, headers = {}) {
	return new Promise((resolve) => {
		const request = http.request(
			{
				host: '127.0.0.1',
				port,
				agent,
				method: 'POST',
				path: `/?${PLANT.path}`,
				headers: {
					'Idempotency-Key': PLANT.idempotency,
					Authorization: `Bearer ${PLANT.token}`,
					Cookie: PLANT.cookie,
					...headers,
				},
			},
			(answer) => answer.resume().on('end', () => resolve(answer.statusCode)),
		);
		request.on('error', () => resolve(0));
		request.end(body);
	});
}

// Everything over HTTP, with the right credential and with a planted one, on both listeners.
async function overHttp(node) {
	const texts = bodies
		.map(([method, p]) => JSON.stringify({ method, params: [p] }))
		.concat(broken);
	let good = 0;
	const one = async (body) => {
		const admin = await post(node.admin, body, node.headers());
		await post(node.http, body);
		good += admin === 200;
	};
	await post(node.admin, texts[0]);
	await post(node.admin, texts[0], { Authorization: `Basic ${PLANT.token}` });
	await post(node.admin, texts[0], { Host: PLANT.token, Origin: PLANT.token });
	await post(node.http, texts[0], { 'Content-Type': PLANT.token, Expect: PLANT.token });
	while (texts.length) await Promise.all(texts.splice(0, 8).map(one));
	return good;
}

async function overWebSocket(node) {
	const texts = bodies
		.map(([command, p], id) => JSON.stringify({ id, command, ...p }))
		.concat(broken);
	const ws = new WebSocket(`ws://127.0.0.1:${node.admin}/?${PLANT.path}`, {
		headers: { Cookie: PLANT.cookie, ...node.headers() },
	});
	let answers = 0;
	ws.on('message', (data) => (answers += /"type":"(response|error)"/.test(data)));
	await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject));
	texts.forEach((body) => ws.send(body));
	await until('all are answered', seconds(20), () => answers >= texts.length, 50);
	ws.close();
	const refused = new WebSocket(`ws://127.0.0.1:${node.admin}/${PLANT.path}`, {
		headers: { Authorization: `Bearer ${PLANT.token}` },
	});
	await new Promise((resolve) => refused.on('error', resolve).on('open', resolve));
	refused.terminate();
}

function noSecrets(node) {
	for (const name of fs.readdirSync(node.dir).filter((n) => /^(log|output)/.test(n))) {
		const said = fs.readFileSync(node.file(name), 'utf8');
		for (const [what, secret] of Object.entries({
			...PLANT,
			token_of_the_node: node.headers().Authorization?.slice(7) ?? PLANT.token,
			key_file:
				/"(?:seed|secret|key)[^:]*: *"([^"]+)/.exec(
					fs.readFileSync(node.file('validator.key'), 'utf8'),
				)?.[1] ?? PLANT.key,
		})) {
			const at = said.indexOf(secret);
			assert.equal(
				at,
				-1,
				`${what} in ${name}: ${said.slice(at - 200, at + 50)}`,
			);
		}
	}
}

await test('no secret reaches a log, whatever is sent', 60, async () => {
	for (const node of [json, text]) {
		await node.call('log_level', { severity: 'debug' });
		assert.ok((await overHttp(node)) > 500);
		await overWebSocket(node);
	}
	const first = json.lines('log.1').find((l) => l.area === 'lists' && /connect/.test(l.msg));
	assert.match(first.msg, /^https:\/\/127\.0\.0\.1:\d+\/: /);
	const requests = json.lines().filter((l) => l.msg === 'request');
	for (const method of methods)
		assert.ok(
			requests.some((l) => l.method === method && l.over === 'http') &&
				requests.some((l) => l.method === method && l.over === 'websocket'),
			`${method} was not logged at all`,
		);
	const wrong = json.lines().filter((l) => l.msg === 'client refused');
	assert.ok(wrong.some((l) => l.address === '127.0.0.1' && /token/.test(l.reason)));
	assert.ok(requests.some((l) => l.method === 'ledger_data' && l.ledger > 2));
	noSecrets(json);
	noSecrets(text);
	return `${methods.length} methods, ${bodies.length + broken.length} bodies, 4 ways`;
});

await test('the end is said', 20, async () => {
	assert.equal(await stop([json.process, text.process]), 0);
	assert.equal(json.lines().pop().msg, 'stopped');
	assert.equal(json.lines().pop().exit_code, 0);
	assert.match(text.text(), /tallyd: stopped exit_code=0\n$/);
	noSecrets(json);
	noSecrets(text);
});

await test('slow requests are logged by name', 20, async () => {
	const file = json.file('tallyd.ini');
	const config = fs.readFileSync(file, 'utf8');
	fs.writeFileSync(file, config.replace('slow_ms = 0', 'slow_ms = 1'));
	fs.rmSync(json.file('log'));
	await json.start();
	const many = { data: 'x'.repeat(50000) };
	const slow = () => json.lines().find((l) => l.msg === 'slow request');
	await until('one is slow', seconds(15), () =>
		json.call('server_definitions', many).then(slow),
	);
	const line = slow();
	assert.ok(line.us >= 1000 && line.bytes > 1000 && line.level === 'warn');
	assert.ok(methods.includes(line.method));
	assert.equal(line.address, '127.0.0.1');
});

await test('a log that nobody reads holds nobody up', 30, async () => {
	assert.equal(await stop([json.process]), 0);
	const file = json.file('tallyd.ini');
	const config = fs.readFileSync(file, 'utf8').replace('file = log\n', 'level = debug\n');
	fs.writeFileSync(file, config);
	// A pipe whose other end is held open and not read.
	const node = spawn(tallyd, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
	node.stderr.pause();
	process.on('exit', () => node.kill('SIGKILL'));
	const ended = new Promise((resolve) => node.on('close', resolve));
	await until('it answers', seconds(10), () => json.call('ping'), 50);
	const began = Date.now();
	const ping = JSON.stringify({ method: 'ping', params: [{}] });
	const ask = () => post(json.admin, ping, json.headers());
	for (let i = 0; i < 1500; i++) await Promise.all([ask(), ask(), ask(), ask()]);
	const took = Date.now() - began;
	const { info } = await json.call('server_info');
	assert.ok(info.validated_ledger.age < 10);
	node.kill('SIGTERM');
	let said = '';
	setTimeout(() => node.stderr.on('data', (data) => (said += data)).resume(), 300);
	assert.equal(await ended, 0);
	assert.match(said, /lines of the log were lost[^\n]*"lines":\d+/);
	return `6000 requests in ${took} ms`;
});

assert.ok(!alive(text.process));
await stop(started.filter(alive));
await finish();
