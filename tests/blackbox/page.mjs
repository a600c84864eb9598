// SPDX-License-Identifier: ISC
// A timeline as a page for people: one lane per node, faults as bars, the newest validated ledger
// as numbers below them; then every event.
const escape = (s) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const LANE = 44;
const LEFT = 60;
const WIDTH = 1080;
const STYLE = `
body { font: 13px sans-serif; margin: 1em }
svg { font: 10px sans-serif }
rect { fill: #fc8; stroke: #a50 }
line { stroke: #ccc }
.bad { stroke: red }
.seq { fill: #999; font-size: 7px }
tr.VIOLATION { background: #fcc }
tr.fault { background: #fec }
tr.healed { background: #efe }
td { padding: 1px 6px }`;

const text = (x, y, words, more = '') => `<text x="${x}" y="${y}"${more}>${escape(words)}</text>`;

const line = (x1, x2, y1, y2, more = '') =>
	`<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}"${more}/>`;

function bar(fault, x, y, end) {
	const from = x(fault.start);
	const width = Math.max(2, x(fault.end ?? end) - from);
	return (
		`<rect x="${from}" y="${y}" width="${width}" height="22">` +
		`<title>${escape(`${fault.name} ${fault.text}`)}</title></rect>` +
		text(from + 2, y + 15, fault.name)
	);
}

function* lane(timeline, name, y, x, end) {
	yield text(4, y + 18, name);
	yield line(LEFT, LEFT + WIDTH, y + 34, y + 34);
	for (const fault of timeline.faults)
		if (fault.nodes.includes(name)) yield bar(fault, x, y, end);
	let last;
	for (const { ms, seq } of timeline.samples) {
		const now = seq[name];
		if (now !== undefined && now !== last)
			yield text(x(ms), y + 32, now, ' class="seq"');
		last = now;
	}
}

function row({ ms, kind, nodes, text: words }) {
	const cells = [(ms / 1000).toFixed(2), kind, nodes, words];
	return `<tr class="${kind}">${cells.map((c) => `<td>${escape(c)}</td>`).join('')}</tr>`;
}

export function page(timeline) {
	const { about, events, violations } = timeline;
	const end = Math.max(1, timeline.now);
	const x = (ms) => LEFT + (ms / end) * WIDTH;
	const height = about.nodes.length * LANE + 20;
	const lanes = about.nodes.flatMap((name, i) => [
		...lane(timeline, name, 20 + i * LANE, x, end),
	]);
	const bad = violations.map((v) => line(x(v.ms), x(v.ms), 0, height, ' class="bad"'));
	return [
		`<!doctype html><meta charset="utf-8"><title>${escape(about.title)}</title>`,
		`<style>${STYLE}</style>`,
		`<h1>${escape(about.title)}</h1><p>${escape(JSON.stringify(about))}</p>`,
		`<p>${violations.length} violations</p>`,
		`<svg width="${LEFT + WIDTH + 20}" height="${height}">`,
		...lanes,
		...bad,
		'</svg><table>',
		...events.map(row),
		'</table>',
	].join('\n');
}
