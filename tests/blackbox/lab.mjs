// SPDX-License-Identifier: ISC
// The network under test: nodes in namespaces of their own, each way between two nodes through the
// fault proxy, a small disk and a clock for each. Everything ends with this process.
//
// With namespaces this process stands in one of its own, too (tests/blackbox/run sees to it): a
// bridge with 10.99.0.254, node i behind it as 10.99.0.i. The proxy dials node j for node i from
// 10.99.0.(100 + i), so that nodes tell each other apart by address as in the world.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { Network, binaries } from '../../tools/js/network.mjs';
import { alive, freePorts, signal } from '../../tools/js/processes.mjs';
import { sleep, until } from '../../tools/js/rpc.mjs';

const PEER_PORT = 51235;
const HTTP_PORT = 5005;
const MB = 1 << 20;

class Proxy {
	#answers = [];

	constructor(seed) {
		this.process = spawn(path.join(binaries(), 'faultproxy'), [String(seed)], {
			stdio: ['pipe', 'pipe', 'inherit'],
		});
		this.process.stdin.on('error', () => {});
		readline.createInterface({ input: this.process.stdout }).on('line', (line) => {
			const one = this.#answers.shift();
			if (line.startsWith('ok')) one?.resolve(line.slice(3));
			else one?.reject(new Error(`faultproxy: ${line}`));
		});
		this.process.on('exit', (code) => {
			this.#answers.forEach((one) =>
				one.reject(new Error(`faultproxy ended: ${code}`)),
			);
		});
	}

	ask(line) {
		return new Promise((resolve, reject) => {
			this.#answers.push({ resolve, reject });
			this.process.stdin.write(`${line}\n`);
		});
	}

	end() {
		this.process.stdin.end();
	}
}

export class Lab extends Network {
	constructor(dir, { seed, spaces, timeline }) {
		super(dir);
		this.spaces = spaces;
		this.timeline = timeline;
		this.proxy = new Proxy(seed);
		this.anchors = [];
		this.mounted = [];
		this.index = new Map(); // name -> 1, 2, ...
	}

	async build({ count, accounts, diskMb = 256 }) {
		await this.create({ count, accounts });
		this.nodes.forEach((node, i) => this.index.set(node.name, i + 1));
		if (this.spaces) await this.#spaces();
		for (const node of this.nodes) await this.#place(node, diskMb);
		await this.#links();
		for (const node of this.nodes) this.startNode(node);
		this.save();
	}

	host(node) {
		return this.spaces ? `10.99.0.${this.index.get(node.name)}` : '127.0.0.1';
	}

	async #spaces() {
		const ip = (...args) => execFileSync('ip', args, { stdio: 'pipe' });
		ip('link', 'set', 'lo', 'up');
		ip('link', 'add', 'br0', 'type', 'bridge');
		ip('addr', 'add', '10.99.0.254/24', 'dev', 'br0');
		ip('link', 'set', 'br0', 'up');
		for (const node of this.nodes) {
			const i = this.index.get(node.name);
			ip('addr', 'add', `10.99.0.${100 + i}/24`, 'dev', 'br0');
			const anchor = spawn(
				'setpriv',
				['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', '7200'],
				{ stdio: 'ignore' },
			);
			this.anchors.push(anchor);
			const own = fs.readlinkSync('/proc/self/ns/net');
			await until(
				'a namespace',
				5000,
				() => {
					return (
						fs.readlinkSync(`/proc/${anchor.pid}/ns/net`) !==
						own
					);
				},
				20,
			);
			const inside = (...args) => ip('-n', `bb${process.pid}n${i}`, ...args);
			ip('netns', 'attach', `bb${process.pid}n${i}`, String(anchor.pid));
			ip('link', 'add', `h${i}`, 'type', 'veth', 'peer', 'name', `g${i}`);
			ip('link', 'set', `g${i}`, 'netns', String(anchor.pid));
			ip('link', 'set', `h${i}`, 'master', 'br0', 'up');
			inside('addr', 'add', `10.99.0.${i}/24`, 'dev', `g${i}`);
			inside('link', 'set', 'lo', 'up');
			inside('link', 'set', `g${i}`, 'up');
			ip('netns', 'delete', `bb${process.pid}n${i}`); // the anchor keeps it
			node.wrap = ['nsenter', `--net=/proc/${anchor.pid}/ns/net`];
		}
	}

	// Ports, a disk and a clock.
	async #place(node, diskMb) {
		if (this.spaces) node.ports = { http: HTTP_PORT, peer: PEER_PORT, admin: 5006 };
		const dir = this.nodeDir(node);
		node.disk = path.join(dir, 'disk');
		fs.mkdirSync(node.disk);
		const mount = ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'tmpfs', node.disk];
		node.small = process.getuid() === 0 && spawnSync('mount', mount).status === 0;
		if (node.small) this.mounted.push(node.disk);
		node.clock = path.join(dir, 'clock');
		this.clock(node, 0);
		node.env = {
			LD_PRELOAD: path.join(binaries(), 'clock_shim.so'),
			TALLY_CLOCK_FILE: node.clock,
		};
	}

	async #links() {
		for (const a of this.nodes) {
			const connect = [];
			const here = this.spaces ? '10.99.0.254' : '127.0.0.1';
			for (const b of this.nodes) {
				if (a === b) continue;
				const source = this.spaces
					? ` 10.99.0.${100 + this.index.get(a.name)}`
					: '';
				const port = await this.proxy.ask(
					`link ${this.link(a, b)} ${here}:0 ` +
						`${this.host(b)}:${b.ports.peer}${source}`,
				);
				connect.push(`${here}:${port}`);
			}
			a.config = {
				node: { data_dir: path.join(a.disk, 'data') },
				peers: { listen: `${this.host(a)}:${a.ports.peer}`, connect },
				http: { listen: `${this.host(a)}:${a.ports.http}` },
				disk: { stop_below_bytes: 32 * MB },
				// All clients have one address here, and are many.
				limits: {
					exempt: here,
					connections_per_address: 0,
					accepts_per_second: 0,
				},
			};
		}
	}

	link(a, b) {
		return `${a.name}-${b.name}`;
	}

	startNode(node, env = {}) {
		node.paused = false;
		super.startNode(node, { ...node.env, ...env });
	}

	httpUrl(node) {
		return `http://${this.host(node)}:${node.ports.http}/`;
	}

	wsUrl(node) {
		return `ws://${this.host(node)}:${node.ports.http}/`;
	}

	// ---- what can be done to it ----

	// One direction of everything that a says to b, whoever has dialled.
	async way(a, b, key, value) {
		await this.proxy.ask(`set ${this.link(a, b)} to ${key} ${value}`);
		await this.proxy.ask(`set ${this.link(b, a)} from ${key} ${value}`);
	}

	async both(a, b, command) {
		await this.proxy.ask(`${command} ${this.link(a, b)}`);
		await this.proxy.ask(`${command} ${this.link(b, a)}`);
	}

	clock(node, ms) {
		const bytes = Buffer.alloc(8);
		bytes.writeBigInt64LE(BigInt(ms));
		if (!fs.existsSync(node.clock)) fs.writeFileSync(node.clock, bytes);
		// In place: the node has it mapped.
		const file = fs.openSync(node.clock, 'r+');
		fs.writeSync(file, bytes, 0, 8, 0);
		fs.closeSync(file);
	}

	// The node's own network interface; false where it has none.
	wire(node, up) {
		if (!this.spaces) return false;
		const i = this.index.get(node.name);
		execFileSync('ip', ['link', 'set', `h${i}`, up ? 'up' : 'down']);
		return true;
	}

	shim(name) {
		return path.join(binaries(), `${name}.so`);
	}

	fill(node, left) {
		const { bavail, bsize } = fs.statfsSync(node.disk);
		const file = fs.openSync(path.join(node.disk, 'ballast'), 'w');
		const block = Buffer.alloc(MB, 1);
		try {
			for (let rest = bavail * bsize - left; rest > 0; rest -= MB)
				fs.writeSync(file, block, 0, Math.min(rest, MB));
		} catch (error) {
			if (error.code !== 'ENOSPC') throw error;
		} finally {
			fs.closeSync(file);
		}
	}

	drain(node) {
		fs.rmSync(path.join(node.disk, 'ballast'), { force: true });
	}

	pause(node, on) {
		node.paused = on;
		signal(node.process, on ? 'SIGSTOP' : 'SIGCONT');
	}

	async end(node, name) {
		signal(node.process, 'SIGCONT');
		signal(node.process, name);
		await until(`${node.name} ends`, 20000, () => !this.running(node), 20);
	}

	wipe(node) {
		fs.rmSync(path.join(node.disk, 'data'), { recursive: true, force: true });
	}

	database(node) {
		return path.join(node.disk, 'data', 'data', 'data.mdb');
	}

	async heal() {
		await this.proxy.ask('heal');
		for (const node of this.nodes) {
			this.wire(node, true);
			this.drain(node);
			this.clock(node, 0);
			if (node.paused) this.pause(node, false);
			if (!this.running(node)) this.startNode(node);
		}
	}

	// What the kernel says of a node's process.
	resources(node) {
		if (!alive(node.process)) return undefined;
		try {
			const status = fs.readFileSync(`/proc/${node.process.pid}/status`, 'utf8');
			return {
				rss_mb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
				threads: Number(/Threads:\s+(\d+)/.exec(status)?.[1] ?? 0),
				fds: fs.readdirSync(`/proc/${node.process.pid}/fd`).length,
			};
		} catch {
			return undefined;
		}
	}

	async close() {
		for (const node of this.nodes ?? []) if (node.paused) this.pause(node, false);
		if (this.exists) await this.stop(10000);
		this.abandon();
	}

	// On every way out, at once.
	abandon() {
		for (const node of this.state?.nodes ?? []) signal(node.process, 'SIGKILL');
		this.proxy.end();
		this.anchors.forEach((a) => a.kill('SIGKILL'));
		for (const dir of this.mounted.splice(0)) spawnSync('umount', ['-l', dir]);
	}
}

export { freePorts, sleep };
