// SPDX-License-Identifier: ISC
// A new network on this machine, from launch through idling to full load, and what it cost.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Network, binaries, scratch } from './network.mjs';
import { rpc, sleep, until } from './rpc.mjs';

const USAGE = `usage: tools/loadgen [OPTION ...] [-- OPTION OF out/release/loadgen ...]

  -n, --nodes N     validators (5)
  --accounts N      test accounts in the genesis (5000)
  --count N         payments (50000)
  --rate N          per second; 0: as fast as they are answered (0)
  --connections N   per node (8)
  --idle SECONDS    of watching the idle network first (20)
  --history N|full  ledgers that the nodes keep
  --keep            leave the network running, and say where
  --json            for programs
`;

const OPTIONS = {
	nodes: { type: 'string', short: 'n', default: '5' },
	accounts: { type: 'string', default: '5000' },
	count: { type: 'string', default: '50000' },
	rate: { type: 'string', default: '0' },
	connections: { type: 'string', default: '8' },
	idle: { type: 'string', default: '20' },
	history: { type: 'string' },
	keep: { type: 'boolean', default: false },
	json: { type: 'boolean', default: false },
	help: { type: 'boolean', short: 'h', default: false },
};

// Launch to the first answer and to the first validated ledger that the network made itself.
async function launch(net) {
	const began = Date.now();
	await net.start();
	const first = net.nodes[0];
	await until(
		'a node answers',
		10000,
		() => rpc(net.httpUrl(first), 'server_info', {}, 500),
		20,
	);
	const answering = (Date.now() - began) / 1000;
	await net.validated(3, 60000);
	return { answering_s: answering, first_validated_s: (Date.now() - began) / 1000 };
}

// Milliseconds between validated ledgers while nothing is sent.
async function idleIntervals(net, ms) {
	const url = net.httpUrl(net.nodes[0]);
	const times = [];
	const end = Date.now() + ms;
	let last;
	while (Date.now() < end) {
		const { info } = await rpc(url, 'server_info');
		if (info.validated_ledger.seq !== last) {
			last = info.validated_ledger.seq;
			times.push(Date.now());
		}
		await sleep(50);
	}
	const gaps = times.slice(2).map((t, i) => t - times[i + 1]);
	return gaps.length > 0 ? gaps.reduce((a, b) => a + b) / gaps.length / 1000 : null;
}

function generate(net, values, more) {
	const args = [
		'--json',
		'--nodes',
		net.nodes.map((n) => `127.0.0.1:${n.ports.http}`).join(','),
	];
	args.push('--pids', net.nodes.map((n) => n.process.pid).join(','));
	args.push('--network-id', String(net.state.network_id));
	for (const name of ['accounts', 'count', 'rate', 'connections', 'idle'])
		args.push(`--${name}`, values[name]);
	return new Promise((resolve, reject) => {
		execFile(
			path.join(binaries(), 'loadgen'),
			[...args, ...more],
			(error, out, said) => {
				if (out === '') reject(new Error(said.trim() || String(error)));
				else resolve(JSON.parse(out));
			},
		);
	});
}

function bytesOf(folder) {
	let sum = 0;
	for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true }))
		if (entry.isFile())
			sum += fs.statSync(path.join(entry.parentPath, entry.name)).blocks * 512;
	return sum;
}

const most = (list) => Math.max(...list);

function table(r) {
	const rows = [
		['from launch to the first answer', `${r.answering_s.toFixed(2)} s`],
		[
			'from launch to the first validated ledger',
			`${r.first_validated_s.toFixed(1)} s`,
		],
		['between ledgers when idle', `${r.idle_interval_s?.toFixed(2) ?? '-'} s`],
		[
			'memory per node when idle',
			`${most(r.nodes.map((n) => n.idle_mb)).toFixed(1)} MB`,
		],
		[
			'CPU per node when idle',
			`${most(r.nodes.map((n) => n.idle_percent)).toFixed(2)} %`,
		],
		['payments validated', `${r.validated} of ${r.sent}`],
		['validated per second', r.per_second.toFixed(0)],
		['submit to validated, p50', `${r.p50_s.toFixed(2)} s`],
		['submit to validated, p99', `${r.p99_s.toFixed(2)} s`],
		['one Ed25519 verification (the floor)', `${r.check_us.toFixed(1)} us`],
		['CPU per validated payment and node', `${r.cpu_us.toFixed(0)} us`],
		['... in verifications', r.checks.toFixed(2)],
		[
			'memory per node after the load',
			`${most(r.nodes.map((n) => n.mb)).toFixed(1)} MB`,
		],
		['memory per node at most', `${most(r.nodes.map((n) => n.peak_mb)).toFixed(1)} MB`],
		['disk per node after the load', `${(r.disk_bytes / 1e6).toFixed(1)} MB`],
	];
	const width = most(rows.map(([name]) => name.length));
	const head = `${r.validators} validators on this machine (${r.cpus} cores)`;
	return [head, ...rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)].join('\n');
}

async function main() {
	const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
	if (values.help) {
		console.log(USAGE);
		return 0;
	}
	const net = new Network(scratch('load'));
	const end = async () => {
		if (!values.keep && net.exists) await net.remove();
	};
	process.on('SIGINT', () => end().then(() => process.exit(130)));
	process.on('SIGTERM', () => end().then(() => process.exit(143)));
	try {
		await net.create({
			count: Number(values.nodes),
			accounts: Number(values.accounts),
			config: values.history ? { node: { history: values.history } } : {},
		});
		const started = await launch(net);
		const idle = await idleIntervals(net, 1000 * Number(values.idle));
		const load = await generate(net, values, positionals);
		const result = {
			validators: net.nodes.length,
			cpus: os.cpus().length,
			...started,
			idle_interval_s: idle,
			...load,
			disk_bytes: bytesOf(path.join(net.nodeDir(net.nodes[0]), 'data')),
		};
		console.log(values.json ? JSON.stringify(result) : table(result));
		if (values.keep) console.log(`left running: tools/testnet status --dir ${net.dir}`);
		return load.validated === load.sent ? 0 : 1;
	} catch (error) {
		// What the nodes have left behind tells why.
		for (const node of net.exists ? net.nodes : [])
			if (node.process && !net.running(node))
				console.error(`loadgen: ${node.name}: ${net.lastWords(node)}`);
		if (net.exists) await net.stop();
		console.error(`loadgen: left for looking at: ${net.dir}`);
		values.keep = true;
		throw error;
	} finally {
		await end();
	}
}

try {
	process.exit(await main());
} catch (error) {
	console.error(`loadgen: ${error.message}`);
	process.exit(1);
}
