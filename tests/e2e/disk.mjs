// SPDX-License-Identifier: ISC
// A full disk: the node stays up and answers, stops validating, says so, and goes on by itself
// within 10 s of space returning. Before that come a warning and an end of fetching history, and
// room that was held back is given up. Needs root for a small file system; skipped without.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { scratch } from '../../tools/js/network.mjs';
import { health, rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

const MB = 1 << 20;
const disk = scratch('disk-mount');
const ballast = path.join(disk, 'ballast');
let net;
let mounted = false;

function mount() {
	fs.mkdirSync(disk, { recursive: true });
	const done = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', disk]);
	return done.status === 0;
}

process.on('exit', () => {
	if (mounted) spawnSync('umount', ['-l', disk]);
	fs.rmSync(disk, { recursive: true, force: true });
});

// Leaves `left` bytes free.
function fill(left) {
	fs.rmSync(ballast, { force: true });
	const { bavail, bsize } = fs.statfsSync(disk);
	const file = fs.openSync(ballast, 'w');
	const block = Buffer.alloc(MB, 1);
	for (let rest = bavail * bsize - left; rest > 0; rest -= MB)
		fs.writeSync(file, block, 0, Math.min(rest, MB));
	fs.closeSync(file);
}

const seqOf = async () =>
	(await rpc(net.httpUrl(net.nodes[0]), 'server_info')).info.validated_ledger.seq;

const storage = async () => (await rpc(net.httpUrl(net.nodes[0]), 'server_info')).info.storage;

const stage = (name) =>
	until(`stage ${name}`, seconds(10), async () => (await storage()).stage === name, 200);

async function stages() {
	await stage('fine');
	const { emergency_mib: held, total_mib: total } = await storage();
	assert.equal(held, 8);
	assert.equal(total, 128);
	fill(70 * MB);
	await stage('low');
	const low = await health(net.httpUrl(net.nodes[0]));
	assert.ok(low.warnings.includes('disk_low') && !low.reasons.includes('disk_full'));
	fill(50 * MB);
	await stage('no_history');
	assert.ok((await rpc(net.httpUrl(net.nodes[0]), 'server_info')).info.validated_ledger);
	fill(16 * MB);
	await stage('not_validating');
	const full = await health(net.httpUrl(net.nodes[0]));
	assert.equal(full.code, 503);
	assert.ok(full.reasons.includes('disk_full'), full.reasons.join(' '));
	fill(0);
	await until(
		'what was held back is given up',
		seconds(10),
		async () => (await storage()).emergency_mib === 0,
		200,
	);
	fs.rmSync(ballast);
	await stage('fine');
	await until('and held back again', seconds(10), async () => {
		return (await storage()).emergency_mib === 8;
	});
}

async function fullAndBack(left) {
	const node = net.nodes[0];
	fill(left);
	await sleep(8000);
	const stopped = await seqOf();
	await sleep(8000);
	assert.equal(await seqOf(), stopped, 'it goes on validating');
	assert.ok(net.running(node));
	const info = JSON.stringify((await rpc(net.httpUrl(node), 'server_info')).info);
	const log = fs.readFileSync(path.join(net.nodeDir(node), 'log'), 'utf8');
	assert.match(info + log, /disk|space/i, 'it does not say so');
	fs.rmSync(ballast);
	const began = Date.now();
	await until('it validates again', seconds(10), async () => (await seqOf()) > stopped, 200);
	return `resumed after ${((Date.now() - began) / 1000).toFixed(1)} s`;
}

mounted = mount();
if (!mounted) {
	console.log('SKIP: no small file system without root');
} else {
	await must('a network of one on a small disk', 40, async () => {
		net = await network('disk', {
			count: 1,
			config: {
				node: { data_dir: path.join(disk, 'data') },
				disk: {
					warn_below_percent: 60,
					history_below_percent: 45,
					stop_below_percent: 10,
					stop_below_bytes: 32 * MB,
					emergency_bytes: 8 * MB,
				},
			},
		});
	});
	await test('stage after stage, and back', 60, stages);
	await test('below the threshold', 60, () => fullAndBack(16 * MB));
	await test('not a byte left', 60, () => fullAndBack(0));
	await net?.stop();
}
await finish();
