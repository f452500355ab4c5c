import {
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  MAC_BROADCAST,
  MAC_ZERO,
  type MacAddress,
  type Millis,
  parseIpv4,
} from '@nexus-net/sansio';
import { ARP_REPLY, ARP_REQUEST, encodeUdpFrame, type Violation } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DhcpWitness } from '../src/index.js';
import { correctScene, E, sceneOf } from './support/correct-scene.js';
import { type DhcpShot, observe, RELAY, RELAY_MAC, Scene, SERVER_MAC } from './support/scene.js';
import { A, B, FIRST, SERVER, u32 } from './support/server-lab.js';

// Who holds which address until when: what the witness says of a lease, and what it lets be.

const ip = parseIpv4;
const ADDRESS = ip('10.0.2.18');
const OTHER_SERVER = ip('10.0.2.9');

/** E got its ACK, for 600 s, with T1 300 s. Clocks may differ by 2 s and a hundredth of the lease. */
const [OFFERED, LEASED] = [5_001, 5_021];
const END = LEASED + 600_000;
const TOLERANCE = 2_000 + 6_000;

/** E's messages alone, and what `change` makes of them. E's unicasts are seen. */
function sceneOfE(change: (scene: Scene) => void): Scene {
  const scene = sceneOf('e');
  scene.arp('e.use').link.destination = SERVER_MAC;
  change(scene);
  return scene;
}

const violations = (change: (scene: Scene) => void, witness?: DhcpWitness): Violation[] =>
  observe(sceneOfE(change).frames(), witness).violations;

const rules = (change: (scene: Scene) => void, witness?: DhcpWitness): string[] =>
  violations(change, witness).map(({ rule }) => rule);

const shot = (scene: Scene, name: string, as: string, at: Millis): DhcpShot => scene.repeat(name, as, at) as DhcpShot;

/** A whole exchange as E's, with another client, address, xid and time; `offer` and `ack` come 1 and 21 ms after `at`. */
function exchange(
  scene: Scene,
  name: string,
  at: Millis,
  { mac = E, address = ADDRESS, xid }: { readonly mac?: MacAddress; readonly address?: Ipv4Address; readonly xid: number },
): void {
  for (const [step, offset] of [
    ['discover', 0],
    ['offer', 1],
    ['request', 20],
    ['ack', 21],
  ] as const) {
    const copy = shot(scene, `e.${step}`, `${name}.${step}`, at + offset);
    const isReply = step === 'offer' || step === 'ack';
    copy.message.xid = xid;
    copy.message.chaddr.set([0, 8, 16, 24, 32, 40].map((bits) => Math.floor(mac / 2 ** bits) % 256).reverse());
    copy.link = {
      source: isReply ? SERVER_MAC : mac,
      destination: copy.link.destination === MAC_BROADCAST ? MAC_BROADCAST : mac,
    };
    if (isReply) copy.message.yiaddr = address;
    if (isReply && copy.destination.address !== IPV4_BROADCAST) copy.destination.address = address;
    if (step === 'request') scene.set(`${name}.request`, 50, u32(address));
  }
}

/** E asks again for the address that it has: by unicast to its server, or by broadcast. */
function renews(scene: Scene, at: Millis, { broadcast = false }: { readonly broadcast?: boolean } = {}): DhcpShot {
  const renewal = shot(scene, 'e.request', 'renewal', at);
  renewal.message.xid = 0xe9;
  renewal.message.ciaddr = ADDRESS;
  renewal.source.address = ADDRESS;
  for (const code of [50, 54]) scene.set('renewal', code, undefined);
  if (!broadcast) {
    renewal.destination.address = SERVER;
    renewal.link.destination = SERVER_MAC;
  }
  return renewal;
}

/** E asks one station, so that its unicasts are known to pass here. */
function talks(scene: Scene, at: Millis, address: Ipv4Address): void {
  scene.use('talks', at, E, address);
  scene.arp('talks').link.destination = SERVER_MAC;
}

function releases(scene: Scene, at: Millis): void {
  const release = shot(scene, 'e.request', 'release', at);
  release.message.xid = 0xe8;
  release.message.ciaddr = ADDRESS;
  release.source.address = ADDRESS;
  release.destination.address = SERVER;
  release.link.destination = SERVER_MAC;
  scene.set('release', 53, Uint8Array.of(7));
  scene.set('release', 50, undefined);
  for (const code of [55, 57]) scene.set('release', code, undefined);
}

/** E reboots and asks for its address; the server refuses. */
function refused(scene: Scene, at: Millis): void {
  const reboot = shot(scene, 'e.request', 'reboot', at);
  reboot.message.xid = 0xe7;
  scene.set('reboot', 54, undefined);
  const nak = shot(scene, 'e.ack', 'nak', at + 1);
  nak.message = { ...nak.message, xid: 0xe7, yiaddr: IPV4_ANY, options: [] };
  scene.set('nak', 53, Uint8Array.of(6));
  scene.set('nak', 54, u32(SERVER));
  nak.destination = { address: IPV4_BROADCAST, port: 68 };
  nak.link = { ...nak.link, destination: MAC_BROADCAST };
}

/** The message is on the wire as a relay passes it on. */
function relayed(copy: DhcpShot): void {
  copy.link = { source: RELAY_MAC, destination: SERVER_MAC };
  copy.source = { address: RELAY, port: 67 };
  copy.destination = { address: SERVER, port: 67 };
  copy.message.giaddr = RELAY;
  copy.message.hops = 1;
}

function relayedByItself(copy: DhcpShot): void {
  relayed(copy);
  copy.link.source = E;
}

const numbers = (scene: Scene, ...names: string[]): number[] => {
  const order = [...scene.shots.entries()].sort(([, a], [, b]) => a.at - b.at).map(([name]) => name);
  return names.map((name) => order.indexOf(name) + 1);
};

describe('a renewal (RFC 2131 §4.4.5)', () => {
  test('may come until the end of the lease, as far as two clocks agree', () => {
    expect(rules((scene) => void renews(scene, END + TOLERANCE))).toEqual([]);
    const late = violations((scene) => void renews(scene, END + TOLERANCE + 1));
    expect(late.map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.renew-expired', 4, 6]]);
    expect(late[0]?.message).toMatch(/ran out 8 s ago$/);
  });

  test('is let be where renewals by unicast are not seen', () => {
    const unseen = (scene: Scene): void => {
      scene.arp('e.use').link.destination = MAC_BROADCAST;
      renews(scene, END + TOLERANCE + 1);
    };
    expect(rules(unseen)).toEqual([]);
  });

  test('that a relay passes on is judged where the client sent it', () => {
    expect(rules((scene) => relayed(renews(scene, END + TOLERANCE + 1)))).not.toContain('dhcp.renew-expired');
  });

  const T1 = OFFERED + 300_000;

  test('is no broadcast before T1, counted from the first OFFER, for the REQUEST itself may not have been seen', () => {
    expect(rules((scene) => void renews(scene, T1 - TOLERANCE, { broadcast: true }))).toEqual([]);
    const early = violations((scene) => void renews(scene, T1 - TOLERANCE - 1, { broadcast: true }));
    expect(early.map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.rebind-early', 4, 6]]);
    expect(early[0]?.message).toMatch(/ 8 s before T1$/);
  });

  test('the second OFFER of an exchange is not where T1 begins', () => {
    const later = (scene: Scene): void => {
      const other = shot(scene, 'e.offer', 'other', 35_001);
      for (const name of ['e.request', 'e.ack']) scene.dhcp(name).at += 30_001;
      scene.set('other', 54, u32(OTHER_SERVER));
      other.source.address = OTHER_SERVER;
      scene.shots.delete('e.use');
      renews(scene, T1 - TOLERANCE, { broadcast: true });
    };
    expect(rules(later)).toEqual([]);
  });

  test('without an OFFER, four retransmissions may have gone by before what was seen', () => {
    const rebooted = (at: Millis) => (scene: Scene) => {
      for (const name of ['e.discover', 'e.offer']) scene.shots.delete(name);
      scene.set('e.request', 54, undefined);
      renews(scene, at, { broadcast: true });
    };
    const t1 = LEASED - 64_000 + 300_000;
    expect(rules(rebooted(t1 - TOLERANCE))).toEqual([]);
    expect(rules(rebooted(t1 - TOLERANCE - 1))).toEqual(['dhcp.rebind-early']);
  });

  test.each<[string, Readonly<Record<number, number | undefined>>, number]>([
    ['T1 that the server gave', { 58: 100 }, 100],
    ['a half of the lease where it gave none', { 58: undefined }, 300],
    ['T1, without T2', { 58: 200, 59: undefined }, 200],
  ])('T1 is %s', (_, times, seconds) => {
    const at = (time: Millis) => (scene: Scene) => {
      for (const name of ['e.offer', 'e.ack'])
        for (const [code, value] of Object.entries(times))
          scene.set(name, Number(code), value === undefined ? value : u32(value));
      renews(scene, time, { broadcast: true });
    };
    const t1 = OFFERED + seconds * 1_000 - TOLERANCE;
    expect(rules(at(t1))).toEqual([]);
    expect(rules(at(t1 - 1))).toEqual(['dhcp.rebind-early']);
  });

  test('of a lease for ever has a T1 where the server gave one', () => {
    const early = (scene: Scene): void => {
      for (const name of ['e.offer', 'e.ack']) {
        scene.set(name, 51, u32(0xffffffff));
        scene.set(name, 58, u32(300));
      }
      renews(scene, T1 - 1, { broadcast: true });
    };
    expect(rules(early)).toEqual(['dhcp.rebind-early']);
  });

  test('a lease that was released has no T1', () => {
    const released = (scene: Scene): void => {
      releases(scene, 10_000);
      renews(scene, 100_000, { broadcast: true });
    };
    expect(rules(released)).toEqual([]);
  });

  test('a lease after a RELEASE begins anew, and so does that of another client', () => {
    const anew = (mac: MacAddress, released: boolean) => (scene: Scene) => {
      if (released) releases(scene, 10_000);
      const begin = released ? 400_000 : END + 2 * TOLERANCE;
      exchange(scene, 'new', begin, { mac, xid: 0xe2 });
      const renewal = renews(scene, begin + 200_000, { broadcast: true });
      renewal.link.source = mac;
      renewal.message.chaddr.set(scene.dhcp('new.request').message.chaddr);
    };
    expect(rules(anew(E, true))).toEqual(['dhcp.rebind-early']);
    expect(rules(anew(B, false))).toEqual(['dhcp.rebind-early']);
  });
});

describe('a use before the ACK', () => {
  test('is a violation of the client, once, with the frame of the OFFER', () => {
    const early = (scene: Scene): void => {
      for (const i of [1, 2]) scene.use(`early${i}`, 5_010 + i, E, ADDRESS);
    };
    expect(violations(early).map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.use-before-ack', 2, 3]]);
    expect(violations(early)[0]?.message).toMatch(/: 02:00:00:00:00:0e uses 10\.0\.2\.18$/);
  });

  test('is none by a station that had the address before', () => {
    const had = (scene: Scene): void => {
      scene.use('before', 4_000, E, ADDRESS);
      scene.use('early', 5_010, E, ADDRESS);
    };
    expect(rules(had)).toEqual([]);
  });

  test('is none by an ARP request to one station, which asks whether the network is the old one (RFC 4436 §2.1.1)', () => {
    const early = (operation: typeof ARP_REQUEST | typeof ARP_REPLY) => (scene: Scene) => {
      scene.use('early', 5_010, E, ADDRESS);
      scene.arp('early').link.destination = SERVER_MAC;
      scene.arp('early').arp.operation = operation;
    };
    expect(rules(early(ARP_REQUEST))).toEqual([]);
    expect(rules(early(ARP_REPLY))).toEqual(['dhcp.use-before-ack']);
  });
});

/** A datagram of no interest, from `source`. */
const datagram = (link: { source: MacAddress; destination: MacAddress }, source: Ipv4Address): Uint8Array =>
  encodeUdpFrame({
    link,
    datagram: {
      source: { address: source, port: 5_000 },
      destination: { address: SERVER, port: 5_000 },
      payload: new Uint8Array(8),
    },
  });

describe('whose use of addresses is followed', () => {
  const stations = (bytes: Uint8Array): number => {
    const witness = new DhcpWitness();
    observe([{ at: 0, bytes }], witness);
    return witness.inspect().stations;
  };
  const link = { source: E, destination: SERVER_MAC };
  const plain = datagram(link, ADDRESS);

  test('that of the sender of any datagram that its receiver would take', () => {
    expect(stations(plain)).toBe(1);
    expect(stations(plain.with(24, plain[24]! ^ 1))).toBe(0); // the checksum of the IPv4 header
    expect(stations(plain.with(49, plain[49]! ^ 1))).toBe(0); // the payload, which UDP's checksum covers
    expect(stations(plain.subarray(0, 13))).toBe(0);
  });

  test('also of one whose checksum the hardware would have finished', () => {
    const pseudo = [10, 0, 2, 18, ...[24, 16, 8, 0].map((bits) => (SERVER >>> bits) & 255), 0, 17, 0, 16];
    let sum = 0;
    for (let i = 0; i < pseudo.length; i += 2) sum += pseudo[i]! * 256 + pseudo[i + 1]!;
    expect(stations(plain.with(40, (sum >> 8) & 255).with(41, sum & 255))).toBe(1);
  });

  test('not that of a group, of an ARP probe, of a sender that speaks for another', () => {
    expect(stations(datagram({ ...link, source: 0x01005e000001 as MacAddress }, ADDRESS))).toBe(0);
    const arp = (senderMac: MacAddress, senderIp: Ipv4Address): number => {
      const scene = new Scene();
      scene.use('only', 0, E, senderIp);
      Object.assign(scene.arp('only').arp, { senderMac, targetMac: MAC_ZERO });
      return stations(scene.frames()[0]!.bytes);
    };
    expect(arp(E, ADDRESS)).toBe(1);
    expect(arp(E, IPV4_ANY)).toBe(0);
    expect(arp(A, ADDRESS)).toBe(0);
  });
});

describe('a use after the end', () => {
  test('of the lease, with the frame of the ACK', () => {
    const late = violations((scene) => scene.use('late', END + 20_000, E, ADDRESS));
    expect(late.map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.use-after-expiry', 4, 6]]);
    expect(late[0]?.message).toMatch(/: 02:00:00:00:00:0e uses 10\.0\.2\.18 20 s later$/);
  });

  test('by a RELEASE, two seconds later', () => {
    const released = (after: Millis) => (scene: Scene) => {
      releases(scene, 10_000);
      scene.use('late', 10_000 + after, E, ADDRESS);
    };
    expect(rules(released(1_999))).toEqual([]);
    expect(violations(released(2_000)).map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.use-after-release', 4, 7]]);
  });

  test('by a NAK that was heard: the client starts over, and two seconds later', () => {
    const again =
      (...discovers: Millis[]) =>
      (scene: Scene) => {
        refused(scene, 10_000);
        for (const at of discovers) shot(scene, 'e.discover', `again ${at}`, at).message.xid = 0xe6;
        scene.use('late', 20_000, E, ADDRESS);
      };
    expect(rules(again())).toEqual([]);
    expect(rules(again(18_001))).toEqual([]);
    const late = violations(again(12_000, 19_000));
    expect(late.map(({ rule, frames }) => [rule, frames[0]])).toEqual([['dhcp.use-after-nak', 4]]);
  });

  test('what a NAK says of a lease that was released before changes nothing', () => {
    const both = (scene: Scene): void => {
      releases(scene, 10_000);
      refused(scene, 11_000);
      scene.use('late', 20_000, E, ADDRESS);
    };
    expect(rules(both)).toEqual(['dhcp.use-after-release']);
  });

  test('a DECLINE is no NAK', () => {
    const declined = (scene: Scene): void => {
      const decline = shot(scene, 'e.request', 'decline', 10_000);
      decline.message.xid = 0xe5;
      scene.set('decline', 53, Uint8Array.of(4));
      scene.use('late', 20_000, E, ADDRESS);
    };
    expect(rules(declined)).not.toContain('dhcp.use-after-nak');
  });

  test.each<[string, (copy: DhcpShot) => void]>([
    ['sits behind a relay', relayed],
    ['is seen through a station that writes its own link address', (copy) => (copy.link.source = RELAY_MAC)],
    ['relays for itself', relayedByItself],
  ])('is let be where the client %s', (_, change) => {
    const away = (scene: Scene): void => {
      for (const name of ['e.discover', 'e.request']) change(scene.dhcp(name));
      scene.use('late', END + 20_000, E, ADDRESS);
    };
    expect(rules(away).filter((rule) => rule.startsWith('dhcp.use'))).toEqual([]);
  });
});

describe('the address of another', () => {
  const THIRD = ip('10.0.2.16');
  /** A and B have leases on this wire as well. */
  const all = (change: (scene: Scene) => void) => (scene: Scene) => {
    exchange(scene, 'first', 5_100, { mac: A, address: FIRST, xid: 0xa9 });
    exchange(scene, 'second', 5_200, { mac: B, address: THIRD, xid: 0xb9 });
    change(scene);
  };

  test('is reported once for each address, with the ACK of its holder', () => {
    const scene = sceneOfE(
      all((each) => {
        for (const i of [1, 2, 3]) each.use(`wrong${i}`, 7_000 + i, E, FIRST);
        each.use('other', 7_010, E, THIRD);
      }),
    );
    const found = observe(scene.frames()).violations;
    expect(found.map(({ rule, frames }) => [rule, ...frames])).toEqual([
      ['dhcp.address-of-another', ...numbers(scene, 'first.ack', 'wrong1')],
      ['dhcp.address-of-another', ...numbers(scene, 'second.ack', 'other')],
    ]);
    expect(found[0]?.message).toMatch(/: 02:00:00:00:00:0e uses 10\.0\.2\.15 of 02:00:00:00:00:0a$/);
  });

  test('in a datagram is that of somebody who is routed for', () => {
    const frames = sceneOfE(all(() => {})).frames();
    frames.push({ at: 7_000, bytes: datagram({ source: E, destination: SERVER_MAC }, FIRST) });
    expect(observe(frames).violations).toEqual([]);
  });

  test('is none where the station holds both', () => {
    const both = (scene: Scene): void => {
      exchange(scene, 'more', 7_000, { address: THIRD, xid: 0xe2 });
      scene.use('old', 8_000, E, ADDRESS);
    };
    expect(rules(both)).toEqual([]);
  });

  test('a station that takes every address is reported eight times, no more', () => {
    const many = (scene: Scene): void => {
      for (let i = 0; i < 10; i++) {
        const address = (ip('10.0.2.100') + i) as Ipv4Address;
        exchange(scene, `x${i}`, 6_100 + 100 * i, { mac: (B + 1_000 + i) as MacAddress, address, xid: 0x100 + i });
        scene.use(`wrong${i}`, 8_000 + i, E, address);
      }
    };
    expect(rules(many)).toEqual(new Array(8).fill('dhcp.address-of-another'));
  });
});

describe('two holders', () => {
  const given = (at: Millis, change: (scene: Scene) => void = () => {}): Violation[] =>
    violations((scene) => {
      exchange(scene, 'new', at - 1, { mac: B, xid: 0xb2 });
      change(scene);
    });

  test('an address is free when its lease has run out, as far as two clocks agree', () => {
    expect(given(END - TOLERANCE)).toEqual([]);
    const early = given(END - TOLERANCE - 1);
    expect(early.map(({ rule, frames }) => [rule, ...frames])).toEqual([['dhcp.offer-leased', 4, 7]]);
    expect(early[0]?.message).toMatch(/: 10\.0\.2\.18 is leased to 02:00:00:00:00:0e$/);
    expect(given(100_000).map(({ rule }) => rule)).toEqual(['dhcp.offer-leased', 'dhcp.two-holders']);
  });

  test('a lease for ever never runs out', () => {
    const forEver = (scene: Scene): void => {
      for (const name of ['e.offer', 'e.ack']) for (const code of [51, 58, 59]) scene.set(name, code, u32(0xffffffff));
    };
    // Its holder has no tolerance of clocks: there is no end to be wrong about.
    expect(given(1e9, forEver).map(({ rule }) => rule)).toEqual(['dhcp.offer-leased', 'dhcp.two-holders']);
  });

  test('a client that got another address has given up the one before', () => {
    const moved = (scene: Scene): void => exchange(scene, 'moved', 50_000, { address: ip('10.0.2.30'), xid: 0xe2 });
    expect(given(100_000, moved)).toEqual([]);
    // And the newer one is followed on, though the older has another holder now.
    const late = given(100_000, (scene) => {
      moved(scene);
      talks(scene, 60_000, ip('10.0.2.30'));
      scene.use('late', 50_021 + 600_000 + 20_000, E, ip('10.0.2.30'));
    });
    expect(late.map(({ rule }) => rule)).toEqual(['dhcp.use-after-expiry']);
  });
});

describe('bounds', () => {
  const limited = (
    options: ConstructorParameters<typeof DhcpWitness>[0],
    frames = correctScene().frames(),
  ): ReturnType<DhcpWitness['inspect']> => {
    const witness = new DhcpWitness(options);
    observe(frames, witness);
    return witness.inspect();
  };

  test('what fits is not forgotten', () => {
    expect(limited({ exchangeCountMax: 10, leaseCountMax: 4, stationCountMax: 2 })).toMatchObject({
      exchanges: 10,
      leases: 4,
      stations: 2,
      evicted: 0,
    });
  });

  test('what is forgotten is counted: exchanges, leases, stations', () => {
    // Ten exchanges; leases of A, B, D, E, and A's twice more, in place of E's; stations A and E.
    expect(limited({ exchangeCountMax: 1 })).toMatchObject({ exchanges: 1, evicted: 9 });
    expect(limited({ leaseCountMax: 1 })).toMatchObject({ leases: 1, evicted: 4 });
    expect(limited({ stationCountMax: 1 })).toMatchObject({ stations: 1, evicted: 1 });
    expect(limited({ exchangeCountMax: 1, leaseCountMax: 1, stationCountMax: 1 }).evicted).toBe(14);
  });

  test('of a lease that is forgotten nothing is said; a newer one of the same client is kept', () => {
    const late = (address: Ipv4Address, exchanges: (scene: Scene) => void): string[] =>
      rules(
        (scene) => {
          exchanges(scene);
          scene.use('late', 1_000_000, E, address);
        },
        new DhcpWitness({ leaseCountMax: 2 }),
      );
    const second = ip('10.0.2.30');
    const others = (count: number) => (scene: Scene) => {
      for (let i = 0; i < count; i++)
        exchange(scene, `x${i}`, 7_000 + 100 * i, {
          mac: (B + i) as MacAddress,
          address: (FIRST + i) as Ipv4Address,
          xid: 9 + i,
        });
    };
    expect(late(ADDRESS, others(1))).toEqual(['dhcp.use-after-expiry']);
    expect(late(ADDRESS, others(2))).toEqual([]);
    const moved = (scene: Scene): void => {
      exchange(scene, 'moved', 6_500, { address: second, xid: 0xe2 });
      talks(scene, 6_600, second);
      others(1)(scene);
    };
    expect(late(second, moved)).toEqual(['dhcp.use-after-expiry']);
  });

  test('a violation names the newest eight messages of an exchange, and sixteen offers', () => {
    const asked = violations((scene) => {
      for (const name of ['e.request', 'e.ack', 'e.use', 'e.offer']) scene.shots.delete(name);
      for (let i = 1; i < 12; i++) shot(scene, 'e.discover', `again${i}`, 5_000 + 20_000 * i * i);
      const ack = shot(sceneOf('e'), 'e.ack', 'ack', 5_000 + 20_000 * 121 + 1);
      scene.shots.set('ack', ack);
    }).filter(({ rule }) => rule === 'dhcp.wrong-reply-type');
    expect(asked.map(({ frames }) => frames)).toEqual([[5, 6, 7, 8, 9, 10, 11, 12, 13]]);

    const offered = violations((scene) => {
      for (const name of ['e.ack', 'e.use']) scene.shots.delete(name);
      for (let i = 0; i < 17; i++) {
        const offer = shot(scene, 'e.offer', `offer${i}`, 5_002 + i / 2);
        offer.source.address = (ip('10.0.2.100') + i) as Ipv4Address;
        scene.set(`offer${i}`, 54, u32(offer.source.address));
      }
      scene.set('e.request', 54, u32(OTHER_SERVER));
    });
    expect(offered.map(({ rule, frames }) => [rule, frames.length])).toEqual([['dhcp.unknown-server', 16 + 1]]);
  });
});

describe('copies of one message', () => {
  const facts = (change: (scene: Scene) => void): string[] =>
    observe(sceneOfE(change).frames()).facts.map(({ kind, at }) => `${kind} ${at}`);

  test('a DECLINE and a RELEASE that a relay passes on are told once', () => {
    const told = facts((scene) => {
      const decline = shot(scene, 'e.request', 'decline', 10_000);
      decline.message.xid = 0xe5;
      scene.set('decline', 53, Uint8Array.of(4));
      relayed(shot(scene, 'decline', 'decline on', 10_001));
      releases(scene, 11_000);
      relayed(shot(scene, 'release', 'release on', 11_001));
    });
    expect(told.slice(4)).toEqual(['dhcp.declined 10000', 'dhcp.released 11000']);
  });

  test('another address, another server, another type is another message', () => {
    const other = (change: (scene: Scene) => void): string[] =>
      facts((scene) => {
        for (const name of ['e.discover', 'e.offer', 'e.ack', 'e.use']) scene.shots.delete(name);
        relayed(shot(scene, 'e.request', 'on', 5_025));
        change(scene);
      });
    expect(other(() => {})).toEqual(['dhcp.requested 5020']);
    expect(other((scene) => scene.set('on', 50, u32(FIRST)))).toEqual(['dhcp.requested 5020', 'dhcp.requested 5025']);
    expect(other((scene) => scene.set('on', 54, u32(OTHER_SERVER)))).toEqual(['dhcp.requested 5020', 'dhcp.requested 5025']);
    expect(other((scene) => scene.set('on', 53, Uint8Array.of(1)))).toEqual(['dhcp.requested 5020', 'dhcp.discovered 5025']);
  });
});
