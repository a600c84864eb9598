// SPDX-License-Identifier: ISC
// Each call on files that a node makes while it starts and closes ledgers fails once (the shim in
// tests/crash): with EIO, with ENOSPC, or a write comes up short. Nothing that it told anybody may
// be wrong or gone afterwards. After EIO it ends with code 74 and says what to do, unless the file
// is one that it can do without; for want of room it stays up, and goes on by itself.
// FAULTS_ALL=1 tries every call, otherwise every FAULTS_EVERY-th (5), beginning with a random one.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { rpc, rpcOr, sleep, until } from '../../tools/js/rpc.mjs';
import { Connection } from '../crash/book.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const dir = scratch('faults');
const bin = binaries();
const every = process.env.FAULTS_ALL ? 1 : Number(process.env.FAULTS_EVERY ?? 5);
const AT_ONCE = 6;
const LEDGERS = 3; // after the start
const CLOSE_MS = 150;
const GONE_MS = 1500; // how long there is no room
const running = new Set();

fs.mkdirSync(dir, { recursive: true });
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// One process: what it said, and how it ended.
class Life {
	told = new Map(); // sequence → hash of a validated ledger
	said = '';

	constructor(data, environment = {}) {
		const args = ['--standalone', '--data', data, '--http', '0', '--ws', '0'];
		args.push('--close-every', String(CLOSE_MS));
		this.child = spawn(path.join(bin, 'tallyd'), args, {
			env: { ...process.env, ...environment },
			stdio: ['ignore', 'ignore', 'pipe'],
		});
		running.add(this.child);
		this.child.stderr.on('data', (text) => (this.said += text));
		this.ended = new Promise((resolve) =>
			this.child.on('close', (code, signal) => {
				running.delete(this.child);
				this.code = signal ?? code;
				resolve(this.code);
			}),
		);
	}

	get url() {
		const found = /serving HTTP and WebSocket on 127\.0\.0\.1:(\d+)/.exec(this.said);
		return found && `http://127.0.0.1:${found[1]}/`;
	}

	// Listens until `enough` says so, or it has ended; false when that takes too long.
	async listen(ms, enough) {
		const end = Date.now() + ms;
		while (this.code === undefined && !enough(this.newest)) {
			if (Date.now() > end) return false;
			await sleep(25);
			if (this.url) await this.#ask();
		}
		return true;
	}

	async #ask() {
		const answer = await rpcOr(this.url, 'ledger', { ledger_index: 'validated' });
		if (!answer) return;
		assert.equal(answer.validated, true);
		const { ledger_index: seq, ledger_hash: hash } = answer;
		const before = this.told.get(seq);
		assert.ok(before === undefined || before === hash, `ledger ${seq} has two hashes`);
		assert.ok(seq >= this.newest, `ledger ${seq} after ${this.newest}`);
		this.told.set(seq, hash);
	}

	get newest() {
		return Math.max(0, ...this.told.keys());
	}

	async stop() {
		this.child.kill('SIGTERM');
		const late = setTimeout(() => this.child.kill('SIGKILL'), seconds(8));
		await this.ended;
		clearTimeout(late);
		return this.code;
	}
}

// A life with a fault; then one without, in which all that was told must be there.
async function trial(name, op) {
	const data = path.join(dir, name);
	const note = path.join(dir, `${name}.calls`);
	fs.rmSync(data, { recursive: true, force: true });
	fs.mkdirSync(data);
	const life = new Life(data, {
		LD_PRELOAD: path.join(bin, 'fail_shim.so'),
		TALLY_FAIL_ROOT: data,
		TALLY_FAIL_OP: op,
		TALLY_FAIL_MS: op.includes('ENOSPC') ? String(GONE_MS) : '0',
		TALLY_FAIL_NOTE: note,
	});
	const quick = await life.listen(
		seconds(20),
		(newest) => newest >= 2 + LEDGERS && (op.endsWith(':0') || failed(note)),
	);
	if (quick && life.code === undefined)
		await life.listen(seconds(10), (newest) => newest > 4 + LEDGERS);
	const alive = life.code === undefined;
	if (alive) await life.stop();
	const calls = fs.readFileSync(note, 'utf8').trim().split('\n');
	await confirm(name, data, life.told);
	fs.rmSync(data, { recursive: true, force: true });
	fs.rmSync(note);
	return { life, alive, quick, calls, call: calls.find((c) => c[0] === '!') ?? '' };
}

const failed = (note) => /^!/m.test(fs.readFileSync(note, 'utf8'));

async function confirm(name, data, told) {
	if (told.size > 0) {
		const tally = spawnSync(path.join(bin, 'tally'), ['verify', data]);
		assert.equal(tally.status, 0, `${name}: ${tally.stderr}${tally.stdout}`);
	}
	const after = new Life(data);
	assert.ok(await after.listen(seconds(10), (newest) => newest > 0), 'no start afterwards');
	assert.equal(after.code, undefined, `${name}: no start afterwards: ${after.said}`);
	for (const [seq, hash] of told) {
		const { ledger_hash: now } = await rpc(after.url, 'ledger', { ledger_index: seq });
		assert.equal(now, hash, `${name}: ledger ${seq} was ${hash}`);
	}
	assert.equal(await after.stop(), 0);
}

// What must be so after the fault, by kind.
const EXPECT = {
	EIO({ life, alive, call, quick }) {
		if (alive) {
			assert.ok(quick, `it hangs: ${life.said}`);
			return 'went on';
		}
		if (life.code === 1) {
			assert.match(life.said, /genesis/); // a file, not the store
			return 'did not start';
		}
		assert.equal(life.code, 74, life.said);
		assert.match(life.said, /tally verify|check the disk/);
		assert.ok(call, 'nothing failed');
		return 'ended with 74';
	},
	ENOSPC({ life, alive, quick }) {
		if (alive) {
			assert.ok(quick, `it does not go on: ${life.said}`);
			return 'went on';
		}
		assert.equal(life.url, null, `it did not stay up: ${life.said}`);
		assert.equal(life.code, 1, life.said);
		assert.match(life.said, /[Nn]o space|full/);
		return 'did not start';
	},
	short(result) {
		return result.life.code === 74 ? EXPECT.EIO(result) : EXPECT.ENOSPC(result);
	},
};

async function kind(name, all, op) {
	const first = all.length > every ? crypto.randomInt(every) : 0;
	const chosen = all.filter((_, i) => i % every === first % every);
	const count = {};
	const wrong = [];
	let next = 0;
	const one = async () => {
		while (next < chosen.length) {
			const n = chosen[next++];
			try {
				const result = await trial(`${name}-${n}`, op(n));
				const end = EXPECT[name](result);
				count[end] = (count[end] ?? 0) + 1;
			} catch (error) {
				wrong.push(`call ${n} ${all.name?.[n] ?? ''}: ${error.message}`);
			}
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, one));
	assert.equal(wrong.length, 0, `${wrong.length}:\n${wrong.slice(0, 12).join('\n')}`);
	const ends = Object.entries(count).map(([end, n]) => `${n} ${end}`);
	return `${chosen.length} of ${all.length} calls: ${ends.join(', ')}`;
}

let calls = [];
await must('the calls of a life', 30, async () => {
	const { calls: list, life } = await trial('none', 'any:EIO:0');
	assert.ok(life.newest >= 2 + LEDGERS);
	calls = list.map((line) => line.split(' '));
	return `${calls.length} calls`;
});
const indexes = calls.map(([n]) => Number(n));
const writes = calls.filter(([, call]) => /write/.test(call)).map(([n]) => Number(n));

await test('input and output errors', 400, () => kind('EIO', indexes, (n) => `any:EIO:${n}`));
await test('no room', 600, () => kind('ENOSPC', indexes, (n) => `any:ENOSPC:${n}`));
await test('short writes', 400, () => kind('short', writes, (n) => `any:ENOSPC:${n}:short`));

// A validator whose journal fails: what it has not written it has not said.
class Voter {
	votes = new Map(); // sequence → ledger hash
	twice = [];

	constructor(net) {
		this.net = net;
		this.node = net.nodes[0];
	}

	async listen() {
		const take = (message) => {
			if (message.type !== 'validationReceived') return;
			const seq = Number(message.ledger_index);
			const before = this.votes.get(seq);
			if (before && before !== message.ledger_hash) this.twice.push(seq);
			this.votes.set(seq, message.ledger_hash);
		};
		await until('it answers', seconds(10), async () => {
			this.connection = new Connection(this.net.wsUrl(this.node), take);
			await this.connection.opened;
			return true;
		});
		await this.connection.ask('subscribe', { streams: ['validations'] });
	}

	get newest() {
		return Math.max(0, ...this.votes.keys());
	}

	async start(environment) {
		this.net.startNode(this.node, environment);
		await this.listen();
	}

	data() {
		return path.join(this.net.nodeDir(this.node), 'data');
	}

	// The newest vote in the journal, by the tool.
	written() {
		const tally = spawnSync(path.join(bin, 'tally'), ['verify', this.data()]);
		assert.equal(tally.status, 0, `${tally.stderr}`);
		return Number(/votes +up to ledger (\d+)/.exec(tally.stdout)?.[1] ?? 0);
	}
}

async function journalFault(call, error) {
	const net = new Network(scratch(`faults-${call}-${error}`));
	keepTrack(net);
	await net.create({ count: 1 });
	const voter = new Voter(net);
	const note = path.join(net.dir, 'calls');
	const nth = 8 + crypto.randomInt(6);
	await voter.start({
		LD_PRELOAD: path.join(bin, 'fail_shim.so'),
		TALLY_FAIL_ROOT: voter.data(),
		TALLY_FAIL_FILE: 'votes',
		TALLY_FAIL_OP: `${call}:${error}:${nth}`,
		TALLY_FAIL_MS: '3000',
		TALLY_FAIL_NOTE: note,
	});
	await until('the fault', seconds(60), () => failed(note), 20);
	const at = voter.newest;
	if (error === 'EIO') {
		await until('it ends', seconds(10), () => !net.running(voter.node), 50);
		assert.ok(voter.newest <= voter.written(), 'it has said what is not written');
		await voter.start();
	}
	await until('it votes again', seconds(30), () => voter.newest > at + 1, 100);
	assert.deepEqual(voter.twice, []);
	if (error === 'ENOSPC') assert.ok(net.running(voter.node));
	voter.connection.close();
	await net.stop();
	return `${call} ${error}`;
}

await test('a vote journal that cannot be written', 150, async () => {
	const all = [];
	for (const call of ['pwrite', 'fdatasync'])
		for (const error of ['EIO', 'ENOSPC']) all.push(journalFault(call, error));
	return (await Promise.all(all)).join(', ');
});
await finish();
