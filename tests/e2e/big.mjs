// SPDX-License-Identifier: ISC
// A network of one with a large state, BIG_ACCOUNTS accounts in the genesis (100,000): how long the
// first start takes, that a start from disk does not depend on the size, what memory it takes
// before and after all of it was touched, that payments between any accounts work.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Network, scratch } from '../../tools/js/network.mjs';
import { signal } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { balanceOf, payment, sequenceOf, testWallet } from './accounts.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const accounts = Number(process.env.BIG_ACCOUNTS ?? 100_000);
// Deriving the keys of the generated accounts takes up to 200 us each on a busy machine.
const patience = 30 + accounts / 5000;
const BYTES_EACH = 300; // with the whole state in memory
let net;
let node;
let url;
let idle; // memory after a start from disk

const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// Of its own; pages of the mapped database are the system's cache, and go when others need room.
function memory() {
	const text = fs.readFileSync(`/proc/${node.process.pid}/status`, 'utf8');
	return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(text)[1]);
}

function answers(ms) {
	return until('it answers', ms, () => rpc(url, 'server_info', {}, 1000), 10);
}

const closed = async () => (await rpc(url, 'server_info')).info.validated_ledger?.seq;

async function goesOn(ms = seconds(20)) {
	const before = (await closed()) ?? 0;
	return until('ledgers go on', ms, async () => (await closed()) > before + 1);
}

async function restart() {
	signal(node.process, 'SIGKILL');
	await until('it ends', seconds(5), () => !net.running(node), 5);
	const began = Date.now();
	net.startNode(node);
	await answers(seconds(5));
	return Date.now() - began;
}

await must(`a genesis of ${accounts} accounts`, patience, async () => {
	net = new Network(scratch('big'));
	keepTrack(net);
	await net.create({ count: 1, accounts });
	[node] = net.nodes;
	url = net.httpUrl(node);
});

await must('the first start builds and keeps it', 2 * patience, async () => {
	const began = Date.now();
	net.startNode(node);
	await answers(1000 * patience);
	const answered = (Date.now() - began) / 1000;
	await until('ledger 3 is validated', 1000 * patience, async () => (await closed()) >= 3);
	const validated = (Date.now() - began) / 1000;
	const disk = fs.statSync(path.join(net.nodeDir(node), 'data', 'data', 'data.mdb')).size;
	return (
		`answers after ${answered.toFixed(1)} s, ledger 3 ${validated.toFixed(1)} s, ` +
		`memory ${mb(memory())}, disk ${mb(disk)}`
	);
});

await test('a start from disk answers within a second, with little in memory', 60, async () => {
	const times = [];
	for (let i = 0; i < 3; i++) times.push(await restart());
	idle = memory();
	assert.ok(Math.min(...times) < seconds(1), `${times} ms`);
	assert.ok(idle < 40e6 * (process.env.TALLY_SLOW ? 10 : 1), mb(idle));
	await goesOn();
	return `${times.join(', ')} ms; memory ${mb(idle)}, after a ledger ${mb(memory())}`;
});

async function pay(from, to, drops) {
	const wallet = testWallet(from);
	const { tx_blob, hash } = payment(
		net,
		wallet,
		testWallet(to).classicAddress,
		drops,
		await sequenceOf(url, wallet.classicAddress),
	);
	const answer = await rpc(url, 'submit', { tx_blob });
	assert.equal(answer.engine_result, 'tesSUCCESS');
	return hash;
}

await test('payments between accounts anywhere', 40, async () => {
	const pick = () => Math.floor(Math.random() * accounts);
	const to = pick();
	const address = testWallet(to).classicAddress;
	const before = await balanceOf(url, address);
	const hashes = [];
	for (let i = 0; i < 50; i++) {
		let from = pick();
		while (from === to) from = pick();
		hashes.push(await pay(from, to, 1000 + i));
	}
	for (const hash of hashes)
		await until('it is validated', seconds(20), async () => {
			const { meta } = await rpc(url, 'tx', { transaction: hash });
			return meta?.TransactionResult === 'tesSUCCESS';
		});
	// A payment may come twice from one sender, but all of them are different.
	assert.equal((await balanceOf(url, address)) - before, 50n * 1000n + (49n * 50n) / 2n);
});

await test(`the whole state in memory: at most ${BYTES_EACH} bytes each`, patience, async () => {
	let marker;
	let entries = 0;
	const began = Date.now();
	const { ledger_index } = await rpc(url, 'ledger', { ledger_index: 'validated' });
	do {
		const page = await rpc(
			url,
			'ledger_data',
			{ ledger_index, binary: true, limit: 2048, marker },
			20000,
		);
		entries += page.state.length;
		marker = page.marker;
	} while (marker !== undefined);
	const took = (Date.now() - began) / 1000;
	assert.ok(entries >= accounts, `${entries} entries`);
	const each = (memory() - idle) / accounts;
	await goesOn();
	if (!process.env.TALLY_SLOW) assert.ok(each <= BYTES_EACH, `${each} bytes each`);
	return `${entries} entries in ${took.toFixed(1)} s; ${each.toFixed(0)} bytes each`;
});

await test('and from disk again, the same ledger', 30, async () => {
	const before = await rpc(url, 'ledger', { ledger_index: 'validated' });
	const took = await restart();
	const after = await rpc(url, 'ledger', { ledger_index: before.ledger_index });
	assert.equal(after.ledger_hash, before.ledger_hash);
	return `${took} ms`;
});

await finish();
