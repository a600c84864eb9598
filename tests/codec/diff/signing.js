// SPDX-License-Identifier: ISC
// What is signed, and signatures: tally's against npm's ripple-binary-codec and ripple-keypairs,
// both ways.
'use strict'

const codec = require('ripple-binary-codec')
const keypairs = require('ripple-keypairs')
const { decodeAccountID } = require('ripple-address-codec')

const KEYS = 12 // of each shard

class Signing {
  constructor(random, wanted) {
    this.r = random
    this.wanted = wanted // transactions to sign
    this.keys = Array.from({ length: KEYS }, (_, i) => {
      const entropy = random.hex(16)
      const algorithm = i % 2 ? 'ed25519' : 'ecdsa-secp256k1'
      const pair = keypairs.deriveKeypair(keypairs.generateSeed({
        entropy: Uint8Array.from(Buffer.from(entropy, 'hex')), algorithm }))
      return { ...pair, entropy, type: i % 2 ? 'e' : 's',
        account: keypairs.deriveAddress(pair.publicKey) }
    }).sort((a, b) => Buffer.compare(decodeAccountID(a.account), decodeAccountID(b.account)))
  }

  // Questions about a transaction, and for each what has to be answered: text, or a function.
  *questions(tx) {
    const bare = { ...tx, SigningPubKey: '' }
    const signer = this.r.pick(this.keys)
    if (this.r.chance(2))
      yield [`S ${codec.encode(tx)}`, `B ${codec.encodeForSigning(tx)}`]
    else
      yield [`M ${accountHex(signer.account)} ${codec.encode(bare)}`,
        `B ${codec.encodeForMultisigning(bare, signer.account)}`]
    if (this.wanted <= 0 || tx.Fee === '0') return
    this.wanted--
    if (this.wanted % 2) yield* this.single({ ...tx, Account: signer.account }, signer)
    else yield* this.multi(bare)
  }
  *single(tx, key) {
    const signed = { ...tx, SigningPubKey: key.publicKey }
    const payload = codec.encodeForSigning(signed)
    signed.TxnSignature = keypairs.sign(payload, key.privateKey)
    yield* this.judged(signed, () => ({ ...signed, TxnSignature: this.spoil(signed.TxnSignature) }))
    yield [`G ${key.type} ${key.entropy} - ${codec.encode(tx)}`, made(payload, key)]
  }
  *multi(bare) {
    const count = 1 + this.r.below(this.r.chance(4) ? KEYS : 4)
    const from = this.r.below(KEYS - count + 1)
    const Signers = this.keys.slice(from, from + count).map((key) => ({ Signer: {
      Account: key.account, SigningPubKey: key.publicKey,
      TxnSignature: keypairs.sign(codec.encodeForMultisigning(bare, key.account), key.privateKey),
    } }))
    const one = this.r.below(count)
    yield* this.judged({ ...bare, Signers }, () => {
      const others = JSON.parse(JSON.stringify(Signers))
      others[one].Signer.TxnSignature = this.spoil(others[one].Signer.TxnSignature)
      return { ...bare, Signers: others }
    })
    if (count > 1) // out of order
      yield [`V ${codec.encode({ ...bare, Signers: [...Signers].reverse() })}`, 'V 0']
    const key = this.keys[from + one]
    yield [`G ${key.type} ${key.entropy} ${accountHex(key.account)} ${codec.encode(bare)}`,
      made(codec.encodeForMultisigning(bare, key.account), key)]
  }
  // Good as it is; bad with another signature, and about something else.
  *judged(signed, spoiled) {
    yield [`V ${codec.encode(signed)}`, 'V 1']
    yield [`V ${codec.encode(spoiled())}`, 'V 0']
    yield [`V ${codec.encode({ ...signed, Fee: String(Number(signed.Fee) + 1) })}`, 'V 0']
  }
  spoil(hex) {
    const b = Buffer.from(hex, 'hex')
    b[8 + this.r.below(b.length - 8)] ^= 1 << this.r.below(8)
    return b.toString('hex').toUpperCase()
  }
}

function accountHex(address) {
  return Buffer.from(decodeAccountID(address)).toString('hex').toUpperCase()
}

// Whether tally's answer is a signature that npm takes, by the key that npm derives.
function made(payload, key) {
  return (answer) => {
    const [letter, publicKey, signature] = answer.split(' ')
    return letter === 'G' && publicKey === key.publicKey &&
      keypairs.verify(payload, signature, publicKey)
  }
}

module.exports = { Signing }
