import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededEntropy } from '@nexus-net/sansio';
import { encodePcap, encodePcapng } from '@nexus-net/wire';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import {
  cli,
  decodeFrames,
  describedFact,
  type Environment,
  inspectFrames,
  inspectionLines,
  readRequest,
  replayFrames,
  replayLines,
} from '../src/index.js';
import { DHCP_ONLY, runVirtual, VIRTUAL_GUEST } from './support/virtual-guest.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-net-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const request = (environment: Environment): ReturnType<typeof readRequest> =>
  readRequest(environment, { guest: VIRTUAL_GUEST, dhcpServer: true });
const live = runVirtual(request({ REQUIRE_QEMU_DHCP: '1' }), { policy: DHCP_ONLY });
const frames = live.events.flatMap((event) => (event.type === 'frame' ? [event.observed] : []));
const facts = live.events.flatMap((event) => (event.type === 'fact' ? [describedFact(event.fact)] : []));
const packets = frames.map(({ at, bytes }) => ({ at: 1_700_000_000_000 + at, bytes }));
const pcapng = encodePcapng({ interfaces: [{ name: 'wire' }], packets });

function decoded(bytes: Uint8Array): Exclude<ReturnType<typeof decodeFrames>, string> {
  const capture = decodeFrames(bytes, 'auto');
  if (typeof capture === 'string') throw new Error(capture);
  return capture;
}

async function nexusNet(...words: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const print = (line: string): void => {
    text += `${line}\n`;
  };
  const code = await cli({ arguments: words, environment: {}, print, printError: print });
  return { code, text };
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('inspect', () => {
  test('shows the four DHCP messages of a lease in full and no broken rule', async () => {
    const { code, text } = await nexusNet('inspect', file('good.pcapng', pcapng));
    expect(code).toBe(0);
    expect(text).toContain('no rule broken');
    const inspection = inspectFrames(decoded(pcapng));
    const messages = inspection.frames.flatMap(({ dhcp }) => (dhcp === undefined || 'error' in dhcp ? [] : [dhcp]));
    expect(messages.map(({ type }) => type)).toEqual(['discover', 'offer', 'request', 'ack']);
    expect(messages[3]?.fields).toMatchObject({ op: 2, yiaddr: '10.0.2.15', chaddr: '525400123456' });
    expect(messages[3]?.options).toContainEqual({ code: 3, name: 'routers', value: ['10.0.2.2'] });
  });

  test('takes off a virtio-net header, detected or forced', async () => {
    const headed = packets.map(({ at, bytes }) => ({ at, bytes: Uint8Array.of(...new Uint8Array(10), ...bytes) }));
    const path = file('tap.pcap', encodePcap({ packets: headed }));
    expect((await nexusNet('inspect', path)).text).toContain('10 octets of virtio-net header');
    expect((await nexusNet('inspect', path, '--vnet-header', '10')).code).toBe(0);
    expect((await nexusNet('inspect', path, '--vnet-header', '0')).text).not.toContain('dhcp');
  });

  test('finds the length of each header when the driver changes it in the middle', () => {
    const mixed = packets.map(({ at, bytes }, i) => ({ at, bytes: Uint8Array.of(...new Uint8Array(i < 3 ? 10 : 12), ...bytes) }));
    const { frames: read } = decoded(encodePcap({ packets: mixed }));
    expect(read.map(({ bytes }) => [...bytes])).toEqual(packets.map(({ bytes }) => [...bytes]));
  });

  test('a capture that ends in a frame says where, and shows what was before', async () => {
    const { code, text } = await nexusNet('inspect', file('cut.pcapng', pcapng.subarray(0, pcapng.length - 7)));
    expect(code).toBe(7);
    expect(text).toContain(`the file ends after frame ${packets.length - 1}, at octet`);
    expect(text).not.toContain('at inspect');
  });

  test.each([
    ['text.txt', new TextEncoder().encode('not a capture'), 'this is no capture'],
    ['empty.pcap', new Uint8Array(), 'this is no capture'],
  ])('%s is no capture, said in one sentence', async (name, bytes, sentence) => {
    expect(await nexusNet('inspect', file(name, bytes))).toMatchObject({ code: 7, text: expect.stringContaining(sentence) });
  });

  test('a file that is not there, and no file', async () => {
    expect(await nexusNet('inspect', join(folder, 'absent'))).toMatchObject({ code: 7 });
    expect(await nexusNet('inspect')).toMatchObject({ code: 2, text: 'nexus-net: inspect takes one file.\n' });
  });
});

describe('replay', () => {
  test('live and replayed facts are equal, and each machine makes of the capture what the live one did', () => {
    const replay = replayFrames(decoded(pcapng), { facts, isWhole: true });
    expect(replay.sameFacts).toBe(true);
    expect(replay.facts.length).toBeGreaterThan(5);
    expect(replay.server).toEqual(['OFFER 10.0.2.15 to 52:54:00:12:34:56', 'ACK 10.0.2.15 to 52:54:00:12:34:56']);
    expect(replay.client).toContain('bound 10.0.2.15 (acquired)');
    expect(replay.host.answers).toBeGreaterThan(1);
  });

  test('a run that listed only its first facts is compared as far as it goes', () => {
    const first = facts.slice(0, 3);
    expect(replayFrames(decoded(pcapng), { facts: first, isWhole: false }).sameFacts).toBe(true);
    expect(replayFrames(decoded(pcapng), { facts: first, isWhole: true }).sameFacts).toBe(false);
  });

  test('a capture with a frame taken out has other facts', () => {
    const without = encodePcapng({ interfaces: [{}], packets: packets.toSpliced(3, 1) });
    expect(replayFrames(decoded(without), { facts, isWhole: true }).sameFacts).toBe(false);
  });

  test('beside a verdict the command compares and says so', async () => {
    writeFileSync(join(folder, 'verdict.json'), JSON.stringify({ facts }));
    expect(await nexusNet('replay', file('wire.pcapng', pcapng))).toMatchObject({
      code: 0,
      text: expect.stringContaining('the facts are those of the live run'),
    });
    writeFileSync(join(folder, 'verdict.json'), JSON.stringify({ facts: facts.slice(1) }));
    expect(await nexusNet('replay', file('wire.pcapng', pcapng))).toMatchObject({
      code: 1,
      text: expect.stringContaining('DIFFER'),
    });
  });
});

test('property: no bytes make inspect or replay throw', () => {
  const entropy = new SeededEntropy('mutations');
  fc.assert(
    fc.property(
      fc.nat(pcapng.length - 1),
      fc.nat(pcapng.length - 1),
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      (at, end, noise) => {
        const bytes = pcapng.slice(0, Math.max(24, end));
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        bytes[entropy.u32() % bytes.length] = entropy.u32();
        const capture = decodeFrames(bytes, 'auto');
        if (typeof capture === 'string') return;
        expect(inspectionLines(inspectFrames(capture)).length).toBeGreaterThan(0);
        expect(replayLines(replayFrames(capture)).length).toBeGreaterThan(0);
      },
    ),
    { numRuns: runs(60) },
  );
});
