// SPDX-License-Identifier: ISC
// What clients are told has the types that they were compiled against: answers of every method and
// messages of every stream, recorded from real nodes, checked by the TypeScript compiler. The
// records and what was compiled stay in out/types. And what over HTTP is more than a call, or none.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../tools/js/network.mjs';
import { calls } from '../types/calls.mjs';
import { exceptions } from '../types/exceptions.mjs';
import { judge } from '../types/judge.mjs';
import { Stage, post, record } from '../types/record.mjs';
import { finish, keepTrack, must, test } from './harness.mjs';

const out = path.join(ROOT, 'out/types');
fs.mkdirSync(out, { recursive: true });
let stage;
let recorded;

await must('a network whose accounts own one thing of each kind', 40, async () => {
	stage = new Stage();
	await stage.up();
	keepTrack(stage.net);
});

await must('every call is answered, every stream speaks', 60, async () => {
	recorded = await record(stage);
	fs.writeFileSync(path.join(out, 'records.json'), JSON.stringify(recorded.records, null, 1));
	assert.deepEqual(recorded.missing, [], 'kinds of message that did not come');
	return `${recorded.records.length} records`;
});

// The names of methods.def, and for whom they are.
function methods() {
	const table = fs.readFileSync(path.join(ROOT, 'src/rpc/methods.def'), 'utf8');
	return [...table.matchAll(/^M\("(\w+)",/gm)].map(([, name]) => name);
}

await test('no method is left out', 5, async () => {
	const asked = new Set(calls.map(([method]) => method));
	const known = methods();
	assert.deepEqual(
		known.filter((name) => !asked.has(name)),
		[],
		'methods without a request in tests/types/calls.mjs',
	);
	assert.deepEqual(
		[...asked].filter((name) => !known.includes(name)),
		[],
		'requests of tests/types/calls.mjs for methods that do not exist',
	);
});

await test('every one of them ends as it should', 5, async () => {
	const error = ({ answer }) => answer.result?.error ?? answer.error;
	const others = recorded.records.filter(
		(r) => !r.method.startsWith('stream:') && error(r) !== r.fails,
	);
	assert.deepEqual(
		others.map((r) => `${r.method} ${r.version} ${JSON.stringify(r.answer)}`),
		[],
	);
});

await test('a batch, and what is no call, over a real connection', 10, async () => {
	const items = [
		{ method: 'ledger_current', id: 'a' },
		{ method: 'submit', tx_blob: stage.names.blob, id: 'b' },
		{ method: 'peers' },
		7,
	];
	const batch = await post(stage.http, { method: 'batch', params: items });
	const answers = JSON.parse(batch.text);
	assert.equal(batch.status, 200);
	assert.equal(answers.length, 4);
	assert.equal(answers[0].id, 'a');
	assert.equal(answers[1].id, 'b');
	assert.equal(typeof answers[1].result.engine_result, 'string');
	assert.equal(answers[2].error.code, -32605);
	assert.equal(answers[3].error.code, -32601);
	for (const [body, status, said] of [
		['{}', 400, /^Unable to parse request/],
		['{"method":"ping"}\0', 400, /^Unable to parse request: .*NUL/],
		['{"method":"ping","method":"fee"}', 400, /duplicate/],
		[{ params: [] }, 400, /^Null method/],
		[{ method: 'batch', params: Array(33).fill({ method: 'ping' }) }, 400, /batch/],
		[{ method: 'ping', params: [{ api_version: 9 }] }, 400, /invalid_API_version/],
		[{ method: 'stop' }, 403, /^Forbidden/],
		[{ method: 'x', params: [{ ripplerpc: '3.0' }] }, 405, /"code":32/],
	]) {
		const answer = await post(stage.http, body);
		assert.equal(answer.status, status, JSON.stringify(body));
		assert.match(answer.text, said);
	}
});

await test('their types are those of the stock client', 60, async () => {
	const { faults, idle, checked } = judge(
		recorded.records,
		exceptions,
		path.join(out, 'answers.ts'),
	);
	assert.deepEqual(faults, []);
	assert.deepEqual(
		idle.map(([methods, where]) => `${methods} ${where}`),
		[],
		'exceptions of tests/types/exceptions.mjs that are not needed',
	);
	return `${checked} answers, ${exceptions.length} exceptions`;
});

await test('what is wrong would be seen, and what is not needed', 30, async () => {
	const [good, one] = recorded.records.filter(
		(r) => r.method === 'fee' && r.transport === 'ws',
	);
	const wrong = (change) => {
		const record = structuredClone(one);
		change(record.answer);
		return record;
	};
	const { faults, idle } = judge(
		[
			wrong((answer) => (answer.result.drops.base_fee = 10)),
			wrong((answer) => delete answer.result.levels.median_level),
			wrong((answer) => (answer.result.nonsense = true)),
			good,
		],
		[['fee', 'result.drops.median_fee', 'type', 'none', { versions: [1] }]],
		path.join(out, 'wrong.ts'),
	);
	assert.equal(faults.length, 3, faults.join('\n'));
	assert.match(faults[0], /drops\.base_fee/);
	assert.match(faults[1], /median_level/);
	assert.match(faults[2], /nonsense/);
	assert.equal(idle.length, 1);
});

await stage?.down();
await finish();
