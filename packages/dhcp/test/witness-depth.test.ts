import { IPV4_BROADCAST, MAC_BROADCAST, type Millis, parseIpv4 } from '@nexus-net/sansio';
import { dissect } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { DhcpWitness } from '../src/index.js';
import { correctScene, D } from './support/correct-scene.js';
import { type DhcpShot, observe, RELAY_MAC, type Scene, SERVER_MAC } from './support/scene.js';
import { A, B, FIRST, SERVER, u32 } from './support/server-lab.js';

const ip = parseIpv4;

/** Names of the rules that the changed scene breaks, each once. */
function broken(change: (scene: Scene) => void): string[] {
  const scene = correctScene();
  change(scene);
  return [...new Set(observe(scene.frames()).violations.map(({ rule }) => rule))].sort();
}

/** Facts about one client, as `kind at`. */
function facts(client: number, change: (scene: Scene) => void): string[] {
  const scene = correctScene();
  change(scene);
  return observe(scene.frames()).facts.flatMap((fact) =>
    'client' in fact && fact.client === client ? [`${fact.kind} ${fact.at}`] : [],
  );
}

/** Only the frames of one client: their names begin with its letter. */
function only(scene: Scene, letter: string): void {
  for (const name of [...scene.shots.keys()]) if (!name.startsWith(letter)) scene.shots.delete(name);
}

describe('a machine', () => {
  test('that sends nothing and waits for nothing', () => {
    const witness = new DhcpWitness();
    observe(correctScene().frames(), witness);
    witness.handleTimeout();
    expect(witness.pollTransmit()).toBeUndefined();
    expect(witness.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
    expect(witness.pollEvent()).toBeUndefined();
  });

  test('that says what it has seen', () => {
    const witness = new DhcpWitness();
    const frames = correctScene().frames();
    observe(frames, witness);
    expect(witness.inspect()).toEqual({
      frames: frames.length,
      messages: frames.length - 2, // two are ARP
      exchanges: 10, // of A and B three each, of C and E one, of D two
      leases: 4,
      stations: 2,
      evicted: 0,
      eventsDropped: 0,
    });
  });
});

describe('what is no DHCP message', () => {
  const changed = (raw: (payload: Uint8Array) => Uint8Array, ports: Partial<{ from: number; to: number }> = {}): string[] =>
    broken((scene) => {
      only(scene, 'e.discover');
      const shot = scene.dhcp('e.discover');
      shot.raw = raw;
      shot.source.port = ports.from ?? 68;
      shot.destination.port = ports.to ?? 67;
    });

  test('BOOTP and vendor areas other than DHCP’s are somebody else’s', () => {
    expect(changed((payload) => payload.slice(0, 236))).toEqual([]);
    expect(changed((payload) => payload.with(236, 0))).toEqual([]);
  });

  test('rubbish is a violation between the two ports, and nothing to us on another one', () => {
    const rubbish = (payload: Uint8Array): Uint8Array => payload.slice(0, 100);
    expect(changed(rubbish)).toEqual(['dhcp.malformed']);
    expect(changed(rubbish, { from: 4011 })).toEqual([]);
    expect(changed(rubbish, { to: 4011 })).toEqual([]);
  });

  test('a frame with a wrong checksum is nothing', () => {
    const scene = correctScene();
    only(scene, 'e.discover');
    const [frame] = scene.frames();
    const bytes = frame!.bytes.slice();
    bytes[60]!++; // xid or near: the checksum of UDP doesn't hold any more
    bytes[40] = 0x12;
    expect(observe([{ at: 0, bytes }])).toEqual({ facts: [], violations: [] });
  });
});

describe('one message on several legs is one fact', () => {
  /** What D sent to its relay, on the same segment. */
  function firstLeg(scene: Scene, name: string, at: Millis): DhcpShot {
    const copy = scene.repeat(name, `${name}.first`, at) as DhcpShot;
    copy.link = { source: D, destination: MAC_BROADCAST };
    copy.source = { address: ip('0.0.0.0'), port: 68 };
    copy.destination = { address: IPV4_BROADCAST, port: 67 };
    copy.message.giaddr = ip('0.0.0.0');
    copy.message.hops = 0;
    copy.message.options = copy.message.options.filter(({ code }) => code !== 82);
    return copy;
  }

  /** What the relay passes on to D. */
  function lastLeg(scene: Scene, name: string, at: Millis): void {
    const copy = scene.repeat(name, `${name}.last`, at) as DhcpShot;
    copy.link = { source: RELAY_MAC, destination: D };
    copy.destination = { address: copy.message.yiaddr, port: 68 };
    copy.message.options = copy.message.options.filter(({ code }) => code !== 82);
  }

  const D_FACTS = [
    'dhcp.discovered 3999',
    'dhcp.offered 4001',
    'dhcp.requested 4019',
    'dhcp.leased 4021',
    'dhcp.requested 4500',
    'dhcp.refused 4501',
  ];

  test('to the server and back', () => {
    const change = (scene: Scene): void => {
      firstLeg(scene, 'd.discover', 3_999);
      lastLeg(scene, 'd.offer', 4_002);
      firstLeg(scene, 'd.request', 4_019);
      lastLeg(scene, 'd.ack', 4_022);
    };
    expect(facts(D, change)).toEqual(D_FACTS);
    expect(broken(change)).toEqual([]);
  });

  test('a reply that comes twice is told once', () => {
    const twice = (name: string, at: Millis) => (scene: Scene) => void scene.repeat(name, `${name}.again`, at);
    for (const [name, at] of [
      ['a.offer', 2],
      ['a.ack', 22],
      ['b.nak', 1_002],
      ['c.ack', 3_002],
    ] as const)
      expect(facts(name.startsWith('a') ? A : name.startsWith('b') ? B : 0x02000000000c, twice(name, at))).toEqual(
        facts(name.startsWith('a') ? A : name.startsWith('b') ? B : 0x02000000000c, () => {}),
      );
  });
});

describe('T1, T2 and the end of a lease (RFC 2131 §4.4.5)', () => {
  const told = (times: Readonly<Record<number, number | undefined>>): string[] =>
    broken((scene) => {
      only(scene, 'e');
      for (const name of ['e.offer', 'e.ack'])
        for (const [code, seconds] of Object.entries(times))
          scene.set(name, Number(code), seconds === undefined ? undefined : u32(seconds));
    });

  test.each([
    ['all equal', { 51: 600, 58: 600, 59: 600 }, true],
    ['T1 behind T2', { 51: 600, 58: 301, 59: 300 }, false],
    ['T2 behind the end', { 51: 600, 58: 300, 59: 601 }, false],
    ['T1 behind the end, without T2', { 51: 600, 58: 601, 59: undefined }, false],
    ['T1 at the end, without T2', { 51: 600, 58: 600, 59: undefined }, true],
    ['T2 behind the end, without T1', { 51: 600, 58: undefined, 59: 601 }, false],
    ['T2 at the end, without T1', { 51: 600, 58: undefined, 59: 600 }, true],
    ['neither', { 51: 600, 58: undefined, 59: undefined }, true],
    ['for ever, all of them', { 51: 0xffffffff, 58: 0xffffffff, 59: 0xffffffff }, true],
    ['for ever, with a T1', { 51: 0xffffffff, 58: 300, 59: 600 }, true],
  ])('%s', (_, times, good) => {
    expect(told(times)).toEqual(good ? [] : ['dhcp.t1-t2']);
  });
});

describe('the end of a lease', () => {
  const E = 0x02000000000e as typeof A;
  /** E is seen to talk to somebody, and uses its address once more at `at`. */
  const usesAt = (at: Millis, change: (scene: Scene) => void = () => {}): string[] =>
    broken((scene) => {
      only(scene, 'e');
      scene.arp('e.use').link.destination = SERVER_MAC;
      scene.use('e.late', at, E, ip('10.0.2.18'));
      change(scene);
    });
  const END = 5_021 + 600_000;
  const TOLERANCE = 2_000 + 6_000;

  test('a use within the tolerance of clocks is none after the end', () => {
    expect(usesAt(END + TOLERANCE)).toEqual([]);
    expect(usesAt(END + TOLERANCE + 1)).toEqual(['dhcp.use-after-expiry']);
  });

  test('a lease for ever does not end', () => {
    const forEver = (scene: Scene): void => {
      for (const name of ['e.offer', 'e.ack']) for (const code of [51, 58, 59]) scene.set(name, code, u32(0xffffffff));
    };
    expect(usesAt(END + 1e9, forEver)).toEqual([]);
  });

  test('a client whose unicasts are not seen here may have renewed', () => {
    expect(usesAt(END + TOLERANCE + 1, (scene) => void (scene.arp('e.use').link.destination = MAC_BROADCAST))).toEqual([]);
  });

  test('it is reported once', () => {
    const scene = correctScene();
    only(scene, 'e');
    scene.arp('e.use').link.destination = SERVER_MAC;
    for (const i of [1, 2, 3]) scene.use(`e.late${i}`, END + TOLERANCE + i, E, ip('10.0.2.18'));
    expect(observe(scene.frames()).violations).toHaveLength(1);
  });
});

describe('who may end a lease', () => {
  const laterUse = (scene: Scene): void => scene.use('a.late', 10_000, A, FIRST);

  test('a DECLINE or RELEASE of a stranger does not', () => {
    for (const name of ['b.decline', 'a.release'] as const) {
      const rules = broken((scene) => {
        scene.shots.delete('a.renew');
        scene.shots.delete('a.renewed');
        const shot = scene.dhcp(name);
        if (name === 'b.decline') scene.set(name, 50, u32(FIRST));
        else {
          shot.at = 4_900;
          shot.link.source = B;
          shot.message.chaddr.set([2, 0, 0, 0, 0, 11]);
          scene.set(name, 61, undefined);
        }
        for (const each of ['a.rebind', 'a.rebound']) scene.shots.delete(each);
        laterUse(scene);
      });
      expect(rules).toEqual([]);
    }
  });

  test('a NAK of another server does not; one of its own server does', () => {
    const nak = (server: typeof SERVER): string[] =>
      broken((scene) => {
        only(scene, 'a');
        for (const name of ['a.renew', 'a.renewed', 'a.rebind', 'a.rebound', 'a.release']) scene.shots.delete(name);
        const reboot = scene.repeat('a.request', 'a.reboot', 3_000) as DhcpShot;
        reboot.message.xid = 0xa9;
        reboot.message.options = reboot.message.options.filter(({ code }) => code !== 54);
        const shot = scene.repeat('a.ack', 'a.nak', 3_001) as DhcpShot;
        shot.message = { ...shot.message, xid: 0xa9, yiaddr: ip('0.0.0.0'), options: [] };
        scene.set('a.nak', 53, Uint8Array.of(6));
        scene.set('a.nak', 54, u32(server));
        scene.set('a.nak', 61, Uint8Array.of(1, 2, 0, 0, 0, 0, 10));
        shot.destination = { address: IPV4_BROADCAST, port: 68 };
        shot.link = { ...shot.link, destination: MAC_BROADCAST };
        const discover = scene.repeat('a.discover', 'a.again', 3_500) as DhcpShot;
        discover.message.xid = 0xaa;
        scene.use('a.late', 10_000, A, FIRST);
      });
    expect(nak(ip('10.0.2.9'))).toEqual([]);
    expect(nak(SERVER)).toEqual(['dhcp.use-after-nak']);
  });
});

describe('pace (RFC 2131 §4.1)', () => {
  const storm = (count: number, apartMs: Millis): string[] =>
    broken((scene) => {
      only(scene, 'e.discover');
      for (let i = 1; i < count; i++) scene.repeat('e.discover', `e.discover${i}`, 5_000 + Math.round(i * apartMs));
    }).filter((rule) => rule === 'dhcp.message-storm'); // other rules have other measures of pace

  test('eight equal messages within 10 s are a storm; seven are not, and neither are eight in 10 s', () => {
    expect(storm(8, 9_999 / 7)).toEqual(['dhcp.message-storm']);
    expect(storm(7, 1)).toEqual([]);
    expect(storm(8, 10_000 / 7)).toEqual([]);
    expect(storm(20, 1_000)).toEqual(['dhcp.message-storm']);
  });
});

test('frames are told apart by their numbers, whatever they are', () => {
  const scene = correctScene();
  const witness = new DhcpWitness();
  const numbers: (readonly number[])[] = [];
  for (const [i, { at, bytes }] of scene.frames().entries()) {
    witness.handleFrame(at, { number: 100 + i, at, bytes, layers: dissect(bytes) });
    for (let event = witness.pollEvent(); event !== undefined; event = witness.pollEvent())
      if (event.type === 'fact') numbers.push(event.fact.frames);
  }
  expect(numbers.slice(0, 4)).toEqual([[100], [100, 101], [102], [102, 103]]);
});

describe('what a fact says', () => {
  const C = 0x02000000000c;

  test('a message that is sent again is told again; asking for nothing is told as nothing', () => {
    const again = (scene: Scene): void => {
      only(scene, 'a.discover');
      scene.repeat('a.discover', 'again', 4_000);
    };
    expect(facts(A, again)).toEqual(['dhcp.discovered 0', 'dhcp.discovered 4000']);
    const nothing = (scene: Scene): void => {
      only(scene, 'a.request');
      for (const code of [50, 54]) scene.set('a.request', code, undefined);
    };
    expect(facts(A, nothing)).toEqual([]);
  });

  test('two servers that offer the same address are two facts', () => {
    const change = (scene: Scene): void => {
      only(scene, 'a.');
      for (const name of [...scene.shots.keys()].filter((each) => each !== 'a.discover' && each !== 'a.offer'))
        scene.shots.delete(name);
      scene.repeat('a.offer', 'other', 2);
      scene.set('other', 54, u32(ip('10.0.2.9')));
    };
    expect(facts(A, change)).toEqual(['dhcp.discovered 0', 'dhcp.offered 1', 'dhcp.offered 2']);
  });

  test('no address is neither offered nor leased', () => {
    for (const [name, kind] of [
      ['e.offer', 'dhcp.offered'],
      ['e.ack', 'dhcp.leased'],
    ] as const) {
      const change = (scene: Scene): void => {
        only(scene, 'e');
        scene.dhcp(name).message.yiaddr = ip('0.0.0.0');
      };
      expect(facts(0x02000000000e, change).some((fact) => fact.startsWith(kind))).toBe(false);
    }
  });

  test('a lease without mask and router says nothing of them', () => {
    const leased = (change: (scene: Scene) => void): Readonly<Record<string, unknown>> | undefined => {
      const scene = correctScene();
      only(scene, 'e');
      change(scene);
      return observe(scene.frames()).facts.find(({ kind }) => kind === 'dhcp.leased') as never;
    };
    expect(leased(() => {})).toMatchObject({ prefixLength: 24, router: SERVER });
    const bare = leased((scene) => {
      scene.set('e.ack', 1, undefined);
      scene.set('e.ack', 3, Uint8Array.of(10, 0, 2));
    });
    expect([bare !== undefined, bare && 'prefixLength' in bare, bare && 'router' in bare]).toEqual([true, false, false]);
  });

  test('a reply belongs to what came through the same relay, though something newer is there', () => {
    const scene = correctScene();
    only(scene, 'd');
    const copy = scene.repeat('d.discover', 'first', 4_000.5) as DhcpShot;
    copy.link = { source: D, destination: MAC_BROADCAST };
    copy.source = { address: ip('0.0.0.0'), port: 68 };
    copy.destination = { address: IPV4_BROADCAST, port: 67 };
    copy.message = {
      ...copy.message,
      giaddr: ip('0.0.0.0'),
      hops: 0,
      options: copy.message.options.filter(({ code }) => code !== 82),
    };
    const offered = observe(scene.frames()).facts.find(({ kind }) => kind === 'dhcp.offered');
    expect(offered?.frames).toEqual([1, 3]);
  });

  test('what an INFORM is answered is told with the address of its sender', () => {
    expect(facts(C, () => {})).toEqual(['dhcp.informed 3001']);
  });
});

describe('replies that nobody was seen to ask for', () => {
  const stray = (name: string, change: (shot: DhcpShot) => void = () => {}, witness?: DhcpWitness): string[] => {
    const scene = correctScene();
    only(scene, name.slice(0, 1));
    const kept = ['discover', 'reboot'].map((each) => `${name.slice(0, 1)}.${each}`).concat(name);
    for (const each of [...scene.shots.keys()]) if (!kept.includes(each)) scene.shots.delete(each);
    const shot = scene.dhcp(name);
    shot.message.xid = 0x77;
    change(shot);
    return observe(scene.frames(), witness).violations.map(({ rule, message }) => `${rule} ${message}`);
  };

  test('are violations where the client is known', () => {
    const [violation, ...more] = stray('e.offer');
    expect(more).toEqual([]);
    expect(violation).toMatch(/^dhcp\.unsolicited-reply a reply answers a request, with its xid and chaddr: .*0x00000077$/);
  });

  test('are let be where the request may have passed elsewhere: a NAK, a client without hardware address', () => {
    expect(stray('b.nak').filter((each) => each.includes('unsolicited'))).toEqual([]);
    expect(stray('e.offer', (shot) => (shot.message.hlen = 0)).filter((each) => each.includes('unsolicited'))).toEqual([]);
  });

  test('are let be when the witness has forgotten exchanges', () => {
    const scene = correctScene();
    scene.dhcp('e.offer').message.xid = 0x77;
    const witness = new DhcpWitness({ exchangeCountMax: 1 });
    expect(observe(scene.frames(), witness).violations.filter(({ rule }) => rule === 'dhcp.unsolicited-reply')).toEqual([]);
    expect(witness.inspect()).toMatchObject({ exchanges: 1, evicted: 9 });
  });

  test('a late OFFER in a capture that begins with the REQUEST is none; one to a renewal is', () => {
    const late = (name: string): string[] =>
      broken((scene) => {
        only(scene, 'a');
        for (const each of [...scene.shots.keys()].filter((other) => other !== name))
          if (each !== 'a.offer') scene.shots.delete(each);
        const offer = scene.dhcp('a.offer');
        offer.at = scene.dhcp(name).at + 1;
        offer.message.xid = scene.dhcp(name).message.xid;
      });
    expect(late('a.request')).toEqual([]);
    expect(late('a.renew')).toEqual(['dhcp.wrong-reply-type']);
  });

  test('a NAK to a DISCOVER is let be; answers to lease queries are nothing to us', () => {
    const changed = (type: number): string[] =>
      broken((scene) => {
        only(scene, 'e');
        for (const each of ['e.request', 'e.ack', 'e.use']) scene.shots.delete(each);
        scene.set('e.offer', 53, Uint8Array.of(type));
      });
    expect(changed(6)).not.toContain('dhcp.wrong-reply-type');
    expect(changed(13)).not.toContain('dhcp.wrong-reply-type');
    expect(changed(5)).toContain('dhcp.wrong-reply-type');
  });
});
