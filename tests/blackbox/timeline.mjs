// SPDX-License-Identifier: ISC
// What happened when, for people (HTML), for programs (JSON).
import fs from 'node:fs';
import path from 'node:path';

const escape = (s) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

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
			console.log(
				`${(this.now / 1000).toFixed(1).padStart(7)} ${kind} ${nodes} ${text}`,
			);
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
		fs.writeFileSync(file('timeline.html'), this.#html());
	}

	// One lane per node: faults as bars, newest validated ledger as numbers; below, the events.
	#html() {
		const end = Math.max(1, this.now);
		const names = this.about.nodes;
		const x = (ms) => 60 + (ms / end) * 1080;
		const rows = [];
		names.forEach((name, i) => {
			const y = 20 + i * 44;
			rows.push(`<text x="4" y="${y + 18}">${escape(name)}</text>`);
			rows.push(`<line x1="60" x2="1140" y1="${y + 34}" y2="${y + 34}"/>`);
			for (const f of this.faults.filter((one) => one.nodes.includes(name))) {
				const to = x(f.end ?? end);
				rows.push(
					`<rect class="${escape(f.name)}" x="${x(f.start)}" y="${y}" ` +
						`width="${Math.max(2, to - x(f.start))}" height="22">` +
						`<title>${escape(`${f.name} ${f.text}`)}</title></rect>` +
						`<text x="${x(f.start) + 2}" y="${y + 15}">${escape(f.name)}</text>`,
				);
			}
			let last;
			for (const sample of this.samples) {
				const seq = sample.seq[name];
				if (seq !== undefined && seq !== last)
					rows.push(
						`<text class="seq" x="${x(sample.ms)}" y="${y + 32}">${seq}</text>`,
					);
				last = seq;
			}
		});
		for (const v of this.violations)
			rows.push(
				`<line class="bad" x1="${x(v.ms)}" x2="${x(v.ms)}" y1="0" y2="${names.length * 44 + 10}"/>`,
			);
		const list = this.events.map(
			(e) =>
				`<tr class="${e.kind}"><td>${(e.ms / 1000).toFixed(2)}</td><td>${e.kind}</td>` +
				`<td>${escape(e.nodes)}</td><td>${escape(e.text)}</td></tr>`,
		);
		return (
			`<!doctype html><meta charset="utf-8"><title>${escape(this.about.title)}</title><style>` +
			'body{font:13px sans-serif;margin:1em}svg{font:10px sans-serif}rect{fill:#fc8;stroke:#a50}' +
			'line{stroke:#ccc}.bad{stroke:red}.seq{fill:#999;font-size:7px}tr.VIOLATION{background:#fcc}' +
			'tr.fault{background:#fec}tr.healed{background:#efe}td{padding:1px 6px}</style>' +
			`<h1>${escape(this.about.title)}</h1><p>${escape(JSON.stringify(this.about))}</p>` +
			`<p>${this.violations.length} violations</p>` +
			`<svg width="1160" height="${names.length * 44 + 20}">${rows.join('')}</svg>` +
			`<table>${list.join('\n')}</table>`
		);
	}
}
