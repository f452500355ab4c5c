import { concatBytes, err, ok, type Result } from '@nexus-net/sansio';

export interface HttpRequest {
  readonly method: string;
  /** As it was sent, without what follows a `?`. */
  readonly target: string;
  /** 10 is HTTP/1.0, 11 is HTTP/1.1. */
  readonly version: number;
  /** Names in lower case; values of one name joined by `, `. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * `bad-request`: no request line, a field without a name, a second Host, 1.1 without one. `target-too-long`, `head-too-large`: beyond the
 * limits. `bad-version`: neither HTTP/1.0 nor HTTP/1.1.
 */
export type HttpReject = 'bad-request' | 'target-too-long' | 'head-too-large' | 'bad-version';

export interface HttpHeadLimits {
  /** Octets of the request line and all fields. Default 8 192. */
  readonly headOctetsMax: number;
  /** Octets of the target. Default 2 048. */
  readonly targetOctetsMax: number;
}

/** Collects the head of one request (RFC 9112 §2 to §5). Any split of the octets gives the same. */
export class HttpHeadReader {
  readonly #limits: HttpHeadLimits;
  readonly #pieces: Uint8Array[] = [];
  #count = 0;
  /** Line feeds in a row, carriage returns aside: two of them end the head. */
  #feeds = 0;
  #begun = false;

  constructor(limits: HttpHeadLimits) {
    this.#limits = limits;
  }

  /** Takes octets; `undefined` while the head is not whole. What follows the head is no concern of a GET. */
  push(bytes: Uint8Array): Result<HttpRequest, HttpReject> | undefined {
    for (let i = 0; i < bytes.length; i++) {
      const octet = bytes[i] as number;
      if (octet === LF) this.#feeds += 1;
      else if (octet !== CR) {
        this.#feeds = 0;
        this.#begun = true;
      }
      // RFC 9112 §2.2: empty lines before the request line are nothing.
      if (this.#begun && this.#feeds === 2) return this.#parse(bytes.subarray(0, i + 1));
      if (this.#count + i + 1 >= this.#limits.headOctetsMax) {
        const line = decode(concatBytes([...this.#pieces, bytes.subarray(0, i + 1)])).trimStart();
        return err(line.includes('\n') ? 'head-too-large' : 'target-too-long');
      }
    }
    this.#pieces.push(bytes.slice());
    this.#count += bytes.length;
    return undefined;
  }

  #parse(last: Uint8Array): Result<HttpRequest, HttpReject> {
    const lines = decode(concatBytes([...this.#pieces, last])).split(/\r?\n/);
    while (lines[0] === '') lines.shift();
    const [requestLine = '', ...rest] = lines;
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^\s]+) HTTP\/(\d)\.(\d)$/.exec(requestLine);
    if (match === null) return err('bad-request');
    const [, method = '', target = '', major, minor] = match;
    if (target.length > this.#limits.targetOctetsMax) return err('target-too-long');
    if (major !== '1') return err('bad-version');
    const version = Number(minor) === 0 ? 10 : 11;
    const fields = fieldsOf(rest.filter((line) => line !== ''));
    if (fields === undefined || (version === 11 && !fields.has('host'))) return err('bad-request');
    return ok({ method, target: target.split('?')[0] as string, version, fields });
  }
}

/** `undefined` where a line is no field: also the folded ones that nobody may send any more (RFC 9112 §5.2). */
function fieldsOf(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (match === null) return undefined;
    const name = (match[1] as string).toLowerCase();
    const known = fields.get(name);
    // RFC 9112 §3.2: more than one Host is a request that two readers may understand in two ways.
    if (known !== undefined && name === 'host') return undefined;
    fields.set(name, known === undefined ? (match[2] as string) : `${known}, ${match[2]}`);
  }
  return fields;
}

function decode(bytes: Uint8Array): string {
  let text = '';
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

const LF = 0x0a;
const CR = 0x0d;
