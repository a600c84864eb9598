// SPDX-License-Identifier: ISC
// The operator's view: /livez, /health and /metrics of a network of five, read by the real promtool
// and a real Prometheus with the alert rules of configs/; every expression of the dashboard; a
// validator that stops, a quorum that is lost and comes back; and a node whose event loop hangs.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Network, ROOT, scratch } from '../../tools/js/network.mjs';
import { freePorts, signal, start } from '../../tools/js/processes.mjs';
import { health as healthOf, rpc, sleep, target, until } from '../../tools/js/rpc.mjs';
import { SLOW, finish, keepTrack, must, seconds, test } from './harness.mjs';
import { hang } from './hang.mjs';
import { families, read } from './exposition.mjs';

const PROMETHEUS = path.join(ROOT, 'out/prometheus/prometheus');
const PROMTOOL = path.join(ROOT, 'out/prometheus/promtool');
const CONFIGS = path.join(ROOT, 'configs');
const SCRAPED_S = 12; // before rates are looked at

const net = new Network(scratch('metrics'));
keepTrack(net);
const prom = { dir: path.join(net.dir, 'prometheus') };
let first; // the node that is asked
let stopped = [];

process.on('exit', () => {
	stopped.forEach((node) => signal(node.process, 'SIGCONT'));
	signal(prom.process, 'SIGKILL');
});

const metricsUrl = (node) => `http://127.0.0.1:${node.metricsPort}`;

async function get(url, options = {}) {
	const to = target(url);
	const answer = await fetch(to.url, {
		signal: AbortSignal.timeout(seconds(3)),
		...options,
		headers: to.headers,
	});
	return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const health = (node) => healthOf(`${metricsUrl(node)}/`);
const scrape = async (node) => read((await get(`${metricsUrl(node)}/metrics`)).text);

async function ask(what, params = {}) {
	const query = new URLSearchParams(params);
	const answer = await get(`http://127.0.0.1:${prom.port}/api/v1/${what}?${query}`);
	const body = JSON.parse(answer.text);
	if (body.status !== 'success') throw new Error(`${what} ${query}: ${body.error}`);
	return body.data;
}
const query = async (expr) => (await ask('query', { query: expr })).result;
const firing = async () =>
	(await ask('alerts')).alerts.filter((a) => a.state === 'firing').map((a) => a.labels);
const fires = (name, labels, within) =>
	until(`${name} ${JSON.stringify(labels)} fires`, seconds(within), async () =>
		(await firing()).some(
			(a) =>
				a.alertname === name &&
				Object.entries(labels).every(([k, v]) => a[k] === v),
		),
	);

// The example configuration and rules, in a hurry.
async function startPrometheus() {
	fs.mkdirSync(prom.dir, { recursive: true });
	const rules = fs.readFileSync(path.join(CONFIGS, 'prometheus/alerts.yml'), 'utf8');
	fs.writeFileSync(
		path.join(prom.dir, 'alerts.yml'),
		rules.replace(/^( +for:) \w+$/gm, '$1 1s'),
	);
	const example = fs.readFileSync(path.join(CONFIGS, 'prometheus/prometheus.yml'), 'utf8');
	const targets = net.nodes.map((n) => `127.0.0.1:${n.metricsPort}`);
	const config = example
		.replace(/_interval: 10s/g, '_interval: 1s')
		.replace('- 127.0.0.1:9464', `- ${targets.join('\n          - ')}`);
	assert.ok(config.includes(targets[4]));
	fs.writeFileSync(path.join(prom.dir, 'prometheus.yml'), config);
	[prom.port] = await freePorts(1);
	prom.process = start(
		PROMETHEUS,
		[
			`--config.file=${path.join(prom.dir, 'prometheus.yml')}`,
			`--storage.tsdb.path=${path.join(prom.dir, 'data')}`,
			`--web.listen-address=127.0.0.1:${prom.port}`,
			'--log.level=warn',
		],
		path.join(prom.dir, 'output'),
	);
	prom.began = Date.now();
	await until('Prometheus is ready', seconds(15), async () => {
		const answer = await get(`http://127.0.0.1:${prom.port}/-/ready`);
		return answer.status === 200;
	});
}

const hung = hang(); // beside all else: it mostly waits
hung.catch(() => {});

await must('the rules and their tests, as promtool sees them', 30, async () => {
	if (!fs.existsSync(PROMTOOL)) throw new Error('no promtool: run ./tools/setup tests');
	const cwd = path.join(CONFIGS, 'prometheus');
	const run = (...args) => execFileSync(PROMTOOL, args, { cwd, encoding: 'utf8' });
	run('check', 'config', 'prometheus.yml');
	run('check', 'rules', 'alerts.yml');
	run('test', 'rules', 'alerts_test.yml');
});

await must('five validators, and a Prometheus that scrapes them', 40, async () => {
	await net.create({ count: 5 });
	const ports = await freePorts(5);
	net.nodes.forEach((node, i) => {
		node.metricsPort = ports[i];
		node.config = { metrics: { listen: `127.0.0.1:${ports[i]}` } };
	});
	[first] = net.nodes;
	net.nodes[1].config.metrics.public = 'yes';
	await net.start();
	await startPrometheus();
	await net.validated(3, seconds(20));
	await until('all are healthy', seconds(20), async () =>
		(await Promise.all(net.nodes.map(health))).every((h) => h.code === 200),
	);
});

await test('who may ask what, and what strangers are told', 10, async () => {
	const open = net.httpUrl(first).slice(0, -1);
	const admin = net.adminUrl(first).slice(0, -1);
	const own = metricsUrl(first);
	for (const url of [open, admin, own]) {
		const live = await get(`${url}/livez`);
		assert.equal(live.status, 200);
		assert.equal(JSON.parse(live.text).live, true);
		const said = JSON.parse((await get(`${url}/health`)).text);
		assert.equal(said.status, 'healthy');
		assert.deepEqual(said.reasons, []);
		assert.equal('info' in said, url !== open);
		assert.equal(said.server_state, url === open ? 'full' : 'proposing');
		const head = await get(`${url}/health`, { method: 'HEAD' });
		assert.equal(head.status, 200);
		assert.equal(head.text, '');
		assert.ok(Number(head.headers.get('content-length')) > 20);
		assert.equal(head.headers.get('cache-control'), 'no-store');
		assert.equal((await get(`${url}/metrics`)).status, url === open ? 404 : 200);
		assert.equal((await get(`${url}/nothing`)).status, 404);
	}
	assert.equal(JSON.parse((await get(`${open}/livez`)).text).tick_ms, undefined);
	assert.equal((await get(`${net.httpUrl(net.nodes[1])}metrics`)).status, 200);
	const post = await get(`${own}/`, { method: 'POST', body: '{"method":"ping"}' });
	assert.ok(post.status >= 400, `${post.status}`);
});

await test('promtool and a strict reader are content; a scrape is quick', 20, async () => {
	for (let i = 0; i < 7; i++) await rpc(net.httpUrl(first), 'ping');
	await rpc(net.httpUrl(first), 'account_info', { account: 'nobody' }).catch(() => {});
	const answer = await get(`${metricsUrl(first)}/metrics`);
	assert.equal(
		answer.headers.get('content-type'),
		'text/plain; version=0.0.4; charset=utf-8',
	);
	const checked = spawnSync(PROMTOOL, ['check', 'metrics'], {
		input: answer.text,
		encoding: 'utf8',
	});
	assert.equal(checked.status, 0, checked.stdout + checked.stderr);
	assert.equal(checked.stdout + checked.stderr, '');
	const now = read(answer.text);
	const requests = 'tally_rpc_requests_total';
	assert.equal(now.get(`${requests}{method="ping",result="success"}`), 7);
	assert.equal(now.get(`${requests}{method="account_info",result="error"}`), 1);
	assert.equal(now.get('tally_rpc_request_seconds_count{method="ping"}'), 7);
	assert.equal(now.get('tally_unl_validators'), 5);
	assert.equal(now.get('tally_quorum'), 4);
	assert.equal(now.get('tally_server_state{state="proposing"}'), 1);
	assert.equal(
		now.get('tally_peers{direction="in"}') + now.get('tally_peers{direction="out"}'),
		4,
	);
	assert.ok(now.get('tally_consensus_rounds_total{result="agreed"}') > 0);
	assert.ok(now.get('tally_consensus_round_seconds_sum') > 1);
	assert.equal(
		now.get('tally_ledger_interval_seconds_count'),
		now.get('tally_ledgers_validated_total') - 1,
	);
	assert.ok(now.get('tally_job_seconds_count{kind="commit"}') > 0);
	assert.ok(now.get('tally_memory_resident_bytes') > 1e6);
	const cpu = ['user', 'system'].map((m) => now.get(`tally_cpu_seconds_total{mode="${m}"}`));
	assert.ok(cpu[0] + cpu[1] > 0);
	const page = fs.readFileSync(path.join(ROOT, 'docs/metrics.md'), 'utf8');
	const described = [...page.matchAll(/^\| `(tally_\w+)` \| (\w+) /gm)].map((m) => [
		m[1],
		m[2],
	]);
	assert.deepEqual([...families(answer.text)], described);
	const took = [];
	for (let i = 0; i < 20; i++)
		took.push((await scrape(first)).get('tally_scrape_seconds') * 1000);
	took.sort((a, b) => a - b);
	assert.ok(took[10] < 5 * SLOW, `median of ${took[10]} ms`);
	return `${now.size} series, ${answer.text.length} bytes, ${took[10].toFixed(2)} ms`;
});

await test('what is submitted here is counted here, what is validated everywhere', 20, async () => {
	const { address } = (await import('../../tools/js/clients.mjs')).xrpl.Wallet.generate();
	const answer = await get(`${net.faucetUrl}/accounts`, {
		method: 'POST',
		body: JSON.stringify({ destination: address }),
		signal: AbortSignal.timeout(seconds(15)),
	});
	assert.equal(answer.status, 200, answer.text);
	const sum = (all, name) => all.reduce((n, one) => n + one.get(name), 0);
	await until('all have counted it', seconds(10), async () => {
		const all = await Promise.all(net.nodes.map(scrape));
		assert.ok(sum(all, 'tally_submit_results_total{class="tes"}') >= 1);
		return all.every(
			(one) =>
				one.get('tally_transactions_total{event="validated"}') >= 1 &&
				one.get('tally_ledger_transactions_sum') >= 1,
		);
	});
});

await test('a validator stops: others count what it misses, an alert fires', 45, async () => {
	const last = net.nodes[4];
	const key = last.public_key;
	const missed = `tally_validator_ledgers_total{validator="${key}",outcome="missed"}`;
	const before = (await scrape(first)).get(missed);
	stopped = [last];
	signal(last.process, 'SIGSTOP');
	await fires('TallyDown', { instance: `127.0.0.1:${last.metricsPort}` }, 15);
	await until('it is missed', seconds(30), async () => {
		return (await scrape(first)).get(missed) > before;
	});
	const { info } = await rpc(net.adminUrl(first), 'status');
	const it = info.validators.find((v) => v.key === key);
	assert.ok(it.hour.missed > 0 && it.hour.agreement < 1);
	for (const other of info.validators.filter((v) => v !== it)) {
		assert.ok(other.hour.agreed > 0);
		assert.equal(other.hour.wrong, 0);
	}
	assert.equal((await get(`${metricsUrl(first)}/health`)).status, 200);
});

await test('every expression of the dashboard has an answer', 40, async () => {
	const dashboard = JSON.parse(
		fs.readFileSync(path.join(CONFIGS, 'grafana/tally.json'), 'utf8'),
	);
	const panels = dashboard.panels.filter((p) => p.type !== 'row');
	assert.equal(new Set(dashboard.panels.map((p) => p.id)).size, dashboard.panels.length);
	for (const row of [
		'Overview',
		'Ledgers and consensus',
		'Validators',
		'Peers',
		'Clients',
		'Storage',
	])
		assert.ok(
			dashboard.panels.some((p) => p.type === 'row' && p.title === row),
			row,
		);
	await sleep(Math.max(0, prom.began + seconds(SCRAPED_S) - Date.now()));
	let n = 0;
	for (const panel of panels) {
		const { x, w } = panel.gridPos;
		assert.ok(x + w <= 24 && panel.targets.length > 0, panel.title);
		for (const one of panel.targets) {
			const expr = one.expr
				.replaceAll('$__rate_interval', '10s')
				.replaceAll('$job', 'tally')
				.replaceAll('$instance', '.*');
			assert.ok(!expr.includes('$'), expr);
			const result = await query(expr);
			assert.ok(result.length > 0, `nothing for ${expr}`);
			n++;
		}
	}
	return `${n} of ${panels.length} panels`;
});

await test('every rule is evaluated, and what it looks at is there', 20, async () => {
	const { groups } = await ask('rules');
	const rules = groups.flatMap((g) => g.rules);
	// Only with validator lists, which this network does not have.
	const absent = new Set(['tally_validator_list_expiry_seconds']);
	for (const rule of rules) {
		assert.equal(rule.health, 'ok', `${rule.name}: ${rule.lastError}`);
		for (const [name] of rule.query.matchAll(/\btally_\w+/g))
			if (!absent.has(name))
				assert.ok((await query(name)).length > 0, `${rule.name}: ${name}`);
	}
	assert.ok(rules.length >= 30);
	return `${rules.length} rules`;
});

await test(
	'without a quorum /health says so within 3 s, and recovers within 15 s',
	75,
	async () => {
		const age = async () => (await health(first)).info.validated_ledger;
		const second = net.nodes[3];
		stopped.push(second);
		signal(second.process, 'SIGSTOP');
		await until('the ledger grows old', seconds(35), async () => (await age()) >= 15);
		let fresh = 0;
		let old;
		await until('it is said', seconds(12), async () => {
			const now = await health(first);
			if (now.info.validated_ledger < 20) fresh = Date.now();
			old = now;
			return now.code === 503 && now.reasons.includes('ledger_age');
		});
		const late = Date.now() - fresh;
		assert.ok(late < seconds(3), `${late} ms`);
		assert.equal(old.status, 'unhealthy');
		const stranger = await get(`${net.httpUrl(first)}health`);
		assert.equal(stranger.status, 503);
		assert.deepEqual(Object.keys(JSON.parse(stranger.text)), [
			'status',
			'server_state',
			'reasons',
			'warnings',
		]);
		assert.equal((await get(`${metricsUrl(first)}/livez`)).status, 200);
		const instance = `127.0.0.1:${first.metricsPort}`;
		await fires('TallyLedgerStale', { instance }, 10);
		await fires('TallyUnhealthy', { instance }, 10);
		const began = Date.now();
		stopped.forEach((node) => signal(node.process, 'SIGCONT'));
		await until('it is healthy again', seconds(15), async () => {
			return (await health(first)).code === 200;
		});
		const took = Date.now() - began;
		// Those that were stopped for long are not taken for hung.
		await until('so are they', seconds(30), async () =>
			(await Promise.all(stopped.map(health))).every((h) => h.code === 200),
		);
		stopped = [];
		await until('the alert is over', seconds(15), async () =>
			(await firing()).every((a) => a.alertname !== 'TallyLedgerStale'),
		);
		return `said after ${late} ms, healthy after ${took} ms`;
	},
);

await test('a node that hangs is ended, one that was stopped is not', 60, () => hung);

signal(prom.process, 'SIGTERM');
await net.stop();
finish();
