import { parseIpv4 } from '@nexus-net/sansio';
import { Director, RELAY, SCENE_SERVER, Scene } from './scene.js';
import { A, B, C, SERVER } from './server-lab.js';

const ip = parseIpv4;
export const D = 0x02000000000d as typeof A;
export const E = 0x02000000000e as typeof A;
export const CIRCUIT: Uint8Array = Uint8Array.of(1, 2, 7, 7);

/**
 * Five clients that keep every rule. A has the whole life of a lease; B comes from another network, gets a NAK and then a
 * lease, which it declines; C has an address of its own and asks for parameters; D sits behind a relay; E's lease runs out.
 */
export function correctScene(): Scene {
  return sceneOf('');
}

function direct(): Scene {
  const director = new Director(SCENE_SERVER);
  const id = Uint8Array.of(1, 2, 0, 0, 0, 0, 10);
  const a = { mac: A, clientId: id };
  const asked = [1, 3, 51, 54];
  const address = director.ask(0, 'a.discover', { ...a, type: 'discover', xid: 0xa1, asked }, 'a.offer');
  director.ask(20, 'a.request', { ...a, type: 'request', xid: 0xa1, requested: address, server: SERVER, asked }, 'a.ack');
  director.scene.use('a.use', 100, A, address);
  const renewal = { ...a, type: 'request', xid: 0xa2, ciaddr: address, source: address } as const;
  director.ask(300_000, 'a.renew', { ...renewal, destination: SERVER }, 'a.renewed');
  director.ask(830_000, 'a.rebind', renewal, 'a.rebound');
  const release = {
    ...a,
    type: 'release',
    xid: 0xa3,
    ciaddr: address,
    source: address,
    destination: SERVER,
    server: SERVER,
  } as const;
  director.ask(900_000, 'a.release', release);

  const b = { mac: B, flags: 0x8000 };
  director.ask(1_000, 'b.reboot', { ...b, type: 'request', xid: 0xb1, requested: ip('192.168.1.7') }, 'b.nak');
  const declined = director.ask(2_000, 'b.discover', { ...b, type: 'discover', xid: 0xb2 }, 'b.offer');
  director.ask(2_020, 'b.request', { ...b, type: 'request', xid: 0xb2, requested: declined, server: SERVER }, 'b.ack');
  director.ask(2_500, 'b.decline', { mac: B, type: 'decline', xid: 0xb3, requested: declined, server: SERVER });

  const own = ip('10.0.2.77');
  director.ask(3_000, 'c.inform', { mac: C, type: 'inform', xid: 0xc1, ciaddr: own, source: own, asked }, 'c.ack');

  const relayed = {
    mac: D,
    giaddr: RELAY,
    source: RELAY,
    destination: SERVER,
    hops: 1,
    sourcePort: 67,
    more: [{ code: 82, value: CIRCUIT }],
  };
  const behind = director.ask(4_000, 'd.discover', { ...relayed, type: 'discover', xid: 0xd1 }, 'd.offer');
  director.ask(4_020, 'd.request', { ...relayed, type: 'request', xid: 0xd1, requested: behind, server: SERVER }, 'd.ack');
  director.ask(4_500, 'd.reboot', { ...relayed, type: 'request', xid: 0xd2, requested: ip('192.168.1.7') }, 'd.nak');

  const e = director.ask(5_000, 'e.discover', { mac: E, type: 'discover', xid: 0xe1 }, 'e.offer');
  director.ask(5_020, 'e.request', { mac: E, type: 'request', xid: 0xe1, requested: e, server: SERVER }, 'e.ack');
  director.scene.use('e.use', 6_000, E, e);
  return director.scene;
}

let whole: Scene | undefined;

/** The frames of one client of the correct scene: their names begin with its letter. The scene is made once, and copied. */
export function sceneOf(letter: string): Scene {
  whole ??= direct();
  const scene = new Scene();
  for (const [name, shot] of whole.shots) if (name.startsWith(letter)) scene.shots.set(name, structuredClone(shot));
  return scene;
}
