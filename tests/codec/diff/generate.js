// SPDX-License-Identifier: ISC
// Random objects in JSON: every transaction and ledger entry type by its published format, nested
// parts with fields of every kind. Everything follows from the seed.
'use strict'

const { TRANSACTIONS, ENTRIES } = require('./realistic')
const { encodeAccountID, classicAddressToXAddress } = require('ripple-address-codec')

class Random {
  constructor(seed) {
    this.a = (seed ^ 0x9e3779b9) >>> 0
    this.b = 0x243f6a88
    this.c = 0xb7e15162
    this.d = 1
    for (let i = 0; i < 20; i++) this.u32()
  }
  u32() { // sfc32
    const t = (((this.a + this.b) | 0) + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (this.c << 21) | (this.c >>> 11)
    this.c = (this.c + t) | 0
    return t >>> 0
  }
  below(n) { return this.u32() % n }
  chance(n) { return this.u32() % n === 0 } // one in n
  pick(list) { return list[this.u32() % list.length] }
  hex(bytes) {
    let s = ''
    for (; bytes >= 4; bytes -= 4) s += this.u32().toString(16).padStart(8, '0')
    for (; bytes > 0; bytes--) s += this.below(256).toString(16).padStart(2, '0')
    return s.toUpperCase()
  }
  digits(n) {
    let s = ''
    while (s.length < n) s += String(this.below(10))
    return s
  }
}

const CODE_LETTERS =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789?!@#$%^&*(){}[]|'
const GRANULAR = ['TrustlineAuthorize', 'TrustlineFreeze', 'TrustlineUnfreeze', 'AccountDomainSet',
  'AccountEmailHashSet', 'AccountMessageKeySet', 'AccountTransferRateSet', 'AccountTickSizeSet',
  'PaymentMint', 'PaymentBurn', 'MPTokenIssuanceLock', 'MPTokenIssuanceUnlock']
const ZERO_HASH = '0'.repeat(64)
const BASE10 = new Set(['MaximumAmount', 'OutstandingAmount', 'MPTAmount', 'LockedAmount',
  'ConfidentialOutstandingAmount'])

class Generator {
  constructor(random, definitions) {
    this.r = random
    this.definitions = definitions
    this.fields = new Map()
    for (const [name, info] of definitions.FIELDS) {
      if (info.isSerialized && info.nth > 0 && info.nth < 256 && !name.endsWith('EndMarker'))
        this.fields.set(name, info)
    }
    this.names = [...this.fields.keys()]
    this.wrappers = this.names.filter((n) => this.fields.get(n).type === 'STObject')
    this.txTypes = Object.keys(definitions.TRANSACTION_TYPES).filter((n) => n !== 'Invalid')
    this.entryTypes = Object.keys(definitions.LEDGER_ENTRY_TYPES).filter((n) => n !== 'Invalid')
    this.results = Object.entries(definitions.TRANSACTION_RESULTS)
      .filter(([, code]) => code >= 0 && code < 256).map(([name]) => name)
    this.accounts = ['rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'rrrrrrrrrrrrrrrrrrrrBZbvji']
    while (this.accounts.length < 100)
      this.accounts.push(encodeAccountID(Buffer.from(random.hex(20), 'hex')))
    this.xAccounts = this.accounts.slice(2, 12).map((a) =>
      classicAddressToXAddress(a, false, random.chance(2)))
    this.seen = new Map() // field name → times
    this.perType = new Map() // type name → times
    this.perReal = new Map() // the same of realistic objects
  }

  uint(bits) {
    const r = this.r
    const max = 2 ** bits - 1
    switch (r.below(6)) {
      case 0: return r.pick([0, 1, max, max - 1, 2 ** (bits - 1), 127 & max, 128 & max])
      case 1: return r.below(256) & max
      default: return bits === 32 ? r.u32() : r.below(max + 1)
    }
  }
  uint64(name) {
    const r = this.r
    if (r.chance(20)) return r.below(2 ** 31) * 2 ** r.below(22) // a JSON number
    const hex = r.chance(8) ? r.pick(['0', 'FFFFFFFFFFFFFFFF', '8000000000000000', '1']) : r.hex(8)
    if (BASE10.has(name)) return BigInt('0x' + hex).toString()
    const short = r.chance(4) ? hex.replace(/^0+(?=.)/, '').slice(0, 1 + r.below(16)) : hex
    return r.chance(4) ? short.toLowerCase() : short
  }
  int32() {
    const r = this.r
    const n = r.chance(4) ? r.pick([0, 1, -1, 2147483647, -2147483648]) : r.u32() | 0
    return r.chance(4) ? String(n) : n
  }
  hash(bytes) {
    const r = this.r
    if (bytes === 32 && r.chance(10)) return ZERO_HASH
    if (bytes < 32 && r.chance(20)) return ''
    const hex = r.hex(bytes)
    return r.chance(10) ? hex.toLowerCase() : hex
  }
  blob() {
    const r = this.r
    const kind = r.below(400)
    if (kind === 0) return r.hex(12470 + r.below(30))
    if (kind < 8) return r.hex(185 + r.below(20))
    return r.hex(r.pick([0, 1, 32, 33, r.below(80)]))
  }
  account() {
    const r = this.r
    if (r.chance(40)) return r.hex(20)
    if (r.chance(40)) return r.pick(this.xAccounts)
    return r.pick(this.accounts)
  }
  issuer() { // never account zero
    return this.r.pick(this.accounts.slice(1))
  }
  code() {
    const r = this.r
    for (;;) {
      const code = r.pick(CODE_LETTERS) + r.pick(CODE_LETTERS) + r.pick(CODE_LETTERS)
      if (code !== 'XRP') return code
    }
  }
  currency() { // not XRP
    const r = this.r
    if (r.chance(4)) return r.hex(19) + '01'
    if (r.chance(40)) return '0'.repeat(24) + '585250' + '0'.repeat(10) // looks like XRP
    if (r.chance(40)) return '0'.repeat(24) + r.hex(3) + '0'.repeat(9) + '1'
    return r.pick(['USD', 'EUR', 'BTC', this.code()])
  }
  decimal() { // at most 16 significant digits, exponents in range
    const r = this.r
    const digits = r.digits(1 + r.below(16)).replace(/^0+(?=.)/, '')
    const sign = r.chance(4) ? '-' : ''
    switch (r.below(6)) {
      case 0: return r.pick(['0', '-0', '0.0', '1', '-1', '9999999999999999e80',
        '-9999999999999999e80', '1000000000000000e-96', '1e-81', '1e95', '0.000001'])
      case 1: return `${sign}${digits}`
      case 2: return `${sign}${digits}e${r.below(150) - 75 - digits.length}`
      case 3: return `${sign}0.${'0'.repeat(r.below(20))}${digits}`
      default: {
        const at = r.below(digits.length)
        return `${sign}${digits.slice(0, at) || '0'}.${digits.slice(at)}`
      }
    }
  }
  units() {
    const r = this.r
    const u = r.chance(5) ? r.pick(['0', '1', '9223372036854775807']) :
      (BigInt('0x' + r.hex(8)) >> BigInt(1 + r.below(60))).toString()
    return r.chance(10) ? '0x' + BigInt(u).toString(16) : u
  }
  drops() {
    const r = this.r
    return r.chance(5) ? r.pick(['0', '1', '10', '100000000000000000', '99999999999999999']) :
      (BigInt('0x' + r.hex(8)) % (10n ** BigInt(1 + r.below(17)))).toString()
  }
  amount() {
    const r = this.r
    switch (r.below(4)) {
      case 0: case 1: return this.drops()
      case 2: return { currency: this.currency(), value: this.decimal(), issuer: this.issuer() }
      default: return { mpt_issuance_id: r.hex(24), value: this.units() }
    }
  }
  issue() {
    const r = this.r
    switch (r.below(3)) {
      case 0: return { currency: 'XRP' }
      case 1: return { currency: this.currency(), issuer: r.pick(this.accounts.slice(2)) }
      default: return { mpt_issuance_id: r.hex(24) }
    }
  }
  number() {
    const r = this.r
    const sign = r.pick(['', '', '-', '+'])
    switch (r.below(6)) {
      case 0: return r.pick(['0', '1', '-1', '9223372036854775807', '9223372036854775808',
        '-9223372036854775808', '9999999999999999999', '99999999999999999995', '1e32786',
        '9.99e-32750', '1000000000000000000', '0.1', '00012.500', '9223372036854775807.5',
        '922337203685477580.75', '92233720368547758074', '92233720368547758079'])
      case 1: return sign + (r.digits(1 + r.below(19)).replace(/^0+(?=.)/, ''))
      case 2: return `${sign}${r.digits(1 + r.below(40))}.${r.digits(1 + r.below(20))}`
      case 3: return `${sign}${r.digits(1 + r.below(20))}e${r.pick(['', '+', '-'])}${r.below(60)}`
      case 4: return `${sign}1.${r.digits(1 + r.below(25))}E${r.below(20000) - 10000}`
      default: return `${sign}0.${'0'.repeat(r.below(40))}${r.digits(1 + r.below(22))}`
    }
  }
  pathSet() {
    const r = this.r
    const paths = []
    for (let n = 1 + r.below(4); n > 0; n--) {
      const path = []
      for (let hops = 1 + r.below(5); hops > 0; hops--) {
        const hop = {}
        const kind = 1 + r.below(7)
        if (kind & 1) hop.account = this.account()
        if (kind & 2) hop.currency = r.chance(4) ? 'XRP' : this.currency()
        if (kind & 4) hop.issuer = this.account()
        if (r.chance(8)) hop.type = 1
        path.push(hop)
      }
      paths.push(path)
    }
    return paths
  }
  array(depth) {
    const r = this.r
    const out = []
    for (let n = r.below(3); n > 0; n--)
      out.push({ [r.pick(this.wrappers)]: this.inner(depth + 1) })
    return out
  }
  inner(depth) {
    const r = this.r
    const out = {}
    for (let n = r.below(depth > 2 ? 2 : 4); n > 0; n--) this.put(out, r.pick(this.names), depth)
    return out
  }
  put(object, name, depth) {
    const type = this.fields.get(name).type
    if (depth >= 4 && (type === 'STObject' || type === 'STArray')) return
    object[name] = this.value(name, type, depth)
    this.seen.set(name, (this.seen.get(name) || 0) + 1)
  }
  value(name, type, depth) {
    const r = this.r
    if (name === 'TransactionType') return r.pick(this.txTypes.filter((t) => t !== 'UNLModify'))
    if (name === 'LedgerEntryType') return r.pick(this.entryTypes)
    if (name === 'TransactionResult') return r.pick(this.results)
    if (name === 'PermissionValue') return r.chance(2) ? r.pick(GRANULAR) : r.pick(this.txTypes)
    switch (type) {
      case 'UInt8': return this.uint(8)
      case 'UInt16': return this.uint(16)
      case 'UInt32': return r.chance(20) ? String(this.uint(32)) : this.uint(32)
      case 'UInt64': return this.uint64(name)
      case 'Int32': return this.int32()
      case 'Hash128': return this.hash(16)
      case 'Hash160': return this.hash(20)
      case 'Hash192': return this.hash(24)
      case 'Hash256': return this.hash(32)
      case 'Amount': return this.amount()
      case 'Blob': return this.blob()
      case 'AccountID': return this.account()
      case 'Number': return this.number()
      case 'PathSet': return this.pathSet()
      case 'Vector256': return Array.from({ length: r.below(6) }, () => this.hash(32))
      case 'Issue': return this.issue()
      case 'Currency': return r.chance(5) ? 'XRP' : this.currency()
      case 'XChainBridge': return { LockingChainDoor: this.account(),
        LockingChainIssue: this.issue(), IssuingChainDoor: this.account(),
        IssuingChainIssue: this.issue() }
      case 'STObject': return this.inner(depth + 1)
      case 'STArray': return this.array(depth + 1)
    }
    throw new Error(`no values of type ${type}`)
  }

  // The n-th object of a type: the first two have every field, the others a third of the optional
  // ones.
  typed(formats, typeField, type) {
    const r = this.r
    const n = this.perType.get(`${typeField} ${type}`) || 0
    const out = { [typeField]: type }
    for (const { name, optionality } of [...formats[type], ...formats.common]) {
      if (name === typeField || !this.fields.has(name)) continue
      if (optionality === 0 || n < 2 || r.chance(3)) this.put(out, name, 0)
    }
    this.seen.set(typeField, (this.seen.get(typeField) || 0) + 1)
    if (typeField === 'TransactionType' && type !== 'UNLModify') this.tag(out)
    this.perType.set(`${typeField} ${type}`, n + 1)
    return out
  }
  // Sometimes an X-address with a tag in place of address and tag.
  tag(tx) {
    const r = this.r
    for (const [field, tag] of [['Account', 'SourceTag'], ['Destination', 'DestinationTag']]) {
      if (tx[field] === undefined || tx[tag] !== undefined || !r.chance(20)) continue
      tx[field] = classicAddressToXAddress(r.pick(this.accounts), r.u32(), r.chance(2))
    }
  }
  // In place of every other object of some types, one as it might be in a ledger; or null.
  realistic(i, realistic) {
    const types = this.txTypes.length + this.entryTypes.length + 1
    const k = i % types
    if (Math.floor(i / types) % 2 === 0) return null
    const isTx = k < this.txTypes.length
    const type = isTx ? this.txTypes[k] : this.entryTypes[k - this.txTypes.length]
    if (!(isTx ? TRANSACTIONS : ENTRIES).includes(type)) return null
    const name = `${isTx ? 'TransactionType' : 'LedgerEntryType'} ${type}`
    this.perReal.set(name, (this.perReal.get(name) || 0) + 1)
    this.perType.set(name, (this.perType.get(name) || 0) + 1)
    return !isTx && type === 'DepositPreauth' ? realistic.preauthorised() : realistic[type]()
  }
  // The i-th object of a run: all types in turn, now and then a loose collection of fields.
  object(i) {
    const types = this.txTypes.length + this.entryTypes.length
    const k = i % (types + 1)
    if (k === types) return this.inner(0)
    if (k < this.txTypes.length)
      return this.typed(this.definitions.TRANSACTION_FORMATS, 'TransactionType', this.txTypes[k])
    return this.typed(this.definitions.LEDGER_ENTRY_FORMATS, 'LedgerEntryType',
      this.entryTypes[k - this.txTypes.length])
  }
}

module.exports = { Random, Generator, BASE10 }
