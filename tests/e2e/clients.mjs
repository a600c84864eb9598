// SPDX-License-Identifier: ISC
// The stock client, unmodified, against five nodes; and a plain HTTP client beside it.
import assert from 'node:assert/strict';
import { WebSocket, xrpl } from '../../tools/js/clients.mjs';
import { RpcError, rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { balanceOf, payment, sequenceOf, testWallet } from './accounts.mjs';
import { finish, must, network, seconds, test } from './harness.mjs';

let net;
let client;
let alice;
let bob;
let paid;

const faucetOptions = () => ({
	faucetHost: new URL(net.faucetUrl).host,
	faucetProtocol: 'http',
});
const url = (i) => net.httpUrl(net.nodes[i]);
const refusal = async (promise) => {
	try {
		await promise;
	} catch (error) {
		return error.data?.error ?? error.error ?? error.message;
	}
	return assert.fail('not refused');
};

await must('five validators validate ledgers', 30, async () => {
	net = await network('clients', { accounts: 300 });
});

await must('connect: network id and server version are read', 10, async () => {
	client = new xrpl.Client(net.wsUrl(net.nodes[0]));
	await client.connect();
	assert.equal(client.networkID, net.state.network_id);
	const [major] = client.buildVersion.split('.').map(Number);
	assert.ok(major >= 2, client.buildVersion);
});

await must('fundWallet twice at the same time', 30, async () => {
	const funded = await Promise.all([
		client.fundWallet(null, faucetOptions()),
		client.fundWallet(null, { ...faucetOptions(), amount: '250' }),
	]);
	[alice, bob] = funded.map((f) => f.wallet);
	assert.deepEqual(
		funded.map((f) => f.balance),
		[100, 250],
	);
});

await must('pay with submitAndWait and read the payment back', 30, async () => {
	const result = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: bob.classicAddress,
			Amount: xrpl.xrpToDrops('12.5'),
			DestinationTag: 7,
			Memos: [{ Memo: { MemoData: xrpl.convertStringToHex('first light') } }],
		},
		{ wallet: alice },
	);
	paid = result.result;
	assert.equal(paid.validated, true);
	assert.equal(paid.meta.TransactionResult, 'tesSUCCESS');
	assert.equal(paid.meta.delivered_amount, '12500000');
	assert.equal(paid.tx_json.NetworkID, net.state.network_id);
	assert.equal(await client.getXrpBalance(bob.classicAddress), 262.5);
});

await test('every node tells the same about the payment', 20, async () => {
	await net.validated(paid.ledger_index, seconds(15));
	for (const node of net.nodes) {
		const answer = await rpc(net.httpUrl(node), 'tx', {
			transaction: paid.hash,
			api_version: 2,
		});
		assert.equal(answer.validated, true);
		assert.equal(answer.ledger_index, paid.ledger_index);
		assert.deepEqual(answer.meta, paid.meta);
		assert.equal(answer.tx_json.DeliverMax, '12500000');
		assert.equal(answer.tx_json.Amount, undefined);
		assert.match(answer.close_time_iso, /^20\d\d-.*Z$/);
	}
});

await test('AccountSet, and a destination that requires a tag', 40, async () => {
	const set = await client.submitAndWait(
		{
			TransactionType: 'AccountSet',
			Account: bob.classicAddress,
			SetFlag: xrpl.AccountSetAsfFlags.asfRequireDest,
		},
		{ wallet: bob },
	);
	assert.equal(set.result.meta.TransactionResult, 'tesSUCCESS');
	const payment = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: bob.classicAddress,
			Amount: '1000000',
		},
		{ wallet: alice },
	);
	assert.equal(payment.result.meta.TransactionResult, 'tecDST_TAG_NEEDED');
	assert.equal(payment.result.validated, true);
});

await test('history: account_tx of both versions, pages, and ledgers named', 20, async () => {
	const all = await client.request({ command: 'account_tx', account: alice.classicAddress });
	const ids = all.result.transactions.map((t) => t.hash);
	assert.equal(ids.length, 3);
	assert.ok(ids.includes(paid.hash));
	assert.ok(all.result.transactions.every((t) => t.validated && t.tx_json && t.meta));
	const pages = [];
	let marker;
	do {
		const page = await client.request({
			command: 'account_tx',
			account: alice.classicAddress,
			limit: 1,
			forward: true,
			marker,
		});
		pages.push(...page.result.transactions.map((t) => t.hash));
		marker = page.result.marker;
		assert.ok(pages.length <= 3);
	} while (marker);
	assert.deepEqual(pages, [...ids].reverse());
	const old = await rpc(url(1), 'account_tx', { account: alice.classicAddress, limit: 10 });
	assert.ok(old.transactions.every((t) => t.tx.hash && t.meta.TransactionResult));
});

await test(
	'ledger, ledger_entry, transaction_entry, account_objects, ledger_data',
	20,
	async () => {
		const ledger = await client.request({
			command: 'ledger',
			ledger_index: paid.ledger_index,
			transactions: true,
			expand: true,
		});
		assert.ok(ledger.result.ledger.transactions.some((t) => t.hash === paid.hash));
		assert.equal(ledger.result.validated, true);
		const entry = await client.request({
			command: 'ledger_entry',
			account_root: alice.classicAddress,
			ledger_index: 'validated',
		});
		assert.equal(entry.result.node.Account, alice.classicAddress);
		const inside = await rpc(url(2), 'transaction_entry', {
			tx_hash: paid.hash,
			ledger_index: paid.ledger_index,
		});
		assert.equal(inside.tx_json.hash, paid.hash);
		const objects = await client.request({
			command: 'account_objects',
			account: bob.classicAddress,
		});
		assert.deepEqual(objects.result.account_objects, []);
		const seen = new Set();
		let marker;
		do {
			const page = await client.request({
				command: 'ledger_data',
				ledger_index: paid.ledger_index,
				limit: 100,
				marker,
			});
			page.result.state.forEach((s) => seen.add(s.index));
			marker = page.result.marker;
		} while (marker);
		assert.ok(seen.size > 300, `${seen.size} entries`);
	},
);

await test('subscriptions: ledgers, transactions, an account, validations', 40, async () => {
	const seen = { ledgers: [], transactions: [], validations: new Set() };
	const other = new xrpl.Client(net.wsUrl(net.nodes[3]));
	await other.connect();
	other.on('ledgerClosed', (m) => seen.ledgers.push(m.ledger_index));
	other.on('transaction', (m) => seen.transactions.push(m));
	other.on('validationReceived', (m) => seen.validations.add(m.validation_public_key));
	await other.request({
		command: 'subscribe',
		streams: ['ledger', 'validations'],
		accounts: [bob.classicAddress],
	});
	const sent = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: bob.classicAddress,
			Amount: '1000000',
			DestinationTag: 1,
		},
		{ wallet: alice },
	);
	await until(
		'the streams tell',
		seconds(10),
		() =>
			seen.ledgers.length >= 2 &&
			seen.transactions.length > 0 &&
			seen.validations.size >= 4,
	);
	assert.deepEqual(
		seen.ledgers,
		seen.ledgers.map((_, i) => seen.ledgers[0] + i),
	);
	const told = seen.transactions.filter((m) => m.hash === sent.result.hash && m.validated);
	assert.equal(told.length, 1);
	assert.equal(told[0].meta.TransactionResult, 'tesSUCCESS');
	await other.request({ command: 'unsubscribe', streams: ['ledger', 'validations'] });
	const count = seen.ledgers.length;
	await sleep(5000);
	assert.ok(seen.ledgers.length <= count + 1);
	await other.disconnect();
});

await test('errors: signature, sender, funds, sequence, expiry, network', 60, async () => {
	const sequence = await sequenceOf(url(0), alice.classicAddress);
	const submit = async (blob, i = 0) =>
		(await rpc(url(i), 'submit', { tx_blob: blob })).engine_result;
	const good = payment(net, alice, testWallet(0).classicAddress, 1000, sequence);
	const signed = xrpl.decode(good.tx_blob);
	const first = signed.TxnSignature[0];
	const bad = xrpl.encode({
		...signed,
		TxnSignature: (first === 'A' ? 'B' : 'A') + signed.TxnSignature.slice(1),
	});
	assert.equal(await refusal(rpc(url(0), 'submit', { tx_blob: bad })), 'invalidTransaction');
	const nobody = xrpl.Wallet.generate();
	assert.equal(
		await submit(payment(net, nobody, alice.classicAddress, 1, 1).tx_blob),
		'terNO_ACCOUNT',
	);
	assert.equal(
		await submit(payment(net, alice, bob.classicAddress, 1, 1).tx_blob),
		'tefPAST_SEQ',
	);
	assert.equal(
		await submit(
			payment(net, alice, bob.classicAddress, 1, sequence, {
				LastLedgerSequence: 3,
			}).tx_blob,
		),
		'tefMAX_LEDGER',
	);
	assert.equal(
		await submit(
			payment(net, alice, bob.classicAddress, 1, sequence, { NetworkID: 4242 })
				.tx_blob,
		),
		'telWRONG_NETWORK',
	);
	assert.equal(
		await submit(
			payment(net, alice, bob.classicAddress, 1, sequence, {
				NetworkID: undefined,
			}).tx_blob,
		),
		'telREQUIRES_NETWORK_ID',
	);
	const unfunded = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: testWallet(0).classicAddress,
			Amount: xrpl.xrpToDrops('1000000'),
		},
		{ wallet: alice },
	);
	assert.equal(unfunded.result.meta.TransactionResult, 'tecUNFUNDED_PAYMENT');
	const small = await client.submitAndWait(
		{
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: xrpl.Wallet.generate().classicAddress,
			Amount: '1000',
		},
		{ wallet: alice },
	);
	assert.equal(small.result.meta.TransactionResult, 'tecNO_DST_INSUF_XRP');
	const disabled = await client
		.submit(
			{
				TransactionType: 'CheckCreate',
				Account: alice.classicAddress,
				Destination: xrpl.Wallet.generate().classicAddress,
				SendMax: '1',
			},
			{ wallet: alice },
		)
		.then(
			(r) => r.result.engine_result,
			(e) => e.message,
		);
	assert.match(disabled, /temDISABLED|disabled|not enabled/i);
});

await test('error tokens of the methods', 20, async () => {
	const missing = xrpl.Wallet.generate().classicAddress;
	assert.equal(
		await refusal(client.request({ command: 'account_info', account: missing })),
		'actNotFound',
	);
	assert.equal(
		await refusal(client.request({ command: 'account_info', account: 'nonsense' })),
		'actMalformed',
	);
	assert.equal(
		await refusal(client.request({ command: 'tx', transaction: '0'.repeat(64) })),
		'txnNotFound',
	);
	assert.equal(
		await refusal(client.request({ command: 'ledger', ledger_index: 999999999 })),
		'lgrNotFound',
	);
	assert.equal(await refusal(client.request({ command: 'no_such_thing' })), 'unknownCmd');
	assert.equal(await refusal(client.request({ command: 'account_info' })), 'invalidParams');
	for (const method of ['stop', 'ledger_accept', 'wallet_propose', 'peers']) {
		const token = await refusal(rpc(url(0), method));
		assert.match(token, /noPermission|forbidden|HTTP 403/i, method);
	}
});

await test('plain HTTP: envelopes of good and of malformed requests', 20, async () => {
	const post = async (body) => {
		const response = await fetch(url(4), { method: 'POST', body });
		return { code: response.status, text: await response.text() };
	};
	const good = await post('{"method":"ping"}');
	assert.equal(JSON.parse(good.text).result.status, 'success');
	const failure = await post('{"method":"tx","params":[{"transaction":"00"}]}');
	assert.equal(failure.code, 200);
	assert.equal(JSON.parse(failure.text).result.status, 'error');
	assert.equal((await post('{"method":')).code, 400);
	assert.equal((await post('{}')).code, 400);
	const info = (await rpc(url(4), 'server_info')).info;
	for (const name of [
		'build_version',
		'complete_ledgers',
		'load_factor',
		'network_id',
		'peers',
		'pubkey_node',
		'server_state',
		'tally_version',
		'uptime',
		'validated_ledger',
		'validation_quorum',
	])
		assert.ok(name in info, name);
	assert.equal(info.validation_quorum, 4);
	assert.equal(info.validated_ledger.base_fee_xrp, 0.00001);
	const fee = await rpc(url(4), 'fee');
	assert.equal(fee.drops.base_fee, '10');
	const definitions = await rpc(url(4), 'server_definitions');
	assert.ok(definitions.FIELDS.length > 200);
});

await test('plain HTTP: simulate tells the result and changes nothing', 15, async () => {
	const before = await sequenceOf(url(1), alice.classicAddress);
	const answer = await rpc(url(1), 'simulate', {
		tx_json: {
			TransactionType: 'Payment',
			Account: alice.classicAddress,
			Destination: testWallet(1).classicAddress,
			Amount: '1000',
			Sequence: before,
			Fee: '10',
		},
	});
	assert.equal(answer.engine_result, 'tesSUCCESS');
	assert.equal(answer.applied, false);
	assert.equal(await sequenceOf(url(1), alice.classicAddress), before);
});

await test('one blob sent again and again to all nodes is applied once', 40, async () => {
	const [from, to] = [testWallet(200), testWallet(201)];
	const before = await balanceOf(url(0), to.classicAddress);
	const sequence = await sequenceOf(url(0), from.classicAddress);
	const { tx_blob, hash } = payment(net, from, to.classicAddress, 777, sequence);
	for (let round = 0; round < 4; round++) {
		await Promise.all(net.nodes.map((n) => rpc(net.httpUrl(n), 'submit', { tx_blob })));
		await sleep(round < 2 ? 200 : 3000);
	}
	const answer = await until('the payment is validated', seconds(15), async () => {
		const tx = await rpc(url(0), 'tx', { transaction: hash });
		return tx.validated && tx;
	});
	await net.validated(answer.ledger_index + 1, seconds(15));
	for (const i of [0, 1, 2, 3, 4]) {
		assert.equal(await balanceOf(url(i), to.classicAddress), before + 777n);
		assert.equal(
			await sequenceOf(url(i), from.classicAddress, 'validated'),
			sequence + 1,
		);
	}
});

await test('of 100 conflicting pairs exactly one each is validated', 60, async () => {
	const pairs = await Promise.all(
		Array.from({ length: 100 }, async (_, i) => {
			const wallet = testWallet(i);
			const sequence = await sequenceOf(url(i % 5), wallet.classicAddress);
			const pay = (to) =>
				payment(
					net,
					wallet,
					testWallet(to).classicAddress,
					1000 + i,
					sequence,
				);
			return { wallet, sequence, both: [pay(210), pay(211)] };
		}),
	);
	const got = async () => {
		const both = await Promise.all(
			[210, 211].map((i) => balanceOf(url(0), testWallet(i).classicAddress)),
		);
		return both[0] + both[1];
	};
	const before = await got();
	await Promise.all(
		pairs.flatMap(({ both }, i) =>
			both.map(({ tx_blob }, k) =>
				rpc(url((i + k * (1 + (i % 4))) % 5), 'submit', { tx_blob }),
			),
		),
	);
	await until(
		'all 100 sequences are used',
		seconds(30),
		async () => {
			const used = await Promise.all(
				pairs.map(
					async ({ wallet, sequence }, i) =>
						(await sequenceOf(
							url(i % 5),
							wallet.classicAddress,
							'validated',
						)) ===
						sequence + 1,
				),
			);
			return used.every(Boolean);
		},
		500,
	);
	const { common } = await net.survey();
	await net.validated(common + 1, seconds(15));
	let first = 0;
	for (const { both } of pairs) {
		const seen = await Promise.all(
			both.flatMap(({ hash }) =>
				net.nodes.map(async (node) => {
					try {
						return (
							(
								await rpc(net.httpUrl(node), 'tx', {
									transaction: hash,
								})
							).validated === true
						);
					} catch (error) {
						assert.ok(
							error instanceof RpcError &&
								error.error === 'txnNotFound',
							error.message,
						);
						return false;
					}
				}),
			),
		);
		const [one, two] = [seen.slice(0, 5), seen.slice(5)];
		assert.equal(new Set(one).size, 1, 'nodes differ');
		assert.equal(new Set(two).size, 1, 'nodes differ');
		assert.notEqual(one[0], two[0], 'none or both of a pair');
		first += one[0] ? 1 : 0;
	}
	assert.equal(await got(), before + BigInt(100 * 1000 + 99 * 50));
	return `${first} times the first, ${100 - first} times the second`;
});

await test('disconnect: the close code is echoed and nothing reconnects', 15, async () => {
	await client.disconnect();
	await sleep(2000);
	assert.equal(client.isConnected(), false);
	const socket = new WebSocket(net.wsUrl(net.nodes[0]));
	await new Promise((resolve) => socket.once('open', resolve));
	const closed = new Promise((resolve) => socket.once('close', resolve));
	socket.close(4000);
	assert.equal(await closed, 4000);
});

await finish();
