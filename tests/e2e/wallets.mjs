// SPDX-License-Identifier: ISC
// What wallets do with their keys, in the stock client: regular keys, signer lists of every length,
// several signatures made by the client or by the server, tickets out of order, deposits that want
// leave, accounts that are deleted and come back, keys that are thrown away.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { balanceOf } from './accounts.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('wallets');
const [http, ws] = await freePorts(2);
const url = `http://127.0.0.1:${http}/`;
const genesis = xrpl.Wallet.fromSeed('snoPBrXtMeMyMHUVTgbuqAfg1SUTb', {
	algorithm: 'ecdsa-secp256k1',
});
const NOBODY = 'rrrrrrrrrrrrrrrrrrrrBZbvji'; // nobody has its key
const client = new xrpl.Client(`ws://127.0.0.1:${ws}`);
let node;

// Keys of both kinds, of which no two runs have the same.
const wallet = (algorithm = 'ed25519') => xrpl.Wallet.generate(algorithm);
const accept = () => client.request({ command: 'ledger_accept' });
const ask = (command, params) =>
	client.request({ command, ledger_index: 'validated', ...params }).then((r) => r.result);

// Submits a blob; the preliminary result has to be the one that is expected.
async function submit(signed, result = 'tesSUCCESS') {
	const answer = (await client.submit(signed.tx_blob)).result;
	assert.equal(answer.engine_result, result, answer.engine_result_message);
	return answer;
}

async function settle(hash, result = 'tesSUCCESS') {
	await accept();
	const { result: tx } = await client.request({ command: 'tx', transaction: hash });
	assert.equal(tx.validated, true);
	assert.equal(tx.meta.TransactionResult, result);
	return tx;
}

// What it would do, and then what it does: the same.
async function send(tx, signer, result = 'tesSUCCESS') {
	const prepared = await client.autofill(tx);
	const tx_json = { ...prepared, SigningPubKey: signer.publicKey };
	const tried = (await client.request({ command: 'simulate', tx_json })).result;
	const signed = signer.sign(prepared);
	assert.equal(tried.engine_result, result);
	await submit(signed, result);
	if (!/^te[cs]/.test(result)) return undefined;
	const done = await settle(signed.hash, result);
	assert.deepEqual(tried.meta, done.meta);
	return done;
}

// Filled accounts, in one ledger.
async function fund(xrp, ...wallets) {
	const prepared = await client.autofill({
		TransactionType: 'Payment',
		Account: genesis.classicAddress,
		Destination: wallets[0].classicAddress,
		Amount: xrpl.xrpToDrops(xrp),
	});
	for (const [i, to] of wallets.entries())
		await submit(
			genesis.sign({
				...prepared,
				Destination: to.classicAddress,
				Sequence: prepared.Sequence + i,
			}),
		);
	await accept();
}

const signerList = (account, quorum, members) => ({
	TransactionType: 'SignerListSet',
	Account: account.classicAddress,
	SignerQuorum: quorum,
	SignerEntries: members.map((m) => ({
		SignerEntry: { Account: m.classicAddress, SignerWeight: 1 },
	})),
});
const pay = (from, to, xrp = 1) => ({
	TransactionType: 'Payment',
	Account: from.classicAddress,
	Destination: to.classicAddress,
	Amount: xrpl.xrpToDrops(xrp),
});
const noop = (account, more = {}) => ({
	TransactionType: 'AccountSet',
	Account: account.classicAddress,
	...more,
});

fs.mkdirSync(dir, { recursive: true });
process.on('exit', (code) => {
	if (node) signal(node, 'SIGKILL');
	if (code === 0) fs.rmSync(dir, { recursive: true, force: true });
});

await must('a node and the stock client', 15, async () => {
	const ports = ['--http', String(http), '--ws', String(ws)];
	node = start(
		path.join(binaries(), 'tallyd'),
		['--standalone', ...ports],
		path.join(dir, 'output'),
	);
	await until('it answers', seconds(10), () => rpc(url, 'server_info', {}, 500), 20);
	await client.connect();
});

const old = wallet(); // to be deleted in the end
const [alice, bob, keeper] = [wallet(), wallet('ecdsa-secp256k1'), wallet()];

await must('accounts', 15, () => fund(10000, old, alice, bob, keeper));

await test('a regular key signs, the free change of it is free once', 20, async () => {
	const [first, second] = [wallet('ecdsa-secp256k1'), wallet()];
	const set = (key) => ({
		TransactionType: 'SetRegularKey',
		Account: alice.classicAddress,
		...(key && { RegularKey: key.classicAddress }),
	});
	const before = await client.getXrpBalance(alice.classicAddress);
	const free = { ...(await client.autofill(set(first))), Fee: '0' };
	const signed = alice.sign(free);
	await submit(signed);
	await settle(signed.hash);
	assert.equal(await client.getXrpBalance(alice.classicAddress), before);
	await submit(
		alice.sign({ ...(await client.autofill(set(second))), Fee: '0' }),
		'telINSUF_FEE_P',
	);
	await send(noop(alice), first);
	await send(set(second), first);
	await send(noop(alice), first, 'tefBAD_AUTH');
	await send(noop(alice), second);
	const info = await ask('account_info', { account: alice.classicAddress });
	assert.equal(info.account_data.RegularKey, second.classicAddress);
	assert.equal(info.account_flags.passwordSpent, true);
	await send(set(), alice);
	await send(noop(alice), second, 'tefBAD_AUTH');
	await send({ ...set(), RegularKey: alice.classicAddress }, alice, 'temBAD_REGKEY');
});

await test('lists of 1 to 32 signers, all of whom sign at the client', 60, async () => {
	const members = Array.from({ length: 32 }, () => wallet());
	for (let n = 1; n <= 32; n++) {
		const list = members.slice(0, n);
		await send(signerList(bob, n, list), bob);
		const prepared = await client.autofill(pay(bob, alice), n);
		assert.equal(prepared.Fee, String(12 * (n + 1))); // the client adds a fifth
		const parts = list.map((m) => m.sign(prepared, true).tx_blob);
		if (n > 1)
			await submit({ tx_blob: xrpl.multisign(parts.slice(1)) }, 'tefBAD_QUORUM');
		const tried = await client.request({
			command: 'simulate',
			tx_json: {
				...prepared,
				Signers: xrpl
					.decode(xrpl.multisign(parts))
					.Signers.map(({ Signer: { Account } }) => ({
						Signer: { Account },
					})),
			},
		});
		assert.equal(tried.result.engine_result, 'tesSUCCESS');
		const whole = xrpl.multisign(parts.reverse());
		const answer = await submit({ tx_blob: whole });
		await settle(answer.tx_json.hash);
	}
	const info = await client.request({
		command: 'account_info',
		account: bob.classicAddress,
		signer_lists: true,
	});
	assert.equal(info.result.signer_lists[0].SignerEntries.length, 32);
	const first = await rpc(url, 'account_info', {
		account: bob.classicAddress,
		signer_lists: true,
		api_version: 1,
	});
	assert.equal(first.account_data.signer_lists[0].SignerQuorum, 32);
	const { node: entry } = await ask('ledger_entry', {
		signer_list: info.result.signer_lists[0].index,
	});
	assert.equal(entry.LedgerEntryType, 'SignerList');
	await send(noop(bob, { Domain: '00' }), members[0], 'tefBAD_AUTH');
	const gone = { ...signerList(bob, 0, []) };
	delete gone.SignerEntries;
	await send(gone, bob);
	const after = await ask('account_objects', { account: bob.classicAddress });
	assert.deepEqual(after.account_objects, []);
});

await test('sign_for and submit_multisigned: the server puts them together', 20, async () => {
	const members = [wallet('ecdsa-secp256k1'), wallet(), wallet(), wallet()];
	await send(signerList(bob, 3, members), bob);
	for (const api_version of [1, 2]) {
		let tx_json = await client.autofill(pay(bob, keeper), 3);
		let signed;
		for (const m of members.slice(api_version - 1, api_version + 2)) {
			signed = await rpc(url, 'sign_for', {
				account: m.classicAddress,
				seed: m.seed,
				key_type: m.seed.startsWith('sEd') ? 'ed25519' : 'secp256k1',
				tx_json,
				api_version,
			});
			tx_json = signed.tx_json;
		}
		const names = tx_json.Signers.map((s) => xrpl.decodeAccountID(s.Signer.Account));
		for (let i = 1; i < names.length; i++)
			assert.ok(
				Buffer.compare(Buffer.from(names[i - 1]), Buffer.from(names[i])) <
					0,
			);
		const params = { tx_json, api_version, fail_hard: true };
		const sent = await rpc(url, 'submit_multisigned', params);
		assert.equal(sent.engine_result, 'tesSUCCESS');
		assert.equal(sent.tx_blob, signed.tx_blob);
		assert.equal(sent.applied && sent.accepted && sent.broadcast, true);
		const { hash } = api_version > 1 ? sent : sent.tx_json;
		const again = await rpc(url, 'submit_multisigned', params);
		assert.match(again.engine_result, /^tef(ALREADY|PAST_SEQ)$/);
		const { meta } = await settle(hash);
		assert.equal(meta.delivered_amount, '1000000');
	}
	const short = await client.autofill(pay(bob, keeper), 1);
	const one = members[1].sign(short, true);
	const { Signers } = xrpl.decode(one.tx_blob);
	const refused = await client.request({
		command: 'submit_multisigned',
		tx_json: { ...xrpl.decode(one.tx_blob), Signers },
	});
	assert.equal(refused.result.engine_result, 'tefBAD_QUORUM');
	const spoiled = xrpl.decode(one.tx_blob);
	spoiled.Fee = '100';
	await assert.rejects(
		rpc(url, 'submit', { tx_blob: xrpl.encode(spoiled) }),
		({ result }) => {
			const who = members[1].classicAddress;
			assert.equal(
				result.error_exception,
				`fails local checks: Invalid signature on account ${who}.`,
			);
			return true;
		},
	);
});

await test('submit_multisigned under one key is sent once', 20, async () => {
	const member = wallet();
	await send(signerList(bob, 1, [member]), bob);
	const tx = xrpl.decode(
		member.sign(await client.autofill(pay(bob, keeper), 1), true).tx_blob,
	);
	const body = JSON.stringify({ method: 'submit_multisigned', params: [{ tx_json: tx }] });
	const post = () =>
		fetch(url, {
			method: 'POST',
			headers: {
				'Content-Type': 'application/json',
				'Idempotency-Key': 'wallets-1',
			},
			body,
		}).then((r) => r.json());
	const [first, second] = [await post(), await post()];
	assert.equal(first.result.engine_result, 'tesSUCCESS');
	assert.deepEqual(second.result, first.result);
	await settle(first.result.tx_json.hash);
	const gone = signerList(bob, 0, []);
	delete gone.SignerEntries;
	await send(gone, bob);
});

// ---- tickets

const tickets = (account, TicketCount) => ({
	TransactionType: 'TicketCreate',
	Account: account.classicAddress,
	TicketCount,
});

async function objects(account, limit, more = {}) {
	const found = [];
	let marker;
	do {
		const page = await ask('account_objects', {
			account: account.classicAddress,
			limit,
			marker,
			...more,
		});
		found.push(...page.account_objects);
		({ marker } = page);
	} while (marker);
	return found;
}

await test('tickets are used in any order, each once', 30, async () => {
	await send(tickets(alice, 20), alice);
	const made = (await objects(alice, 10, { type: 'ticket' })).map((t) => t.TicketSequence);
	assert.equal(made.length, 20);
	const { account_data: before } = await ask('account_info', {
		account: alice.classicAddress,
	});
	assert.equal(before.TicketCount, 20);
	const order = made.map((t, i) => made[(i * 7 + 3) % 20]);
	const prepared = await client.autofill(pay(alice, keeper));
	const hashes = [];
	for (const TicketSequence of order) {
		const tx = { ...prepared, Sequence: 0, TicketSequence };
		const tried = await client.request({ command: 'simulate', tx_json: tx });
		assert.equal(tried.result.engine_result, 'tesSUCCESS');
		assert.ok(
			tried.result.meta.AffectedNodes.some(
				(n) => n.DeletedNode?.LedgerEntryType === 'Ticket',
			),
		);
		const signed = alice.sign(tx);
		await submit(signed);
		hashes.push(signed.hash);
	}
	await settle(hashes[0]);
	await submit(
		alice.sign({ ...prepared, Sequence: 0, TicketSequence: made[0] }),
		'tefNO_TICKET',
	);
	const far = { ...prepared, Sequence: 0, TicketSequence: prepared.Sequence + 1000 };
	await submit(alice.sign(far), 'terPRE_TICKET');
	const { account_data: after } = await ask('account_info', {
		account: alice.classicAddress,
	});
	assert.equal(after.Sequence, before.Sequence);
	assert.equal(after.TicketCount, undefined);
	assert.equal(after.OwnerCount, 0);
});

await test('hundreds of tickets are read page by page', 30, async () => {
	await send(tickets(keeper, 250), keeper);
	const all = (await objects(keeper, 400)).map((t) => t.index);
	assert.equal(new Set(all).size, 250);
	for (const limit of [10, 31, 32, 33, 64, 100, 249, 250])
		assert.deepEqual(
			(await objects(keeper, limit)).map((t) => t.index),
			all,
			`limit ${limit}`,
		);
	assert.equal((await objects(keeper, 50, { type: 'signer_list' })).length, 0);
	assert.equal((await objects(keeper, 50, { deletion_blockers_only: true })).length, 0);
	const [ticket] = await objects(keeper, 10, { type: 'Ticket' });
	for (const by of [
		ticket.index,
		{ account: keeper.classicAddress, ticket_seq: ticket.TicketSequence },
	])
		assert.deepEqual((await ask('ledger_entry', { ticket: by })).node, ticket);
	await send(tickets(keeper, 1), keeper, 'tecDIR_FULL');
});

// ---- deposits

await test('who wants to be asked is asked', 30, async () => {
	const allowed = async () =>
		(
			await ask('deposit_authorized', {
				source_account: alice.classicAddress,
				destination_account: bob.classicAddress,
			})
		).deposit_authorized;
	const preauth = (more) => ({
		TransactionType: 'DepositPreauth',
		Account: bob.classicAddress,
		...more,
	});
	assert.equal(await allowed(), true);
	await send(noop(bob, { SetFlag: xrpl.AccountSetAsfFlags.asfDepositAuth }), bob);
	assert.equal(await allowed(), false);
	await send(pay(alice, bob), alice, 'tecNO_PERMISSION');
	await send(preauth({ Authorize: alice.classicAddress }), bob);
	assert.equal(await allowed(), true);
	await send(pay(alice, bob), alice);
	await send(preauth({ Authorize: alice.classicAddress }), bob, 'tecDUPLICATE');
	const [entry] = await objects(bob, 10, { type: 'deposit_preauth' });
	assert.equal(entry.Authorize, alice.classicAddress);
	const { node: found } = await ask('ledger_entry', {
		deposit_preauth: {
			owner: bob.classicAddress,
			authorized: alice.classicAddress,
		},
	});
	assert.deepEqual(found, entry);
	await send(preauth({ Unauthorize: alice.classicAddress }), bob);
	assert.equal(await allowed(), false);
	await send(pay(alice, bob), alice, 'tecNO_PERMISSION');
	await send(preauth({ Unauthorize: alice.classicAddress }), bob, 'tecNO_ENTRY');
	await send(noop(bob, { ClearFlag: xrpl.AccountSetAsfFlags.asfDepositAuth }), bob);
});

// ---- keys thrown away

const disable = { SetFlag: xrpl.AccountSetAsfFlags.asfDisableMaster };

await test('the master key is disabled, and comes back', 20, async () => {
	await send(noop(bob, disable), bob, 'tecNO_ALTERNATIVE_KEY');
	const regular = wallet();
	await send(
		{
			TransactionType: 'SetRegularKey',
			Account: bob.classicAddress,
			RegularKey: regular.classicAddress,
		},
		bob,
	);
	await send(noop(bob, disable), regular, 'tecNEED_MASTER_KEY');
	await send(noop(bob, disable), bob);
	await send(noop(bob), bob, 'tefMASTER_DISABLED');
	const sign = { secret: bob.seed, tx_json: noop(bob) };
	await assert.rejects(rpc(url, 'sign', sign), /masterDisabled/);
	await send(
		{ TransactionType: 'SetRegularKey', Account: bob.classicAddress },
		regular,
		'tecNO_ALTERNATIVE_KEY',
	);
	const { account_flags } = await ask('account_info', { account: bob.classicAddress });
	assert.equal(account_flags.disableMasterKey, true);
	await send(noop(bob, { ClearFlag: disable.SetFlag }), regular);
	await send(noop(bob), bob);
});

await test('a blackholed account is nobody’s', 20, async () => {
	const hole = wallet();
	await fund(100, hole);
	await send(
		{
			TransactionType: 'SetRegularKey',
			Account: hole.classicAddress,
			RegularKey: NOBODY,
		},
		hole,
	);
	await send(noop(hole, disable), hole);
	await send(pay(hole, alice), hole, 'tefMASTER_DISABLED');
	await send(pay(alice, hole), alice);
	const { account_data } = await ask('account_info', { account: hole.classicAddress });
	assert.equal(account_data.RegularKey, NOBODY);
	assert.equal(account_data.Balance, xrpl.xrpToDrops('100.999976'));
});

// ---- accounts that go

await test('an account is deleted, and comes back with a new sequence', 60, async () => {
	const gone = {
		TransactionType: 'AccountDelete',
		Account: old.classicAddress,
		Destination: alice.classicAddress,
		DestinationTag: 7,
	};
	const prepared = await client.autofill(gone);
	const { state } = (await client.request({ command: 'server_state' })).result;
	assert.equal(prepared.Fee, String(state.validated_ledger.reserve_inc));
	const { Sequence } = (await ask('account_info', { account: old.classicAddress }))
		.account_data;
	let { ledger_current_index: open } = await rpc(url, 'ledger_current');
	if (open < Sequence + 255) await submit(old.sign(prepared), 'tecTOO_SOON');
	await accept();
	for (; open <= Sequence + 300; open++) await accept();
	await submit(old.sign({ ...(await client.autofill(gone)), Fee: '10' }), 'telINSUF_FEE_P');
	const before = await balanceOf(url, alice.classicAddress);
	const left = await balanceOf(url, old.classicAddress);
	const tx = await send(gone, old);
	const moved = left - BigInt(prepared.Fee);
	assert.equal(tx.meta.delivered_amount, String(moved));
	assert.equal(tx.meta.DeliveredAmount, String(moved));
	assert.equal(await balanceOf(url, alice.classicAddress), before + moved);
	const [newest] = (
		await ask('account_tx', {
			account: old.classicAddress,
			limit: 10,
			ledger_index: undefined,
		})
	).transactions;
	assert.equal(newest.tx_json.TransactionType, 'AccountDelete');
	assert.equal(newest.meta.delivered_amount, tx.meta.delivered_amount);
	await assert.rejects(
		ask('account_info', { account: old.classicAddress }),
		/actNotFound|Account not found/,
	);
	await fund(50, old);
	const { account_data } = await ask('account_info', { account: old.classicAddress });
	assert.ok(account_data.Sequence > Sequence + 255);
	assert.equal(account_data.Balance, xrpl.xrpToDrops(50));
	await send(noop(old), old);
});

await test('the node ends in order', 10, async () => {
	await client.disconnect();
	assert.equal(await stop([node]), 0);
	assert.doesNotMatch(fs.readFileSync(path.join(dir, 'output'), 'utf8'), /Sanitizer/);
});
await finish();
