// SPDX-License-Identifier: ISC
// Each allocation of a node from its start until its first ledgers are closed finds no memory once
// (the shim in tests/crash). The process ends with words, or goes on; what it has told anybody is
// there after the next start. MEMORY_ALL=1 tries every one, otherwise every MEMORY_EVERY-th (12)
// of the node's, a tenth of that of those before.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { binaries, scratch } from '../../tools/js/network.mjs';
import { rpc, rpcOr, until } from '../../tools/js/rpc.mjs';
import { finish, must, seconds, test } from './harness.mjs';

const dir = scratch('memory');
const bin = binaries();
const every = process.env.MEMORY_ALL ? 1 : Number(process.env.MEMORY_EVERY ?? 12);
const AT_ONCE = 3;
const NODE = 500; // the last ones; before come those of libraries that prepare themselves
const running = new Set();

fs.mkdirSync(dir, { recursive: true });
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

class Life {
	said = '';

	constructor(data, environment = {}) {
		const args = ['--standalone', '--data', data, '--http', '0', '--ws', '0'];
		args.push('--close-every', '100');
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
				resolve();
			}),
		);
	}

	get url() {
		const found = /serving HTTP and WebSocket on 127\.0\.0\.1:(\d+)/.exec(this.said);
		return found && `http://127.0.0.1:${found[1]}/`;
	}

	get over() {
		return this.code !== undefined;
	}

	// The newest validated ledger, once there are `enough`, or it has ended.
	async validated(enough) {
		let newest;
		await until(
			'ledgers, or its end',
			seconds(10),
			async () => {
				if (this.over) return true;
				const answer =
					this.url &&
					(await rpcOr(this.url, 'ledger', {
						ledger_index: 'validated',
					}));
				newest = answer ?? newest;
				return newest?.ledger_index >= enough;
			},
			15,
		);
		return newest;
	}

	async end(signal) {
		this.child.kill(signal);
		await this.ended;
	}
}

async function trial(n) {
	const data = path.join(dir, `data-${n}`);
	fs.mkdirSync(data);
	const life = new Life(data, {
		LD_PRELOAD: path.join(bin, 'memory_shim.so'),
		TALLY_MEMORY_FAIL: String(n),
	});
	const told = await life.validated(4);
	const went = life.over ? 'ended' : 'went on';
	if (!life.over) await life.end('SIGKILL');
	if (went === 'ended') {
		assert.ok([1, 74, 'SIGABRT'].includes(life.code), `${life.code}: ${life.said}`);
		assert.match(life.said, /memory/);
	}
	await after(n, data, told);
	fs.rmSync(data, { recursive: true });
	return went;
}

async function after(n, data, told) {
	if (fs.existsSync(path.join(data, 'data'))) {
		const tally = spawnSync(path.join(bin, 'tally'), ['verify', data]);
		assert.equal(tally.status, 0, `${n}: ${tally.stderr}`);
	}
	const next = new Life(data);
	const now = await next.validated(told?.ledger_index ?? 1);
	assert.ok(now && !next.over, `${n}: no start afterwards: ${next.said}`);
	if (told) {
		const same = await rpc(next.url, 'ledger', { ledger_index: told.ledger_index });
		assert.equal(same.ledger_hash, told.ledger_hash);
	}
	await next.end('SIGKILL');
}

let all = 0;
await must('the allocations of a life', 20, async () => {
	const data = path.join(dir, 'none');
	const count = path.join(dir, 'count');
	fs.mkdirSync(data);
	const life = new Life(data, {
		LD_PRELOAD: path.join(bin, 'memory_shim.so'),
		TALLY_MEMORY_FAIL: '0',
		TALLY_MEMORY_COUNT: count,
	});
	await life.validated(4);
	await life.end('SIGTERM');
	all = Number(fs.readFileSync(count, 'utf8'));
	assert.ok(all > 100);
	return `${all}`;
});

await test('no memory for one of them', 90 + all / every, async () => {
	const chosen = [];
	const first = 1 + crypto.randomInt(every);
	const libraries = Math.max(0, all - NODE);
	const thin = every === 1 ? 1 : every * 10;
	for (let n = first; n <= libraries; n += thin) chosen.push(n);
	for (let n = libraries + first; n <= all; n += every) chosen.push(n);
	const count = {};
	const wrong = [];
	const some = async () => {
		for (let n = chosen.shift(); n !== undefined; n = chosen.shift()) {
			try {
				const went = await trial(n);
				count[went] = (count[went] ?? 0) + 1;
			} catch (error) {
				wrong.push(`allocation ${n}: ${error.message}`);
			}
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, some));
	assert.equal(wrong.length, 0, `${wrong.length}:\n${wrong.slice(0, 8).join('\n')}`);
	return Object.entries(count)
		.map(([how, n]) => `${n} ${how}`)
		.join(', ');
});

await finish();
