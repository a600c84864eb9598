// SPDX-License-Identifier: ISC
// The stock clients of tests/npm, wherever the importing file lies.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/npm/package.json', import.meta.url));

export const xrpl = require('xrpl');
export const codec = require('ripple-binary-codec');
export const WebSocket = require('ws');
