// SPDX-License-Identifier: ISC
// Validators with master keys offline and tokens, a UNL out of signed lists from a publisher's
// web site and from files: rotation, a list that changes, one that expires, a publisher that is
// away, and configurations that are refused.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { stop } from '../../tools/js/processes.mjs';
import { health, rpc, sleep, target, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const tally = (...args) =>
	execFileSync(path.join(binaries(), 'tally'), args, { encoding: 'utf8' }).trim();

const net = new Network(scratch('lists'));
keepTrack(net);
const file = (name) => path.join(net.dir, name);

// A master key and its next token; what of it is public.
function token(name, number) {
	if (!fs.existsSync(file(`${name}.master`)))
		tally('master', 'create', '--out', file(`${name}.master`));
	const out = file(`${name}.token${number}`);
	const made = JSON.parse(
		tally('--json', 'master', 'token', file(`${name}.master`), '--out', out),
	);
	return { ...made, file: out };
}

// ---- the publisher's site

const site = { text: '', asked: 0 };
let server;
let port;

function certificate() {
	const made = spawnSync('openssl', [
		...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
		...['-nodes', '-days', '2', '-subj', '/CN=publisher'],
		...['-addext', 'subjectAltName=IP:127.0.0.1'],
		...['-keyout', file('site.key'), '-out', file('site.crt')],
	]);
	assert.equal(made.status, 0, String(made.stderr));
}

async function open(at = 0) {
	const read = (name) => fs.readFileSync(file(name));
	const keys = { key: read('site.key'), cert: read('site.crt') };
	server = https.createServer(keys, (request, response) => {
		site.asked++;
		response.end(site.text);
	});
	await new Promise((resolve) => server.listen(at, '127.0.0.1', resolve));
	port = server.address().port;
}

const close = () => {
	server.closeAllConnections();
	return new Promise((resolve) => server.close(resolve));
};

function publish(sequence, validators, ...more) {
	const out = file('list.json');
	const manifests = validators.map((v) => v.manifest);
	tally(
		...['list', 'make', ...manifests, '--token', publisher.file, '--out', out],
		...['--sequence', String(sequence), ...more],
	);
	site.text = fs.readFileSync(out, 'utf8');
}

let publisher;
let tokens;
const admin = (node, method, params) => rpc(net.adminUrl(node), method, params);
const info = async (node) => (await admin(node, 'server_info')).info;
const validated = async (node) => (await info(node)).validated_ledger?.seq ?? 0;

// What operators see of the lists: /health, and how long they last.
async function seen(node) {
	const { url, headers } = target(net.adminUrl(node));
	const text = await (await fetch(`${url}metrics`, { headers })).text();
	const left = /^tally_validator_list_expiry_seconds (\S+)$/m.exec(text);
	return { ...(await health(net.adminUrl(node))), left: left && Number(left[1]) };
}

const proposing = (node) =>
	until(`${node.name} is back`, seconds(15), async () => {
		return (await info(node)).server_state === 'proposing';
	});

async function goesOn(node, ledgers, limit) {
	const from = await validated(node);
	await until(`${ledgers} more ledgers`, seconds(limit), async () => {
		return (await validated(node)) >= from + ledgers;
	});
}

await must('five validators by tokens and a signed list', 25, async () => {
	await net.create({ count: 5 });
	tokens = net.nodes.map((node) => token(node.name, 1));
	publisher = token('publisher', 1);
	publish(1, tokens, '--version', '2');
	certificate();
	await open();
	const hex = JSON.parse(tally('master', 'show', file('publisher.master'))).public_key_hex;
	net.nodes.forEach((node, i) => {
		const unl = { key: [], publisher: hex, refresh_seconds: 1 };
		const address = { site: `https://127.0.0.1:${port}/`, ca_file: file('site.crt') };
		if (i < 3) Object.assign(unl, address);
		else unl.list = file('list.json');
		node.config = { unl, validator: { key_file: [], token_file: tokens[i].file } };
	});
	await net.start();
	await net.validated(3, seconds(20));
});

await test('who is trusted, by which keys, from where', 5, async () => {
	const [node] = net.nodes;
	const all = await admin(node, 'validators');
	assert.equal(all.trusted_validator_keys.length, 5);
	assert.equal(all.local_static_keys.length, 0);
	assert.equal(all.publisher_lists[0].seq, 1);
	assert.equal(all.publisher_lists[0].available, true);
	assert.equal(all.publisher_lists[0].list.length, 5);
	assert.equal(all.publisher_lists[0].version, 2);
	assert.equal(all.validator_list.status, 'active');
	for (const one of tokens) assert.equal(all.signing_keys[one.master_key], one.signing_key);
	const [from] = (await admin(node, 'validator_list_sites')).validator_sites;
	assert.equal(from.uri, `https://127.0.0.1:${port}/`);
	assert.match(from.last_refresh_status, /^(accepted|same_sequence)$/);
	const own = await admin(node, 'validator_info');
	assert.equal(own.master_key, tokens[0].master_key);
	assert.equal(own.ephemeral_key, tokens[0].signing_key);
	assert.equal(own.manifest, tokens[0].manifest);
	assert.equal(own.seq, 1);
	for (const key of [tokens[1].master_key, tokens[1].signing_key]) {
		const known = await rpc(net.httpUrl(node), 'manifest', { public_key: key });
		assert.equal(known.details.ephemeral_key, tokens[1].signing_key);
		assert.equal(known.manifest, tokens[1].manifest);
	}
});

await test('a rotated key counts at once, where nobody was started again', 30, async () => {
	const [first, second, third] = net.nodes;
	const heard = [];
	const socket = new WebSocket(net.wsUrl(third));
	await new Promise((resolve) => (socket.onopen = resolve));
	socket.onmessage = (m) => heard.push(JSON.parse(m.data));
	const streams = ['manifests', 'validations'];
	socket.send(JSON.stringify({ command: 'subscribe', streams }));
	await stop([first.process]);
	const next = token(first.name, 2);
	first.config.validator.token_file = next.file;
	net.startNode(first);
	await proposing(first);
	await net.kill(second); // four of five: the first is needed
	await goesOn(third, 2, 20);
	const known = await rpc(net.httpUrl(third), 'manifest', { public_key: next.master_key });
	assert.equal(known.details.seq, 2);
	assert.equal(known.details.ephemeral_key, next.signing_key);
	const told = heard.find((m) => m.type === 'manifestReceived');
	assert.equal(told.master_key, next.master_key);
	assert.equal(told.signing_key, next.signing_key);
	const vote = heard.find((m) => m.validation_public_key === next.signing_key);
	assert.equal(vote.master_key, next.master_key);
	socket.close();
	tokens[0] = next;
});

await test('a publisher that is away: what was last good is kept', 20, async () => {
	const [, second] = net.nodes;
	await close();
	net.startNode(second); // killed before
	await proposing(second);
	const all = await admin(second, 'validators');
	assert.equal(all.publisher_lists[0].uri, 'kept on disk');
	// and the manifest that was heard of before is not forgotten for an older one
	assert.equal(all.signing_keys[tokens[0].master_key], tokens[0].signing_key);
	await open(port);
});

await test('a newer list is taken while rounds go on', 20, async () => {
	publish(2, tokens.slice(0, 4));
	await until('four validators', seconds(10), async () => {
		const all = await Promise.all(net.nodes.map((n) => admin(n, 'validators')));
		return all.every((one) => one.trusted_validator_keys.length === 4);
	});
	await goesOn(net.nodes[0], 1, 12);
	assert.equal((await info(net.nodes[4])).server_state, 'full');
	publish(1, tokens); // an older one changes nothing
	await sleep(1500);
	assert.equal((await admin(net.nodes[0], 'validators')).trusted_validator_keys.length, 4);
});

await test('an expired list validates nothing, a newer one goes on', 30, async () => {
	publish(3, tokens, '--valid', '2');
	await until('expired', seconds(12), async () => (await info(net.nodes[0])).unl_blocked);
	const { code, reasons, left } = await seen(net.nodes[0]);
	assert.equal(code, 503);
	assert.ok(reasons.includes('unl_blocked'), reasons.join(' '));
	assert.ok(left <= 0, `${left}`);
	const stood = await validated(net.nodes[0]);
	await sleep(2000);
	assert.ok((await validated(net.nodes[0])) <= stood + 1);
	assert.equal((await info(net.nodes[0])).validator_list.status, 'expired');
	publish(4, tokens);
	await goesOn(net.nodes[0], 1, 20);
	assert.equal((await info(net.nodes[0])).unl_blocked, undefined);
	const now = await seen(net.nodes[0]);
	assert.ok(now.left > 0 && !now.reasons.includes('unl_blocked'), JSON.stringify(now));
});

await test('what a site may answer instead of a list changes nothing', 20, async () => {
	const [node] = net.nodes;
	const good = site.text;
	const status = async (said) => {
		await until(String(said), seconds(6), async () => {
			const [from] = (await admin(node, 'validator_list_sites')).validator_sites;
			const { last_refresh_status: what, last_refresh_message: why } = from;
			const words = `${what} ${why ?? ''}`;
			return said.test(words);
		});
	};
	site.text = ' '.repeat((1 << 20) + 1);
	await status(/^invalid .*more than 1048576 bytes/);
	const own = token('stranger', 1);
	const list = file('strange.json');
	tally(
		...['list', 'make', ...tokens.map((t) => t.manifest), '--token', own.file],
		...['--out', list, '--sequence', '99'],
	);
	site.text = fs.readFileSync(list, 'utf8');
	await status(/^untrusted/);
	site.text = good;
	assert.equal((await admin(node, 'validators')).publisher_lists[0].seq, 4);
	assert.equal((await info(node)).unl_blocked, undefined);
});

await test('an unsafe overlap is refused, or overridden aloud', 10, async () => {
	const config = fs.readFileSync(net.configFile(net.nodes[0]), 'utf8');
	const check = (unl) => {
		fs.writeFileSync(file('try.ini'), config.replace('[unl]', `[unl]\n${unl}`));
		const args = ['--check-config', '--config', file('try.ini')];
		const done = spawnSync(path.join(binaries(), 'tallyd'), args, { encoding: 'utf8' });
		return { code: done.status, said: done.stderr + done.stdout };
	};
	// another UNL that is in use: three of five are the same
	const others = [...tokens.slice(2).map((t) => t.master_key), publisher.master_key];
	fs.writeFileSync(file('others'), others.join('\n'));
	const refused = check(`overlap_with = ${file('others')}`);
	assert.equal(refused.code, 78, refused.said);
	assert.match(refused.said, /could fork/);
	const allowed = check(`overlap_with = ${file('others')}\nunsafe_overlap = yes`);
	assert.equal(allowed.code, 0, allowed.said);
	assert.match(allowed.said, /WARN .*unsafe_overlap = yes/);
	fs.writeFileSync(file('same'), tokens.map((t) => t.master_key).join('\n'));
	assert.equal(check(`overlap_with = ${file('same')}`).code, 0);
	assert.match(check('site = http://192.0.2.1/list').said, /https:/);
});

await test('tokens that cannot be used are refused', 10, async () => {
	const config = fs.readFileSync(net.configFile(net.nodes[0]), 'utf8');
	const refused = (said, change) => {
		fs.writeFileSync(file('try.ini'), change(config));
		const args = ['--check-config', '--config', file('try.ini')];
		const done = spawnSync(path.join(binaries(), 'tallyd'), args, { encoding: 'utf8' });
		assert.equal(done.status, 78, done.stderr);
		assert.match(done.stderr, said);
	};
	const line = /token_file = .*/;
	const open_ = file('open-token');
	fs.copyFileSync(tokens[0].file, open_);
	fs.chmodSync(open_, 0o644);
	refused(/open-token/, (c) => c.replace(line, `token_file = ${open_}`));
	fs.writeFileSync(file('no-token'), '[validator_token]\nZm9v\n', { mode: 0o600 });
	refused(/validator token: not JSON/, (c) =>
		c.replace(line, `token_file = ${file('no-token')}`),
	);
	// the secret of one token beside the manifest of another
	const inside = tokens.map((t) => {
		const text = fs.readFileSync(t.file, 'utf8').replace(/^\[.*\]$/m, '');
		return JSON.parse(Buffer.from(text, 'base64').toString());
	});
	inside[0].manifest = inside[1].manifest;
	const mixed = Buffer.from(JSON.stringify(inside[0])).toString('base64');
	fs.writeFileSync(file('mixed'), mixed, { mode: 0o600 });
	refused(/not that of the manifest/, (c) =>
		c.replace(line, `token_file = ${file('mixed')}`),
	);
	refused(/one of them/, (c) => c.replace(line, `$&\nkey_file = ${file('mixed')}`));
	// a master key that was revoked makes no more tokens
	tally('master', 'revoke', file(`${net.nodes[0].name}.master`), '--yes');
	assert.throws(() => token(net.nodes[0].name, 9), /was revoked/);
});

await net.stop();
server?.closeAllConnections();
server?.close();
finish();
