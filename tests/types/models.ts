// SPDX-License-Identifier: ISC
// What npm's xrpl 5.0.0 has no types for: the envelope over HTTP, methods of administrators, and
// those that its models leave out. Each after the examples and tables of the reference
// documentation (XRPLF/xrpl-dev-portal, docs/references/http-websocket-apis/...; the file is named).
import type { RequestResponseMap, Request, Response } from 'xrpl';

type Version = 1 | 2;

// What client.request() of the stock client gives for a request. One that its types do not
// recognise would give the union of all answers: that is a fault of calls.mjs.
type Answer<Q, V extends Version> = Q extends Request
	? Response<V> extends RequestResponseMap<Q, V>
		? { 'not a request that xrpl has an answer for': Q }
		: RequestResponseMap<Q, V>
	: { 'not a request that xrpl knows': Q };

export type ClientWs<Q, V extends Version> = Answer<Q, V> & { status: 'success'; type: 'response' };

// api-conventions/response-formatting.md. The status among the members of `result` is looked at by
// judge.mjs, which takes it off.
type HttpOf<T> = T extends { result: infer R }
	? { result: R; warning?: 'load'; warnings?: Warning[]; forwarded?: boolean }
	: never;
export type ClientHttp<Q, V extends Version> = HttpOf<Answer<Q, V>>;
export type Http<R> = HttpOf<{ result: R }>;
// Either of them, of a type of answer.
export type Result<T extends { result: unknown }> = {
	result: T['result'];
	[envelope: string]: unknown;
};
export interface Warning {
	id: number;
	message: string;
	details?: { [key: string]: string };
}
export interface Ws<R> {
	id: number | string;
	status: 'success';
	type: 'response';
	result: R;
	api_version?: number;
	warning?: 'load';
	warnings?: Warning[];
	forwarded?: boolean;
}
// api-conventions/error-formatting.md
export interface HttpError {
	result: {
		error: string;
		error_code?: number;
		error_message?: string;
		error_exception?: string;
		status: 'error';
		request: { [key: string]: unknown };
	};
	warning?: 'load';
}

type Empty = Record<string, never>;
type Json = { [key: string]: unknown };

// admin-api-methods/peer-management-methods/peers.md
interface Peer {
	address: string;
	cluster?: boolean;
	name?: string;
	complete_ledgers?: string;
	inbound?: boolean;
	latency?: number;
	ledger?: string;
	load: number;
	protocol?: string;
	network_id?: string; // PeerImp.cpp
	metrics: {
		avg_bps_recv: string;
		avg_bps_sent: string;
		total_bytes_recv: string;
		total_bytes_sent: string;
	};
	public_key?: string;
	sanity?: string;
	status?: string;
	uptime: number;
	version?: string;
}

// admin-api-methods/peer-management-methods/peer_reservations_list.md
interface Reservation {
	node: string;
	description?: string;
}

// admin-api-methods/status-and-debugging-methods/validators.md
interface PublisherList {
	available: boolean;
	expiration?: string;
	list?: string[];
	pubkey_publisher: string;
	seq?: number;
	uri?: string;
	version?: number;
}

// admin-api-methods/status-and-debugging-methods/validator_list_sites.md
interface Site {
	uri: string;
	refresh_interval_min: number;
	last_refresh_status?:
		| 'accepted'
		| 'same_sequence'
		| 'unsupported_version'
		| 'untrusted'
		| 'stale'
		| 'invalid';
	last_refresh_time?: string;
	last_refresh_message?: string;
	next_refresh_time?: string;
}

// public-api-methods/path-and-order-book-methods/book_changes.md
interface BookChange {
	currency_a: string;
	currency_b: string;
	volume_a: string;
	volume_b: string;
	high: string;
	low: string;
	open: string;
	close: string;
	domain?: string;
}
interface BookChanges {
	type: 'bookChanges';
	ledger_index: number;
	ledger_hash: string;
	ledger_time: number;
	validated?: boolean;
	changes: BookChange[];
}

// admin-api-methods/signing-methods/sign.md, sign_for.md
interface Signed {
	tx_blob: string;
	tx_json: Json & { hash?: string; SigningPubKey: string };
	hash?: string;
}

// Members of `result`. The file is that of the method's name where nothing else is said.
export interface Results {
	// public-api-methods/transaction-methods/tx_history.md
	tx_history: { index: number; txs: (Json & { hash: string; TransactionType: string })[] };
	// No page of its own; AccountCurrencies and OwnerInfo.cpp: two lists of entries.
	owner_info: {
		accepted: { offers?: Json[]; ripple_lines?: Json[] };
		current: { offers?: Json[]; ripple_lines?: Json[] };
	};
	// Dropped from the documentation; as `ledger` of version 1 with the header's bytes.
	ledger_header: {
		ledger: Json & { ledger_hash: string; ledger_index: string };
		ledger_data: string;
		ledger_hash: string;
		ledger_index: number;
		validated: boolean;
	};
	book_changes: BookChanges;
	// public-api-methods/payment-channel-methods/channel_authorize.md
	channel_authorize: { signature: string };
	// public-api-methods/server-info-methods/version.md
	// Texts in version 1.
	version: { version: { first: number | string; last: number | string; good?: string } };
	// TxMetrics.cpp: averages and totals as decimal text; no page.
	tx_reduce_relay: { [metric: string]: string };

	sign: Signed;
	sign_for: Signed;
	wallet_propose: {
		account_id: string;
		key_type: 'secp256k1' | 'ed25519';
		master_key?: string; // deprecated: RFC 1751
		master_seed: string;
		master_seed_hex: string;
		public_key: string;
		public_key_hex: string;
		warning?: string;
	};
	validation_create: {
		validation_key?: string; // deprecated: RFC 1751
		validation_private_key?: string;
		validation_public_key: string;
		validation_seed: string;
	};
	peers: { cluster: { [key: string]: Json }; peers: Peer[] };
	connect: { message: string };
	peer_reservations_add: { previous?: Reservation };
	peer_reservations_del: { previous?: Reservation };
	peer_reservations_list: { reservations: Reservation[] };
	// "subject to change without notice"
	consensus_info: {
		info: Json & { proposers?: number; ledger_seq?: number; synched?: boolean };
	};
	validators: {
		local_static_keys: string[];
		publisher_lists: PublisherList[];
		signing_keys: { [master: string]: string };
		trusted_validator_keys: string[];
		validation_quorum: number;
		validator_list: {
			count: number;
			expiration: string;
			status: 'active' | 'expired' | 'unknown';
			validator_list_threshold?: number;
		};
		NegativeUNL?: string[];
	};
	validator_list_sites: { validator_sites: Site[] };
	validator_info: {
		domain?: string;
		ephemeral_key?: string;
		manifest?: string;
		master_key: string;
		seq?: number;
	};
	// UnlList.cpp
	unl_list: { unl: { pubkey_validator: string; trusted: boolean }[] };
	get_counts: { uptime?: string; [count: string]: number | string | undefined };
	// Our own, for `tally status` (src/daemon/status.c).
	status: { info: Json & { network_id: number; server_state: string; health: Json } };
	fetch_info: { info: { [item: string]: Json } };
	print: Json;
	can_delete: { can_delete: number };
	ledger_cleaner: { message: string };
	ledger_request: Json;
	blacklist: { [endpoint: string]: Json };
	log_level: { levels: { base: string; [partition: string]: string } } | Empty;
	logrotate: { message: string };
	// admin-api-methods/server-control-methods
	ledger_accept: { ledger_current_index: number };
	stop: { message: string };
}

// public-api-methods/subscription-methods/subscribe.md
export interface Streams {
	serverStatus: {
		type: 'serverStatus';
		server_status: string;
		load_base: number;
		load_factor: number;
		load_factor_server?: number;
		load_factor_fee_escalation?: number;
		load_factor_fee_queue?: number;
		load_factor_fee_reference?: number;
		base_fee?: number;
	};
	manifestReceived: {
		type: 'manifestReceived';
		master_key: string;
		signing_key?: string;
		seq: number;
		signature?: string;
		master_signature: string;
		manifest?: string;
		domain?: string;
	};
	bookChanges: BookChanges;
}
