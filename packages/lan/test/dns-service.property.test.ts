import type { Datagram } from '@nexus-net/sansio';
import { ipv4 } from '@nexus-net/sansio';
import { decodeDns, encodeDns } from '@nexus-net/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectBroken } from '../../sansio/test/support/planted.js';
import { runs } from '../../sansio/test/support/runs.js';
import { DnsService } from '../src/index.js';
import { CLIENT, optOf, queryOf, SERVER } from './support/dns.js';

interface Answerer {
  handleDatagram(now: number, datagram: Datagram): void;
  pollTransmit(): Datagram | undefined;
}

const service = (): DnsService => new DnsService({ hosts: [{ name: 'a.test', addresses: [ipv4(10, 0, 2, 2)] }] });

const query = fc
  .record({
    name: fc.constantFrom('a.test', 'A.TEST', 'b.test', '.', 'test'),
    type: fc.nat({ max: 300 }),
    opcode: fc.nat({ max: 15 }),
    count: fc.nat({ max: 3 }),
    opt: fc.option(fc.nat({ max: 0xffff })),
  })
  .map(({ name, type, opcode, count, opt }) => {
    const { questions } = queryOf(name, type);
    return encodeDns(
      queryOf(name, type, {
        opcode,
        questions: Array.from({ length: count }, () => questions[0] as (typeof questions)[0]),
        additionals: opt === null ? [] : [optOf(opt)],
      }),
    );
  });

/** Octets, and queries with some octets changed or cut off. */
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc
    .tuple(query, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }), fc.nat({ max: 60 }))
    .map(([bytes, edits, cut]) => {
      const edited = bytes.slice(0, Math.max(0, bytes.length - (cut > 20 ? 0 : cut)));
      for (const [at, octet] of edits) if (edited.length > 0) edited[at % edited.length] = octet;
      return edited;
    }),
);

/** For any octets: no throw; at most one answer; an answer is a readable response with the id asked, and feeds no loop. */
function answersAtMostOnce(make: () => Answerer, count: number): void {
  fc.assert(
    fc.property(payload, (bytes) => {
      const server = make();
      server.handleDatagram(0, { source: CLIENT, destination: SERVER, payload: bytes });
      const answer = server.pollTransmit();
      expect(server.pollTransmit()).toBeUndefined();
      const isQuery = bytes.length >= 12 && (bytes[2] as number) < 0x80;
      expect(answer !== undefined).toBe(isQuery);
      if (answer === undefined) return;
      expect(answer.payload.length).toBeLessThanOrEqual(1_232);
      const decoded = decodeDns(answer.payload);
      expect(decoded.ok).toBe(true);
      if (!decoded.ok) return;
      expect(decoded.value.response).toBe(true);
      expect(decoded.value.id).toBe(((bytes[0] as number) << 8) | (bytes[1] as number));
      server.handleDatagram(0, { source: SERVER, destination: CLIENT, payload: answer.payload });
      expect(server.pollTransmit()).toBeUndefined();
    }),
    { numRuns: runs(count) },
  );
}

test('property: any octets get at most one answer, and an answer gets none', () => {
  answersAtMostOnce(service, 150);
});

test('property any octets get at most one answer catches a planted bug: answers are answered', () => {
  const buggy = (): Answerer => {
    const real = service();
    return {
      handleDatagram: (now, datagram) => {
        const bytes = datagram.payload.slice();
        if (bytes.length > 2) bytes[2] = (bytes[2] as number) & 0x7f; // does not look at QR
        real.handleDatagram(now, { ...datagram, payload: bytes });
      },
      pollTransmit: () => real.pollTransmit(),
    };
  };
  expectBroken(() => answersAtMostOnce(buggy, 300));
});
