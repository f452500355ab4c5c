import { IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, type Millis, parseIpv4 } from '@nexus-net/sansio';
import type { Violation } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { D, E, sceneOf } from './support/correct-scene.js';
import { type DhcpShot, observe, RELAY, RELAY_MAC, type Scene, SERVER_MAC } from './support/scene.js';
import { A, FIRST, SERVER, u32 } from './support/server-lab.js';

// Where a rule ends: what is a violation beside what is none, for messages and the ones that they answer.

const ip = parseIpv4;
const STRANGER = ip('10.0.2.200');
const OTHER_SERVER = ip('10.0.2.9');
const BROADCAST_BIT = 0x8000;

const violations = (letter: string, change: (scene: Scene) => void): Violation[] => {
  const scene = sceneOf(letter);
  change(scene);
  return observe(scene.frames()).violations;
};

/** The rules that one client's messages break, after a change. */
const rules = (letter: string, change: (scene: Scene) => void): string[] => violations(letter, change).map(({ rule }) => rule);

const told = (letter: string, change: (scene: Scene) => void): (readonly [string, ...number[]])[] =>
  violations(letter, change).map(({ rule, frames }) => [rule, ...frames] as const);

const copyOf = (scene: Scene, name: string, as: string, at: Millis): DhcpShot => scene.repeat(name, as, at) as DhcpShot;

function drop(scene: Scene, ...names: string[]): void {
  for (const name of names) scene.shots.delete(name);
}

/** What D itself sent, in place of what its relay passed on. */
function fromClient(copy: DhcpShot): void {
  copy.link = { source: D, destination: MAC_BROADCAST };
  copy.source = { address: IPV4_ANY, port: 68 };
  copy.destination = { address: IPV4_BROADCAST, port: 67 };
  copy.message.giaddr = IPV4_ANY;
  copy.message.hops = 0;
  copy.message.options = copy.message.options.filter(({ code }) => code !== 82);
}

/** What the relay passes on to D, in place of what it got. */
function toClient(copy: DhcpShot): void {
  copy.link = { source: RELAY_MAC, destination: D };
  copy.destination = { address: copy.message.yiaddr, port: 68 };
}

const CIRCUIT = Uint8Array.of(1, 2, 7, 7);

describe('where a reply goes (RFC 2131 §4.1)', () => {
  test('the violation names the question and the answer, and where the answer went', () => {
    const wrong = (scene: Scene): void => void (scene.dhcp('e.offer').destination.address = STRANGER);
    expect(told('e', wrong)).toEqual([['dhcp.reply-destination', 1, 2]]);
    expect(violations('e', wrong)[0]?.message).toContain('sent to 10.0.2.200:68, yiaddr is 10.0.2.18');
    expect(told('e', (scene) => void (scene.dhcp('e.offer').message.htype = 6))).toEqual([['dhcp.reply-hardware', 1, 2]]);
    expect(told('a', (scene) => scene.set('a.offer', 61, undefined)).slice(0, 1)).toEqual([['dhcp.client-id-echo', 1, 2]]);
  });

  test('to an address of its own in a frame to all, for a station that answers no ARP yet', () => {
    expect(rules('e', (scene) => void (scene.dhcp('e.offer').link.destination = MAC_BROADCAST))).toEqual([]);
    const other = (htype: number) => (scene: Scene) => {
      for (const name of ['e.discover', 'e.offer', 'e.request', 'e.ack']) scene.dhcp(name).message.htype = htype;
      scene.dhcp('e.offer').link.destination = SERVER_MAC;
    };
    expect(rules('e', other(1))).toEqual(['dhcp.reply-link-address']);
    expect(rules('e', other(6))).toEqual([]); // whose link addresses chaddr doesn't show
  });

  test.each<[string, Partial<{ ciaddr: typeof FIRST; source: typeof FIRST; to: typeof FIRST }>, boolean]>([
    ['to ciaddr', {}, true],
    ['to ciaddr, though another address sent it', { source: STRANGER }, true],
    ['to the sender, though ciaddr is another', { source: STRANGER, to: STRANGER }, false],
    ['to the sender, without ciaddr', { ciaddr: IPV4_ANY }, true],
    ['to a stranger, without ciaddr', { ciaddr: IPV4_ANY, to: STRANGER }, false],
    ['to anybody, where nobody is named', { ciaddr: IPV4_ANY, source: IPV4_ANY, to: STRANGER }, true],
  ])('of an INFORM: %s', (_, { ciaddr, source, to }, good) => {
    const found = rules('c', (scene) => {
      const inform = scene.dhcp('c.inform');
      if (ciaddr !== undefined) inform.message.ciaddr = scene.dhcp('c.ack').message.ciaddr = ciaddr;
      if (source !== undefined) inform.source.address = source;
      if (to !== undefined) scene.dhcp('c.ack').destination.address = to;
    });
    expect(found.includes('dhcp.inform-reply-destination')).toBe(!good);
  });

  test('of an INFORM that a relay passed on: to its sender, past the relay (§4.3.5)', () => {
    const found = rules('c', (scene) => {
      for (const name of ['c.inform', 'c.ack']) scene.dhcp(name).message.giaddr = RELAY;
      scene.dhcp('c.ack').destination = { address: ip('10.0.2.77'), port: 67 };
    });
    expect(found).not.toContain('dhcp.reply-destination');
  });

  test('from a relay to the client: as the relay knows best', () => {
    const change = (scene: Scene): void => {
      const last = copyOf(scene, 'd.offer', 'last', 4_002);
      toClient(last);
      last.destination.address = STRANGER;
    };
    expect(rules('d', change)).toEqual([]);
  });
});

describe('what a reply repeats (RFC 2131 table 3)', () => {
  test('hlen as well as htype', () => {
    expect(rules('e', (scene) => void (scene.dhcp('e.offer').message.hlen = 5))).toContain('dhcp.reply-hardware');
  });

  test('flags of the message on the same leg', () => {
    const flags = (legs: (scene: Scene) => void) => (scene: Scene) => {
      legs(scene);
      scene.dhcp('d.offer').message.flags = BROADCAST_BIT;
    };
    expect(
      rules(
        'd',
        flags(() => {}),
      ),
    ).toContain('dhcp.reply-flags');
    expect(
      rules(
        'd',
        flags((scene) => fromClient(scene.dhcp('d.discover'))),
      ),
    ).not.toContain('dhcp.reply-flags');
  });

  test('the server that a REQUEST names, and a REQUEST alone', () => {
    expect(rules('e', (scene) => scene.set('e.discover', 54, u32(OTHER_SERVER)))).toEqual(['dhcp.discover-server-id']);
    expect(rules('e', (scene) => scene.set('e.ack', 54, undefined))).toEqual(['dhcp.missing-server-id']);
    const other = (scene: Scene): void => scene.set('e.ack', 54, u32(OTHER_SERVER));
    expect(told('e', other)).toEqual([['dhcp.other-server-reply', 3, 4]]);
  });

  test('the answer to an INFORM has neither address nor lease time', () => {
    const address = (scene: Scene): void => void (scene.dhcp('c.ack').message.yiaddr = ip('10.0.2.77'));
    expect(rules('c', address)).toEqual(['dhcp.inform-reply-lease']);
  });

  test('a lease at once may be of another address than the DISCOVER hinted at (RFC 4039)', () => {
    const rapid = (scene: Scene): void => {
      drop(scene, 'e.offer', 'e.request');
      scene.dhcp('e.ack').message.xid = scene.dhcp('e.discover').message.xid;
      for (const name of ['e.discover', 'e.ack']) scene.set(name, 80, new Uint8Array(0));
      scene.set('e.discover', 50, u32(ip('10.0.2.33')));
    };
    expect(rules('e', rapid)).toEqual([]);
  });

  test('an identifier without octets is none to be repeated', () => {
    const empty = (scene: Scene): void => {
      for (const name of ['e.discover', 'e.request']) scene.set(name, 61, new Uint8Array(0));
    };
    expect(rules('e', empty)).toEqual([]);
  });
});

describe('option 82 (RFC 3046 §2.1)', () => {
  test('to the client is a leak where the client sent none', () => {
    const leaks = (asked: (scene: Scene) => void) => (scene: Scene) => {
      drop(scene, 'd.request', 'd.ack', 'd.reboot', 'd.nak');
      asked(scene);
      toClient(scene.dhcp('d.offer'));
    };
    expect(
      told(
        'd',
        leaks((scene) => fromClient(scene.dhcp('d.discover'))),
      ),
    ).toEqual([['dhcp.relay-info-leaked', 1, 2]]);
    // A switch that is no router put it in, and takes it out again.
    const byASwitch = (scene: Scene): void => {
      fromClient(scene.dhcp('d.discover'));
      scene.set('d.discover', 82, CIRCUIT);
    };
    expect(rules('d', leaks(byASwitch))).toEqual([]);
    // Only the leg to the server was seen: what the client sent is not known.
    expect(
      rules(
        'd',
        leaks((scene) => scene.set('d.discover', 82, undefined)),
      ),
    ).toEqual([]);
  });

  test('is repeated to the relay that sent it', () => {
    const forgotten = (change: (scene: Scene) => void) => (scene: Scene) => {
      drop(scene, 'd.request', 'd.ack', 'd.reboot', 'd.nak');
      scene.set('d.offer', 82, undefined);
      change(scene);
    };
    expect(
      told(
        'd',
        forgotten(() => {}),
      ),
    ).toEqual([['dhcp.relay-info-echo', 1, 2]]);
    const other = (scene: Scene): void => {
      const offer = scene.dhcp('d.offer');
      offer.message.giaddr = offer.destination.address = STRANGER;
    };
    expect(rules('d', forgotten(other))).toEqual([]);
    const noRelay = (scene: Scene): void => {
      scene.set('e.discover', 82, CIRCUIT);
    };
    expect(rules('e', noRelay)).toEqual([]);
  });
});

describe('what belongs to one exchange', () => {
  test('an identifier that appears or changes names the first message of the same leg', () => {
    expect(told('e', (scene) => scene.set('e.request', 61, CIRCUIT))[0]).toEqual(['dhcp.client-id-changed', 1, 3]);
    const bothLegs = (scene: Scene): void => {
      drop(scene, 'd.offer', 'd.ack', 'd.reboot', 'd.nak');
      scene.set('d.request', 61, CIRCUIT);
      for (const name of ['d.discover', 'd.request']) fromClient(copyOf(scene, name, `${name}.first`, scene.dhcp(name).at - 0.5));
    };
    expect(told('d', bothLegs)).toEqual([
      ['dhcp.client-id-changed', 1, 3],
      ['dhcp.client-id-changed', 2, 4],
    ]);
  });

  test('a server may offer two addresses, and either may be asked for', () => {
    const two = (scene: Scene): void => {
      const more = copyOf(scene, 'e.offer', 'more', 5_002);
      more.message.yiaddr = more.destination.address = STRANGER;
    };
    expect(rules('e', two)).toEqual([]);
    expect(
      told('e', (scene) => {
        two(scene);
        scene.set('e.request', 50, u32(FIRST));
      })[0],
    ).toEqual(['dhcp.not-offered', 2, 3, 4]);
  });

  /** E's REQUEST comes under an xid of its own, so long after the OFFER. */
  const ownXid =
    (after: Millis, change: (scene: Scene) => void = () => {}) =>
    (scene: Scene) => {
      drop(scene, 'e.ack', 'e.use');
      const request = scene.dhcp('e.request');
      request.message.xid = 0xee;
      request.at = 5_001 + after;
      change(scene);
    };

  test('a REQUEST has the xid of the OFFER that it takes, when that is of the last minute', () => {
    expect(told('e', ownXid(20))).toEqual([['dhcp.request-xid', 2, 3]]);
    expect(rules('e', ownXid(60_000))).toEqual(['dhcp.request-xid']);
    expect(rules('e', ownXid(60_001))).toEqual([]);
  });

  test('a REQUEST for something else takes another OFFER', () => {
    expect(
      rules(
        'e',
        ownXid(20, (scene) => scene.set('e.request', 54, u32(OTHER_SERVER))),
      ),
    ).toEqual([]);
    expect(
      rules(
        'e',
        ownXid(20, (scene) => scene.set('e.request', 50, u32(FIRST))),
      ),
    ).toEqual([]);
  });

  test('an OFFER of nobody does not hide the one before', () => {
    const nobody = (scene: Scene): void => {
      copyOf(scene, 'e.offer', 'nobody', 5_002);
      scene.set('nobody', 54, undefined);
    };
    expect(rules('e', ownXid(20, nobody))).toEqual(['dhcp.missing-server-id', 'dhcp.request-xid']);
  });
});

describe('pace', () => {
  /** E's DISCOVER at these times after its first, and nothing else. */
  const discovers = (times: readonly Millis[], change: (scene: Scene) => void = () => {}) =>
    told('e', (scene) => {
      drop(scene, 'e.offer', 'e.request', 'e.ack', 'e.use');
      for (const time of times) copyOf(scene, 'e.discover', `at ${time}`, 5_000 + time);
      change(scene);
    });

  test('three within a second are two waits that are too short; the newest three are named', () => {
    expect(discovers([499, 998])).toEqual([['dhcp.retransmit-early', 1, 2, 3]]);
    expect(discovers([499, 999])).toEqual([]);
    expect(discovers([500, 999])).toEqual([]);
    expect(discovers([5, 10])).toEqual([['dhcp.retransmit-early', 1, 2, 3]]);
    expect(discovers([4, 8])).toEqual([]); // a capture that shows every frame twice
    expect(discovers([4_000, 4_300, 4_600])).toEqual([['dhcp.retransmit-early', 2, 3, 4]]);
  });

  test('a storm names its first message and its last', () => {
    const times = [1, 2, 3, 4, 5, 6, 7].map((i) => i * 1_000);
    expect(discovers(times).filter(([rule]) => rule === 'dhcp.message-storm')).toEqual([['dhcp.message-storm', 1, 8]]);
  });

  test('waits that do not grow name all of their messages', () => {
    const times = [1, 2, 3, 4, 5, 6, 7].map((i) => i * 4_000);
    expect(discovers(times)).toEqual([['dhcp.no-backoff', 1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  test('what a relay passes on is no message more', () => {
    const relayed = (at: Millis) => (scene: Scene) => {
      const copy = copyOf(scene, 'e.discover', `relayed ${at}`, 5_000 + at);
      copy.link = { source: RELAY_MAC, destination: SERVER_MAC };
      copy.source = { address: RELAY, port: 67 };
      copy.destination = { address: SERVER, port: 67 };
      copy.message.giaddr = RELAY;
    };
    expect(discovers([300], relayed(100))).toEqual([]);
    expect(discovers([300, 600], relayed(700))).toHaveLength(1);
  });

  test('an answer begins the count anew, and so does another kind of message', () => {
    const answered = (scene: Scene): void => {
      for (const at of [5_001, 5_301]) scene.shots.set(`offer ${at}`, copyOf(sceneOf('e'), 'e.offer', 'offer', at));
    };
    expect(discovers([300, 600], answered)).toEqual([]);
    const reboot = (at: Millis) => (scene: Scene) => {
      const request = copyOf(scene, 'e.discover', 'reboot', 5_000 + at);
      request.message.options = request.message.options.map((each) =>
        each.code === 53 ? { code: 53, value: Uint8Array.of(3) } : each,
      );
      scene.set('reboot', 50, u32(FIRST));
    };
    expect(discovers([400], reboot(200))).toEqual([]);
  });

  test('a client that gets an address in between asks for something else', () => {
    const asks = (scene: Scene): void => {
      drop(scene, 'e.discover', 'e.offer', 'e.ack', 'e.use');
      scene.set('e.request', 54, undefined);
      copyOf(scene, 'e.request', 'again', 5_420);
      const renewal = copyOf(scene, 'e.request', 'renewal', 5_220);
      renewal.message.ciaddr = renewal.source.address = ip('10.0.2.18');
      scene.set('renewal', 50, undefined);
    };
    expect(rules('e', asks)).toEqual([]);
  });

  test('a renewal is sent again after half of the time that is left: its waits shrink (§4.4.5)', () => {
    const renewals = (scene: Scene): void => {
      drop(scene, 'a.renewed', 'a.rebind', 'a.rebound', 'a.release');
      scene.set('a.ack', 51, u32(600_000));
      for (const code of [58, 59]) scene.set('a.ack', code, undefined);
      scene.set('a.offer', 51, u32(600_000));
      scene.dhcp('a.renew').at = 300_000_000;
      let at = 300_000_000;
      for (let i = 0; i < 8; i++) {
        at += (525_000_000 - at) / 2;
        copyOf(scene, 'a.renew', `again ${i}`, Math.round(at));
      }
    };
    expect(rules('a', renewals)).toEqual([]);
  });
});

describe('what a frame says', () => {
  const facts = (letter: string, change: (scene: Scene) => void) => {
    const scene = sceneOf(letter);
    change(scene);
    return observe(scene.frames()).facts;
  };

  test('a lease of 0xffffffff seconds is for ever', () => {
    const lease = facts('e', (scene) => {
      for (const code of [51, 58, 59]) scene.set('e.ack', code, u32(0xffffffff));
    }).find(({ kind }) => kind === 'dhcp.leased');
    expect(lease).toMatchObject({ leaseMs: Number.POSITIVE_INFINITY });
  });

  test('a DECLINE is about option 50, a renewal about ciaddr, whatever else is there', () => {
    const declined = facts('b', (scene) => void (scene.dhcp('b.decline').message.ciaddr = STRANGER));
    expect(declined.at(-1)).toMatchObject({ kind: 'dhcp.declined', address: ip('10.0.2.16') });
    const renewed = facts('a', (scene) => scene.set('a.renew', 50, u32(STRANGER)));
    expect(renewed.filter((each) => each.at === 300_000)).toMatchObject([{ kind: 'dhcp.requested', client: A, address: FIRST }]);
  });

  test('what goes between other ports is nothing to us', () => {
    const between = (source: number, destination: number): number =>
      facts('e', (scene) => {
        drop(scene, 'e.offer', 'e.request', 'e.ack', 'e.use');
        scene.dhcp('e.discover').source.port = source;
        scene.dhcp('e.discover').destination.port = destination;
      }).length;
    expect([between(68, 67), between(5_000, 67), between(68, 5_000), between(5_000, 5_000)]).toEqual([1, 1, 1, 0]);
  });

  test('a datagram whose checksum the hardware would have finished is read, one with a wrong checksum is not', () => {
    const scene = sceneOf('e');
    for (const name of [...scene.shots.keys()]) if (name !== 'e.discover') scene.shots.delete(name);
    const [{ bytes } = { bytes: new Uint8Array(0) }] = scene.frames();
    const length = bytes.length - 34;
    let sum = 17 + length;
    for (let at = 26; at < 34; at += 2) sum += bytes[at]! * 256 + bytes[at + 1]!;
    sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
    const seen = (checksum: number): number =>
      observe([{ at: 0, bytes: bytes.with(40, checksum >> 8).with(41, checksum & 255) }]).facts.length;
    expect([seen(sum), seen(sum ^ 1)]).toEqual([1, 0]);
  });

  test('PAD before option 52 hides nothing: a lent field ends the options', () => {
    const lent = (scene: Scene): void => {
      drop(scene, 'e.offer', 'e.request', 'e.ack', 'e.use');
      scene.dhcp('e.discover').raw = (payload) => {
        const octets = payload.slice();
        octets.fill(0, 240);
        octets.set([53, 1, 1, 0, 52, 1, 1], 240);
        octets.set([12, 1, 97, 255], 108);
        return octets;
      };
    };
    expect(rules('e', lent)).toEqual([]);
    expect(facts('e', lent)).toMatchObject([{ kind: 'dhcp.discovered', client: E }]);
  });
});

describe('the form of one message', () => {
  /** E's DISCOVER alone, its options written anew. */
  const discover = (change: (shot: DhcpShot, scene: Scene) => void): string[] =>
    rules('e', (scene) => {
      drop(scene, 'e.offer', 'e.request', 'e.ack', 'e.use');
      change(scene.dhcp('e.discover'), scene);
    });

  const lent = (options: readonly number[], file: readonly number[]): string[] =>
    discover((shot) => {
      shot.raw = (payload) => {
        const octets = payload.slice();
        octets.fill(0, 240);
        octets.set(options, 240);
        octets.set(file, 108);
        return octets;
      };
    });

  test('an option that runs past a lent field, option 52 twice, option 52 in a lent field', () => {
    expect(lent([53, 1, 1, 52, 1, 1, 255], [12, 1, 97, 255])).toEqual([]);
    expect(lent([53, 1, 1, 52, 1, 1, 255], [12, 200, 97, 255])).toEqual(['dhcp.truncated-option']);
    expect(lent([53, 1, 1, 52, 1, 1, 52, 1, 1, 255], [255])).toEqual(['dhcp.overload-value']);
    expect(lent([53, 1, 1, 52, 1, 1, 255], [52, 1, 1, 255])).toEqual(['dhcp.overload-value']);
  });

  test('hlen is 6 on Ethernet, and what it is elsewhere', () => {
    const hardware = (htype: number) => (shot: DhcpShot) => Object.assign(shot.message, { htype, hlen: 8 });
    expect(discover(hardware(1))).toEqual(['dhcp.hardware-length']);
    expect(discover(hardware(27))).toEqual([]);
  });

  test('a message without option 53 is BOOTP, unless it has an option that only DHCP has; no other rule is about it', () => {
    const untyped = (codes: readonly number[]): string[] =>
      discover((shot) => {
        shot.message.options = codes.map((code) => ({ code, value: u32(FIRST) }));
        shot.message.hops = 1;
      });
    expect(untyped([])).toEqual([]);
    expect(untyped([12])).toEqual([]);
    for (const code of [50, 51, 54, 58, 59]) expect(untyped([code])).toEqual(['dhcp.missing-message-type']);
  });

  test('message types are 1 to 18; no other rule is about an unknown one', () => {
    const typed = (type: number): string[] =>
      discover((shot, scene) => {
        scene.set('e.discover', 53, Uint8Array.of(type));
        shot.message.hops = 1;
      });
    for (const type of [0, 19, 255]) expect(typed(type)).toEqual(['dhcp.unknown-message-type']);
    expect(typed(18)).not.toContain('dhcp.unknown-message-type');
  });

  test.each([
    [50, 4],
    [51, 4],
    [54, 4],
    [57, 2],
    [58, 4],
    [59, 4],
  ])('option %i has %i octets', (code, octets) => {
    const shorter = discover((_, scene) => scene.set('e.discover', code, new Uint8Array(octets - 1)));
    expect(shorter).toContain('dhcp.option-length');
    const fits = discover((_, scene) => scene.set('e.discover', code, new Uint8Array(octets).fill(2)));
    expect(fits).not.toContain('dhcp.option-length');
  });

  test('sixteen relays may have passed it on (RFC 1542 §4.1.1)', () => {
    const hops = (count: number): string[] => rules('d', (scene) => void (scene.dhcp('d.discover').message.hops = count));
    expect([hops(16), hops(17)]).toEqual([[], ['dhcp.relay-hops']]);
  });

  test('a DECLINE comes from 0.0.0.0, an INFORM from its address; a message to one server is only wrong about that', () => {
    expect(rules('b', (scene) => void (scene.dhcp('b.decline').source.address = FIRST))).toEqual(['dhcp.unbound-source']);
    expect(rules('c', (scene) => void (scene.dhcp('c.inform').source.address = IPV4_ANY))).toEqual(['dhcp.unset-source']);
    const toOne = (scene: Scene): void => {
      Object.assign(scene.dhcp('e.discover').destination, { address: SERVER });
      scene.dhcp('e.discover').link.destination = SERVER_MAC;
      scene.dhcp('e.discover').source.address = STRANGER;
    };
    expect(rules('e', toOne)).toEqual(['dhcp.discover-destination']);
    expect(violations('e', toOne)[0]?.message).toMatch(/ sent to 10\.0\.2\.2$/);
    const known = violations('e', (scene) => void (scene.dhcp('e.discover').message.ciaddr = STRANGER));
    expect(known.map(({ message }) => message).join()).toContain('ciaddr 10.0.2.200');
  });

  test.each(['ciaddr', 'yiaddr', 'siaddr'] as const)('a NAK has no %s', (field) => {
    expect(rules('b', (scene) => void (scene.dhcp('b.nak').message[field] = STRANGER))).toContain('dhcp.nak-addresses');
  });

  test('T1 and T2 of a lease for ever are nobody’s business', () => {
    const times = (leaseS: number) => (scene: Scene) => {
      scene.set('e.ack', 51, u32(leaseS));
      scene.set('e.ack', 58, u32(600));
      scene.set('e.ack', 59, u32(300));
    };
    expect(rules('e', times(0xfffffffe))).toEqual(['dhcp.t1-t2']);
    expect(rules('e', times(0xffffffff))).toEqual([]);
  });
});
