// SPDX-License-Identifier: ISC
// The table of a network for people, redrawn in place on a terminal.

const COLUMNS = [
	'node',
	'role',
	'pid',
	'state',
	'ledger',
	'hash',
	'age',
	'peers',
	'agrees',
	'address',
];

function cells(network, { rows, agreed, common }) {
	return rows.map(({ node, info, seq, hash }) => [
		node.name,
		node.role,
		network.running(node) ? String(node.process.pid) : '-',
		info?.server_state ?? (network.running(node) ? 'starting' : 'down'),
		seq ? String(seq) : '-',
		(info?.validated_ledger?.hash ?? '-').slice(0, 8),
		seq ? `${info.validated_ledger.age ?? '?'} s` : '-',
		info?.peers === undefined ? '-' : String(info.peers),
		hash === undefined ? '-' : agreed ? `yes (${common})` : `NO (${hash.slice(0, 8)})`,
		network.httpUrl(node),
	]);
}

export function render(network, survey) {
	const lines = [COLUMNS, ...cells(network, survey)];
	const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
	return lines.map((line) =>
		line
			.map((cell, i) => cell.padEnd(widths[i]))
			.join('  ')
			.trimEnd(),
	);
}

// Draws over its last drawing on a terminal; elsewhere only when asked for a lasting one.
export class Screen {
	#drawn = 0;

	draw(lines, lasting = false) {
		if (!process.stdout.isTTY) {
			if (lasting) console.log(lines.join('\n'));
			return;
		}
		if (this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[J`);
		process.stdout.write(lines.join('\n') + '\n');
		this.#drawn = lasting ? 0 : lines.length;
	}
}
