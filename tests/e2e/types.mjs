// SPDX-License-Identifier: ISC
// What clients are told has the types that they were compiled against: answers of every method and
// messages of every stream, recorded from real nodes, checked by the TypeScript compiler. The
// records and what was compiled stay in out/types.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../tools/js/network.mjs';
import { calls } from '../types/calls.mjs';
import { exceptions } from '../types/exceptions.mjs';
import { judge } from '../types/judge.mjs';
import { Stage, record } from '../types/record.mjs';
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
