// SPDX-License-Identifier: ISC
// The command tools/testnet as somebody types it: up, status, kill, up again, join, down, reset,
// and two networks side by side.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { xrpl } from '../../tools/js/clients.mjs';
import { Network, ROOT, scratch } from '../../tools/js/network.mjs';
import { rpc, until, withToken } from '../../tools/js/rpc.mjs';
import { SLOW, allGood, finish, keepTrack, must, seconds, test } from './harness.mjs';

const dir = scratch('testnet');
const other = scratch('testnet-beside');
const tool = path.join(ROOT, 'tools', 'testnet');
const exec = promisify(execFile);
const timed = async (run) => {
	const began = Date.now();
	await run();
	return (Date.now() - began) / 1000;
};

// What it prints; throws when it fails.
async function testnet(...args) {
	const { stdout } = await exec(tool, args, { timeout: seconds(60) });
	return stdout;
}

// Ended by the harness in any case.
function track(where) {
	const net = new Network(where);
	keepTrack(net);
	return net;
}

const status = async () => JSON.parse(await testnet('status', '--json', '--dir', dir));
const ledgerOf = async (node) => (await rpc(node.http_url, 'server_info')).info.validated_ledger;

await must('up: five validators, first validated ledger within 10 s', 60, async () => {
	const said = await testnet('up', '--dir', dir);
	track(dir);
	const after = Number(/validate after ([\d.]+) s/.exec(said)[1]);
	assert.ok(after <= 10 * SLOW, said);
	assert.match(said, /fundWallet/);
	return `${after} s`;
});

let hash;
let number;
await test('status --json has the shape that programs expect', 20, async () => {
	const now = await status();
	assert.deepEqual(Object.keys(now), ['network_id', 'faucet_url', 'nodes']);
	assert.ok(now.network_id > 1024);
	assert.equal(now.nodes.length, 5);
	for (const node of now.nodes) {
		assert.deepEqual(Object.keys(node), [
			'name',
			'role',
			'pid',
			'http_url',
			'ws_url',
			'admin_url',
			'admin_token_file',
			'admin_socket',
			'data_dir',
			'config',
		]);
		assert.equal(node.role, 'validator');
		const { full } = (await rpc(node.http_url, 'server_info')).info.state_accounting;
		assert.ok(Number(full.transitions) >= 1 && Number(full.duration_us) > 0);
		assert.ok(fs.existsSync(`/proc/${node.pid}`) && fs.existsSync(node.config));
		const client = new xrpl.Client(node.ws_url);
		await client.connect();
		assert.equal(client.networkID, now.network_id);
		await client.disconnect();
		assert.ok(
			Array.isArray(
				(
					await rpc(
						withToken(node.admin_url, node.admin_token_file),
						'peers',
					)
				).peers,
			),
		);
	}
	({ seq: number, hash } = await ledgerOf(now.nodes[0]));
	const table = await testnet('status', '--dir', dir);
	assert.equal(table.match(/ yes /g).length, 5);
});

await test('the faucet answers plain HTTP', 30, async () => {
	const { faucet_url: url, nodes } = await status();
	const response = await fetch(`${url}/accounts`, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: '{"xrpAmount":"33"}',
	});
	assert.equal(response.status, 200);
	const { account, amount } = await response.json();
	assert.equal(amount, 33);
	assert.equal(xrpl.Wallet.fromSeed(account.secret).classicAddress, account.classicAddress);
	await until(
		'it arrives',
		seconds(15),
		async () => {
			const { account_data: data } = await rpc(
				nodes[2].http_url,
				'account_info',
				{ account: account.address, ledger_index: 'validated' },
			);
			return data.Balance === '33000000';
		},
		300,
	);
	assert.equal((await fetch(`${url}/accounts`, { method: 'POST', body: '{' })).status, 400);
});

await test('up again starts only what has died', 40, async () => {
	const before = (await status()).nodes;
	process.kill(before[1].pid, 'SIGKILL');
	await until('it is gone', 5000, async () => (await status()).nodes[1].pid === null);
	await testnet('up', '--dir', dir);
	const after = (await status()).nodes;
	assert.deepEqual(
		after.map((n, i) => n.pid === before[i].pid),
		[true, false, true, true, true],
	);
});

await test('join: a node that follows', 60, async () => {
	await testnet('join', '--dir', dir);
	const now = await status();
	assert.deepEqual([now.nodes[5].name, now.nodes[5].role], ['t1', 'tracker']);
	const there = await ledgerOf(now.nodes[5]);
	const same = await rpc(now.nodes[0].http_url, 'ledger', { ledger_index: there.seq });
	assert.equal(same.ledger_hash, there.hash);
});

await test('a second network beside it has ports and a chain of its own', 60, async () => {
	await testnet('up', '--dir', other, '-n', '1');
	track(other);
	const one = JSON.parse(await testnet('status', '--json', '--dir', other));
	assert.equal(one.nodes.length, 1);
	const ports = [...one.nodes, ...(await status()).nodes].map((n) => n.http_url);
	assert.equal(new Set(ports).size, 7);
	await testnet('reset', '--dir', other);
	assert.ok(!fs.existsSync(other));
	assert.equal((await status()).nodes.filter((n) => n.pid).length, 6);
});

await test('down ends all of it; up goes on with the same chain within 10 s', 60, async () => {
	const pids = (await status()).nodes.map((n) => n.pid);
	const down = await timed(() => testnet('down', '--dir', dir));
	assert.ok(
		pids.every(
			(pid) =>
				!fs.existsSync(`/proc/${pid}`) ||
				/\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')),
		),
	);
	const up = await timed(() => testnet('up', '--dir', dir));
	assert.ok(up <= 10 * SLOW, `${up} s`);
	const [first] = (await status()).nodes;
	const old = await rpc(first.http_url, 'ledger', { ledger_index: number });
	assert.equal(old.ledger_hash, hash);
	return `down ${down.toFixed(1)} s, up ${up.toFixed(1)} s`;
});

await test('reset deletes it; wrong use is refused', 30, async () => {
	assert.ok(allGood(), 'kept for looking at');
	await testnet('reset', '--dir', dir);
	assert.ok(!fs.existsSync(dir));
	await assert.rejects(testnet('status', '--dir', dir), /there is no network/);
	await assert.rejects(testnet('sideways', '--dir', dir), /no command/);
	await assert.rejects(testnet('up', '-n', '0', '--dir', dir), /--nodes/);
});

await finish();
