import { readU16, readU32, writeU16, writeU32 } from '@nexus-net/sansio';
import { GATEWAY_LIMITS } from './operations.js';

/** Streams of this name carry gateway messages. */
export const GATEWAY_STREAM = 'gateway/1';

export interface RequestMessage {
  readonly correlation: number;
  readonly service: number;
  readonly operation: number;
  readonly body: Uint8Array;
}

export interface ReplyMessage {
  readonly correlation: number;
  readonly status: number;
  readonly body: Uint8Array;
}

/** Length u32 of what follows, 1, correlation u32, service u16, operation u16, body. */
export function encodeRequest({ correlation, service, operation, body }: RequestMessage): Uint8Array {
  const bytes = new Uint8Array(4 + REQUEST_HEADER + body.length);
  writeU32(bytes, 0, REQUEST_HEADER + body.length);
  bytes[4] = REQUEST;
  writeU32(bytes, 5, correlation);
  writeU16(bytes, 9, service);
  writeU16(bytes, 11, operation);
  bytes.set(body, 13);
  return bytes;
}

/** Length u32 of what follows, 2, correlation u32, status u8, body. */
export function encodeReply({ correlation, status, body }: ReplyMessage): Uint8Array {
  const bytes = new Uint8Array(4 + REPLY_HEADER + body.length);
  writeU32(bytes, 0, REPLY_HEADER + body.length);
  bytes[4] = REPLY;
  writeU32(bytes, 5, correlation);
  bytes[9] = status;
  bytes.set(body, 10);
  return bytes;
}

export type Message =
  | ({ readonly type: 'request' } & RequestMessage)
  | ({ readonly type: 'reply' } & ReplyMessage)
  /** The stream is out of step from here on. */
  | { readonly type: 'broken' };

/** Cuts the octets of one stream into messages. A length is looked at before anything is held for it. */
export class MessageReader {
  readonly #expects: 'request' | 'reply';
  #header = new Uint8Array(4);
  #headerFilled = 0;
  #body: Uint8Array | undefined;
  #filled = 0;
  #isBroken = false;

  constructor(expects: 'request' | 'reply') {
    this.#expects = expects;
  }

  /** In the middle of a message. */
  get isPartial(): boolean {
    return this.#headerFilled > 0;
  }

  /** Every message that `bytes` completes. */
  read(bytes: Uint8Array): Message[] {
    const messages: Message[] = [];
    for (let at = 0; at < bytes.length && !this.#isBroken; ) {
      if (this.#body === undefined) {
        this.#header[this.#headerFilled++] = bytes[at++] as number;
        if (this.#headerFilled === 4) this.#begin(readU32(this.#header, 0), messages);
        continue;
      }
      const count = Math.min(bytes.length - at, this.#body.length - this.#filled);
      this.#body.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === this.#body.length) this.#finish(this.#body, messages);
    }
    return messages;
  }

  #begin(length: number, messages: Message[]): void {
    const least = this.#expects === 'request' ? REQUEST_HEADER : REPLY_HEADER;
    if (length < least || length > least + GATEWAY_LIMITS.bodyOctetsMax) {
      this.#break(messages);
      return;
    }
    this.#body = new Uint8Array(length);
    this.#filled = 0;
  }

  #finish(body: Uint8Array, messages: Message[]): void {
    this.#body = undefined;
    this.#headerFilled = 0;
    const correlation = readU32(body, 1);
    if (body[0] === REQUEST && this.#expects === 'request')
      messages.push({
        type: 'request',
        correlation,
        service: readU16(body, 5),
        operation: readU16(body, 7),
        body: body.subarray(REQUEST_HEADER),
      });
    else if (body[0] === REPLY && this.#expects === 'reply')
      messages.push({ type: 'reply', correlation, status: body[5] as number, body: body.subarray(REPLY_HEADER) });
    else this.#break(messages);
  }

  #break(messages: Message[]): void {
    this.#isBroken = true;
    messages.push({ type: 'broken' });
  }
}

const REQUEST = 1;
const REPLY = 2;
const REQUEST_HEADER = 9;
const REPLY_HEADER = 6;
