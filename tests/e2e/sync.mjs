// SPDX-License-Identifier: ISC
// Nodes that join a network of real processes: a large state (SYNC_ACCOUNTS entries, 60,000) from
// several peers, killed amid it and going on; while rounds keep their pace; history that is filled
// in afterwards; a node that is SYNC_BEHIND ledgers behind (300); a ledger as a file, out of one
// network's node and into those of another.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start } from '../../tools/js/processes.mjs';
import { rpc, rpcOr, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const accounts = Number(process.env.SYNC_ACCOUNTS ?? 60_000);
const behind = Number(process.env.SYNC_BEHIND ?? 300);
const patience = 40 + accounts / 5000;
const MASTER = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
let file; // the exported ledger
let big;
let net;
let paid; // a payment before anybody joined: { hash, seq }

const tally = (...args) => execFileSync(path.join(binaries(), 'tally'), args, { encoding: 'utf8' });
const data = (network, node) => path.join(network.nodeDir(node), 'data');
const info = async (network, node) =>
	(await rpcOr(network.httpUrl(node), 'server_info', {}, 2000))?.info;
const tip = async (network, node) => (await info(network, node))?.validated_ledger?.seq ?? 0;
const reaches = (network, node, seq, ms) =>
	until(`${node.name} reaches ${seq}`, ms, async () => (await tip(network, node)) >= seq, 50);

async function end(network, node, name = 'SIGTERM') {
	signal(node.process, name);
	await until('it ends', seconds(8), () => !network.running(node), 20);
}

// Longest time between two validated ledgers of a node while `run` goes on.
async function longestRound(node, run) {
	let last = await tip(net, node);
	let at = Date.now();
	let longest = 0;
	let over = false;
	const watch = (async () => {
		while (!over) {
			const seq = await tip(net, node);
			if (seq > last) {
				longest = Math.max(longest, (Date.now() - at) / (seq - last));
				[last, at] = [seq, Date.now()];
			}
			await sleep(20);
		}
		longest = Math.max(longest, Date.now() - at);
	})();
	await run();
	over = true;
	await watch;
	return longest;
}

await must(`${accounts} accounts are exported beside their node`, 3 * patience, async () => {
	big = new Network(scratch('sync-big'));
	keepTrack(big);
	await big.create({ count: 1, accounts });
	const [node] = big.nodes;
	big.startNode(node);
	await reaches(big, node, 5, 3000 * patience); // far enough from the genesis that is not its
	file = path.join(big.dir, 'ledger');
	const began = Date.now();
	const said = JSON.parse(tally('--json', 'export', data(big, node), file));
	const took = Date.now() - began;
	assert.ok(said.entries >= accounts);
	const ledger = await rpc(big.httpUrl(node), 'ledger', { ledger_index: said.ledger_index });
	assert.equal(ledger.ledger_hash, said.ledger_hash);
	await end(big, node, 'SIGKILL');
	return `${said.entries} entries, ${said.bytes} bytes in ${took} ms`;
});

// The same ledger as one of another network, whose genesis is small: so a joiner has nothing of it.
function moveTo(genesis) {
	const bytes = fs.readFileSync(file);
	Buffer.from(genesis, 'hex').copy(bytes, 12);
	const sum = crypto.createHash('sha512').update(bytes.subarray(0, -32)).digest();
	sum.copy(bytes, bytes.length - 32, 0, 32);
	fs.writeFileSync(file, bytes);
}

await must('two validators start from it, and go on', 3 * patience, async () => {
	net = new Network(scratch('sync'));
	keepTrack(net);
	await net.create({ count: 2 });
	const [first] = net.nodes;
	net.startNode(first); // its own genesis' hash
	const known = path.join(data(net, first), 'genesis');
	await until('the genesis is known', seconds(5), () => fs.existsSync(known), 20);
	await end(net, first);
	moveTo(fs.readFileSync(known, 'utf8').trim().split(' ')[1]);
	fs.rmSync(data(net, first), { recursive: true });
	const began = Date.now();
	let ledger;
	for (const node of net.nodes) {
		fs.mkdirSync(data(net, node), { recursive: true });
		ledger = JSON.parse(tally('--json', 'import', file, data(net, node)));
		net.startNode(node);
	}
	const took = Date.now() - began;
	for (const node of net.nodes)
		await reaches(net, node, ledger.ledger_index + 2, 1000 * patience);
	const seed = path.join(net.dir, 'seed');
	const faucet = JSON.parse(fs.readFileSync(path.join(big.dir, 'faucet.json')));
	fs.writeFileSync(seed, faucet.seed, { mode: 0o600 });
	const url = net.httpUrl(first);
	const said = JSON.parse(
		tally('--json', '--url', url, 'pay', MASTER, '100', '--seed-file', seed),
	);
	const hash = said.hash ?? said.tx_json?.hash;
	const tx = await rpc(url, 'tx', { transaction: hash });
	assert.equal(tx.validated, true);
	paid = { hash: tx.hash, seq: tx.ledger_index };
	return `two imports ${took} ms`;
});

let joiner;
let last; // to have joined
// Kills it when that much is there, and starts it again: how many entries had been kept.
async function killAt(percent) {
	let there = 0;
	await until(
		'a part of it is there',
		1000 * patience,
		async () => {
			const now = await info(net, joiner);
			there = now?.sync?.percent ?? there;
			return there >= percent || now?.server_state === 'full';
		},
		5,
	);
	await end(net, joiner, 'SIGKILL');
	const file = path.join(net.nodeDir(joiner), 'log');
	const before = fs.statSync(file).size;
	const began = Date.now();
	net.startNode(joiner);
	const want = await tip(net, net.nodes[0]);
	await reaches(net, joiner, want, 1000 * patience);
	const took = Date.now() - began;
	const log = fs.readFileSync(file, 'utf8').slice(before);
	return {
		there,
		want,
		took,
		kept: Number(/(\d+) entries of a state are here/.exec(log)?.[1] ?? 0),
	};
}

// A small state may be here before any of it is on the disk, or before anybody looks.
await test('a joiner killed amid the state goes on with what it had', 2 * patience, async () => {
	let got;
	joiner = await net.join();
	for (let percent = 30; ; percent += 10) {
		got = await killAt(percent);
		if (got.kept > 0 || accounts < 10_000) break;
		assert.ok(percent < 90, 'nothing was kept');
		await end(net, joiner);
		fs.rmSync(data(net, joiner), { recursive: true });
		net.startNode(joiner);
	}
	const { there, want, took, kept } = got;
	await until(
		'full',
		seconds(20),
		async () => (await info(net, joiner)).server_state === 'full',
	);
	assert.ok(!fs.existsSync(path.join(data(net, joiner), 'join')), 'the file of the join');
	return `killed at ${there} %, ${kept} entries kept, at the tip after ${took} ms`;
});

await test('rounds keep their pace while three join at once', 4 * patience, async () => {
	const [validator] = net.nodes;
	// whoever joins then jumps over the payment: peers greet with votes of a few ledgers before
	const quiet = await longestRound(validator, () =>
		reaches(net, validator, paid.seq + 5, seconds(30)),
	);
	let took;
	const busy = await longestRound(validator, async () => {
		const began = Date.now();
		const three = [await net.join(), await net.join(), await net.join()];
		last = three[2];
		const want = await tip(net, validator);
		await Promise.all(three.map((n) => reaches(net, n, want, 3000 * patience)));
		took = Date.now() - began;
	});
	assert.ok(busy < seconds(12), `${busy} ms between two ledgers, ${quiet} ms before`);
	const [most, before] = [busy, quiet].map(Math.round);
	return `${took} ms; between ledgers at most ${most} ms, before ${before} ms`;
});

await test('history is filled in, and searched; states of it are not served', 60, async () => {
	const url = net.httpUrl(last);
	const tx = await until('the payment is found', seconds(30), async () => {
		const found = await rpcOr(url, 'tx', { transaction: paid.hash });
		return found?.validated ? found : undefined;
	});
	assert.equal(tx.ledger_index, paid.seq);
	const { info: now } = await rpc(url, 'server_info');
	const first = Number(now.complete_ledgers.split('-')[0]);
	assert.ok(first > paid.seq, `complete from ${first}, paid in ${paid.seq}`);
	const found = await rpc(url, 'account_tx', { account: MASTER, ledger_index_min: -1 });
	assert.ok(found.transactions.some((t) => (t.hash ?? t.tx?.hash) === paid.hash));
	const none = await rpc(url, 'account_info', {
		account: MASTER,
		ledger_index: paid.seq,
	}).catch((error) => error);
	assert.match(String(none.message ?? none.error), /lgrNotFound|ledgerNotFound/);
	return `searchable from ${now.searchable_from}, complete ${now.complete_ledgers}`;
});

await test(`a node ${behind} ledgers behind is at the tip soon`, 60 + behind / 5, async () => {
	if (net) await net.stop();
	const dir = scratch('sync-chain');
	fs.mkdirSync(dir, { recursive: true });
	const [http, ws] = await freePorts(2);
	const alone = start(
		path.join(binaries(), 'tallyd'),
		[
			...['--standalone', '--data', path.join(dir, 'data')],
			...['--close-every', '10', '--http', String(http), '--ws', String(ws)],
		],
		path.join(dir, 'output'),
	);
	process.on('exit', () => signal(alone, 'SIGKILL'));
	const url = `http://127.0.0.1:${http}/`;
	await until('the chain is long', seconds(30 + behind / 10), async () => {
		const now = await rpcOr(url, 'server_info');
		return now?.info.validated_ledger?.seq > behind + 2;
	});
	await rpc(url, 'stop').catch(() => {});
	await sleep(seconds(1));
	signal(alone, 'SIGKILL');
	const chain = new Network(path.join(dir, 'net'));
	keepTrack(chain);
	await chain.create({ count: 1, networkId: 0 });
	fs.rmSync(path.join(chain.dir, 'genesis'));
	tally(
		...['genesis', '--network-id', '0', '--out', path.join(chain.dir, 'genesis')],
		...['--account', `${MASTER}:100000000000000000`],
	);
	const [validator] = chain.nodes;
	fs.cpSync(path.join(dir, 'data', 'data'), path.join(data(chain, validator), 'data'), {
		recursive: true,
	});
	chain.startNode(validator);
	await reaches(chain, validator, behind + 4, seconds(30));
	const late = await chain.join();
	const began = Date.now();
	const want = await tip(chain, validator);
	await reaches(chain, late, want, seconds(20 + behind / 10));
	const took = Date.now() - began;
	assert.ok(took < seconds(120) * Math.max(1, behind / 1000));
	const { info: now } = await rpc(chain.httpUrl(late), 'server_info');
	await chain.stop();
	return `${took} ms, complete ${now.complete_ledgers}`;
});

await finish();
