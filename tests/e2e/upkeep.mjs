// SPDX-License-Identifier: ISC
// What an administrator sets outlives a killed node, and methods that ask the store itself.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('upkeep');
const data = path.join(dir, 'data');
const settings = path.join(data, 'settings');
const KEY = 'n9LigbVAi4UeTtKGHHTXNcpBXwBPdVKVTjbSkLmgJvTn6qKB8Mqz';
const GENESIS = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
const CHANNEL = '5DB01B7FFED6B67E6B0414DED11E051D2EE2B7619CE0EAA6286D67A3A4D5BDB3';
const [http, ws] = await freePorts(2);
const url = `http://127.0.0.1:${http}/`;
let node;

const ask = (method, params = {}) => rpc(url, method, params, seconds(5) * 1000);

async function refused(method, params, token) {
	await assert.rejects(ask(method, params), (e) => String(e.message ?? e).includes(token));
}

async function launch() {
	node = start(
		path.join(binaries(), 'tallyd'),
		['--standalone', '--data', data, '--http', String(http), '--ws', String(ws)],
		path.join(dir, 'output'),
	);
	await until('it answers', seconds(5), () => rpc(url, 'server_info', {}, 500), 20);
}

async function kill() {
	signal(node, 'SIGKILL');
	await until('it is gone', seconds(5), () => !alive(node), 10);
}

fs.mkdirSync(dir, { recursive: true });
process.on('exit', () => node && signal(node, 'SIGKILL'));

await must('it starts', 10, launch);

await test('reservations and votes outlive a kill', 10, async () => {
	await ask('peer_reservations_add', { public_key: KEY, description: 'the "first"' });
	await ask('feature', { feature: 'MPTokensV2', vetoed: false });
	await kill();
	await launch();
	const { reservations } = await ask('peer_reservations_list');
	assert.deepEqual(reservations, [{ node: KEY, description: 'the "first"' }]);
	const vote = await ask('feature', { feature: 'MPTokensV2' });
	assert.equal(Object.values(vote).find((v) => v.name === 'MPTokensV2').vetoed, false);
});

await test('a damaged setting is named and left alone', 10, async () => {
	const file = path.join(settings, 'reservations.json');
	assert.equal(await stop([node]), 0);
	fs.writeFileSync(file, '{"value": [');
	await launch();
	await refused('peer_reservations_add', { public_key: KEY }, 'internal');
	assert.equal(fs.readFileSync(file, 'utf8'), '{"value": [');
	const { reservations } = await ask('peer_reservations_list');
	assert.deepEqual(reservations, []);
});

await test('the newest transactions come first', 10, async () => {
	const hashes = [];
	for (let i = 0; i < 23; i++) {
		const r = await ask('submit', {
			secret: 'masterpassphrase',
			tx_json: { TransactionType: 'AccountSet', Account: GENESIS },
		});
		assert.equal(r.engine_result, 'tesSUCCESS');
		hashes.unshift(r.tx_json.hash);
		if (i % 5 === 4) await ask('ledger_accept');
	}
	await ask('ledger_accept');
	const page = async (begin) =>
		(await ask('tx_history', { start: begin })).txs.map((t) => t.hash);
	await until(
		'they are validated',
		seconds(5),
		async () => (await page(0)).length === 20,
		20,
	);
	assert.deepEqual(await page(0), hashes.slice(0, 20));
	assert.deepEqual(await page(20), hashes.slice(20));
	assert.deepEqual(await page(23), []);
});

await test('a claim that was signed here is verified', 10, async () => {
	const claim = { channel_id: CHANNEL, amount: '1000000' };
	const { account_id: _, public_key } = await ask('wallet_propose', {
		passphrase: 'masterpassphrase',
	});
	const { signature } = await ask('channel_authorize', {
		...claim,
		secret: 'masterpassphrase',
	});
	const verify = async (more) =>
		(await ask('channel_verify', { ...claim, public_key, signature, ...more }))
			.signature_verified;
	assert.equal(await verify({}), true);
	assert.equal(await verify({ amount: '1000001' }), false);
});

await test('a check can be asked for', 20, async () => {
	const passes = async () => (await ask('server_info')).info.storage.check.passes;
	const before = await passes();
	await ask('ledger_cleaner', { full: true });
	await until('it is through', seconds(15), async () => (await passes()) > before, 50);
});

assert.equal(await stop([node]), 0);
await finish();
