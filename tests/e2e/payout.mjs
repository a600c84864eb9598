// SPDX-License-Identifier: ISC
// `tally payout` and `tally refund` against a real node: kills of the tool and of the node, lines
// that are refused or unfunded, a journal that cannot be written, refunds that compete.
// PAYOUT_LINES lines (300), PAYOUT_KILLS kills (3), PAYOUT_SEED.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const LINES = Number(process.env.PAYOUT_LINES ?? 300);
const KILLS = Number(process.env.PAYOUT_KILLS ?? 3);
const SEED = Number(process.env.PAYOUT_SEED ?? Date.now() % 1e9);
const OK = 0;
const FAILED = 1;
const REJECTED = 2;
const EXPIRED = 4;
const UNFINISHED = 5;
const UNREACHABLE = 6;
const USAGE = 64;
const MASTER = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'; // the well-known secret of "masterpassphrase"
const XRP = 1_000_000n;

const dir = scratch('payout');
const [port, wsPort] = await freePorts(2);
const url = `http://127.0.0.1:${port}/`;
const genesis = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
let node;
const tools = new Set();
process.on('exit', () => {
	for (const tool of tools) tool.kill('SIGKILL');
	if (node) signal(node, 'SIGKILL');
});

// mulberry32: the same kills for the same seed
let state = SEED;
function draw(n) {
	state = (state + 0x6d2b79f5) | 0;
	let t = Math.imul(state ^ (state >>> 15), 1 | state);
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
	return ((t ^ (t >>> 14)) >>> 0) % n;
}

const file = (name) => path.join(dir, name);

function launch() {
	node = start(
		path.join(binaries(), 'tallyd'),
		[
			...['--standalone', '--data', file('data'), '--close-every', '250'],
			...['--http', String(port), '--ws', String(wsPort)],
		],
		file('output'),
	);
}

async function up() {
	launch();
	await until('it answers', seconds(10), () => rpc(url, 'server_info', {}, 500), 20);
}

// A run of tally; killAfter: milliseconds until SIGKILL. { code, out, err }, code null when killed.
function tally(args, { env = {}, killAfter } = {}) {
	return new Promise((resolve, reject) => {
		const tool = spawn(path.join(binaries(), 'tally'), args.map(String), {
			env: { ...process.env, TALLY_URL: url, TALLY_SEED_FILE: '', ...env },
		});
		let out = '';
		let err = '';
		tools.add(tool);
		tool.stdout.on('data', (text) => (out += text));
		tool.stderr.on('data', (text) => (err += text));
		tool.on('error', reject);
		tool.on('close', (code) => {
			tools.delete(tool);
			resolve({ code, out, err });
		});
		if (killAfter !== undefined) setTimeout(() => tool.kill('SIGKILL'), killAfter);
	});
}

async function exits(code, args, said, options) {
	const done = await tally(args, options);
	const shown = `tally ${args.join(' ')}: ${done.code}: ${done.out}${done.err}`;
	assert.equal(done.code, code, shown);
	if (said) assert.match(done.out + done.err, said, shown);
	return done;
}

async function validated(hash) {
	return until('it is validated', seconds(10), async () => {
		const tx = await rpc(url, 'tx', { transaction: hash, api_version: 2 });
		assert.equal(tx.validated, true);
		return tx;
	});
}

// A transaction of any wallet, signed here, to its end.
async function submit(wallet, fields) {
	const { account_data: account } = await rpc(url, 'account_info', {
		account: wallet.classicAddress,
		ledger_index: 'current',
	});
	const { tx_blob, hash } = wallet.sign({
		Account: wallet.classicAddress,
		Fee: '10',
		Sequence: account.Sequence,
		...fields,
	});
	await rpc(url, 'submit', { tx_blob });
	return validated(hash);
}

// A funded wallet of its own for each test, so that what it has done is what the test did.
async function wallet(name, xrp) {
	const made = xrpl.Wallet.generate();
	await submit(genesis, {
		TransactionType: 'Payment',
		Destination: made.classicAddress,
		Amount: String(BigInt(xrp) * XRP),
	});
	made.key = file(`${name}.key`);
	fs.writeFileSync(made.key, `${made.seed}\n`, { mode: 0o600 });
	return made;
}

const receivers = Array.from({ length: 10 }, () => xrpl.Wallet.generate().classicAddress);
const amount = (i) => 20_000_000 + i;

// destination, tag = number of the line, amount, reference
function payments(name, n, more = []) {
	const rows = ['destination,tag,amount_drops,reference'];
	for (let i = 0; i < n; i++)
		rows.push(`${receivers[i % receivers.length]},${i},${amount(i)},${name}-${i}`);
	fs.writeFileSync(file(name), [...rows, ...more, ''].join('\n'));
	return file(name);
}

async function history(account) {
	const rows = [];
	let marker;
	do {
		const page = await rpc(url, 'account_tx', {
			...{
				account,
				limit: 200,
				forward: true,
				api_version: 2,
				ledger_index_min: -1,
			},
			...(marker && { marker }),
		});
		rows.push(...page.transactions);
		marker = page.marker;
	} while (marker);
	return rows;
}

// How often each tag was paid, with what.
async function paidTags(from) {
	const paid = new Map();
	for (const { tx_json: tx, meta, hash } of await history(from)) {
		if (tx.TransactionType !== 'Payment' || tx.Account !== from) continue;
		if (meta.TransactionResult !== 'tesSUCCESS') continue;
		assert.ok(!paid.has(tx.DestinationTag), `line ${tx.DestinationTag} was paid twice`);
		paid.set(tx.DestinationTag, { drops: meta.delivered_amount, hash });
	}
	return paid;
}

async function allPaidOnce(from, n, report) {
	const paid = await paidTags(from);
	assert.equal(paid.size, n);
	for (let i = 0; i < n; i++) assert.equal(paid.get(i).drops, String(amount(i)));
	const rows = JSON.parse(fs.readFileSync(report, 'utf8'));
	assert.equal(rows.length, n);
	rows.forEach((row, i) => {
		assert.equal(row.outcome, 'paid');
		assert.equal(row.hash, paid.get(i).hash);
		assert.equal(row.delivered_drops, String(amount(i)));
	});
}

fs.mkdirSync(dir, { recursive: true });
await must('a node', 15, up);

await test('a file is checked whole, each error names its line, nothing is sent', 10, async () => {
	const from = await wallet('checked', 1000);
	const good = payments('good.csv', 20);
	const to = receivers[0];
	const bad = [
		'nobody,1,5,a',
		`${to},x,5,b`,
		`${to},2,1.5,c`,
		`${to},3,-5,d`,
		`${to},4,0,e`,
		`${to},5,5,good-1`,
		`${to},6,5,good-1`,
		`${to},7,5,`,
		`${to},8,5`,
		`${from.classicAddress},9,5,f`,
	];
	const worse = payments('worse.csv', 3, bad);
	const done = await exits(USAGE, ['payout', worse, '--from', from.key], /nothing was sent/);
	for (const line of [5, 6, 7, 8, 9, 11, 12, 13, 14])
		assert.match(done.err, new RegExp(`worse.csv:${line}: `));
	assert.ok(!fs.existsSync(`${worse}.journal`));

	const dry = await exits(OK, ['payout', good, '--from', from.key, '--dry-run'], /Nothing/);
	assert.match(dry.out, /20 payments, 400\.00019 XRP/);
	assert.match(dry.out, /20 at first, 40 XRP of reserve/);
	for (const name of ['.journal', '.journal.lock']) assert.ok(!fs.existsSync(good + name));
	assert.equal((await paidTags(from.classicAddress)).size, 0);
});

await test(
	`${LINES} lines, ${KILLS} kills: each is paid once`,
	20 + LINES / 10 + KILLS * 3,
	async () => {
		const from = await wallet('hot', 30 * LINES + 1000);
		const list = payments('list.csv', LINES);
		const report = file('list-report.json');
		const args = ['payout', list, '--from', from.key, '--report', report];
		let killed = 0;
		for (let i = 0; i < KILLS; i++)
			if (
				(
					await tally(args, {
						killAfter:
							10 + draw(Math.ceil((3 * LINES) / KILLS)),
					})
				).code === null
			)
				killed++;
		const last = await exits(OK, args, new RegExp(`${LINES} of ${LINES} paid`));
		await allPaidOnce(from.classicAddress, LINES, report);
		const { account_data: account } = await rpc(url, 'account_info', {
			account: from.classicAddress,
		});
		assert.equal(account.TicketCount ?? 0, 0);
		const again = await exits(OK, [...args, '--json']);
		assert.equal(JSON.parse(again.out).signed, 0);
		assert.ok(killed > 0, 'it was too quick to be killed');
		return `seed ${SEED}, ${killed} killed; ${last.out.trim()}`;
	},
);

await test('the node dies meanwhile', 40, async () => {
	const from = await wallet('steady', 9000);
	const list = payments('steady.csv', 300);
	const report = file('steady-report.json');
	const run = exits(OK, [
		'payout',
		list,
		'--from',
		from.key,
		'--report',
		report,
		'--tickets',
		'60',
	]);
	for (const ms of [400, 700]) {
		await sleep(ms);
		signal(node, 'SIGKILL');
		await stop([node], 1000);
		await sleep(300);
		await up();
	}
	const done = await run;
	assert.match(done.err, /tally payout: http/);
	await allPaidOnce(from.classicAddress, 300, report);
});

await test('refused and unfunded lines do not stop the others', 20, async () => {
	const from = await wallet('poor', 500);
	const nobody = xrpl.Wallet.generate().classicAddress;
	const list = payments('poor.csv', 10, [
		`${nobody},100,1000000,too little to found an account`,
		`${receivers[0]},101,900000000,more than there is`,
		`${receivers[0]},102,20000000,behind it`,
	]);
	const report = file('poor.report.csv');
	const args = ['payout', list, '--from', from.key, '--report', report];
	const done = await exits(FAILED, args, /the wallet is empty/);
	assert.match(done.out, /line 12: refused tecNO_DST_INSUF_XRP/);
	assert.match(done.out, /line 13: unfunded/);
	assert.match(done.out, /11 of 13 paid/);
	const rows = fs.readFileSync(report, 'utf8').trim().split('\n');
	assert.equal(rows.length, 14);
	assert.match(rows[11], /^12,.*,refused,tecNO_DST_INSUF_XRP,[0-9A-F]{64},\d+,0$/);
	assert.match(rows[12], /^13,.*,unfunded,,,,0$/);
	await submit(genesis, {
		TransactionType: 'Payment',
		Destination: from.classicAddress,
		Amount: '1000000000',
	});
	await exits(FAILED, args, /12 of 13 paid/); /* the refused one stays so */
	const paid = await paidTags(from.classicAddress);
	assert.equal(paid.size, 12);
	assert.equal(paid.get(101).drops, '900000000');
});

await test('a journal belongs to one file, one wallet, one process', 15, async () => {
	const from = await wallet('one', 1000);
	const other = await wallet('other', 1000);
	const list = payments('one.csv', 10);
	const args = ['payout', list, '--from', from.key];
	await exits(OK, args);
	fs.appendFileSync(list, `${receivers[0]},99,5,one more\n`);
	await exits(FAILED, args, /another file/);
	payments('one.csv', 10);
	await exits(FAILED, ['payout', list, '--from', other.key], /another wallet/);
	const both = await Promise.all([0, 1].map(() => tally(args)));
	for (const { code, err } of both)
		assert.ok(
			code === OK || (code === FAILED && /another process has it/.test(err)),
			err,
		);
	assert.equal((await paidTags(from.classicAddress)).size, 10);
	/* a byte that rotted */
	const bytes = fs.readFileSync(`${list}.journal`);
	bytes[bytes.length >> 1] ^= 4;
	fs.writeFileSync(`${list}.journal`, bytes);
	await exits(FAILED, args, /damaged at byte/);
});

await test('a journal that fails: it stops, and goes on later', 30, async () => {
	const from = await wallet('full', 2000);
	let stopped = 0;
	for (const op of ['pwrite:ENOSPC:2', 'fdatasync:EIO:3', 'pwrite:EIO:4', 'open:EIO:2']) {
		const list = payments(`full${stopped}.csv`, 8);
		const env = {
			LD_PRELOAD: path.join(binaries(), 'fail_shim.so'),
			TALLY_FAIL_ROOT: dir,
			TALLY_FAIL_FILE: `full${stopped}.csv.journal`,
			TALLY_FAIL_OP: op,
		};
		const args = ['payout', list, '--from', from.key];
		const done = await tally(args, { env });
		assert.ok(
			[FAILED, UNFINISHED].includes(done.code),
			`${op}: ${done.code} ${done.err}`,
		);
		assert.match(done.err, /No space left|Input\/output error/);
		stopped++;
		await exits(OK, args, /8 of 8 paid/);
	}
	const payouts = (await history(from.classicAddress)).filter(
		({ tx_json: tx }) =>
			tx.TransactionType === 'Payment' && tx.Account === from.classicAddress,
	);
	assert.equal(payouts.length, 8 * stopped);
});

await test('nobody answers, and the wrong key', 15, async () => {
	const from = await wallet('lone', 1000);
	const list = payments('lone.csv', 2);
	const [dead] = await freePorts(1);
	const env = { TALLY_URL: `http://127.0.0.1:${dead}/` };
	await exits(UNREACHABLE, ['payout', list, '--from', from.key], null, { env });
	const account = ['--account', genesis.classicAddress];
	await exits(REJECTED, ['payout', list, '--from', from.key, ...account], /tefBAD_AUTH/);
	fs.rmSync(`${list}.journal`);
	/* a regular key is as good, and references may go along */
	const regular = await wallet('regular', 20);
	await submit(from, {
		TransactionType: 'SetRegularKey',
		RegularKey: regular.classicAddress,
	});
	const by = ['--from', regular.key, '--account', from.classicAddress, '--memo'];
	await exits(OK, ['payout', list, ...by], /2 of 2 paid/);
	const memos = (await history(from.classicAddress))
		.filter(({ tx_json: tx }) => tx.TransactionType === 'Payment' && tx.Memos)
		.map(({ tx_json: tx }) => Buffer.from(tx.Memos[0].Memo.MemoData, 'hex').toString());
	assert.deepEqual(memos.sort(), ['lone.csv-0', 'lone.csv-1']);
});

await test('two files of one wallet, side by side', 40, async () => {
	const from = await wallet('both', 9000);
	const early = await bought(from, await wallet('early', 100), 5);
	const lists = ['side1.csv', 'side2.csv'].map((name) => payments(name, 150));
	const runs = lists.map((list) =>
		exits(OK, ['payout', list, '--from', from.key], /150 of 150/),
	);
	await Promise.all(runs);
	const paid = (await history(from.classicAddress)).filter(
		({ tx_json: tx }) =>
			tx.TransactionType === 'Payment' && tx.Account === from.classicAddress,
	);
	assert.equal(paid.length, 300);
	/* what was refunded is found behind pages of other transactions */
	const back = ['refund', early, '--from', from.key, '--amount', '3'];
	await exits(OK, back);
	await exits(REJECTED, back, /3 XRP is too much: 5 were delivered, 3 were refunded/);
});

await test('asked to end, it says so and goes on later', 15, async () => {
	const from = await wallet('asked', 9000);
	const args = ['payout', payments('asked.csv', 300), '--from', from.key, '--tickets', '20'];
	const run = tally(args);
	await until(
		'it is at work',
		seconds(10),
		() => fs.statSync(`${args[1]}.journal`).size > 1000,
		20,
	);
	for (const tool of tools) tool.kill('SIGINT');
	const { code, err } = await run;
	assert.equal(code, UNFINISHED, err);
	assert.match(err, /stopped; the same command goes on/);
	args.splice(-2);
	await exits(OK, args, /300 of 300 paid/);
	assert.equal((await paidTags(from.classicAddress)).size, 300);
});

// ---- refunds ----

async function bought(shop, customer, xrp) {
	const paid = await submit(customer, {
		TransactionType: 'Payment',
		Destination: shop.classicAddress,
		Amount: String(BigInt(xrp) * XRP),
		SourceTag: 77,
	});
	return paid.hash;
}

async function refunded(shop, hash) {
	let sum = 0n;
	for (const { tx_json: tx, meta } of await history(shop.classicAddress)) {
		const data = tx.Memos?.[0]?.Memo?.MemoData;
		if (data !== hash || meta.TransactionResult !== 'tesSUCCESS') continue;
		assert.equal(Buffer.from(tx.Memos[0].Memo.MemoType, 'hex').toString(), 'refund/of');
		assert.equal(tx.DestinationTag, 77);
		sum += BigInt(meta.delivered_amount);
	}
	return sum;
}

await test('a refund goes back in parts, and no more than was paid', 30, async () => {
	const shop = await wallet('shop', 500);
	const customer = await wallet('customer', 500);
	const hash = await bought(shop, customer, 10);
	const args = ['refund', hash, '--from', shop.key];
	await exits(OK, [...args, '--amount', '4'], /4 XRP refunded/);
	await exits(REJECTED, [...args, '--amount', '6.000001'], /too much/);
	await exits(OK, args, /6 XRP refunded/);
	await exits(REJECTED, args, /all of it/);
	await exits(REJECTED, [...args, '--amount', '0.000001'], /all of it/);
	assert.equal(await refunded(shop, hash), 10n * XRP);
	/* nothing that could be refunded */
	await exits(REJECTED, ['refund', hash, '--from', customer.key], /not paid to/);
	await exits(FAILED, ['refund', '0'.repeat(64), '--from', shop.key], /txnNotFound/);
	await exits(USAGE, ['refund', 'abc', '--from', shop.key], /no transaction/);
	await exits(USAGE, [...args, '--amount', '1e3'], /no amount/);
	const failed = await submit(customer, {
		TransactionType: 'Payment',
		Destination: shop.classicAddress,
		Amount: String(9000n * XRP),
	});
	assert.equal(failed.meta.TransactionResult, 'tecUNFUNDED_PAYMENT');
	await exits(REJECTED, ['refund', failed.hash, '--from', shop.key], /has paid nothing/);
	/* without a journal the ledger still knows */
	fs.rmSync(`${shop.key}.refunds`);
	await exits(REJECTED, args, /all of it/);
});

await test('refunds that are killed or compete', 40, async () => {
	const shop = await wallet('busy', 2000);
	const customer = await wallet('buyer', 2000);
	const hash = await bought(shop, customer, 40);
	for (let i = 0; i < 5; i++) {
		const args = ['refund', hash, '--from', shop.key, '--amount', '2'];
		await tally(args, { killAfter: 5 + draw(300) });
		await exits(OK, args); /* finds out, or refunds */
	}
	const sum = await refunded(shop, hash);
	assert.ok(sum >= 10n * XRP && sum <= 20n * XRP, String(sum));
	/* two at once, one journal: the lock; journals of their own: the Sequence */
	const want = [
		'refund',
		hash,
		'--from',
		shop.key,
		'--amount',
		String((40n * XRP - sum) / XRP),
	];
	const locked = await Promise.all([0, 1].map(() => tally(want)));
	assert.ok(
		locked.some(({ code }) => code === OK),
		JSON.stringify(locked),
	);
	assert.equal(await refunded(shop, hash), 40n * XRP);
	const second = await bought(shop, customer, 30);
	const three = await Promise.all(
		[0, 1, 2].map((i) =>
			tally(['refund', second, '--from', shop.key, '--journal', file(`own${i}`)]),
		),
	);
	assert.deepEqual(
		three.map(({ code }) => code).filter((code) => code === OK).length,
		1,
		JSON.stringify(three),
	);
	for (const { code } of three) assert.ok([OK, REJECTED, EXPIRED].includes(code));
	assert.equal(await refunded(shop, second), 30n * XRP);
});

await stop([node], 5000);
await test('no sanitizer and no broken invariant has spoken', 5, async () => {
	const text = fs.readFileSync(file('output'), 'utf8');
	const at = text.search(/Sanitizer|runtime error:|broken invariant/);
	assert.equal(at, -1, text.slice(at, at + 3000));
});
fs.rmSync(dir, { recursive: true, force: true });
await finish();
