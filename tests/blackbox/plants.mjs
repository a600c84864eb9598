// SPDX-License-Identifier: ISC
// Violations on purpose, one for each invariant: what was written down is changed, or what a node
// answers, as if a node had done wrong.

function validatedOnes(workload, n) {
	const found = [...workload.txs].filter(([, e]) => e.state === 'validated').slice(0, n);
	if (found.length < n) throw new Error('too few transactions to plant with');
	return found;
}

function tampering() {
	let hash = false;
	let sum = false;
	let state = 0;
	return (what) => {
		if (what?.total !== undefined && !sum) {
			sum = true;
			return { ...what, total: what.total + 1n }; // I4
		}
		if (what?.hash && what.parent && !hash) {
			hash = true;
			return { ...what, hash: 'F'.repeat(64) }; // I5
		}
		if (what?.rss_mb !== undefined) return { ...what, fds: 100000 }; // I9
		if (typeof what === 'string' && ++state === 2) return what.slice(1); // I10
		return what;
	};
}

// Returns what undoes it for the rest of the run.
export function plantAll(lab, workload, timeline, judge) {
	const [[, expired], [first, one], [second, other]] = validatedOnes(workload, 3);
	const { book } = workload;
	book.transactions.set('0'.repeat(64), { seq: 3, result: 'tesSUCCESS' }); // I1
	expired.state = 'expired'; // I2
	one.pair = second; // I3
	other.pair = first;
	workload.reads[0].balance = '1'; // I6
	const now = timeline.now;
	const seq = Object.fromEntries(lab.nodes.map((n) => [n.name, 1])); // I7
	const before = timeline.samples.length;
	for (let ms = now + 61000; ms < now + 150000; ms += 1000)
		timeline.samples.push({ ms, seq });
	book.validation('key', 7, 'A', 'a'); // I8
	book.validation('key', 7, 'B', 'b');
	judge.tamper = tampering();
	return () => {
		judge.tamper = (what) => what;
		timeline.samples.length = before;
	};
}
