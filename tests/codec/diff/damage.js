// SPDX-License-Identifier: ISC
// Damage to bytes and to JSON.
'use strict'

function damageHex(r, hex) {
  let b = Buffer.from(hex, 'hex')
  const at = () => r.below(b.length + 1)
  for (let n = r.chance(3) ? 2 : 1; n > 0 && b.length; n--) {
    switch (r.below(9)) {
      case 0: case 1: b[r.below(b.length)] ^= 1 << r.below(8); break
      case 2: b[r.below(b.length)] = r.pick([0, 0xff, 0xe1, 0xf1, 0x20, 0x80, 0x14]); break
      case 3: b = b.subarray(0, r.below(b.length)); break
      case 4: { const i = r.below(b.length)
        b = Buffer.concat([b.subarray(0, i), b.subarray(i + 1 + r.below(3))]); break }
      case 5: { const i = at()
        b = Buffer.concat([b.subarray(0, i), Buffer.from(r.hex(1 + r.below(4)), 'hex'),
          b.subarray(i)]); break }
      case 6: { const i = at(), k = i + r.below(40) // a piece twice
        b = Buffer.concat([b.subarray(0, k), b.subarray(i)]); break }
      case 7: { const i = at(), k = Math.min(b.length, i + r.below(30)) // two pieces swapped
        b = Buffer.concat([b.subarray(k), b.subarray(i, k), b.subarray(0, i)]); break }
      default: { // an object end, array end or stray field somewhere
        const i = at()
        b = Buffer.concat([b.subarray(0, i), Buffer.from(r.pick(['e1', 'f1', '2200000000', '00',
          '0011', '1100', '03', 'ea', 'f9', '7d00']), 'hex'), b.subarray(i)]) }
    }
  }
  return b.toString('hex').toUpperCase()
}

const JUNK = [null, true, false, -1, 0, 1, 256, 65536, 4294967296, 9007199254740993, 1e21, 1.5, '',
  ' ', '0', '-1', '+1', 'x', 'XRP', 'USD', 'usd1', '1e3', '0x10', '1.', '.5', 'NaN', 'Infinity',
  '00', '007', 'ABC', 'GG', 'A'.repeat(40), 'a'.repeat(40), 'A'.repeat(64), 'A'.repeat(48),
  '100000000000000001', '9999999999999999.5', '99999999999999999', '1e-97', '1e96',
  '18446744073709551616',
  'rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh',
  'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi', 'T7YChPFWifjCAXLEtg5N74c7fSAYsvPKxzQAET8tbZ8q3SC',
  'XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi', 'Payment', 'AccountRoot', 'tecCLAIM',
  'temMALFORMED', 'Invalid', 'PaymentMint', [], {}, [[]], [null], [{}], [[{}]], [{ Memo: {} }],
  [{ Memo: [] }], [{ Memo: {}, Signer: {} }], [{ hash: {} }], { currency: 'XRP' },
  { currency: 'USD' }, { mpt_issuance_id: '0'.repeat(48) }, { value: '1' }, { Fee: '1' },
  { value: '1', currency: 'USD', issuer: 'rrrrrrrrrrrrrrrrrrrrrhoLvTp' },
  { value: '1', currency: 'XRP', issuer: 'rrrrrrrrrrrrrrrrrrrrBZbvji' },
  { value: 1, currency: 'USD', issuer: 'rrrrrrrrrrrrrrrrrrrrBZbvji' },
  { value: '1', currency: 'usdx', issuer: 'rrrrrrrrrrrrrrrrrrrrBZbvji' },
  { value: '12345678901234567', currency: 'USD', issuer: 'rrrrrrrrrrrrrrrrrrrrBZbvji' }]

function damageText(r, s) {
  const i = r.below(s.length + 1)
  switch (r.below(5)) {
    case 0: return s.slice(0, i) + s.slice(i + 1)
    case 1: return s.slice(0, i) + r.pick(['0', 'F', 'g', ' ', '-', '.', 'e', 'é', '€', 'x']) +
      s.slice(i)
    case 2: return s.toLowerCase()
    case 3: return s + s
    default: return s.slice(0, i) + r.pick(['0', 'A', 'z', 'r', '\u0001']) + s.slice(i + 1)
  }
}

// A copy of the object with one thing changed, somewhere.
function damageJson(r, object) {
  const out = JSON.parse(JSON.stringify(object))
  let at = out
  for (;;) { // walk down to a random place
    const keys = Object.keys(at)
    if (!keys.length) break
    const key = r.pick(keys)
    const value = at[key]
    if (typeof value === 'object' && value !== null && !r.chance(4)) {
      at = value
      continue
    }
    switch (r.below(6)) {
      case 0: if (!Array.isArray(at)) { delete at[key]; at[r.pick(['Flags', 'hash', 'Nonsense',
        'flags', 'Generic', 'Invalid', 'Transaction', 'index', '_x', 'Ünknown', '', 'FLAGS',
        'Amount', 'Account', 'Memos', 'DestinationTag', 'SourceTag'])] = value } break
      case 1: case 2: if (typeof value === 'string') { at[key] = damageText(r, value); break }
      // falls through
      case 3: if (typeof value === 'number') {
        at[key] = r.pick([-value, value + 0.5, value * 256, value * 2 ** 32, String(value),
          -1, 1e21]); break }
      // falls through
      default: at[key] = r.pick(JUNK)
    }
    break
  }
  return out
}

module.exports = { damageHex, damageJson }
