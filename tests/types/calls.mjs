// SPDX-License-Identifier: ISC
// The requests whose answers are recorded: every method, in the forms in which clients send it.
// [method, parameters or a function of the names in world.mjs, options]
//   admin      asked on the administrators' listener
//   versions   of the API, [1, 2] when not said
//   only       'ws' or 'http': one transport
//   as         the type of the answer, where it cannot come from that of the request
//   fails      the error that it ends in
//   standalone asked of the node without consensus
// A method stands under each form of its answer.
import { xrpl } from '../../tools/js/clients.mjs';

const idOf = (address) => Buffer.from(xrpl.decodeAccountID(address)).toString('hex');
const ledgers = [{ ledger_index: 'validated' }, { ledger_index: 'current' }];
const both = (method, more) =>
	ledgers.map((ledger) => [method, (w) => ({ ...more(w), ...ledger })]);
const entry = (more) => [['ledger_entry', (w) => ({ ...more(w), ledger_index: 'validated' })]];

const book = (w, more) => ({
	taker_gets: { currency: 'XRP' },
	taker_pays: w.usd,
	taker: w.alice,
	...more,
});

// Forms of a request that its type does not have.
const untyped = (more) => [
	'ledger_entry',
	(w) => ({ ...more(w), ledger_index: 'validated' }),
	{ as: 'Own.Result<X.LedgerEntryResponse>' },
];
// A transaction that is not sent, and what it would do.
const trial = (more) => [
	'simulate',
	(w) => ({ tx_json: { Account: w.carol, NetworkID: 21337, ...more(w) } }),
];

// A connection follows an account's history only once.
const history = (versions) =>
	['subscribe', 'unsubscribe'].map((method) => [
		method,
		(w) => ({ account_history_tx_stream: { account: w.alice } }),
		{ only: 'ws', versions },
	]);

export const calls = [
	...both('account_info', (w) => ({ account: w.alice })),
	...both('account_info', (w) => ({ account: w.alice, signer_lists: true })),
	['account_info', (w) => ({ account: w.alice, queue: true, ledger_index: 'current' })],
	...both('account_lines', (w) => ({ account: w.alice })),
	['account_lines', (w) => ({ account: w.gate, peer: w.bob })],
	...both('account_objects', (w) => ({ account: w.alice })),
	['account_objects', (w) => ({ account: w.alice, type: 'check' })],
	['account_objects', (w) => ({ account: w.alice, limit: 10 })],
	...['ticket', 'signer_list', 'deposit_preauth'].map((type) => [
		'account_objects',
		(w) => ({ account: w.carol, type }),
	]),
	['account_info', (w) => ({ account: w.carol, signer_lists: true })],
	['account_objects', (w) => ({ account: w.alice, deletion_blockers_only: true })],
	...both('account_offers', (w) => ({ account: w.alice })),
	...both('account_channels', (w) => ({ account: w.alice })),
	...both('account_currencies', (w) => ({ account: w.alice })),
	...both('account_nfts', (w) => ({ account: w.alice })),
	...both('gateway_balances', (w) => ({ account: w.gate })),
	['gateway_balances', (w) => ({ account: w.gate, hotwallet: [w.bob] })],
	['noripple_check', (w) => ({ account: w.gate, role: 'gateway', transactions: true })],
	['noripple_check', (w) => ({ account: w.alice, role: 'user', ledger_index: 'current' })],
	['account_tx', (w) => ({ account: w.payer })],
	['account_tx', (w) => ({ account: w.payer, binary: true })],
	['account_tx', (w) => ({ account: w.payer, limit: 1, forward: true })],
	['owner_info', (w) => ({ account: w.alice })],

	['ledger', { ledger_index: 'validated' }],
	['ledger', { ledger_index: 'current' }],
	['ledger', { ledger_index: 'validated', type: 'offer' }],
	['ledger', (w) => ({ ledger_index: w.ledger, transactions: true })],
	['ledger', (w) => ({ ledger_index: w.ledger, transactions: true, expand: true })],
	[
		'ledger',
		(w) => ({ ledger_index: w.ledger, transactions: true, expand: true, binary: true }),
	],
	[
		'ledger',
		(w) => ({
			ledger_index: w.ledger,
			transactions: true,
			expand: true,
			owner_funds: true,
		}),
	],
	['ledger', (w) => ({ ledger_index: w.ledger, binary: true })],
	['ledger_header', { ledger_index: 'validated' }, { versions: [1] }],
	['ledger_closed', {}],
	['ledger_current', {}],
	['ledger_data', { ledger_index: 'validated', limit: 5 }],
	['ledger_data', { ledger_index: 'validated', limit: 5, binary: true }],
	['ledger_data', { ledger_index: 'validated', type: 'offer' }],
	...entry((w) => ({ account_root: w.alice })),
	...entry((w) => ({ index: w.check })),
	...entry((w) => ({ index: w.check, binary: true })),
	...entry((w) => ({ offer: { account: w.alice, seq: 11 } })),
	...entry((w) => ({ escrow: { owner: w.alice, seq: 13 } })),
	...entry((w) => ({ payment_channel: w.channel })),
	// A form that the type of the request does not have.
	[
		'ledger_entry',
		(w) => ({
			ticket: { account: w.alice, ticket_seq: 15 },
			ledger_index: 'validated',
		}),
		{ as: 'Own.Result<X.LedgerEntryResponse>' },
	],
	...entry((w) => ({ ripple_state: { accounts: [w.alice, w.gate], currency: 'USD' } })),
	...entry((w) => ({ directory: { owner: w.alice } })),
	...entry((w) => ({ deposit_preauth: { owner: w.alice, authorized: w.bob } })),
	...entry((w) => ({ did: w.alice })),
	...entry((w) => ({ oracle: { account: w.gate, oracle_document_id: 7 } })),
	...entry((w) => ({ mpt_issuance: w.mpt })),
	[
		'ledger_entry',
		(w) => ({
			credential: { subject: w.alice, issuer: w.gate, credential_type: '4B5943' },
			ledger_index: 'validated',
		}),
		{ as: 'Own.Result<X.LedgerEntryResponse>' },
	],

	untyped((w) => ({ ticket: w.ticket })),
	untyped((w) => ({ signer_list: w.signer_list })),
	untyped(() => ({ amendments: true })),
	untyped(() => ({ fee: true })),
	untyped(() => ({ hashes: true })),

	['tx', (w) => ({ transaction: w.hash })],
	...['regular_key', 'tickets', 'signers', 'preauth', 'ticketed'].map((name) => [
		'tx',
		(w) => ({ transaction: w[name] }),
	]),
	['account_tx', (w) => ({ account: w.carol })],
	['tx', (w) => ({ transaction: w.hash, binary: true })],
	['tx', (w) => ({ ctid: w.ctid })],
	['transaction_entry', (w) => ({ tx_hash: w.hash, ledger_index: w.ledger })],
	['tx_history', { start: 0 }, { versions: [1] }],
	['submit', (w) => ({ tx_blob: w.blob })],
	['submit', (w) => ({ tx_blob: w.late })],
	['simulate', (w) => ({ tx_json: w.unsigned })],
	['simulate', (w) => ({ tx_json: w.unsigned, binary: true })],
	['simulate', (w) => ({ tx_json: { ...w.unsigned, Sequence: 40 } })],
	trial(() => ({ TransactionType: 'SetRegularKey' })),
	trial((w) => ({ TransactionType: 'SetRegularKey', RegularKey: w.alice })),
	trial(() => ({ TransactionType: 'TicketCreate', TicketCount: 2 })),
	trial(() => ({ TransactionType: 'SignerListSet', SignerQuorum: 0 })),
	trial((w) => ({ TransactionType: 'DepositPreauth', Unauthorize: w.alice })),
	trial((w) => ({ TransactionType: 'AccountDelete', Destination: w.alice })),
	trial(() => ({ TransactionType: 'AccountSet', TicketSequence: 4 })),
	// The type wants the signers' keys and signatures as well.
	[
		'simulate',
		(w) => ({
			tx_json: {
				TransactionType: 'AccountSet',
				Account: w.carol,
				NetworkID: 21337,
				Signers: [w.alice, w.bob]
					.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
					.map((Account) => ({ Signer: { Account } })),
			},
		}),
		{ as: 'Own.Result<X.SimulateResponse>' },
	],

	['book_offers', (w) => ({ taker_gets: { currency: 'XRP' }, taker_pays: w.usd, limit: 10 })],
	[
		'book_offers',
		(w) => ({ taker_gets: w.usd, taker_pays: { currency: 'XRP' }, taker: w.alice }),
	],
	['book_changes', (w) => ({ ledger_index: w.ledger })],
	['deposit_authorized', (w) => ({ source_account: w.alice, destination_account: w.bob })],
	['deposit_authorized', (w) => ({ source_account: w.alice, destination_account: w.carol })],
	[
		'get_aggregate_price',
		(w) => ({
			base_asset: 'XRP',
			quote_asset: 'USD',
			oracles: [{ account: w.gate, oracle_document_id: 7 }],
			ledger_index: 'validated',
		}),
	],
	[
		'channel_authorize',
		(w) => ({
			channel_id: w.channel,
			amount: '1000',
			seed: w.seed,
			key_type: 'ed25519',
		}),
		{ admin: true },
	],
	[
		'channel_verify',
		(w) => ({
			channel_id: w.channel,
			amount: '1000',
			public_key: w.public_key,
			signature: w.claim,
		}),
	],

	['server_info', {}],
	['server_info', {}, { admin: true }],
	['server_info', { counters: true }, { admin: true }],
	['server_state', {}],
	['server_state', {}, { admin: true }],
	['server_definitions', {}, { only: 'ws', versions: [2] }],
	['server_definitions', (w) => ({ hash: w.definitions })],
	['fee', {}],
	['feature', {}, { versions: [2] }],
	['feature', { feature: 'DepositAuth' }],
	['manifest', (w) => ({ public_key: w.validator })],
	['version', {}],
	['ping', {}],
	['ping', {}, { admin: true }],
	['random', {}],
	['tx_reduce_relay', {}],
	['subscribe', { streams: ['ledger'] }, { only: 'ws' }],
	['subscribe', { streams: ['server'] }, { only: 'ws' }],
	['subscribe', { streams: ['transactions'] }, { only: 'ws' }],
	['subscribe', (w) => ({ accounts: [w.alice] }), { only: 'ws' }],
	['subscribe', (w) => ({ accounts_proposed: [w.alice] }), { only: 'ws' }],
	['subscribe', (w) => ({ books: [book(w, { snapshot: true })] }), { only: 'ws' }],
	[
		'subscribe',
		(w) => ({ books: [book(w, { snapshot: true, both: true })] }),
		{ only: 'ws' },
	],
	...history([1]),
	...history([2]),
	['unsubscribe', { streams: ['ledger'] }, { only: 'ws' }],
	['unsubscribe', (w) => ({ accounts: [w.alice], books: [book(w, {})] }), { only: 'ws' }],

	['ledger_accept', {}, { admin: true, standalone: true }],
	[
		'sign',
		(w) => ({ seed: w.seed, key_type: 'ed25519', tx_json: w.unsigned }),
		{ admin: true },
	],
	[
		'sign_for',
		(w) => ({
			account: w.bob,
			seed: w.bob_seed,
			key_type: 'ed25519',
			tx_json: { ...w.unsigned, SigningPubKey: '', Fee: '30', Sequence: 40 },
		}),
		{ admin: true },
	],
	[
		'sign',
		(w) => ({
			seed: w.seed,
			key_type: 'ed25519',
			tx_json: {
				TransactionType: 'SignerListSet',
				Account: w.alice,
				SignerQuorum: 1,
				SignerEntries: [
					{ SignerEntry: { Account: w.bob, SignerWeight: 1 } },
				],
			},
		}),
		{ admin: true },
	],
	['submit_multisigned', (w) => ({ tx_json: w.multisigned })],
	['wallet_propose', { passphrase: 'masterpassphrase' }, { admin: true }],
	['wallet_propose', { key_type: 'ed25519' }, { admin: true }],
	['validation_create', { secret: 'a secret' }, { admin: true }],
	['peers', {}, { admin: true }],
	['connect', { ip: '127.0.0.1', port: 1 }, { admin: true }],
	[
		'peer_reservations_add',
		(w) => ({ public_key: w.reserved, description: 'a friend' }),
		{ admin: true },
	],
	['peer_reservations_list', {}, { admin: true }],
	['peer_reservations_del', (w) => ({ public_key: w.reserved }), { admin: true }],
	['consensus_info', {}, { admin: true }],
	['validators', {}, { admin: true }],
	['validator_list_sites', {}, { admin: true }],
	['validator_info', {}, { admin: true }],
	['unl_list', {}, { admin: true }],
	['get_counts', {}, { admin: true }],
	['status', {}, { admin: true }],
	['fetch_info', {}, { admin: true }],
	['print', {}, { admin: true }],
	['can_delete', {}, { admin: true }],
	['ledger_cleaner', {}, { admin: true }],
	['ledger_request', () => ({ ledger_index: 2 }), { admin: true }],
	['blacklist', {}, { admin: true }],
	['log_level', {}, { admin: true }],
	['log_level', { severity: 'info' }, { admin: true }],
	['logrotate', {}, { admin: true }],
	// Errors have a type as well.
	['account_info', (w) => ({ account: w.nobody }), { fails: 'actNotFound' }],
	['tx', (w) => ({ transaction: w.definitions }), { fails: 'txnNotFound' }],
	['ledger', { ledger_index: 4000000 }, { fails: 'lgrNotFound' }],
	['submit', { tx_blob: '00' }, { fails: 'invalidTransaction' }],
	[
		'sign',
		(w) => ({ secret: 'x', tx_json: w.unsigned }),
		{ admin: true, only: 'http', fails: 'badSecret' },
	],
	[
		'submit_multisigned',
		(w) => ({ tx_json: { ...w.multisigned, TxnSignature: '00' } }),
		{ fails: 'signingMalformed' },
	],
	['simulate', (w) => ({ tx_blob: w.blob }), { fails: 'transactionSigned' }],
	['stop', {}, { admin: true, standalone: true, only: 'ws', versions: [2] }],
];

// What connections of each version follow while the answers are recorded, and the kinds of message
// that must come to both; a transaction's with its status.
export const streams = {
	user: [
		'ledger',
		'transactions',
		'transactions_proposed',
		'validations',
		'manifests',
		'consensus',
		'server',
		'book_changes',
	],
	admin: ['peer_status'],
	expected: [
		'ledgerClosed',
		'transaction proposed',
		'transaction closed',
		'validationReceived',
		'consensusPhase',
		'bookChanges',
		'peerStatusChange',
	],
};
