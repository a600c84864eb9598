// SPDX-License-Identifier: ISC
// Processes that outlive the command that started them. A process is known by its id and its start
// time, so that a number used again by somebody else is never taken for ours.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { sleep } from './rpc.mjs';

// { state, started } from /proc, or undefined when there is no such process.
function procStat(pid) {
	let text;
	try {
		text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
	} catch {
		return undefined;
	}
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return {
		state: fields[0],
		threads: Number(fields[17]),
		started: Number(fields[19]),
		ticks: Number(fields[11]) + Number(fields[12]),
	};
}

// Whether the process {pid, started} still runs. One that nobody has waited for does not.
export function alive(process) {
	if (!process?.pid) return false;
	const stat = procStat(process.pid);
	if (stat === undefined || stat.started !== process.started) return false;
	// While other threads are still ending it keeps its files and locks.
	return !'ZX'.includes(stat.state) || stat.threads > 1;
}

// Starts a program in a session of its own, its output appended to a file.
export function start(program, args, log, env = {}) {
	const out = fs.openSync(log, 'a');
	const child = spawn(program, args, {
		detached: true,
		stdio: ['ignore', out, out],
		env: { ...globalThis.process.env, ...env },
	});
	fs.closeSync(out);
	child.on('error', () => {});
	child.unref();
	if (child.pid === undefined) throw new Error(`cannot start ${program}`);
	return { pid: child.pid, started: procStat(child.pid)?.started ?? 0 };
}

export function signal(process, name) {
	if (!alive(process)) return false;
	try {
		globalThis.process.kill(process.pid, name);
	} catch {
		return false;
	}
	return true;
}

// Asks all to end, waits, and kills those that have not. Returns how many had to be killed.
export async function stop(processes, patienceMs = 10000) {
	const running = processes.filter((p) => signal(p, 'SIGTERM'));
	const end = Date.now() + patienceMs;
	while (running.some(alive) && Date.now() < end) await sleep(50);
	const stubborn = running.filter((p) => signal(p, 'SIGKILL'));
	while (stubborn.some(alive)) await sleep(20);
	return stubborn.length;
}

function portIsFree(port) {
	return new Promise((resolve) => {
		const server = net.createServer();
		server.once('error', () => resolve(false));
		server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
			server.close(() => resolve(true));
		});
	});
}

const FIRST_PORT = 12000;
const PORTS = 20000;
let drawn = Math.floor(Math.random() * PORTS);

// Free ports of loopback, below the range that the kernel hands out for outgoing connections. One
// process gets them in a row, each once: its nodes that are down for a while find theirs again, and
// another process that draws at the same time is somewhere else.
export async function freePorts(count, taken = new Set()) {
	const ports = [];
	while (ports.length < count) {
		const port = FIRST_PORT + (drawn++ % PORTS);
		if (!taken.has(port) && (await portIsFree(port))) {
			taken.add(port);
			ports.push(port);
		}
	}
	return ports;
}

export { portIsFree };
