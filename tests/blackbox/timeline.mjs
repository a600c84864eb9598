// SPDX-License-Identifier: ISC
// What happened when, for people (HTML), for programs (JSON).
import fs from 'node:fs';
import path from 'node:path';
import { page } from './page.mjs';

export class Timeline {
	constructor(dir, about) {
		this.dir = dir;
		this.about = about;
		this.began = Date.now();
		this.events = []; // { ms, kind, nodes, text }
		this.faults = []; // { name, nodes, start, end, text }
		this.samples = []; // { ms, seq: { v1: 12, ... } }
		this.violations = []; // { invariant, ms, text }
		fs.mkdirSync(dir, { recursive: true });
	}

	get now() {
		return Date.now() - this.began;
	}

	note(kind, nodes, text) {
		this.events.push({ ms: this.now, kind, nodes, text });
		if (process.env.BLACKBOX_VERBOSE)
			console.log((this.now / 1000).toFixed(1).padStart(7), kind, nodes, text);
	}

	fault(name, nodes, text) {
		const one = { name, nodes, text, start: this.now, end: undefined };
		this.faults.push(one);
		this.note('fault', nodes.join(' '), `${name} ${text}`);
		return one;
	}

	healed(one) {
		one.end = this.now;
		this.note('healed', one.nodes.join(' '), one.name);
	}

	violation(invariant, text) {
		// The first of each kind says it; the others are counted.
		this.violations.push({ invariant, ms: this.now, text });
		this.note('VIOLATION', '', `${invariant}: ${text}`);
	}

	// What was planted has been found; it is no part of the run.
	forget() {
		this.violations.length = 0;
		this.events = this.events.filter((e) => e.kind !== 'VIOLATION');
	}

	// Whether the node was free of faults all the time from a to b.
	healthy(name, a, b) {
		return !this.faults.some(
			(f) => f.nodes.includes(name) && f.start < b && (f.end ?? Infinity) > a,
		);
	}

	write() {
		const file = (name) => path.join(this.dir, name);
		const { about, events, faults, samples, violations } = this;
		fs.writeFileSync(
			file('timeline.json'),
			JSON.stringify({ about, faults, events, samples }, null, '\t'),
		);
		fs.writeFileSync(file('violations.json'), JSON.stringify(violations, null, '\t'));
		fs.writeFileSync(file('timeline.html'), page(this));
	}
}
