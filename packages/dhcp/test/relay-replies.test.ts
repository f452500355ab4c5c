import { type MacAddress, parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import type { DhcpRelayInterface } from '../src/index.js';
import {
  CIRCUIT,
  CIRCUIT_INFORMATION,
  CLIENTS,
  LAB_INTERFACE,
  only,
  patched,
  RELAY,
  RelayLab,
  replyDatagram,
  SERVERS,
  sent,
  UPSTREAM,
  WITH_CIRCUIT,
} from './support/relay-lab.js';
import { datagramOf } from './support/server-lab.js';

const ip = parseIpv4;
const SOMETHING = Uint8Array.of(1, 1, 9);
const SECOND: DhcpRelayInterface = { index: 2, address: ip('10.2.0.1'), prefix: parsePrefix('10.2.0.0/24') };

describe('where a reply goes', () => {
  test('dhcp/R10 from our address there to port 68, without our option 82', () => {
    const lab = new RelayLab(WITH_CIRCUIT);
    const { transmit, to, information } = sent(lab.reply({ xid: 9, information: CIRCUIT_INFORMATION }));
    expect(to).toBe('10.1.0.7:68@2000000000a at 1');
    expect(transmit.source).toEqual({ address: RELAY, port: 67 });
    expect(information).toBeUndefined();
    expect(lab.events).toEqual([{ type: 'reply-relayed', at: 0, interface: CLIENTS, xid: 9, information: 'removed' }]);
  });

  test('dhcp/R10 to the address that the client has, where it has one', () => {
    const ciaddr = ip('10.1.0.9');
    expect(sent(new RelayLab().reply({ type: 'ack', ciaddr, yiaddr: ciaddr })).to).toBe('10.1.0.9:68 at 1');
    expect(sent(new RelayLab().reply({ type: 'ack', ciaddr, yiaddr: ip('0.0.0.0') })).to).toBe('10.1.0.9:68 at 1'); // INFORM
    // Nobody aims a reply at a third party.
    expect(sent(new RelayLab().reply({ type: 'ack', ciaddr: ip('192.0.2.1') })).to).toBe('10.1.0.7:68@2000000000a at 1');
    expect(sent(new RelayLab().reply({ type: 'offer', ciaddr })).to).toBe('10.1.0.7:68@2000000000a at 1');
  });

  test('dhcp/R11 a reply for another relay is not ours', () => {
    expect(new RelayLab().reply({ giaddr: ip('10.7.0.1') })).toBe('foreign-giaddr');
  });

  test('dhcp/R12 a reply without giaddr went through no relay', () => {
    expect(new RelayLab().reply({ giaddr: ip('0.0.0.0') })).toBe('no-giaddr');
  });

  test('dhcp/R13 with the broadcast flag to everybody on the network of its giaddr', () => {
    const lab = new RelayLab([LAB_INTERFACE, SECOND]);
    expect(sent(lab.reply({ flags: 0x8000 })).to).toBe('255.255.255.255:68 at 1');
    expect(sent(lab.reply({ flags: 0x8000, giaddr: SECOND.address })).to).toBe('255.255.255.255:68 at 2');
    expect(sent(lab.reply({ flags: 0x7fff })).to).toBe('10.1.0.7:68@2000000000a at 1'); // the reserved bits say nothing
  });

  test('dhcp/R14 without it to the new address at the link address, without ARP', () => {
    const { transmit } = sent(new RelayLab().reply({ type: 'ack', chaddr: 0x0200c0ffee01 as MacAddress }));
    expect(transmit).toMatchObject({ destination: { address: ip('10.1.0.7'), port: 68 }, linkDestination: 0x0200c0ffee01 });
  });

  test('dhcp/R15 a NAK is for everybody', () => {
    const yiaddr = ip('0.0.0.0');
    expect(sent(new RelayLab().reply({ type: 'nak', yiaddr })).to).toBe('255.255.255.255:68 at 1');
    expect(sent(new RelayLab().reply({ type: 'nak', ciaddr: ip('10.1.0.9') })).to).toBe('255.255.255.255:68 at 1');
  });

  test.each([
    { htype: 32, hlen: 0 },
    { htype: 6 },
    { hlen: 8 },
    { hlen: 0 },
    { chaddr: new Uint8Array(16) },
    { chaddr: 0x01005e000001 as MacAddress },
    { yiaddr: ip('0.0.0.0') },
    { yiaddr: ip('192.0.2.1') },
    { yiaddr: ip('10.1.0.255') },
  ])('dhcp/R16 by broadcast where no unicast arrives: %j', (ask) => {
    expect(sent(new RelayLab().reply(ask)).to).toBe('255.255.255.255:68 at 1');
  });

  test('dhcp/R26 a reply from an address that is not a configured server, by policy', () => {
    const from = ip('10.0.2.77');
    expect(sent(new RelayLab().reply({ from })).to).toBe('10.1.0.7:68@2000000000a at 1');
    const strict = new RelayLab(LAB_INTERFACE, { repliesFrom: 'servers' });
    expect(strict.reply({ from })).toBe('unknown-server');
    expect(sent(strict.reply({ from: UPSTREAM })).to).toBe('10.1.0.7:68@2000000000a at 1');
  });

  test('a BOOTP reply goes on as it came', () => {
    const { payload, ...ends } = replyDatagram({ type: 'none' });
    const bootp = patched(payload, { 236: [1, 2, 3, 4, 82, 1, 9] });
    const { transmit, to } = sent(only(new RelayLab(WITH_CIRCUIT).pass({ ...ends, payload: bootp }, SERVERS)));
    expect(to).toBe('10.1.0.7:68@2000000000a at 1');
    expect(transmit.payload).toEqual(bootp);
  });

  test('where interfaces share a giaddr, option 82 tells them apart, else the address', () => {
    const giaddr = ip('10.0.2.200');
    const lab = new RelayLab([
      { ...LAB_INTERFACE, giaddr },
      { ...SECOND, giaddr },
    ]);
    const link = (network: number): Uint8Array => Uint8Array.of(5, 4, 10, network, 0, 0);
    expect(sent(lab.reply({ giaddr, type: 'nak', yiaddr: ip('0.0.0.0'), information: link(2) })).to).toBe(
      '255.255.255.255:68 at 2',
    );
    expect(sent(lab.reply({ giaddr, type: 'nak', yiaddr: ip('0.0.0.0'), information: link(1) })).to).toBe(
      '255.255.255.255:68 at 1',
    );
    expect(sent(lab.reply({ giaddr, yiaddr: ip('10.2.0.7') })).to).toBe('10.2.0.7:68@2000000000a at 2');
    expect(sent(lab.reply({ giaddr, type: 'ack', yiaddr: ip('0.0.0.0'), ciaddr: ip('10.2.0.8') })).to).toBe('10.2.0.8:68 at 2');
    expect(lab.reply({ giaddr, type: 'nak', yiaddr: ip('0.0.0.0') })).toBe('unknown-client-interface');
    expect(lab.reply({ giaddr: RELAY })).toBe('unknown-client-interface'); // ours, but no request carried it
  });
});

describe('option 82 in replies', () => {
  const fate = (port: DhcpRelayInterface, information: Uint8Array): unknown => {
    const lab = new RelayLab(port);
    const passed = lab.reply({ information });
    return typeof passed === 'string' ? passed : [...(passed.information ?? [0])];
  };
  const NONE = [0];
  const trusted = (whenPresent: 'keep' | 'replace' | 'append' | 'drop'): DhcpRelayInterface => ({
    ...LAB_INTERFACE,
    trusted: true,
    information: { circuitId: CIRCUIT, whenPresent },
  });

  test('dhcp/R10 ours is known again though the server reordered or added to it', () => {
    const port = { ...LAB_INTERFACE, information: { circuitId: CIRCUIT, remoteId: Uint8Array.of(5), flags: true } };
    expect(fate(port, Uint8Array.of(1, 2, 0x65, 0x31, 2, 1, 5, 10, 1, 0))).toEqual(NONE);
    expect(fate(port, Uint8Array.of(10, 1, 0x80, 2, 1, 5, 77, 0, 1, 2, 0x65, 0x31))).toEqual(NONE);
    expect(fate(port, Uint8Array.of(1, 2, 0x65, 0x31))).toBe('foreign-information');
    expect(fate(port, Uint8Array.of(1, 2, 0x65, 0x31, 2, 1, 6))).toBe('foreign-information');
  });

  test('what we did not add is not delivered; where we add nothing it is taken out', () => {
    expect(fate(WITH_CIRCUIT, SOMETHING)).toBe('foreign-information');
    expect(fate(LAB_INTERFACE, SOMETHING)).toEqual(NONE);
  });

  test('dhcp/R24 what is malformed is removed as a whole', () => {
    for (const value of [[], [1], [1, 200, 7], [1, 2, 0x65, 0x31, 9]]) {
      expect(fate(WITH_CIRCUIT, Uint8Array.from(value))).toEqual(NONE);
      expect(fate(trusted('keep'), Uint8Array.from(value))).toEqual(NONE);
    }
  });

  test('what a trusted element added goes back to it', () => {
    expect(fate({ ...LAB_INTERFACE, trusted: true }, SOMETHING)).toEqual([...SOMETHING]);
    expect(fate(trusted('keep'), SOMETHING)).toEqual([...SOMETHING]);
    expect(fate(trusted('keep'), CIRCUIT_INFORMATION)).toEqual(NONE);
    expect(fate(trusted('append'), Uint8Array.of(...SOMETHING, ...CIRCUIT_INFORMATION))).toEqual([...SOMETHING]);
    expect(fate(trusted('append'), CIRCUIT_INFORMATION)).toEqual(NONE);
    expect(fate(trusted('append'), SOMETHING)).toBe('foreign-information');
    expect(fate(trusted('replace'), CIRCUIT_INFORMATION)).toEqual(NONE);
    expect(fate(trusted('replace'), SOMETHING)).toBe('foreign-information');
    expect(fate(trusted('drop'), SOMETHING)).toBe('foreign-information');
  });

  test('an appended one is told apart with the flags of a unicast request too', () => {
    const port: DhcpRelayInterface = {
      ...LAB_INTERFACE,
      trusted: true,
      information: { circuitId: CIRCUIT, flags: true, whenPresent: 'append' },
    };
    for (const destination of [RELAY, ip('255.255.255.255')]) {
      const lab = new RelayLab(port);
      const { information } = sent(lab.request({ destination, more: [{ code: 82, value: SOMETHING }] }));
      expect(sent(lab.reply({ information: information as Uint8Array })).information).toEqual(SOMETHING);
    }
  });

  test('a reply that went through relay and server is octet for octet the one without option 82', () => {
    const without = replyDatagram({ more: [{ code: 3, value: new Uint8Array(4) }] });
    const withIt = replyDatagram({ more: [{ code: 3, value: new Uint8Array(4) }], information: CIRCUIT_INFORMATION });
    const { payload } = sent(only(new RelayLab(WITH_CIRCUIT).pass(withIt, SERVERS))).transmit;
    expect(payload).toEqual(without.payload);
  });

  const area = (octets: readonly number[], lent: Readonly<Record<number, readonly number[]>> = {}): number[] => {
    const { payload, ...ends } = replyDatagram({});
    const message = new Uint8Array(240 + octets.length);
    message.set(patched(payload.slice(0, 240), lent));
    message.set(octets, 240);
    const out = sent(only(new RelayLab(LAB_INTERFACE).pass({ ...ends, payload: message }, SERVERS))).transmit.payload;
    return [...out];
  };

  test('what follows moves up, the length stays', () => {
    expect(area([53, 1, 2, 82, 1, 7, 3, 1, 9, 255]).slice(240)).toEqual([53, 1, 2, 3, 1, 9, 255, 0, 0, 0]);
    expect(area([53, 1, 2, 82, 1, 7]).slice(240)).toEqual([53, 1, 2, 0, 0, 0]);
    expect(area([82, 1, 7, 53, 1, 2, 82, 2, 1, 1, 255, 8]).slice(240)).toEqual([53, 1, 2, 255, 8, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('before an option that is cut off PAD takes the place, so that nothing becomes whole', () => {
    expect(area([53, 1, 2, 82, 1, 7, 12, 4, 0x61]).slice(240)).toEqual([53, 1, 2, 0, 0, 0, 12, 4, 0x61]);
  });

  test('in lent fields PAD takes the place', () => {
    const out = area([53, 1, 2, 52, 1, 3, 82, 1, 7, 255], { 108: [82, 1, 8, 12, 1, 0x61, 255], 44: [12, 1, 0x62, 82, 0, 255] });
    expect(out.slice(240)).toEqual([53, 1, 2, 52, 1, 3, 255, 0, 0, 0]);
    expect(out.slice(108, 115)).toEqual([0, 0, 0, 12, 1, 0x61, 255]);
    expect(out.slice(44, 50)).toEqual([12, 1, 0x62, 0, 0, 255]);
  });

  test('octets of fields that are not lent are no options', () => {
    const file = [82, 1, 8, 255];
    expect(area([53, 1, 2, 255], { 108: file }).slice(108, 112)).toEqual(file);
    expect(area([53, 1, 2, 52, 1, 2, 255], { 108: file }).slice(108, 112)).toEqual(file);
    expect(area([53, 1, 2, 52, 2, 1, 1, 255], { 108: file }).slice(108, 112)).toEqual(file); // of two octets: not an option 52
  });
});

test('a request is left alone by the relay: the driver may use its buffer again', () => {
  const request = datagramOf({});
  const reply = replyDatagram({ information: CIRCUIT_INFORMATION });
  const before = [request.payload.slice(), reply.payload.slice()];
  const lab = new RelayLab(WITH_CIRCUIT);
  const up = sent(only(lab.pass(request, CLIENTS)));
  const down = sent(only(lab.pass(reply, SERVERS)));
  expect([request.payload, reply.payload]).toEqual(before);
  request.payload.fill(1);
  reply.payload.fill(1);
  expect(up.transmit.payload[4]).toBe(0);
  expect(down.transmit.payload[4]).toBe(0);
});
