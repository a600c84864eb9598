// SPDX-License-Identifier: ISC
// Keys, signers and who may pay whom, by the stock client against one node: it makes and signs
// every transaction itself, so that its signatures are judged by other code than made them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { xrpl } from '../../tools/js/clients.mjs';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('keys');
const MASTER = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'; // the well-known secret of "masterpassphrase"
const BLACK_HOLE = 'rrrrrrrrrrrrrrrrrrrrBZbvji';
const { asfAccountTxnID, asfDepositAuth, asfDisableMaster, asfRequireAuth } =
	xrpl.AccountSetAsfFlags;
const [http, ws] = await freePorts(2);
const url = `http://127.0.0.1:${http}/`;
const wallet = (algorithm) => xrpl.Wallet.generate(algorithm);
const genesis = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
let node;
let client;

const accept = () => rpc(url, 'ledger_accept');
const root = async (who, ledger = 'current') =>
	(await rpc(url, 'account_info', { account: who.address, ledger_index: ledger }))
		.account_data;

// A transaction with what every one has; `more` overrides.
async function prepare(who, tx, more = {}) {
	const { Sequence } = await root(who);
	return { Account: who.address, Fee: '10', Sequence, ...tx, ...more };
}

async function send(blob) {
	return (await client.submit(blob)).result.engine_result;
}

// Signed by one key, the account's own if no other is given.
async function act(who, tx, key = who, more = {}) {
	return send(key.sign(await prepare(who, tx, more)).tx_blob);
}

// Signed by several: a wallet signs for itself, [account, wallet] with the wallet as its key.
async function actMulti(who, tx, signers, more = {}) {
	const Fee = String(10 * (1 + signers.length));
	const prepared = await prepare(who, tx, { Fee, SigningPubKey: '', ...more });
	const blobs = signers.map((s) =>
		Array.isArray(s)
			? s[1].sign(prepared, s[0].address).tx_blob
			: s.sign(prepared, true).tx_blob,
	);
	return send(xrpl.multisign(blobs));
}

const noop = { TransactionType: 'AccountSet' };
const set = (flag) => ({ TransactionType: 'AccountSet', SetFlag: flag });
const clear = (flag) => ({ TransactionType: 'AccountSet', ClearFlag: flag });
const regularKey = (key) => ({
	TransactionType: 'SetRegularKey',
	...(key && { RegularKey: key.address ?? key }),
});
const signers = (quorum, ...list) => ({
	TransactionType: 'SignerListSet',
	SignerQuorum: quorum,
	...(list.length && {
		SignerEntries: list.map(([who, SignerWeight]) => ({
			SignerEntry: { Account: who.address, SignerWeight },
		})),
	}),
});
const pay = (to, drops) => ({
	TransactionType: 'Payment',
	Destination: to.address,
	Amount: String(drops),
});

async function fund(...who) {
	for (const one of who) {
		assert.equal(await act(genesis, pay(one, 1_000_000_000)), 'tesSUCCESS');
	}
	await accept();
}

process.on('exit', () => node && signal(node, 'SIGKILL'));

await must('a node and a client', 20, async () => {
	fs.mkdirSync(dir, { recursive: true });
	const options = { '--data': path.join(dir, 'data'), '--http': http, '--ws': ws };
	const args = Object.entries(options).flatMap(([k, v]) => [k, String(v)]);
	node = start(
		path.join(binaries(), 'tallyd'),
		['--standalone', ...args],
		path.join(dir, 'output'),
	);
	await until('it answers', seconds(10), () => rpc(url, 'server_info', {}, 500), 20);
	client = new xrpl.Client(`ws://127.0.0.1:${ws}`);
	await client.connect();
});

for (const [own, other] of [
	['ed25519', 'ecdsa-secp256k1'],
	['ecdsa-secp256k1', 'ed25519'],
]) {
	await test(`a regular key, ${other} beside ${own}`, 20, async () => {
		const alice = wallet(own);
		const key = wallet(other);
		await fund(alice);
		// Once for nothing.
		assert.equal(await act(alice, regularKey(key), alice, { Fee: '0' }), 'tesSUCCESS');
		assert.equal(
			await act(alice, regularKey(key), alice, { Fee: '0' }),
			'telINSUF_FEE_P',
		);
		await accept();
		const info = await root(alice, 'validated');
		assert.equal(info.RegularKey, key.address);
		assert.equal(info.Balance, '1000000000');
		assert.ok(info.Flags & xrpl.LedgerEntry.AccountRootFlags.lsfPasswordSpent);
		assert.equal(await act(alice, noop, key), 'tesSUCCESS');
		assert.equal(await act(alice, set(asfDisableMaster)), 'tesSUCCESS');
		assert.equal(await act(alice, noop), 'tefMASTER_DISABLED');
		assert.equal(await act(alice, regularKey(), key), 'tecNO_ALTERNATIVE_KEY');
		assert.equal(await act(alice, clear(asfDisableMaster), key), 'tesSUCCESS');
		assert.equal(await act(alice, regularKey(alice), key), 'temBAD_REGKEY');
		assert.equal(await act(alice, regularKey(), key), 'tesSUCCESS');
		assert.equal(await act(alice, noop, key), 'tefBAD_AUTH');
		// A payment gives the free change back.
		assert.equal(await act(genesis, pay(alice, 1)), 'tesSUCCESS');
		assert.equal(await act(alice, regularKey(key), alice, { Fee: '0' }), 'tesSUCCESS');
		await accept();
	});
}

await test('many hands: masters, regular keys, phantoms, in place of the account', 30, async () => {
	const [alice, becky, cheri, daria, jinni] = [
		'ed25519',
		'ecdsa-secp256k1',
		'ed25519',
		'ecdsa-secp256k1',
		'ed25519',
	].map(wallet);
	const cher = wallet('ecdsa-secp256k1');
	const dari = wallet('ed25519');
	await fund(alice, becky, cheri, daria);
	assert.equal(await act(cheri, regularKey(cher)), 'tesSUCCESS');
	assert.equal(await act(daria, regularKey(dari)), 'tesSUCCESS');
	assert.equal(await act(daria, set(asfDisableMaster)), 'tesSUCCESS');
	assert.equal(await actMulti(alice, noop, [becky, jinni]), 'tefNOT_MULTI_SIGNING');
	const list = signers(3, [becky, 1], [cheri, 1], [daria, 1], [jinni, 2]);
	assert.equal(await act(alice, list), 'tesSUCCESS');
	await accept();

	const good = [
		[becky, jinni],
		[cheri, jinni],
		[[cheri, cher], jinni],
		[becky, [cheri, cher], [daria, dari]],
		[becky, [cheri, cher], [daria, dari], jinni],
	];
	for (const hands of good) {
		assert.equal(await actMulti(alice, pay(becky, 1), hands), 'tesSUCCESS');
	}
	assert.equal(await actMulti(alice, noop, [becky, cheri]), 'tefBAD_QUORUM');
	assert.equal(await actMulti(alice, noop, [jinni, daria]), 'tefMASTER_DISABLED');
	assert.equal(await actMulti(alice, noop, [jinni, [becky, cher]]), 'tefBAD_SIGNATURE');
	assert.equal(await actMulti(alice, noop, [jinni, cher]), 'tefBAD_SIGNATURE');
	const cheap = { Fee: '29' };
	assert.equal(await actMulti(alice, noop, [becky, jinni], cheap), 'telINSUF_FEE_P');

	// The list alone is enough; it is the last way in, and its hands may open another.
	assert.equal(await act(alice, set(asfDisableMaster)), 'tesSUCCESS');
	assert.equal(await actMulti(alice, signers(0), [becky, jinni]), 'tecNO_ALTERNATIVE_KEY');
	assert.equal(await actMulti(alice, regularKey(cher), [becky, jinni]), 'tesSUCCESS');
	assert.equal(await act(alice, signers(0), cher), 'tesSUCCESS');
	assert.equal(await actMulti(alice, noop, [becky, jinni]), 'tefNOT_MULTI_SIGNING');
	await accept();
	const { OwnerCount } = await root(alice, 'validated');
	assert.equal(OwnerCount, 0);
});

await test('32 signers', 30, async () => {
	const alice = wallet('ed25519');
	const crowd = Array.from({ length: 32 }, (_, i) =>
		wallet(i % 2 ? 'ed25519' : 'ecdsa-secp256k1'),
	);
	const entries = crowd.map((who) => [who, 1]);
	await fund(alice);
	assert.equal(await act(alice, signers(32, ...entries)), 'tesSUCCESS');
	assert.equal(await actMulti(alice, noop, crowd.slice(0, 31)), 'tefBAD_QUORUM');
	assert.equal(await actMulti(alice, noop, crowd), 'tesSUCCESS');
	await accept();
	const { meta } = (
		await client.request({
			command: 'account_tx',
			account: alice.address,
			limit: 1,
		})
	).result.transactions[0];
	assert.equal(meta.TransactionResult, 'tesSUCCESS');
});

await test('an account that is given up stays given up', 20, async () => {
	const alice = wallet('ed25519');
	await fund(alice);
	assert.equal(await act(alice, set(asfDisableMaster)), 'tecNO_ALTERNATIVE_KEY');
	assert.equal(await act(alice, regularKey(BLACK_HOLE)), 'tesSUCCESS');
	assert.equal(await act(alice, set(asfDisableMaster)), 'tesSUCCESS');
	await accept();
	assert.equal(await act(alice, noop), 'tefMASTER_DISABLED');
	assert.equal(await act(alice, noop, genesis), 'tefBAD_AUTH');
	assert.equal(await act(genesis, pay(alice, 1)), 'tesSUCCESS');
});

await test('who may pay whom', 20, async () => {
	const [alice, bob] = [wallet('ed25519'), wallet('ecdsa-secp256k1')];
	const preauth = (more) => ({ TransactionType: 'DepositPreauth', ...more });
	await fund(alice, bob);
	assert.equal(await act(bob, set(asfDepositAuth)), 'tesSUCCESS');
	assert.equal(await act(alice, pay(bob, 1)), 'tecNO_PERMISSION');
	assert.equal(await act(bob, preauth({ Authorize: alice.address })), 'tesSUCCESS');
	assert.equal(await act(alice, pay(bob, 1)), 'tesSUCCESS');
	await accept();
	const { account_objects: things } = (
		await client.request({ command: 'account_objects', account: bob.address })
	).result;
	assert.deepEqual(
		things.map((o) => [o.LedgerEntryType, o.Authorize]),
		[['DepositPreauth', alice.address]],
	);
	assert.equal(await act(bob, preauth({ Authorize: alice.address })), 'tecDUPLICATE');
	assert.equal(await act(bob, set(asfRequireAuth)), 'tecOWNERS');
	assert.equal(await act(bob, preauth({ Unauthorize: alice.address })), 'tesSUCCESS');
	assert.equal(await act(bob, set(asfAccountTxnID)), 'tesSUCCESS');
	assert.equal(await act(bob, set(asfRequireAuth)), 'tesSUCCESS');
	await accept();
});

await client?.disconnect();
if (node) await stop([node]);
await finish();
