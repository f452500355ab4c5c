import { describe, expect, test } from 'vitest';
import { assert, err, NEVER, ok, type Result, requireArgument, SECOND, UsageError, unreachable } from '../src/index.js';

describe('three kinds of wrong', () => {
  test('the caller: a UsageError with the message', () => {
    expect(() => requireArgument(false, 'port is 1..65535')).toThrow(UsageError);
    expect(() => requireArgument(false, 'port is 1..65535')).toThrow('port is 1..65535');
    expect(() => requireArgument(true, '')).not.toThrow();
    expect(new UsageError('x')).toMatchObject({ name: 'UsageError', message: 'x' });
    expect(new UsageError('x')).toBeInstanceOf(Error);
  });

  test('ourselves: an error that is no UsageError', () => {
    expect(() => assert(false, 'head <= tail')).toThrow('assertion failed: head <= tail');
    expect(() => assert(false, '')).not.toThrow(UsageError);
    expect(() => assert(true, '')).not.toThrow();
    expect(() => unreachable({ type: 'new' } as never)).toThrow('unreachable: {"type":"new"}');
  });

  test('the peer: a value, told apart by `ok`', () => {
    const read = (octet: number): Result<number, 'bad-octet'> => (octet < 256 ? ok(octet) : err('bad-octet'));
    expect(read(7)).toEqual({ ok: true, value: 7 });
    expect(read(256)).toEqual({ ok: false, error: 'bad-octet' });
  });
});

test('NEVER is later than every instant, so that the earliest deadline needs no branch', () => {
  expect(Math.min(NEVER, Number.MAX_VALUE)).toBe(Number.MAX_VALUE);
  expect(Math.min(NEVER, NEVER)).toBe(NEVER);
  expect(SECOND).toBe(1_000);
});
