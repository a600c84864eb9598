// SPDX-License-Identifier: ISC
// Everything that was said, held against the whole chain as each node has it.
import { rpc } from '../../tools/js/rpc.mjs';

const FIRST = 2;
const GAP_MS = 20000;
const HEALTHY_MS = 60000;
const RSS_MB_MAX = 600;
const FDS_MAX = 1500; // clients pile up while a node stands still
const THREADS_MAX = 24;

export class Judge {
	constructor(lab, workload, timeline) {
		this.lab = lab;
		this.workload = workload;
		this.timeline = timeline;
		this.stats = {};
		this.tamper = (what) => what; // the self-test changes what nodes have answered
	}

	#bad(invariant, text) {
		this.timeline.violation(invariant, text);
	}

	// ---- while it runs ----

	// One look at every node: what it has validated, what it uses.
	async sample() {
		const sample = { ms: this.timeline.now, seq: {}, state: {}, rss: {} };
		await Promise.all(
			this.lab.nodes.map(async (node) => {
				const used = this.tamper(this.lab.resources(node));
				if (used) {
					sample.rss[node.name] = Math.round(used.rss_mb);
					if (
						used.rss_mb > RSS_MB_MAX ||
						used.fds > FDS_MAX ||
						used.threads > THREADS_MAX
					)
						this.#bad(
							'I9',
							`${node.name}: ${JSON.stringify(used)}`,
						);
				}
				const info = node.paused
					? undefined
					: await this.lab.info(node, 1000);
				if (info?.validated_ledger) {
					sample.seq[node.name] = info.validated_ledger.seq;
					sample.state[node.name] = info.server_state;
				}
			}),
		);
		this.timeline.samples.push(sample);
	}

	// I7, over all samples: within each stretch of health the validated ledger moves.
	progress() {
		const names = this.lab.nodes.map((n) => n.name);
		const quorum = Math.ceil(0.8 * names.length);
		const since = {};
		let checked = 0;

		for (const { ms, seq } of this.timeline.samples) {
			const from = ms - HEALTHY_MS;
			const healthy = names.filter((n) => this.timeline.healthy(n, from, ms));
			for (const name of names) {
				if (seq[name] !== undefined && seq[name] !== since[name]?.seq)
					since[name] = { seq: seq[name], ms };
				if (from < 0 || healthy.length < quorum || !healthy.includes(name))
					continue;
				checked++;
				const waited = ms - (since[name]?.ms ?? 0);
				if (waited > GAP_MS)
					this.#bad(
						'I7',
						`${name}: no validated ledger for ${waited} ms`,
					);
			}
		}
		this.stats.progressChecks = checked;
	}

	// ---- afterwards ----

	async #ledgers(node, last) {
		const url = this.lab.httpUrl(node);
		const list = new Map();
		const { info } = await rpc(url, 'server_info');
		const ranges = String(info.complete_ledgers)
			.split(',')
			.map((r) => r.split('-').map(Number));
		for (const [a, b = a] of ranges) {
			for (let seq = Math.max(a, FIRST); seq <= Math.min(b, last); seq++) {
				const { ledger, ledger_hash, validated } = await rpc(
					url,
					'ledger',
					{ ledger_index: seq, transactions: true },
					10000,
				);
				if (validated !== true)
					this.#bad('I5', `${node.name} ${seq} not validated`);
				list.set(
					seq,
					this.tamper({
						hash: ledger_hash,
						parent: ledger.parent_hash,
						ids: [...ledger.transactions].sort().join(),
					}),
				);
			}
		}
		return list;
	}

	// I5: one hash per sequence, headers in line, the same transactions; returns the fullest.
	async chains(last) {
		const all = new Map();
		for (const node of this.lab.nodes) all.set(node, await this.#ledgers(node, last));
		const [fullest, chain] = [...all].reduce((x, y) => (y[1].size > x[1].size ? y : x));
		for (const [node, list] of all) {
			if (!list.has(last))
				this.#bad('I5', `${node.name} does not serve ledger ${last}`);
			for (const [seq, one] of list) {
				const want = chain.get(seq);
				if (want && (want.hash !== one.hash || want.ids !== one.ids))
					this.#bad(
						'I5',
						`${node.name} ${seq} is ${one.hash}, not as others`,
					);
				const before = list.get(seq - 1);
				if (before && before.hash !== one.parent)
					this.#bad(
						'I5',
						`${node.name} ${seq} does not follow ${seq - 1}`,
					);
			}
		}
		this.stats.ledgers = chain.size;
		this.stats.complete = Object.fromEntries(
			[...all].map(([n, l]) => [n.name, l.size]),
		);
		if (!chain.has(FIRST)) throw new Error('no node has the whole chain');
		return { node: fullest, chain };
	}

	// Replays the chain from the state of the genesis; reads are compared with the state of
	// their ledger. I1, I2, I3, I4, I6.
	async replay({ node, chain }, last) {
		const url = this.lab.httpUrl(node);
		const state = await this.#genesis(url);
		const reads = Map.groupBy(this.workload.reads, (r) => r.seq);
		const used = new Set();
		const found = new Map();
		let coins = [...state.values()].reduce((sum, a) => sum + a.balance, 0n);

		for (let seq = FIRST + 1; seq <= last; seq++) {
			const { ledger } = await rpc(
				url,
				'ledger',
				{
					ledger_index: seq,
					transactions: true,
					expand: true,
					api_version: 2,
				},
				10000,
			);
			const list = ledger.transactions.sort(
				(a, b) => a.meta.TransactionIndex - b.meta.TransactionIndex,
			);
			for (const { hash, tx_json: tx, meta } of list) {
				if (found.has(hash)) this.#bad('I3', `${hash} is in two ledgers`);
				found.set(hash, { seq, result: meta.TransactionResult });
				const slot = `${tx.Account} ${tx.Sequence}`;
				if (used.has(slot)) this.#bad('I3', `${slot} was used twice`);
				used.add(slot);
				coins -= this.#apply(state, tx, meta.TransactionResult, seq);
			}
			if (coins !== BigInt(ledger.total_coins))
				this.#bad(
					'I4',
					`ledger ${seq}: ${coins}, header ${ledger.total_coins}`,
				);
			this.#checkReads(reads.get(seq) ?? [], state, chain.get(seq)?.hash);
		}
		const sum = this.tamper(await this.workload.sum(node, last));
		if (sum.total !== coins) this.#bad('I4', `in the end ${sum.total}, not ${coins}`);
		this.stats.transactions = found.size;
		this.stats.reads = this.workload.reads.length;
		return found;
	}

	async #genesis(url) {
		const state = new Map();
		let marker;
		do {
			const page = await rpc(url, 'ledger_data', {
				ledger_index: FIRST,
				type: 'account',
				marker,
			});
			for (const e of page.state)
				state.set(e.Account, {
					balance: BigInt(e.Balance),
					sequence: e.Sequence,
				});
			marker = page.marker;
		} while (marker !== undefined);
		return state;
	}

	#apply(state, tx, result, seq) {
		// Pseudo-transactions of the network itself: no account, no fee.
		if (tx.TransactionType !== 'Payment') return BigInt(tx.Fee);
		const fee = BigInt(tx.Fee);
		const from = state.get(tx.Account);
		if (!from || from.sequence !== tx.Sequence)
			this.#bad(
				'I3',
				`${tx.Account} ${tx.Sequence} applied at ${from?.sequence}`,
			);
		from.sequence++;
		from.balance -= fee;
		if (result === 'tesSUCCESS') {
			const amount = BigInt(tx.DeliverMax ?? tx.Amount);
			from.balance -= amount;
			const to = state.get(tx.Destination) ?? { balance: 0n, sequence: seq };
			to.balance += amount;
			state.set(tx.Destination, to);
		}
		if (from.balance < 0n) this.#bad('I4', `${tx.Account} is below zero`);
		return fee;
	}

	#checkReads(reads, state, hash) {
		for (const read of reads) {
			const is = state.get(read.account);
			if (read.hash !== hash)
				this.#bad(
					'I6',
					`${read.node} read ledger ${read.seq} as ${read.hash}`,
				);
			if (String(is.balance) !== read.balance || is.sequence !== read.sequence)
				this.#bad(
					'I6',
					`${read.node} ${read.account} at ${read.seq}: ` +
						`${read.balance}, not ${is.balance}`,
				);
		}
	}

	// What was said to clients.
	statements(found) {
		const { book, txs } = this.workload;
		let validated = 0;
		for (const offence of book.offences) {
			const votes = /voted for two|signed its vote/.test(offence);
			this.#bad(votes ? 'I8' : 'I1', offence);
		}
		for (const [id, { seq, result }] of book.transactions) {
			const is = found.get(id);
			if (!is || is.seq !== seq || is.result !== result)
				this.#bad(
					'I1',
					`${id} was said to be in ${seq}: ${JSON.stringify(is)}`,
				);
		}
		const states = {};
		for (const [id, entry] of txs) {
			const is = found.get(id);
			states[entry.state] = (states[entry.state] ?? 0) + 1;
			if (is) validated++;
			if (is && ['malformed', 'late', 'expired'].includes(entry.state))
				this.#bad('I2', `${id}, ${entry.state}, is in ledger ${is.seq}`);
			if (!is && entry.state === 'validated')
				this.#bad('I1', `${id} was said to be validated`);
			if (is && is.seq > entry.tx.LastLedgerSequence)
				this.#bad('I2', `${id} is in ${is.seq}, past its last ledger`);
			if (is && entry.pair && found.has(entry.pair))
				this.#bad('I3', `${id} and ${entry.pair} are both validated`);
			if (entry.state === 'unknown')
				this.#bad('I2', `nobody can say what became of ${id}`);
		}
		Object.assign(this.stats, { sent: this.workload.sent, validated, states });
	}

	// I10: the whole state of the last ledger, entry by entry, from every node.
	async states(last) {
		let want;
		for (const node of this.lab.nodes) {
			const url = this.lab.httpUrl(node);
			const got = [];
			let marker;
			do {
				const page = await rpc(
					url,
					'ledger_data',
					{ ledger_index: last, binary: true, marker },
					10000,
				);
				for (const e of page.state) got.push(`${e.index} ${e.data}`);
				marker = page.marker;
			} while (marker !== undefined);
			const text = this.tamper(got.sort().join('\n'));
			want ??= text;
			if (text !== want)
				this.#bad('I10', `${node.name} holds another state at ${last}`);
			this.stats.entries = got.length;
		}
	}
}
