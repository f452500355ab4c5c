import { IPV4_BROADCAST, type MacAddress } from '@nexus-net/sansio';
import { describeFact, dissect, encodeUdpFrame } from '@nexus-net/wire';
import { demand, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { DhcpWitness } from '../../src/index.js';
import { drain, drawAddress, drawDamage, drawMac, drawOptions } from '../support/fuzz-message.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 200_000, costPerOctet: 10_000, allocatedPerOctet: 10_000 };

/**
 * The octets are frames of DHCP messages from anybody to anybody. Whatever comes: each fact and violation names frames that
 * were seen, ascending, the last of them the present one; facts can be described; the tables keep to their limits.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const witness = new DhcpWitness({ exchangeCountMax: 3, leaseCountMax: 3, stationCountMax: 3 });
  let now = 0;
  for (let number = 1; !script.isAtEnd; number++) {
    now += script.u8() * 100;
    const frame = script.u8() % 8 === 0 ? script.take(script.u8()) : message(script);
    witness.handleFrame(now, { number, at: now, bytes: frame, layers: dissect(frame) });
    for (const event of drain(() => witness.pollEvent(), 64)) {
      const { frames } = event.type === 'fact' ? event.fact : event.violation;
      demand(frames.length > 0 && frames.at(-1) === number, 'the last frame proves it');
      demand(
        frames.every((each, i) => each >= 1 && each > (frames[i - 1] ?? 0)),
        'frames ascend',
      );
      if (event.type === 'fact') describeFact(event.fact);
      else demand(event.violation.message !== '' && event.violation.reference !== '', 'a violation says what is wrong');
    }
    const { exchanges, leases, stations } = witness.inspect();
    demand(exchanges <= 3 && leases <= 3 && stations <= 3, 'the tables keep to their limits');
    demand(witness.nextTimeout() > now, 'what is due has been done');
  }
}

function message(script: FuzzScript): Uint8Array {
  const bits = script.u8();
  const client = drawMac(script);
  const payload = drawDamage(script, {
    op: (bits & 1) === 0 ? 1 : 2,
    xid: script.u8() % 4,
    chaddr: client,
    ciaddr: drawAddress(script),
    yiaddr: drawAddress(script),
    giaddr: (bits & 2) === 0 ? (0 as never) : drawAddress(script),
    options: [
      { code: 53, value: Uint8Array.of((bits & 4) === 0 ? 1 + (script.u8() % 8) : script.u8()) },
      ...drawOptions(script).filter(({ code }) => code !== 53),
    ],
  });
  const up = (bits & 1) === 0;
  const destination = (bits & 8) === 0 ? IPV4_BROADCAST : drawAddress(script);
  const ports = (bits & 16) === 0 ? [68, 67] : [script.u16(), 67];
  const [from, to] = up ? ports : [...ports].reverse();
  return encodeUdpFrame({
    link: { source: up ? client : drawMac(script), destination: 0xffffffffffff as MacAddress },
    datagram: {
      source: { address: drawAddress(script), port: from as number },
      destination: { address: destination, port: to as number },
      payload,
    },
  });
}

/** A DISCOVER, an OFFER, a REQUEST, an ACK, without options. */
export function seeds(): Uint8Array[] {
  const frame = (bits: number, type: number): number[] => [1, 1, bits, 0, 1, 0, type, 0, 11, 0, 11];
  return [Uint8Array.from([...frame(0, 0), ...frame(1, 1), ...frame(0, 2), ...frame(1, 4)])];
}
