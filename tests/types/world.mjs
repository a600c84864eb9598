// SPDX-License-Identifier: ISC
// What the accounts of a network own before its first ledger: one entry of each kind that an answer
// can show, written into the genesis file. Transactions that make such entries need not exist yet.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { codec, xrpl } from '../../tools/js/clients.mjs';

const half = (...parts) =>
	crypto
		.createHash('sha512')
		.update(Buffer.concat(parts))
		.digest()
		.subarray(0, 32)
		.toString('hex')
		.toUpperCase();
const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const u32 = (n) => {
	const b = Buffer.alloc(4);
	b.writeUInt32BE(n);
	return b;
};
const hex = (s) => Buffer.from(s, 'hex');
const text = (s) => Buffer.from(s).toString('hex').toUpperCase();
// The key of an entry: its space is a letter (PROTOCOL: keylets).
const key = (space, ...args) => half(u16(space.charCodeAt(0)), ...args);
const id = (address) => Buffer.from(xrpl.decodeAccountID(address));

const wallet = (name) =>
	xrpl.Wallet.fromEntropy(crypto.createHash('sha256').update(name).digest().subarray(0, 16), {
		algorithm: 'ed25519',
	});
export const people = Object.fromEntries(
	['alice', 'bob', 'gate', 'carol'].map((name) => [name, wallet(`tally types ${name}`)]),
);
const [alice, bob, gate, carol] = Object.values(people).map((w) => w.classicAddress);
export const USD = { currency: 'USD', issuer: gate };
const usd = (value) => ({ ...USD, value });
const NO_TX = '0'.repeat(64);
const LATER = 900000000; // 2028 in the ledger's time

function currencyCode(name) {
	const b = Buffer.alloc(20);
	if (name !== 'XRP') b.write(name, 12, 'ascii');
	return b;
}

// The directory in which offers of one book at one quality stand.
function bookDirectory(pays, gets, quality) {
	const side = (one) => [
		currencyCode(one.currency),
		one.issuer ? id(one.issuer) : Buffer.alloc(20),
	];
	const [payCode, payIssuer] = side(pays);
	const [getCode, getIssuer] = side(gets);
	const base = key('B', payCode, getCode, payIssuer, getIssuer);
	return base.slice(0, 48) + quality;
}

class State {
	entries = new Map();
	owned = new Map();

	put(index, entry, ...owners) {
		this.entries.set(index, { Flags: 0, ...entry });
		for (const owner of owners) {
			if (!this.owned.has(owner)) this.owned.set(owner, []);
			this.owned.get(owner).push(index);
		}
		return index;
	}

	// Owned by one, with what every such entry has.
	own(owner, index, entry, ...others) {
		const more = { OwnerNode: '0', PreviousTxnID: NO_TX, PreviousTxnLgrSeq: 1 };
		return this.put(index, { ...more, ...entry }, owner, ...others);
	}

	account(address, drops, more = {}) {
		this.put(key('a', id(address)), {
			LedgerEntryType: 'AccountRoot',
			Account: address,
			Balance: drops,
			Sequence: 1,
			OwnerCount: (this.owned.get(address) ?? []).length,
			PreviousTxnID: NO_TX,
			PreviousTxnLgrSeq: 1,
			...more,
		});
	}

	directories() {
		for (const [owner, indexes] of this.owned) {
			const root = key('O', id(owner));
			const sorted = [...indexes].sort();
			this.put(root, {
				LedgerEntryType: 'DirectoryNode',
				Owner: owner,
				RootIndex: root,
				Indexes: sorted,
			});
		}
	}

	lines() {
		return [...this.entries]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([index, entry]) => `entry = ${index} ${codec.encode(entry)}`);
	}
}

function trustLine(state, holder, issuer, balance, limit) {
	const [low, high] = [holder, issuer].sort((a, b) => Buffer.compare(id(a), id(b)));
	const holderLow = low === holder;
	const amount = (value, who) => ({ currency: 'USD', issuer: who, value });
	state.put(
		key('r', id(low), id(high), currencyCode('USD')),
		{
			LedgerEntryType: 'RippleState',
			Flags: holderLow ? 0x10000 | 0x100000 : 0x20000 | 0x200000,
			Balance: amount(
				holderLow ? balance : `-${balance}`,
				'rrrrrrrrrrrrrrrrrrrrBZbvji',
			),
			LowLimit: amount(holderLow ? limit : '0', low),
			HighLimit: amount(holderLow ? '0' : limit, high),
			LowNode: '0',
			HighNode: '0',
			PreviousTxnID: NO_TX,
			PreviousTxnLgrSeq: 1,
		},
		holder,
		issuer,
	);
}

// An offer, and the page of its book: it is the only one there.
function offer(state, owner, sequence, pays, gets, quality) {
	const side = (a) => (typeof a === 'string' ? { currency: 'XRP' } : a);
	const directory = bookDirectory(side(pays), side(gets), quality);
	const index = state.own(owner, key('o', id(owner), u32(sequence)), {
		LedgerEntryType: 'Offer',
		Account: owner,
		Sequence: sequence,
		TakerPays: pays,
		TakerGets: gets,
		BookDirectory: directory,
		BookNode: '0',
		Expiration: LATER,
	});
	const [p, g] = [side(pays), side(gets)];
	const account = (a) =>
		a.issuer ? id(a.issuer).toString('hex').toUpperCase() : '0'.repeat(40);
	const code = (a) => currencyCode(a.currency).toString('hex').toUpperCase();
	state.put(directory, {
		LedgerEntryType: 'DirectoryNode',
		ExchangeRate: quality,
		RootIndex: directory,
		Indexes: [index],
		TakerPaysCurrency: code(p),
		TakerPaysIssuer: account(p),
		TakerGetsCurrency: code(g),
		TakerGetsIssuer: account(g),
	});
}

function channel(state, owner, destination, sequence) {
	const index = key('x', id(owner), id(destination), u32(sequence));
	const entry = {
		LedgerEntryType: 'PayChannel',
		Account: owner,
		Destination: destination,
		Amount: '5000000',
		Balance: '1000000',
		PublicKey: people.alice.publicKey,
		SettleDelay: 3600,
		Expiration: LATER,
		CancelAfter: LATER,
		SourceTag: 3,
		DestinationTag: 7,
		DestinationNode: '0',
	};
	return state.own(owner, index, entry, destination);
}

function escrow(state, owner, destination, sequence) {
	return state.own(
		owner,
		key('u', id(owner), u32(sequence)),
		{
			LedgerEntryType: 'Escrow',
			Account: owner,
			Destination: destination,
			Amount: '2000000',
			FinishAfter: LATER - 100,
			CancelAfter: LATER,
			DestinationNode: '0',
		},
		destination,
	);
}

function check(state, owner, destination, sequence) {
	return state.own(
		owner,
		key('C', id(owner), u32(sequence)),
		{
			LedgerEntryType: 'Check',
			Account: owner,
			Destination: destination,
			SendMax: '1000000',
			Sequence: sequence,
			DestinationNode: '0',
		},
		destination,
	);
}

function token(owner) {
	const taxon = (5 ^ (384160001 * 1 + 2459)) >>> 0;
	return Buffer.concat([u16(8), u16(314), id(owner), u32(taxon), u32(1)])
		.toString('hex')
		.toUpperCase();
}

function tokens(state, owner) {
	const page = id(owner).toString('hex').toUpperCase() + 'F'.repeat(24);
	state.put(page, {
		LedgerEntryType: 'NFTokenPage',
		NFTokens: [{ NFToken: { NFTokenID: token(owner), URI: text('ipfs://x') } }],
		PreviousTxnID: NO_TX,
		PreviousTxnLgrSeq: 1,
	});
}

function oracle(state, owner, document) {
	return state.own(owner, key('R', id(owner), u32(document)), {
		LedgerEntryType: 'Oracle',
		Owner: owner,
		OracleDocumentID: document,
		Provider: text('provider'),
		AssetClass: text('currency'),
		LastUpdateTime: 1700000000,
		PriceDataSeries: [
			{
				PriceData: {
					BaseAsset: 'XRP',
					QuoteAsset: 'USD',
					AssetPrice: '2e4',
					Scale: 3,
				},
			},
		],
	});
}

function issuance(state, owner, holder, sequence) {
	const mpt = Buffer.concat([u32(sequence), id(owner)]);
	const index = key('~', mpt);
	state.own(owner, index, {
		LedgerEntryType: 'MPTokenIssuance',
		Issuer: owner,
		Sequence: sequence,
		AssetScale: 2,
		MaximumAmount: '1000000',
		OutstandingAmount: '500',
		TransferFee: 0,
	});
	state.own(holder, key('t', hex(index), id(holder)), {
		LedgerEntryType: 'MPToken',
		Account: holder,
		MPTokenIssuanceID: mpt.toString('hex').toUpperCase(),
		MPTAmount: '500',
	});
	return mpt.toString('hex').toUpperCase();
}

function credential(state, subject, issuer) {
	const type = 'KYC';
	return state.own(
		subject,
		key('D', id(subject), id(issuer), Buffer.from(type)),
		{
			LedgerEntryType: 'Credential',
			Flags: 0x10000,
			Subject: subject,
			Issuer: issuer,
			CredentialType: text(type),
			IssuerNode: '0',
			SubjectNode: '0',
			OwnerNode: undefined,
		},
		issuer,
	);
}

// Everything; returns what the requests name.
function plant(state) {
	const named = {};
	trustLine(state, alice, gate, '12.5', '100');
	trustLine(state, bob, gate, '40', '100');
	offer(state, alice, 11, usd('2'), '10000000', '4E071AFD498D0000');
	offer(state, bob, 11, '10000000', usd('1'), '5E11C37937E08000');
	named.channel = channel(state, alice, bob, 12);
	named.escrow = escrow(state, alice, bob, 13);
	named.check = check(state, alice, bob, 14);
	named.signer_list = state.own(alice, key('S', id(alice), u32(0)), {
		LedgerEntryType: 'SignerList',
		SignerQuorum: 1,
		SignerListID: 0,
		SignerEntries: [{ SignerEntry: { Account: bob, SignerWeight: 1 } }],
	});
	named.ticket = state.own(alice, key('T', id(alice), u32(15)), {
		LedgerEntryType: 'Ticket',
		Account: alice,
		TicketSequence: 15,
	});
	state.own(alice, key('p', id(alice), id(bob)), {
		LedgerEntryType: 'DepositPreauth',
		Account: alice,
		Authorize: bob,
	});
	state.own(alice, key('I', id(alice)), {
		LedgerEntryType: 'DID',
		Account: alice,
		URI: text('did:example'),
	});
	tokens(state, alice);
	named.token = token(alice);
	named.oracle = oracle(state, gate, 7);
	named.mpt = issuance(state, gate, alice, 9);
	named.credential = credential(state, alice, gate);
	state.account(alice, '500000000', { Domain: text('example.com') });
	state.account(bob, '400000000');
	state.account(gate, '300000000', { Flags: 0x800000, TransferRate: 1005000000 });
	state.account(carol, '200000000', { Flags: 0x1000000 }); // deposits need her consent
	state.directories();
	return named;
}

// Rewrites a genesis file whose one account holds everything; returns the names.
export function enrich(file) {
	const state = new State();
	const named = plant(state);
	// The accounts, and what the escrow and the channel hold.
	const moved = 500_000_000n + 400_000_000n + 300_000_000n + 200_000_000n + 6_000_000n;
	const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
	const at = lines.findIndex((line) => line.startsWith('account = '));
	const [, address, drops] = /^account = (\S+) (\d+)$/.exec(lines[at]);
	lines[at] = `account = ${address} ${BigInt(drops) - moved}`;
	const total = lines.findIndex((line) => line.startsWith('total_drops = '));
	lines[total] = `total_drops = ${drops}`;
	lines.splice(at + 1, 0, ...state.lines());
	fs.writeFileSync(file, lines.join('\n') + '\n');
	return { ...named, alice, bob, gate, carol };
}
