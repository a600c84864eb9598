// SPDX-License-Identifier: ISC
// A second client, plain HTTP JSON-RPC over fetch: nothing of the stock client in it.
import fs from 'node:fs';

export class RpcError extends Error {
	constructor(method, result) {
		super(`${method}: ${result.error} ${result.error_message ?? ''}`);
		this.error = result.error;
		this.result = result;
	}
}

// Slow builds of the servers get this many times the time.
const SLOW = Number(process.env.TALLY_SLOW ?? 1);

// A URL that rpc() shows the token of an admin listener to; xrpl.js and ws take such URLs as well.
export function withToken(url, file) {
	const to = new URL(url);
	to.username = 'admin';
	to.password = fs.readFileSync(file, 'utf8').trim();
	return to.href;
}

// fetch() takes no URL with a password in it.
export function target(url) {
	const to = new URL(url);
	const who = `${to.username}:${to.password}`;
	to.username = to.password = '';
	const headers = { 'Content-Type': 'application/json' };
	if (who !== ':') headers.Authorization = `Basic ${Buffer.from(who).toString('base64')}`;
	return { url: to.href, headers };
}

// The `result` object of a method. Throws RpcError for an error answer, and whatever fetch throws
// when nobody answers in time.
export async function rpc(url, method, params = {}, timeoutMs = 5000) {
	const to = target(url);
	const response = await fetch(to.url, {
		method: 'POST',
		headers: to.headers,
		body: JSON.stringify({ method, params: [params] }),
		signal: AbortSignal.timeout(timeoutMs * SLOW),
	});
	const text = await response.text();
	if (!response.ok)
		throw new Error(`${method}: HTTP ${response.status} ${text.slice(0, 200)}`);
	const { result } = JSON.parse(text);
	if (result.status === 'error' || result.error) throw new RpcError(method, result);
	return result;
}

// The same, but undefined when the node does not answer or answers with an error.
export async function rpcOr(url, method, params = {}, timeoutMs = 2000) {
	try {
		return await rpc(url, method, params, timeoutMs);
	} catch {
		return undefined;
	}
}

// What /health of a listener says, and with which code.
export async function health(url, timeoutMs = 3000) {
	const to = target(url);
	const answer = await fetch(`${to.url}health`, {
		headers: to.headers,
		signal: AbortSignal.timeout(timeoutMs * SLOW),
	});
	return { code: answer.status, ...(await answer.json()) };
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// An error after which waiting longer is of no use.
export class Fatal extends Error {}

// Calls `probe` until it yields something true; throws after ms, naming what was waited for. Any
// other error of the probe but Fatal counts as "not yet".
export async function until(what, ms, probe, everyMs = 100) {
	const end = Date.now() + ms;
	let last;
	for (;;) {
		try {
			const value = await probe();
			if (value) return value;
		} catch (error) {
			if (error instanceof Fatal) throw error;
			last = error;
		}
		if (Date.now() >= end)
			throw new Fatal(
				`not within ${ms} ms: ${what}` + (last ? ` (${last.message})` : ''),
			);
		await sleep(everyMs);
	}
}
