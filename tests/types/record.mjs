// SPDX-License-Identifier: ISC
// Asks real nodes everything in calls.mjs and keeps the answers as they came:
//   { method, version, transport, request, answer }        of a call
//   { method: 'stream:<type>', version, transport, answer } of a stream
import fs from 'node:fs';
import path from 'node:path';
import { WebSocket, codec, xrpl } from '../../tools/js/clients.mjs';
import { Network, binaries, scratch } from '../../tools/js/network.mjs';
import { alive, freePorts, signal, start } from '../../tools/js/processes.mjs';
import { rpc, rpcOr, sleep, target, until } from '../../tools/js/rpc.mjs';
import { calls, streams } from './calls.mjs';
import { USD, enrich, people } from './world.mjs';

// Requests and answers matched by order of their ids; everything else that comes is a stream's.
export class Socket {
	#next = 1;
	#waiting = new Map();
	messages = [];

	constructor(url) {
		this.ws = new WebSocket(url);
		this.ws.on('message', (data) => this.#heard(JSON.parse(data)));
	}

	async open() {
		if (this.ws.readyState === WebSocket.OPEN) return this;
		await new Promise((resolve, reject) => {
			this.ws.once('open', resolve);
			this.ws.once('error', reject);
		});
		return this;
	}

	#heard(message) {
		const done = this.#waiting.get(message.id);
		if (!done) {
			this.messages.push(message);
			return;
		}
		this.#waiting.delete(message.id);
		done(message);
	}

	ask(request, patienceMs = 10000) {
		const id = this.#next++;
		const answer = new Promise((resolve, reject) => {
			const late = setTimeout(
				() => reject(new Error(`no answer to ${JSON.stringify(request)}`)),
				patienceMs * Number(process.env.TALLY_SLOW ?? 1),
			);
			this.#waiting.set(id, (message) => {
				clearTimeout(late);
				resolve(message);
			});
		});
		this.ws.send(JSON.stringify({ id, ...request }));
		return answer;
	}

	close() {
		this.ws.close();
	}
}

export async function post(url, body, headers = {}) {
	const to = target(url);
	const response = await fetch(to.url, {
		method: 'POST',
		headers: { ...to.headers, ...headers },
		body: typeof body === 'string' ? body : JSON.stringify(body),
		signal: AbortSignal.timeout(10000 * Number(process.env.TALLY_SLOW ?? 1)),
	});
	const text = await response.text();
	return { status: response.status, headers: response.headers, text };
}

// The network, the node alone, and what requests name.
export class Stage {
	async up() {
		this.net = new Network(scratch('types'));
		await this.net.create({ count: 1 });
		this.names = {
			...enrich(path.join(this.net.dir, 'genesis')),
			usd: USD,
			seed: people.alice.seed,
			bob_seed: people.bob.seed,
			public_key: people.alice.publicKey,
			reserved: 'n94a1u4jAz288pZLtw6yFWVbi89YamiC6JBXPVUj5zmExe5fTVg9',
		};
		this.validator = this.net.nodes[0];
		this.names.validator = this.validator.public_key;
		await this.net.start();
		await this.#alone();
		await this.net.join(); // a peer
		await this.net.validated(3, 20000 * Number(process.env.TALLY_SLOW ?? 1));
	}

	async #alone() {
		const [http, ws] = await freePorts(2);
		this.dir = scratch('types-alone');
		fs.mkdirSync(this.dir, { recursive: true });
		this.alone = start(
			path.join(binaries(), 'tallyd'),
			['--standalone', '--http', String(http), '--ws', String(ws)],
			path.join(this.dir, 'output'),
		);
		this.aloneHttp = `http://127.0.0.1:${http}/`;
		this.aloneWs = `ws://127.0.0.1:${ws}/`;
		await until(
			'the node alone answers',
			5000,
			() => rpcOr(this.aloneHttp, 'ping'),
			20,
		);
	}

	get http() {
		return this.net.httpUrl(this.validator);
	}
	get admin() {
		return this.net.adminUrl(this.validator);
	}
	url(transport, { admin, standalone } = {}) {
		const http = standalone ? this.aloneHttp : admin ? this.admin : this.http;
		const ws = standalone ? this.aloneWs : http.replace(/^http/, 'ws');
		return transport === 'ws' ? ws : http;
	}

	// The node alone; the network is the harness's.
	async down() {
		signal(this.alone, 'SIGKILL');
		await until('it ends', 5000, () => !alive(this.alone), 20);
		fs.rmSync(this.dir, { recursive: true, force: true });
	}
}

const payment = (from, to, sequence, more = {}) => ({
	TransactionType: 'Payment',
	Account: from.classicAddress,
	Destination: to.classicAddress,
	Amount: '1000000',
	Fee: '10',
	Sequence: sequence,
	NetworkID: 21337,
	...more,
});

// What an account does with its keys, tickets and deposits, in one ledger: the hashes by name.
async function change(stage) {
	const { alice, bob, carol } = people;
	const list = [alice, bob].map((one) => ({
		SignerEntry: { Account: one.classicAddress, SignerWeight: 1 },
	}));
	const all = {
		regular_key: { TransactionType: 'SetRegularKey', RegularKey: bob.classicAddress },
		tickets: { TransactionType: 'TicketCreate', TicketCount: 3, Sequence: 2 },
		signers: {
			TransactionType: 'SignerListSet',
			SignerQuorum: 2,
			SignerEntries: list,
			Sequence: 6,
		},
		preauth: {
			TransactionType: 'DepositPreauth',
			Authorize: alice.classicAddress,
			Sequence: 7,
		},
		ticketed: { TransactionType: 'AccountSet', Sequence: 0, TicketSequence: 3 },
	};
	for (const [name, tx] of Object.entries(all)) {
		const more = { Account: carol.classicAddress, Fee: '10', NetworkID: 21337 };
		const signed = carol.sign({ Sequence: 1, ...tx, ...more });
		const sent = await rpc(stage.http, 'submit', { tx_blob: signed.tx_blob });
		if (sent.engine_result !== 'tesSUCCESS')
			throw new Error(sent.engine_result_message);
		stage.names[name] = signed.hash;
	}
}

// A payment in a ledger, another that will be sent, and one that comes too late.
async function pay(stage) {
	const { alice, bob } = people;
	const { names } = stage;
	const memo = { Memos: [{ Memo: { MemoData: 'ABCD' } }], DestinationTag: 7 };
	await change(stage);
	const first = alice.sign(payment(alice, bob, 1, memo));
	const sent = await rpc(stage.http, 'submit', { tx_blob: first.tx_blob });
	if (sent.engine_result !== 'tesSUCCESS') throw new Error(sent.engine_result_message);
	names.blob = alice.sign(payment(alice, bob, 2)).tx_blob;
	names.late = alice.sign(payment(alice, bob, 3, { LastLedgerSequence: 2 })).tx_blob;
	const { Fee, Sequence, ...unsigned } = payment(alice, bob, 0);
	names.unsigned = unsigned;
	names.nobody = xrpl.Wallet.generate().classicAddress;
	names.payer = alice.classicAddress;
	names.hash = first.hash;
	const many = { ...payment(alice, bob, 2), Fee: '30', SigningPubKey: '' };
	names.multisigned = codec.decode(bob.sign(many, bob.classicAddress).tx_blob);
	names.claim = xrpl.signPaymentChannelClaim(names.channel, '0.001', alice.privateKey);
	const there = await until(
		'the payment is in a ledger',
		20000 * Number(process.env.TALLY_SLOW ?? 1),
		async () => {
			const last = await rpcOr(stage.http, 'tx', { transaction: names.ticketed });
			const tx = await rpcOr(stage.http, 'tx', { transaction: first.hash });
			return last?.validated && tx?.validated && tx;
		},
		50,
	);
	names.ledger = there.ledger_index;
	names.ctid = there.ctid ?? 'C000000300005359';
	names.definitions = (await rpc(stage.http, 'server_definitions')).hash;
}

async function subscribe(socket, version, to) {
	const answer = await socket.ask({ command: 'subscribe', api_version: version, ...to });
	if (answer.status !== 'success')
		socket.messages.push({ type: `refused ${JSON.stringify(to)}`, answer });
}

async function follow(stage) {
	const following = [];
	for (const version of [1, 2])
		for (const [admin, list] of [
			[false, streams.user],
			[true, streams.admin],
		]) {
			const socket = await new Socket(stage.url('ws', { admin })).open();
			following.push({ socket, version });
			for (const stream of list)
				await subscribe(socket, version, { streams: [stream] });
		}
	return following;
}

async function askAll(stage, records) {
	const sockets = new Map();
	const open = async (url) => {
		if (!sockets.has(url)) sockets.set(url, await new Socket(url).open());
		return sockets.get(url);
	};
	for (const [method, given, options = {}] of calls) {
		const request = typeof given === 'function' ? given(stage.names) : given;
		for (const version of options.versions ?? [1, 2])
			for (const transport of options.only ? [options.only] : ['ws', 'http']) {
				const url = stage.url(transport, options);
				const asked = { ...request, api_version: version };
				let answer;
				if (transport === 'ws')
					answer = await (
						await open(url)
					).ask({ command: method, ...asked });
				else
					answer = JSON.parse(
						(await post(url, { method, params: [asked] })).text,
					);
				records.push({
					method,
					version,
					transport,
					request: asked,
					answer,
					as: options.as,
					fails: options.fails,
				});
			}
	}
	for (const socket of sockets.values()) socket.close();
}

// What came over the connections that follow, one message of each form.
function heard(following) {
	const seen = new Set();
	const records = [];
	for (const { socket, version } of following)
		for (const answer of socket.messages) {
			const form = `${answer.type} ${version} ${Object.keys(answer).sort()}`;
			if (seen.has(form)) continue;
			seen.add(form);
			records.push({
				method: `stream:${answer.type}`,
				version,
				transport: 'ws',
				answer,
			});
		}
	return records;
}

// The history of the one who pays, once he has.
async function followHistory(stage, following) {
	for (const version of [1, 2]) {
		const socket = await new Socket(stage.url('ws')).open();
		following.push({ socket, version });
		const account = stage.names.payer;
		await subscribe(socket, version, { account_history_tx_stream: { account } });
	}
}

// The kinds of message that have not come to connections of both versions.
function unheard(following) {
	const came = new Set();
	for (const { socket, version } of following)
		for (const { type, status } of socket.messages)
			came.add(
				`${type === 'transaction' ? `${type} ${status}` : type} ${version}`,
			);
	return [1, 2]
		.flatMap((version) => streams.expected.map((kind) => `${kind} ${version}`))
		.filter((kind) => !came.has(kind));
}

// { records, missing: kinds of message of streams that have not come }
export async function record(stage) {
	const records = [];
	const following = await follow(stage);
	await pay(stage);
	await followHistory(stage, following);
	await askAll(stage, records);
	const end = Date.now() + 10000 * Number(process.env.TALLY_SLOW ?? 1);
	let missing;
	do {
		await sleep(50);
		missing = unheard(following);
	} while (missing.length > 0 && Date.now() < end);
	records.push(...heard(following));
	for (const { socket } of following) socket.close();
	return { records, missing };
}
