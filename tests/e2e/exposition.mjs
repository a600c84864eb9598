// SPDX-License-Identifier: ISC
// A strict reader of the Prometheus text format 0.0.4. It throws at the first line that is not as
// it should be.

const NAME = '[a-z_][a-z0-9_]*';
const HELP = new RegExp(`^# HELP (${NAME}) \\S.*$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const LABEL = `${NAME}="[^"\\\\\\n]*"`;
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (-?\\d+(?:\\.\\d+)?)$`);

// Each family's type, by name.
export function families(text) {
	const found = new Map();
	for (const line of text.split('\n')) {
		const type = TYPE.exec(line);
		if (type) found.set(type[1], type[2]);
	}
	return found;
}

// Buckets ascend and end in what _count says.
function checkHistogram(name, samples) {
	const sets = new Map();
	for (const { series, labels, value } of samples) {
		const le = /(?:^\{|,)le="([^"]*)"/.exec(labels)?.[1];
		const key = labels.replace(/,?le="[^"]*"/, '').replace('{}', '');
		const set = sets.get(key) ?? { bound: -Infinity, below: 0 };
		sets.set(key, set);
		if (series === `${name}_bucket`) {
			const bound = le === '+Inf' ? Infinity : Number(le);
			if (!(bound > set.bound) || value < set.below)
				throw new Error(`${name}${labels}: buckets do not ascend`);
			Object.assign(set, { bound, below: value });
		} else if (series === `${name}_count`) {
			if (set.bound !== Infinity || value !== set.below)
				throw new Error(`${name}${labels}: not the count of its buckets`);
			set.counted = true;
		} else if (series !== `${name}_sum`) {
			throw new Error(`${series}: not of a histogram`);
		}
	}
	for (const [key, set] of sets) if (!set.counted) throw new Error(`${name}${key}: no count`);
}

// Series with their labels, to their values.
export function read(text) {
	const all = new Map();
	const seen = new Set();
	let family;
	const end = () => {
		if (family?.type === 'histogram') checkHistogram(family.name, family.samples);
	};
	if (!text.endsWith('\n')) throw new Error('the last line has no end');
	for (const line of text.slice(0, -1).split('\n')) {
		const help = HELP.exec(line);
		const type = TYPE.exec(line);
		const sample = SAMPLE.exec(line);
		if (help) {
			end();
			if (seen.has(help[1])) throw new Error(`a family comes twice: ${line}`);
			seen.add(help[1]);
			family = { name: help[1], samples: [] };
		} else if (type) {
			if (family?.name !== type[1] || family.type)
				throw new Error(`TYPE without HELP: ${line}`);
			family.type = type[2];
			if ((type[2] === 'counter') !== type[1].endsWith('_total'))
				throw new Error(`counters, and they alone, end in _total: ${line}`);
		} else if (sample) {
			const [, series, labels = '', number] = sample;
			const suffix = series.slice(family?.name.length);
			if (!family?.type || !series.startsWith(family.name))
				throw new Error(`not of the family before it: ${line}`);
			if (suffix && family.type !== 'histogram')
				throw new Error(`another name than its family's: ${line}`);
			if (all.has(series + labels)) throw new Error(`comes twice: ${line}`);
			const value = Number(number);
			if (family.type !== 'gauge' && value < 0)
				throw new Error(`below 0: ${line}`);
			all.set(series + labels, value);
			family.samples.push({ series, labels, value });
		} else {
			throw new Error(`not a line of the format: ${line}`);
		}
	}
	end();
	return all;
}
