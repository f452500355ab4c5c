import { bytesEqual, UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import { HttpService, type HttpServiceConfig, MemoryFiles } from '../src/index.js';
import { CLIENT_AT, eventsOf, octetsOf, pattern, SERVER_AT, ServiceWorld, text } from './support/services.js';

const FILES = { '/index.html': '<p>', '/boot/a b.bin': pattern(40_000), '/boot/index.html': 'boot', '/empty.txt': '' };

function served(config: Partial<HttpServiceConfig> = {}) {
  const world = new ServiceWorld();
  return { world, service: world.serve(new HttpService({ sockets: world.server, files: new MemoryFiles(FILES), ...config })) };
}

interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

function ask(words: string, config: Partial<HttpServiceConfig> = {}): Answer {
  return answerOf(served(config).world.exchange(80, [octetsOf(words)]));
}

function answerOf(octets: Uint8Array): Answer {
  const all = text(octets.subarray(0, 4_000));
  const end = all.indexOf('\r\n\r\n');
  const [line = '', ...fields] = all.slice(0, end).split('\r\n');
  const status = /^HTTP\/1\.0 (\d{3}) [A-Z][A-Za-z -]+$/.exec(line);
  expect(status, line).not.toBeNull();
  return {
    status: Number(status?.[1]),
    fields: new Map(fields.map((field) => [field.split(': ')[0]?.toLowerCase() ?? '', field.slice(field.indexOf(': ') + 2)])),
    body: octets.subarray(end + 4),
  };
}

describe('files', () => {
  test('GET gives length, type, tag and every octet; the connection ends with it', () => {
    const { status, fields, body } = ask('GET /boot/a%20b.bin HTTP/1.0\r\n\r\n');
    expect([status, fields.get('content-length'), fields.get('content-type')]).toEqual([
      200,
      '40000',
      'application/octet-stream',
    ]);
    expect([fields.get('connection'), fields.get('accept-ranges'), fields.has('date')]).toEqual(['close', 'bytes', false]);
    expect(bytesEqual(body, FILES['/boot/a b.bin'])).toBe(true);
  });

  test('HEAD gives the same head and nothing behind it', () => {
    const get = ask('GET /index.html HTTP/1.0\r\n\r\n');
    const head = ask('HEAD /index.html HTTP/1.0\r\n\r\n');
    expect([head.status, head.fields, head.body.length]).toEqual([200, get.fields, 0]);
    expect(ask('HEAD /none HTTP/1.0\r\n\r\n').body).toHaveLength(0);
  });

  test.each([
    ['/', 200, '<p>'],
    ['/boot/', 200, 'boot'],
    ['//boot//./index.html', 200, 'boot'],
    ['/index.html?x=1', 200, '<p>'],
    ['http://10.0.2.2/index.html', 200, '<p>'],
    ['http://10.0.2.2', 200, '<p>'],
    ['/%69ndex.html', 200, '<p>'],
    ['/empty.txt', 200, ''],
    ['/boot', 404, '404 Not Found\n'],
    ['/none', 404, '404 Not Found\n'],
    ['/index.html/', 404, '404 Not Found\n'],
    ['/boot/../index.html', 400, '400 Bad Request\n'],
    ['/boot/%2e%2e/index.html', 400, '400 Bad Request\n'],
    ['/a%00b', 400, '400 Bad Request\n'],
    ['/a%5cb', 400, '400 Bad Request\n'],
    ['/%zz', 400, '400 Bad Request\n'],
    ['/%ff', 400, '400 Bad Request\n'],
    ['index.html', 400, '400 Bad Request\n'],
  ])('%s is %d', (target, status, body) => {
    const answer = ask(`GET ${target} HTTP/1.0\r\n\r\n`);
    expect([answer.status, text(answer.body), answer.fields.get('content-length')]).toEqual([status, body, `${body.length}`]);
  });
});

describe('conditions and ranges (RFC 9110 §13, §14)', () => {
  const tag = (): string => ask('GET /index.html HTTP/1.0\r\n\r\n').fields.get('etag') ?? '';

  test('a tag that matches needs no octets; one that has to match and does not gets none', () => {
    for (const value of [tag(), `"x", ${tag()}`, `W/${tag()}`, '*']) {
      const answer = ask(`GET /index.html HTTP/1.0\r\nIf-None-Match: ${value}\r\n\r\n`);
      expect([answer.status, answer.body.length, answer.fields.get('etag')]).toEqual([304, 0, tag()]);
    }
    expect(ask('GET /index.html HTTP/1.0\r\nIf-None-Match: "x"\r\n\r\n').status).toBe(200);
    expect(ask('GET /index.html HTTP/1.0\r\nIf-Match: "x"\r\n\r\n').status).toBe(412);
    expect(ask(`GET /index.html HTTP/1.0\r\nIf-Match: ${tag()}\r\n\r\n`).status).toBe(200);
  });

  test.each([
    ['bytes=0-0', 206, 'bytes 0-0/4', 'b'],
    ['bytes=1-', 206, 'bytes 1-3/4', 'oot'],
    ['bytes=-3', 206, 'bytes 1-3/4', 'oot'],
    ['bytes=-99', 206, 'bytes 0-3/4', 'boot'],
    ['bytes=2-99', 206, 'bytes 2-3/4', 'ot'],
    ['bytes=4-', 416, 'bytes */4', '416 Range Not Satisfiable\n'],
    ['bytes=-0', 416, 'bytes */4', '416 Range Not Satisfiable\n'],
    ['bytes=3-1', 200, undefined, 'boot'],
    ['bytes=0-1,3-3', 200, undefined, 'boot'],
    ['lines=0-1', 200, undefined, 'boot'],
  ])('Range: %s is %d', (range, status, contentRange, body) => {
    const answer = ask(`GET /boot/ HTTP/1.0\r\nRange: ${range}\r\n\r\n`);
    expect([answer.status, answer.fields.get('content-range'), text(answer.body)]).toEqual([status, contentRange, body]);
  });

  test('If-Range: another file than before is sent whole', () => {
    expect(ask('GET /boot/ HTTP/1.0\r\nRange: bytes=0-0\r\nIf-Range: "x"\r\n\r\n').status).toBe(200);
    expect(ask(`GET /index.html HTTP/1.0\r\nRange: bytes=0-0\r\nIf-Range: ${tag()}\r\n\r\n`).status).toBe(206);
  });
});

describe('requests that are refused', () => {
  test.each([
    ['GET / HTTP/1.1\r\n\r\n', 400, 'bad-request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'bad-request'],
    ['GET / HTTP/2.0\r\n\r\n', 505, 'bad-version'],
    ['GET /\r\n\r\n', 400, 'bad-request'],
    ['GET  / HTTP/1.0\r\n\r\n', 400, 'bad-request'],
    ['GET / HTTP/1.0\r\nno field\r\n\r\n', 400, 'bad-request'],
    ['GET / HTTP/1.0\r\nName : x\r\n\r\n', 400, 'bad-request'],
    ['GET / HTTP/1.0\r\nA: x\r\n folded\r\n\r\n', 400, 'bad-request'],
    [`GET /${'x'.repeat(2_048)} HTTP/1.0\r\n\r\n`, 414, 'target-too-long'],
    [`GET /${'x'.repeat(9_000)}`, 414, 'target-too-long'],
    [`GET / HTTP/1.0\r\nA: ${'x'.repeat(9_000)}`, 431, 'head-too-large'],
  ])('%#: %d', (words, status, label) => {
    const { world, service } = served();
    expect(answerOf(world.exchange(80, [octetsOf(words)])).status).toBe(status);
    expect(service.inspect().rejects).toEqual({ [label]: 1 });
    expect(eventsOf(service)).toMatchObject([{ type: 'rejected', label, client: { address: CLIENT_AT } }]);
  });

  test('methods: known ones are not allowed, others not implemented; their body does not disturb the answer', () => {
    const post = ask(`POST / HTTP/1.0\r\nContent-Length: 30000\r\n\r\n${'x'.repeat(30_000)}`);
    expect([post.status, post.fields.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(ask('BREW / HTTP/1.0\r\n\r\n').status).toBe(501);
  });

  test('HTTP/1.1 with a host, bare line feeds and empty lines first are understood', () => {
    expect(ask('GET / HTTP/1.1\r\nHost: a\r\n\r\n').status).toBe(200);
    expect(ask('\r\n\nGET / HTTP/1.0\n\n').status).toBe(200);
  });
});

describe('connections', () => {
  test('one that says nothing is reset after its time, one that ends without a request is closed', () => {
    const { world, service } = served({ idleMs: 5_000 });
    const opened = world.client.tcpConnect({ address: SERVER_AT, port: 80 });
    world.run(4_000);
    expect(service.inspect()).toMatchObject({ listening: true, connections: 1 });
    world.run(2_000);
    expect(service.inspect()).toMatchObject({ connections: 0, ends: { idle: 1 } });
    expect(opened.ok && opened.value.read(1)).toEqual({ ok: false, error: 'disconnected' });
    expect(world.exchange(80, [octetsOf('GET / HT')])).toHaveLength(0);
    expect(service.inspect().ends).toEqual({ idle: 1, closed: 1 });
  });

  test('more of them than are served wait; a slow reader holds nobody up', () => {
    const { world, service } = served({ connectionCountMax: 2, idleMs: 60_000 });
    const slow = world.client.tcpConnect({ address: SERVER_AT, port: 80 });
    world.run(10);
    if (slow.ok) slow.value.write(octetsOf('GET /boot/a%20b.bin HTTP/1.0\r\n\r\n'));
    for (let i = 0; i < 3; i++) expect(answerOf(world.exchange(80, [octetsOf('GET / HTTP/1.0\r\n\r\n')])).status).toBe(200);
    expect(service.inspect()).toMatchObject({ statuses: { 200: 4 } });
  });

  test('stop resets what is there and listens no more', () => {
    const { world, service } = served();
    const opened = world.client.tcpConnect({ address: SERVER_AT, port: 80 });
    world.run(10);
    service.stop();
    world.run(10);
    expect(opened.ok && opened.value.read(1)).toEqual({ ok: false, error: 'disconnected' });
    expect(() => world.exchange(80, [])).toThrow('refused');
    expect(() => new HttpService({ sockets: world.server, files: new MemoryFiles(), idleMs: 0 })).toThrow(UsageError);
  });
});

test('property: any split of any octets gives the same answer', () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom(
        'GET / HTTP/1.0\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: a\r\n\r\nrest',
        'HEAD /boot/ HTTP/1.0\r\nRange: bytes=1-\r\n\r\n',
      )
      .map(octetsOf),
  );
  fc.assert(
    fc.property(octets, fc.array(fc.nat({ max: 60 }), { maxLength: 4 }), (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      const whole = served().world.exchange(80, [bytes]);
      expect(bytesEqual(served().world.exchange(80, pieces), whole)).toBe(true);
    }),
    { numRuns: runs(10) },
  );
});
