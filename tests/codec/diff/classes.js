// SPDX-License-Identifier: ISC
// Where tally refuses what the reference codec takes. Each class says why; `is` looks at what was
// refused and at the reason given. A refusal that fits no class fails the run.
'use strict'

// Bytes. c = { hex, reason, text, again }: `again` is what the reference codec itself makes of the
// JSON it read out of these bytes (text): other bytes, or null when it refuses its own JSON.
const BYTES = [
  {
    name: 'does not come back from the reference itself',
    why: 'order, duplicates, lengths, trailing bytes, ranges: bytes that are no canonical form ' +
      'would let one transaction have two ids',
    is: (c) => c.again !== c.hex,
  },
  {
    name: 'end marker in place of a field',
    why: 'the reference reads it as a field named ArrayEndMarker or ObjectEndMarker',
    is: (c) => /unknown field/.test(c.reason) && /EndMarker/.test(c.text),
  },
  {
    name: 'amount or asset without issuer or currency',
    why: 'an issued amount of currency XRP or of account zero means nothing; the server refuses it',
    is: (c) => /amount not canonical|issuer is zero/.test(c.reason),
  },
  {
    name: 'amount out of range',
    why: 'exponents the reference codec reads back from a denormal mantissa',
    is: (c) => /amount out of range/.test(c.reason),
  },
  {
    name: 'nested too deep',
    why: 'the protocol has ten levels; recursion on outside data must end',
    is: (c) => /nested too deep/.test(c.reason),
  },
  {
    name: 'path element without content',
    why: 'the server refuses element types it does not know',
    is: (c) => /path/.test(c.reason),
  },
  {
    name: 'array element that is no object',
    why: 'arrays hold objects; the server refuses others',
    is: (c) => /array element is no known object/.test(c.reason),
  },
  {
    name: 'permission for no transaction type',
    why: 'the reference reads 0 as type "Invalid" plus 1; no ledger holds it, and tally refuses ' +
      'it in JSON as well',
    is: (c) => /PermissionValue.*unknown code/.test(c.reason) &&
      /"PermissionValue":"Invalid"/.test(c.text),
  },
]

// JSON. c = { json, reason, path, value }: where tally stopped, and the value there.
const NOT_TEXT = (v) => typeof v !== 'string'
const JSON_CLASSES = [
  {
    name: 'whole numbers written as text or fraction in other ways',
    why: 'JavaScript reads "", " 5", "0x10", "12abc" and 1e2 as numbers; a typo must not be one',
    is: (c) => /not a plain decimal number|not a whole number/.test(c.reason),
  },
  {
    name: 'numbers beyond what JSON carries exactly',
    why: 'above 2^53 programs differ in what they read; 64-bit numbers are text. Also text that ' +
      'the reference cuts to 32 bits',
    is: (c) => /out of range|too big integer|real number overflow/.test(c.reason),
  },
  {
    name: 'hex of odd length',
    why: 'the reference drops the last digit in silence',
    is: (c) => /odd number of hex digits|wrong number of hex digits/.test(c.reason),
  },
  {
    name: 'amounts in other shapes',
    why: 'numbers in place of text; signs, blanks, hex and octal; currency XRP or account zero ' +
      'with a value; ids given empty',
    is: (c) => /not an amount|not a decimal number|XRP has no issuer|issuer is account/
      .test(c.reason) || (/\.(value|currency|issuer|mpt_issuance_id): not a string/.test(c.reason)),
  },
  {
    name: 'currency codes of other letters',
    why: 'three characters outside the protocol\'s set, which the reference cuts to a byte each',
    is: (c) => /not a currency/.test(c.reason),
  },
  {
    name: 'assets and path elements in other shapes',
    why: 'an issued asset without issuer, XRP with one, empty paths and path sets: the reference ' +
      'writes bytes that nobody can read back',
    is: (c) => /issuer is missing|not an asset|not a bridge|not a path|not a list of at least/
      .test(c.reason),
  },
  {
    name: 'lists and objects in place of each other',
    why: 'the reference takes any value whose members it can count',
    is: (c) => /not an object|not a list|not the name of an object/.test(c.reason),
  },
  {
    name: 'texts that JavaScript makes of lists',
    why: 'a list of one address reads as that address there',
    is: (c) => /not a string/.test(c.reason) && NOT_TEXT(c.value),
  },
  {
    name: 'names that are no fields of objects',
    why: 'end markers and "Generic" are in the definitions but no values; names that begin with ' +
      'no capital letter of ASCII are unknown',
    is: (c) => /unknown field/.test(c.reason),
  },
  {
    name: 'codes that no ledger holds',
    why: 'results below 0 do not fit their byte, "Invalid" is no type',
    is: (c) => /unknown name/.test(c.reason),
  },
  {
    name: 'nested too deep',
    why: 'ten levels of objects, as the server has it, sixteen of JSON',
    is: (c) => /nested too deep|nested deeper/.test(c.reason),
  },
  {
    name: 'text that is not UTF-8 or has control characters',
    why: 'refused by the JSON parser',
    is: (c) => /^ERR_INVALID JSON/.test(c.reason),
  },
]

module.exports = { BYTES, JSON_CLASSES }
