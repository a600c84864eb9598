// SPDX-License-Identifier: ISC
// Attacks on a node of a real network, and what must hold meanwhile. plan.mjs says what is done and
// judged; the attack program does it and measures; this starts the network and reports.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from '../e2e/harness.mjs';
import { full, short } from './plan.mjs';

const args = process.argv.slice(2);
const option = (name, otherwise) => {
	const at = args.indexOf(name);
	return at < 0 ? otherwise : args.splice(at, 2)[1];
};
const isFull = args.includes('--full');
if (isFull) args.splice(args.indexOf('--full'), 1);
const count = Number(option('--nodes', isFull ? 5 : 3));
const quiet = option('--quiet', String(isFull ? 60 : 7));
const bigAccounts = Number(option('--accounts', 1_000_000));
const steps = (isFull ? full : short)
	.map((step) => ({ ...step, scenarios: step.run.split('+').map((s) => s.split(',')[0]) }))
	.filter((s) => args.length === 0 || s.scenarios.some((name) => args.includes(name)));
if (steps.length === 0) {
	console.log(`no such scenario: ${args.join(' ')}`);
	process.exit(64);
}

// Runs the program, hands on its lines as objects.
async function attack(net, list, onPhase) {
	const [node, second] = net.nodes;
	const others = net.nodes.slice(1).map((n) => n.process.pid);
	const line = [
		...['--http', `127.0.0.1:${node.ports.http}`],
		...['--admin', `127.0.0.1:${node.ports.admin}`],
		...['--admin-token', path.join(net.nodeDir(node), 'data', 'admin.token')],
		...['--peer', `127.0.0.1:${node.ports.peer}`],
		...(second ? ['--second', `127.0.0.1:${second.ports.http}`] : []),
		...(node.ports.tls ? ['--tls', `127.0.0.1:${node.ports.tls}`] : []),
		...['--pid', [node.process.pid, ...others].join(',')],
		...['--network-id', String(net.state.network_id)],
		...['--quiet', quiet, '--settle', String(isFull ? 40 : 5)],
		...list.map((s) => s.run),
	];
	const child = spawn(path.join(binaries(), 'attack'), line, {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const ended = new Promise((resolve) => child.on('close', resolve));
	for await (const text of readline.createInterface({ input: child.stdout }))
		await onPhase(JSON.parse(text), text);
	const code = await ended;
	if (code !== 0) throw new Error(`attack ended with ${code}`);
}

const ms = (s) => `${s.p50.toFixed(0)}/${s.p99.toFixed(0)}/${s.max.toFixed(0)} ms`;

function summary(p) {
	const out = [
		`info ${ms(p.info_ms)} ${p.failed} of ${p.asked} failed`,
		`admin ${ms(p.admin_ms)}`,
		`paid ${p.pay_done} (${ms(p.paid_ms)})`,
		`ledgers ${p.interval_s.n} p50 ${p.interval_s.p50} p99 ${p.interval_s.p99}`,
		`elsewhere ${p.second_interval_s.n} p99 ${p.second_interval_s.p99}`,
		`RSS ${p.rss_mb.before} max ${p.rss_mb.max} after ${p.rss_mb.after} MB`,
		`fds ${p.fds.before}/${p.fds.max}/${p.fds.after}`,
		`CPU node ${p.cpu_s.node} s, others ${p.cpu_s.others} s` +
			(p.generator_cpu_s ? `, generator ${p.generator_cpu_s} s` : ''),
	];
	return `${p.seconds.toFixed(1)} s; ${out.join('; ')}`;
}

function facts(p) {
	return Object.entries(p.scenarios ?? {})
		.map(([name, f]) => {
			const round = (v) => Number(v.toFixed(2));
			const list = Object.entries(f).map(([k, v]) => `${k} ${round(v)}`);
			return `        ${name}: ${list.join(', ')}`;
		})
		.join('\n');
}

// One network and what is done to it.
async function campaign(name, { nodes, accounts }, list) {
	const seen = {}; // phases by name
	const net = new Network(scratch('attack'));
	// Keys of generated accounts take up to 200 us each on a busy machine.
	await must(
		`a network of ${nodes}, ${accounts} accounts`,
		60 + accounts / 2500,
		async () => {
			keepTrack(net);
			await net.create({
				count: nodes,
				tls: true,
				accounts,
				config: { limits: { loopback: 'yes' } },
			});
			await net.start();
			await net.validated(3, seconds(40 + accounts / 2500));
		},
	);
	await must(`${name}: carried out`, isFull ? 7200 : 120, async () => {
		const file = path.join('out', 'tests', `attack-${name}.json`);
		fs.mkdirSync(path.dirname(file), { recursive: true });
		fs.writeFileSync(file, '');
		await attack(net, list, async (p, text) => {
			seen[p.phase] = p;
			fs.appendFileSync(file, text + '\n');
			console.log(`-- ${p.phase}: ${summary(p)}`);
			if (p.scenarios) console.log(facts(p));
		});
	});
	for (const step of list)
		for (const [what, judge] of Object.entries(step.judge))
			await test(`${step.scenarios.join('+')}: ${what}`, 5, () => {
				const during = seen[step.run];
				const after = seen[`after ${step.run}`];
				assert.ok(during && after, 'not carried out');
				for (const [which, found] of Object.entries(during.scenarios))
					assert.equal(found.crashed, 0, `${which} has crashed`);
				return judge(during, after, seen.quiet, during.scenarios);
			});
	// The witness has gone, too: what is left is the connection that asks.
	await test(`${name}: nothing is left behind`, 60, async () => {
		const url = net.adminUrl(net.nodes[0]);
		const left = async () => (await rpc(url, 'status')).info.load;
		const none = (l) =>
			l.subscriptions === 0 && l.websockets === 0 && l.connections <= 4;
		await until('nothing is left', seconds(40), async () => none(await left()));
		const { connections, websockets, subscriptions, descriptors } = await left();
		return (
			`${connections} connections, ${websockets} WebSockets, ` +
			`${subscriptions} subscriptions, ${descriptors} descriptors`
		);
	});
	await net.stop();
	return Object.values(seen);
}

const small = steps.filter((s) => !s.big);
const big = steps.filter((s) => s.big);
if (small.length > 0) {
	const network = { nodes: count, accounts: 2000 };
	const phases = await campaign(isFull ? 'full' : 'short', network, small);
	if (!isFull && args.length === 0)
		await test('ledgers keep closing all the time', 5, () => {
			const ledgers = phases.reduce((n, p) => n + p.interval_s.n, 0);
			const took = phases.reduce((n, p) => n + p.seconds, 0);
			const longest = Math.max(...phases.map((p) => p.interval_s.max));
			const usual = phases[0].interval_s.max;
			assert.ok(ledgers * 3 * usual >= took, `${ledgers} in ${took} s`);
			assert.ok(longest <= 4 * usual + 5, `${longest} s, ${usual} before`);
			return `${ledgers} in ${took.toFixed(0)} s, at most ${longest} s apart`;
		});
}
if (big.length > 0) await campaign('big', { nodes: 1, accounts: bigAccounts }, big);
await finish();
