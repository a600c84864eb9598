// SPDX-License-Identifier: ISC
// One node whose event loop is held up by a preloaded library (tests/crash/stall_shim.c), under
// which the watchdog's minute lasts ten seconds; its service manager is a socket of ours.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { freePorts } from '../../tools/js/processes.mjs';
import { sleep, until } from '../../tools/js/rpc.mjs';
import { seconds } from './harness.mjs';

const HURRY = 6;
const MINUTE_MS = 60000 / HURRY;
const LISTEN = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(int(time.time() * 1000), s.recv(4096).decode().replace("\\n", " "), flush=True)
`;

function collect(child) {
	const got = { text: '' };
	for (const stream of [child.stdout, child.stderr])
		stream?.on('data', (piece) => (got.text += piece));
	got.ended = new Promise((resolve) =>
		child.on('exit', (code, name) => resolve(code ?? name)),
	);
	return got;
}

export async function hang() {
	const dir = scratch('hang');
	fs.mkdirSync(dir, { recursive: true });
	const file = path.join(dir, 'stall');
	const socket = path.join('/tmp', `tally-notify-${process.pid}`);
	const [http, ws] = await freePorts(2);
	const manager = spawn('python3', ['-c', LISTEN, socket]);
	const told = collect(manager);
	let node;
	try {
		await until('the socket is there', seconds(5), () => told.text.includes('bound'));
		const args = ['--standalone', '--data', path.join(dir, 'data')];
		args.push('--http', String(http), '--ws', String(ws), '--close-every', '500');
		const env = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '2000000' };
		const launch = (more) => {
			node = spawn(path.join(binaries(), 'tallyd'), args, {
				env: { ...env, ...more },
			});
			return collect(node);
		};
		const said = launch({
			LD_PRELOAD: path.join(binaries(), 'stall_shim.so'),
			TALLY_STALL_FILE: file,
			TALLY_HURRY: String(HURRY),
		});
		const note = await watch(node, said, told, { http, file });
		fs.rmSync(file);
		told.text = '';
		await stopInOrder(launch({}), () => node, told);
		return note;
	} finally {
		node?.kill('SIGKILL');
		manager.kill('SIGKILL');
		fs.rmSync(socket, { force: true });
		fs.rmSync(dir, { recursive: true, force: true });
	}
}

// What a service manager does next: it starts the node again on the same data, and one day stops
// it.
async function stopInOrder(said, node, told) {
	await until('it is ready again', seconds(10), () => told.text.includes('READY=1'));
	assert.ok(!told.text.includes('STOPPING=1'));
	node().kill('SIGTERM');
	assert.equal(await Promise.race([said.ended, sleep(seconds(10))]), 0, said.text);
	await until('it has said so', seconds(2), () => told.text.includes('STOPPING=1'));
}

async function watch(node, said, told, { http, file }) {
	const live = async (ms) => {
		const answer = await fetch(`http://127.0.0.1:${http}/livez`, {
			signal: AbortSignal.timeout(seconds(ms / 1000)),
		});
		return { status: answer.status, ...(await answer.json()) };
	};
	const lives = () =>
		until('it lives', seconds(10), async () => (await live(1000)).status === 200);

	await lives();
	await until('the manager knows', seconds(10), () =>
		/READY=1[^]*WATCHDOG=1 STATUS=healthy, full, ledger \d+/.test(told.text),
	);

	fs.writeFileSync(file, '');
	await sleep(600); // whatever was under way is done
	const answer = live(20000);
	await sleep(3000);
	fs.rmSync(file);
	const late = await answer;
	assert.equal(late.status, 503);
	assert.equal(late.live, false);
	assert.ok(late.tick_ms >= 2000, JSON.stringify(late));
	await lives();

	node.kill('SIGSTOP');
	await sleep(MINUTE_MS * 1.2);
	node.kill('SIGCONT');
	await lives();

	fs.writeFileSync(file, '');
	const began = Date.now();
	const code = await Promise.race([said.ended, sleep(seconds(30))]);
	const took = Date.now() - began;
	assert.equal(code, 70, said.text);
	assert.ok(took > MINUTE_MS * 0.8, `${took} ms`);
	assert.match(
		said.text,
		/ERROR health: watchdog: the event loop has not come round for 60 s/,
	);
	const pings = told.text.match(/^\d+ WATCHDOG=1/gm).map((line) => Number.parseInt(line, 10));
	assert.ok(Math.max(...pings) < began + 3000, 'it was told that all was well');
	return `503 after ${late.tick_ms} ms; ended after ${(took / 1000).toFixed(1)} s`;
}
