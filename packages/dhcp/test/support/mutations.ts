import { IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parseIpv4 } from '@nexus-net/sansio';
import type { DhcpRuleId } from '../../src/index.js';
import { D } from './correct-scene.js';
import { RELAY, type Scene, SERVER_MAC } from './scene.js';
import { C, FIRST, SERVER, u32 } from './server-lab.js';

/** One wrong thing done to the correct scene, the rule that it breaks, and others that it can't help breaking too. */
export interface Mutation {
  readonly rule: DhcpRuleId;
  readonly what: string;
  readonly also?: readonly DhcpRuleId[];
  readonly change: (scene: Scene) => void;
}

const ip = parseIpv4;
const STRANGER = ip('10.0.2.200');

/** The option area, which begins after 240 octets, written anew. */
function rewriteOptions(change: (options: number[]) => number[]): (payload: Uint8Array) => Uint8Array {
  return (payload) => {
    const options = change([...payload.subarray(240)]);
    const padding = new Array<number>(Math.max(0, 60 - options.length)).fill(0);
    return Uint8Array.of(...payload.subarray(0, 240), ...options, ...padding);
  };
}

function withoutPadding(payload: Uint8Array): Uint8Array {
  return payload.subarray(0, payload.lastIndexOf(255) + 1);
}

/** A client's message again and again, long after everything else, under an xid of its own. */
function unanswered(scene: Scene, name: string, offsets: readonly number[]): void {
  for (const offset of offsets) {
    const shot = scene.repeat(name, `${name} ${offset}`, 1_000_000 + offset);
    if (shot.kind === 'dhcp') shot.message.xid = 0x7777;
  }
}

export const MUTATIONS: readonly Mutation[] = [
  // Form
  { rule: 'dhcp.malformed', what: 'hlen 17', change: (s) => (s.dhcp('a.discover').raw = (p) => p.with(2, 17)), also: [] },
  {
    rule: 'dhcp.malformed',
    what: 'cut inside the fixed fields',
    change: (s) => (s.dhcp('c.inform').raw = (p) => p.subarray(0, 200)),
  },
  { rule: 'dhcp.short-message', what: 'no padding', change: (s) => (s.dhcp('e.discover').raw = withoutPadding) },
  { rule: 'dhcp.reserved-flags', what: 'flags 0x0001', change: (s) => (s.dhcp('e.discover').message.flags = 1) },
  {
    rule: 'dhcp.missing-end',
    what: 'PAD in place of END',
    change: (s) => (s.dhcp('a.ack').raw = (p) => p.with(p.lastIndexOf(255), 0)),
  },
  {
    rule: 'dhcp.truncated-option',
    what: 'an option behind the end',
    change: (s) => (s.dhcp('e.discover').raw = rewriteOptions((o) => [...o.slice(0, 3), 12, 200, 65, 255])),
  },
  {
    rule: 'dhcp.overload-value',
    what: 'option 52 of two octets',
    change: (s) => (s.dhcp('e.discover').raw = rewriteOptions((o) => [...o.slice(0, 3), 52, 2, 1, 1, 255])),
  },
  { rule: 'dhcp.missing-message-type', what: 'option 53 left out', change: (s) => s.set('a.release', 53, undefined) },
  { rule: 'dhcp.unknown-message-type', what: 'message type 77', change: (s) => s.set('a.release', 53, Uint8Array.of(77)) },
  {
    rule: 'dhcp.option-length',
    what: 'option 50 of three octets',
    change: (s) => s.set('e.discover', 50, Uint8Array.of(1, 2, 3)),
  },
  { rule: 'dhcp.max-message-size', what: 'option 57 says 300', change: (s) => s.set('e.discover', 57, Uint8Array.of(1, 44)) },
  { rule: 'dhcp.op-direction', what: 'a RELEASE with op 2', change: (s) => (s.dhcp('a.release').message.op = 2) },
  { rule: 'dhcp.hardware-length', what: 'Ethernet with hlen 16', change: (s) => (s.dhcp('a.release').message.hlen = 16) },
  {
    rule: 'dhcp.bad-giaddr',
    what: 'giaddr is a broadcast',
    change: (s) => (s.dhcp('d.discover').message.giaddr = IPV4_BROADCAST),
  },
  { rule: 'dhcp.relay-hops', what: '17 hops', change: (s) => (s.dhcp('d.discover').message.hops = 17) },

  // Client: addresses and ports
  { rule: 'dhcp.request-port', what: 'a DISCOVER to port 68', change: (s) => (s.dhcp('a.discover').destination.port = 68) },
  { rule: 'dhcp.client-port', what: 'a DISCOVER from port 1068', change: (s) => (s.dhcp('a.discover').source.port = 1068) },
  {
    rule: 'dhcp.unbound-source',
    what: 'a DISCOVER from the old address',
    change: (s) => (s.dhcp('a.discover').source.address = STRANGER),
  },
  {
    rule: 'dhcp.unbound-source',
    what: 'a REQUEST from the offered address',
    change: (s) => (s.dhcp('a.request').source.address = FIRST),
  },
  { rule: 'dhcp.unset-source', what: 'a renewal from 0.0.0.0', change: (s) => (s.dhcp('a.renew').source.address = IPV4_ANY) },
  { rule: 'dhcp.unset-source', what: 'a RELEASE from 0.0.0.0', change: (s) => (s.dhcp('a.release').source.address = IPV4_ANY) },
  {
    rule: 'dhcp.discover-destination',
    what: 'a DISCOVER to the server',
    change: (s) => (s.dhcp('a.discover').destination.address = SERVER),
  },
  {
    rule: 'dhcp.request-destination',
    what: 'a REQUEST to the server',
    change: (s) => (s.dhcp('a.request').destination.address = SERVER),
  },
  {
    rule: 'dhcp.decline-destination',
    what: 'a DECLINE to the server',
    change: (s) => (s.dhcp('b.decline').destination.address = SERVER),
  },
  {
    rule: 'dhcp.release-destination',
    what: 'a broadcast RELEASE',
    change: (s) => {
      s.dhcp('a.release').destination.address = IPV4_BROADCAST;
      s.dhcp('a.release').link.destination = MAC_BROADCAST;
    },
  },
  {
    rule: 'dhcp.broadcast-link',
    what: 'a broadcast in a frame to the server',
    change: (s) => (s.dhcp('a.discover').link.destination = SERVER_MAC),
  },

  // Client: fields and options
  { rule: 'dhcp.client-addresses', what: 'yiaddr in a DISCOVER', change: (s) => (s.dhcp('a.discover').message.yiaddr = FIRST) },
  { rule: 'dhcp.client-addresses', what: 'siaddr in a REQUEST', change: (s) => (s.dhcp('a.request').message.siaddr = SERVER) },
  { rule: 'dhcp.client-hops', what: 'a client says hops 1', change: (s) => (s.dhcp('a.discover').message.hops = 1) },
  { rule: 'dhcp.discover-ciaddr', what: 'ciaddr in a DISCOVER', change: (s) => (s.dhcp('a.discover').message.ciaddr = FIRST) },
  { rule: 'dhcp.discover-server-id', what: 'option 54 in a DISCOVER', change: (s) => s.set('a.discover', 54, u32(SERVER)) },
  {
    rule: 'dhcp.selecting-ciaddr',
    what: 'ciaddr in a REQUEST that names a server',
    change: (s) => (s.dhcp('a.request').message.ciaddr = FIRST),
    also: ['dhcp.unset-source'],
  },
  {
    rule: 'dhcp.selecting-address',
    what: 'a REQUEST that names a server and no address',
    change: (s) => s.set('a.request', 50, undefined),
  },
  { rule: 'dhcp.renewing-address', what: 'option 50 in a renewal', change: (s) => s.set('a.renew', 50, u32(FIRST)) },
  {
    rule: 'dhcp.request-address',
    what: 'a REQUEST for nothing',
    change: (s) => {
      s.set('a.request', 50, undefined);
      s.set('a.request', 54, undefined);
    },
  },
  { rule: 'dhcp.decline-address', what: 'a DECLINE without option 50', change: (s) => s.set('b.decline', 50, undefined) },
  { rule: 'dhcp.decline-server-id', what: 'a DECLINE without option 54', change: (s) => s.set('b.decline', 54, undefined) },
  { rule: 'dhcp.decline-ciaddr', what: 'ciaddr in a DECLINE', change: (s) => (s.dhcp('b.decline').message.ciaddr = FIRST) },
  {
    rule: 'dhcp.release-ciaddr',
    what: 'a RELEASE without ciaddr',
    change: (s) => (s.dhcp('a.release').message.ciaddr = IPV4_ANY),
  },
  { rule: 'dhcp.release-server-id', what: 'a RELEASE without option 54', change: (s) => s.set('a.release', 54, undefined) },
  { rule: 'dhcp.release-address', what: 'a RELEASE with option 50', change: (s) => s.set('a.release', 50, u32(FIRST)) },
  {
    rule: 'dhcp.inform-ciaddr',
    what: 'an INFORM without ciaddr',
    change: (s) => (s.dhcp('c.inform').message.ciaddr = IPV4_ANY),
  },
  { rule: 'dhcp.inform-options', what: 'an INFORM asks for a lease time', change: (s) => s.set('c.inform', 51, u32(600)) },
  {
    rule: 'dhcp.closing-options',
    what: 'a RELEASE asks for parameters',
    change: (s) => s.set('a.release', 55, Uint8Array.of(1)),
  },
  {
    rule: 'dhcp.closing-options',
    what: 'a DECLINE with option 57',
    change: (s) => s.set('b.decline', 57, Uint8Array.of(5, 220)),
  },
  {
    rule: 'dhcp.client-id-changed',
    what: 'another identifier in the REQUEST',
    change: (s) => s.set('a.request', 61, Uint8Array.of(9, 9)),
    also: ['dhcp.client-id-echo'],
  },
  {
    rule: 'dhcp.client-id-changed',
    what: 'no identifier in the REQUEST',
    change: (s) => s.set('a.request', 61, undefined),
  },
  {
    rule: 'dhcp.not-offered',
    what: 'a REQUEST for another address than offered',
    change: (s) => s.set('a.request', 50, u32(STRANGER)),
    also: ['dhcp.ack-address'],
  },
  {
    rule: 'dhcp.unknown-server',
    what: 'a REQUEST to a server that offered nothing',
    change: (s) => s.set('a.request', 54, u32(STRANGER)),
    also: ['dhcp.other-server-reply'],
  },
  {
    rule: 'dhcp.request-xid',
    what: 'a REQUEST with an xid of its own',
    change: (s) => {
      s.dhcp('a.request').message.xid = 0xa9;
      s.dhcp('a.ack').message.xid = 0xa9;
    },
  },
  {
    rule: 'dhcp.rebind-early',
    what: 'a broadcast renewal after a minute',
    change: (s) => {
      s.shots.delete('a.renew');
      s.shots.delete('a.renewed');
      s.dhcp('a.rebind').at = 60_000;
      s.dhcp('a.rebound').at = 60_001;
      s.shots.delete('a.release');
    },
  },
  {
    rule: 'dhcp.renew-expired',
    what: 'a renewal after the end of the lease',
    change: (s) => {
      s.shots.delete('a.rebind');
      s.shots.delete('a.rebound');
      s.shots.delete('a.release');
      const use = s.arp('a.use');
      s.repeat('a.use', 'a.resolve', 200_000).link.destination = SERVER_MAC;
      use.at = 90;
      s.repeat('a.renew', 'a.late', 950_000);
    },
  },
  {
    rule: 'dhcp.message-storm',
    what: 'eight DISCOVERs in three seconds',
    change: (s) => {
      for (let i = 1; i <= 7; i++) s.repeat('e.discover', `storm ${i}`, 5_000 - 450 * i);
    },
    also: ['dhcp.retransmit-early', 'dhcp.no-backoff'],
  },
  {
    rule: 'dhcp.retransmit-early',
    what: 'a DISCOVER three times in 800 ms',
    change: (s) => unanswered(s, 'e.discover', [0, 400, 800]),
  },
  {
    rule: 'dhcp.retransmit-early',
    what: 'a renewal three times in half a second',
    change: (s) => {
      for (const at of [299_500, 299_750]) s.repeat('a.renew', `early ${at}`, at);
    },
  },
  {
    rule: 'dhcp.no-backoff',
    what: 'a DISCOVER every four seconds',
    change: (s) => unanswered(s, 'e.discover', [0, 4_000, 8_000, 12_000, 16_000, 20_000, 24_000, 28_000]),
  },
  {
    rule: 'dhcp.no-backoff',
    what: 'an INIT-REBOOT whose waits shrink',
    change: (s) => unanswered(s, 'b.reboot', [0, 16_000, 28_000, 36_000, 40_000, 44_000, 48_000, 52_000]),
  },

  // Server: form
  { rule: 'dhcp.reply-port', what: 'an OFFER to port 67', change: (s) => (s.dhcp('a.offer').destination.port = 67) },
  {
    rule: 'dhcp.reply-port',
    what: 'an OFFER to port 68 of the relay',
    change: (s) => {
      s.set('d.discover', 82, undefined);
      s.set('d.request', 82, undefined);
      s.set('d.offer', 82, undefined);
      s.set('d.ack', 82, undefined);
      s.dhcp('d.offer').destination.port = 4011;
    },
  },
  { rule: 'dhcp.server-port', what: 'an OFFER from port 1067', change: (s) => (s.dhcp('a.offer').source.port = 1067) },
  { rule: 'dhcp.reply-source', what: 'an OFFER from 0.0.0.0', change: (s) => (s.dhcp('a.offer').source.address = IPV4_ANY) },
  {
    rule: 'dhcp.reply-destination',
    what: 'an OFFER to a stranger',
    change: (s) => (s.dhcp('a.offer').destination.address = STRANGER),
  },
  {
    rule: 'dhcp.reply-destination',
    what: 'the ACK of a renewal by broadcast',
    change: (s) => (s.dhcp('a.renewed').destination.address = IPV4_BROADCAST),
  },
  {
    rule: 'dhcp.reply-destination',
    what: 'an OFFER past the relay',
    change: (s) => (s.dhcp('d.offer').destination.address = STRANGER),
  },
  {
    rule: 'dhcp.reply-destination',
    what: 'unicast to a client that can hear only broadcasts',
    change: (s) => (s.dhcp('b.offer').destination.address = s.dhcp('b.offer').message.yiaddr),
  },
  { rule: 'dhcp.nak-destination', what: 'a NAK to one address', change: (s) => (s.dhcp('b.nak').destination.address = STRANGER) },
  {
    rule: 'dhcp.inform-reply-destination',
    what: 'the ACK of an INFORM by broadcast',
    change: (s) => (s.dhcp('c.ack').destination.address = IPV4_BROADCAST),
  },
  {
    rule: 'dhcp.reply-link-address',
    what: 'an OFFER in a frame to another station',
    change: (s) => (s.dhcp('a.offer').link.destination = C),
  },
  {
    rule: 'dhcp.relay-nak-broadcast',
    what: 'a NAK to a relay without the broadcast bit',
    change: (s) => (s.dhcp('d.nak').message.flags = 0),
  },

  // Server: fields and options
  { rule: 'dhcp.missing-server-id', what: 'an OFFER without option 54', change: (s) => s.set('e.offer', 54, undefined) },
  { rule: 'dhcp.missing-server-id', what: 'a NAK without option 54', change: (s) => s.set('b.nak', 54, undefined) },
  {
    rule: 'dhcp.bad-server-id',
    what: 'option 54 is 0.0.0.0',
    change: (s) => s.set('c.ack', 54, u32(0)),
  },
  { rule: 'dhcp.missing-lease-time', what: 'an OFFER without option 51', change: (s) => s.set('a.offer', 51, undefined) },
  {
    rule: 'dhcp.missing-lease-time',
    what: 'an ACK without option 51',
    change: (s) => s.set('e.ack', 51, undefined),
  },
  {
    rule: 'dhcp.zero-lease-time',
    what: 'a lease of 0 s',
    change: (s) => {
      s.set('b.offer', 51, u32(0));
      s.set('b.offer', 58, u32(0));
      s.set('b.offer', 59, u32(0));
    },
  },
  {
    rule: 'dhcp.bad-yiaddr',
    what: 'an OFFER of a multicast address',
    change: (s) => {
      s.dhcp('e.offer').message.yiaddr = ip('224.0.0.1');
      s.dhcp('e.offer').destination.address = IPV4_BROADCAST;
      s.shots.delete('e.request');
      s.shots.delete('e.ack');
    },
  },
  { rule: 'dhcp.offer-ciaddr', what: 'ciaddr in an OFFER', change: (s) => (s.dhcp('a.offer').message.ciaddr = FIRST) },
  { rule: 'dhcp.nak-addresses', what: 'yiaddr in a NAK', change: (s) => (s.dhcp('b.nak').message.yiaddr = FIRST) },
  { rule: 'dhcp.nak-options', what: 'a lease time in a NAK', change: (s) => s.set('b.nak', 51, u32(600)) },
  { rule: 'dhcp.inform-reply-lease', what: 'a lease time in the ACK of an INFORM', change: (s) => s.set('c.ack', 51, u32(600)) },
  { rule: 'dhcp.reply-options', what: 'option 55 in an ACK', change: (s) => s.set('a.ack', 55, Uint8Array.of(1)) },
  { rule: 'dhcp.t1-t2', what: 'T1 after T2', change: (s) => s.set('a.ack', 58, u32(599)) },
  { rule: 'dhcp.t1-t2', what: 'T2 after the end', change: (s) => s.set('a.ack', 59, u32(601)) },

  // Server: against what was asked
  {
    rule: 'dhcp.unsolicited-reply',
    what: 'an ACK with another xid',
    change: (s) => (s.dhcp('e.ack').message.xid = 0x12345678),
    also: ['dhcp.use-before-ack'],
  },
  {
    rule: 'dhcp.unsolicited-reply',
    what: 'an ACK for another chaddr',
    change: (s) => (s.dhcp('e.ack').message.chaddr[5] = 0x77),
    also: ['dhcp.use-before-ack'],
  },
  {
    rule: 'dhcp.wrong-reply-type',
    what: 'an ACK to a DISCOVER',
    change: (s) => s.shots.delete('e.request'),
    also: ['dhcp.use-before-ack'],
  },
  {
    rule: 'dhcp.wrong-reply-type',
    what: 'a NAK to an INFORM',
    change: (s) => {
      s.set('c.ack', 53, Uint8Array.of(6));
      for (const code of [1, 3]) s.set('c.ack', code, undefined);
      s.dhcp('c.ack').message.ciaddr = IPV4_ANY;
    },
  },
  { rule: 'dhcp.reply-flags', what: 'the broadcast bit lost', change: (s) => (s.dhcp('b.offer').message.flags = 0) },
  {
    rule: 'dhcp.reply-hardware',
    what: 'another htype in the ACK',
    change: (s) => (s.dhcp('c.ack').message.htype = 6),
  },
  { rule: 'dhcp.ack-ciaddr', what: 'another ciaddr in the ACK', change: (s) => (s.dhcp('a.renewed').message.ciaddr = STRANGER) },
  {
    rule: 'dhcp.ack-address',
    what: 'an ACK of another address',
    change: (s) => {
      s.dhcp('e.ack').message.yiaddr = STRANGER;
      s.dhcp('e.ack').destination.address = STRANGER;
    },
  },
  {
    rule: 'dhcp.other-server-reply',
    what: 'another server answers the REQUEST',
    change: (s) => s.set('e.ack', 54, u32(STRANGER)),
  },
  { rule: 'dhcp.client-id-echo', what: 'no option 61 in the OFFER', change: (s) => s.set('a.offer', 61, undefined) },
  { rule: 'dhcp.client-id-echo', what: 'another option 61 in the ACK', change: (s) => s.set('a.ack', 61, Uint8Array.of(7, 7)) },
  { rule: 'dhcp.relay-info-echo', what: 'no option 82 to the relay', change: (s) => s.set('d.offer', 82, undefined) },
  { rule: 'dhcp.relay-info-echo', what: 'option 82 changed', change: (s) => s.set('d.offer', 82, Uint8Array.of(1, 1, 1)) },
  {
    rule: 'dhcp.relay-info-leaked',
    what: 'option 82 passed on to the client',
    change: (s) => {
      const discover = s.dhcp('d.discover');
      discover.message.giaddr = IPV4_ANY;
      discover.message.hops = 0;
      discover.message.options = discover.message.options.filter(({ code }) => code !== 82);
      discover.source = { address: IPV4_ANY, port: 68 };
      discover.destination.address = IPV4_BROADCAST;
      discover.link = { source: D, destination: MAC_BROADCAST };
      const offer = s.dhcp('d.offer');
      offer.destination = { address: offer.message.yiaddr, port: 68 };
      offer.source.address = RELAY;
      offer.link.destination = D;
    },
  },
  {
    rule: 'dhcp.rapid-commit',
    what: 'rapid commit that nobody asked for',
    change: (s) => {
      s.shots.delete('e.request');
      s.set('e.ack', 80, new Uint8Array(0));
    },
  },

  // Leases
  {
    rule: 'dhcp.two-holders',
    what: 'the address of A is leased to E',
    change: (s) => {
      for (const name of ['e.offer', 'e.ack']) {
        s.dhcp(name).message.yiaddr = FIRST;
        s.dhcp(name).destination.address = FIRST;
      }
      s.set('e.request', 50, u32(FIRST));
      s.shots.delete('e.use');
    },
    also: ['dhcp.offer-leased'],
  },
  {
    rule: 'dhcp.offer-leased',
    what: 'the address of A is offered to E',
    change: (s) => {
      s.dhcp('e.offer').message.yiaddr = FIRST;
      s.dhcp('e.offer').destination.address = FIRST;
      s.shots.delete('e.request');
      s.shots.delete('e.ack');
      s.shots.delete('e.use');
    },
  },
  { rule: 'dhcp.address-of-another', what: 'E uses the address of A', change: (s) => (s.arp('e.use').arp.senderIp = FIRST) },
  {
    rule: 'dhcp.use-before-ack',
    what: 'an offered address in use',
    change: (s) => {
      s.arp('e.use').at = 5_010;
    },
  },
  {
    rule: 'dhcp.use-after-expiry',
    what: 'use of an address whose lease ran out',
    change: (s) => {
      s.repeat('e.use', 'e.resolve', 7_000).link.destination = SERVER_MAC;
      s.repeat('e.use', 'e.late', 640_000);
    },
  },
  {
    rule: 'dhcp.use-after-release',
    what: 'use of an address after its RELEASE',
    change: (s) => void s.repeat('a.use', 'a.late', 910_000),
  },
  {
    rule: 'dhcp.use-after-nak',
    what: 'use of an address after a NAK, in a new beginning',
    change: (s) => {
      s.shots.delete('a.rebind');
      s.shots.delete('a.rebound');
      s.shots.delete('a.release');
      const nak = s.dhcp('a.renewed');
      nak.message.options = nak.message.options.filter(({ code }) => [54, 61].includes(code));
      nak.message.options.unshift({ code: 53, value: Uint8Array.of(6) });
      nak.message.ciaddr = IPV4_ANY;
      nak.message.yiaddr = IPV4_ANY;
      nak.destination.address = IPV4_BROADCAST;
      const again = s.repeat('a.discover', 'a.again', 301_000);
      if (again.kind === 'dhcp') again.message.xid = 0xa9;
      s.repeat('a.use', 'a.late', 310_000);
    },
  },
];
