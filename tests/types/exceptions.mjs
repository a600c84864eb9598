// SPDX-License-Identifier: ISC
// Where an answer differs from the types of npm's xrpl 5.0.0, and why that is right.
// [methods, path, kind, reason, options]
//   path       of the member: [] any element, * any member, (a|b) either, ** at any depth
//   kind       'extra'    the type does not know the member
//              'type'     its value is none of the type's
//              'missing'  the type demands it
//   options    versions: only there; when(value, parent): only such places
// An exception without which everything would pass as well is a failure.

const own = 'a member of our own; clients pass over what they do not know';
const which = 'the reference server names the ledger in every answer; the type leaves that out';
const open = 'of the open ledger: it has no hash yet, and its index is ledger_current_index';
const younger = 'an entry of the protocol for which the types have no form';
const deliver = 'version 2 shows DeliverMax and no Amount; the types of payments still demand it';
const server = 'as the reference server; the type leaves it out';
const isPayment = (value, parent) => parent.TransactionType === 'Payment';
const isYoung = (entry) =>
	['NFTokenPage', 'MPToken', 'MPTokenIssuance', 'DID'].includes(entry.LedgerEntryType);

export const exceptions = [
	['account_info|ledger_entry|get_aggregate_price', 'result.ledger_hash', 'extra', which],
	['ledger_entry|get_aggregate_price', 'result.ledger_index', 'extra', which],
	[
		'account_(lines|offers)|gateway_balances|noripple_check|(transaction|ledger)_entry',
		'result.validated',
		'extra',
		which,
	],
	['account_channels|account_currencies', 'result.ledger_current_index', 'extra', which],
	['account_channels|account_currencies', 'result.ledger_index', 'missing', open],
	['account_channels', 'result.ledger_hash', 'missing', open],
	['account_nfts', 'result.account_nfts[].TransferFee', 'extra', server],
	['account_objects', 'result.account_objects[]', 'type', younger, { when: isYoung }],
	['ledger_entry', 'result.node', 'type', younger, { when: isYoung }],
	[
		'account_objects|account_info',
		'**.Owner',
		'extra',
		'in every signer list since fixIncludeKeyletFields; the type leaves it out',
		{ when: (_, entry) => entry.LedgerEntryType === 'SignerList' },
	],
	...['OracleDocumentID', 'OwnerNode'].map((member) => [
		'ledger_entry',
		`result.node.${member}`,
		'extra',
		'in every oracle; the type leaves it out',
		{ when: (_, entry) => entry.LedgerEntryType === 'Oracle' },
	]),
	[
		'ledger',
		'result.(ledger_hash|ledger_index)',
		'missing',
		open,
		{ when: (_, result) => result.ledger_current_index },
	],
	['transaction_entry', 'result.meta', 'extra', 'version 2 names it so', { versions: [2] }],
	[
		'transaction_entry',
		'result.metadata',
		'missing',
		'meta, in version 2',
		{ versions: [2] },
	],
	[
		'tx',
		'result.tx_json',
		'missing',
		'binary: tx_blob instead',
		{ versions: [2], when: (_, result) => result.tx_blob },
	],
	['ledger_data', 'result.ledger', 'extra', 'the header, with the first page'],
	[
		'ledger_data',
		'result.state[].ledgerEntryType',
		'missing',
		'no server sends it; LedgerEntryType is there',
		{ when: (_, entry) => entry.LedgerEntryType },
	],
	['noripple_check', 'result.transactions', 'missing', 'only when asked for'],
	['server_info', 'result.info.tally_version', 'extra', own],
	['server_state', 'result.state.tally_version', 'extra', own],
	...['counters', 'current_activities'].map((member) => [
		'server_info',
		`result.info.${member}`,
		'extra',
		'as the reference server, when asked for',
	]),
	['server_state', 'result.state.ports', 'extra', server],
	['server_info', 'result.info.initial_sync_duration_us', 'extra', server],
	['server_state', 'result.state.initial_sync_duration_us', 'extra', server],
	['server_info', 'result.info.storage', 'extra', own],
	['validators', 'result.validations', 'extra', own],
	[
		'peers',
		'result.peers[].load',
		'missing',
		'there is no balance of a peer: each kind of message has its own rate',
	],
	['peers', 'result.peers[].clock_offset', 'extra', own],
	['peers', 'result.peers[].metrics.total_messages_(recv|sent)', 'extra', own],
	['sign|sign_for', 'result.deprecated', 'extra', 'a note of the reference server'],
	[
		'ledger_entry|get_aggregate_price',
		'result.ledger_current_index',
		'missing',
		'another than the open ledger',
	],

	// Not of sign, whose answers have types of ours.
	[
		'tx|account_tx|transaction_entry|submit_multisigned|ledger|stream:transaction',
		'**.tx_json.Amount',
		'missing',
		deliver,
		{ versions: [2], when: isPayment },
	],
	[
		'tx',
		'result',
		'type',
		'binary in version 1: tx and meta are hex, without members',
		{ versions: [1], when: (result) => typeof result.tx === 'string' },
	],
	['tx', 'result.tx_blob', 'extra', 'binary in version 2', { versions: [2] }],
	['account_tx', 'result.transactions[].meta_blob', 'extra', 'binary', { versions: [2] }],
	[
		'account_tx',
		'result.transactions[].ledger_index',
		'missing',
		'inside of tx',
		{ versions: [1] },
	],
	['account_tx', 'result.transactions[].meta', 'missing', 'binary', { versions: [2] }],
	['account_tx', 'result.transactions[].ledger_hash', 'extra', server, { versions: [2] }],
	['account_tx', 'result.transactions[].close_time_iso', 'extra', server, { versions: [2] }],
	['tx', 'result.ledger_hash', 'extra', which, { versions: [2] }],
	['transaction_entry', 'result.hash', 'extra', 'beside tx_json', { versions: [2] }],
	['transaction_entry', 'result.close_time_iso', 'extra', server, { versions: [2] }],
	['stream:transaction', 'ctid', 'extra', server],
	[
		'stream:transaction',
		'close_time_iso',
		'missing',
		'there is no close time before the transaction is in a ledger',
	],
	[
		'stream:transaction',
		'close_time_iso',
		'type',
		'both versions show it; the type has it only in version 2',
		{ versions: [1] },
	],
	[
		'stream:validationReceived',
		'ledger_index',
		'type',
		'a number in version 2',
		{ versions: [2] },
	],
	['stream:validationReceived', 'validated_hash', 'extra', server],
	...[
		'accepted',
		'account_sequence_(available|next)',
		'applied',
		'broadcast',
		'kept',
		'queued',
		'open_ledger_cost',
		'validated_ledger_index',
	].map((member) => [
		'submit_multisigned',
		`result.${member}`,
		'extra',
		'what became of it, as submit says',
	]),
	[
		'account_info',
		'**.(ledger_current_index|validated|account)',
		'extra',
		'the reference leaves in an error what it has written before',
		{ when: (_, answer) => answer.error },
	],
	['.*', 'error_code', 'type', 'a number in the protocol; the type says text'],
	[
		'subscribe',
		'result.(offers|bids|asks)',
		'type',
		'a snapshot stands in a member; the type has a bare list',
	],
	['subscribe', 'result.warning', 'type', 'of the reference server, with account histories'],
	['ledger', 'result.warnings', 'extra', 'of a deprecated parameter'],
	[
		'stream:transaction',
		'account_history_(tx_index|boundary|tx_first)',
		'extra',
		'of account_history_tx_stream, which has no type',
	],
	['subscribe', 'result', 'type', 'of the stream server', { when: (r) => r.load_base }],
	...['accepted', 'hash', 'seqNum'].map((member) => [
		'ledger',
		`result.ledger.${member}`,
		'extra',
		'version 1 only',
		{ versions: [1], when: (_, ledger) => ledger.account_hash },
	]),
	[
		'ledger',
		'result.ledger',
		'type',
		'bytes, or the open ledger: without the members of a header',
		{ when: (ledger) => !ledger.account_hash },
	],
	['ledger', 'result.ledger_current_index', 'extra', which],
	[
		'ledger',
		'result.ledger.transactions[]',
		'type',
		'tx_json, meta and hash beside each other; the type has the form of version 1',
		{ versions: [2], when: (tx) => tx.tx_json },
	],
];
