// SPDX-License-Identifier: ISC
// The fee market of a network that takes six transactions of a ledger for the base fee: what more
// of them cost, what waits, is replaced and shown, and how it gets in.
import assert from 'node:assert/strict';
import { xrpl } from '../../tools/js/clients.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { payment, sequenceOf, testWallet } from './accounts.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';
import { Socket } from './socket.mjs';

const FREE = 6; // one more than is expected
let net;
let url;
const wallet = testWallet;
const address = (i) => wallet(i).classicAddress;
const fee = () => rpc(url, 'fee');

async function send(i, { drops = '10', ahead = 0, ...extra } = {}) {
	const sequence = (await sequenceOf(url, address(i))) + ahead;
	const signed = payment(net, wallet(i), address(0), 1, sequence, { Fee: drops, ...extra });
	const answer = await rpc(url, 'submit', { tx_blob: signed.tx_blob });
	return { ...answer, hash: signed.hash, sequence };
}

// Runs `what`, again when the open ledger has closed meanwhile: what is seen is of one ledger.
async function inOneLedger(what) {
	const index = async () => Number((await fee()).ledger_current_index);
	for (let attempt = 0; attempt < 6; attempt++) {
		const now = await index();
		let failure;
		await what(attempt).catch((error) => (failure = error));
		if ((await index()) === now) {
			if (failure) throw failure;
			return;
		}
		await until('an empty ledger', seconds(15), async () => {
			const seen = await fee();
			return seen.current_ledger_size === '0' && seen.current_queue_size === '0';
		});
	}
	throw new Error('no ledger was open for long enough');
}

const validated = (hash) =>
	until('it is validated', seconds(15), async () => {
		const tx = await rpc(url, 'tx', { transaction: hash });
		assert.equal(tx.validated, true);
		return tx;
	});

await must('a network that expects five transactions of a ledger', 30, async () => {
	net = await network('queue', {
		count: 1,
		accounts: 200,
		config: {
			transaction_queue: {
				minimum_txn_in_ledger: FREE - 1,
				minimum_txn_in_ledger_standalone: FREE - 1,
				target_txn_in_ledger: FREE - 1,
				maximum_txn_in_ledger: FREE - 1,
				maximum_txn_per_account: 10,
			},
		},
	});
	url = net.httpUrl(net.nodes[0]);
});

await test('an empty ledger costs the base fee', 5, async () => {
	const { drops, levels, ...rest } = await fee();
	assert.deepEqual(drops, {
		base_fee: '10',
		median_fee: '5000',
		minimum_fee: '10',
		open_ledger_fee: '10',
	});
	assert.deepEqual(levels, {
		median_level: '128000',
		minimum_level: '256',
		open_ledger_level: '256',
		reference_level: '256',
	});
	assert.equal(rest.expected_ledger_size, '5');
	assert.equal(rest.max_queue_size, '2000');
	assert.equal(rest.current_queue_size, '0');
	const { info } = await rpc(url, 'server_info');
	assert.equal(info.load_factor, 1);
	assert.equal(info.load_factor_fee_escalation, undefined);
});

await test('the stock client fills the fee in as ever', 10, async () => {
	const client = new xrpl.Client(net.wsUrl(net.nodes[0]));
	await client.connect();
	const filled = await client.autofill({
		TransactionType: 'Payment',
		Account: address(190),
		Destination: address(0),
		Amount: '1',
	});
	assert.equal(filled.Fee, '12'); // with its own cushion
	await client.disconnect();
});

// Accounts are used in turn, so that an attempt does not meet what an earlier one has left.
const waits = {};

await test('the seventh waits, is seen to, and is replaced for a quarter more', 25, async () => {
	await inOneLedger(async (attempt) => {
		const base = 1 + attempt * 10;
		const stream = await Socket.open(net.wsUrl(net.nodes[0]));
		await stream.call('subscribe', { streams: ['server'] });
		for (let i = 0; i < FREE; i++) {
			const answer = await send(base + i);
			assert.equal(answer.engine_result, 'tesSUCCESS');
			assert.equal(answer.queued, false);
		}
		const first = await send(base + 7);
		assert.equal(first.engine_result, 'terQUEUED');
		assert.ok(first.queued && first.accepted && first.broadcast && first.kept);
		assert.equal(first.applied, false);
		assert.equal(first.open_ledger_cost, '7200'); // 5000 * 36 / 25
		assert.equal(first.account_sequence_next, first.sequence);
		assert.equal(first.account_sequence_available, first.sequence + 1);
		const second = await send(base + 7, { ahead: 1 });
		assert.equal(second.engine_result, 'terQUEUED');

		const now = await fee();
		assert.equal(now.drops.open_ledger_fee, '7200');
		assert.equal(now.levels.open_ledger_level, '184320');
		assert.equal(now.current_queue_size, '2');
		assert.equal(now.current_ledger_size, String(FREE));
		const { info } = await rpc(url, 'server_info');
		assert.equal(info.load_factor, 720);
		assert.equal(info.load_factor_server, 1);
		const { state } = await rpc(url, 'server_state');
		assert.equal(state.load_factor, 184320);
		assert.equal(state.load_factor_fee_escalation, 184320);
		assert.equal(state.load_factor_server, 256);

		const shown = await rpc(url, 'account_info', {
			account: address(base + 7),
			ledger_index: 'current',
			queue: true,
		});
		const { transactions, ...sums } = shown.queue_data;
		assert.deepEqual(sums, {
			txn_count: 2,
			sequence_count: 2,
			lowest_sequence: first.sequence,
			highest_sequence: first.sequence + 1,
			auth_change_queued: false,
			max_spend_drops_total: '22',
		});
		assert.deepEqual(transactions[0], {
			seq: first.sequence,
			fee_level: '256',
			fee: '10',
			max_spend_drops: '11',
			auth_change: false,
		});
		const ledger = await rpc(url, 'ledger', { ledger_index: 'current', queue: true });
		assert.deepEqual(
			ledger.queue_data.map((q) => [q.account, q.retries_remaining]),
			[
				[address(base + 7), 10],
				[address(base + 7), 10],
			],
		);

		const little = await send(base + 7, { ahead: 1, drops: '12' });
		assert.equal(little.engine_result, 'telCAN_NOT_QUEUE_FEE');
		const more = await send(base + 7, { ahead: 1, drops: '13' });
		assert.equal(more.engine_result, 'terQUEUED');
		const late = await send(base + 8, {
			LastLedgerSequence: Number(now.ledger_current_index) + 1,
		});
		assert.equal(late.engine_result, 'telCAN_NOT_QUEUE');
		const rich = await send(base + 9, { drops: now.drops.open_ledger_fee });
		assert.equal(rich.engine_result, 'tesSUCCESS');
		const told = stream.messages.filter((m) => m.type === 'serverStatus');
		assert.ok(told.some((m) => m.load_factor_fee_escalation === 184320));
		stream.close();
		Object.assign(waits, { first, second, more });
	});
});

await test('ten of one account wait, an eleventh pays for all or is refused', 25, async () => {
	await inOneLedger(async (attempt) => {
		const base = 100 + attempt * 10;
		for (let i = 0; (await fee()).drops.open_ledger_fee === '10'; i++)
			assert.equal((await send(base + i)).engine_result, 'tesSUCCESS');
		const before = await fee();
		for (let ahead = 0; ahead < 10; ahead++)
			assert.equal((await send(base + 6, { ahead })).engine_result, 'terQUEUED');
		const eleventh = await send(base + 6, { ahead: 10 });
		assert.equal(eleventh.engine_result, 'telCAN_NOT_QUEUE_FULL');
		// The last of them takes all others along when it pays what all would have to.
		const all = await send(base + 6, { ahead: 9, drops: '900000' });
		assert.equal(all.engine_result, 'tesSUCCESS');
		const after = await fee();
		assert.equal(after.current_queue_size, before.current_queue_size);
		assert.equal(
			Number(after.current_ledger_size),
			Number(before.current_ledger_size) + 10,
		);
	});
});

await test('it gets in, what it replaced does not', 20, async () => {
	await validated(waits.first.hash);
	await validated(waits.more.hash);
	const gone = await rpc(url, 'tx', { transaction: waits.second.hash }).catch((e) => e);
	assert.ok(!gone.validated);
	await until('the queue is empty', seconds(5), async () => {
		return (await fee()).current_queue_size === '0';
	});
});

await finish();
