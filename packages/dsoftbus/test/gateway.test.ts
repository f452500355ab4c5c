import {
  type GatewayAudit,
  GatewayClient,
  type GatewayReply,
  type GatewayRequest,
  type GatewayRule,
  GatewayServer,
  type GatewayServerOptions,
  type ServiceRequest,
} from '@nexus-net/dsoftbus';
import { concatBytes } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const ALL: readonly GatewayRule[] = [
  { deviceId: 'a', service: 'samgr', operations: ['resolve'] },
  { deviceId: 'a', service: 'packagefs', operations: ['stat', 'open', 'read', 'close'], resources: ['pkg:/system'] },
  { deviceId: 'a', service: 'statefs', operations: ['put', 'get', 'delete', 'list', 'sync'], resources: ['/state/shared/a'] },
];

/** A server for device `a`, asked on stream 1, with what it performed. */
class Desk {
  readonly performed: ServiceRequest[] = [];
  readonly server: GatewayServer;
  readonly client = new GatewayClient();
  rules = ALL;
  now = 0;
  readonly audits: GatewayAudit[] = [];
  readonly replies: GatewayReply[] = [];
  readonly resets: number[] = [];

  constructor(options: Partial<GatewayServerOptions> = {}) {
    this.server = new GatewayServer({
      deviceId: 'a',
      rules: () => this.rules,
      services: {
        perform: (request) => {
          this.performed.push(request);
          if (request.operation === 'get') return { status: 'ok', value: { type: 'octets', bytes: text('value') } };
          if (request.operation === 'stat' || request.operation === 'open')
            return { status: 'ok', value: { type: 'entry', kind: 'file', size: 7, bytes: text('content') } };
          return { status: 'ok', value: { type: 'none' } };
        },
      },
      ...options,
    });
    this.server.handleOpened(0, 1);
  }

  ask(request: GatewayRequest): string {
    this.client.request(this.now, request);
    this.settle();
    return this.replies.at(-1)?.result.status ?? 'nothing';
  }

  settle(): void {
    for (let bytes = this.client.pollTransmit(); bytes !== undefined; bytes = this.client.pollTransmit())
      this.server.handleBytes(this.now, 1, bytes);
    for (let out = this.server.pollTransmit(); out !== undefined; out = this.server.pollTransmit()) {
      if (out.type === 'bytes' && out.stream === 1) this.client.handleBytes(this.now, out.bytes);
      else if (out.type === 'reset') this.resets.push(out.stream);
    }
    for (let audit = this.server.pollEvent(); audit !== undefined; audit = this.server.pollEvent()) this.audits.push(audit);
    for (let reply = this.client.pollEvent(); reply !== undefined; reply = this.client.pollEvent()) this.replies.push(reply);
  }
}

const get = (key: string): GatewayRequest => ({ service: 'statefs', operation: 'get', key });
const stat = (path: string): GatewayRequest => ({ service: 'packagefs', operation: 'stat', path });

/** A request as octets: length, 1, correlation, service, operation, body. */
function raw(correlation: number, service: number, operation: number, body: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, 9 + body.length);
  head.setUint8(4, 1);
  head.setUint32(5, correlation);
  head.setUint16(9, service);
  head.setUint16(11, operation);
  return concatBytes([new Uint8Array(head.buffer), body]);
}

describe('decisions', () => {
  test('fault/P01 no rule: denied, one audit event, the same reply for what exists and what does not', () => {
    const desk = new Desk();
    desk.rules = [];
    expect(desk.ask(get('/state/shared/a/x'))).toBe('denied');
    desk.server.handleBytes(0, 1, raw(77, 99, 1, text('x')));
    desk.settle();
    expect(desk.audits.map(({ outcome, service, correlation }) => [outcome, service, correlation])).toEqual([
      ['denied', 'statefs', 1],
      ['denied', undefined, 77],
    ]);
    expect(desk.performed).toEqual([]);
  });

  test.each([
    'pkg:/system/../secret',
    'pkg:/system/./x',
    'pkg:/system//x',
    'pkg:/system/x/',
    'pkg:/system\\..\\secret',
    'pkg:/system/\0x',
    '/etc/passwd',
    'file:/system/x',
    'PKG:/system/x',
    'pkg:/',
  ])('fault/P02 the path %j is not canonical', (path) => {
    const desk = new Desk();
    expect(desk.ask(stat(path))).toBe('bad-path');
    expect(desk.performed).toEqual([]);
  });

  test.each([
    'pkg:/system/%2e%2e/x',
    'pkg:/system/%252e%252e',
    'pkg:/system/\u2025/x',
    'pkg:/system/\uff0e\uff0e',
    'pkg:/system/x\uff0f..',
    'pkg:/system/.. ',
    'pkg:/system/ ..',
  ])('fault/P02 the path %j could be read in another way behind us: refused', (path) => {
    expect(new Desk().ask(stat(path))).toBe('bad-path');
  });

  test.each(['pkg:/system/..x', 'pkg:/system/a b', 'pkg:/system/\u00fc'])(
    'fault/P02 the path %j is taken literally: nothing is decoded on the way to the service',
    (path) => {
      const desk = new Desk();
      expect(desk.ask(stat(path))).toBe('ok');
      expect(desk.performed).toEqual([stat(path)]);
    },
  );

  test('fault/P03 rights are those of the session that asks', () => {
    const desk = new Desk({ deviceId: 'b' });
    expect(desk.ask(get('/state/shared/a/x'))).toBe('denied');
    expect(desk.audits[0]?.deviceId).toBe('b');
  });

  test('fault/P04 a name in a payload is a name, not an identity', () => {
    const desk = new Desk({ deviceId: 'b' });
    expect(desk.ask({ service: 'samgr', operation: 'resolve', name: 'a' })).toBe('denied');
    expect(desk.performed).toEqual([]);
  });

  test('fault/P05 what is too long is refused before it is held or read', () => {
    const desk = new Desk();
    desk.server.handleBytes(0, 1, Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    desk.settle();
    expect(desk.resets).toEqual([1]);
    const fields = new Desk();
    fields.server.handleBytes(0, 1, raw(1, 1, 1, new Uint8Array(49).fill(0x61)));
    fields.server.handleBytes(0, 1, raw(2, 3, 1, new Uint8Array(193).fill(0x61)));
    fields.server.handleBytes(0, 1, raw(3, 4, 2, new Uint8Array(97).fill(0x61)));
    fields.settle();
    expect(fields.audits.map(({ outcome }) => outcome)).toEqual(['oversized', 'oversized', 'oversized']);
  });

  test('fault/P06 an answer that does not fit is said not to fit; nothing is cut', () => {
    const desk = new Desk({
      services: { perform: () => ({ status: 'ok', value: { type: 'octets', bytes: new Uint8Array(40_000) } }) },
    });
    expect(desk.ask(get('/state/shared/a/x'))).toBe('reply-too-big');
  });

  test('fault/P07 lengths that disagree, and two requests under one number', () => {
    const desk = new Desk({ services: { perform: () => 'pending' } });
    // A key that is said to be longer than the body, and octets behind a body that has its length.
    desk.server.handleBytes(0, 1, raw(1, 4, 1, concatBytes([Uint8Array.of(0, 50), text('/state/shared/a/x')])));
    desk.server.handleBytes(0, 1, raw(2, 3, 4, new Uint8Array(5)));
    desk.server.handleBytes(0, 1, raw(3, 1, 1, text('one')));
    desk.server.handleBytes(0, 1, raw(3, 1, 1, text('two')));
    desk.settle();
    expect(desk.audits.map(({ correlation, outcome }) => [correlation, outcome])).toEqual([
      [1, 'bad-request'],
      [2, 'bad-request'],
      [3, 'bad-request'],
    ]);
    expect(desk.server.inspect().running).toBe(1);
  });

  test('fault/P08 rules that change count from the next operation on, for open files too', () => {
    const desk = new Desk();
    expect(desk.ask({ service: 'packagefs', operation: 'open', path: 'pkg:/system/x' })).toBe('ok');
    const read: GatewayRequest = { service: 'packagefs', operation: 'read', handle: 1, offset: 0, length: 4 };
    expect(desk.ask(read)).toBe('ok');
    expect(desk.replies.at(-1)?.result).toEqual({ status: 'ok', value: { type: 'octets', bytes: text('cont') } });
    desk.rules = [{ deviceId: 'a', service: 'packagefs', operations: ['read'], resources: ['pkg:/other'] }];
    expect(desk.ask(read)).toBe('denied');
    desk.rules = [];
    expect(desk.ask(read)).toBe('denied');
  });

  test('fault/P09 there is no operation that takes an address: what is no service of the table is denied', () => {
    const desk = new Desk();
    for (const [service, operation] of [
      [0, 1],
      [5, 1],
      [1, 0],
      [1, 2],
      [4, 6],
      [65_535, 65_535],
    ] as const)
      desk.server.handleBytes(0, 1, raw(service * 7 + operation, service, operation, text('127.0.0.1:80')));
    desk.settle();
    expect(desk.audits.map(({ outcome }) => outcome)).toEqual(new Array(6).fill('denied'));
  });

  test('fault/P10 absent and forbidden look the same', () => {
    const desk = new Desk({ services: { perform: () => ({ status: 'not-found' }) } });
    expect(desk.ask(get('/state/shared/b/there'))).toBe('denied');
    expect(desk.ask(get('/state/shared/b/not-there'))).toBe('denied');
    expect(desk.ask(get('/state/shared/a/not-there'))).toBe('not-found');
  });

  test('fault/P11 names of prototypes are names like any other', () => {
    const desk = new Desk();
    expect(desk.ask({ service: 'samgr', operation: 'resolve', name: '__proto__' })).toBe('ok');
    expect(desk.ask(get('/state/shared/a/constructor'))).toBe('ok');
    desk.rules = [{ deviceId: '__proto__', service: 'samgr', operations: ['resolve'] }];
    expect(desk.ask({ service: 'samgr', operation: 'resolve', name: 'x' })).toBe('denied');
  });

  test('fault/P12 a rule is a prefix that ends at a segment, not an expression', () => {
    const desk = new Desk();
    desk.rules = [
      { deviceId: 'a', service: 'statefs', operations: ['get'], resources: ['/state/shared/(a+)+$', '/state/shared/a'] },
    ];
    expect(desk.ask(get('/state/shared/aaaaaaaaaaaaaaaaaaaaaaaaaaaa!'))).toBe('denied');
    expect(desk.ask(get('/state/shared/ab'))).toBe('denied');
    expect(desk.ask(get('/state/shared/a'))).toBe('ok');
    expect(desk.ask(get('/state/shared/a/b'))).toBe('ok');
  });

  test('fault/P13 the request that the rule saw is the one that the service gets', () => {
    const desk = new Desk();
    const frame = raw(1, 4, 2, text('/state/shared/a/x'));
    desk.server.handleBytes(0, 1, frame);
    frame.fill(0x62); // the caller's octets are borrowed only
    expect(desk.performed).toEqual([get('/state/shared/a/x')]);
  });

  test('fault/P14 so many at once: the others are told, and a service that never answers is answered for', () => {
    const desk = new Desk({ runningCountMax: 2, services: { perform: () => 'pending' } });
    for (let i = 0; i < 4; i++) desk.ask({ service: 'samgr', operation: 'resolve', name: `s${i}` });
    expect(desk.replies.map(({ result }) => result.status)).toEqual(['limit', 'limit']);
    desk.now = 2_000;
    desk.server.handleTimeout(2_000);
    desk.settle();
    expect(desk.replies.map(({ result }) => result.status)).toEqual(['limit', 'limit', 'timeout', 'timeout']);
    expect(desk.audits).toHaveLength(4);
  });
});

test('answers come to their questions in any order; a late or second one changes nothing', () => {
  const tokens: number[] = [];
  const desk = new Desk({
    services: { perform: (_request, { token }) => (tokens.push(token) > 0 ? 'pending' : { status: 'io' }) },
  });
  for (const name of ['x', 'y']) desk.ask({ service: 'samgr', operation: 'resolve', name });
  desk.server.answer(1, tokens[1] as number, { status: 'not-found' });
  desk.server.answer(1, tokens[0] as number, { status: 'ok', value: { type: 'none' } });
  desk.server.answer(1, tokens[0] as number, { status: 'io' });
  desk.settle();
  expect(desk.replies.map(({ correlation, result }) => [correlation, result.status])).toEqual([
    [2, 'not-found'],
    [1, 'ok'],
  ]);
});

test('a question always has an end: no answer, a lost stream, a reply that is none', () => {
  const client = new GatewayClient({ answerTimeoutMs: 1_000 });
  const ask = (now: number): number | undefined => client.request(now, { service: 'bundlemgr', operation: 'query' });
  ask(0);
  client.handleTimeout(1_000);
  expect(client.pollEvent()?.result).toEqual({ status: 'no-answer' });
  ask(1_000);
  client.handleBytes(1_000, Uint8Array.of(0, 0, 0, 6, 2, 0, 0, 0, 2, 0));
  expect(client.pollEvent()?.result).toEqual({ status: 'bad-reply' }); // a count has two octets
  ask(1_000);
  client.handleLost(1_000);
  expect(client.pollEvent()?.result).toEqual({ status: 'lost' });
  expect(ask(1_000)).toBeUndefined();
});
