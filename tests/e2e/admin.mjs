// SPDX-License-Identifier: ISC
// How administrators come in: over the Unix socket, or a port that wants the token. Nothing else
// makes a request theirs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { WebSocket, xrpl } from '../../tools/js/clients.mjs';
import { binaries } from '../../tools/js/network.mjs';
import { alive, signal } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';
import { Network, scratch } from '../../tools/js/network.mjs';

const net = new Network(scratch('admin'));
let node;
let token;

const PEERS = JSON.stringify({ method: 'peers', params: [{}] });

// One request: { status, headers, text, took }.
function ask(to, { method = 'POST', headers = {}, body = PEERS } = {}) {
	const began = Date.now();
	return new Promise((resolve, reject) => {
		const request = http.request({ method, agent: false, ...to, headers }, (reply) => {
			let text = '';
			reply.on('data', (some) => (text += some));
			reply.on('end', () =>
				resolve({
					status: reply.statusCode,
					headers: reply.headers,
					text,
					took: Date.now() - began,
				}),
			);
		});
		request.on('error', reject);
		request.end(method === 'POST' ? body : undefined);
	});
}

const onPort = () => ({ host: '127.0.0.1', port: node.ports.admin });
const onSocket = () => ({ socketPath: net.adminSocket(node) });
const isAdmin = (reply) =>
	reply.status === 200 && Array.isArray(JSON.parse(reply.text).result.peers);

function tally(...args) {
	return spawnSync(path.join(binaries(), 'tally'), args, {
		encoding: 'utf8',
		env: { ...process.env, TALLY_URL: '' },
	});
}

const answers = () =>
	until('it answers', seconds(10), () => rpc(net.httpUrl(node), 'ping', {}, 500), 20);

await must('a node', 20, async () => {
	keepTrack(net);
	await net.create({ count: 1 });
	[node] = net.nodes;
	net.startNode(node);
	await answers();
	token = fs.readFileSync(net.adminTokenFile(node), 'utf8').trim();
});

await test('token and socket are private to the owner', 10, async () => {
	assert.match(token, /^[0-9A-F]{64}$/);
	assert.equal(fs.statSync(net.adminTokenFile(node)).mode & 0o777, 0o600);
	const socket = fs.statSync(net.adminSocket(node));
	assert.ok(socket.isSocket());
	assert.equal(socket.mode & 0o777, 0o600);
});

await test('the Unix socket: HTTP, WebSocket, tally', 10, async () => {
	assert.ok(isAdmin(await ask(onSocket())));
	const ws = new WebSocket(`ws+unix://${net.adminSocket(node)}:/`);
	const answer = await new Promise((resolve, reject) => {
		ws.on('error', reject);
		ws.on('message', (data) => resolve(JSON.parse(data)));
		ws.on('open', () => ws.send('{"id":1,"command":"peers"}'));
	});
	assert.equal(answer.status, 'success');
	ws.close();
	for (const how of [
		['--config', net.configFile(node)],
		['--data', path.dirname(net.adminSocket(node))],
		['--socket', net.adminSocket(node)],
	]) {
		const done = tally(...how, 'peers');
		assert.equal(done.status, 0, done.stderr);
		assert.match(done.stdout, /no peers/);
	}
});

await test('the port refuses who does not show the token, after a while', 20, async () => {
	const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`;
	const wrong = [
		undefined,
		'Bearer',
		`Bearer ${token.slice(1)}`,
		`Bearer ${token}0`,
		token,
		basic('admin:'),
		basic(`admin:${token.slice(1)}x`),
		basic(token),
	];
	const all = await Promise.all(
		wrong.map((one) => ask(onPort(), { headers: one ? { Authorization: one } : {} })),
	);
	for (const reply of all) {
		assert.equal(reply.status, 401);
		assert.match(reply.headers['www-authenticate'], /Bearer.*Basic/);
		assert.ok(reply.took >= 400, `${reply.took} ms`);
		assert.ok(!reply.text.includes(token));
	}
	const get = await ask(onPort(), { method: 'GET' });
	assert.equal(get.status, 401);
	const done = tally('--url', `http://127.0.0.1:${node.ports.admin}/`, 'peers');
	assert.notEqual(done.status, 0);
	assert.match(done.stderr, /token/);
});

await test('and takes it as Bearer and as Basic, by HTTP and WebSocket', 15, async () => {
	const bearer = { headers: { Authorization: `Bearer ${token}` } };
	const reply = await ask(onPort(), bearer);
	assert.ok(isAdmin(reply));
	assert.ok(reply.took < 400, `${reply.took} ms`);
	assert.ok((await rpc(net.adminUrl(node), 'peers')).peers);
	// This client sends its option `authorization` over wss only, headers anywhere.
	for (const client of [
		new xrpl.Client(`ws://127.0.0.1:${node.ports.admin}`, {
			headers: { Authorization: `Bearer ${token}` },
		}),
		new xrpl.Client(net.adminUrl(node, 'ws')),
		new xrpl.Client(`ws+unix://${net.adminSocket(node)}:/`),
	]) {
		await client.connect();
		const { result } = await client.request({ command: 'peers' });
		assert.ok(Array.isArray(result.peers));
		await client.disconnect();
	}
	const stranger = new xrpl.Client(`ws://127.0.0.1:${node.ports.admin}`);
	await assert.rejects(stranger.connect(), /401/);
	const done = tally(
		...['--url', `http://127.0.0.1:${node.ports.admin}/`],
		...['--token-file', net.adminTokenFile(node), 'peers'],
	);
	assert.equal(done.status, 0, done.stderr);
});

await test('a token helps no strange Host or Origin, and no public listener', 10, async () => {
	const Authorization = `Bearer ${token}`;
	const refused = [
		{ Authorization, Host: 'evil.example' },
		{ Authorization, Origin: 'http://evil.example' },
	];
	for (const headers of refused) assert.equal((await ask(onPort(), { headers })).status, 403);
	const onPublic = { host: '127.0.0.1', port: node.ports.http };
	for (const headers of [
		{ Authorization },
		{ 'X-Forwarded-For': '127.0.0.1', 'X-User': 'admin', Host: 'localhost' },
	]) {
		const reply = await ask(onPublic, { headers });
		assert.match(
			reply.text,
			/"error":"(forbidden|noPermission)"|Forbidden/,
			reply.text,
		);
		assert.ok(!isAdmin(reply) || reply.status !== 200);
	}
});

await test('killed, it replaces the socket that it left, and keeps the token', 20, async () => {
	signal(node.process, 'SIGKILL');
	await until('it is gone', seconds(5), () => !alive(node.process), 20);
	assert.ok(fs.existsSync(net.adminSocket(node)));
	net.startNode(node);
	await answers();
	assert.ok(isAdmin(await ask(onSocket())));
	assert.ok(isAdmin(await ask(onPort(), { headers: { Authorization: `Bearer ${token}` } })));
});

await test('what it cannot trust or use ends the start with a reason', 20, async () => {
	const file = path.join(net.dir, 'try.ini');
	const refused = (code, words, change, ...more) => {
		const text = change(fs.readFileSync(net.configFile(node), 'utf8'));
		fs.writeFileSync(file, text);
		const done = spawnSync(
			path.join(binaries(), 'tallyd'),
			['--config', file, ...more],
			{ encoding: 'utf8', timeout: seconds(10) },
		);
		assert.equal(done.status, code, done.stderr);
		assert.match(done.stderr.trim().split('\n').pop(), words);
	};
	const admin = (line) => (text) => text.replace('[admin]\n', `[admin]\n${line}\n`);
	const open = path.join(net.dir, 'open.token');
	fs.writeFileSync(open, `${token}\n`, { mode: 0o644 });
	refused(
		78,
		/token_file: .*others may read/,
		admin(`token_file = ${open}`),
		'--check-config',
	);
	fs.writeFileSync(open, 'short\n');
	fs.chmodSync(open, 0o600);
	refused(78, /32 to 128 printable/, admin(`token_file = ${open}`), '--check-config');
	// another node that would take the socket of this one, and a file that is none
	const elsewhere = (text) =>
		admin(`socket = ${net.adminSocket(node)}`)(text)
			.replace(/data_dir = .*/, `data_dir = ${path.join(net.dir, 'data2')}`)
			.replace(/listen = .*:\d+/g, 'listen = 127.0.0.1:0');
	refused(1, /\[admin\] socket: .*in use by another program/, elsewhere);
	assert.ok(isAdmin(await ask(onSocket())));
	refused(1, /exists and is no socket/, (text) =>
		elsewhere(text).replace(/^socket = .*/m, `socket = ${open}`),
	);
});

await test('socket = none: there is none; it goes with the node', 20, async () => {
	const socket = net.adminSocket(node);
	signal(node.process, 'SIGTERM');
	await until('it ends', seconds(5), () => !alive(node.process), 20);
	assert.ok(!fs.existsSync(socket));
	node.config = { admin: { socket: 'none' } };
	net.startNode(node);
	await answers();
	assert.ok(!fs.existsSync(socket));
	assert.ok(isAdmin(await ask(onPort(), { headers: { Authorization: `Bearer ${token}` } })));
	const done = tally('--config', net.configFile(node), 'peers');
	assert.equal(done.status, 0, done.stderr);
});

await finish();
