import { writeU16 } from '@nexus-net/sansio';

/**
 * Reading twice the octets costs about twice the reads, for messages that are made to be expensive: chains of pointers, and
 * many names that each end in a long chain and a name of full length. Counts octet reads: a clock would make the test flaky.
 */
export function linearLaw(decode: (bytes: Uint8Array) => unknown): void {
  for (const hops of [120, Number.POSITIVE_INFINITY]) {
    const once = countReads(decode, hostile(1_200, hops));
    const twice = countReads(decode, hostile(2_400, hops));
    if (twice > 2.5 * once + 10_000) throw new Error(`${once} reads for 1200 octets, ${twice} for 2400 (${hops} pointers)`);
  }
}

/** One record whose data holds a long name and a chain of pointers to it, then records that all point at the chain's end. */
function hostile(length: number, hopsMax: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const dataStart = 12 + 11;
  const nameLength = 250;
  for (let at = dataStart; at < dataStart + nameLength; at += 2) bytes[at] = 1; // labels of one octet
  const chain = dataStart + nameLength + 1;
  const hops = Math.min(hopsMax, Math.floor((length - chain) / 4));
  for (let i = 0; i < hops; i++) writeU16(bytes, chain + 2 * i, 0xc000 | (i === 0 ? dataStart : chain + 2 * (i - 1)));
  const dataEnd = chain + 2 * hops;
  writeU16(bytes, 13, 16); // TXT
  writeU16(bytes, 21, dataEnd - dataStart);
  const count = Math.floor((length - dataEnd - 2) / 12);
  for (let i = 0; i < count; i++) writeU16(bytes, dataEnd + 12 * i, 0xc000 | (dataEnd - 2)); // then type, class, TTL and length 0
  writeU16(bytes, 6, 1 + count);
  writeU16(bytes, length - 2, 0xc000 | (dataEnd - 2));
  return bytes;
}

function countReads(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): number {
  let reads = 0;
  const counting = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && key !== 'length') reads++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  decode(counting);
  return reads;
}
