// SPDX-License-Identifier: ISC
// Draws from a seed: each user of chance forks a stream of its own by name.
import { createHash } from 'node:crypto';

export class Chance {
	#n = 0;

	constructor(seed, name = '') {
		this.seed = seed;
		this.name = name;
	}

	fork(name) {
		return new Chance(this.seed, `${this.name}/${name}`);
	}

	#draw() {
		const text = `${this.seed} ${this.name} ${this.#n++}`;
		return createHash('sha256').update(text).digest().readUIntBE(0, 6);
	}

	// 0 .. n - 1
	below(n) {
		return this.#draw() % n;
	}

	between(low, high) {
		return low + this.below(high - low + 1);
	}

	of(list) {
		return list[this.below(list.length)];
	}

	percent(p) {
		return this.below(100) < p;
	}

	// n different ones.
	some(list, n) {
		const left = [...list];
		return Array.from(
			{ length: Math.min(n, left.length) },
			() => left.splice(this.below(left.length), 1)[0],
		);
	}
}
