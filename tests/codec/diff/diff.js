// SPDX-License-Identifier: ISC
// The differential test: tally's codec (codec-judge) against npm's ripple-binary-codec.
//
//     node diff.js JUDGE COUNT SEED DEFINITIONS
//
// The run is cut into shards with seeds of their own, one worker thread each: what is compared
// depends on COUNT and SEED only.
'use strict'

const { Worker, isMainThread, parentPort, workerData } = require('worker_threads')
const { spawn } = require('child_process')
const fs = require('fs')
const readline = require('readline')
const codec = require('ripple-binary-codec')
const { Random, Generator, BASE10 } = require('./generate')
const { Realistic, TRANSACTIONS, ENTRIES } = require('./realistic')
const { Signing } = require('./signing')
const { damageHex, damageJson } = require('./damage')
const { BYTES, JSON_CLASSES } = require('./classes')

const SHARDS = 2
const BATCH = 250
const MIN_PER_TYPE = 300
const SIGNED = 150 // transactions that each shard signs
const DAMAGED = 4 // one object in so many is damaged as well, bytes and JSON

// The reference tries to read every value as an X-address, which takes half of its time. All of
// them begin with X or T and have more than 40 letters: the rest need not be tried.
const addresses = require('ripple-address-codec')
const isValidXAddress = addresses.isValidXAddress
addresses.isValidXAddress = (s) => s.length > 40 && /^[XT]/.test(s) && isValidXAddress(s)

class Judge {
  constructor(program) {
    this.child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = []
    this.wanted = 0
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.lines.push(line)
      if (this.lines.length === this.wanted) this.done(this.lines)
    })
    this.child.on('exit', (code, signal) => {
      if (!this.ended) {
        console.error(`codec-judge ended: ${code === null ? signal : code}`)
        process.exit(1)
      }
    })
  }
  // One answer per question.
  ask(questions) {
    this.lines = []
    this.wanted = questions.length
    const answers = new Promise((resolve) => { this.done = resolve })
    this.child.stdin.write(questions.join('\n') + '\nF\n')
    return answers
  }
  end() {
    this.ended = true
    this.child.stdin.end()
  }
}

// 2.9.0 shows ConfidentialOutstandingAmount in hex; its own later fixtures and the server have it
// in decimal like its sisters, and so has tally. Turned on the way into and out of the codec.
const TURNED = 'ConfidentialOutstandingAmount'
function turn(value, convert) {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((v) => turn(v, convert))
  return Object.fromEntries(Object.entries(value).map(([k, v]) =>
    [k, k === TURNED && typeof v === 'string' ? convert(v) : turn(v, convert)]))
}
function toHex(s) {
  return /^[0-9]{1,20}$/.test(s) ? BigInt(s).toString(16) : 'not decimal'
}
function npmEncode(json) {
  return codec.encode(JSON.stringify(json).includes(TURNED) ? turn(json, toHex) : json)
}
function npmDecode(hex) {
  const json = codec.decode(hex)
  const text = JSON.stringify(json)
  if (!text.includes(TURNED)) return text
  return JSON.stringify(turn(json, (s) => BigInt('0x' + s).toString()))
}
function attempt(f) {
  try {
    return f()
  } catch {
    return null
  }
}

class Shard {
  constructor(number, count, seed, program) {
    this.number = number
    this.count = count
    this.random = new Random((seed + 0x9e3779b1 * (number + 1)) | 0)
    this.generator = new Generator(this.random, workerData.definitions)
    this.realistic = new Realistic(this.random)
    this.signing = new Signing(this.random, SIGNED)
    this.judge = new Judge(program)
    this.classes = {}
    this.tally = { valid: 0, realistic: 0, signing: 0, 'damaged bytes': 0, 'damaged JSON': 0,
      'refused by both': 0, 'taken by both': 0 }
  }
  fail(what, item, ...details) {
    throw new Error(`${what}\nshard ${this.number}, object ${item.i}\n` + details.join('\n'))
  }
  classify(classes, kind, item, context) {
    const found = classes.find((c) => c.is(context))
    if (!found) this.fail(`tally refuses ${kind} in no listed class`, item, JSON.stringify(context))
    const key = `${kind}: ${found.name}`
    this.classes[key] = (this.classes[key] || 0) + 1
  }
  valid(item, encoded, decoded) {
    if (encoded !== `B ${item.hex}`)
      this.fail('encoding differs', item, JSON.stringify(item.json), item.hex, encoded)
    if (decoded !== `J ${item.text}`)
      this.fail('decoding differs', item, item.hex, item.text, decoded)
    this.tally.valid++
  }
  signed(item, question, wanted, answer) {
    if (typeof wanted === 'string' ? answer !== wanted : !wanted(answer))
      this.fail('what is signed differs', item, JSON.stringify(item.json), question, answer, wanted)
    this.tally.signing++
  }
  damagedHex(item, answer) {
    const hex = item.badHex
    const text = attempt(() => npmDecode(hex))
    this.tally['damaged bytes']++
    if (text === null) {
      if (!answer.startsWith('R ')) this.fail('tally takes bad bytes', item, hex, answer)
      this.tally['refused by both']++
    } else if (answer.startsWith('R ')) {
      const again = attempt(() => npmEncode(JSON.parse(text)))
      this.classify(BYTES, 'bytes', item, { hex, reason: answer.slice(2), again, text })
    } else {
      if (answer !== `J ${text}`) this.fail('decoding differs', item, hex, text, answer)
      this.tally['taken by both']++
    }
  }
  damagedJson(item, answer) {
    const json = item.badJson
    const hex = attempt(() => npmEncode(json))
    this.tally['damaged JSON']++
    if (hex === null) {
      if (!answer.startsWith('R '))
        this.fail('tally takes bad JSON', item, JSON.stringify(json), answer)
      this.tally['refused by both']++
    } else if (answer.startsWith('R ')) {
      const reason = answer.slice(2)
      const path = reason.replace(/^ERR_\w+ /, '').replace(/: .*/, '')
      const value = path.split(/[.[\]]+/).filter(Boolean)
        .reduce((v, k) => (v === undefined || v === null ? v : v[k]), json)
      this.classify(JSON_CLASSES, 'JSON', item, { reason, value, json: JSON.stringify(json) })
    } else {
      if (answer !== `B ${hex}`)
        this.fail('encoding differs', item, JSON.stringify(json), hex, answer)
      this.tally['taken by both']++
    }
  }
  make(i) {
    const real = this.generator.realistic(i, this.realistic)
    const item = { i, json: real || this.generator.object(i) }
    if (real) this.tally.realistic++
    try {
      item.hex = npmEncode(item.json)
      item.text = npmDecode(item.hex)
    } catch (e) {
      this.fail('the reference refuses a generated object', item, JSON.stringify(item.json), e)
    }
    item.signing = real && real.TransactionType ? [...this.signing.questions(real)] : []
    if (i % DAMAGED === 0) {
      item.badHex = damageHex(this.random, item.hex)
      item.badJson = damageJson(this.random, item.json)
    }
    return item
  }
  async run() {
    for (let start = 0; start < this.count; start += BATCH) {
      const items = []
      for (let i = start; i < Math.min(start + BATCH, this.count); i++) items.push(this.make(i))
      const answers = await this.judge.ask(items.flatMap((item) => {
        const questions = [`E ${JSON.stringify(item.json)}`, `D ${item.hex}`]
        if (item.badHex !== undefined)
          questions.push(`D ${item.badHex}`, `E ${JSON.stringify(item.badJson)}`)
        return questions.concat(item.signing.map(([question]) => question))
      }))
      for (const item of items) {
        this.valid(item, answers.shift(), answers.shift())
        if (item.badHex !== undefined) {
          this.damagedHex(item, answers.shift())
          this.damagedJson(item, answers.shift())
        }
        for (const [question, wanted] of item.signing)
          this.signed(item, question, wanted, answers.shift())
      }
    }
    this.judge.end()
    return { tally: this.tally, classes: this.classes, seen: [...this.generator.seen],
      perType: [...this.generator.perType], perReal: [...this.generator.perReal] }
  }
}

function merge(results) {
  const sum = { tally: {}, classes: {}, seen: {}, perType: {}, perReal: {} }
  for (const r of results) {
    for (const [k, n] of Object.entries(r.tally)) sum.tally[k] = (sum.tally[k] || 0) + n
    for (const [k, n] of Object.entries(r.classes)) sum.classes[k] = (sum.classes[k] || 0) + n
    for (const [k, n] of r.seen) sum.seen[k] = (sum.seen[k] || 0) + n
    for (const [k, n] of r.perReal) sum.perReal[k] = (sum.perReal[k] || 0) + n
    for (const [k, n] of r.perType) sum.perType[k] = (sum.perType[k] || 0) + n
  }
  return sum
}

// Coverage is part of the promise: every field at least once, every type often enough.
function coverage(sum, definitions, count) {
  const missing = []
  for (const [name, info] of definitions.FIELDS) {
    if (info.isSerialized && info.nth > 0 && info.nth < 256 && !name.endsWith('EndMarker') &&
        !sum.seen[name]) missing.push(name)
  }
  const types = [
    ...Object.keys(definitions.TRANSACTION_TYPES).map((t) => `TransactionType ${t}`),
    ...Object.keys(definitions.LEDGER_ENTRY_TYPES).map((t) => `LedgerEntryType ${t}`),
  ].filter((t) => !t.endsWith(' Invalid'))
  const least = Math.min(...types.map((t) => sum.perType[t] || 0))
  console.log(`  ${types.length} types, at least ${least} objects of each; ` +
    `${Object.keys(sum.seen).length} fields`)
  const real = [...TRANSACTIONS.map((t) => `TransactionType ${t}`),
    ...ENTRIES.map((t) => `LedgerEntryType ${t}`)]
  const leastReal = Math.min(...real.map((t) => sum.perReal[t] || 0))
  console.log(`  ${real.length} types with at least ${leastReal} realistic objects`)
  if (missing.length) console.log(`  fields never seen: ${missing.join(' ')}`)
  if (count < 80000) return true // a shorter run by hand
  return least >= MIN_PER_TYPE && leastReal >= MIN_PER_TYPE && missing.length === 0
}

async function main() {
  const [program, countText, seedText, definitionsFile] = process.argv.slice(2)
  const count = Number(countText)
  const seed = Number(seedText)
  const definitions = JSON.parse(fs.readFileSync(definitionsFile))
  const started = Date.now()
  console.log(`codec differential: ${count} objects, seed ${seed}, ripple-binary-codec ` +
    require('ripple-binary-codec/package.json').version)
  const results = await Promise.all(Array.from({ length: SHARDS }, (_, number) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: { number, seed, program, definitions,
        count: Math.ceil((count - number) / SHARDS) } })
      worker.on('message', resolve)
      worker.on('error', reject)
    })))
  const sum = merge(results)
  for (const [k, n] of Object.entries(sum.tally)) console.log(`  ${k}: ${n}`)
  console.log('  refused by tally alone:')
  for (const [k, n] of Object.entries(sum.classes).sort()) console.log(`    ${k}: ${n}`)
  const covered = coverage(sum, definitions, count)
  console.log(`  ${((Date.now() - started) / 1000).toFixed(1)} s`)
  if (!covered) throw new Error('coverage fell short')
}

if (isMainThread) {
  main().catch((e) => {
    console.error(`FAILED: ${e.message}`)
    process.exit(1)
  })
} else {
  const { number, count, seed, program } = workerData
  new Shard(number, count, seed, program).run().then((r) => parentPort.postMessage(r))
}
