// SPDX-License-Identifier: ISC
// The faucet of a test network, with the answers that the stock client's fundWallet expects:
//
//     POST /accounts {"destination"?, "xrpAmount"?, "userAgent"?}
//       -> {"account": {"xAddress", "classicAddress", "address", "secret"?},
//           "amount", "transactionHash"}
//     GET /          -> {"address", "pending", "next_sequence"}
//
// Payments are signed one after the other with sequences counted here, so that any number of
// requests may come at once. Each is sent again until it is validated; one that expired is signed
// anew under the same sequence, so that no gap stops those behind it.
//
// faucet.mjs --dir FOLDER: network.json and faucet.json of that folder say all the rest.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { xrpl } from './clients.mjs';
import { rpc, sleep } from './rpc.mjs';

const DEFAULT_XRP = 100;
const MAX_XRP = 1_000_000;
const PENDING_MAX = 2000;
const BODY_MAX = 10_000;
const LEDGERS_TO_LIVE = 20;
const FEE_DROPS = '20';

export class BadRequest extends Error {}

// Reads and judges the body of a request: { address, tag, drops, wallet }.
export function readRequest(text) {
	let body;
	try {
		body = text.trim() === '' ? {} : JSON.parse(text);
	} catch {
		throw new BadRequest('the body is not JSON');
	}
	if (typeof body !== 'object' || body === null || Array.isArray(body))
		throw new BadRequest('the body is not an object');
	const xrp = Number(body.xrpAmount ?? DEFAULT_XRP);
	if (
		!(xrp > 0 && xrp <= MAX_XRP) ||
		!/^\d+(\.\d{1,6})?$/.test(String(body.xrpAmount ?? DEFAULT_XRP))
	)
		throw new BadRequest(`xrpAmount: more than 0, at most ${MAX_XRP}, six decimals`);
	const drops = xrpl.xrpToDrops(String(body.xrpAmount ?? DEFAULT_XRP));
	if (body.destination === undefined) {
		const wallet = xrpl.Wallet.generate();
		return { address: wallet.classicAddress, drops, xrp, wallet };
	}
	const destination = String(body.destination);
	if (xrpl.isValidClassicAddress(destination)) return { address: destination, drops, xrp };
	if (!xrpl.isValidXAddress(destination)) throw new BadRequest('destination: not an address');
	const { classicAddress, tag } = xrpl.xAddressToClassicAddress(destination);
	return { address: classicAddress, tag: tag === false ? undefined : tag, drops, xrp };
}

// What the client is told. The secret is there only for a wallet made here.
export function makeAnswer(request, hash) {
	const account = {
		xAddress: xrpl.classicAddressToXAddress(
			request.address,
			request.tag ?? false,
			true,
		),
		classicAddress: request.address,
		address: request.address,
	};
	if (request.wallet) account.secret = request.wallet.seed;
	return { account, amount: request.xrp, transactionHash: hash };
}

export class Faucet {
	#line = Promise.resolve();
	#next;
	#pending = new Map(); // sequence -> { tx, blob, hash, last }

	constructor({ seed, urls, networkId }) {
		this.wallet = xrpl.Wallet.fromSeed(seed);
		this.urls = urls;
		this.networkId = networkId;
	}

	status() {
		return {
			address: this.wallet.classicAddress,
			pending: this.#pending.size,
			next_sequence: this.#next ?? null,
		};
	}

	// The first answer of any node, the last one that answered first.
	async #ask(method, params) {
		let failure;
		for (let i = 0; i < this.urls.length; i++) {
			try {
				return await rpc(this.urls[0], method, params, 3000);
			} catch (error) {
				if (error.result) throw error;
				failure = error;
				this.urls.push(this.urls.shift());
			}
		}
		throw failure;
	}

	async #sequence(ledger) {
		const answer = await this.#ask('account_info', {
			account: this.wallet.classicAddress,
			ledger_index: ledger,
		});
		return answer.account_data.Sequence;
	}

	async #validated() {
		return (await this.#ask('ledger', { ledger_index: 'validated' })).ledger_index;
	}

	#sign(sequence, request, last) {
		const tx = {
			TransactionType: 'Payment',
			Account: this.wallet.classicAddress,
			Destination: request.address,
			Amount: request.drops,
			Fee: FEE_DROPS,
			Flags: 0,
			Sequence: sequence,
			LastLedgerSequence: last,
		};
		if (request.tag !== undefined) tx.DestinationTag = request.tag;
		if (this.networkId > 1024) tx.NetworkID = this.networkId;
		const { tx_blob: blob, hash } = this.wallet.sign(tx);
		return { request, blob, hash, last };
	}

	async #send(sequence, request) {
		const entry = this.#sign(
			sequence,
			request,
			(await this.#validated()) + LEDGERS_TO_LIVE,
		);
		const answer = await this.#ask('submit', { tx_blob: entry.blob });
		return {
			entry,
			result: answer.engine_result,
			message: answer.engine_result_message,
		};
	}

	// One payment, sent and preliminarily accepted: its hash.
	async #payNow(request) {
		for (let attempt = 0; attempt < 20; attempt++) {
			this.#next ??= await this.#sequence('current');
			const { entry, result, message } = await this.#send(this.#next, request);
			if (result === 'tesSUCCESS' || result === 'terQUEUED') {
				this.#pending.set(this.#next++, entry);
				return entry.hash;
			}
			if (result === 'tefPAST_SEQ' || result === 'terPRE_SEQ') {
				await this.#mend(false);
				this.#next = undefined;
			} else if (!/^(tel|ter|tefMAX_LEDGER)/.test(result)) {
				throw new BadRequest(`${result}: ${message}`);
			}
			await sleep(250);
		}
		throw new Error('the network is too busy');
	}

	// Queued behind the payments that came before.
	pay(request) {
		if (this.#pending.size >= PENDING_MAX)
			return Promise.reject(new Error('too many payments are pending'));
		const done = this.#line.then(() => this.#payNow(request));
		this.#line = done.catch(() => {});
		return done;
	}

	// Forgets what is validated, sends the rest again, signs anew what has expired.
	async #mend(all = true) {
		const first = await this.#sequence('validated');
		const ledger = await this.#validated();
		for (const sequence of [...this.#pending.keys()].sort((a, b) => a - b)) {
			const entry = this.#pending.get(sequence);
			if (sequence < first) {
				this.#pending.delete(sequence);
			} else if (ledger > entry.last) {
				console.log(`signing payment ${sequence} anew`);
				this.#pending.set(
					sequence,
					(await this.#send(sequence, entry.request)).entry,
				);
			} else if (all) {
				await this.#ask('submit', { tx_blob: entry.blob });
			}
		}
	}

	// Every few seconds, in line with the payments.
	async keep() {
		for (;;) {
			await sleep(4000);
			if (this.#pending.size > 0) {
				this.#line = this.#line
					.then(() => this.#mend())
					.catch((error) => {
						console.log(`pending payments: ${error.message}`);
					});
				await this.#line;
			}
		}
	}
}

function readBody(request) {
	return new Promise((resolve, reject) => {
		let text = '';
		request.setEncoding('utf8');
		request.on('data', (part) => {
			text += part;
			if (text.length > BODY_MAX) reject(new BadRequest('the body is too long'));
		});
		request.on('end', () => resolve(text));
		request.on('error', reject);
	});
}

async function answer(faucet, request) {
	const where = new URL(request.url, 'http://faucet').pathname;
	if (request.method === 'GET' && where === '/') return [200, faucet.status()];
	if (where !== '/accounts') return [404, { error: 'not found', message: 'POST /accounts' }];
	if (request.method !== 'POST')
		return [405, { error: 'method not allowed', message: 'POST /accounts' }];
	const wish = readRequest(await readBody(request));
	return [200, makeAnswer(wish, await faucet.pay(wish))];
}

export function serve(faucet, port) {
	const server = http.createServer(async (request, response) => {
		let code, body;
		try {
			[code, body] = await answer(faucet, request);
		} catch (error) {
			code = error instanceof BadRequest ? 400 : 503;
			body = {
				error: code === 400 ? 'bad request' : 'unavailable',
				message: error.message,
			};
			console.log(`${code} ${error.message}`);
		}
		response.writeHead(code, {
			'Content-Type': 'application/json; charset=utf-8',
			'Access-Control-Allow-Origin': '*',
		});
		response.end(JSON.stringify(body) + '\n');
	});
	server.requestTimeout = 15000;
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => resolve(server));
	});
}

async function main() {
	const dir = process.argv[process.argv.indexOf('--dir') + 1];
	const network = JSON.parse(fs.readFileSync(path.join(dir, 'network.json'), 'utf8'));
	const { seed } = JSON.parse(fs.readFileSync(path.join(dir, 'faucet.json'), 'utf8'));
	const urls = network.nodes.map((node) => `http://127.0.0.1:${node.ports.http}/`);
	const faucet = new Faucet({ seed, urls, networkId: network.network_id });
	await serve(faucet, network.faucet.port);
	console.log(`paying from ${faucet.wallet.classicAddress}`);
	process.on('SIGTERM', () => process.exit(0));
	await faucet.keep();
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
	await main();
