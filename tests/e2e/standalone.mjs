// SPDX-License-Identifier: ISC
// One node without consensus, as developers use it, and what tallyd says when it cannot start.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { WebSocket, xrpl } from '../../tools/js/clients.mjs';
import { ROOT, binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('standalone');
const tallyd = path.join(binaries(), 'tallyd');
const MASTER = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'; // the well-known secret of "masterpassphrase"
const [http, ws, http2, ws2] = await freePorts(4);
const url = `http://127.0.0.1:${http}/`;
const started = [];
let node;
let client;

function launch(...args) {
	const one = start(tallyd, args, path.join(dir, 'output'));
	started.push(one);
	return one;
}

// Runs tallyd to its end: { code, said }.
function run(...args) {
	const done = spawnSync(tallyd, args, { encoding: 'utf8', timeout: seconds(10) });
	return { code: done.status, said: done.stdout + done.stderr };
}

const answers = (where) =>
	until('it answers', seconds(5), () => rpc(where, 'server_info', {}, 500), 20);

fs.mkdirSync(dir, { recursive: true });
process.on('exit', () => started.forEach((one) => signal(one, 'SIGKILL')));

await must('it answers within a second of start', 10, async () => {
	const began = Date.now();
	node = launch(
		'--standalone',
		'--data',
		path.join(dir, 'data'),
		'--http',
		String(http),
		'--ws',
		String(ws),
	);
	const { info } = await answers(url);
	const took = Date.now() - began;
	assert.ok(took < seconds(1), `${took} ms`);
	assert.ok(!info.network_id);
	return `${took} ms`;
});

await must('the stock client pays from the genesis account; ledger_accept closes', 20, async () => {
	client = new xrpl.Client(`ws://127.0.0.1:${ws}`);
	await client.connect();
	const genesis = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
	assert.equal(genesis.classicAddress, 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh');
	const to = xrpl.Wallet.generate();
	const prepared = await client.autofill({
		TransactionType: 'Payment',
		Account: genesis.classicAddress,
		Destination: to.classicAddress,
		Amount: xrpl.xrpToDrops('1000'),
	});
	assert.equal(prepared.NetworkID, undefined);
	const { tx_blob, hash } = genesis.sign(prepared);
	const sent = await client.submit(tx_blob);
	assert.equal(sent.result.engine_result, 'tesSUCCESS');
	const { ledger_current_index: closed } = await rpc(url, 'ledger_accept');
	assert.ok(closed >= 3);
	const tx = await client.request({ command: 'tx', transaction: hash });
	assert.equal(tx.result.validated, true);
	assert.equal(await client.getXrpBalance(to.classicAddress), 1000);
});

await test('wallet_propose and sign work on loopback', 10, async () => {
	const made = await rpc(url, 'wallet_propose', { key_type: 'ed25519' });
	assert.ok(xrpl.Wallet.fromSeed(made.master_seed).classicAddress === made.account_id);
	const known = await rpc(url, 'wallet_propose', { passphrase: 'masterpassphrase' });
	assert.equal(known.account_id, 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh');
	const signed = await rpc(url, 'sign', {
		secret: MASTER,
		tx_json: {
			TransactionType: 'Payment',
			Account: known.account_id,
			Destination: made.account_id,
			Amount: '50000000',
		},
	});
	assert.equal(
		(await rpc(url, 'submit', { tx_blob: signed.tx_blob })).engine_result,
		'tesSUCCESS',
	);
});

await test('a second node: the port and the folder in use are named', 15, async () => {
	const port = run('--standalone', '--http', String(http), '--ws', String(ws2));
	assert.notEqual(port.code, 0);
	assert.match(port.said, new RegExp(`${http}.*in use|in use.*${http}`, 's'));
	const folder = run(
		'--standalone',
		'--data',
		path.join(dir, 'data'),
		'--http',
		String(http2),
		'--ws',
		String(ws2),
	);
	assert.notEqual(folder.code, 0);
	assert.match(folder.said, /data/);
});

await test(
	'SIGTERM closes sockets with 1001, ends within 5 s, and nothing is lost',
	30,
	async () => {
		const before = await rpc(url, 'ledger', { ledger_index: 'validated' });
		await client.disconnect();
		const socket = new WebSocket(`ws://127.0.0.1:${ws}`);
		await new Promise((resolve) => socket.once('open', resolve));
		const closed = new Promise((resolve) => socket.once('close', resolve));
		const began = Date.now();
		signal(node, 'SIGTERM');
		assert.equal(await closed, 1001);
		await until('it ends', seconds(5), () => !alive(node), 20);
		const took = Date.now() - began;
		node = launch(
			'--standalone',
			'--data',
			path.join(dir, 'data'),
			'--http',
			String(http),
			'--ws',
			String(ws),
		);
		await answers(url);
		const after = await rpc(url, 'ledger', { ledger_index: 'validated' });
		assert.equal(after.ledger_hash, before.ledger_hash);
		return `ended after ${took} ms`;
	},
);

await test('kill -9 and start again: the same validated ledger', 15, async () => {
	const before = await rpc(url, 'ledger_accept').then(() =>
		rpc(url, 'ledger', { ledger_index: 'validated' }),
	);
	signal(node, 'SIGKILL');
	await until('it ends', 5000, () => !alive(node), 20);
	node = launch(
		'--standalone',
		'--data',
		path.join(dir, 'data'),
		'--http',
		String(http),
		'--ws',
		String(ws),
	);
	await answers(url);
	const after = await rpc(url, 'ledger', { ledger_index: 'validated' });
	assert.equal(after.ledger_index, before.ledger_index);
	assert.equal(after.ledger_hash, before.ledger_hash);
	await stop([node]);
});

await test('--close-every closes by itself, and submitAndWait needs no help', 30, async () => {
	const where = `http://127.0.0.1:${http2}/`;
	const own = launch(
		'--standalone',
		'--http',
		String(http2),
		'--ws',
		String(ws2),
		'--close-every',
		'500',
	);
	await answers(where);
	const timed = new xrpl.Client(`ws://127.0.0.1:${ws2}`);
	await timed.connect();
	const genesis = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
	const done = await timed.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: genesis.classicAddress,
			Destination: xrpl.Wallet.generate().classicAddress,
			Amount: '100000000',
		},
		{ wallet: genesis },
	);
	assert.equal(done.result.meta.TransactionResult, 'tesSUCCESS');
	const first = (await rpc(where, 'server_info')).info.validated_ledger.seq;
	await sleep(seconds(3));
	const second = (await rpc(where, 'server_info')).info.validated_ledger.seq;
	assert.ok(second >= first + 3, `${first} .. ${second}`);
	await timed.disconnect();
	assert.equal(await stop([own]), 0);
});

await test('the example configurations pass --check-config', 10, async () => {
	const examples = fs
		.readdirSync(path.join(ROOT, 'configs'))
		.filter((n) => n.endsWith('.ini'));
	assert.ok(examples.length >= 3);
	for (const name of examples) {
		const { code, said } = run(
			'--check-config',
			'--config',
			path.join(ROOT, 'configs', name),
		);
		assert.equal(code, 0, `${name}: ${said}`);
	}
});

await test('a wrong configuration is refused with file and line', 20, async () => {
	const good = fs.readFileSync(path.join(ROOT, 'configs', 'tracker.ini'), 'utf8');
	const file = path.join(dir, 'wrong.ini');
	const refused = (text, line) => {
		fs.writeFileSync(file, text);
		const { code, said } = run('--check-config', '--config', file);
		assert.notEqual(code, 0, text);
		assert.match(
			said,
			new RegExp(`wrong.ini:${line}\\b`),
			`${said} for ${text.split('\n')[line - 1]}`,
		);
	};
	const lines = good.trimEnd().split('\n');
	const at = lines.findIndex((l) => l.startsWith('[node]')) + 1;
	const insert = (line) =>
		[...lines.slice(0, at), line, ...lines.slice(at)].join('\n') + '\n';
	refused(insert('no_such_key = 1'), at + 1);
	refused(insert('network_id = 99999999999'), at + 1);
	refused(insert('network_id = -1'), at + 1);
	refused(insert('what is this'), at + 1);
	refused(good.trimEnd() + '\n[no_such_section]\nkey = 1\n', lines.length + 2);
	const absent = run('--config', path.join(dir, 'absent.ini'));
	assert.notEqual(absent.code, 0);
	assert.match(absent.said, /absent.ini/);
	assert.notEqual(run('--no-such-option').code, 0);
	assert.match(run('--version').said, /tally/);
	assert.match(run('--help').said, /--config/);
});

await test('it listens on IPv6', 15, async () => {
	const file = path.join(dir, 'six.ini');
	const good = fs.readFileSync(path.join(ROOT, 'configs', 'standalone.ini'), 'utf8');
	const free = await new Promise((resolve) => {
		const server = net.createServer().listen(0, '::1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
		server.on('error', () => resolve(0));
	});
	if (free === 0) return 'skipped: this machine has no IPv6';
	fs.writeFileSync(
		file,
		good
			.replaceAll(/^listen *=.*$/gm, '')
			.replace('[http]', `[http]\nlisten = [::1]:${free}`)
			.replace(/^data_dir *=.*$/m, `data_dir = ${path.join(dir, 'six')}`),
	);
	const own = launch('--standalone', '--config', file);
	await answers(`http://[::1]:${free}/`);
	assert.equal(await stop([own]), 0);
	return undefined;
});

await stop(started);
await finish();
