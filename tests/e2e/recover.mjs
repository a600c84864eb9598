// SPDX-License-Identifier: ISC
// A node whose data was damaged while it was down. Where the start does not look, the check beside
// its work finds it: the node ends with 74, says what to do, and does not start on that data again.
// With --recover the data is set aside and comes from the peers anew; what was voted for before is
// never contradicted.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binaries } from '../../tools/js/network.mjs';
import { signal } from '../../tools/js/processes.mjs';
import { until } from '../../tools/js/rpc.mjs';
import { Connection } from '../crash/book.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

const ACCOUNTS = 30_000; // more nodes than the start looks at
let net;
let node;
let listener;
const votes = new Map(); // of the node: sequence → set of ledger hashes

const data = () => path.join(net.nodeDir(node), 'data');
const file = () => path.join(data(), 'data', 'data.mdb');
const log = () => fs.readFileSync(path.join(net.nodeDir(node), 'log'), 'utf8');

function take(message) {
	if (message.type !== 'validationReceived') return;
	if (message.validation_public_key !== node.public_key) return;
	const seq = Number(message.ledger_index);
	if (!votes.has(seq)) votes.set(seq, new Set());
	votes.get(seq).add(message.ledger_hash);
}

// Flips a bit in some pages of the file, between two parts of it.
function damage(from, to, pages) {
	const fd = fs.openSync(file(), 'r+');
	const all = Math.floor(fs.fstatSync(fd).size / 4096);
	const byte = Buffer.alloc(1);
	for (let i = 0; i < pages; i++) {
		const page = Math.floor(all * (from + ((to - from) * i) / pages));
		fs.readSync(fd, byte, 0, 1, page * 4096 + 3000);
		byte[0] ^= 16;
		fs.writeSync(fd, byte, 0, 1, page * 4096 + 3000);
	}
	fs.closeSync(fd);
}

async function down() {
	signal(node.process, 'SIGTERM');
	await until('it ends', seconds(8), () => !net.running(node), 50);
}

// How a start in the foreground ends.
function attempt(...more) {
	const done = spawnSync(
		path.join(binaries(), 'tallyd'),
		['--config', net.configFile(node), ...more],
		{ encoding: 'utf8', timeout: seconds(20) },
	);
	return { code: done.status, said: done.stderr };
}

const info = async () => await net.info(node);

async function caughtUp() {
	const mine = await info();
	const others = await net.info(net.nodes[0]);
	return (
		['full', 'validating', 'proposing'].includes(mine?.server_state) &&
		mine.validated_ledger.seq + 2 >= others.validated_ledger.seq
	);
}

await must('five nodes with many accounts', 120, async () => {
	net = await network('recover', { count: 5, accounts: ACCOUNTS, patience: 60 });
	node = net.nodes[4];
	listener = new Connection(net.wsUrl(net.nodes[0]), take);
	await listener.opened;
	await listener.ask('subscribe', { streams: ['validations'] });
	await until('it votes', seconds(30), () => votes.size > 2);
});

await test('the check has gone through a sound store', 60, async () => {
	const { storage } = await until(
		'a whole pass',
		seconds(40),
		async () => {
			const now = await info();
			return now?.storage.check.passes > 0 && now;
		},
		500,
	);
	assert.equal(storage.stage, 'fine');
});

await must('damage where the start does not look is found while it runs', 90, async () => {
	await down();
	damage(0.7, 0.9, 8);
	const tally = spawnSync(path.join(binaries(), 'tally'), ['verify', data()]);
	assert.notEqual(tally.status, 0, 'nothing is damaged');
	net.startNode(node);
	const began = Date.now();
	await until('it ends by itself', seconds(60), () => !net.running(node), 100);
	assert.match(log(), /damaged: /);
	assert.match(log(), /--recover/);
	return `after ${((Date.now() - began) / 1000).toFixed(1)} s`;
});

await test('it does not start on that data', 30, () => {
	const { code, said } = attempt();
	assert.equal(code, 74);
	assert.match(said, /found earlier/);
	assert.match(said, /--recover/);
});

async function recovered() {
	const before = fs.readFileSync(path.join(data(), 'votes'));
	net.startNode(node, {}, ['--recover']);
	const began = Date.now();
	await until('it has caught up', seconds(90), caughtUp, 200);
	assert.ok(before.length > 0);
	return `after ${((Date.now() - began) / 1000).toFixed(1)} s`;
}

await must('with --recover it comes back, from its peers', 100, async () => {
	const note = await recovered();
	assert.ok(fs.existsSync(path.join(data(), 'data.damaged-1')));
	return note;
});

await test('damage that the start sees', 150, async () => {
	await down();
	damage(0.01, 0.95, 2000);
	const { code, said } = attempt();
	assert.equal(code, 74, said);
	assert.match(said, /--recover/);
	const note = await recovered();
	assert.ok(fs.existsSync(path.join(data(), 'data.damaged-2')));
	return note;
});

await test('it votes again, and no vote was ever contradicted', 60, async () => {
	const before = votes.size;
	await until('it votes again', seconds(40), () => votes.size > before + 1);
	for (const [seq, hashes] of votes) assert.equal(hashes.size, 1, `two votes for ${seq}`);
	listener.close();
	await down();
	const tally = spawnSync(path.join(binaries(), 'tally'), ['verify', data()]);
	assert.equal(tally.status, 0, `${tally.stderr}`);
	return `${votes.size} votes`;
});

await test('nothing is set aside that is sound', 60, async () => {
	net.startNode(node, {}, ['--recover']);
	await until('it has caught up', seconds(40), caughtUp, 200);
	assert.ok(!fs.existsSync(path.join(data(), 'data.damaged-3')));
});

await finish();
