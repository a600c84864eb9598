// SPDX-License-Identifier: ISC
// Writes down every ledger and every transaction that any node calls validated, and says when two
// such statements contradict each other.
import { WebSocket } from '../../tools/js/clients.mjs';
import { rpc, rpcOr, sleep } from '../../tools/js/rpc.mjs';

export class Witness {
	#stopped = false;
	#sockets = new Map();
	ledgers = new Map(); // sequence -> hash
	transactions = new Map(); // id -> ledger sequence
	contradictions = [];
	newest = 0;

	constructor(net) {
		this.net = net;
		this.done = this.#watch();
	}

	#ledger(node, seq, hash) {
		const known = this.ledgers.get(seq);
		if (known === undefined) this.ledgers.set(seq, hash);
		else if (known !== hash)
			this.contradictions.push(
				`${node.name}: ledger ${seq} is ${hash}, was ${known}`,
			);
		this.newest = Math.max(this.newest, seq);
	}

	#transaction(node, id, seq) {
		const known = this.transactions.get(id);
		if (known === undefined) this.transactions.set(id, seq);
		else if (known !== seq)
			this.contradictions.push(
				`${node.name}: ${id} in ledger ${seq}, was in ${known}`,
			);
	}

	#message(node, message) {
		if (message.type === 'ledgerClosed')
			this.#ledger(node, message.ledger_index, message.ledger_hash);
		else if (message.type === 'transaction' && message.validated)
			this.#transaction(
				node,
				message.hash ?? message.transaction?.hash ?? message.tx_json?.hash,
				message.ledger_index,
			);
	}

	#subscribe(node) {
		const socket = new WebSocket(this.net.wsUrl(node));
		this.#sockets.set(node.name, socket);
		const gone = () => {
			if (this.#sockets.get(node.name) === socket)
				this.#sockets.delete(node.name);
		};
		socket.on('open', () =>
			socket.send(
				JSON.stringify({
					id: 1,
					command: 'subscribe',
					streams: ['ledger', 'transactions'],
					api_version: 2,
				}),
			),
		);
		socket.on('message', (data) => this.#message(node, JSON.parse(data)));
		socket.on('error', gone);
		socket.on('close', gone);
	}

	async #watch() {
		while (!this.#stopped) {
			await Promise.all(
				this.net.nodes.map(async (node) => {
					if (!this.net.running(node)) return;
					if (!this.#sockets.has(node.name)) this.#subscribe(node);
					const ledger = (await this.net.info(node, 1000))
						?.validated_ledger;
					if (ledger?.seq > 1)
						this.#ledger(node, ledger.seq, ledger.hash);
				}),
			);
			await sleep(150);
		}
		for (const socket of this.#sockets.values()) socket.terminate();
	}

	async stop() {
		this.#stopped = true;
		await this.done;
	}

	// Asks every running node again for what was written down (at most `most` transactions).
	async verify(most = 500) {
		const lowest = this.newest - 250;
		for (const node of this.net.nodes.filter((n) => this.net.running(n))) {
			const url = this.net.httpUrl(node);
			for (const [seq, hash] of this.ledgers) {
				if (seq < lowest) continue;
				const answer = await rpc(url, 'ledger', { ledger_index: seq });
				this.#ledger(node, seq, answer.ledger_hash);
				if (answer.ledger_hash !== hash || answer.validated !== true)
					this.contradictions.push(
						`${node.name} does not confirm ledger ${seq}`,
					);
			}
		}
		const url = this.net.httpUrl(this.net.nodes[0]);
		const ids = [...this.transactions.keys()].slice(-most);
		for (const id of ids) {
			const answer = await rpcOr(url, 'tx', { transaction: id });
			if (!answer?.validated || answer.ledger_index !== this.transactions.get(id))
				this.contradictions.push(
					`${id} is no longer in ledger ${this.transactions.get(id)}`,
				);
		}
		return this.contradictions;
	}
}
