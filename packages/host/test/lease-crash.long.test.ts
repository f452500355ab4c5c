import { describe, test } from 'vitest';
import { crashLaw } from './support/lease-world.js';

const CRASHES = 10_000;

describe(`property: over ${CRASHES} crashes no address is leased twice, no acknowledged lease is lost, recovery never throws`, () => {
  test('when the power fails at any moment', () => crashLaw({ seed: 7, crashes: CRASHES, kind: 'power' }));

  test('on a disk that fails now and then', () => crashLaw({ seed: 7, crashes: CRASHES, kind: 'power', failureRate: 0.03 }));

  test('when the process is killed, and nothing was synced', () =>
    crashLaw({ seed: 7, crashes: CRASHES, kind: 'kill', sync: 'none' }));
});
