// SPDX-License-Identifier: ISC
// Subscriptions of all kinds against five nodes, webhooks, one blob sent to all, and sums that stay
// what they are. STREAM_READS accounts are read for the sums, 8 * STREAM_CUTS calls are cut off.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { scratch } from '../../tools/js/network.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { balanceOf, payment, sequenceOf, testWallet } from './accounts.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';
import { Load } from './load.mjs';
import { Socket } from './socket.mjs';

const READS = Number(process.env.STREAM_READS ?? 20000);
const CUTS = Number(process.env.STREAM_CUTS ?? 1);
const LEDGERS = READS > 100_000 ? 30 : 5;
const ACCOUNTS = 120;
let net;
const url = (i) => net.httpUrl(net.nodes[i]);
const ws = (i) => net.wsUrl(net.nodes[i]);
const wallet = (i) => testWallet(i);
const address = (i) => wallet(i).classicAddress;

async function pay(from, to, drops, node = 0) {
	const sequence = await sequenceOf(url(node), address(from));
	const signed = payment(net, wallet(from), to, drops, sequence);
	const answer = await rpc(url(node), 'submit', { tx_blob: signed.tx_blob });
	assert.equal(answer.engine_result, 'tesSUCCESS');
	assert.ok(answer.accepted && answer.applied && answer.broadcast);
	assert.equal(answer.queued, false);
	assert.equal(answer.account_sequence_next, sequence + 1);
	assert.equal(answer.account_sequence_available, sequence + 1);
	return signed.hash;
}

const validated = (hash, node = 0) =>
	until('it is validated', seconds(15), async () => {
		const tx = await rpc(url(node), 'tx', { transaction: hash });
		assert.equal(tx.validated, true);
		return tx;
	});

const keys = scratch('streams-keys');
const key = path.join(keys, 'key.pem');
const cert = path.join(keys, 'cert.pem');

function certificate() {
	fs.mkdirSync(keys, { recursive: true });
	const made = spawnSync('openssl', [
		...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
		...['-nodes', '-days', '2', '-subj', '/CN=catcher'],
		...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
	]);
	assert.equal(made.status, 0, String(made.stderr));
}

await must('five validators validate ledgers', 30, async () => {
	certificate();
	net = await network('streams', {
		accounts: ACCOUNTS,
		config: { unl: { ca_file: cert } },
	});
});

// All accounts of one named ledger, page by page and, now and then, one by one.
async function sum(socket, rng) {
	const { ledger_index: seq, ledger } = await socket.call('ledger', {
		ledger_index: 'validated',
	});
	let total = 0n;
	let reads = 0;
	let marker;
	do {
		const page = await socket.call('ledger_data', {
			ledger_index: seq,
			type: 'account',
			...(marker && { marker }),
		});
		assert.equal(page.ledger_hash, ledger.ledger_hash);
		for (const entry of page.state) {
			total += BigInt(entry.Balance);
			reads++;
			if (rng() > 0.05) continue;
			const one = await socket.call('account_info', {
				account: entry.Account,
				ledger_index: seq,
			});
			assert.equal(one.account_data.Balance, entry.Balance);
			assert.equal(one.ledger_hash, ledger.ledger_hash);
			reads++;
		}
		({ marker } = page);
	} while (marker);
	assert.equal(total, BigInt(ledger.total_coins));
	return { reads, seq };
}

// Payments and four readers beside all that follows; accounts below 20 are left alone.
const reading = { done: false, reads: 0, sums: 0, ledgers: new Set() };

async function reader(i) {
	const socket = await Socket.open(ws(i));
	let last = 0;
	while (!reading.done || reading.reads < READS || reading.ledgers.size < LEDGERS) {
		const done = await sum(socket, Math.random);
		assert.ok(done.seq >= last, 'an older ledger than before');
		last = done.seq;
		reading.ledgers.add(done.seq);
		reading.reads += done.reads;
		reading.sums++;
		await sleep(READS > 100_000 ? 0 : 100);
	}
	socket.close();
}

const load = new Load(net, { first: 20, count: ACCOUNTS - 20, rate: 100 });
const readers = Promise.all([0, 1, 2, 3].map(reader));
readers.catch(() => {}); // the last test looks at it

const STREAMS = [
	'ledger',
	'transactions',
	'transactions_proposed',
	'validations',
	'manifests',
	'consensus',
	'server',
	'book_changes',
];

const beside1 = test('every stream speaks, and falls silent', 30, async () => {
	const socket = await Socket.open(ws(0));
	const admin = await Socket.open(net.adminUrl(net.nodes[0], 'ws'));
	const mine = await Socket.open(ws(0));
	const at = await socket.call('subscribe', { streams: STREAMS });
	for (const key of ['fee_base', 'reserve_base', 'reserve_inc', 'ledger_hash', 'random'])
		assert.ok(key in at, key);
	assert.equal(
		(await socket.ask('subscribe', { streams: ['peer_status'] })).error,
		'noPermission',
	);
	await admin.call('subscribe', { streams: ['peer_status'] });
	await mine.call('subscribe', { accounts: [address(1)], accounts_proposed: [address(2)] });
	const hash = await pay(0, address(1), 1000);
	const other = await pay(3, address(2), 1000);
	await until('all have spoken', seconds(15), () => {
		const kinds = new Set(socket.messages.map((m) => m.type));
		for (const type of [
			'ledgerClosed',
			'validationReceived',
			'consensusPhase',
			'bookChanges',
		])
			assert.ok(kinds.has(type), type);
		const statuses = socket
			.of('transaction')
			.filter((m) => m.hash === hash)
			.map((m) => m.status);
		// once proposed; validated once for each of the two streams
		assert.deepEqual(statuses, ['proposed', 'closed', 'closed']);
		assert.deepEqual(
			mine.of('transaction').map((m) => [m.hash, m.status]),
			[
				[other, 'proposed'],
				...mine
					.of('transaction')
					.filter((m) => m.status === 'closed')
					.map((m) => [m.hash, 'closed']),
			],
		);
		assert.equal(mine.messages.length, 3);
		assert.ok(admin.of('peerStatusChange').length > 0);
		return true;
	});
	const peer = admin.of('peerStatusChange')[0];
	assert.match(peer.ledger_hash, /^[0-9A-F]{64}$/);
	assert.ok(peer.ledger_index >= 1 && peer.date > 0);
	// ledgers come one after the other, each before its transactions
	let seq = 0;
	for (const m of socket.messages) {
		if (m.type === 'ledgerClosed') {
			assert.ok(seq === 0 || m.ledger_index === seq + 1);
			seq = m.ledger_index;
		} else if (m.type === 'transaction' && m.validated)
			assert.equal(m.ledger_index, seq);
	}
	await socket.call('unsubscribe', { streams: STREAMS });
	socket.messages.length = 0;
	await sleep(seconds(1.5));
	assert.equal(socket.messages.length, 0);
	for (const one of [socket, admin, mine]) one.close();
});

const beside2 = test('an account history, backwards and on', 40, async () => {
	const fresh = xrpl.Wallet.generate().classicAddress;
	const COUNT = 60;
	const hashes = [await pay(4, fresh, 50_000_000)];
	await validated(hashes[0]);
	const from = await sequenceOf(url(0), address(5));
	for (let i = 0; i < COUNT; i++) {
		const signed = payment(net, wallet(5), fresh, 1 + i, from + i);
		hashes.push(signed.hash);
		rpc(url(0), 'submit', { tx_blob: signed.tx_blob });
	}
	await until(
		'all are sent',
		seconds(10),
		async () =>
			assert.equal(await sequenceOf(url(0), address(5)), from + COUNT) ?? true,
	);
	await validated(hashes.at(-1));
	const socket = await Socket.open(ws(0));
	const stream = { account: fresh };
	const { warning } = await socket.call('subscribe', { account_history_tx_stream: stream });
	assert.match(warning, /experimental/);
	assert.equal(
		(await socket.ask('subscribe', { account_history_tx_stream: stream })).error,
		'invalidParams',
	);
	await until('the past is told', seconds(10), () => socket.messages.length === COUNT + 1);
	assert.deepEqual(
		socket.messages.map((m) => m.account_history_tx_index),
		hashes.map((_, i) => -1 - i),
	);
	assert.deepEqual(new Set(socket.messages.map((m) => m.hash)), new Set(hashes));
	const last = socket.messages.at(-1);
	assert.equal(last.hash, hashes[0]);
	assert.equal(last.account_history_tx_first, true);
	assert.ok(!socket.messages.slice(0, -1).some((m) => m.account_history_tx_first));
	const next = await pay(6, fresh, 7);
	await validated(next);
	await until('the new one', seconds(5), () => socket.messages.length === COUNT + 2);
	assert.equal(socket.messages.at(-1).hash, next);
	assert.equal(socket.messages.at(-1).account_history_tx_index, 0);
	socket.close();
});

// A server that fails at first, and says what it was sent.
function catcher() {
	const got = [];
	const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
	const server = https.createServer(tls, (request, response) => {
		let body = '';
		request.on('data', (part) => (body += part));
		request.on('end', () => {
			const fails = server.failures-- > 0;
			if (!fails) got.push({ ...JSON.parse(body), headers: request.headers });
			response.writeHead(fails ? 500 : 200);
			response.end();
		});
	});
	server.got = got;
	server.failures = 2;
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const beside3 = test(
	'messages are posted to a URL over TLS, in order, tried again',
	30,
	async () => {
		const server = await catcher();
		const hook = `https://127.0.0.1:${server.address().port}/hook?token=hidden`;
		const admin = net.adminUrl(net.nodes[0]);
		const ask = { url: hook, url_username: 'user', url_password: 'very secret' };
		await assert.rejects(rpc(url(0), 'subscribe', { ...ask, streams: ['ledger'] }));
		await assert.rejects(
			rpc(admin, 'subscribe', { url: 'ftp://x/', streams: ['ledger'] }),
		);
		const at = await rpc(admin, 'subscribe', {
			...ask,
			streams: ['ledger', 'transactions'],
		});
		assert.ok(at.ledger_index > 0);
		const hash = await pay(7, address(8), 5);
		await until('it has come', seconds(15), () =>
			server.got.some(
				({ params: [m] }) =>
					m.type === 'transaction' && m.transaction.hash === hash,
			),
		);
		server.got.forEach(({ method, params: [message], headers }, i) => {
			assert.equal(method, 'event');
			assert.equal(message.seq, i + 1);
			assert.equal(
				headers.authorization,
				`Basic ${Buffer.from('user:very secret').toString('base64')}`,
			);
		});
		const ledgers = server.got
			.map(({ params: [m] }) => m)
			.filter((m) => m.type === 'ledgerClosed')
			.map((m) => m.ledger_index);
		ledgers.forEach((seq, i) => assert.equal(seq, ledgers[0] + i));
		await rpc(admin, 'unsubscribe', { url: hook, streams: ['ledger', 'transactions'] });
		await sleep(300);
		const count = server.got.length;
		await sleep(seconds(1.5));
		assert.equal(server.got.length, count);
		server.close();
		server.closeAllConnections();
		const log = net.lastWords(net.nodes[0]);
		for (const word of ['very secret', 'hidden']) assert.ok(!log.includes(word), word);
	},
);

const beside4 = test('one blob, five times to five nodes: one effect', 30, async () => {
	const before = await balanceOf(url(0), address(11));
	const sequence = await sequenceOf(url(0), address(10));
	const { tx_blob, hash } = payment(net, wallet(10), address(11), 777, sequence);
	const answers = await Promise.all(
		net.nodes.flatMap((_, i) =>
			Array.from({ length: 5 }, () => rpc(url(i), 'submit', { tx_blob })),
		),
	);
	for (const { engine_result: result, tx_json: tx } of answers) {
		assert.match(result, /^(tesSUCCESS|tefALREADY|tefPAST_SEQ)$/);
		assert.equal(tx.hash, hash);
	}
	await validated(hash);
	const late = await rpc(url(1), 'submit', { tx_blob });
	assert.match(late.engine_result, /^(tefALREADY|tefPAST_SEQ)$/);
	assert.equal(late.accepted, false);
	await sleep(seconds(1));
	assert.equal(await balanceOf(url(0), address(11)), before + 777n);
});

// One submit whose connection is cut at some time, which may be before all of it is sent.
async function cutSubmit(blob) {
	const body = JSON.stringify({ method: 'submit', params: [{ tx_blob: blob }] });
	const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
	const socket = connect(net.nodes[0].ports.http, '127.0.0.1');
	socket.on('error', () => {});
	await new Promise((resolve) => socket.on('connect', resolve));
	const whole = Math.random() < 0.6;
	socket.write(whole ? head + body : (head + body).slice(0, -1 - Math.random() * 200));
	if (whole) await sleep(Math.random() * 4);
	socket.resetAndDestroy();
}

// Asked until the answer is a proof: it is in a validated ledger, or every ledger that it could be
// in was searched.
async function fate(hash, from, last) {
	return until('its fate is known', seconds(60), async () => {
		const range = { min_ledger: from, max_ledger: last };
		const answer = await rpc(url(1), 'tx', { transaction: hash, ...range }).catch(
			(error) => {
				assert.equal(error.error, 'txnNotFound');
				return error.result;
			},
		);
		if (answer.validated) return 'validated';
		assert.equal(answer.searched_all, true);
		return 'expired';
	});
}

const beside5 = test(
	`${8 * CUTS} submits are cut off: each is validated or expired`,
	3600,
	async () => {
		const count = { validated: 0, expired: 0 };
		const payer = async (i) => {
			for (let round = 0; round < CUTS; round++) {
				const sequence = await sequenceOf(url(0), address(i), 'validated');
				const { ledger_index: from } = await rpc(url(1), 'ledger', {
					ledger_index: 'validated',
				});
				const last = from + 3;
				const { tx_blob, hash } = payment(
					net,
					wallet(i),
					address(19),
					1,
					sequence,
					{
						LastLedgerSequence: last,
					},
				);
				await cutSubmit(tx_blob);
				const known = await fate(hash, from, last);
				count[known]++;
				const after = await sequenceOf(url(1), address(i), 'validated');
				assert.equal(after - sequence, known === 'validated' ? 1 : 0);
			}
		};
		const before = await balanceOf(url(0), address(19));
		await Promise.all(
			[11, 12, 13, 14, 15, 16, 17, 18].map((i) => payer(i === 11 ? 9 : i)),
		);
		assert.equal(
			(await balanceOf(url(1), address(19))) - before,
			BigInt(count.validated),
		);
		return `${count.validated} validated, ${count.expired} expired`;
	},
);

// These wait for ledgers most of the time, each with accounts of its own.
await Promise.all([beside1, beside2, beside3, beside4, beside5]);

await test(`four readers sum all accounts under load: ${READS} reads`, 3600, async () => {
	reading.done = true;
	await readers;
	await load.stop();
	assert.ok(load.accepted > 0);
	const { reads, sums, ledgers } = reading;
	const what = `${reads} reads, ${sums} sums over ${ledgers.size} ledgers`;
	return `${what}, ${load.accepted} payments`;
});

fs.rmSync(keys, { recursive: true, force: true });
await finish();
