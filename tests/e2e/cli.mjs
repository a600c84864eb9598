// SPDX-License-Identifier: ISC
// The tally program: every command in words and with --json, its exit codes, what it refuses.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { codec, xrpl } from '../../tools/js/clients.mjs';
import { Network, ROOT, binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start, stop } from '../../tools/js/processes.mjs';
import { rpc, sleep, until } from '../../tools/js/rpc.mjs';
import { finish, keepTrack, must, seconds, test } from './harness.mjs';

const OK = 0;
const FAILED = 1;
const REJECTED = 2;
const CLAIMED = 3;
const EXPIRED = 4;
const UNKNOWN = 5;
const UNREACHABLE = 6;
const USAGE = 64;
const GENESIS = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh';
const MASTER = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'; // the well-known secret of "masterpassphrase"
const NOBODY = 'r9cZA1mLK5R5Am25ArfXFmqgNwjZgnfk59';

const dir = scratch('cli');
const program = path.join(binaries(), 'tally');
const [httpPort, wsPort, deadPort, oddPort] = await freePorts(4);
const url = `http://127.0.0.1:${httpPort}/`;
const used = new Set(); // commands that some test has run with success
const started = [];
let node;
let alice; // { address, seed, file }

const file = (name) => path.join(dir, name);

// { code, out, err } of a run to its end.
function run(args, { input = '', env = {}, server = url } = {}) {
	const done = spawnSync(program, args.map(String), {
		encoding: 'utf8',
		input,
		timeout: seconds(60),
		env: { ...process.env, TALLY_URL: server, TALLY_SEED_FILE: '', ...env },
	});
	const code = done.status;
	const command = args.find((a) => !String(a).startsWith('-'));
	if (code === OK) used.add(command);
	return { code, out: done.stdout, err: done.stderr };
}

function exits(code, args, said, options) {
	const done = run(args, options);
	const shown = `tally ${args.join(' ')}: ${done.code}: ${done.out}${done.err}`;
	assert.equal(done.code, code, shown);
	if (said) assert.match(code === OK ? done.out : done.out + done.err, said, shown);
	return done;
}

const json = (args, options) => JSON.parse(exits(OK, ['--json', ...args], null, options).out);

function seedFile(name, seed, mode = 0o600) {
	fs.writeFileSync(file(name), seed + '\n');
	fs.chmodSync(file(name), mode);
	return file(name);
}

async function launch() {
	node = start(
		path.join(binaries(), 'tallyd'),
		[
			'--standalone',
			...['--data', file('data'), '--http', String(httpPort)],
			...['--ws', String(wsPort), '--close-every', '300'],
		],
		file('output'),
	);
	started.push(node);
	await until('it answers', seconds(5), () => rpc(url, 'server_info', {}, 500), 20);
}

fs.mkdirSync(dir, { recursive: true });
process.on('exit', (code) => {
	started.forEach((one) => signal(one, 'SIGKILL'));
	if (code === 0) fs.rmSync(dir, { recursive: true, force: true });
});

await must('a standalone server', 10, async () => {
	await launch();
	seedFile('master', MASTER);
});

await test('wallet', 10, async () => {
	const made = json(['wallet']);
	const wallet = xrpl.Wallet.fromSeed(made.master_seed, { algorithm: 'ed25519' });
	assert.equal(wallet.classicAddress, made.account_id);
	assert.equal(wallet.publicKey, made.public_key_hex);
	alice = { address: made.account_id, file: seedFile('alice', made.master_seed) };
	const words = exits(OK, ['wallet', '--key-type', 'secp256k1']).out;
	const [, address] = /^address +(r\S+)$/m.exec(words);
	const [, seed] = /^seed +(s\S+)/m.exec(words);
	const same = xrpl.Wallet.fromSeed(seed, { algorithm: 'ecdsa-secp256k1' });
	assert.equal(same.classicAddress, address);
	const known = ['--passphrase', 'masterpassphrase', '--key-type', 'secp256k1'];
	assert.equal(json(['wallet', ...known]).master_seed, MASTER);
	assert.match(exits(OK, ['wallet', ...known]).err, /weak/);
	exits(USAGE, ['wallet', '--key-type', 'rsa'], /ed25519 or secp256k1/);
});

await test('validator-keys', 10, async () => {
	const [public1] = exits(OK, ['validator-keys', '--out', file('v1')], /^n[1-9A-Za-z]+$/m)
		.out.trim()
		.split('\n');
	assert.match(fs.readFileSync(file('v1'), 'utf8'), new RegExp(public1));
	assert.equal(fs.statSync(file('v1')).mode & 0o777, 0o600);
	const made = json(['validator-keys', '--out', file('v2')]);
	assert.equal(made.key_file, file('v2'));
	exits(FAILED, ['validator-keys', '--out', file('v1')], /exists/);
	exits(FAILED, ['validator-keys', '--out', file('no/such/folder')], /No such file/);
	exits(USAGE, ['validator-keys'], /--out/);
});

await test('master: tokens, a domain, revocation', 10, async () => {
	const made = json(['master', 'create', '--out', file('m1')]);
	assert.match(made.public_key_hex, /^ED[0-9A-F]{64}$/);
	assert.equal(fs.statSync(file('m1')).mode & 0o777, 0o600);
	exits(FAILED, ['master', 'create', '--out', file('m1')], /exists/);
	exits(OK, ['master', 'token', file('m1')], /^\[validator_token\]\n[A-Za-z0-9+/=\n]+$/);
	const second = json(['master', 'token', file('m1'), '--out', file('m1.token')]);
	assert.equal(second.sequence, 2);
	assert.equal(second.master_key, made.public_key);
	assert.equal(fs.statSync(file('m1.token')).mode & 0o777, 0o600);
	const proof = json(['master', 'domain', file('m1'), 'example.com']);
	assert.match(proof.attestation, /^[0-9A-F]{128}$/);
	const now = json(['master', 'show', file('m1')]);
	assert.deepEqual([now.sequence, now.domain, now.revoked], [2, 'example.com', false]);
	exits(USAGE, ['master', 'domain', file('m1'), 'no domain'], /no domain/);
	exits(USAGE, ['master', 'revoke', file('m1')], /--yes/);
	exits(OK, ['master', 'revoke', file('m1'), '--yes'], /^\[validator_key_revocation\]\nJP/);
	exits(FAILED, ['master', 'token', file('m1')], /was revoked/);
	exits(USAGE, ['master'], /create, token/);
	exits(FAILED, ['master', 'show', file('none')], /No such file/);
});

await test('list: made, signed, shown, verified', 10, async () => {
	const publisher = json(['master', 'create', '--out', file('p1')]);
	const { manifest } = json(['master', 'token', file('p1'), '--out', file('p1.token')]);
	const with_ = ['--token', file('p1.token')];
	const one = json(['master', 'create', '--out', file('m2')]);
	const two = json(['master', 'token', file('m2'), '--out', file('m2.token')]);
	const made = ['list', 'make', publisher.public_key, two.manifest, ...with_];
	exits(OK, [...made, '--sequence', '1', '--out', file('list')], /version 1, 1 list/);
	const by = ['--publisher', publisher.public_key_hex];
	const shown = json(['list', 'verify', file('list'), ...by]);
	assert.deepEqual([shown.version, shown.verified, shown.lists.length], [1, true, 1]);
	assert.deepEqual(
		shown.lists[0].validators.map((v) => [v.master_key, v.signing_key]),
		[
			[publisher.public_key, undefined],
			[one.public_key, two.signing_key],
		],
	);
	const later = [...made, '--sequence', '2', '--from', '3600', '--add-to', file('list')];
	exits(OK, [...later, '--out', file('list2')], /version 2, 2 lists/);
	assert.equal(json(['list', 'show', file('list2')]).lists[1].state, 'later');
	const other = ['--publisher', one.public_key_hex];
	exits(FAILED, ['list', 'verify', file('list'), ...other], /another/);
	// a list that somebody else has written
	const [{ expiration }] = shown.lists;
	const blob = { sequence: 7, expiration, validators: [] };
	fs.writeFileSync(file('blob'), JSON.stringify(blob));
	exits(OK, ['list', 'sign', file('blob'), ...with_, '--out', file('list3')]);
	assert.equal(json(['list', 'verify', file('list3')]).lists[0].sequence, 7);
	const changed = JSON.parse(fs.readFileSync(file('list3'), 'utf8'));
	changed.blob = Buffer.from(JSON.stringify({ ...blob, sequence: 8 })).toString('base64');
	fs.writeFileSync(file('list4'), JSON.stringify(changed));
	exits(FAILED, ['list', 'verify', file('list4')], /signature is not good/);
	exits(FAILED, ['list', 'make', 'nobody', ...with_, '--sequence', '1', '--out', file('l5')]);
	exits(USAGE, ['list', 'make', manifest, ...with_, '--out', file('l5')], /--sequence/);
	exits(USAGE, ['list'], /make, sign/);
});

const both = (option, a, b) => [option, a, option, b];

await test('genesis', 10, async () => {
	const own = `${alice.address}:100000000000000000`;
	const made = json([
		'genesis',
		...['--out', file('g1'), '--network-id', 21337, '--account', own],
		...['--base-fee', 20, '--reserve', 1000000, '--increment', 200000],
	]);
	assert.equal(made.network_id, 21337);
	assert.match(made.ledger_hash, /^[0-9A-F]{64}$/);
	const text = fs.readFileSync(file('g1'), 'utf8');
	assert.match(text, /^base_fee = 20$/m);
	assert.match(text, new RegExp(`^account = ${alice.address} 1`, 'm'));
	const words = exits(OK, ['genesis', '--out', file('g2'), '--accounts', 3], /^network 0/);
	assert.match(words.err, /anybody can spend/);
	exits(OK, ['genesis', '--out', file('g3'), '--no-amendments', '--majority-time', 900]);
	assert.match(fs.readFileSync(file('g3'), 'utf8'), /^amendment_majority_time = 900$/m);
	assert.doesNotMatch(text, /majority/);
	assert.doesNotMatch(fs.readFileSync(file('g3'), 'utf8'), /^amendment =/m);
	exits(FAILED, ['genesis', '--out', file('g1')], /exists/);
	exits(USAGE, ['genesis'], /--out/);
	for (const [wrong, said] of [
		[['--network-id', 4294967296], /--network-id/],
		[['--accounts', 0], /--accounts/],
		[['--account', 'rNobody:5'], /no address/],
		[['--account', GENESIS], /ADDRESS:DROPS/],
		[['--account', `${GENESIS}:100000000000000001`], /ADDRESS:DROPS/],
		[['--account', own, '--account', `${GENESIS}:1`], /more than/],
		[['--base-fee', 'much'], /--base-fee/],
		[['--majority-time', 0], /--majority-time/],
		[['--frob'], /--frob/],
	])
		exits(USAGE, ['genesis', '--out', file('g4'), ...wrong], said);
	const twice = both('--account', `${GENESIS}:5`, `${GENESIS}:6`);
	exits(FAILED, ['genesis', '--out', file('g4'), ...twice], /twice/);
	assert.ok(!fs.existsSync(file('g4')));
});

const payment = {
	TransactionType: 'Payment',
	Account: GENESIS,
	Destination: NOBODY,
	Amount: '20000000',
	Fee: '10',
	Sequence: 1,
	Flags: 0,
};

await test('encode, decode, sign', 10, async () => {
	const text = JSON.stringify(payment);
	const hex = exits(OK, ['encode', text]).out.trim();
	assert.equal(hex, codec.encode(payment));
	assert.equal(json(['encode', '-'], { input: text }).blob, hex);
	assert.deepEqual(JSON.parse(exits(OK, ['decode', hex]).out), codec.decode(hex));
	assert.deepEqual(json(['decode', '-'], { input: hex + '\n' }), codec.decode(hex));
	exits(FAILED, ['decode', 'zz'], /hex/);
	exits(FAILED, ['decode', hex.slice(0, -2)], /\S/);
	exits(FAILED, ['encode', '{"Fee": "10"'], /JSON/);
	exits(FAILED, ['encode', '{"Fee": "-1"}'], /Fee/);
	exits(USAGE, ['encode'], /missing/);
	exits(USAGE, ['decode', '00', '00'], /too many/);

	const wallet = xrpl.Wallet.fromSeed(MASTER, { algorithm: 'ecdsa-secp256k1' });
	const want = wallet.sign(payment);
	const signed = json(['sign', text, '--seed-file', file('master')]);
	assert.equal(signed.tx_blob, want.tx_blob);
	assert.equal(signed.hash, want.hash);
	const words = exits(OK, ['sign', '--seed-file', '-', text], null, { input: MASTER }).out;
	assert.match(words, new RegExp(`^hash +${want.hash}$`, 'm'));
	const env = { TALLY_SEED_FILE: file('master') };
	assert.equal(json(['sign', text], { env }).hash, want.hash);
	assert.notEqual(json(['sign', text, '--key-type', 'ed25519'], { env }).hash, want.hash);
	exits(FAILED, ['sign', '{"Fee": "10"}'], /\S/, { env });
	exits(FAILED, ['sign', '[]'], /\S/, { env });
	exits(USAGE, ['sign', text], /--seed-file/);
});

await test('secrets of others are refused', 10, async () => {
	const sign = ['sign', JSON.stringify(payment), '--seed-file'];
	for (const mode of [0o644, 0o660, 0o604])
		exits(FAILED, [...sign, seedFile('open', MASTER, mode)], /600/);
	exits(FAILED, [...sign, file('absent')], /absent: No such file/);
	exits(FAILED, [...sign, dir], /not a regular file/);
	exits(FAILED, [...sign, seedFile('word', 'nothing of use')], /no seed/);
	exits(FAILED, [...sign, seedFile('empty', '')], /no seed/);
	exits(FAILED, [...sign, seedFile('long', 'x'.repeat(5000))], /more than/);
});

await test('pay, account, history, tx', 30, async () => {
	const master = ['--seed-file', file('master')];
	const words = exits(OK, ['pay', alice.address, '1000', ...master], /tesSUCCESS/).out;
	const [, hash] = /^hash ([0-9A-F]{64})$/m.exec(words);
	const paid = json(['pay', alice.address, '0.000001', ...master, '--tag', 7]);
	assert.equal(paid.validated, true);
	assert.equal(paid.tx_json.Amount ?? paid.tx_json.DeliverMax, '1');
	assert.equal(paid.tx_json.DestinationTag, 7);

	exits(OK, ['account', alice.address], /^balance +1000.000001 XRP$/m);
	assert.equal(json(['account', alice.address]).account_data.Balance, '1000000001');
	exits(FAILED, ['account', NOBODY], /actNotFound/);
	exits(FAILED, ['account', 'rNobody'], /actMalformed/);

	const rows = exits(OK, ['history', alice.address]).out.trim().split('\n');
	assert.equal(rows.length, 2);
	assert.match(rows[1], new RegExp(`Payment +tesSUCCESS +${hash}$`));
	const limited = json(['history', alice.address, '--limit', 1]);
	assert.equal(limited.transactions.length, 1);
	exits(USAGE, ['history', alice.address, '--limit', 0], /--limit/);

	exits(OK, ['tx', hash], /^validated in ledger \d+: tesSUCCESS/);
	assert.equal(json(['tx', hash]).hash, hash);
	exits(FAILED, ['tx', '0'.repeat(64)], /txnNotFound/);
	exits(USAGE, ['tx', 'zz'], /64 hex digits/);
});

await test('submit: a blob, JSON to be signed, standard input; without waiting', 20, async () => {
	const env = { TALLY_SEED_FILE: alice.file };
	const tx = JSON.stringify({ TransactionType: 'AccountSet', Domain: '6578' });
	exits(OK, ['submit', tx], /validated in ledger/, { env });
	const piped = json(['submit', '-'], { env, input: tx });
	assert.equal(piped.meta.TransactionResult, 'tesSUCCESS');
	const queued = json(['submit', tx, '--no-wait'], { env });
	assert.equal(queued.engine_result, 'tesSUCCESS');

	const { account_data: data } = json(['account', GENESIS]);
	const text = JSON.stringify({ ...payment, Sequence: data.Sequence });
	const { tx_blob: blob } = json(['sign', text, '--seed-file', file('master')]);
	exits(OK, ['submit', blob], /tesSUCCESS/);
	// Once more: it was applied, so that is the answer again.
	exits(OK, ['submit', blob], /validated in ledger/);
	exits(REJECTED, ['submit', blob, '--no-wait'], /tefPAST_SEQ|tefALREADY/);
	exits(USAGE, ['submit', 'zz'], /neither/);
	exits(USAGE, ['submit', '{"Fee": '], /JSON/, { env });
	exits(FAILED, ['submit', '00'], /invalidTransaction/);
	exits(FAILED, ['submit', '{"TransactionType": "Frob"}'], /Frob|TransactionType/, { env });
	exits(USAGE, ['submit', tx, '--timeout', 0], /--timeout/);
	exits(USAGE, ['submit', tx], /--seed-file/);
});

await test('several signatures: prepare, sign-for, multisign, submit-multisigned', 30, async () => {
	const [a, b, c] = ['a', 'b', 'c'].map((name) => {
		const made = json(['wallet', '--key-type', name === 'b' ? 'secp256k1' : 'ed25519']);
		return {
			address: made.account_id,
			file: seedFile(`signer-${name}`, made.master_seed),
		};
	});
	const env = { TALLY_SEED_FILE: alice.file };
	const list = {
		TransactionType: 'SignerListSet',
		Account: alice.address,
		SignerQuorum: 2,
		SignerEntries: [a, b, c].map((s) => ({
			SignerEntry: { Account: s.address, SignerWeight: 1 },
		})),
	};
	exits(OK, ['submit', JSON.stringify(list)], /tesSUCCESS/, { env });
	const bare = JSON.stringify({
		TransactionType: 'Payment',
		Account: alice.address,
		Destination: GENESIS,
		Amount: '1000000',
	});
	const tx = exits(OK, ['prepare', '-', '--signers', 2], null, { input: bare }).out;
	const prepared = JSON.parse(tx);
	assert.equal(prepared.Fee, '30');
	assert.equal(prepared.SigningPubKey, '');
	assert.ok(prepared.Sequence > 0 && prepared.LastLedgerSequence > 0);
	const offline = { server: 'http://127.0.0.1:1' }; // signing asks nobody
	const by = (one, input = tx) =>
		json(['sign-for', input, '--seed-file', one.file], offline).tx_blob;
	const [one, two, three] = [by(a), by(b), by(c)];
	// As the stock client puts them together, and one after the other.
	const whole = json(['multisign', two, one], offline);
	assert.equal(whole.tx_blob, xrpl.multisign([one, two]));
	assert.equal(whole.signers, 2);
	assert.equal(by(b, one), whole.tx_blob);
	assert.equal(json(['multisign', one, two, whole.tx_blob], offline).tx_blob, whole.tx_blob);
	exits(REJECTED, ['submit-multisigned', three], /tefBAD_QUORUM/);
	exits(OK, ['submit-multisigned', one, two], new RegExp(`tesSUCCESS[^]*${whole.hash}`));
	const again = exits(OK, ['submit-multisigned', whole.tx_blob, '--json']).out;
	assert.equal(JSON.parse(again).meta.TransactionResult, 'tesSUCCESS');

	exits(FAILED, ['sign-for', one, '--seed-file', a.file], /has signed it already/);
	exits(FAILED, ['sign-for', tx, '--seed-file', alice.file], /for itself/);
	exits(USAGE, ['sign-for', tx, '--seed-file', a.file, '--account', 'x'], /no address/);
	exits(USAGE, ['sign-for', tx], /--seed-file/);
	exits(FAILED, ['sign-for', '{"Fee": "10"}', '--seed-file', a.file], /TransactionType/);
	exits(FAILED, ['sign-for', 'zz', '--seed-file', a.file], /hex/);
	exits(FAILED, ['multisign', tx], /nobody has signed/);
	const other = by(a, JSON.stringify({ ...prepared, Amount: '1000001' }));
	exits(FAILED, ['multisign', one, other], /argument 2 is another transaction/);
	const wrong = xrpl.decode(one);
	wrong.Signers[0].Signer.TxnSignature = xrpl.decode(other).Signers[0].Signer.TxnSignature;
	exits(FAILED, ['multisign', JSON.stringify(wrong)], /signature in it/);
	const single = json(['sign', tx, '--seed-file', alice.file]).tx_blob;
	exits(FAILED, ['multisign', single], /one key alone/);
	const signed = JSON.stringify(xrpl.decode(one));
	exits(USAGE, ['submit', signed], /see submit-multisigned/, { env });
	exits(USAGE, ['prepare', bare, '--signers', 33], /1 to 32/);
	exits(USAGE, ['prepare', '{"TransactionType": "AccountSet"}'], /Account/);
	// For an account whose regular key it is: the server judges that.
	const regular = ['sign-for', tx, '--seed-file', a.file, '--account', GENESIS];
	assert.equal(xrpl.decode(json(regular).tx_blob).Signers[0].Signer.Account, GENESIS);
	// The fee of other types is theirs.
	const gone = { ...JSON.parse(bare), TransactionType: 'AccountDelete', Amount: undefined };
	const { state } = await rpc(url, 'server_state');
	const increment = String(state.validated_ledger.reserve_inc);
	assert.equal(json(['prepare', JSON.stringify(gone)]).Fee, increment);
});

await test('exit codes tell what became of a transaction', 60, async () => {
	const env = { TALLY_SEED_FILE: alice.file };
	const cheap = 'rrrrrrrrrrrrrrrrrrrrBZbvji'; // not there, and 1 XRP does not make it
	exits(CLAIMED, ['pay', cheap, '1'], /validated.*tecNO_DST_INSUF/s, { env });
	assert.equal(
		JSON.parse(exits(CLAIMED, ['pay', cheap, '1', '--json'], null, { env }).out).meta
			.TransactionResult,
		'tecNO_DST_INSUF_XRP',
	);
	exits(REJECTED, ['pay', GENESIS, '0'], /temBAD_AMOUNT/, { env });
	const rejected = exits(REJECTED, ['pay', GENESIS, '0', '--json'], null, { env });
	assert.equal(JSON.parse(rejected.out).engine_result, 'temBAD_AMOUNT');
	const check = { TransactionType: 'CheckCreate', Destination: GENESIS, SendMax: '1' };
	const disabled = JSON.stringify(check);
	exits(REJECTED, ['submit', disabled], /temDISABLED/, { env });

	const { account_data: data, ledger_index: now } = json(['account', alice.address]);
	const set = { TransactionType: 'AccountSet', Account: alice.address, Fee: '10', Flags: 0 };
	const sign = (more) => json(['sign', JSON.stringify({ ...set, ...more })], { env }).tx_blob;
	const old = sign({ Sequence: data.Sequence, LastLedgerSequence: now - 1 });
	exits(EXPIRED, ['submit', old], /last ledger \d+ has passed/);
	exits(REJECTED, ['submit', old, '--no-wait'], /tefMAX_LEDGER/);
	// Behind a gap that nobody fills, until its last ledger has passed.
	const early = sign({ Sequence: data.Sequence + 2, LastLedgerSequence: now + 10 });
	exits(EXPIRED, ['submit', early], /has passed/);
	const open = sign({ Sequence: data.Sequence + 3 });
	exits(UNKNOWN, ['submit', open, '--timeout', 1], /no final answer/);
	exits(UNKNOWN, ['submit', open, '--no-wait'], /terPRE_SEQ/);
	exits(UNREACHABLE, ['submit', open], /connect/, { server: `http://127.0.0.1:${deadPort}` });
});

await test('wrong amounts, addresses, options', 10, async () => {
	const env = { TALLY_SEED_FILE: alice.file };
	for (const amount of ['.', 'x', '1.0000001', '1e3', '', '100000000000.1', '99999999999999'])
		exits(USAGE, ['pay', GENESIS, amount], /amount/, { env });
	exits(USAGE, ['pay', GENESIS, '-1'], /option -1/, { env });
	exits(USAGE, ['pay', GENESIS], /missing/, { env });
	exits(USAGE, ['pay', GENESIS, '1', '2'], /too many/, { env });
	exits(USAGE, ['pay', GENESIS, '1', '--frob'], /--frob/, { env });
	exits(USAGE, ['pay', GENESIS, '1', '--tag', '4294967296'], /--tag/, { env });
	exits(FAILED, ['pay', 'rNobody', '1'], /Destination/, { env });
	exits(USAGE, ['frob'], /unknown command "frob"/);
	exits(USAGE, ['--frob', 'status'], /unknown option --frob/);
	exits(USAGE, [], /COMMAND/);
});

await test('ledger, status, peers, accept, rpc', 10, async () => {
	exits(OK, ['ledger'], /^ledger +\d+ \(validated\)$/m);
	exits(OK, ['ledger', 'closed'], /^hash +[0-9A-F]{64}$/m);
	exits(OK, ['ledger', 'current'], /^ledger +\d+$/m);
	const { ledger_hash: hash } = json(['ledger', 2]);
	assert.equal(json(['ledger', hash]).ledger.ledger_index, 2);
	exits(FAILED, ['ledger', 4000000], /lgrNotFound/);
	exits(FAILED, ['ledger', 'frob'], /\S/);

	exits(OK, ['status'], /^state +full, up/m);
	exits(
		OK,
		['status'],
		/^queue +0 open, 0 of 20000 wait, \d+ held; a place costs 1.0 base fees$/m,
	);
	assert.equal(json(['status']).info.server_state, 'full');
	exits(OK, ['top', '--once'], /^ledger +\d+/m); // more in top.mjs
	exits(OK, ['log-level', 'net', 'warn'], /^net +Warning$/m);
	exits(OK, ['peers'], /^no peers$/m);
	assert.deepEqual(json(['peers']).peers ?? [], []);
	exits(OK, ['accept'], /^open ledger is now \d+$/m);
	assert.ok(json(['accept']).ledger_current_index > 3);

	const info = JSON.parse(exits(OK, ['rpc', 'server_info']).out).info;
	assert.equal(info.validated_ledger.base_fee_xrp, 0.00001);
	const raw = exits(OK, ['rpc', 'server_info']).out;
	assert.match(raw, /"base_fee_xrp": (1e-5|1e-05|0.00001)\b/);
	const params = '{"ledger_index": 2}';
	assert.equal(json(['rpc', 'ledger', params]).ledger_index, 2);
	assert.equal(json(['rpc', 'ledger', '-'], { input: params }).ledger_index, 2);
	exits(FAILED, ['rpc', 'frob'], /unknownCmd/);
	exits(USAGE, ['rpc', 'ledger', '[1]'], /object/);
	exits(USAGE, ['rpc', 'ledger', '{'], /JSON/);
	exits(USAGE, ['rpc'], /missing/);
});

// A table as it grows: { rows, said, ended }.
function watch(...args) {
	const env = { ...process.env, TALLY_URL: url };
	const child = spawn(program, ['watch', ...args], { env });
	const seen = { rows: [], said: '', code: undefined };
	child.stdout.setEncoding('utf8');
	child.stderr.setEncoding('utf8');
	child.stdout.on('data', (text) => seen.rows.push(...text.split('\n').filter(Boolean)));
	child.stderr.on('data', (text) => (seen.said += text));
	child.on('close', (code) => (seen.code = code));
	process.on('exit', () => child.kill('SIGKILL'));
	return seen;
}

await test('watch: every ledger a row; a server that goes away is waited for', 40, async () => {
	const three = exits(OK, ['watch', '--ledgers', 3]).out.trim().split('\n');
	assert.equal(three.length, 4);
	const numbers = three.slice(1).map((row) => Number(row.trim().split(' ')[0]));
	assert.deepEqual(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
	const lines = exits(OK, ['watch', '--json', '--ledgers', 2]).out.trim().split('\n');
	assert.equal(lines.map((line) => JSON.parse(line))[1].validated, true);
	exits(USAGE, ['watch', '--ledgers', 'many'], /--ledgers/);

	const seen = watch();
	await until('rows', seconds(10), () => seen.rows.length > 2);
	signal(node, 'SIGKILL');
	await until('it ends', seconds(5), () => !alive(node), 10);
	await until('it says so', seconds(5), () => /connect/.test(seen.said));
	await sleep(1000);
	assert.equal(seen.said.match(/connect/g).length, 1, seen.said);
	const before = seen.rows.length;
	await launch();
	await until('more rows', seconds(10), () => seen.rows.length > before + 1);
	assert.match(seen.said, /answers again/);
	assert.equal(seen.code, undefined);
	const all = seen.rows.slice(1).map((row) => Number(row.trim().split(' ')[0]));
	all.forEach((n, i) => assert.equal(n, all[0] + i, 'a row for every ledger'));
});

await test('what is no server: unreachable, with a reason', 20, async () => {
	const odd = http.createServer((request, response) => response.end('<html>'));
	await new Promise((resolve) => odd.listen(oddPort, '127.0.0.1', resolve));
	// In another process than this one, or nobody answers.
	const said = await new Promise((resolve) => {
		const child = spawn(program, ['--url', `http://127.0.0.1:${oddPort}/`, 'peers']);
		let text = '';
		child.stderr.on('data', (part) => (text += part));
		child.on('close', (code) => resolve({ code, text }));
	});
	odd.close();
	assert.equal(said.code, UNREACHABLE);
	assert.match(said.text, /no JSON-RPC reply: <html>/);
	const dead = { server: `http://127.0.0.1:${deadPort}/` };
	for (const args of [
		['account', GENESIS],
		['history', GENESIS],
		['tx', '0'.repeat(64)],
		['ledger'],
		['peers'],
		['accept'],
		['rpc', 'ping'],
		['pay', GENESIS, '1', '--seed-file', alice.file],
	]) {
		const { err } = exits(UNREACHABLE, args, /connect/, dead);
		assert.equal(err.trim().split('\n').length, 1, err);
	}
	exits(UNREACHABLE, ['--url', 'ftp://127.0.0.1/', 'peers'], /ftp/);
	exits(OK, ['--url', url, 'status'], /full/, dead);
});

let before; // balances when the server ends

await test('verify and migrate', 30, async () => {
	const balance = (address) => json(['account', address]).account_data.Balance;
	before = { alice: balance(alice.address), master: balance(GENESIS) };
	assert.equal(await stop([node]), 0);
	const data = file('data');
	exits(OK, ['verify', data], /sound/);
	const report = json(['verify', data]);
	assert.equal(report.sound, true);
	assert.match(report.report.ledgers, /^1 to \d+|^2 to \d+/);
	exits(OK, ['migrate', data], /schema \d/);
	assert.equal(json(['migrate', data]).data_folder, data);
	exits(FAILED, ['verify', file('absent')], /absent/);
	exits(FAILED, ['migrate', file('absent')], /absent/);
	exits(USAGE, ['verify'], /missing/);

	// Damage in the middle of a copy, where rows are.
	fs.cpSync(data, file('damaged'), { recursive: true });
	const mdb = file('damaged/data/data.mdb');
	const bytes = fs.readFileSync(mdb);
	for (let page = 2; page * 4096 < bytes.length; page++)
		if (bytes.readUInt16LE(page * 4096 + 10) === 2) bytes[page * 4096 + 4000] ^= 0xff;
	fs.writeFileSync(mdb, bytes);
	exits(FAILED, ['verify', file('damaged')], /\S/);
});

await test('export, inspect and import a ledger', 30, async () => {
	const made = json(['export', file('data'), file('ledger')]);
	assert.ok(made.ledger_index > 2 && made.entries > 3);
	assert.equal(fs.statSync(file('ledger')).size, made.bytes);
	assert.deepEqual(json(['inspect', file('ledger')]), made);
	exits(OK, ['inspect', file('ledger')], new RegExp(`^ledger +${made.ledger_index} `, 'm'));
	const older = json(['export', file('data'), file('older'), '--ledger', 2]);
	assert.equal(older.ledger_index, 2);
	exits(FAILED, ['export', file('data'), file('ledger')], /there already/);
	exits(FAILED, ['export', file('data'), file('none'), '--ledger', 9999999], /not here/);
	exits(FAILED, ['export', file('absent'), file('none')], /absent/);
	exits(USAGE, ['export', file('data'), file('none'), '--ledger', 'x'], /no ledger index/);
	exits(USAGE, ['export', file('data')], /missing/);
	exits(FAILED, ['inspect', file('master')], /no snapshot/);

	const hash = ['--ledger', made.ledger_hash];
	exits(FAILED, ['import', file('ledger'), file('new'), '--ledger', '0'.repeat(64)], /not 0/);
	exits(USAGE, ['import', file('ledger'), file('new'), '--ledger', '12'], /no ledger hash/);
	assert.equal(json(['import', file('ledger'), file('new'), ...hash]).entries, made.entries);
	exits(OK, ['verify', file('new')], /sound/);
	exits(FAILED, ['import', file('ledger'), file('new')], /already/);
});

await test('a new network begins with the state of another one', 60, async () => {
	const id = 40404;
	const from = ['genesis', '--from', file('ledger'), '--network-id', id];
	const made = json([...from, '--out', file('g5')]);
	const again = json([...from, '--out', file('g6')]);
	assert.equal(made.ledger_hash, again.ledger_hash);
	const text = fs.readFileSync(file('g5'), 'utf8');
	assert.equal(text, fs.readFileSync(file('g6'), 'utf8'));
	assert.match(text, /^network_id = 40404$/m);
	assert.match(text, /^# the state of ledger \d+ [0-9A-F]{64} of network 0$/m);
	assert.doesNotMatch(text, /^account/m);
	const other = ['genesis', '--from', file('ledger'), '--out', file('g7'), '--network-id'];
	exits(USAGE, [...other, '1024'], /--network-id 1025/);
	exits(USAGE, [...other, id, '--accounts', 3], /--accounts/);
	exits(FAILED, ['genesis', '--from', file('master'), ...other.slice(3), id], /no snapshot/);
	assert.ok(!fs.existsSync(file('g7')));

	const balance = (address, server) =>
		json(['account', address], { server }).account_data.Balance;
	const net = new Network(scratch('cli-genesis'));
	keepTrack(net);
	await net.create({ count: 1, networkId: id });
	fs.copyFileSync(file('g5'), path.join(net.dir, 'genesis'));
	const [validator] = net.nodes;
	net.startNode(validator);
	const server = net.httpUrl(validator);
	const info = async () => (await rpc(server, 'server_info', {}, 1000)).info;
	await until('it validates', seconds(30), async () => {
		return (await info().catch(() => undefined))?.validated_ledger?.seq > 2;
	});
	const first = await rpc(server, 'ledger', { ledger_index: 1 });
	assert.equal(first.ledger_hash, made.ledger_hash);
	assert.equal(balance(alice.address, server), before.alice);
	const args = ['pay', GENESIS, '7', '--seed-file', alice.file];
	assert.match(exits(OK, args, null, { server }).out, /tesSUCCESS/);
	assert.ok(BigInt(balance(GENESIS, server)) === BigInt(before.master) + 7_000_000n);
	await net.stop();

	const data = path.join(net.nodeDir(validator), 'data');
	const same = path.join(net.dir, 'ledger');
	json(['export', data, same]);
	const back = ['genesis', '--from', same, '--out', file('g8'), '--network-id'];
	exits(FAILED, [...back, id], /another id/);
	exits(OK, [...back, id + 1]);
	// the same id and the genesis of before: another network nonetheless
	const text0 = fs.readFileSync(file('g8'), 'utf8');
	fs.writeFileSync(path.join(net.dir, 'genesis'), text0.replace(`= ${id + 1}`, `= ${id}`));
	net.startNode(validator);
	await until('it refuses', seconds(20), () => !net.running(validator), 20);
	const said = fs.readFileSync(path.join(net.nodeDir(validator), 'output'), 'utf8');
	assert.match(said, /a network with another genesis/);
});

// before --help, which succeeds for all; payout.mjs has the two
const tried = new Set([...used, 'payout', 'refund']);

await test('--help of everything, --version, and no command untested', 10, async () => {
	const table = fs.readFileSync(path.join(ROOT, 'tools/tally/commands.def'), 'utf8');
	const names = [...table.matchAll(/^C\("([^"]+)"/gm)].map((m) => m[1]);
	assert.ok(names.length >= 19);
	const help = exits(OK, ['--help']).out;
	for (const name of names) {
		assert.match(help, new RegExp(`^  ${name} `, 'm'));
		exits(OK, [name, '--help'], new RegExp(`^tally ${name}`));
		exits(OK, [name, 'x', '-h'], new RegExp(`^tally ${name}`));
	}
	for (const code of [0, 1, 2, 3, 4, 5, 6, 64]) assert.match(help, new RegExp(`\\b${code} `));
	assert.match(exits(OK, ['--version']).out, /^tally \d+\.\d+\.\d+/);
	assert.deepEqual(
		names.filter((name) => !tried.has(name)),
		[],
	);
});

await stop(started);
await finish();
