// SPDX-License-Identifier: ISC
// A network of tallyd processes on loopback, kept in one folder:
//
//     network.json   ids, ports, processes        genesis     the chain's first ledger
//     faucet.json    its secret and its nodes     v1/ v2/ ... one folder per node: tallyd.ini,
//     faucet.log                                              keys, data/, log
//
// Everything here may run again at any time: what exists is kept, what runs is left alone.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { authority, issue } from './certs.mjs';
import { alive, freePorts, portIsFree, signal, start, stop } from './processes.mjs';
import { Fatal, rpcOr, until, withToken } from './rpc.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = path.dirname(fileURLToPath(import.meta.url));
export const NETWORK_ID = 21337;
const ALL_DROPS = 100_000_000_000_000_000n;

export function binaries() {
	return path.resolve(ROOT, process.env.TALLY_BIN ?? 'out/release');
}

function tally(...args) {
	return execFileSync(path.join(binaries(), 'tally'), args, { encoding: 'utf8' });
}

export class Network {
	constructor(dir) {
		this.dir = path.resolve(dir);
		this.file = path.join(this.dir, 'network.json');
		this.state = undefined;
		if (fs.existsSync(this.file))
			this.state = JSON.parse(fs.readFileSync(this.file, 'utf8'));
	}

	get exists() {
		return this.state !== undefined;
	}

	get nodes() {
		return this.state.nodes;
	}

	node(name) {
		const found = this.nodes.find((n) => n.name === name);
		if (!found) throw new Error(`no node ${name} in ${this.dir}`);
		return found;
	}

	save() {
		fs.writeFileSync(this.file + '.new', JSON.stringify(this.state, null, '\t') + '\n');
		fs.renameSync(this.file + '.new', this.file);
	}

	nodeDir(node) {
		return path.join(this.dir, node.name);
	}

	// Keys, genesis and folders of a new network.
	// tls: public listeners for https and wss beside the plain ones, with certificates of an
	// authority in ca.pem.
	async create({ count, networkId = NETWORK_ID, accounts = 0, config = {}, tls = false }) {
		fs.mkdirSync(this.dir, { recursive: true });
		const { xrpl } = await import('./clients.mjs');
		const wallet = xrpl.Wallet.generate();
		const faucet = { seed: wallet.seed, address: wallet.classicAddress };
		fs.writeFileSync(
			path.join(this.dir, 'faucet.json'),
			JSON.stringify(faucet) + '\n',
			{ mode: 0o600 },
		);
		const nodes = [];
		for (let i = 1; i <= count; i++) nodes.push(this.#newNode(`v${i}`, 'validator'));
		const args = [
			'genesis',
			'--network-id',
			String(networkId),
			'--out',
			path.join(this.dir, 'genesis'),
		];
		const drops = accounts > 0 ? ALL_DROPS / 2n : ALL_DROPS;
		args.push('--account', `${faucet.address}:${drops}`);
		if (accounts > 0) args.push('--accounts', String(accounts));
		tally(...args);
		this.state = {
			network_id: networkId,
			accounts,
			tls,
			config,
			faucet: { address: faucet.address },
			nodes,
		};
		await this.#choosePorts();
		this.save();
	}

	#newNode(name, role) {
		const dir = path.join(this.dir, name);
		fs.mkdirSync(dir, { recursive: true });
		const node = { name, role };
		if (role === 'validator') {
			const printed = tally(
				'validator-keys',
				'--out',
				path.join(dir, 'validator.key'),
			);
			const key = /\bn[1-9A-HJ-NP-Za-km-z]{45,55}\b/.exec(printed);
			if (!key)
				throw new Error(
					`tally validator-keys printed no public key: ${printed}`,
				);
			node.public_key = key[0];
		}
		return node;
	}

	// Ports are kept while they are free; a node that does not run gets others when they are
	// not.
	async #choosePorts() {
		const taken = new Set(this.nodes.flatMap((n) => Object.values(n.ports ?? {})));
		for (const node of this.nodes) {
			if (this.running(node)) continue;
			const old = Object.values(node.ports ?? {});
			const free = await Promise.all(old.map(portIsFree));
			if (old.length > 0 && free.every(Boolean)) continue;
			const [http, admin, peer, tls] = await freePorts(
				this.state.tls ? 4 : 3,
				taken,
			);
			node.ports = { http, admin, peer, ...(tls && { tls }) };
		}
		const faucet = this.state.faucet;
		if (!alive(faucet.process) && !(faucet.port && (await portIsFree(faucet.port))))
			[faucet.port] = await freePorts(1, taken);
	}

	// An object of sections, each an object of keys, a list for a repeated key; as INI text.
	#config(node) {
		const dir = this.nodeDir(node);
		const peers = this.nodes.filter((n) => n !== node && n.role === 'validator');
		const sections = {
			node: {
				data_dir: path.join(dir, 'data'),
				network_id: this.state.network_id,
				genesis: path.join(this.dir, 'genesis'),
			},
			log: { file: path.join(dir, 'log') },
			unl: {
				key: this.nodes
					.filter((n) => n.public_key)
					.map((n) => n.public_key),
			},
			peers: {
				listen: `127.0.0.1:${node.ports.peer}`,
				key_file: path.join(dir, 'node.key'),
				connect: peers.map((n) => `127.0.0.1:${n.ports.peer}`),
			},
			// Test networks are small, and there are many on one disk.
			disk: {
				warn_below_percent: 0,
				history_below_percent: 0,
				stop_below_percent: 0,
				stop_below_bytes: 64 << 20,
				emergency_bytes: 0,
			},
			// Its load is its owner's: a ledger may be full before anything costs more.
			transaction_queue: {
				minimum_txn_in_ledger: 10000,
				maximum_txn_per_account: 1000,
			},
			http: { listen: `127.0.0.1:${node.ports.http}` },
			admin: { listen: `127.0.0.1:${node.ports.admin}` },
		};
		if (node.ports.tls)
			sections.tls = {
				listen: `127.0.0.1:${node.ports.tls}`,
				...this.#certificate(node),
			};
		if (node.role === 'validator')
			sections.validator = { key_file: path.join(dir, 'validator.key') };
		for (const extra of [this.state.config, node.config ?? {}])
			for (const [section, keys] of Object.entries(extra))
				Object.assign((sections[section] ??= {}), keys);
		let text = `# ${node.name}, written by tools/testnet at each start\n`;
		for (const [section, keys] of Object.entries(sections)) {
			text += `\n[${section}]\n`;
			for (const [key, value] of Object.entries(keys))
				for (const one of [value].flat()) text += `${key} = ${one}\n`;
		}
		return text;
	}

	#certificate(node) {
		const dir = this.nodeDir(node);
		const certificate = path.join(dir, 'tls.pem');
		if (fs.existsSync(certificate))
			return { certificate, key: path.join(dir, 'tls.key') };
		return issue(dir, authority(this.dir), 'tls');
	}

	configFile(node) {
		return path.join(this.nodeDir(node), 'tallyd.ini');
	}

	running(node) {
		return alive(node.process);
	}

	startNode(node, env = {}, more = []) {
		fs.writeFileSync(this.configFile(node), this.#config(node));
		const log = path.join(this.nodeDir(node), 'output');
		const wrap = (process.env.TALLY_WRAP ?? '').split(' ').filter(Boolean);
		if (node.wrap) wrap.unshift(...node.wrap);
		const line = [
			...wrap,
			path.join(binaries(), 'tallyd'),
			'--config',
			this.configFile(node),
			...more,
		];
		node.process = start(line[0], line.slice(1), log, env);
		node.launched_ms = Date.now();
		this.save();
	}

	// Starts every node that does not run, and the faucet.
	async start() {
		await this.#choosePorts();
		this.save();
		for (const node of this.nodes) if (!this.running(node)) this.startNode(node);
		this.#startFaucet();
	}

	#startFaucet() {
		const faucet = this.state.faucet;
		if (alive(faucet.process)) return;
		faucet.process = start(
			process.execPath,
			[path.join(HERE, 'faucet.mjs'), '--dir', this.dir],
			path.join(this.dir, 'faucet.log'),
		);
		this.save();
	}

	// A node that follows without validating.
	async join(config = {}) {
		const number = this.nodes.filter((n) => n.role === 'tracker').length + 1;
		const node = this.#newNode(`t${number}`, 'tracker');
		node.config = config;
		this.nodes.push(node);
		await this.#choosePorts();
		this.save();
		this.startNode(node);
		return node;
	}

	// The signal goes out at once; the node has let go of its files when this ends.
	async kill(node) {
		const killed = node.process;
		signal(killed, 'SIGKILL');
		await until(`${node.name} has ended`, 10000, () => !alive(killed), 10);
	}

	async stop(patienceMs = 10000) {
		const all = [this.state.faucet.process, ...this.nodes.map((n) => n.process)].filter(
			Boolean,
		);
		return stop(all, patienceMs);
	}

	httpUrl(node) {
		return `http://127.0.0.1:${node.ports.http}/`;
	}

	wsUrl(node) {
		return `ws://127.0.0.1:${node.ports.http}/`;
	}

	httpsUrl(node) {
		return `https://127.0.0.1:${node.ports.tls}/`;
	}

	wssUrl(node) {
		return `wss://127.0.0.1:${node.ports.tls}/`;
	}

	// With the token in it: for rpc(), and with ws:// for xrpl.js.
	adminUrl(node, scheme = 'http') {
		return withToken(
			`${scheme}://127.0.0.1:${node.ports.admin}/`,
			this.adminTokenFile(node),
		);
	}

	adminTokenFile(node) {
		return path.join(this.nodeDir(node), 'data', 'admin.token');
	}

	adminSocket(node) {
		return path.join(this.nodeDir(node), 'data', 'admin.sock');
	}

	get faucetUrl() {
		return `http://127.0.0.1:${this.state.faucet.port}`;
	}

	// What `status --json` prints.
	describe() {
		return {
			network_id: this.state.network_id,
			faucet_url: this.faucetUrl,
			nodes: this.nodes.map((node) => ({
				name: node.name,
				role: node.role,
				pid: this.running(node) ? node.process.pid : null,
				http_url: this.httpUrl(node),
				ws_url: this.wsUrl(node),
				admin_url: `http://127.0.0.1:${node.ports.admin}/`,
				admin_token_file: this.adminTokenFile(node),
				admin_socket: this.adminSocket(node),
				data_dir: path.join(this.nodeDir(node), 'data'),
				config: this.configFile(node),
			})),
		};
	}

	async info(node, timeoutMs = 2000) {
		if (!this.running(node)) return undefined;
		return (await rpcOr(this.httpUrl(node), 'server_info', {}, timeoutMs))?.info;
	}

	// One row per node: what it says of itself, and whether its hash of the newest ledger that
	// all have validated is the same as everybody's.
	async survey() {
		const rows = await Promise.all(
			this.nodes.map(async (node) => {
				const info = await this.info(node);
				return { node, info, seq: info?.validated_ledger?.seq };
			}),
		);
		const common = Math.min(...rows.map((r) => r.seq ?? Infinity));
		if (Number.isFinite(common)) {
			await Promise.all(
				rows
					.filter((r) => r.seq)
					.map(async (row) => {
						const answer = await rpcOr(
							this.httpUrl(row.node),
							'ledger',
							{ ledger_index: common },
						);
						row.hash = answer?.ledger_hash;
					}),
			);
		}
		const hashes = new Set(rows.map((r) => r.hash).filter(Boolean));
		return { rows, common, agreed: hashes.size === 1, hashes: [...hashes] };
	}

	// Until every running node has validated ledger `seq` or a later one.
	async validated(seq, ms, nodes = this.nodes, onSurvey) {
		return until(
			`ledger ${seq} validated by all`,
			ms,
			async () => {
				for (const node of nodes)
					if (!this.running(node))
						throw new Fatal(
							`${node.name}: ${this.lastWords(node)}`,
						);
				const survey = await this.survey();
				onSurvey?.(survey);
				const rows = survey.rows.filter((r) => nodes.includes(r.node));
				return rows.every((r) => r.seq >= seq) ? survey : undefined;
			},
			200,
		);
	}

	// The last line that a node wrote, for messages.
	lastWords(node) {
		for (const name of ['output', 'log']) {
			const file = path.join(this.nodeDir(node), name);
			if (!fs.existsSync(file)) continue;
			const line = fs.readFileSync(file, 'utf8').trim().split('\n').pop();
			if (line) return line;
		}
		return `nothing in ${this.nodeDir(node)}`;
	}

	async remove() {
		await this.stop();
		fs.rmSync(this.dir, { recursive: true });
		this.state = undefined;
	}
}

// A name for a folder that is nobody else's.
export function scratch(name) {
	return path.join(
		ROOT,
		'out',
		'net',
		`${name}-${process.pid}-${crypto.randomBytes(3).toString('hex')}`,
	);
}
