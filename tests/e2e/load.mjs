// SPDX-License-Identifier: ISC
// Payments between test accounts at a steady rate, to whatever nodes answer. What is refused or
// lost does not matter here: the sequences are read again.
import { rpcOr, sleep } from '../../tools/js/rpc.mjs';
import { payment, sequenceOf, testWallet } from './accounts.mjs';

export class Load {
	#stopped = false;
	sent = 0;
	accepted = 0;

	// Accounts first .. first + count - 1 pay the next one, together `rate` payments a second.
	constructor(net, { first = 0, count = 40, rate = 100 } = {}) {
		this.net = net;
		this.rate = rate;
		this.wallets = Array.from({ length: count }, (_, i) => testWallet(first + i));
		this.next = new Map();
		this.done = this.#run();
	}

	async #one(i) {
		const alive = this.net.nodes.filter((n) => this.net.running(n));
		if (alive.length === 0) return;
		const url = this.net.httpUrl(alive[i % alive.length]);
		const wallet = this.wallets[i % this.wallets.length];
		const to = this.wallets[(i + 1) % this.wallets.length];
		const address = wallet.classicAddress;
		try {
			const sequence = this.next.get(address) ?? (await sequenceOf(url, address));
			this.next.set(address, sequence + 1);
			const { tx_blob } = payment(
				this.net,
				wallet,
				to.classicAddress,
				1 + (i % 1000),
				sequence,
			);
			this.sent++;
			const answer = await rpcOr(url, 'submit', { tx_blob }, 3000);
			if (['tesSUCCESS', 'terQUEUED'].includes(answer?.engine_result))
				this.accepted++;
			else this.next.delete(address);
		} catch {
			this.next.delete(address);
		}
	}

	async #run() {
		const began = Date.now();
		for (let i = 0; !this.#stopped; i++) {
			// Not waited for: different accounts overlap.
			this.#one(i);
			const due = began + (1000 * (i + 1)) / this.rate;
			await sleep(Math.max(0, due - Date.now()));
		}
	}

	async stop() {
		this.#stopped = true;
		await this.done;
	}
}
