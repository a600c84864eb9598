// SPDX-License-Identifier: ISC
// The faucet alone, against a node that is only pretended: sequences, resending, expiry, refusals.
import assert from 'node:assert/strict';
import http from 'node:http';
import { xrpl } from '../../tools/js/clients.mjs';
import { BadRequest, Faucet, makeAnswer, readRequest } from '../../tools/js/faucet.mjs';
import { finish, test } from './harness.mjs';

const wallet = xrpl.Wallet.generate();

// One account, one ledger at a time: applies in sequence, forgets what `lose` says.
class Pretended {
	sequence = 5;
	open = 5;
	validated = 10;
	lose = false;
	seen = [];

	async listen() {
		this.server = http.createServer((request, response) => {
			let text = '';
			request.on('data', (part) => {
				text += part;
			});
			request.on('end', () => {
				const {
					method,
					params: [params],
				} = JSON.parse(text);
				const result = { status: 'success', ...this[method](params) };
				response.end(JSON.stringify({ result }));
			});
		});
		await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		return `http://127.0.0.1:${this.server.address().port}/`;
	}

	account_info({ ledger_index }) {
		return {
			account_data: {
				Sequence: ledger_index === 'validated' ? this.sequence : this.open,
			},
		};
	}

	ledger() {
		return { ledger_index: this.validated };
	}

	submit({ tx_blob }) {
		const tx = xrpl.decode(tx_blob);
		this.seen.push(tx);
		if (tx.Sequence < this.open) return { engine_result: 'tefPAST_SEQ' };
		if (tx.Sequence > this.open) return { engine_result: 'terPRE_SEQ' };
		if (!this.lose) this.open++;
		return { engine_result: 'tesSUCCESS' };
	}
}

async function pretend() {
	const node = new Pretended();
	const url = await node.listen();
	const faucet = new Faucet({
		seed: wallet.seed,
		urls: ['http://127.0.0.1:9/', url],
		networkId: 21337,
	});
	return { node, faucet, close: () => node.server.close() };
}

await test('requests are read strictly', 15, async () => {
	const address = xrpl.Wallet.generate().classicAddress;
	assert.deepEqual(readRequest(JSON.stringify({ destination: address, userAgent: 'x' })), {
		address,
		drops: '100000000',
		xrp: 100,
	});
	assert.equal(
		readRequest(`{"destination":"${address}","xrpAmount":"1.5"}`).drops,
		'1500000',
	);
	const tagged = xrpl.classicAddressToXAddress(address, 9, true);
	assert.deepEqual(readRequest(`{"destination":"${tagged}"}`), {
		address,
		tag: 9,
		drops: '100000000',
		xrp: 100,
	});
	for (const text of [
		'{',
		'[]',
		'null',
		'{"destination":"rNonsense"}',
		'{"xrpAmount":0}',
		'{"xrpAmount":-1}',
		'{"xrpAmount":1e9}',
		'{"xrpAmount":"0x10"}',
		'{"xrpAmount":0.0000001}',
	])
		assert.throws(() => readRequest(text), BadRequest, text);
});

await test('without a destination a wallet is made and its secret told', 15, async () => {
	const wish = readRequest('');
	const { account, amount } = makeAnswer(wish, 'AB');
	assert.equal(xrpl.Wallet.fromSeed(account.secret).classicAddress, account.classicAddress);
	assert.equal(account.address, account.classicAddress);
	assert.ok(xrpl.isValidXAddress(account.xAddress));
	assert.equal(amount, 100);
});

await test('30 requests at once use 30 sequences, and a dead node is passed over', 30, async () => {
	const { node, faucet, close } = await pretend();
	const hashes = await Promise.all(
		Array.from({ length: 30 }, () => faucet.pay(readRequest(''))),
	);
	assert.equal(new Set(hashes).size, 30);
	assert.deepEqual(
		node.seen.map((tx) => tx.Sequence),
		Array.from({ length: 30 }, (_, i) => 5 + i),
	);
	assert.ok(node.seen.every((tx) => tx.NetworkID === 21337 && tx.LastLedgerSequence === 30));
	close();
});

await test('a sequence used by somebody else is passed over', 20, async () => {
	const { node, faucet, close } = await pretend();
	await faucet.pay(readRequest(''));
	node.open = node.sequence = 9;
	await faucet.pay(readRequest(''));
	assert.equal(node.seen.at(-1).Sequence, 9);
	close();
});

await test('what the network lost is sent again, what expired is signed anew', 45, async () => {
	const { node, faucet, close } = await pretend();
	faucet.keep();
	node.lose = true;
	await faucet.pay(readRequest(''));
	node.lose = false;
	const deadline = Date.now() + 8000;
	while (node.open === 5 && Date.now() < deadline)
		await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal(node.open, 6);
	assert.deepEqual(node.seen[1], node.seen[0]);
	node.open = 5;
	node.validated = 40;
	while (node.open === 5 && Date.now() < deadline + 8000)
		await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal(node.open, 6);
	assert.equal(node.seen.at(-1).Sequence, 5);
	assert.equal(node.seen.at(-1).LastLedgerSequence, 60);
	assert.equal(faucet.status().pending, 1);
	node.sequence = 6;
	while (faucet.status().pending > 0 && Date.now() < deadline + 16000)
		await new Promise((resolve) => setTimeout(resolve, 50));
	assert.equal(faucet.status().pending, 0);
	close();
});

await finish();
