// SPDX-License-Identifier: ISC
// Idempotency-Key: repetitions around the death of a node have one effect. IDEMPOTENCY_KILLS kills.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const KILLS = Number(process.env.IDEMPOTENCY_KILLS ?? 30);
const MASTER = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'; // the well-known secret of "masterpassphrase"
const dir = scratch('idempotency');
const genesis = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
const receiver = xrpl.Wallet.generate().classicAddress;
const [port] = await freePorts(1);
const url = `http://127.0.0.1:${port}/`;
let node;
process.on('exit', () => node && signal(node, 'SIGKILL'));

const launch = () => {
	node = start(
		path.join(binaries(), 'tallyd'),
		['--standalone', '--data', path.join(dir, 'data'), '--http', String(port)],
		path.join(dir, 'output'),
	);
};

async function up() {
	launch();
	try {
		await until('it answers', seconds(10), () => rpc(url, 'server_info', {}, 500), 5);
	} catch (error) {
		const said = fs.readFileSync(path.join(dir, 'output'), 'utf8');
		throw new Error(`${error.message}; it has said: ${said.slice(-2000)}`);
	}
}

async function kill() {
	signal(node, 'SIGKILL');
	await stop([node], 1000);
}

// { status, replayed, text, result }; the connection's death is an error.
async function post(key, params, method = 'submit') {
	const answer = await fetch(url, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
		body: JSON.stringify({ method, params: [params] }),
	});
	const text = await answer.text();
	return {
		status: answer.status,
		replayed: answer.headers.get('idempotent-replayed') === 'true',
		retryAfter: answer.headers.get('retry-after'),
		text,
		result: JSON.parse(text).result,
	};
}

const signing = (drops) => ({
	secret: MASTER,
	tx_json: {
		TransactionType: 'Payment',
		Account: genesis.classicAddress,
		Destination: receiver,
		Amount: String(drops),
	},
});

async function blobOf(drops) {
	const { account_data: account } = await rpc(url, 'account_info', {
		account: genesis.classicAddress,
		ledger_index: 'current',
	});
	return genesis.sign({
		TransactionType: 'Payment',
		Account: genesis.classicAddress,
		Destination: receiver,
		Amount: String(drops),
		Fee: '10',
		Sequence: account.Sequence,
	});
}

// As a client would: until there is an answer that is one.
async function insist(key, params) {
	return until(
		'an answer',
		seconds(10),
		async () => {
			const answer = await post(key, params);
			if (answer.status !== 200) throw new Error(answer.text);
			return answer;
		},
		5,
	);
}

// Effects on the receiver: by amount, how often it was paid.
async function effects() {
	const paid = new Map();
	let marker;
	do {
		const page = await rpc(url, 'account_tx', {
			account: receiver,
			limit: 400,
			...(marker && { marker }),
		});
		for (const { tx, meta } of page.transactions) {
			assert.equal(meta.TransactionResult, 'tesSUCCESS');
			paid.set(tx.Amount, (paid.get(tx.Amount) ?? 0) + 1);
		}
		marker = page.marker;
	} while (marker);
	return paid;
}

fs.mkdirSync(dir, { recursive: true });

await must('the first answer is given again, also after a restart', 30, async () => {
	await up();
	const { tx_blob, hash } = await blobOf(100_000_000);
	const first = await post('first', { tx_blob });
	assert.equal(first.status, 200);
	assert.equal(first.replayed, false);
	assert.equal(first.result.engine_result, 'tesSUCCESS');
	assert.equal(first.result.tx_json.hash, hash);
	for (const restarted of [false, true]) {
		if (restarted) {
			await rpc(url, 'ledger_accept');
			await kill();
			await up();
		}
		const again = await post('first', { tx_blob });
		assert.equal(again.replayed, true);
		assert.equal(again.text, first.text);
	}
	const bare = await rpc(url, 'submit', { tx_blob });
	assert.match(bare.engine_result, /tefPAST_SEQ|tefALREADY/);
	assert.deepEqual(await effects(), new Map([['100000000', 1]]));
});

await test('another body under a key is 409, a key that is none 400', 10, async () => {
	const other = await post('first', { tx_blob: (await blobOf(5)).tx_blob });
	assert.equal(other.status, 409);
	assert.equal(other.result.error, 'idempotencyKeyReused');
	assert.equal((await post('k'.repeat(256), { tx_blob: '00' })).status, 400);
	assert.equal(
		(await post('k'.repeat(255), { tx_blob: '00' })).result.error,
		'invalidTransaction',
	);
});

await test('twenty at once with one key are one', 10, async () => {
	const answers = await Promise.all(
		Array.from({ length: 20 }, () => post('at once', signing(1_000_001))),
	);
	const done = answers.filter(({ status }) => status === 200);
	const busy = answers.filter(({ status }) => status === 409);
	assert.ok(done.length >= 1);
	assert.equal(done.length + busy.length, 20);
	for (const { result, retryAfter } of busy) {
		assert.equal(result.error, 'idempotencyKeyInUse');
		assert.equal(retryAfter, '1');
	}
	for (const { text } of done) assert.equal(text, done[0].text);
	await rpc(url, 'ledger_accept');
	assert.equal((await effects()).get('1000001'), 1);
});

// Killed at any time after the request was sent; what the client repeats is done once. The open
// ledger of a standalone node dies with it, so the repetition has to bring the transaction back.
await test(
	`${KILLS} kills around a submit that the node signs: one effect each`,
	30 + KILLS,
	async () => {
		const wanted = new Map(await effects());
		let replays = 0;
		let resumed = 0;
		for (let i = 0; i < KILLS; i++) {
			const drops = 2_000_000 + i;
			const key = `kill ${i}`;
			const first = post(key, signing(drops)).catch(() => undefined);
			await sleep((i % 10) * 1.5);
			await kill();
			const answered = await first;
			await up();
			const again = await insist(key, signing(drops));
			if (again.replayed) replays++;
			else resumed++;
			if (answered) {
				assert.ok(
					again.replayed,
					`attempt ${i} was answered, and then worked on again`,
				);
				assert.equal(again.text, answered.text);
			}
			assert.match(again.result.engine_result, /tesSUCCESS/);
			await until('it is validated', seconds(5), async () => {
				await rpc(url, 'ledger_accept');
				const tx = await rpc(url, 'tx', {
					transaction: again.result.tx_json.hash,
				});
				assert.equal(tx.validated, true);
				return true;
			});
			wanted.set(String(drops), 1);
		}
		assert.deepEqual([...(await effects())].sort(), [...wanted].sort());
		return `${replays} replayed, ${resumed} worked on again`;
	},
);

await test('nothing of the secret is on the disk', 5, () => {
	for (const file of ['data.mdb', 'lock.mdb']) {
		const bytes = fs.readFileSync(path.join(dir, 'data', 'keep', file));
		assert.equal(bytes.includes(MASTER), false);
	}
	return Promise.resolve();
});

await stop([node], 5000);
await test('no sanitizer and no broken invariant has spoken', 5, async () => {
	const text = fs.readFileSync(path.join(dir, 'output'), 'utf8');
	const at = text.search(/Sanitizer|runtime error:|broken invariant/);
	assert.equal(at, -1, text.slice(at, at + 3000));
});
fs.rmSync(dir, { recursive: true, force: true });
await finish();
