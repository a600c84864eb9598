// SPDX-License-Identifier: ISC
// A validator whose clock jumps while it runs, by an hour and by a quarter of a minute: it does not
// validate until its clock is right again, says why, and the others go on without it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { health, rpc, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const net = new Network(scratch('clocks'));
keepTrack(net);
const info = async (node) => (await rpc(net.adminUrl(node), 'server_info')).info;
const log = (node) => fs.readFileSync(path.join(net.nodeDir(node), 'log'), 'utf8');
// A thread writes the log: a moment later than it happens.
const logged = (node, what) => until(`${what}`, seconds(3), () => what.test(log(node)), 50);
let file;
let node;

// Milliseconds that the node's wall clock is off; its monotonic clock stays.
function jump(ms) {
	const bytes = Buffer.alloc(8);
	bytes.writeBigInt64LE(BigInt(ms));
	fs.writeFileSync(file, bytes, { flag: fs.existsSync(file) ? 'r+' : 'w' });
}

async function goesOn(one) {
	const from = (await info(one)).validated_ledger.seq;
	await until('the others go on', seconds(15), async () => {
		return (await info(one)).validated_ledger.seq > from + 1;
	});
}

const proposes = () =>
	until('it proposes again', seconds(30), async () => {
		const now = await info(node);
		return now.server_state === 'proposing' && !now.clock_off;
	});

await must('five validators, one with a clock of its own', 30, async () => {
	await net.create({ count: 5 });
	node = net.nodes[4];
	file = path.join(net.nodeDir(node), 'clock');
	jump(0);
	const shim = { LD_PRELOAD: path.join(binaries(), 'clock_shim.so'), TALLY_CLOCK_FILE: file };
	await net.start();
	await net.kill(node);
	net.startNode(node, shim);
	await net.validated(3, seconds(20));
	await proposes();
});

await test('15 s ahead: not validating, and said so', 40, async () => {
	jump(15000);
	await until('it notices', seconds(25), async () => (await info(node)).clock_off);
	const now = await info(node);
	assert.ok(now.clock_offset_s <= -13 && now.clock_offset_s >= -17, `${now.clock_offset_s}`);
	assert.equal(now.server_state, 'full');
	const said = await health(net.adminUrl(node));
	assert.equal(said.code, 503);
	assert.ok(said.reasons.includes('clock_off'), said.reasons.join(' '));
	assert.equal(said.info.clock_offset_s, now.clock_offset_s);
	await logged(node, /clock: 1[3-7] s ahead of the median of the UNL's; not validating/);
	await goesOn(net.nodes[0]);
	jump(0);
	await proposes();
	await logged(node, /clock: right again/);
});

await test('an hour behind: its peers leave, and come back', 60, async () => {
	jump(-3600000);
	await until('its peers have left', seconds(25), async () => (await info(node)).peers === 0);
	await logged(net.nodes[0], /clocks differ too much/);
	await goesOn(net.nodes[0]);
	jump(0);
	await until('its peers are back', seconds(25), async () => (await info(node)).peers >= 4);
	await proposes();
});

await net.stop();
finish();
