import { bytesEqual, ipv4FromU32 } from '@nexus-net/sansio';
import { encodeDns } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { DnsResponder, MemoryFiles, TftpService } from '../src/index.js';
import { queryOf } from './support/dns.js';
import { pattern, ServiceWorld } from './support/services.js';

test('TFTP: block numbers go round, 70 000 blocks with windows and 66 000 without', () => {
  for (const [count, windowBlocks] of [
    [70_000, 64],
    [66_000, 1],
  ] as const) {
    const bytes = pattern(count * 8 + 3);
    const world = new ServiceWorld({ latencyMs: 0 });
    world.serve(new TftpService({ sockets: world.server, files: new MemoryFiles({ '/long': bytes }), windowBlocksMax: 64 }));
    const result = world.transfer({ file: 'long', blockOctets: 8, windowBlocks });
    expect(result.ok && bytesEqual(result.bytes, bytes)).toBe(true);
  }
});

test('DNS: more records than any message holds are cut, over both transports, and nothing throws', () => {
  const hosts = [{ name: 'huge.test', addresses: Array.from({ length: 5_000 }, (_, i) => ipv4FromU32(0x0a010000 + i + 1)) }];
  const responder = new DnsResponder({ hosts });
  for (const transport of ['udp', 'tcp'] as const) {
    const response = responder.respond(encodeDns(queryOf('huge.test')), transport);
    expect(response).toMatchObject({ ok: true, value: { truncated: true, answerCount: 0 } });
  }
});
