// SPDX-License-Identifier: ISC
// A WebSocket connection without a client library around it: requests by id, messages as they come.
import { WebSocket } from '../../tools/js/clients.mjs';

export class Socket {
	#ws;
	#next = 1;
	#waiting = new Map();
	messages = [];
	closed;

	static async open(url, onMessage) {
		const socket = new Socket();
		socket.onMessage = onMessage;
		socket.#ws = new WebSocket(url);
		await new Promise((resolve, reject) => {
			socket.#ws.on('open', resolve);
			socket.#ws.on('error', reject);
		});
		socket.#ws.on('message', (data) => socket.#take(JSON.parse(data)));
		socket.#ws.on('close', (code, reason) => {
			socket.closed = `${code} ${reason}`;
			for (const { reject } of socket.#waiting.values())
				reject(new Error(`closed: ${socket.closed}`));
		});
		return socket;
	}

	#take(message) {
		const waiting = this.#waiting.get(message.id);
		if (message.type === 'response' && waiting) {
			this.#waiting.delete(message.id);
			waiting.resolve(message);
		} else if (this.onMessage) this.onMessage(message);
		else this.messages.push(message);
	}

	// The whole response, also when it is an error.
	ask(command, params = {}) {
		if (this.closed) return Promise.reject(new Error(`closed: ${this.closed}`));
		const id = this.#next++;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#ws.send(JSON.stringify({ id, command, api_version: 2, ...params }));
		});
	}

	// The result; an error is thrown.
	async call(command, params) {
		const answer = await this.ask(command, params);
		if (answer.status !== 'success')
			throw new Error(`${command}: ${answer.error}: ${answer.error_message}`);
		return answer.result;
	}

	of(type) {
		return this.messages.filter((m) => m.type === type);
	}

	close() {
		this.#ws.close();
	}

	terminate() {
		this.#ws.terminate();
	}
}
