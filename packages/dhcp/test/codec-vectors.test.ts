import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkDhcpVectors } from './support/vectors.js';

const read = (name: string): { frames: { payload: string; cases?: string[] }[]; cases: { hex: string; verdict: string }[] } =>
  JSON.parse(readFileSync(new URL(`./vectors/${name}`, import.meta.url), 'utf8'));

test('messages of real clients and servers: fields, wire order, joined options, typed values', () => {
  const { passed, failed, notRun } = checkDhcpVectors(read('codec-frames.json'));
  expect({ failed, notRun }).toEqual({ failed: [], notRun: [] });
  expect(passed).toBe(84);
});

test('hostile messages: accepted or refused', () => {
  const { passed, failed, notRun } = checkDhcpVectors(read('codec-hostile.json'));
  expect({ failed, notRun }).toEqual({ failed: [], notRun: [] });
  expect(passed).toBe(34);
});

test('the check notices each kind of difference', () => {
  const { frames } = read('codec-frames.json');
  const [frame] = frames as unknown as [Record<string, object>];
  const spoiled: Record<string, unknown>[] = [
    { ...frame, bootp: { ...frame['bootp'], yiaddr: '1.2.3.4' } },
    { ...frame, wireOptions: [] },
    { ...frame, aggregate: {} },
    { ...frame, sections: {} },
    { ...frame, messageType: 'NAK' },
    { ...frame, cookie: false },
    { ...frame, aggregate: { ...frame['aggregate'], 51: { hex: '00000258', value: { u32: 601 } } } },
  ];
  for (const one of spoiled) expect(checkDhcpVectors({ frames: [one] }).failed).toHaveLength(1);
  const [hostile] = read('codec-hostile.json').cases;
  expect(checkDhcpVectors({ cases: [{ ...hostile, verdict: 'reject' }] }).failed).toHaveLength(1);
  expect(checkDhcpVectors({ something: 'else' }).failed).toHaveLength(1);
});
