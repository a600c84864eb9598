// SPDX-License-Identifier: ISC
// What happens to clients that ask too much: a warning, 429 or slowDown, refusal, and nobody else
// notices. Loopback counts here, and every client has an address of its own in 127.0.0.0/8.
import assert from 'node:assert/strict';
import http from 'node:http';
import { WebSocket } from '../../tools/js/clients.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

let net;
let account;
let port;
let servedFrom;

// One POST from an address; resolves to { status, headers, body }, or { error }.
function post(from, agent, body) {
	return new Promise((resolve) => {
		const request = http.request(
			{ host: '127.0.0.1', port, method: 'POST', localAddress: from, agent },
			(answer) => {
				let text = '';
				answer.on('data', (piece) => (text += piece));
				answer.on('end', () =>
					resolve({
						status: answer.statusCode,
						headers: answer.headers,
						body: text,
					}),
				);
			},
		);
		request.on('error', (error) => resolve({ error: error.code ?? error.message }));
		request.end(JSON.stringify(body()));
	});
}

const call = (method, params = {}) => ({ method, params: [params] });
const heavy = () => call('gateway_balances', { account });
const light = () => call('account_info', { account });
const agentOf = (n) => new http.Agent({ keepAlive: true, maxSockets: n });

// Asks until `enough` says so; at most `most` times, 20 at once.
async function press(from, body, most, enough) {
	const agent = agentOf(20);
	const seen = [];
	for (let n = 0; n < most && !seen.some(enough); n += 20)
		seen.push(
			...(await Promise.all(
				Array.from({ length: 20 }, () => post(from, agent, body)),
			)),
		);
	agent.destroy();
	return seen;
}

await must('a network that limits loopback clients', 30, async () => {
	net = await network('limits', {
		count: 1,
		config: { limits: { loopback: 'yes', warn_at: 1000, drop_at: 5000 } },
	});
	port = net.nodes[0].ports.http;
	account = net.state.faucet.address;
});

await test('who asks a little is told nothing', 10, async () => {
	const seen = await press('127.0.1.1', light, 200, () => false);
	assert.equal(seen.length, 200);
	for (const one of seen) {
		assert.equal(one.status, 200);
		assert.equal(JSON.parse(one.body).result.warning, undefined);
		assert.equal(one.headers['retry-after'], undefined);
	}
});

await test('who asks much is warned, then gets 429 with what to do', 20, async () => {
	const seen = await press('127.0.1.2', heavy, 400, (one) => one.status === 429);
	const warned = seen.filter(
		(one) => one.status === 200 && /"warning":"load"/.test(one.body),
	);
	assert.ok(warned.length > 0, 'no warning before the first refusal');
	const refused = seen.find((one) => one.status === 429);
	assert.ok(refused, 'never told to slow down');
	assert.match(refused.headers['retry-after'], /^[1-9][0-9]*$/);
	assert.equal(refused.headers['ratelimit-limit'], '100');
	assert.match(refused.headers['ratelimit-remaining'], /^[0-9]+$/);
	assert.match(refused.headers['ratelimit-reset'], /^[0-9]+$/);
	const body = JSON.parse(refused.body);
	assert.equal(body.error, 'slowDown');
	assert.equal(body.error_code, 10);
	assert.equal(body.warning, 'load');
	// Others are served as before.
	const others = await press('127.0.1.3', light, 40, () => false);
	assert.ok(others.every((one) => one.status === 200));
});

await test('who goes on is refused', 20, async () => {
	let seen = await press('127.0.1.4', heavy, 4000, (one) => one.error);
	assert.ok(
		seen.some((one) => one.error === 'ECONNRESET' || one.error === 'EPIPE'),
		`still connected after ${seen.length} requests`,
	);
	const last = seen.filter((one) => one.status === 429).at(-1);
	assert.ok(last);
	assert.equal(last.headers['ratelimit-remaining'], '0');
	seen = await press('127.0.1.4', light, 20, () => false);
	assert.ok(
		seen.every((one) => one.error),
		'a refused address could connect',
	);
	const others = await press('127.0.1.5', light, 40, () => false);
	assert.ok(others.every((one) => one.status === 200));
	assert.ok(Number(last.headers['retry-after']) <= 40);
	servedFrom = Date.now() + Number(last.headers['retry-after']) * 1000;
});

// Opens a WebSocket from an address; collects what comes.
function open(from) {
	return new Promise((resolve, reject) => {
		const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { localAddress: from });
		const got = [];
		const one = { socket, got, closed: undefined };
		socket.on('message', (data) => got.push(JSON.parse(String(data))));
		socket.on(
			'close',
			(code, reason) => (one.closed = { code, reason: String(reason) }),
		);
		socket.on('open', () => resolve(one));
		socket.on('error', reject);
	});
}

await test(
	'a WebSocket is warned, told slowDown with its id, then closed with 1008',
	30,
	async () => {
		const one = await open('127.0.1.6');
		const quiet = await open('127.0.1.7');
		let id = 0;
		quiet.socket.send(JSON.stringify({ id: 1, command: 'ping' }));
		for (let round = 0; round < 400 && !one.closed; round++) {
			for (let i = 0; i < 20 && !one.closed; i++)
				one.socket.send(
					JSON.stringify({
						id: ++id,
						command: 'gateway_balances',
						account,
					}),
				);
			await sleep(2);
		}
		await until('it is closed', seconds(5), () => one.closed);
		assert.deepEqual(one.closed, { code: 1008, reason: 'too much load' });
		assert.ok(one.got.some((m) => m.error !== 'slowDown' && m.warning === 'load'));
		const slow = one.got.find((m) => m.error === 'slowDown');
		assert.ok(slow, 'never told to slow down');
		assert.equal(slow.error_code, 10);
		assert.equal(slow.status, 'error');
		assert.equal(slow.type, 'response');
		assert.equal(typeof slow.id, 'number');
		// Every request up to there has its answer, once.
		assert.equal(new Set(one.got.map((m) => m.id)).size, one.got.length);
		await assert.rejects(open('127.0.1.6'));
		assert.equal(quiet.closed, undefined);
		assert.equal(quiet.got[0].status, 'success');
		quiet.socket.close();
	},
);

await test('administrators are never charged', 20, async () => {
	const url = net.adminUrl(net.nodes[0]);
	for (let n = 0; n < 20; n++) {
		const all = await Promise.all(
			Array.from({ length: 20 }, () => rpc(url, 'gateway_balances', { account })),
		);
		for (const one of all) assert.equal(one.warning, undefined, url);
	}
});

await test('who was refused is served again when Retry-After said', 60, async () => {
	await sleep(servedFrom - Date.now());
	await until('it is served again', seconds(5), async () => {
		const one = await post('127.0.1.4', undefined, light);
		return one.status === 200 || one.status === 429;
	});
});

await finish();
