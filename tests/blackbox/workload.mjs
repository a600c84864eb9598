// SPDX-License-Identifier: ISC
// Clients. Each operation is written down when it begins and with what became of it: what was said
// for certain is held against the chain later, by judge.mjs.
import crypto from 'node:crypto';
import { codec, xrpl } from '../../tools/js/clients.mjs';
import { rpc, rpcOr, sleep } from '../../tools/js/rpc.mjs';
import { Book, Connection } from '../crash/book.mjs';
import { testWallet } from '../e2e/accounts.mjs';

const SIGN_PREFIX = Buffer.from('53545800', 'hex');
const ED25519_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const ID_PREFIX = Buffer.from('54584e00', 'hex');

class Account {
	constructor(i) {
		this.wallet = testWallet(i);
		this.address = this.wallet.classicAddress;
		this.key = crypto.createPrivateKey({
			key: Buffer.concat([
				ED25519_DER,
				Buffer.from(this.wallet.privateKey.slice(2), 'hex'),
			]),
			format: 'der',
			type: 'pkcs8',
		});
		this.next = undefined; // sequence
	}

	sign(tx) {
		const full = { ...tx, Account: this.address, SigningPubKey: this.wallet.publicKey };
		const body = Buffer.from(codec.encode(full), 'hex');
		const signature = crypto.sign(null, Buffer.concat([SIGN_PREFIX, body]), this.key);
		const signed = { ...full, TxnSignature: signature.toString('hex').toUpperCase() };
		const blob = codec.encode(signed);
		const id = crypto
			.createHash('sha512')
			.update(Buffer.concat([ID_PREFIX, Buffer.from(blob, 'hex')]))
			.digest('hex')
			.slice(0, 64)
			.toUpperCase();
		return { blob, id, tx: full };
	}
}

export class Workload {
	#stopped = false;
	#quiet = false;
	#sockets = new Map();
	txs = new Map(); // id -> { tx, state, pair, last }
	reads = []; // { node, account, seq, hash, balance, sequence }
	book = new Book();
	sent = 0;
	refused = 0;
	unknown = 0; // no answer: found out later
	sums = 0;
	created = [];

	constructor(lab, chance, timeline, { rate, accounts }) {
		this.lab = lab;
		this.chance = chance;
		this.timeline = timeline;
		this.rate = rate;
		this.accounts = Array.from({ length: accounts }, (_, i) => new Account(i));
		this.validated = new Map(); // node -> newest sequence it has named
		this.loops = [this.#pay(), this.#read(), this.#listen(), this.#resolve()];
	}

	get newest() {
		return this.book.newest;
	}

	#up() {
		return this.lab.nodes.filter((n) => this.lab.running(n));
	}

	#payment(account, to, drops, extra = {}) {
		const tx = {
			TransactionType: 'Payment',
			Destination: to,
			Amount: String(drops),
			Fee: '10',
			Flags: 0,
			Sequence: account.next,
			LastLedgerSequence: this.newest + this.chance.between(3, 6),
			...extra,
		};
		if (this.lab.state.network_id > 1024) tx.NetworkID = this.lab.state.network_id;
		return account.sign(tx);
	}

	#keep(signed, more = {}) {
		if (!this.txs.has(signed.id))
			this.txs.set(signed.id, { ...signed, state: 'unknown', ...more });
		return signed;
	}

	// 'yes': taken; 'no': refused for certain; undefined: nobody knows.
	async #submit(node, signed) {
		const known = this.txs.get(signed.id);
		this.sent++;
		const answer = await rpcOr(this.lab.httpUrl(node), 'submit', {
			tx_blob: signed.blob,
		});
		const result = answer?.engine_result;
		if (result === undefined) {
			this.unknown++;
			return undefined;
		}
		if (/^tes|terQUEUED|tefALREADY/.test(result)) return 'yes';
		this.refused++;
		// A malformed one can never become valid.
		if (known && result.startsWith('tem')) known.state = 'malformed';
		return 'no';
	}

	async #act(account) {
		const node = this.chance.of(this.#up());
		if (!node || account.busy) return;
		account.busy = true;
		try {
			if (account.next === undefined)
				account.next = (
					await rpc(
						this.lab.httpUrl(node),
						'account_info',
						{
							account: account.address,
							ledger_index: 'current',
						},
						2000,
					)
				).account_data.Sequence;
			await this.#choose(node, account);
		} catch {
			account.next = undefined;
		} finally {
			account.busy = false;
		}
	}

	async #choose(node, account) {
		const what = this.chance.below(100);
		const to = this.chance.of(this.accounts).address;
		const other = this.chance.of(this.#up());
		const drops = this.chance.between(1, 1000);
		let signed;

		if (what < 5) {
			// Two for one sequence, to two nodes at once.
			const a = this.#payment(account, to, drops);
			const b = this.#payment(account, to, drops + 1);
			this.#keep(a, { pair: b.id });
			this.#keep(b, { pair: a.id });
			account.next++;
			await Promise.all([this.#submit(node, a), this.#submit(other, b)]);
			account.next = undefined;
			return;
		}
		if (what < 8) {
			// Damaged after it was signed.
			signed = this.#payment(account, to, drops);
			const blob = Buffer.from(signed.blob, 'hex');
			blob[blob.length - 30] ^= 1;
			await rpcOr(this.lab.httpUrl(node), 'submit', {
				tx_blob: blob.toString('hex').toUpperCase(),
			});
			return;
		}
		if (what < 10) {
			// Malformed by its content.
			signed = this.#keep(this.#payment(account, account.address, drops));
			await this.#submit(node, signed);
			return;
		}
		if (what < 12 && this.newest > 10) {
			// Too late already.
			signed = this.#payment(account, to, drops, { LastLedgerSequence: 5 });
			await this.#submit(node, this.#keep(signed, { state: 'late' }));
			return;
		}
		if (what < 15) {
			// A new account.
			const fresh = xrpl.Wallet.generate().classicAddress;
			signed = this.#payment(account, fresh, 50_000_000);
			this.created.push(fresh);
		} else {
			signed = this.#payment(account, to, to === account.address ? 0 : drops);
			if (to === account.address) return;
		}
		this.#keep(signed);
		account.next++;
		if ((await this.#submit(node, signed)) !== 'yes') account.next = undefined;
		// Said again, here and elsewhere: one effect.
		if (what >= 85) {
			await this.#submit(other, signed);
			await this.#submit(this.chance.of(this.#up()) ?? node, signed);
		}
	}

	async #pay() {
		const began = Date.now();
		for (let i = 0; !this.#stopped && !this.#quiet; i++) {
			this.#act(this.accounts[i % this.accounts.length]);
			const wait = began + (1000 * (i + 1)) / this.rate - Date.now();
			if (wait > 0) await sleep(wait);
		}
	}

	// ---- reading ----

	async #readOne(node) {
		const account = this.chance.of(this.accounts);
		const floor = this.validated.get(node.name) ?? 0;
		const answer = await rpcOr(this.lab.httpUrl(node), 'account_info', {
			account: account.address,
			ledger_index: 'validated',
		});
		if (!answer?.validated) return;
		const seq = answer.ledger_index;
		if (seq < floor)
			this.timeline.violation(
				'I6',
				`${node.name} reads ledger ${seq}, after ${floor}`,
			);
		this.validated.set(node.name, Math.max(floor, seq));
		this.book.ledger(seq, answer.ledger_hash);
		this.reads.push({
			node: node.name,
			account: account.address,
			seq,
			hash: answer.ledger_hash,
			balance: answer.account_data.Balance,
			sequence: answer.account_data.Sequence,
		});
	}

	// Everything that exists, in one ledger, in pages.
	async sum(node, seq) {
		const url = this.lab.httpUrl(node);
		const params = { ledger_index: seq, type: 'account', limit: 256 };
		let total = 0n;
		let marker;
		let hash;
		do {
			const page = await rpc(url, 'ledger_data', { ...params, marker }, 4000);
			hash ??= page.ledger_hash;
			if (page.ledger_hash !== hash) throw new Error('pages of two ledgers');
			for (const entry of page.state)
				if (entry.LedgerEntryType === 'AccountRoot')
					total += BigInt(entry.Balance);
			marker = page.marker;
		} while (marker !== undefined);
		const { ledger } = await rpc(url, 'ledger', { ledger_index: seq }, 4000);
		return { total, header: BigInt(ledger.total_coins), hash };
	}

	async #sumOne(node) {
		const seq = this.validated.get(node.name);
		if (!seq) return;
		let got;
		try {
			got = await this.sum(node, seq);
		} catch {
			return; // it was killed, or has pruned that ledger
		}
		this.sums++;
		if (got.total !== got.header)
			this.timeline.violation(
				'I4',
				`${node.name} ${seq}: ${got.total}, header ${got.header}`,
			);
		this.book.ledger(seq, got.hash);
	}

	async #read() {
		for (let i = 0; !this.#stopped; i++) {
			const up = this.#up();
			await Promise.all(up.map((node) => this.#readOne(node).catch(() => {})));
			if (i % 10 === 0 && up.length > 0) await this.#sumOne(this.chance.of(up));
			await sleep(150);
		}
	}

	// ---- streams ----

	#subscribe(node) {
		const connection = new Connection(this.lab.wsUrl(node), (m) =>
			this.book.message(m),
		);
		this.#sockets.set(node.name, connection);
		connection.opened
			.then(() =>
				connection.ask('subscribe', {
					streams: ['ledger', 'transactions', 'validations'],
				}),
			)
			.catch(() => connection.close());
	}

	async #listen() {
		while (!this.#stopped) {
			for (const node of this.#up()) {
				const old = this.#sockets.get(node.name);
				if (old && (old.open || Date.now() < old.again)) continue;
				old?.close();
				this.#subscribe(node);
				this.#sockets.get(node.name).again = Date.now() + 2000;
			}
			await sleep(200);
		}
		for (const one of this.#sockets.values()) one.close();
	}

	// ---- what became of it ----

	async #find(node, id, entry) {
		const answer = await this.#look(node, id, entry);
		if (answer?.validated === true) {
			entry.state = 'validated';
			this.book.transaction(
				id,
				answer.ledger_index,
				answer.meta.TransactionResult,
			);
		} else if (answer?.error === 'txnNotFound' && answer.searched_all === true) {
			entry.state = 'expired';
		}
	}

	async #look(node, id, entry) {
		const response = await fetch(this.lab.httpUrl(node), {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({
				method: 'tx',
				params: [
					{
						transaction: id,
						min_ledger: entry.from ?? 3,
						max_ledger: entry.tx.LastLedgerSequence,
					},
				],
			}),
			signal: AbortSignal.timeout(3000),
		});
		return (await response.json()).result;
	}

	// Asks any node about transactions whose last ledger has passed.
	async #resolve() {
		while (!this.#stopped) {
			await this.resolveSome(250);
			await sleep(500);
		}
	}

	open() {
		return [...this.txs].filter(
			([, e]) => e.state === 'unknown' && e.tx.LastLedgerSequence < this.newest,
		);
	}

	async resolveSome(most) {
		const some = this.open().slice(0, most);
		while (some.length > 0)
			await Promise.all(
				some.splice(0, 25).map(([id, entry]) => {
					const node = this.chance.of(this.#up());
					return node && this.#find(node, id, entry).catch(() => {});
				}),
			);
	}

	// No more payments; what is open is found out.
	async quiet() {
		this.#quiet = true;
		await this.loops[0];
	}

	async stop() {
		this.#stopped = true;
		await Promise.all(this.loops);
	}
}
