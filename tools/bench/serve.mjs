// SPDX-License-Identifier: ISC
// What tools/bench/serve hands over to: starts tallyd and nginx on one core, wrk on the other, and
// prints a table.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { rpc, until } from '../js/rpc.mjs';

const [bench, data, bin, ...rest] = process.argv.slice(2);
const option = (name, otherwise) => {
	const at = rest.indexOf(`--${name}`);
	return at < 0 ? otherwise : rest[at + 1];
};
const seconds = Number(option('seconds', 5));
const only = option('only', '').split(',').filter(Boolean);
const connections = Number(option('connections', 64));
const SERVER_CORE = '1';
const CLIENT_CORE = '0';
const MASTER = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
const work = fs.mkdtempSync(path.join(bench, 'run-'));
const children = [];

function start(command, args) {
	const log = fs.openSync(path.join(work, `${path.basename(command)}.log`), 'a');
	const child = spawn('taskset', ['-c', SERVER_CORE, command, ...args], {
		stdio: ['ignore', log, log],
	});
	children.push(child);
	return child;
}

function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

// Lua long brackets take any JSON.
function script(name, body) {
	const file = path.join(work, `${name}.lua`);
	fs.writeFileSync(
		file,
		`wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n` +
			`wrk.body = [==[${body}]==]\n`,
	);
	return file;
}

// Each request another one of a file's lines.
function scriptOfLines(name, lines) {
	const file = path.join(work, `${name}.lua`);
	fs.writeFileSync(
		file,
		`wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n` +
			`local lines = io.lines("${lines}")\n` +
			`request = function()\n` +
			`  local blob = lines() or "00"\n` +
			`  local params = '[{"tx_blob":"' .. blob .. '"}]'\n` +
			`  local body = '{"method":"submit","params":' .. params .. '}'\n` +
			`  return wrk.format(nil, nil, nil, body)\n` +
			`end\n`,
	);
	return file;
}

const MICROSECONDS = { us: 1, ms: 1e3, s: 1e6, m: 6e7 };
const toMs = (text) => {
	const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text);
	return (Number(number) * MICROSECONDS[unit]) / 1000;
};

function load(url, lua, pid, time = seconds) {
	const ticks = () => {
		const fields = fs
			.readFileSync(`/proc/${pid}/stat`, 'utf8')
			.split(') ')[1]
			.split(' ');
		return Number(fields[11]) + Number(fields[12]);
	};
	const before = ticks();
	const args = ['-c', CLIENT_CORE, path.join(bench, 'usr/bin/wrk')];
	args.push('-t1', `-c${connections}`, `-d${time}s`, '--latency', '-s', lua, url);
	const { stdout, stderr } = spawnSync('taskset', args, { encoding: 'utf8' });
	const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(stdout);
	if (!perSecond || Number(perSecond[1]) === 0) throw new Error(`wrk: ${stdout}${stderr}`);
	return {
		perSecond: Number(perSecond[1]),
		p50: toMs(/50%\s+(\S+)/.exec(stdout)[1]),
		p99: toMs(/99%\s+(\S+)/.exec(stdout)[1]),
		bad: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
		cpu: (ticks() - before) / 100 / time, // of the core; the rest went to others
	};
}

// A static answer of the same bytes. Short ones from nginx's configuration, long ones from a file
// that stays open (the configuration holds no text above 4 KB).
async function nginx(port, body) {
	const short = body.length < 3500;
	const quoted = body.trimEnd().replaceAll('\\', '\\\\').replaceAll("'", "\\'");
	fs.writeFileSync(path.join(work, 'body'), body);
	const answer = short
		? `return 200 '${quoted.replaceAll('$', '')}';`
		: 'error_page 405 =200 $uri;';
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
		.map((kind) => `${kind}_temp_path ${work}/${kind};`)
		.join(' ');
	fs.writeFileSync(
		path.join(work, 'nginx.conf'),
		`${process.getuid() === 0 ? 'user root;' : ''}
		worker_processes 1; daemon off; pid ${work}/nginx.pid; error_log ${work}/error.log;
		events { worker_connections 4096; }
		http {
			access_log off; keepalive_requests 100000000; default_type application/json;
			${temporary}
			open_file_cache max=10; sendfile on; tcp_nopush on;
			server {
				listen 127.0.0.1:${port} backlog=4096; root ${work};
				location / { ${answer} }
			}
		}\n`,
	);
	const child = start(path.join(bench, 'usr/sbin/nginx'), [
		'-c',
		`${work}/nginx.conf`,
		'-e',
		`${work}/error.log`,
	]);
	await until(
		'nginx answers',
		5000,
		async () => (await fetch(`http://127.0.0.1:${port}/body`)).ok,
		20,
	);
	const worker = Number(
		fs
			.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
			.trim()
			.split(' ')[0],
	);
	return { child, worker };
}

const ended = (child) =>
	child.exitCode !== null || child.signalCode !== null
		? undefined
		: new Promise((resolve) => {
				child.once('exit', resolve);
				child.kill('SIGTERM');
			});

async function startNode(port, ...more) {
	const copy = path.join(work, 'data');
	if (!fs.existsSync(copy))
		spawnSync('cp', ['-r', '--reflink=auto', '--sparse=always', data, copy]);
	const args = ['--standalone', '--data', copy, '--http', String(port), '--ws', '0', ...more];
	const child = start(path.join(bin, 'tallyd'), args);
	await until(
		'tallyd answers',
		60000,
		() => rpc(`http://127.0.0.1:${port}`, 'server_info'),
		50,
	);
	return child;
}

async function measure() {
	const port = await freePort();
	const nginxPort = await freePort();
	const url = `http://127.0.0.1:${port}/`;
	const [hash, newest] = fs
		.readFileSync(path.join(data, 'filled'), 'utf8')
		.trim()
		.split('\n');
	let node = await startNode(port);
	const deep = { ledger: Math.floor(Number(newest) / 2), seq: 0 };
	const account = (more) => ({ account: MASTER, ledger_index: 'validated', ...more });
	const cases = [
		['ping', 'ping', {}],
		['account_info', 'account_info', account()],
		['account_info, current', 'account_info', { account: MASTER }],
		['tx', 'tx', { transaction: hash }],
		['account_tx, first 20', 'account_tx', { account: MASTER, limit: 20 }],
		['account_tx, deep 20', 'account_tx', { account: MASTER, limit: 20, marker: deep }],
		['account_tx, first 200', 'account_tx', { account: MASTER, limit: 200 }],
		['ledger', 'ledger', { ledger_index: 'validated' }],
		['ledger_data, 256', 'ledger_data', { ledger_index: 'validated' }],
		[
			'ledger_data, 2048 binary',
			'ledger_data',
			{ ledger_index: 'validated', binary: true },
		],
	].filter(([name]) => !only.length || only.some((o) => name.startsWith(o)));
	const rows = [];
	for (const [name, method, params] of cases) {
		const body = JSON.stringify({ method, params: [params] });
		const answer = await (await fetch(url, { method: 'POST', body })).text();
		const { result } = JSON.parse(answer);
		if (result.status !== 'success')
			throw new Error(`${name}: ${answer.slice(0, 300)}`);
		const lua = script(method, body);
		const ours = load(url, lua, node.pid);
		const { child, worker } = await nginx(nginxPort, answer);
		const theirs = load(
			`http://127.0.0.1:${nginxPort}/body`,
			lua,
			worker,
			Math.min(3, seconds),
		);
		await ended(child);
		if (theirs.bad) throw new Error(`nginx refused ${theirs.bad} requests`);
		rows.push({ name, bytes: answer.length, ours, theirs });
	}
	if (!only.length || only.includes('submit')) {
		await ended(node);
		node = await startNode(port, '--close-every', '1000');
		const lua = scriptOfLines('submit', path.join(data, 'blobs'));
		rows.push({ name: 'submit', bytes: 0, ours: load(url, lua, node.pid) });
	}
	const memory = /VmRSS:\s+(\d+)/.exec(
		fs.readFileSync(`/proc/${node.pid}/status`, 'utf8'),
	)[1];
	await ended(node);
	return { rows, memory: Number(memory) / 1024 };
}

function table(lines) {
	const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
	const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]));
	return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n');
}

function show({ rows, memory }) {
	const lines = [
		['request', 'bytes', 'per second', 'p50 ms', 'p99 ms', 'CPU', 'per core'].concat([
			'nginx',
			'per core',
			'ratio',
			'refused',
		]),
	];
	const perCore = (l) => l.perSecond / l.cpu;
	for (const { name, bytes, ours, theirs } of rows)
		lines.push([
			name,
			bytes ? String(bytes) : '',
			ours.perSecond.toFixed(0),
			ours.p50.toFixed(2),
			ours.p99.toFixed(2),
			`${(100 * ours.cpu).toFixed(0)} %`,
			perCore(ours).toFixed(0),
			theirs ? theirs.perSecond.toFixed(0) : '',
			theirs ? perCore(theirs).toFixed(0) : '',
			theirs ? (perCore(theirs) / perCore(ours)).toFixed(2) : '',
			String(ours.bad),
		]);
	console.log(table(lines));
	console.log(
		`memory ${memory.toFixed(0)} MB; ${connections} connections, ${seconds} s each`,
	);
}

try {
	const result = await measure();
	if (rest.includes('--json')) console.log(JSON.stringify(result));
	else show(result);
} finally {
	for (const child of children) await ended(child);
	if (!process.env.KEEP) fs.rmSync(work, { recursive: true, force: true });
}
