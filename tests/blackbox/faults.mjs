// SPDX-License-Identifier: ISC
// The kinds of faults. Each begins, says whom it concerns, and later ends; a schedule drawn from
// the seed decides which, when, to whom and for how long. Several may be under way at once.
import fs from 'node:fs';
import { sleep } from '../../tools/js/rpc.mjs';

const list = (nodes) => nodes.map((n) => n.name).join(' ');
const others = (lab, node) => lab.nodes.filter((n) => n !== node);

// A link fault in one direction between two nodes, with its end.
async function ways(lab, pairs, key, value) {
	for (const [a, b] of pairs) await lab.way(a, b, key, value);
	return async () => {
		for (const [a, b] of pairs) await lab.way(a, b, key, 0);
	};
}

const allPairs = (from, to) => from.flatMap((a) => to.map((b) => [a, b]));
const bothWays = (pairs) =>
	pairs.flatMap(([a, b]) => [
		[a, b],
		[b, a],
	]);

function groups(lab, chance, n) {
	const one = chance.some(lab.nodes, n);
	return [one, lab.nodes.filter((node) => !one.includes(node))];
}

const restart = (lab, node) => async () => {
	if (!lab.running(node)) lab.startNode(node);
};

// Each returns { nodes, text, end }. Weights: how often, relative to each other.
export const kinds = {
	delay: {
		weight: 3,
		async begin(lab, chance, node) {
			const ms = chance.between(20, 1500);
			const pairs = bothWays(allPairs([node], others(lab, node)));
			const undo = await ways(lab, pairs, 'delay', ms);
			const undoJitter = await ways(lab, pairs, 'jitter', ms >> 1);
			return {
				nodes: ms > 300 ? [node] : [],
				text: `${ms} ms`,
				end: async () => (await undo(), await undoJitter()),
			};
		},
	},
	rate: {
		weight: 1,
		async begin(lab, chance, node) {
			const rate = 10 ** chance.between(1, 4);
			const pairs = bothWays(allPairs([node], others(lab, node)));
			const end = await ways(lab, pairs, 'rate', rate);
			return { nodes: [node], text: `${rate} B/s`, end };
		},
	},
	stall: {
		weight: 3,
		async begin(lab, chance, node) {
			const some = chance.some(
				others(lab, node),
				chance.between(1, lab.nodes.length - 1),
			);
			const end = await ways(lab, bothWays(allPairs([node], some)), 'stall', 1);
			const nodes = [node, ...some];
			return { nodes, text: `to ${list(some)}`, end };
		},
	},
	oneway: {
		weight: 3,
		async begin(lab, chance, node) {
			const deaf = chance.percent(50);
			const rest = others(lab, node);
			const pairs = deaf ? allPairs(rest, [node]) : allPairs([node], rest);
			const end = await ways(lab, pairs, 'stall', 1);
			return { nodes: [node], text: deaf ? 'hears nobody' : 'is not heard', end };
		},
	},
	partition: {
		weight: 3,
		async begin(lab, chance) {
			const [a, b] = groups(
				lab,
				chance,
				chance.between(1, lab.nodes.length >> 1),
			);
			for (const [x, y] of allPairs(a, b)) await lab.both(x, y, 'cut');
			return {
				nodes: a.length <= lab.nodes.length - quorum(lab) ? a : lab.nodes,
				text: `${list(a)} | ${list(b)}`,
				end: async () => {
					for (const [x, y] of allPairs(a, b))
						await lab.both(x, y, 'join');
				},
			};
		},
	},
	reset: {
		weight: 2,
		async begin(lab, chance, node) {
			for (const other of others(lab, node)) await lab.both(node, other, 'reset');
			return { nodes: [node], text: 'all connections', end: async () => {} };
		},
	},
	truncate: {
		weight: 1,
		async begin(lab, chance, node) {
			const other = chance.of(others(lab, node));
			await lab.both(node, other, 'truncate');
			return { nodes: [node], text: `with ${other.name}`, end: async () => {} };
		},
	},
	half: {
		weight: 1,
		async begin(lab, chance, node) {
			const other = chance.of(others(lab, node));
			await lab.proxy.ask(`half ${lab.link(node, other)} to`);
			await lab.proxy.ask(`half ${lab.link(other, node)} from`);
			return { nodes: [node], text: `with ${other.name}`, end: async () => {} };
		},
	},
	damage: {
		weight: 1,
		async begin(lab, chance, node) {
			const other = chance.of(others(lab, node));
			const end = await ways(
				lab,
				[[node, other]],
				'damage',
				chance.between(5, 200),
			);
			return { nodes: [node, other], text: `to ${other.name}`, end };
		},
	},
	wire: {
		weight: 2,
		async begin(lab, chance, node) {
			if (!lab.wire(node, false)) return undefined;
			return {
				nodes: [node],
				text: 'interface down',
				end: async () => lab.wire(node, true),
			};
		},
	},
	kill: {
		weight: 4,
		async begin(lab, chance, node) {
			if (!lab.running(node)) return undefined;
			await lab.end(node, 'SIGKILL');
			return { nodes: [node], text: '', end: restart(lab, node) };
		},
	},
	term: {
		weight: 1,
		async begin(lab, chance, node) {
			if (!lab.running(node)) return undefined;
			await lab.end(node, 'SIGTERM');
			return { nodes: [node], text: '', end: restart(lab, node) };
		},
	},
	killall: {
		weight: 1,
		async begin(lab) {
			await Promise.all(lab.nodes.map((node) => lab.end(node, 'SIGKILL')));
			return {
				nodes: lab.nodes,
				text: 'all at the same instant',
				end: async () => {
					for (const node of lab.nodes) await restart(lab, node)();
				},
			};
		},
	},
	pause: {
		weight: 3,
		async begin(lab, chance, node) {
			if (!lab.running(node)) return undefined;
			lab.pause(node, true);
			return { nodes: [node], text: '', end: async () => lab.pause(node, false) };
		},
	},
	fulldisk: {
		weight: 2,
		async begin(lab, chance, node) {
			if (!node.small) return undefined;
			const left = chance.percent(50) ? 0 : 8 << 20;
			lab.fill(node, left);
			return {
				nodes: [node],
				text: `${left >> 20} MiB left`,
				end: async () => {
					lab.drain(node);
					await restart(lab, node)();
				},
			};
		},
	},
	failing: {
		weight: 2,
		// One call on its files fails, once, some time after its start.
		async begin(lab, chance, node) {
			if (!lab.running(node)) return undefined;
			await lab.end(node, 'SIGKILL');
			const error = chance.of(['EIO', 'ENOSPC']);
			const number = chance.between(1, 150);
			lab.startNode(node, {
				LD_PRELOAD: `${node.env.LD_PRELOAD} ${lab.shim('fail_shim')}`,
				TALLY_FAIL_ROOT: node.disk,
				TALLY_FAIL_OP: `any:${error}:${number}`,
			});
			return {
				nodes: [node],
				text: `call ${number}: ${error}`,
				end: async () => {
					if (!lab.running(node))
						lab.timeline.note(
							'said',
							node.name,
							lab.lastWords(node),
						);
					else await lab.end(node, 'SIGKILL');
					lab.startNode(node);
				},
			};
		},
	},
	clock: {
		weight: 3,
		async begin(lab, chance, node) {
			const sign = chance.percent(50) ? 1 : -1;
			const ms = sign * chance.of([2000, 8000, 15000, 60000, 3600000]);
			lab.clock(node, ms);
			return {
				nodes: [node],
				text: `${ms > 0 ? '+' : ''}${ms / 1000} s`,
				end: async () => lab.clock(node, 0),
			};
		},
	},
	wipe: {
		weight: 2,
		async begin(lab, chance, node) {
			if (!lab.running(node) || lab.wiped.size > 0) return undefined;
			await lab.end(node, 'SIGKILL');
			lab.wipe(node);
			lab.wiped.add(node.name);
			return {
				nodes: [node],
				text: 'starts with nothing',
				end: restart(lab, node),
			};
		},
	},
	damaged: {
		weight: 1,
		// Wrong bytes in the database at the next start: said, and never served.
		async begin(lab, chance, node) {
			if (!lab.running(node) || lab.wiped.size > 0) return undefined;
			await lab.end(node, 'SIGKILL');
			const file = lab.database(node);
			if (!fs.existsSync(file)) return undefined;
			lab.wiped.add(node.name);
			const size = fs.statSync(file).size;
			const handle = fs.openSync(file, 'r+');
			for (let i = 0; i < 16; i++) {
				const at = 8192 + chance.below(Math.max(1, size - 8192 - 64));
				fs.writeSync(handle, Buffer.alloc(64, 0x5a), 0, 64, at);
			}
			fs.closeSync(handle);
			return {
				nodes: [node],
				text: '1 KiB of the database',
				end: async () => {
					lab.startNode(node);
					await sleep(3000);
					if (lab.running(node)) await lab.end(node, 'SIGKILL');
					lab.timeline.note('said', node.name, lab.lastWords(node));
					lab.wipe(node); // what an operator does who reads it
					lab.startNode(node);
				},
			};
		},
	},
};

const quorum = (lab) => Math.ceil(0.8 * lab.nodes.length);

export class Faults {
	#stopped = false;
	#running = new Set();

	// About one new fault every `everyMs`.
	constructor(lab, chance, timeline, { everyMs, only }) {
		this.lab = lab;
		this.chance = chance;
		this.timeline = timeline;
		this.everyMs = everyMs;
		this.count = new Map();
		lab.wiped = new Set();
		const names = Object.keys(kinds).filter((k) => !only || only.includes(k));
		this.urn = names.flatMap((name) => Array(kinds[name].weight).fill(name));
	}

	async #one(name, number) {
		const chance = this.chance.fork(`${name} ${number}`);
		const lasts = chance.between(500, chance.percent(20) ? 20000 : 6000);
		// What a node suffers from already is not made worse: its end would undo both.
		const free = this.lab.nodes.filter(
			(n) => ![...this.#running].some((f) => f.touched.includes(n.name)),
		);
		if (free.length === 0) return;
		const node = chance.of(free);
		const all = ['partition', 'killall', 'stall'].includes(name);
		if (all && this.#running.size > 0) return;
		const hold = { touched: all ? this.lab.nodes.map((n) => n.name) : [node.name] };
		this.#running.add(hold);
		try {
			const done = await kinds[name].begin(this.lab, chance, node);
			if (!done) return;
			this.count.set(name, (this.count.get(name) ?? 0) + 1);
			const nodes = [...new Set(done.nodes.map((n) => n.name))];
			const told = this.timeline.fault(name, nodes, `${node.name} ${done.text}`);
			const until = Date.now() + lasts;
			while (Date.now() < until && !this.#stopped) await sleep(100);
			await done.end();
			this.timeline.healed(told);
		} finally {
			this.#running.delete(hold);
		}
	}

	async run(ms) {
		const end = Date.now() + ms;
		const all = [];
		let bag = [];
		for (let i = 0; Date.now() < end; i++) {
			// All kinds come up before one comes twice as often as its weight says.
			if (bag.length === 0) bag = this.chance.some(this.urn, this.urn.length);
			all.push(this.#one(bag.pop(), i));
			await sleep(
				this.chance.between(this.everyMs >> 1, (this.everyMs * 3) >> 1),
			);
		}
		this.#stopped = true;
		await Promise.all(all);
		await this.lab.heal();
		for (const f of this.timeline.faults) if (!f.end) this.timeline.healed(f);
		this.timeline.note('healed', 'all', 'everything');
	}
}
