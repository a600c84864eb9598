// SPDX-License-Identifier: ISC
// Tests in the order they are written, each bounded in time; the last line counts them. A network
// that a failed test used is left in out/net for looking at; its processes are ended in any case.
import fs from 'node:fs';
import path from 'node:path';
import { Network, ROOT, scratch } from '../../tools/js/network.mjs';
import { signal } from '../../tools/js/processes.mjs';
import { sleep } from '../../tools/js/rpc.mjs';

// Slow builds (sanitizers) get this many times the time.
export const SLOW = Number(process.env.TALLY_SLOW ?? 1);
export const seconds = (n) => n * 1000 * SLOW;

let passed = 0;
let failed = 0;
let aborted;
const networks = [];

export async function test(name, limitSeconds, run) {
	if (aborted) {
		failed++;
		console.log(`not ok  ${name}: ${aborted}`);
		return;
	}
	const began = Date.now();
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(
			() => reject(new Error(`took more than ${limitSeconds * SLOW} s`)),
			seconds(limitSeconds),
		);
	});
	try {
		const note = await Promise.race([run(), late]);
		passed++;
		const took = ((Date.now() - began) / 1000).toFixed(1);
		console.log(`ok      ${name} (${took} s)${note ? `: ${note}` : ''}`);
	} catch (error) {
		failed++;
		console.log(`not ok  ${name}: ${error.stack ?? error}`);
	} finally {
		clearTimeout(timer);
	}
}

// A step without which the tests that follow make no sense.
export async function must(name, limitSeconds, run) {
	const before = failed;
	await test(name, limitSeconds, run);
	if (failed > before) aborted ??= `"${name}" has failed`;
}

// A new network, started and validating.
export async function network(name, options = {}) {
	const net = new Network(scratch(name));
	networks.push(net);
	await net.create({ count: 5, ...options });
	await net.start();
	await net.validated(3, seconds(options.patience ?? 20));
	return net;
}

// Whether all tests so far have passed.
export const allGood = () => failed === 0;

export function keepTrack(net) {
	networks.push(net);
}

// On every way out: no process of ours stays.
function endAll(name) {
	for (const net of networks) {
		if (!fs.existsSync(net.file)) continue;
		const state = JSON.parse(fs.readFileSync(net.file, 'utf8'));
		for (const one of [state.faucet, ...state.nodes]) signal(one.process, name);
	}
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(name, () => {
		endAll('SIGKILL');
		process.exit(1);
	});

// What a sanitizer or a broken invariant has written is a failure, whatever the tests saw.
function judgeOutput(net) {
	for (const node of net.exists ? net.nodes : []) {
		const file = path.join(net.nodeDir(node), 'output');
		const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
		const at = text.search(/Sanitizer|runtime error:|broken invariant/);
		if (at < 0) continue;
		failed++;
		console.log(`not ok  ${node.name} has written: ${text.slice(at, at + 3000)}`);
	}
}

export async function finish() {
	for (const net of networks) {
		try {
			const killed = net.exists ? await net.stop(seconds(10)) : 0;
			if (killed > 0)
				console.log(`${killed} processes of ${net.dir} had to be killed`);
		} catch (error) {
			console.log(`ending ${net.dir}: ${error.message}`);
		}
	}
	endAll('SIGKILL');
	for (const net of networks) judgeOutput(net);
	if (failed === 0)
		for (const net of networks) fs.rmSync(net.dir, { recursive: true, force: true });
	else
		networks.forEach((net) =>
			console.log(`left for looking at: ${path.relative(ROOT, net.dir)}`),
		);
	console.log(`${passed} passed, ${failed} failed`);
	await sleep(50);
	process.exit(failed === 0 ? 0 : 1);
}

process.on('uncaughtException', (error) => {
	failed++;
	console.log(`not ok  uncaught: ${error.stack}`);
});
process.on('unhandledRejection', (error) => {
	console.log(`note: unhandled ${error?.message ?? error}`);
});
