// SPDX-License-Identifier: ISC
// A stand-alone node votes alone: fees and amendments change after flag ledgers, and all that tells
// of fees and rules tells of it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';
import { Socket } from './socket.mjs';

const dir = scratch('votes');
const data = path.join(dir, 'data');
const [http, ws] = await freePorts(2);
const url = `http://127.0.0.1:${http}/`;
const HELD_S = 100; // less than the 256 s that as many ledgers take at least
const streamed = [];
let node;
let socket;

const ask = (method, params = {}) => rpc(url, method, params, seconds(5) * 1000);
const feature = async (name, vetoed) =>
	Object.values(await ask('feature', { feature: name, vetoed })).find((v) => v.name === name);
const entry = async (which) =>
	(await ask('ledger_entry', { [which]: true, ledger_index: 'validated' })).node;

async function launch() {
	node = start(
		path.join(binaries(), 'tallyd'),
		[
			...[
				'--standalone',
				'--data',
				data,
				'--http',
				String(http),
				'--ws',
				String(ws),
			],
			...['--no-amendments', '--majority-time', String(HELD_S)],
			...['--vote-fees', '12,5000000,1000000'],
		],
		path.join(dir, 'output'),
	);
	await until('it answers', seconds(5), () => rpc(url, 'server_info', {}, 500), 20);
}

// Closes ledgers until `seq` is validated.
async function closeTo(seq) {
	let open;
	do open = (await ask('ledger_accept')).ledger_current_index;
	while (open <= seq);
}

const pseudo = async (seq) =>
	(await ask('ledger', { ledger_index: seq, transactions: true, expand: true })).ledger
		.transactions;

fs.mkdirSync(dir, { recursive: true });
process.on('exit', () => node && signal(node, 'SIGKILL'));

await must('it starts', 10, async () => {
	await launch();
	socket = await Socket.open(`ws://127.0.0.1:${ws}/`, (m) => streamed.push(m));
	await socket.ask('subscribe', { streams: ['ledger', 'server'] });
});

await test('fees change after the flag ledger, and streams tell so', 20, async () => {
	await feature('XRPFees', false);
	const before = await feature('fixCleanup3_2_0', false);
	assert.deepEqual([before.vetoed, before.enabled], [false, false]);
	await closeTo(257);
	const [fee] = (await pseudo(257)).filter((t) => t.TransactionType === 'SetFee');
	assert.equal(fee.LedgerSequence, 257);
	assert.equal(parseInt(fee.BaseFee, 16), 12); // the form of before XRPFees
	assert.equal(fee.ReserveBase, 5000000);
	const { info } = await ask('server_info');
	assert.equal(info.validated_ledger.reserve_base_xrp, 5);
	assert.equal(info.validated_ledger.reserve_inc_xrp, 1);
	assert.equal((await ask('fee')).drops.base_fee, '12');
	assert.equal((await entry('fee')).ReserveIncrement, 1000000);
	const closed = (seq) =>
		streamed.find((m) => m.type === 'ledgerClosed' && m.ledger_index === seq);
	await until('ledger 257 on the stream', seconds(5), () => closed(257), 20);
	assert.equal(closed(256).fee_base, 10);
	assert.equal(closed(257).fee_base, 12);
	assert.equal(closed(257).reserve_base, 5000000);
	assert.ok(streamed.some((m) => m.type === 'serverStatus' && m.base_fee === 12));
});

await test('amendments have got their majority', 10, async () => {
	const names = (await pseudo(257)).filter((t) => t.TransactionType === 'EnableAmendment');
	// the three that are voted for by default, and those two
	assert.equal(names.length, 5);
	assert.ok(names.every((t) => t.Flags === 0x10000));
	const { features } = await ask('feature');
	const all = Object.values(features);
	const fix = all.find((v) => v.name === 'fixCleanup3_2_0');
	assert.deepEqual([fix.count, fix.validations, fix.threshold], [1, 1, 1]);
	assert.ok(fix.majority > 0);
	assert.equal(all.find((v) => v.name === 'Escrow').vetoed, 'Obsolete');
	assert.equal(all.find((v) => v.name === 'fixDirectoryLimit').vetoed, true);
	assert.equal((await entry('amendments')).Majorities.length, 5);
});

await test('one loses it, the others come into force', 20, async () => {
	signal(node, 'SIGKILL');
	await until('it is gone', seconds(5), () => !alive(node), 10);
	await launch(); // what was voted for is remembered
	await feature('fixCleanup3_1_3', true);
	await closeTo(513);
	const flags = (await pseudo(513)).map((t) => t.Flags ?? 0).sort();
	assert.deepEqual(flags, [0, 0, 0, 0, 0x20000].sort());
	assert.equal((await feature('fixCleanup3_2_0')).enabled, true);
	assert.equal((await feature('fixCleanup3_2_0')).vetoed, undefined);
	const lost = await ask('feature', { feature: 'fixCleanup3_1_3' });
	assert.equal(lost.majority, undefined);
	const amendments = await entry('amendments');
	assert.equal(amendments.Majorities, undefined);
	assert.equal(amendments.Amendments.length, 4);
	const log = fs.readFileSync(path.join(dir, 'output'), 'utf8');
	assert.match(log, /amendments: fixCleanup3_1_3 has lost the majority/);
});

await finish();
