// SPDX-License-Identifier: ISC
// What clients were told for certain, over all lives of the nodes asked: ledgers and transactions
// called validated, balances at a named ledger, validations. Two statements that cannot both be
// true are an offence, and so is a node that later does not confirm one of them.
import { WebSocket } from '../../tools/js/clients.mjs';

// One WebSocket with requests in any number at once.
export class Connection {
	#pending = new Map();
	#next = 1;
	open = false;

	constructor(url, onMessage) {
		this.socket = new WebSocket(url);
		this.opened = new Promise((resolve, reject) => {
			this.socket.on('open', () => {
				this.open = true;
				resolve(this);
			});
			this.socket.on('error', reject);
			this.socket.on('close', () => this.#ended(reject));
		});
		this.opened.catch(() => {});
		this.socket.on('message', (data) => {
			const message = JSON.parse(data);
			if (message.type !== 'response') onMessage?.(message);
			else this.#answered(message);
		});
	}

	#ended(reject) {
		this.open = false;
		const gone = new Error('the connection has ended');
		reject(gone);
		for (const one of this.#pending.values()) one.reject(gone);
		this.#pending.clear();
	}

	#answered(message) {
		const one = this.#pending.get(message.id);
		this.#pending.delete(message.id);
		if (message.status === 'success') one?.resolve(message.result);
		else one?.reject(new Error(`${one.command}: ${message.error}`));
	}

	ask(command, params = {}) {
		if (!this.open) return Promise.reject(new Error('the connection has ended'));
		return new Promise((resolve, reject) => {
			const id = this.#next++;
			this.#pending.set(id, { command, resolve, reject });
			this.socket.send(
				JSON.stringify({ id, command, api_version: 2, ...params }),
			);
		});
	}

	close() {
		this.socket.terminate();
	}
}

export class Book {
	ledgers = new Map(); // sequence -> hash
	transactions = new Map(); // id -> { seq, result }
	validations = new Map(); // "key sequence" -> { hash, bytes }
	balances = [];
	offences = [];
	newest = 0;
	statements = 0;
	// Not yet confirmed by a node that was started again since: see confirm().
	#open = { ledgers: new Set(), transactions: new Set(), balances: [] };

	ledger(seq, hash) {
		this.statements++;
		const known = this.ledgers.get(seq);
		if (known !== undefined && known !== hash)
			this.offences.push(`ledger ${seq} is ${hash}, was ${known}`);
		this.ledgers.set(seq, known ?? hash);
		this.#open.ledgers.add(seq);
		this.newest = Math.max(this.newest, seq);
	}

	transaction(id, seq, result) {
		this.statements++;
		const known = this.transactions.get(id);
		if (known && (known.seq !== seq || known.result !== result))
			this.offences.push(
				`${id} is ${result} in ledger ${seq}, ` +
					`was ${known.result} in ${known.seq}`,
			);
		this.transactions.set(id, known ?? { seq, result });
		this.#open.transactions.add(id);
	}

	balance(account, answer) {
		this.statements++;
		if (answer.validated !== true) return;
		this.ledger(answer.ledger_index, answer.ledger_hash);
		const { Balance, Sequence } = answer.account_data;
		this.#open.balances.push({ account, seq: answer.ledger_index, Balance, Sequence });
	}

	validation(key, seq, hash, bytes) {
		this.statements++;
		const name = `${key} ${seq}`;
		const known = this.validations.get(name);
		if (known && known.hash !== hash)
			this.offences.push(`${key} voted for two ledgers ${seq}`);
		else if (known && known.bytes !== bytes)
			this.offences.push(`${key} signed its vote for ledger ${seq} twice`);
		this.validations.set(name, known ?? { hash, bytes });
	}

	// A message of the streams ledger, transactions and validations.
	message(m) {
		if (m.type === 'ledgerClosed') this.ledger(m.ledger_index, m.ledger_hash);
		else if (m.type === 'transaction' && m.validated)
			this.transaction(m.hash, m.ledger_index, m.meta.TransactionResult);
		else if (m.type === 'validationReceived')
			this.validation(
				m.validation_public_key,
				Number(m.ledger_index),
				m.ledger_hash,
				m.data,
			);
	}

	async #confirmLedger(connection, seq) {
		const answer = await connection.ask('ledger', { ledger_index: seq });
		if (answer.ledger_hash !== this.ledgers.get(seq) || answer.validated !== true)
			this.offences.push(`ledger ${seq} is not confirmed`);
	}

	async #confirmTransaction(connection, id) {
		const { seq, result } = this.transactions.get(id);
		// Not "tx", which a node that has not yet caught up with its network refuses.
		const answer = await connection.ask('transaction_entry', {
			tx_hash: id,
			ledger_index: seq,
		});
		if (answer.validated !== true || answer.ledger_index !== seq)
			this.offences.push(`${id} is no longer in ledger ${seq}`);
		else if (answer.meta.TransactionResult !== result)
			this.offences.push(`${id} no longer has ${result}`);
	}

	async #confirmBalance(connection, told) {
		const answer = await connection.ask('account_info', {
			account: told.account,
			ledger_index: told.seq,
		});
		const { Balance, Sequence } = answer.account_data;
		if (Balance !== told.Balance || Sequence !== told.Sequence)
			this.offences.push(`${told.account} is another one in ledger ${told.seq}`);
	}

	// [what, promise maker] for everything that was told since the last complete confirmation.
	#questions(connection, { ledgers, transactions, balances }) {
		return [
			...[...ledgers].map((seq) => [
				`ledger ${seq}`,
				() => this.#confirmLedger(connection, seq),
			]),
			...[...transactions].map((id) => [
				`transaction ${id}`,
				() => this.#confirmTransaction(connection, id),
			]),
			...balances.map((told) => [
				`balance in ledger ${told.seq}`,
				() => this.#confirmBalance(connection, told),
			]),
		];
	}

	// Asks a node that was started again. An error for an answer is an offence; when the node
	// dies on the way, all stays open for the next one.
	async confirm(connection) {
		const asked = this.#open;
		const work = this.#questions(connection, asked);
		this.#open = { ledgers: new Set(), transactions: new Set(), balances: [] };
		while (work.length > 0 && connection.open)
			await Promise.all(
				work.splice(0, 500).map(([what, ask]) =>
					ask().catch((error) => {
						if (connection.open)
							this.offences.push(
								`${what}: ${error.message}`,
							);
					}),
				),
			);
		if (connection.open) return true;
		asked.ledgers.forEach((seq) => this.#open.ledgers.add(seq));
		asked.transactions.forEach((id) => this.#open.transactions.add(id));
		this.#open.balances.push(...asked.balances);
		return false;
	}
}
