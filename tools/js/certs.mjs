// SPDX-License-Identifier: ISC
// Certificates for test networks, made with the openssl program: an authority, and what it signs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

function openssl(...args) {
	execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

const newKey = (file) => {
	openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file);
	fs.chmodSync(file, 0o600);
};

// { certificate, key } of an authority in a folder, made when it is not there.
export function authority(dir) {
	const ca = { certificate: path.join(dir, 'ca.pem'), key: path.join(dir, 'ca.key') };
	if (fs.existsSync(ca.certificate)) return ca;
	newKey(ca.key);
	openssl(
		...['req', '-x509', '-new', '-key', ca.key, '-out', ca.certificate, '-days', '30'],
		...['-subj', '/CN=tally test authority'],
		...['-addext', 'basicConstraints=critical,CA:TRUE'],
	);
	return ca;
}

// A certificate for this machine, and its key, as dir/name.pem and dir/name.key.
export function issue(dir, ca, name, days = 30) {
	const made = {
		certificate: path.join(dir, `${name}.pem`),
		key: path.join(dir, `${name}.key`),
	};
	const request = path.join(dir, `${name}.csr`);
	const extensions = path.join(dir, `${name}.ext`);
	newKey(made.key);
	fs.writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
	openssl('req', '-new', '-key', made.key, '-subj', `/CN=${name}`, '-out', request);
	openssl(
		...['x509', '-req', '-in', request, '-CA', ca.certificate, '-CAkey', ca.key],
		...['-CAcreateserial', '-days', String(days), '-extfile', extensions],
		...['-out', made.certificate],
	);
	fs.rmSync(request);
	fs.rmSync(extensions);
	return made;
}
