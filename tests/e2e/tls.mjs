// SPDX-License-Identifier: ISC
// https and wss: stock clients over TLS, certificates that are replaced under them, and what is
// refused.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { authority, issue } from '../../tools/js/certs.mjs';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries } from '../../tools/js/network.mjs';
import { signal } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

const WRONG_CONFIGURATION = 78;
const tallyd = path.join(binaries(), 'tallyd');
let net;
let node;
let ca;

const text = (file) => fs.readFileSync(file, 'utf8');
const inNode = (name) => path.join(net.nodeDir(node), name);
const log = () => text(inNode('log'));

const wss = () =>
	new xrpl.Client(net.wssUrl(node), { agent: new https.Agent({ ca: text(ca.certificate) }) });

// Replaces a file as certificate tools do: a new one is renamed over it.
function replace(file, by) {
	fs.copyFileSync(by, `${file}.new`);
	fs.chmodSync(`${file}.new`, 0o600);
	fs.renameSync(`${file}.new`, file);
}

// The name in the certificate that a new connection is shown, once it is verified.
const shown = () =>
	new Promise((resolve, reject) => {
		const socket = tls.connect({
			host: '127.0.0.1',
			port: node.ports.tls,
			ca: text(ca.certificate),
		});
		socket.on('error', reject);
		socket.on('secureConnect', () => {
			resolve(socket.getPeerCertificate().subject.CN);
			socket.end();
		});
	});

await must('a node with a certificate', 20, async () => {
	net = await network('tls', { count: 1, tls: true });
	[node] = net.nodes;
	ca = authority(net.dir);
	assert.equal(await shown(), 'tls');
});

await test('fetch, curl and tally over https', 15, async () => {
	const url = net.httpsUrl(node);
	// The authority is given as operators of Node.js programs do: with the process.
	const script = `
		const body = JSON.stringify({ method: 'server_info', params: [{}] });
		const asked = Array.from({ length: 20 }, () => fetch(${JSON.stringify(url)},
			{ method: 'POST', body }).then((response) => response.json()));
		Promise.all(asked).then((all) => console.log(all.filter((one) =>
			one.result.info.server_state).length));`;
	const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca.certificate };
	const run = promisify(execFile);
	const { stdout } = await run(process.execPath, ['-e', script], { env });
	assert.equal(stdout.trim(), '20');
	const status = execFileSync(
		path.join(binaries(), 'tally'),
		['--url', url, '--ca-file', ca.certificate, 'status'],
		{ encoding: 'utf8' },
	);
	assert.match(status, /network +\d+/);
	// without the authority nobody believes it
	const refused = spawnSync(path.join(binaries(), 'tally'), ['--url', url, 'rpc', 'ping'], {
		encoding: 'utf8',
	});
	assert.equal(refused.status, 6);
	assert.match(refused.stderr, /certificate/);
});

await test('xrpl.js over wss: subscriptions, a payment, the end', 30, async () => {
	const client = wss();
	await client.connect();
	assert.equal(client.networkID, net.state.network_id);
	const master = xrpl.Wallet.fromSeed(
		JSON.parse(text(path.join(net.dir, 'faucet.json'))).seed,
	);
	const wallet = xrpl.Wallet.generate();
	const ledgers = [];
	client.on('ledgerClosed', (one) => ledgers.push(one.ledger_index));
	await client.request({ command: 'subscribe', streams: ['ledger'] });
	const paid = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: master.classicAddress,
			Destination: wallet.classicAddress,
			Amount: xrpl.xrpToDrops(50),
		},
		{ wallet: master, autofill: true },
	);
	assert.equal(paid.result.meta.TransactionResult, 'tesSUCCESS');
	assert.equal(await client.getXrpBalance(wallet.classicAddress), 50);
	await until('ledgers are announced', seconds(10), () => ledgers.length >= 1);
	const closed = new Promise((resolve) => client.on('disconnected', resolve));
	await client.disconnect();
	assert.equal(await closed, 1000);
});

await test('many answers at once, large ones among them', 20, async () => {
	const client = wss();
	await client.connect();
	const all = await Promise.all(
		Array.from({ length: 200 }, (_, n) =>
			client.request(
				n % 2
					? { command: 'server_definitions' }
					: { command: 'ledger', ledger_index: 'validated' },
			),
		),
	);
	assert.equal(all.filter((one) => one.result).length, 200);
	await client.disconnect();
});

await test('a certificate is replaced by SIGHUP, under clients that stay', 30, async () => {
	const client = wss();
	await client.connect();
	let ledgers = 0;
	client.on('ledgerClosed', () => ledgers++);
	await client.request({ command: 'subscribe', streams: ['ledger'] });
	const next = issue(net.dir, ca, 'second');
	replace(inNode('tls.key'), next.key);
	replace(inNode('tls.pem'), next.certificate);
	assert.ok(signal(node.process, 'SIGHUP'));
	await until('new connections see it', seconds(5), async () => (await shown()) === 'second');
	const before = ledgers;
	await until('the old one hears of ledgers', seconds(10), () => ledgers > before);
	assert.ok((await client.request({ command: 'server_info' })).result.info);
	await client.disconnect();
});

await test(
	'and without a signal; what cannot be used is logged and changes nothing',
	30,
	async () => {
		const third = issue(net.dir, ca, 'third');
		replace(inNode('tls.pem'), third.certificate); // its key is still the second's
		await until('it is refused', seconds(5), () =>
			/the old certificate stays: .*does not belong/.test(log()),
		);
		assert.equal(await shown(), 'second');
		fs.writeFileSync(inNode('tls.pem'), 'nonsense\n');
		await until('nonsense is refused', seconds(5), () =>
			/the old certificate stays: .*no certificate/.test(log()),
		);
		assert.equal(await shown(), 'second');
		replace(inNode('tls.key'), third.key);
		replace(inNode('tls.pem'), third.certificate);
		await until('both fit again', seconds(5), async () => (await shown()) === 'third');
	},
);

await test('plain HTTP on its port is told so', 10, async () => {
	const status = await new Promise((resolve, reject) => {
		http.get(`http://127.0.0.1:${node.ports.tls}/`, (reply) => {
			let said = '';
			reply.on('data', (some) => (said += some));
			reply.on('end', () => resolve([reply.statusCode, said]));
		}).on('error', reject);
	});
	assert.deepEqual(status, [400, 'this port speaks https and wss only\n']);
	// and the plain listener goes on beside it
	assert.ok((await rpc(net.httpUrl(node), 'server_info')).info);
});

await test('--check-config: files that do not fit or are not private', 20, async () => {
	const check = (config) => {
		const file = path.join(net.dir, 'try.ini');
		fs.writeFileSync(file, config);
		const done = spawnSync(tallyd, ['--check-config', '--config', file], {
			encoding: 'utf8',
			timeout: seconds(10),
		});
		return [done.status, done.stderr.trim().split('\n').pop()];
	};
	const good = text(net.configFile(node));
	const with_ = (line, other) =>
		good.replace(new RegExp(`(\\[tls\\][^[]*?)${line} = .*`), `$1${other}`);
	const refused = (config, words) => {
		const [code, said] = check(config);
		assert.equal(code, WRONG_CONFIGURATION, said);
		assert.match(said, words);
	};
	assert.deepEqual(check(good), [0, '']);
	const other = issue(net.dir, ca, 'other');
	refused(with_('key', `key = ${other.key}`), /does not belong to the certificate/);
	refused(with_('key', `key = ${other.certificate}`), /others may read it/);
	refused(with_('key', 'key = /nonexistent'), /\[tls\] key: .*No such file/);
	refused(with_('certificate', 'certificate = /nonexistent'), /\[tls\] certificate/);
	refused(with_('certificate', `certificate = ${other.key}`), /no certificate in PEM/);
	refused(with_('key', ''), /belong together/);
	refused(with_('listen', ''), /all of them/);
	fs.chmodSync(other.key, 0o640);
	refused(
		with_('key', `key = ${other.key}`).replace(inNode('tls.pem'), other.certificate),
		/\[tls\] key: .*other\.key/,
	);
});

await finish();
