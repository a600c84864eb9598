// SPDX-License-Identifier: ISC
// Whole nodes under load, killed while a commit or the write of a vote is in flight: the shim in
// tests/crash, preloaded, ends the process at one of its own writes. After each kill the folder is
// verified and the node started again, to be asked for all that any client was told before.
// CRASH_KILLS is how often (20), CRASH_SEED the seed, CRASH_RATE the payments a second to each
// network (200).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { signal } from '../../tools/js/processes.mjs';
import { sleep, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';
import { audit } from '../crash/audit.mjs';
import { Book, Connection } from '../crash/book.mjs';
import { Payers } from '../crash/payers.mjs';

const kills = Number(process.env.CRASH_KILLS ?? 20);
const rate = Number(process.env.CRASH_RATE ?? 200);
const seed = Number(process.env.CRASH_SEED ?? crypto.randomInt(2 ** 32));
const ACCOUNTS = 120;
const LIFE_SECONDS = 40; // a node that lives longer was not killed as it should have been
// Networks of one validator: there the votes of one node decide. And one of five.
const networks = { alone1: 1, alone2: 1, alone3: 1, alone4: 1, five: 5 };

let draws = 0;
function draw(n) {
	const digest = crypto.createHash('sha256').update(`${seed} ${draws++}`).digest();
	return digest.readUInt32BE(0) % n;
}

class Victim {
	book = new Book();
	kills = [];
	restarts = [];

	constructor(net, name) {
		this.net = net;
		this.name = name;
		this.node = net.nodes[0];
		this.note = path.join(net.dir, 'kill');
		this.others = net.nodes.slice(1, 2); // listened to as well
		this.payers = new Payers({
			count: ACCOUNTS,
			rate,
			networkId: net.state.network_id,
			connection: () => [this.connection, this.other].find((c) => c?.open),
		});
	}

	get running() {
		return this.net.running(this.node);
	}

	environment() {
		const votes = draw(3) === 0;
		return {
			LD_PRELOAD: path.join(binaries(), 'kill_shim.so'),
			TALLY_KILL_SEED: String(draw(2 ** 32)),
			TALLY_KILL_FILE: votes ? 'votes' : 'database',
			TALLY_KILL_MAX: votes ? '8' : '30',
			TALLY_KILL_NOTE: this.note,
		};
	}

	async #listen(node) {
		const url = this.net.wsUrl(node);
		const connection = new Connection(url, (m) => this.book.message(m));
		await connection.opened;
		await connection.ask('subscribe', {
			streams: ['ledger', 'transactions', 'validations'],
		});
		return connection;
	}

	async connect() {
		for (const node of this.others)
			if (!this.other?.open)
				this.other = await until(
					`${node.name} of ${this.name} answers`,
					seconds(10),
					() => this.#listen(node),
				);
		await until(
			`${this.name} answers`,
			seconds(10),
			async () => {
				if (!this.running) return true;
				this.connection = await this.#listen(this.node);
				return true;
			},
			20,
		);
		this.payers.forget();
	}

	// One client that asks now and then, beside the streams.
	async #ask() {
		const { wallet } = this.payers.payers[draw(ACCOUNTS)];
		const of = wallet.classicAddress;
		const answer = await this.connection.ask('account_info', {
			account: of,
			ledger_index: 'validated',
		});
		this.book.balance(of, answer);
	}

	// From start to the kill.
	async live() {
		fs.rmSync(this.note, { force: true });
		const began = Date.now();
		this.net.startNode(this.node, this.environment());
		await this.connect();
		this.restarts.push(Date.now() - began);
		if (this.running) await this.#confirm();
		const end = Date.now() + seconds(LIFE_SECONDS);
		while (this.running) {
			assert.ok(Date.now() < end, `${this.name} was not killed`);
			await this.#ask().catch(() => {});
			await sleep(100);
		}
		assert.ok(fs.existsSync(this.note), `ended by itself: ${this.lastWords}`);
		const note = fs.readFileSync(this.note, 'utf8').trim();
		assert.notEqual(note, '', `ended by itself: ${this.lastWords}`);
		this.kills.push(note);
		await this.verify();
		this.judge();
	}

	judge() {
		const { offences } = this.book;
		const more = offences.length > 5 ? ` and ${offences.length - 5} more` : '';
		assert.equal(offences.length, 0, offences.slice(0, 5).join('; ') + more);
	}

	get lastWords() {
		return this.net.lastWords(this.node);
	}

	async #confirm() {
		if (this.net.nodes.length > 1)
			await until(
				`${this.name} has caught up`,
				seconds(30),
				async () =>
					!this.running ||
					(await this.net.info(this.node))?.validated_ledger?.seq >=
						this.book.newest,
				100,
			);
		return this.connection.open && this.book.confirm(this.connection);
	}

	verify() {
		const tally = path.join(binaries(), 'tally');
		const data = path.join(this.net.nodeDir(this.node), 'data');
		return new Promise((resolve, reject) =>
			execFile(tally, ['verify', data], (error, out, said) => {
				if (error) reject(new Error(`${this.name}: ${said}${out}`));
				else resolve();
			}),
		);
	}

	// The last life, unharmed: everything told must be there, and the books must balance.
	async close() {
		if (this.running) {
			signal(this.node.process, 'SIGKILL');
			await until('it ends', 5000, () => !this.running, 10);
		}
		this.net.startNode(this.node);
		await this.connect();
		await this.net.validated(this.book.newest + 1, seconds(30));
		await this.payers.stop();
		assert.ok(await this.#confirm());
		this.judge();
		const told = [...this.book.transactions];
		const { transactions, ledgers } = await audit(this.connection, ACCOUNTS);
		for (const [id, { seq }] of told)
			assert.equal(transactions.get(id), seq, `${id} is lost`);
		this.connection.close();
		this.other?.close();
		return { transactions: transactions.size, ledgers };
	}
}

const victims = [];

await must(`networks for ${rate} payments a second each; seed ${seed}`, 30, async () => {
	for (const [name, count] of Object.entries(networks)) {
		const net = new Network(scratch(`crash-${name}`));
		keepTrack(net);
		await net.create({ count, accounts: ACCOUNTS });
		for (const node of net.nodes.slice(1)) net.startNode(node);
		victims.push(new Victim(net, name));
	}
});

await test(`${kills} kills with a write in flight`, 60 + 8 * kills, async () => {
	let left = kills;
	await Promise.all(
		victims.map(async (victim) => {
			while (left-- > 0) await victim.live();
		}),
	);
	const all = victims.flatMap((v) => v.kills);
	const count = {};
	for (const kill of all) {
		const what = kill.split(' ').slice(0, 3).join(' ');
		count[what] = (count[what] ?? 0) + 1;
	}
	for (const [what, n] of Object.entries(count).sort())
		console.log(`        ${String(n).padStart(4)}  ${what}`);
	assert.ok(all.some((k) => k.startsWith('votes')), 'no vote was in flight');
	assert.ok(all.some((k) => k.startsWith('database')), 'no commit was in flight');
	const restarts = victims.flatMap((v) => v.restarts).sort((a, b) => a - b);
	const middle = restarts[restarts.length >> 1];
	return `answering again after ${middle} ms, at most ${restarts.at(-1)} ms`;
});

for (const victim of victims)
	await test(`${victim.name}: what was told is there, the books balance`, 120, async () => {
		const { ledgers, transactions } = await victim.close();
		return (
			`${victim.kills.length} kills, ${victim.book.statements} statements, ` +
			`${transactions} transactions in ${ledgers} ledgers`
		);
	});

await finish();
