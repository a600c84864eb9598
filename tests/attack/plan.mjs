// SPDX-License-Identifier: ISC
// What is done to the node, in a long and a short form, and what must hold. A judge is given the
// phase of the attack, the one after it, the quiet one before all, and what the scenarios found.
//
// The short form runs beside other tests: nothing in it depends on how fast the machine is. The
// long one has the machine to itself and holds the node to figures. Offered and served rates are
// reported, not judged: generator and nodes share the cores.
import assert from 'node:assert/strict';

const atMost = (what, value, limit) => assert.ok(value <= limit, `${what}: ${value}, not ${limit}`);
const FDS_SLACK = 8; // files of the store, a witness that dials anew

function returned(d, a, megabytes) {
	atMost('descriptors', a.fds.after, d.fds.before + FDS_SLACK);
	if (megabytes !== undefined)
		atMost('megabytes', a.rss_mb.after, d.rss_mb.before * 1.02 + megabytes);
}

// What holds during every attack.
const honest = {
	'honest clients keep their answers': (d) => {
		atMost('failed', d.failed, d.asked / 1000);
		atMost('p99 of account_info', d.info_ms.p99, 500);
	},
	'honest payments are validated': (d) => {
		assert.equal(d.pay_late, 0);
		assert.equal(d.pay_refused, 0);
	},
	'the administrator is answered': (d) => {
		assert.equal(d.admin_failed, 0);
		atMost('p99', d.admin_ms.p99, 250);
	},
	'ledgers keep closing': (d, a, q) => {
		for (const name of ['interval_s', 'second_interval_s'])
			if (d[name].n > 0) atMost(name, d[name].p99, 1.5 * q[name].p99);
		if (d.seconds > 3 * q.interval_s.p99) assert.ok(d.interval_s.n > 0, 'none');
	},
};

// n scenarios at once, each with what it alone has to show.
const long = (run, megabytes, own = {}) => ({
	run,
	judge: { ...honest, 'all is given back': (d, a) => returned(d, a, megabytes), ...own },
});

const idle = {
	'idle connections are held, and served': (d, a, q, { connections: c }) => {
		assert.equal(c.held_to_the_end, c.wanted);
		assert.equal(c.answered_at_the_end, c.asked_at_the_end);
	},
};
const slow = (headSeconds, bodySeconds) => ({
	'slow ones are told and closed': (d, a, q, { slowloris: s }) => {
		assert.equal(s.held, s.wanted);
		assert.ok(s.told_408 > 0);
		atMost('seconds of a head', s.head_lived_max_s, headSeconds);
		if (bodySeconds) {
			assert.equal(s.left, 0);
			atMost('seconds of a body', s.body_lived_max_s, bodySeconds);
		}
	},
});
const served = {
	'what comes in is answered or refused': (d, a, q, { flood: f }) => {
		assert.ok(f.served_per_s > 0);
		assert.equal(f.other_answers, 0);
	},
};
const abuser = (seconds) => ({
	'the abuser is refused, the others are not': (d, a, q, { abuse: f }) => {
		assert.ok(f.abuser_first_refusal_s >= 0, 'never refused');
		if (seconds) atMost('seconds', f.abuser_first_refusal_s, seconds);
		assert.equal(f.normal_refused_per_s + f.normal_other_answers, 0);
		assert.equal(f.normal_first_refusal_s, -1);
	},
});
const subscribers = {
	'who reads gets everything': (d, a, q, { subscribers: s }) => {
		assert.equal(s.subscribed, s.wanted);
		assert.equal(s.incomplete + s.cut, 0);
		assert.ok(s.complete > 0 && s.ledgers_least > 0);
		assert.ok(s.transactions_delivered > 0);
	},
	'who does not is told, or misses nothing': (d, a, q, { subscribers: s }) => {
		const slow = Math.floor(s.wanted / 10);
		assert.equal(s.slow_told_1008 + s.slow_cut_without_reason + s.slow_complete, slow);
	},
};
const churn = (n) => ({
	'all come, subscribe and go': (d, a, q, { churn: c }) =>
		assert.ok(c.cycles >= n, `${c.cycles} of ${n}`),
});
const malformed = (n) => ({
	'all of it is read': (d, a, q, { malformed: m }) =>
		assert.ok(m.http + m.frames + m.json >= n - 3),
});
const tls = {
	'handshakes are finished, and served': (d, a, q, { tls: t }) =>
		assert.ok(t.finished > 0 && t.answered > 0),
};
const badsig = {
	'bad signatures are found': (d, a, q, { badsig: b }) => assert.ok(b.told_bad_per_s > 0),
};
const peers = (name) => ({
	[`${name}: strangers come in and go`]: (d, a, q, s) => assert.ok(s[name].ready > 0),
});
const paging = {
	'all entries, to every reader': (d, a, q, { paging: p }) => {
		assert.equal(p.unfinished, 0);
		assert.equal(p.entries_least, p.entries_most);
	},
};

const within = (megabytes) => ({
	[`within ${megabytes} MB`]: (d) =>
		atMost('megabytes more', d.rss_mb.max - d.rss_mb.before, megabytes),
});

// The second of the two that are alike shows what does not come back: memory that the first one
// has left with the allocator is used again.
export const full = [
	long('connections', 32, idle),
	long('slowloris', 32, slow(6, 17)),
	long('flood', 32, served),
	long('abuse', 8, abuser(2)),
	long('messages', 32),
	long('subscribers', 64, subscribers),
	long('churn', 32, churn(100000)),
	long('churn,n=100001', 2, churn(100001)),
	long('malformed', 16, malformed(1000000)),
	long('badsig', 32, badsig),
	long('peers_garbage', 16, peers('peers_garbage')),
	long('peers_flood', 32, peers('peers_flood')),
	long('peers_badsig', 32, peers('peers_badsig')),
	long('peers_slow,seconds=90+subscribers,n=100,txs=10,seconds=60', 64, {
		...peers('peers_slow'),
		...subscribers,
	}),
	long('tls', 64, tls),
	// A network of one whose genesis has --accounts (1,000,000) accounts.
	{ ...long('paging,seconds=3000', undefined, { ...paging, ...within(256) }), big: true },
];

// Whatever the machine is doing besides: nothing may be lost.
const unharmed = {
	'nobody honest loses anything': (d) => {
		atMost('failed', d.failed, d.asked / 1000);
		assert.equal(d.admin_failed + d.pay_late + d.pay_refused, 0);
	},
	'descriptors come back': (d, a) => returned(d, a),
};
const brief = (run, own = {}) => ({ run, judge: { ...unharmed, ...own } });

export const short = [
	brief('connections,n=2000,seconds=5+slowloris,n=400,seconds=7', { ...idle, ...slow(30) }),
	brief('flood,rate=20000,n=200,seconds=3', served),
	brief('abuse,seconds=3+peers_slow,seconds=3', { ...abuser(), ...peers('peers_slow') }),
	brief('subscribers,n=300,txs=20,pay=150,payers=50,seconds=6,drain=2', subscribers),
	brief('messages,n=100,rate=200,seconds=2+tls,rate=1000,seconds=2', tls),
	brief('churn,n=2000+malformed,n=30000', { ...churn(2000), ...malformed(30000) }),
	brief('badsig,seconds=2,rate=5000', badsig),
	brief('peers_garbage,seconds=1+peers_badsig,seconds=2+peers_flood,seconds=2', {
		...peers('peers_badsig'),
		...peers('peers_flood'),
	}),
	brief('paging,n=50', paging),
];
