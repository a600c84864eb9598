// SPDX-License-Identifier: ISC
// Assigns recorded answers to the types of npm's xrpl, or of models.ts where that has none, and
// asks the compiler (strict). An answer is a fresh literal, so members that a type does not know
// are errors as well as those that it misses.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT } from '../../tools/js/network.mjs';

const require = createRequire(path.join(ROOT, 'tests/npm/package.json'));
const ts = require('typescript');
const MODELS = 'tests/npm/node_modules/xrpl/dist/npm/models';
const HERE = path.join(ROOT, 'tests/types');

// Whether xrpl knows the method: it is the command of one of its requests.
function modelled() {
	const dir = path.join(ROOT, MODELS, 'methods');
	const found = new Set();
	for (const name of fs.readdirSync(dir).filter((n) => n.endsWith('.d.ts')))
		for (const [, command] of fs
			.readFileSync(path.join(dir, name), 'utf8')
			.matchAll(/\bcommand: '(\w+)'/g))
			found.add(command);
	return found;
}
const KNOWN = modelled();

const STREAMS = {
	ledgerClosed: () => 'X.LedgerStream',
	transaction: (version) => (version === 1 ? 'X.TransactionV1Stream' : 'X.TransactionStream'),
	validationReceived: () => 'X.ValidationStream',
	consensusPhase: () => 'X.ConsensusStream',
	peerStatusChange: () => 'X.PeerStatusStream',
};

// The type that an answer must have, as text.
function typeOf({ method, version, transport, request, answer, as }) {
	if (method.startsWith('stream:')) {
		const kind = method.slice('stream:'.length);
		return STREAMS[kind]?.(version) ?? `Own.Streams[${JSON.stringify(kind)}]`;
	}
	const failed = answer.error !== undefined || answer.result?.error !== undefined;
	if (as) return as;
	if (failed) return transport === 'ws' ? 'X.ErrorResponse' : 'Own.HttpError';
	if (!KNOWN.has(method))
		return `Own.${transport === 'ws' ? 'Ws' : 'Http'}<Own.Results['${method}']>`;
	const asked = JSON.stringify({ command: method, ...request });
	return `Own.${transport === 'ws' ? 'ClientWs' : 'ClientHttp'}<${asked}, ${version}>`;
}

// ---- Exceptions: [method, path, kind, reason, { versions, when }]

const segments = (text) => text.split(/\.|(?=\[\])/);

// Calls visit(parent, key) at every place of the pattern; a last key need not exist.
function places(value, pattern, visit) {
	const [head, ...rest] = pattern;
	if (value === null || typeof value !== 'object') return;
	if (head === '**') {
		places(value, rest, visit);
		for (const child of Object.values(value)) places(child, pattern, visit);
		return;
	}
	const [, before, either] = /^(.*)\((.*)\)$/.exec(head) ?? [];
	let keys = either ? either.split('|').map((end) => before + end) : [head];
	if (head === '*') keys = Object.keys(value);
	if (Array.isArray(value)) keys = head === '[]' ? value.keys() : [];
	for (const key of [...keys])
		if (rest.length === 0) visit(value, key);
		else places(value[key], rest, visit);
}

const ANY = '\u0001any\u0001';

// Applies one exception to a copy; how many places it has changed.
function apply(answer, [, where, kind, , { when } = {}]) {
	let changed = 0;
	places(answer, segments(where), (parent, key) => {
		const there = Object.hasOwn(parent, key);
		if (kind === 'missing' ? there : !there || parent[key] === ANY) return;
		if (when && !when(parent[key], parent)) return;
		if (kind === 'extra') delete parent[key];
		else parent[key] = ANY;
		changed++;
	});
	return changed;
}

function concerns([method, , , , options = {}], record) {
	const pattern = new RegExp(`^(${method.replaceAll('*', '.*')})$`);
	return (
		pattern.test(record.method) &&
		(options.versions ?? [1, 2]).includes(record.version) &&
		(options.transport ?? record.transport) === record.transport
	);
}

const literal = (value) =>
	JSON.stringify(value, null, '\t').replaceAll(JSON.stringify(ANY), 'null!');

// ---- The compiler

function compile(file, text) {
	fs.writeFileSync(file, text);
	const options = {
		strict: true,
		noEmit: true,
		skipLibCheck: true,
		target: ts.ScriptTarget.ES2022,
		module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext,
		types: [],
		baseUrl: ROOT,
		paths: {
			xrpl: [path.join(ROOT, MODELS, 'index.d.ts')],
		},
		typeRoots: [],
		lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
	};
	const program = ts.createProgram([file], options);
	const all = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
	for (const source of program.getSourceFiles())
		if (source.fileName === file || source.fileName.startsWith(HERE))
			all.push(
				...program.getSyntacticDiagnostics(source),
				...program.getSemanticDiagnostics(source),
			);
	return all;
}

// Where in an answer a diagnostic points: { name of the constant, path }.
function locate(diagnostic) {
	let node = ts.getTokenAtPosition
		? ts.getTokenAtPosition(diagnostic.file, diagnostic.start)
		: undefined;
	const where = [];
	for (; node; node = node.parent) {
		if (ts.isPropertyAssignment(node)) where.unshift(`.${node.name.text}`);
		else if (node.parent && ts.isArrayLiteralExpression(node.parent))
			where.unshift(`[${node.parent.elements.indexOf(node)}]`);
		else if (ts.isVariableDeclaration(node))
			return { name: node.name.text, path: where.join('').replace(/^\./, '') };
	}
	return { name: undefined, path: '' };
}

const headline = (d) => ts.flattenDiagnosticMessageText(d.messageText, ' ').slice(0, 500);

// Whether two values have the same type, whatever it is: of texts only those without a digit, the
// words of the protocol, say something of it.
function alike(a, b) {
	if (typeof a !== typeof b || Array.isArray(a) !== Array.isArray(b)) return false;
	if (typeof a === 'string') return a === b || (/\d/.test(a) && /\d/.test(b));
	if (a === null || b === null) return a === b;
	if (typeof a !== 'object') return true;
	const keys = Object.keys(a);
	return (
		keys.length === Object.keys(b).length &&
		keys.every((key) => Object.hasOwn(b, key) && alike(a[key], b[key]))
	);
}

// What stands in the envelope's way: the compiler is asked about one of two like answers.
function shownBefore(records, i) {
	const { method, version, transport, request, answer } = records[i];
	const before = records[i - 1];
	return (
		transport === 'http' &&
		answer.result.error === undefined &&
		before?.method === method &&
		before.version === version &&
		JSON.stringify(before.request) === JSON.stringify(request) &&
		alike(before.answer.result, answer.result)
	);
}

// The source text: what is compiled, and what each constant in it is about.
class Source {
	about = new Map();

	constructor(file) {
		const own = path.relative(path.dirname(file), HERE);
		this.parts = [
			`import type * as X from 'xrpl';`,
			`import type * as Own from '${own}/models.js';`,
		];
	}

	put(name, record, answer, about) {
		this.about.set(name, about);
		this.parts.push(`export const ${name}: ${typeOf(record)} = ${literal(answer)};`);
	}
}

// An answer with every exception but one, to show that this one is needed.
function without(one, record, mine) {
	const bare = structuredClone(record.answer);
	for (const other of mine) if (other !== one) apply(bare, other);
	return bare;
}

function write(source, records, exceptions) {
	const uses = new Map(exceptions.map((one) => [one, []]));
	let checked = 0;
	records.forEach((record, i) => {
		// Over HTTP the status stands among the members of the result.
		if (record.transport === 'http' && record.answer.result?.status === 'success')
			delete record.answer.result.status;
		if (shownBefore(records, i)) return;
		checked++;
		const mine = exceptions.filter((e) => concerns(e, record));
		const answer = structuredClone(record.answer);
		const size = JSON.stringify(answer).length;
		for (const one of mine)
			if (apply(answer, one) > 0) uses.get(one).push({ size, record, mine });
		const { method, version, transport } = record;
		source.put(`answer_${i}`, record, answer, {
			title: `${method} (version ${version}, ${transport})`,
		});
	});
	// The shortest answer that has it: the compiler takes its time for long ones.
	let count = 0;
	for (const [exception, all] of uses) {
		if (all.length === 0) continue;
		const { record, mine } = all.sort((a, b) => a.size - b.size)[0];
		const bare = without(exception, record, mine);
		source.put(`without_${count++}`, record, bare, { exception });
	}
	return checked;
}

// { faults: [text], idle: [exceptions that are not needed], checked }
export function judge(records, exceptions, file) {
	const source = new Source(file);
	const checked = write(source, records, exceptions);
	const faults = [];
	const needed = new Set();
	for (const one of compile(file, source.parts.join('\n') + '\n')) {
		const at = one.file?.fileName === file ? locate(one) : {};
		const about = source.about.get(at.name);
		if (about?.exception !== undefined) needed.add(about.exception);
		else if (about) faults.push(`${about.title} ${at.path}: ${headline(one)}`);
		else faults.push(`${one.file?.fileName ?? ''}: ${headline(one)}`);
	}
	const idle = exceptions.filter((one) => !needed.has(one));
	return { faults, idle, checked };
}
