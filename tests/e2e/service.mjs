// SPDX-License-Identifier: ISC
// The systemd unit: that systemd takes it and finds it hardened, and that a node runs, serves, says
// that it is ready and alive, and ends within what the unit allows.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT, binaries } from '../../tools/js/network.mjs';
import { freePorts } from '../../tools/js/processes.mjs';
import { rpc, until } from '../../tools/js/rpc.mjs';
import { finish, seconds, test } from './harness.mjs';

const UNIT = path.join(ROOT, 'configs/systemd/tallyd.service');
const EXPOSED_MAX = 15; // tenths, of 100
const NEVER_AGAIN = ['64', '78'];

// Where another user may come.
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tally-service-'));
fs.chmodSync(dir, 0o755);
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
const file = (name) => path.join(dir, name);
const tally = (...args) =>
	execFileSync(path.join(binaries(), 'tally'), args, {
		encoding: 'utf8',
		stdio: ['ignore', 'pipe', 'ignore'],
	}).trim();
const have = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const unit = fs.readFileSync(UNIT, 'utf8');

await test('systemd takes the unit, and finds little exposed', 20, async () => {
	if (!have('systemd-analyze')) return 'no systemd here';
	const local = file('tallyd.service');
	fs.writeFileSync(
		local,
		unit.replaceAll('/usr/bin/tallyd', path.join(binaries(), 'tallyd')),
	);
	const checked = spawnSync('systemd-analyze', ['verify', local], { encoding: 'utf8' });
	assert.equal(checked.status, 0, checked.stderr);
	assert.equal(checked.stderr, '');
	const args = ['security', '--offline=true', `--threshold=${EXPOSED_MAX}`, local];
	const judged = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
	assert.equal(judged.status, 0, judged.stdout);
	const open = local + '.open.service';
	fs.writeFileSync(open, unit.replace(/^(NoNew|Protect|SystemCall).*\n/gm, ''));
	args[3] = open;
	assert.notEqual(spawnSync('systemd-analyze', args).status, 0, 'the threshold is one');
	return /exposure level for \S+ ([\d.]+)/.exec(judged.stdout)[1];
});

await test('the unit says what the program does', 10, async () => {
	const help = execFileSync(path.join(binaries(), 'tallyd'), ['--help'], {
		encoding: 'utf8',
	});
	const never = /^RestartPreventExitStatus=(.*)$/m.exec(unit)[1].split(' ');
	assert.deepEqual(never, NEVER_AGAIN);
	for (const code of never) assert.match(help, new RegExp(`\\b${code} wrong`));
	assert.match(unit, /^Restart=on-failure$/m);
	const watchdog = Number(/^WatchdogSec=(\d+)$/m.exec(unit)[1]);
	assert.ok(watchdog > 60); // its own comes first, and leaves a word in the log
	const files = Number(/^LimitNOFILE=(\d+)$/m.exec(unit)[1]);
	assert.ok(files > 12000 + 128);
});

await test('a node runs within the unit', 60, async () => {
	if (!have('systemd-analyze') || process.arch !== 'x64') return 'not here';
	const [http] = await freePorts(1);
	const key = tally('validator-keys', '--out', file('validator.key'));
	tally('genesis', '--network-id', '21337', '--out', file('genesis'));
	fs.writeFileSync(
		file('tallyd.ini'),
		[
			`[node]\ndata_dir = data\ngenesis = genesis`,
			`[log]\nfile = log\nlevel = debug`,
			`[validator]\nkey_file = validator.key\n[unl]\nkey = ${key}`,
			`[http]\nlisten = 127.0.0.1:${http}\n[peers]\nlisten = 127.0.0.1:0`,
			`[disk]\nstop_below_percent = 0\nstop_below_bytes = 0`,
			'emergency_bytes = 1048576',
		].join('\n') + '\n',
	);
	for (const name of ['tallyd', 'tally'])
		fs.copyFileSync(path.join(binaries(), name), file(name));
	const child = spawn(
		path.join(ROOT, 'tests/e2e/confined.py'),
		[UNIT, file('tallyd'), file('tallyd.ini')],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	let out = '';
	child.stdout.on('data', (data) => (out += data));
	const ended = new Promise((resolve) => child.on('close', resolve));
	const url = `http://127.0.0.1:${http}/`;
	const info = await until('a ledger', seconds(20), async () => {
		const got = await rpc(url, 'server_info');
		return got.info.validated_ledger?.seq > 2 && got.info;
	});
	const status = spawnSync(
		path.join(binaries(), 'tally'),
		['--data', file('data'), 'status'],
		{ encoding: 'utf8' },
	);
	assert.equal(status.status, 0, status.stdout + status.stderr);
	assert.equal(await ended, 0);
	const done = JSON.parse(out);
	assert.equal(done.code, 0, fs.readFileSync(file('log'), 'utf8').slice(-2000));
	const order = ['READY=1', 'WATCHDOG=1', 'STOPPING=1'].map((text) =>
		done.messages.findIndex((m) => m.includes(text)),
	);
	assert.ok(order[0] >= 0 && order[1] >= 0 && order[2] > order[0], String(order));
	assert.ok(done.messages.filter((m) => m.includes('WATCHDOG=1')).length >= 4);
	assert.match(done.limits, /^Max core file size +0 +0 /m);
	// What is not dumpable belongs to root, whoever runs it.
	assert.equal(done.owner, 0);
	assert.match(fs.readFileSync(file('log'), 'utf8'), /SIGHUP: the log file is opened anew/);
	assert.equal(fs.statSync(file('log')).mode & 0o777, 0o640);
	return `ledger ${info.validated_ledger.seq}, ${done.messages.length} messages`;
});

await test('logrotate takes its snippet', 10, async () => {
	const snippet = fs.readFileSync(path.join(ROOT, 'configs/logrotate/tally'), 'utf8');
	assert.match(snippet, /--signal=HUP tallyd\.service/);
	assert.match(unit, /^LogsDirectory=tally$/m);
	if (!have('logrotate')) return 'no logrotate here';
	fs.writeFileSync(file('rotate'), snippet.replace('su tally tally', 'su root root'));
	const done = spawnSync('logrotate', ['--debug', '--state', file('state'), file('rotate')]);
	assert.equal(done.status, 0, String(done.stderr));
});

await finish();
