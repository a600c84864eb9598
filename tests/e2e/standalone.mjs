// SPDX-License-Identifier: ISC
// One node without consensus, as developers use it, and what tallyd says when it cannot start.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { WebSocket, xrpl } from '../../tools/js/clients.mjs';
import { ROOT, binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

const dir = scratch('standalone');
const tallyd = path.join(binaries(), 'tallyd');
const GENESIS = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
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

const tally = (...args) => execFileSync(path.join(binaries(), 'tally'), args);

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
	assert.equal(genesis.classicAddress, GENESIS);
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
	const wallet = xrpl.Wallet.fromSeed(made.master_seed, { algorithm: 'ed25519' });
	assert.equal(wallet.classicAddress, made.account_id);
	const known = await rpc(url, 'wallet_propose', { passphrase: 'masterpassphrase' });
	assert.equal(known.account_id, GENESIS);
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
	await sleep(3000);
	const second = (await rpc(where, 'server_info')).info.validated_ledger.seq;
	assert.ok(second >= first + 3, `${first} .. ${second}`);
	await timed.disconnect();
	assert.equal(await stop([own]), 0);
});

// A folder with an example and what it names, as its first lines tell to make them.
function example(name) {
	const folder = fs.mkdtempSync(path.join(dir, 'example-'));
	const file = path.join(folder, name);
	const text = fs.readFileSync(path.join(ROOT, 'configs', name), 'utf8');
	fs.writeFileSync(file, text);
	tally('validator-keys', '--out', path.join(folder, 'validator.key'));
	tally(
		'genesis',
		...['--network-id', /^network_id = (\d+)$/m.exec(text)[1]],
		...['--account', `${GENESIS}:100000000000000000`],
		...['--out', path.join(folder, 'genesis')],
	);
	const names = ['-keyout', 'certificate.key', '-out', 'certificate.pem'];
	execFileSync(
		'openssl',
		[
			...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
			...['-nodes', '-subj', '/CN=localhost', '-days', '2', ...names],
		],
		{ cwd: folder, stdio: 'ignore' },
	);
	return { folder, file, text };
}

await test('the example configurations pass --check-config', 10, async () => {
	const names = fs.readdirSync(path.join(ROOT, 'configs')).filter((n) => n.endsWith('.ini'));
	assert.deepEqual(names, ['public.ini', 'relay.ini', 'standalone.ini', 'validator.ini']);
	const shown = new Set();
	for (const name of names) {
		const { file, text } = example(name);
		const { code, said } = run('--check-config', '--config', file);
		assert.equal(code, 0, `${name}: ${said}`);
		let section;
		for (const line of text.split('\n')) {
			section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section;
			shown.add(`${section} ${/^(?:# )?(\w+) = /.exec(line)?.[1]}`);
		}
	}
	const table = fs.readFileSync(path.join(ROOT, 'src/daemon/config.def'), 'utf8');
	const book = fs.readFileSync(path.join(ROOT, 'src/daemon/config.h'), 'utf8').split('*/')[1];
	for (const [, section, key] of table.matchAll(/^C\("(\w+)", "(\w+)"/gm)) {
		assert.ok(shown.has(`${section} ${key}`), `no example shows [${section}] ${key}`);
		assert.match(book, new RegExp(`\\b${key}\\b`), `config.h explains no ${key}`);
	}
});

await test('a wrong configuration is refused with file and line', 20, async () => {
	const { folder, file, text } = example('public.ini');
	const lines = text.trimEnd().split('\n');
	const refused = (wrong, said) => {
		fs.writeFileSync(file, wrong);
		const done = run('--check-config', '--config', file);
		assert.notEqual(done.code, 0, wrong);
		assert.match(done.said, said);
	};
	const at = lines.indexOf('[node]') + 1;
	const insert = (line) =>
		[...lines.slice(0, at), line, ...lines.slice(at)].join('\n') + '\n';
	const where = new RegExp(`public.ini:${at + 1}\\b`);
	const without = (key) => text.replace(new RegExp(`^${key} =.*\n`, 'mg'), '');
	for (const line of ['no_such_key = 1', 'what is this', 'history = full'])
		refused(insert(line), line === 'history = full' ? /public.ini:\d+.*twice/ : where);
	for (const line of ['network_id = 99999999999', 'network_id = -1', 'network_id = many'])
		refused(without('network_id').replace('[node]\n', `[node]\n${line}\n`), where);
	refused(insert(`data_dir = ${'x'.repeat(500)}`), where);
	refused(
		text + '\n[no_such_section]\nkey = 1\n',
		new RegExp(`public.ini:${lines.length + 3}\\b`),
	);
	refused(without('data_dir'), /data_dir/);
	refused(without('key'), /unl/);
	refused(text.replace('genesis = genesis', 'genesis = absent'), /absent/);
	refused(text.replace('network_id = 21337', 'network_id = 21338'), /2133[78]/);
	fs.chmodSync(path.join(folder, 'validator.key'), 0o644);
	refused(text + '\n[validator]\nkey_file = validator.key\n', /validator.key/);
	fs.chmodSync(path.join(folder, 'validator.key'), 0o600);
	fs.writeFileSync(path.join(folder, 'validator.key'), 'nothing of use\n');
	refused(text + '\n[validator]\nkey_file = validator.key\n', /validator.key/);
});

await test('wrong use is refused, --help and --version answer', 10, async () => {
	const absent = run('--config', path.join(dir, 'absent.ini'));
	assert.notEqual(absent.code, 0);
	assert.match(absent.said, /absent.ini/);
	for (const args of [
		[],
		['--no-such-option'],
		['--standalone', '--http', '99999'],
		['extra'],
	])
		assert.notEqual(run(...args).code, 0, args.join(' '));
	assert.match(run('--version').said, /tally/);
	assert.match(run('--help').said, /--config/);
	assert.equal(run('--help').code, 0);
});

await test('a network of one, listening on IPv6 too', 30, async () => {
	const six = await new Promise((resolve) => {
		const server = net.createServer();
		server.on('error', () => resolve(undefined));
		server.listen(0, '::1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
	if (six === undefined) return 'skipped: this machine has no IPv6';
	const one = await network('one', { count: 1, config: { ws: { listen: `[::1]:${six}` } } });
	const there = await rpc(`http://[::1]:${six}/`, 'server_info');
	assert.equal(there.info.validation_quorum, 1);
	assert.ok((await one.survey()).common >= 3);
	return undefined;
});

await test('no sanitizer and no broken invariant has spoken', 10, async () => {
	await stop(started);
	const said = fs.readFileSync(path.join(dir, 'output'), 'utf8');
	assert.doesNotMatch(said, /Sanitizer|runtime error:|broken invariant/);
});

await finish();
