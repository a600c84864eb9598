// SPDX-License-Identifier: ISC
// The generated accounts of a test genesis, and payments between them signed by the stock client.
import { createHash } from 'node:crypto';
import { xrpl } from '../../tools/js/clients.mjs';
import { rpc } from '../../tools/js/rpc.mjs';

// Account i of `tally genesis --accounts N`.
export function testWallet(i) {
	const digest = createHash('sha512').update(`tally test account ${i}`).digest();
	return xrpl.Wallet.fromEntropy(digest.subarray(0, 16), { algorithm: 'ed25519' });
}

export async function sequenceOf(url, address, ledger = 'current') {
	const answer = await rpc(url, 'account_info', { account: address, ledger_index: ledger });
	return answer.account_data.Sequence;
}

export async function balanceOf(url, address, ledger = 'validated') {
	const answer = await rpc(url, 'account_info', { account: address, ledger_index: ledger });
	return BigInt(answer.account_data.Balance);
}

export function payment(net, wallet, destination, drops, sequence, extra = {}) {
	const tx = {
		TransactionType: 'Payment',
		Account: wallet.classicAddress,
		Destination: destination,
		Amount: String(drops),
		Fee: '10',
		Flags: 0,
		Sequence: sequence,
		...extra,
	};
	if (net.state.network_id > 1024 && !('NetworkID' in extra))
		tx.NetworkID = net.state.network_id;
	if (tx.NetworkID === undefined) delete tx.NetworkID;
	return wallet.sign(tx);
}
