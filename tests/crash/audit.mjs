// SPDX-License-Identifier: ISC
// Reads a whole chain of payments and applies it once more: every ledger follows the one before,
// every transaction stands in one ledger only, each account ends with the balance and the sequence
// that its payments give, and XRP has become less by the fees alone.
import assert from 'node:assert/strict';
import { testWallet } from '../e2e/accounts.mjs';

const FIRST = 2; // the ledger of the genesis that a network starts on

async function holding(connection, address, seq) {
	const { account_data: data } = await connection.ask('account_info', {
		account: address,
		ledger_index: seq,
	});
	return { balance: BigInt(data.Balance), sequence: data.Sequence };
}

function apply(accounts, tx, result) {
	const fee = BigInt(tx.Fee);
	const from = accounts.get(tx.Account);
	from.sequence++;
	from.balance -= fee;
	if (result !== 'tesSUCCESS') return fee;
	const amount = BigInt(tx.DeliverMax ?? tx.Amount);
	from.balance -= amount;
	accounts.get(tx.Destination).balance += amount;
	return fee;
}

// { ledgers, transactions: id -> ledger sequence } of the chain up to the last validated ledger.
export async function audit(connection, count) {
	const { ledger_index: last } = await connection.ask('ledger', {
		ledger_index: 'validated',
	});
	const accounts = new Map();
	for (let i = 0; i < count; i++) {
		const address = testWallet(i).classicAddress;
		accounts.set(address, await holding(connection, address, FIRST));
	}
	const transactions = new Map();
	let before = (await connection.ask('ledger', { ledger_index: FIRST })).ledger;
	for (let seq = FIRST + 1; seq <= last; seq++) {
		const { ledger, validated } = await connection.ask('ledger', {
			ledger_index: seq,
			transactions: true,
			expand: true,
		});
		assert.equal(validated, true);
		assert.equal(ledger.parent_hash, before.ledger_hash, `ledger ${seq}`);
		let fees = 0n;
		const inOrder = ledger.transactions.sort(
			(a, b) => a.meta.TransactionIndex - b.meta.TransactionIndex,
		);
		for (const { hash, tx_json: tx, meta } of inOrder) {
			assert.ok(!transactions.has(hash), `${hash} was applied twice`);
			transactions.set(hash, seq);
			fees += apply(accounts, tx, meta.TransactionResult);
		}
		assert.equal(
			BigInt(before.total_coins) - BigInt(ledger.total_coins),
			fees,
			`XRP in ledger ${seq}`,
		);
		before = ledger;
	}
	for (const [address, want] of accounts)
		assert.deepEqual(await holding(connection, address, last), want, address);
	return { ledgers: last - FIRST, transactions };
}
