// SPDX-License-Identifier: ISC
// A ledger that was announced can be read, on every connection, at once: READS_LEDGERS ledgers that
// close as fast as they can.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';
import { Socket } from './socket.mjs';

const LEDGERS = Number(process.env.READS_LEDGERS ?? 80);
const CONNECTIONS = 30;
const HTTP_READERS = 4;
const dir = scratch('reads');
const genesis = xrpl.Wallet.fromSeed('snoPBrXtMeMyMHUVTgbuqAfg1SUTb', {
	algorithm: 'ecdsa-secp256k1',
});
const receiver = xrpl.Wallet.generate().classicAddress;
const [port] = await freePorts(1);
const url = `http://127.0.0.1:${port}/`;
let node;
process.on('exit', () => node && signal(node, 'SIGKILL'));
fs.mkdirSync(dir, { recursive: true });

await must('a node that closes a ledger every 40 ms', 20, async () => {
	node = start(
		path.join(binaries(), 'tallyd'),
		['--standalone', '--close-every', '40', '--data', path.join(dir, 'data')].concat([
			'--http',
			String(port),
		]),
		path.join(dir, 'output'),
	);
	await until('it answers', seconds(10), () => rpc(url, 'server_info', {}, 500), 5);
});

// A payment for about every ledger, one after the other.
async function payments(state) {
	let { Sequence: sequence } = (
		await rpc(url, 'account_info', { account: genesis.classicAddress })
	).account_data;
	for (; !state.over; sequence++) {
		const { tx_blob } = genesis.sign({
			TransactionType: 'Payment',
			Account: genesis.classicAddress,
			Destination: receiver,
			Amount: '50000000',
			Fee: '10',
			Sequence: sequence,
		});
		const answer = await rpc(url, 'submit', { tx_blob });
		assert.equal(answer.engine_result, 'tesSUCCESS');
	}
}

// What is asked at once of a ledger that was announced; `ask` is this reader's way to ask.
async function read(ask, message, state) {
	const at = { ledger_index: message.ledger_index };
	const [ledger, account] = await Promise.all([
		ask('ledger', { ...at, transactions: true }),
		ask('account_info', { ...at, account: genesis.classicAddress }),
	]);
	for (const answer of [ledger, account]) {
		assert.equal(answer.ledger_hash, message.ledger_hash);
		assert.equal(Number(answer.ledger_index), message.ledger_index);
		assert.equal(answer.validated, true);
	}
	state.reads += 2;
	const [hash] = ledger.ledger.transactions;
	if (!hash) return;
	const tx = await ask('tx', { transaction: hash });
	assert.equal(tx.validated, true);
	assert.equal(tx.ledger_index, message.ledger_index);
	state.reads++;
}

await test(`${LEDGERS} announced ledgers are read on ${CONNECTIONS} connections`, 600, async () => {
	const state = { over: false, reads: 0, seen: 0 };
	let failed;
	const watch = (promise) => promise.catch((error) => (failed ??= error));
	const busy = new Set();
	const track = (promise) => {
		const one = watch(promise).finally(() => busy.delete(one));
		busy.add(one);
	};
	const sockets = [];
	for (let i = 0; i < CONNECTIONS; i++) {
		const socket = await Socket.open(`ws://127.0.0.1:${port}/`, (message) => {
			if (message.type !== 'ledgerClosed' || state.over) return;
			assert.ok(message.ledger_index > (socket.last ?? 0));
			socket.last = message.ledger_index;
			track(
				read(
					(command, params) => socket.call(command, params),
					message,
					state,
				),
			);
			if (i < HTTP_READERS)
				track(
					read(
						(command, params) => rpc(url, command, params),
						message,
						state,
					),
				);
			if (i === 0) state.seen++;
		});
		await socket.call('subscribe', { streams: ['ledger'] });
		sockets.push(socket);
	}
	const paying = watch(payments(state));
	await until(
		'the ledgers have come',
		seconds(590),
		() => failed || state.seen >= LEDGERS,
		20,
	);
	state.over = true;
	await paying;
	await Promise.all(busy);
	for (const socket of sockets) socket.close();
	if (failed) throw failed;
	return `${state.reads} reads`;
});

await test('a ledger that is not there yet is not found, never an older one', 10, async () => {
	const socket = await Socket.open(`ws://127.0.0.1:${port}/`);
	for (let i = 0; i < 50; i++) {
		const { ledger_index: newest } = await socket.call('ledger', {
			ledger_index: 'validated',
		});
		for (const [command, params] of [
			['ledger', {}],
			['account_info', { account: genesis.classicAddress }],
			['ledger_data', {}],
			['account_tx', { account: genesis.classicAddress }],
		]) {
			const answer = await socket.ask(command, {
				...params,
				ledger_index: newest + 100,
			});
			assert.equal(answer.error, 'lgrNotFound', command);
		}
	}
	socket.close();
});

await test('reads never go back', 10, async () => {
	const readers = Array.from({ length: 8 }, async () => {
		const socket = await Socket.open(`ws://127.0.0.1:${port}/`);
		let last = 0;
		let sequence = 0;
		for (let i = 0; i < 200; i++) {
			const answer = await socket.call('account_info', {
				account: genesis.classicAddress,
				ledger_index: 'validated',
			});
			assert.ok(answer.ledger_index >= last);
			assert.ok(answer.account_data.Sequence >= sequence);
			last = answer.ledger_index;
			sequence = answer.account_data.Sequence;
		}
		socket.close();
	});
	await Promise.all(readers);
});

// Ten times as fast as the network is the least (a backlog of an hour in six minutes); ledgers of
// real networks come one in three seconds, these here 25 a second.
await test('who was away catches up', 20, async () => {
	const socket = await Socket.open(`ws://127.0.0.1:${port}/`);
	const began = Date.now();
	let seq = 2;
	let hash;
	let newest = seq;
	for (; seq <= newest; seq++) {
		const answer = await socket.call('ledger', {
			ledger_index: seq,
			transactions: true,
			expand: true,
			binary: true,
		});
		// sequence, drops, then the hash of the ledger before
		if (hash) assert.equal(answer.ledger.ledger_data.slice(24, 88), hash);
		({ ledger_hash: hash } = answer);
		if (seq === newest)
			({ ledger_index: newest } = await socket.call('ledger', {
				ledger_index: 'validated',
			}));
	}
	const rate = ((seq - 2) * 1000) / (Date.now() - began);
	assert.ok(rate >= 250 / (process.env.TALLY_SLOW ?? 1), `${rate} ledgers a second`);
	socket.close();
	return `${Math.round(rate)} ledgers a second`;
});

await stop([node], 5000);
await test('no sanitizer and no broken invariant has spoken', 5, async () => {
	const text = fs.readFileSync(path.join(dir, 'output'), 'utf8');
	const at = text.search(/Sanitizer|runtime error:|broken invariant/);
	assert.equal(at, -1, text.slice(at, at + 3000));
});
fs.rmSync(dir, { recursive: true, force: true });
await finish();
