// SPDX-License-Identifier: ISC
// A listener with TLS for one node of a network, with a certificate made for the occasion.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { freePorts } from '../../tools/js/processes.mjs';

export async function certificate(net, node) {
	const dir = net.nodeDir(node);
	const key = path.join(dir, 'tls.key');
	const cert = path.join(dir, 'tls.crt');
	execFileSync(
		'openssl',
		[
			'req',
			'-x509',
			'-newkey',
			'ec',
			'-pkeyopt',
			'ec_paramgen_curve:prime256v1',
		].concat([
			'-nodes',
			'-days',
			'2',
			'-subj',
			'/CN=localhost',
			'-keyout',
			key,
			'-out',
			cert,
		]),
		{ stdio: 'ignore' },
	);
	const taken = new Set(net.nodes.flatMap((n) => Object.values(n.ports)));
	const [port] = await freePorts(1, taken);
	node.ports.tls = port;
	node.config = { tls: { listen: `127.0.0.1:${port}`, certificate: cert, key } };
}
