import { parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, type FuzzModule, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { codecLaws } from '../../../wire/test/support/fuzz-codec.js';
import { type Announce, announceProblem, decodeAnnounce, encodeAnnounce } from '../../src/discovery/announce.js';
import { Discovery } from '../../src/discovery/discovery.js';

export const limits: FuzzLimits = { octetsMax: 1_400, costBase: 60_000, costPerOctet: 400, allocatedPerOctet: 60 };

const codec: Required<Pick<FuzzModule, 'target' | 'strict'>> = codecLaws<Announce>({
  decode: decodeAnnounce,
  encode: (announce) => {
    demand(announceProblem(announce) === undefined, 'what was read can be written');
    return encodeAnnounce(announce);
  },
});

/**
 * The octets are an announce, and a script of announces for a table of four peers. It never holds more, a bound peer stays with its
 * key, and nothing is ever sent.
 */
export function target(bytes: Uint8Array): void {
  codec.target(bytes);
  const script = new FuzzScript(bytes);
  const machine = new Discovery({
    address: parseIpv4('10.42.0.10'),
    entropy: new SeededEntropy(1),
    peerCountMax: 4,
    strangerRate: { perSecond: 1e6, burst: 1e6 },
    sourceRate: { perSecond: 1e6, burst: 1e6 },
  });
  const key = new Uint8Array(32).fill(9);
  const endpoint = { address: parseIpv4('10.42.0.11'), port: 1 };
  demand(machine.bind(0, { deviceId: 'a', noiseStatic: key, endpoint }), 'there is room for the first');
  for (let now = 0; !script.isAtEnd && now < 40; now += script.u8()) {
    const source = { address: parseIpv4(`10.42.0.${script.u8()}`), port: 37020 };
    const announce: Announce = {
      deviceId: String.fromCharCode(0x61 + (script.u8() % 8)),
      port: script.u16(),
      noiseStatic: new Uint8Array(32).fill(script.u8() % 4),
      services: [],
    };
    const payload = script.u8() % 2 === 0 ? encodeAnnounce(announce) : script.take(60);
    machine.handleDatagram(now, { source, destination: { address: parseIpv4('239.42.0.1'), port: 37020 }, payload });
    machine.handleTimeout(now);
    const peers = machine.peers();
    demand(peers.length <= 4, 'the table is bounded');
    demand(machine.peer('a')?.bound === true, 'a bound peer stays');
    demand(
      peers.every(({ candidates }) => candidates.length >= 1 && candidates.length <= 4),
      'candidates are bounded',
    );
    demand(machine.peer('a')?.candidates.every(({ noiseStatic }) => noiseStatic[0] === 9) === true, 'its key stays');
  }
  demand(machine.pollTransmit() === undefined, 'nothing is ever answered');
  drain(() => machine.pollEvent());
}

export function strict(bytes: Uint8Array): void {
  codec.strict(bytes);
}

export function seeds(): Uint8Array[] {
  const noiseStatic = new Uint8Array(32).fill(7);
  return [
    encodeAnnounce({ deviceId: 'node-b', port: 34568, noiseStatic, services: ['samgrd', 'bundlemgrd'] }),
    encodeAnnounce({ deviceId: 'gerät', port: 0, noiseStatic, services: [] }),
  ];
}
