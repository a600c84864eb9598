// SPDX-License-Identifier: ISC
// One run of the black box: see README.md. Exit code 0: nothing was violated.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, scratch } from '../../tools/js/network.mjs';
import { sleep, until } from '../../tools/js/rpc.mjs';
import { Chance } from './chance.mjs';
import { Faults, kinds } from './faults.mjs';
import { Judge } from './judge.mjs';
import { Lab } from './lab.mjs';
import { plantAll } from './plants.mjs';
import { Timeline } from './timeline.mjs';
import { Workload } from './workload.mjs';

const { values: given } = parseArgs({
	options: {
		seed: { type: 'string' },
		seconds: { type: 'string', default: '30' },
		nodes: { type: 'string', default: '5' },
		rate: { type: 'string', default: '100' },
		accounts: { type: 'string', default: '100' },
		every: { type: 'string', default: '2500' },
		only: { type: 'string' },
		loopback: { type: 'boolean', default: false },
		calm: { type: 'boolean', default: false },
	},
});
const seed = Number(given.seed ?? crypto.randomInt(2 ** 31));
const spaces = process.env.BLACKBOX_SPACES === '1' && !given.loopback;
const only = given.only?.split(',');
for (const kind of only ?? [])
	if (!kinds[kind]) {
		console.error(`no fault "${kind}"; there are: ${Object.keys(kinds).join(' ')}`);
		process.exit(2);
	}

console.log(
	`seed ${seed}, ${given.nodes} nodes ${spaces ? 'in namespaces' : 'on loopback'}, ` +
		`${given.seconds} s of faults, ${given.rate} operations/s`,
);
const names = Array.from({ length: Number(given.nodes) }, (_, i) => `v${i + 1}`);
const timeline = new Timeline(path.join(ROOT, 'out', 'blackbox', String(seed)), {
	title: `black box, seed ${seed}`,
	seed,
	spaces,
	...given,
	nodes: names,
});
const lab = new Lab(scratch('blackbox'), { seed, spaces, timeline });
let workload;
let failed;

process.on('exit', () => lab.abandon());
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1));
process.on('unhandledRejection', (error) => timeline.note('note', '', `${error?.message}`));

async function run() {
	const chance = new Chance(seed);
	await lab.build({ count: names.length, accounts: Number(given.accounts) });
	await lab.validated(4, 30000);
	timeline.note('started', 'all', '');
	workload = new Workload(lab, chance.fork('clients'), timeline, {
		rate: Number(given.rate),
		accounts: Number(given.accounts),
	});
	const judge = new Judge(lab, workload, timeline);
	const faults = new Faults(lab, chance.fork('faults'), timeline, {
		everyMs: Number(given.every),
		only,
	});
	let sampling = true;
	const samples = (async () => {
		while (sampling) {
			await judge.sample();
			await sleep(300);
		}
	})();
	if (given.calm) await sleep(Number(given.seconds) * 1000);
	else await faults.run(Number(given.seconds) * 1000);
	await recover(judge);
	sampling = false;
	await samples;
	await finish(judge);
	if (timeline.violations.length === 0) await proveJudge(judge);
	return { judge, faults };
}

// A judge that finds nothing must be one that would have: each invariant is violated on purpose.
async function proveJudge(judge) {
	const stats = { ...judge.stats };
	const wanted = Array.from({ length: 10 }, (_, i) => `I${i + 1}`);
	const restore = plantAll(lab, workload, timeline, judge);
	await judge.sample();
	await finish(judge);
	restore();
	const fired = new Set(timeline.violations.map((v) => v.invariant));
	const silent = wanted.filter((i) => !fired.has(i));
	timeline.forget();
	judge.stats = stats;
	if (silent.length > 0) throw new Error(`planted and not found: ${silent.join(' ')}`);
}

// Everything is whole again: within 30 s every node validates what the others do.
async function recover(judge) {
	const began = Date.now();
	const goal = Math.max(workload.newest, 4) + 2;
	try {
		await lab.validated(goal, 60000);
		judge.stats.recovered_s = (Date.now() - began) / 1000;
	} catch (error) {
		timeline.violation('I7', `after everything was healed: ${error.message}`);
	}
	await workload.quiet();
	await until(
		'every transaction has an end',
		100000,
		async () => {
			await workload.resolveSome(500);
			const late = [...workload.txs.values()].filter(
				(e) => e.state === 'unknown',
			);
			return late.length === 0;
		},
		500,
	).catch(() => {});
}

async function finish(judge) {
	const { rows } = await lab.survey();
	const last = Math.min(...rows.map((r) => r.seq ?? 0));
	await workload.stop();
	judge.progress();
	const fullest = await judge.chains(last);
	judge.statements(await judge.replay(fullest, last));
	await judge.states(last);
	for (const node of lab.nodes) {
		const file = path.join(lab.nodeDir(node), 'output');
		const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
		const at = text.search(/Sanitizer|runtime error:|broken invariant/);
		if (at >= 0) timeline.violation('I9', `${node.name}: ${text.slice(at, at + 500)}`);
	}
}

try {
	const { judge, faults } = await run();
	const kindsSeen = [...faults.count].map(([k, n]) => `${k} ${n}`).join(', ');
	console.log(`faults: ${kindsSeen}`);
	console.log(JSON.stringify({ ...judge.stats, sums: workload.sums }));
} catch (error) {
	failed = error;
	console.log(error.stack);
}
await lab.close();
timeline.write();
const bad = timeline.violations;
for (const v of bad.slice(0, 20)) console.log(`${v.invariant} at ${v.ms} ms: ${v.text}`);
if (bad.length > 20) console.log(`and ${bad.length - 20} more`);
const keep = failed || bad.length > 0;
if (keep) console.log(`see ${timeline.dir} and ${lab.dir}`);
else fs.rmSync(lab.dir, { recursive: true, force: true });
console.log(`${keep ? 0 : 1} passed, ${keep ? 1 : 0} failed`);
process.exit(keep ? 1 : 0);
