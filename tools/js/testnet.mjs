// SPDX-License-Identifier: ISC
// The commands of tools/testnet, after set-up and build.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Network, NETWORK_ID, ROOT } from './network.mjs';
import { Fatal, sleep, until } from './rpc.mjs';
import { Screen, render } from './table.mjs';

const USAGE = `usage: tools/testnet [COMMAND] [OPTION ...]

commands
  up        start the network (the default); again: start what does not run, on the same chain
  status    the table; --watch: live; --json: for programs
  down      end what up and join have started
  join      add a node that follows without validating
  reset     down, and delete the chain

options
  -n, --nodes N        validators of a new network (5)
  --dir FOLDER         where it lives (TESTNET_DIR, else ./testnet)
  --network-id ID      of a new network (${NETWORK_ID})
  --accounts N         test accounts in the genesis of a new network (0)
  --history N|full     ledgers that nodes keep: of a new network, or of the node that joins
  --timeout SECONDS    until ledgers validate (60)
`;

const OPTIONS = {
	nodes: { type: 'string', short: 'n' },
	dir: { type: 'string' },
	'network-id': { type: 'string' },
	accounts: { type: 'string' },
	history: { type: 'string' },
	timeout: { type: 'string', default: '60' },
	json: { type: 'boolean', default: false },
	watch: { type: 'boolean', short: 'w', default: false },
	help: { type: 'boolean', short: 'h', default: false },
};

class Usage extends Error {}

function number(values, name, least, most, otherwise) {
	if (values[name] === undefined) return otherwise;
	const n = Number(values[name]);
	if (!Number.isInteger(n) || n < least || n > most)
		throw new Usage(`--${name}: a number from ${least} to ${most}`);
	return n;
}

function nodeConfig(values) {
	return values.history === undefined ? {} : { node: { history: values.history } };
}

async function draw(network, screen, lasting) {
	screen.draw(render(network, await network.survey()), lasting);
}

const here = (file) => path.relative('', file);

function addresses(network) {
	const first = network.nodes[0];
	const { port } = new URL(network.faucetUrl);
	return [
		'',
		`JSON-RPC   ${network.httpUrl(first)}   (and one for each node, see the table)`,
		`WebSocket  ${network.wsUrl(first)}`,
		`faucet     ${network.faucetUrl}/accounts`,
		`admin      out/release/tally --config ${here(network.configFile(first))} info`,
		`           its port wants the token in ${here(network.adminTokenFile(first))}`,
		`network id ${network.state.network_id}`,
		'',
		"client.fundWallet(null, { faucetProtocol: 'http',",
		`                          faucetHost: '127.0.0.1:${port}' })`,
	];
}

// Until all nodes have validated a ledger that they made after the start: of a new chain the third
// (the first two come with the genesis), of an older one the next after what the disks held.
async function firstLedgers(network, fresh, timeoutMs, look) {
	let wanted = fresh ? 3 : undefined;
	return until(
		'every node validates ledgers',
		timeoutMs,
		async () => {
			for (const node of network.nodes)
				if (!network.running(node))
					throw new Fatal(`${node.name}: ${network.lastWords(node)}`);
			const now = await network.survey();
			look(now);
			if (now.rows.some((r) => r.seq === undefined)) return undefined;
			wanted ??= now.common + 1;
			return now.agreed && now.common >= wanted ? now : undefined;
		},
		200,
	);
}

async function up(network, values) {
	const count = number(values, 'nodes', 1, 50);
	const timeoutMs = 1000 * number(values, 'timeout', 1, 3600);
	const config = nodeConfig(values);
	const began = Date.now();
	const fresh = !network.exists;
	if (!fresh) {
		const has = network.nodes.filter((n) => n.role === 'validator').length;
		if (count !== undefined && count !== has)
			throw new Usage(`${network.dir} has ${has} validators; reset it first`);
	} else {
		await network.create({
			count: count ?? 5,
			networkId: number(values, 'network-id', 0, 0xffffffff, NETWORK_ID),
			accounts: number(values, 'accounts', 0, 10_000_000, 0),
			config,
		});
	}
	const screen = new Screen();
	await network.start();
	const survey = await firstLedgers(network, fresh, timeoutMs, (now) => {
		screen.draw(render(network, now));
	});
	await until('the faucet answers', 10000, () =>
		fetch(network.faucetUrl).then((response) => response.ok),
	);
	screen.draw(
		[
			...render(network, survey),
			...addresses(network),
			`ledgers validate after ${((Date.now() - began) / 1000).toFixed(1)} s`,
		],
		true,
	);
}

async function status(network, values) {
	if (values.json) {
		console.log(JSON.stringify(network.describe(), null, 2));
		return;
	}
	const screen = new Screen();
	await draw(network, screen, !values.watch);
	while (values.watch) {
		await sleep(1000);
		await draw(network, screen, false);
	}
}

async function down(network) {
	const killed = await network.stop();
	console.log(killed === 0 ? 'down' : `down; ${killed} did not end in time and were killed`);
	return killed === 0 ? 0 : 1;
}

async function join(network, values) {
	if (!network.nodes.some((n) => network.running(n)))
		throw new Fatal('the network is down; tools/testnet up');
	const began = Date.now();
	const node = await network.join(nodeConfig(values));
	const screen = new Screen();
	await until(
		`${node.name} follows`,
		1000 * number(values, 'timeout', 1, 3600),
		async () => {
			if (!network.running(node))
				throw new Fatal(`${node.name}: ${network.lastWords(node)}`);
			const now = await network.survey();
			screen.draw(render(network, now));
			const mine = now.rows.find((r) => r.node === node);
			const best = Math.max(...now.rows.map((r) => r.seq ?? 0));
			return mine.seq >= best - 1 && now.agreed;
		},
		200,
	);
	await draw(network, screen, true);
	console.log(
		`${node.name} follows after ${((Date.now() - began) / 1000).toFixed(1)} s: ` +
			network.httpUrl(node),
	);
}

async function reset(network) {
	await network.remove();
	console.log('deleted');
}

const COMMANDS = { up, status, down, join, reset };

async function main() {
	let parsed;
	try {
		parsed = parseArgs({ options: OPTIONS, allowPositionals: true });
	} catch (error) {
		throw new Usage(error.message);
	}
	const { values, positionals } = parsed;
	const command = positionals[0] ?? 'up';
	if (values.help) {
		console.log(USAGE);
		return 0;
	}
	if (!(command in COMMANDS) || positionals.length > 1)
		throw new Usage(`no command '${positionals.join(' ')}'`);
	const network = new Network(
		values.dir ?? process.env.TESTNET_DIR ?? path.join(ROOT, 'testnet'),
	);
	if (command !== 'up' && !network.exists) {
		if (command === 'down' || command === 'reset') {
			console.log('there is no network');
			return 0;
		}
		throw new Fatal(`there is no network in ${network.dir}; tools/testnet up`);
	}
	if (
		command === 'up' &&
		!network.exists &&
		fs.existsSync(network.dir) &&
		fs.readdirSync(network.dir).length > 0
	)
		throw new Fatal(`${network.dir} is not empty and no network`);
	return (await COMMANDS[command](network, values)) ?? 0;
}

try {
	process.exit(await main());
} catch (error) {
	console.error(`testnet: ${error.message}`);
	if (error instanceof Usage) console.error('testnet: see --help');
	process.exit(error instanceof Usage ? 2 : 1);
}
