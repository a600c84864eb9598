// SPDX-License-Identifier: ISC
// 10,000 payouts from one wallet on a network of five, while other accounts pay as before: how long
// it takes, and what the others notice. For the nightly run; PAYOUT_LINES, PAYOUT_IDLE (seconds of
// the others alone, 60), PAYOUT_RATE (their payments a second, 5), PAYOUT_LIMIT (seconds that the
// payout may take, 600), PAYOUT_MARKET=1 (fees rise beyond 32 transactions in a ledger, as on the
// public network; testnets have room for 10,000).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries } from '../../tools/js/network.mjs';
import { rpc, rpcOr, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, network, seconds, test } from '../e2e/harness.mjs';

const LINES = Number(process.env.PAYOUT_LINES ?? 10000);
const IDLE = Number(process.env.PAYOUT_IDLE ?? 60);
const RATE = Number(process.env.PAYOUT_RATE ?? 5);
const LIMIT = Number(process.env.PAYOUT_LIMIT ?? 600);
const OTHERS = 20;
const XRP = 1_000_000n;

let net;
let url;
let faucet;
const others = [];
const receivers = Array.from({ length: 20 }, () => xrpl.Wallet.generate().classicAddress);

async function send(wallet, fields, to = url) {
	const { account_data: account } = await rpc(to, 'account_info', {
		account: wallet.classicAddress,
		ledger_index: 'current',
	});
	const { drops } = await rpc(to, 'fee');
	const fee = BigInt(drops.open_ledger_fee);
	const signed = wallet.sign({
		Account: wallet.classicAddress,
		Fee: String(fee < 100_000n ? fee : 100_000n),
		Sequence: account.Sequence,
		NetworkID: net.state.network_id,
		...fields,
	});
	const answer = await rpc(to, 'submit', { tx_blob: signed.tx_blob });
	return { hash: signed.hash, result: answer.engine_result, fee };
}

async function inLedger(hash, to = url) {
	return until(
		`${hash} is validated`,
		seconds(60),
		async () => {
			const tx = await rpc(to, 'tx', { transaction: hash });
			assert.equal(tx.validated, true);
			return tx;
		},
		100,
	);
}

const pay = (to, drops) => ({
	TransactionType: 'Payment',
	Destination: to,
	Amount: String(drops),
});

// One payment of somebody else: how long until it is validated, and what it cost.
async function timed(i, rows) {
	const to = net.httpUrl(net.nodes[1 + (i % 4)]);
	const began = Date.now();
	const { hash, fee, result } = await send(
		others[i % OTHERS],
		pay(receivers[0], 1000 + i),
		to,
	);
	await inLedger(hash, to);
	rows.push({ ms: Date.now() - began, fee: Number(fee), result });
}

// Until stop() says so; an account has one at a time.
async function crowd(stop) {
	const rows = [];
	const busy = new Map();
	const failed = [];
	for (let i = 0; !stop(); i++) {
		const who = i % OTHERS;
		if (!busy.has(who)) {
			const one = timed(i, rows)
				.catch((error) => failed.push(error.message))
				.finally(() => busy.delete(who));
			busy.set(who, one);
		}
		await sleep(1000 / RATE);
	}
	await Promise.all(busy.values());
	assert.deepEqual(failed, []);
	rows.sort((a, b) => a.ms - b.ms);
	const at = (share) => rows[Math.min(rows.length - 1, Math.floor(rows.length * share))].ms;
	return {
		n: rows.length,
		p50: at(0.5),
		p99: at(0.99),
		fee: Math.max(...rows.map((row) => row.fee)),
		queued: rows.filter((row) => row.result === 'terQUEUED').length,
	};
}

const shown = (c) =>
	`${c.n} payments of others: p50 ${(c.p50 / 1000).toFixed(1)} s, p99 ` +
	`${(c.p99 / 1000).toFixed(1)} s, fee at most ${c.fee} drops, ${c.queued} queued`;

let calm;
let hot;
await must('five nodes, a wallet, others', 90, async () => {
	const market = { minimum_txn_in_ledger: 32, maximum_txn_per_account: 10 };
	const config = process.env.PAYOUT_MARKET ? { transaction_queue: market } : {};
	net = await network('payouts', { count: 5, config });
	url = net.httpUrl(net.nodes[0]);
	const secret = JSON.parse(fs.readFileSync(path.join(net.dir, 'faucet.json'), 'utf8'));
	faucet = xrpl.Wallet.fromSeed(secret.seed);
	hot = xrpl.Wallet.generate();
	let last = await send(
		faucet,
		pay(hot.classicAddress, 5n * BigInt(LINES) * XRP + 1000n * XRP),
	);
	for (const to of receivers) last = await send(faucet, pay(to, 100n * XRP));
	for (let i = 0; i < OTHERS; i++) {
		others.push(xrpl.Wallet.generate());
		last = await send(faucet, pay(others[i].classicAddress, 1000n * XRP));
	}
	await inLedger(last.hash);
});

await test('the others alone', IDLE + 60, async () => {
	const end = Date.now() + IDLE * 1000;
	calm = await crowd(() => Date.now() > end);
	return shown(calm);
});

await test(`${LINES} payouts beside them`, LIMIT + 90, async () => {
	const list = path.join(net.dir, 'payouts.csv');
	const key = path.join(net.dir, 'hot.key');
	const report = path.join(net.dir, 'report.json');
	const rows = Array.from(
		{ length: LINES },
		(_, i) => `${receivers[i % receivers.length]},${i},${1_000_000 + i},${i}`,
	);
	fs.writeFileSync(list, ['destination,tag,amount_drops,reference', ...rows, ''].join('\n'));
	fs.writeFileSync(key, `${hot.seed}\n`, { mode: 0o600 });
	const began = Date.now();
	const args = ['--url', url, 'payout', list, '--from', key, '--report', report, '--json'];
	const more = (process.env.PAYOUT_ARGS ?? '').split(' ').filter(Boolean);
	const tool = spawn(path.join(binaries(), 'tally'), [...args, ...more]);
	let out = '';
	let err = '';
	let code;
	tool.stdout.on('data', (text) => (out += text));
	tool.stderr.on('data', (text) => (err += text));
	tool.on('close', (status) => (code = status));
	const late = setTimeout(() => tool.kill('SIGKILL'), seconds(LIMIT));
	const first = (await rpc(url, 'server_info')).info.validated_ledger.seq;
	const during = await crowd(() => code !== undefined);
	clearTimeout(late);
	const took = (Date.now() - began) / 1000;
	assert.equal(code, 0, out + err);
	const last = (await rpc(url, 'server_info')).info.validated_ledger.seq;
	const lines = JSON.parse(fs.readFileSync(report, 'utf8'));
	assert.ok(lines.every(({ outcome }) => outcome === 'paid'));
	assert.equal(new Set(lines.map(({ hash }) => hash)).size, LINES);
	const ledgers = new Set(lines.map(({ ledger }) => ledger)).size;
	const summary = JSON.parse(out);
	console.log(`# alone:  ${shown(calm)}`);
	console.log(`# beside: ${shown(during)}`);
	assert.ok(during.p99 <= 2 * calm.p99, `p99 ${during.p99} ms, ${calm.p99} ms alone`);
	return (
		`${took.toFixed(0)} s, ${last - first} ledgers, payouts in ${ledgers} of them, ` +
		`${summary.signed_again} signed again, fees ${summary.fees_drops} drops`
	);
});

await test('all nodes have the same ledger', 30, async () => {
	const seq = (await rpc(url, 'server_info')).info.validated_ledger.seq;
	const hashes = await Promise.all(
		net.nodes.map((node) =>
			until('it has it', seconds(20), async () => {
				const answer = await rpcOr(net.httpUrl(node), 'ledger', {
					ledger_index: seq,
				});
				assert.ok(answer?.validated);
				return answer.ledger_hash;
			}),
		),
	);
	assert.equal(new Set(hashes).size, 1);
});
await finish();
