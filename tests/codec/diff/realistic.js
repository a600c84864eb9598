// SPDX-License-Identifier: ISC
// Objects as ledgers hold them: transactions about keys, signers, tickets and accounts, what
// validators make, and the entries that come of them. Their fields fit each other, where
// generate.js puts any value anywhere.
'use strict'

const { createHash } = require('crypto')
const { encodeAccountID, decodeAccountID } = require('ripple-address-codec')

const AMENDMENTS = ['XRPFees', 'fixPreviousTxnID', 'NegativeUNL', 'fixDirectoryLimit', 'MultiSign',
  'DeletableAccounts', 'TicketBatch', 'DepositPreauth', 'ExpandedSignerList'].map((name) =>
  createHash('sha512').update(name).digest('hex').slice(0, 64).toUpperCase())
const NOBODY = 'rrrrrrrrrrrrrrrrrrrrrhoLvTp'
const FULLY_CANONICAL = 0x80000000
const GOT_MAJORITY = 0x00010000
const LOST_MAJORITY = 0x00020000

class Realistic {
  constructor(random) {
    this.r = random
    this.accounts = Array.from({ length: 60 }, () =>
      encodeAccountID(Buffer.from(random.hex(20), 'hex')))
  }
  account(not) {
    for (;;) {
      const a = this.r.pick(this.accounts)
      if (a !== not) return a
    }
  }
  // So many accounts in the order of their ids, which the protocol demands of lists.
  several(n, not) {
    const chosen = new Set()
    while (chosen.size < n) chosen.add(this.account(not))
    return [...chosen].sort((a, b) => Buffer.compare(decodeAccountID(a), decodeAccountID(b)))
  }
  key() { return this.r.pick(['ED', 'ED', '02', '03']) + this.r.hex(32) }
  ledger() { return 1 + this.r.below(100000000) }
  transaction(type, fields) {
    const r = this.r
    const tx = { TransactionType: type, Account: this.account(), Fee: String(10 + r.below(5000)),
      Sequence: 1 + r.below(100000000), SigningPubKey: this.key(), ...fields }
    if (r.chance(3)) {
      tx.TicketSequence = tx.Sequence
      tx.Sequence = 0
    }
    if (r.chance(2)) tx.LastLedgerSequence = this.ledger()
    if (r.chance(2)) tx.Flags = FULLY_CANONICAL
    if (r.chance(5)) tx.NetworkID = 1025 + r.below(60000)
    if (r.chance(5)) tx.AccountTxnID = r.hex(32)
    if (r.chance(5)) tx.SourceTag = r.u32()
    if (r.chance(4)) tx.Memos = [{ Memo: { MemoType: '746578742F706C61696E',
      MemoData: r.hex(1 + r.below(90)) } }]
    return tx
  }
  pseudo(type, fields) {
    return { TransactionType: type, Account: NOBODY, Fee: '0', Sequence: 0, SigningPubKey: '',
      ...fields }
  }
  entry(type, fields) {
    const r = this.r
    const out = { LedgerEntryType: type, Flags: 0, ...fields }
    if (r.chance(8)) return out // older than fixPreviousTxnID, or only counted
    return { ...out, PreviousTxnID: r.hex(32), PreviousTxnLgrSeq: this.ledger() }
  }
  owned() { return this.r.chance(2) ? '0' : this.r.below(300).toString(16).toUpperCase() }
  entries(not) {
    const r = this.r
    const count = r.chance(10) ? 32 : 1 + r.below(9)
    return this.several(count, not).map((Account) => {
      const SignerEntry = { Account, SignerWeight: 1 + r.below(r.chance(3) ? 65535 : 5) }
      if (r.chance(4)) SignerEntry.WalletLocator = r.hex(32)
      return { SignerEntry }
    })
  }
  credentials() {
    return this.several(1 + this.r.below(8)).map((Issuer) =>
      ({ Credential: { Issuer, CredentialType: this.r.hex(1 + this.r.below(64)) } }))
  }

  // Transactions
  SetRegularKey() {
    return this.transaction('SetRegularKey', this.r.chance(4) ? {} : { RegularKey: this.account() })
  }
  SignerListSet() {
    if (this.r.chance(5)) return this.transaction('SignerListSet', { SignerQuorum: 0 })
    const SignerEntries = this.entries()
    const sum = SignerEntries.reduce((n, e) => n + e.SignerEntry.SignerWeight, 0)
    return this.transaction('SignerListSet', { SignerQuorum: 1 + this.r.below(sum), SignerEntries })
  }
  TicketCreate() {
    return this.transaction('TicketCreate', { TicketCount: 1 + this.r.below(250) })
  }
  DepositPreauth() {
    const field = this.r.pick(['Authorize', 'Unauthorize', 'AuthorizeCredentials',
      'UnauthorizeCredentials'])
    return this.transaction('DepositPreauth', { [field]: field.endsWith('Credentials') ?
      this.credentials() : this.account() })
  }
  AccountDelete() {
    const r = this.r
    const tx = this.transaction('AccountDelete', { Destination: this.account(),
      Fee: r.pick(['2000000', '200000', '50000000']) })
    if (r.chance(2)) tx.DestinationTag = r.u32()
    if (r.chance(6)) tx.CredentialIDs = [r.hex(32)]
    return tx
  }
  AccountSet() {
    const r = this.r
    const tx = this.transaction('AccountSet', {})
    if (r.chance(2)) tx.SetFlag = 1 + r.below(17)
    if (r.chance(3)) tx.ClearFlag = 1 + r.below(17)
    if (r.chance(4)) tx.Domain = r.hex(1 + r.below(30))
    if (r.chance(4)) tx.TickSize = r.pick([0, 3, 15, 16])
    if (r.chance(4)) tx.TransferRate = 1000000000 + r.below(1000000000)
    return tx
  }
  EnableAmendment() {
    const r = this.r
    const tx = this.pseudo('EnableAmendment', { Amendment: r.pick(AMENDMENTS),
      LedgerSequence: this.ledger() })
    if (!r.chance(3)) tx.Flags = r.pick([GOT_MAJORITY, LOST_MAJORITY])
    return tx
  }
  fees() {
    const r = this.r
    if (r.chance(2)) return { BaseFeeDrops: String(1 + r.below(1000)),
      ReserveBaseDrops: String(r.below(20000000)), ReserveIncrementDrops: String(r.below(5000000)) }
    return { BaseFee: r.below(65536).toString(16).toUpperCase(), ReferenceFeeUnits: 10,
      ReserveBase: r.below(200000000), ReserveIncrement: r.below(50000000) }
  }
  SetFee() {
    return this.pseudo('SetFee', { ...this.fees(),
      ...(this.r.chance(2) ? { LedgerSequence: this.ledger() } : {}) })
  }

  // Ledger entries
  Ticket() {
    return this.entry('Ticket', { Account: this.account(), OwnerNode: this.owned(),
      TicketSequence: this.ledger() })
  }
  SignerList() {
    const r = this.r
    const SignerEntries = this.entries()
    const list = this.entry('SignerList', { OwnerNode: this.owned(), SignerEntries,
      SignerQuorum: 1 + r.below(SignerEntries.length), SignerListID: 0 })
    if (!r.chance(4)) list.Flags = 0x00010000
    if (r.chance(3)) list.Owner = this.account()
    return list
  }
  preauthorised() {
    return this.entry('DepositPreauth', { Account: this.account(), OwnerNode: this.owned(),
      ...(this.r.chance(3) ? { AuthorizeCredentials: this.credentials() } :
        { Authorize: this.account() }) })
  }
  DirectoryNode() {
    const r = this.r
    const node = this.entry('DirectoryNode', { Owner: this.account(), RootIndex: r.hex(32),
      Indexes: Array.from({ length: r.chance(5) ? 32 : r.below(33) }, () => r.hex(32)).sort() })
    if (r.chance(2)) node.IndexNext = r.below(70).toString(16).toUpperCase()
    if (r.chance(2)) node.IndexPrevious = r.below(262144).toString(16).toUpperCase()
    return node
  }
  Amendments() {
    const r = this.r
    const out = this.entry('Amendments', { Amendments: AMENDMENTS.slice(0, r.below(9)) })
    if (r.chance(2)) out.Majorities = AMENDMENTS.slice(0, 1 + r.below(4)).map((Amendment) =>
      ({ Majority: { Amendment, CloseTime: r.u32() } }))
    return out
  }
  FeeSettings() { return this.entry('FeeSettings', this.fees()) }
  NegativeUNL() {
    const r = this.r
    const out = this.entry('NegativeUNL', {})
    if (!r.chance(4)) out.DisabledValidators = Array.from({ length: 1 + r.below(9) }, () =>
      ({ DisabledValidator: { PublicKey: this.key(),
        FirstLedgerSequence: 256 * r.below(400000) } }))
    if (r.chance(2)) out.ValidatorToDisable = this.key()
    if (r.chance(2)) out.ValidatorToReEnable = this.key()
    return out
  }
  AccountRoot() {
    const r = this.r
    const out = this.entry('AccountRoot', { Account: this.account(), OwnerCount: r.below(300),
      Balance: (BigInt('0x' + r.hex(7)) % 10n ** 17n).toString(), Sequence: 1 + r.below(2 ** 31),
      Flags: r.pick([0, 0x00010000, 0x00100000, 0x01000000, 0x01110000]) })
    if (r.chance(2)) out.RegularKey = this.account()
    if (r.chance(2)) out.TicketCount = 1 + r.below(250)
    if (r.chance(4)) out.AccountTxnID = r.hex(32)
    return out
  }
}

const TRANSACTIONS = ['SetRegularKey', 'SignerListSet', 'TicketCreate', 'DepositPreauth',
  'AccountDelete', 'AccountSet', 'EnableAmendment', 'SetFee']
const ENTRIES = ['Ticket', 'SignerList', 'DepositPreauth', 'DirectoryNode', 'Amendments',
  'FeeSettings', 'NegativeUNL', 'AccountRoot']

module.exports = { Realistic, TRANSACTIONS, ENTRIES }
