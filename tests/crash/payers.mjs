// SPDX-License-Identifier: ISC
// Payments at a steady rate from many accounts, signed without the stock client's cost: each
// account's payment is encoded once, then only its Sequence and Amount change.
import crypto from 'node:crypto';
import { codec } from '../../tools/js/clients.mjs';
import { sleep } from '../../tools/js/rpc.mjs';
import { testWallet } from '../e2e/accounts.mjs';

const FEE = 10n;
const XRP_BIT = 0x4000000000000000n;
const SIGN_PREFIX = Buffer.from('53545800', 'hex');
const ED25519_DER = Buffer.from('302e020100300506032b657004220420', 'hex');

class Payer {
	constructor(i, networkId, destination) {
		this.wallet = testWallet(i);
		this.address = this.wallet.classicAddress;
		const seed = Buffer.from(this.wallet.privateKey.slice(2), 'hex');
		this.key = crypto.createPrivateKey({
			key: Buffer.concat([ED25519_DER, seed]),
			format: 'der',
			type: 'pkcs8',
		});
		const tx = {
			TransactionType: 'Payment',
			Account: this.address,
			Destination: destination,
			Amount: '1',
			Fee: String(FEE),
			Flags: 0,
			Sequence: 0x7fedcba9,
			SigningPubKey: this.wallet.publicKey,
		};
		if (networkId > 1024) tx.NetworkID = networkId;
		this.body = Buffer.from(codec.encode(tx), 'hex');
		// 24: Sequence, 61: Amount, 73: SigningPubKey, which TxnSignature follows.
		this.sequenceAt = this.body.indexOf('247fedcba9', 'hex') + 1;
		this.amountAt = this.body.indexOf('614000000000000001', 'hex') + 1;
		this.signatureAt = this.body.indexOf('7321', 'hex') + 2 + 33;
		this.next = undefined;
	}

	blob(drops) {
		this.body.writeUInt32BE(this.next, this.sequenceAt);
		this.body.writeBigUInt64BE(XRP_BIT | BigInt(drops), this.amountAt);
		const signature = crypto.sign(
			null,
			Buffer.concat([SIGN_PREFIX, this.body]),
			this.key,
		);
		return Buffer.concat([
			this.body.subarray(0, this.signatureAt),
			Buffer.from('7440', 'hex'),
			signature,
			this.body.subarray(this.signatureAt),
		]);
	}
}

export class Payers {
	#stopped = false;
	sent = 0;
	accepted = 0;

	// `connection()` is the Connection to send through at this moment, or undefined.
	constructor({ count = 120, rate = 200, networkId, connection }) {
		this.payers = Array.from({ length: count }, (_, i) => {
			const to = testWallet((i + 1) % count).classicAddress;
			return new Payer(i, networkId, to);
		});
		this.rate = rate;
		this.connection = connection;
		this.done = this.#run();
	}

	// After a restart: what waited in the queue is gone, so ask for every sequence anew.
	forget() {
		for (const payer of this.payers) payer.next = undefined;
	}

	async #one(payer, drops) {
		const connection = this.connection();
		if (!connection || payer.busy) return;
		payer.busy = true;
		try {
			payer.next ??= (
				await connection.ask('account_info', {
					account: payer.address,
					ledger_index: 'current',
				})
			).account_data.Sequence;
			const blob = payer.blob(drops);
			payer.next++;
			this.sent++;
			const answer = await connection.ask('submit', {
				tx_blob: blob.toString('hex').toUpperCase(),
			});
			if (['tesSUCCESS', 'terQUEUED'].includes(answer.engine_result))
				this.accepted++;
			else payer.next = undefined;
		} catch {
			payer.next = undefined;
		} finally {
			payer.busy = false;
		}
	}

	async #run() {
		const began = Date.now();
		for (let i = 0; !this.#stopped; i++) {
			this.#one(this.payers[i % this.payers.length], 1 + (i % 1000));
			const wait = began + (1000 * (i + 1)) / this.rate - Date.now();
			if (wait > 0) await sleep(wait);
		}
	}

	async stop() {
		this.#stopped = true;
		await this.done;
	}
}
