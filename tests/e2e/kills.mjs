// SPDX-License-Identifier: ISC
// Nodes of a network under load are killed with -9: one, two, all at the same instant. Nothing
// that any node ever called validated may change. KILL_ROUNDS: how often all are killed (6).
import assert from 'node:assert/strict';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';
import { Witness } from './ledgers.mjs';
import { Load } from './load.mjs';

const rounds = Number(process.env.KILL_ROUNDS ?? 6);
const rate = Number(process.env.KILL_RATE ?? 200);
let net;
let witness;
let load;

const agreed = () => assert.deepEqual(witness.contradictions, []);

// The newest validated ledger among running nodes.
async function newest() {
	const { rows } = await net.survey();
	return Math.max(...rows.map((r) => r.seq ?? 0));
}

async function goesOn(nodes, ms) {
	return net.validated((await newest()) + 2, ms, nodes);
}

await must('five validators under load', 40, async () => {
	net = await network('kills', { accounts: 40 });
	witness = new Witness(net);
	load = new Load(net, { count: 40, rate });
	await goesOn(net.nodes, seconds(20));
	await until('payments are validated', seconds(15), () => witness.transactions.size > 50);
});

await test('one of five killed: ledgers go on, and it comes back', 60, async () => {
	const victim = net.node('v2');
	await net.kill(victim);
	const others = net.nodes.filter((n) => n !== victim);
	await goesOn(others, seconds(20));
	await net.start();
	await goesOn(net.nodes, seconds(30));
	agreed();
});

await test('two of five killed: validation stops, nothing forks, and resumes', 90, async () => {
	const victims = [net.node('v1'), net.node('v4')];
	await Promise.all(victims.map((node) => net.kill(node)));
	// What was already signed when they died may still be counted.
	await sleep(4000);
	const stopped = await newest();
	await sleep(10000);
	assert.equal(await newest(), stopped);
	await net.start();
	const began = Date.now();
	await net.validated(stopped + 1, seconds(20));
	const took = (Date.now() - began) / 1000;
	await goesOn(net.nodes, seconds(20));
	agreed();
	return `resumed after ${took.toFixed(1)} s`;
});

await test(`all five killed at the same instant, ${rounds} times`, 60 * rounds, async () => {
	const times = [];
	for (let round = 0; round < rounds; round++) {
		await sleep(1000 + Math.random() * 5000);
		const known = witness.newest;
		await Promise.all(net.nodes.map((node) => net.kill(node)));
		await net.start();
		const began = Date.now();
		await net.validated(Math.max(known, witness.newest) + 1, seconds(15));
		times.push((Date.now() - began) / 1000);
		agreed();
	}
	return `validation resumed after ${times.map((t) => t.toFixed(1)).join(', ')} s`;
});

await test('everything ever called validated still is, on every node', 60, async () => {
	await load.stop();
	await sleep(5000);
	await net.validated(witness.newest, seconds(20));
	assert.deepEqual(await witness.verify(), []);
	await witness.stop();
	return (
		`${witness.ledgers.size} ledgers, ${witness.transactions.size} transactions, ` +
		`${load.accepted} of ${load.sent} payments accepted`
	);
});

await test('a killed node alone comes back from its disk within a second', 15, async () => {
	const node = net.node('v3');
	await net.kill(node);
	const began = Date.now();
	net.startNode(node);
	await until(
		'it answers',
		seconds(5),
		() => rpc(net.httpUrl(node), 'server_info', {}, 500),
		20,
	);
	const took = Date.now() - began;
	assert.ok(took < seconds(1), `${took} ms`);
	return `${took} ms`;
});

load?.stop();
witness?.stop();
await finish();
