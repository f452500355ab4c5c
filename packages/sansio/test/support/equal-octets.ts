import { expect } from 'vitest';

// Vitest compares octets one by one as properties of an object, which takes a tenth of a second for a large message. Equal arrays
// of the same class are equal at once; all others are left to vitest, which says where they differ.
const ADDED: unique symbol = Symbol.for('nexus-net: octets are compared at once');
const scope = globalThis as { [ADDED]?: true };

if (scope[ADDED] === undefined) {
  scope[ADDED] = true;
  expect.addEqualityTesters([
    (a: unknown, b: unknown) =>
      a instanceof Uint8Array && b instanceof Uint8Array && a.constructor === b.constructor && Buffer.compare(a, b) === 0
        ? true
        : undefined,
  ]);
}
