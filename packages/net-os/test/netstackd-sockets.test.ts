import { SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { HostSockets, hostEventOf, Netstackd, type NetstackdEvent, type TcpConnection } from '../src/index.js';
import { pattern } from './sockets/contract-world.js';
import { TestGateway } from './support/gateway.js';
import { World } from './support/world.js';

const { smoke } = ADDRESS_PLAN;

/** A machine whose address comes from DHCP, with sockets in front of it. */
function node(): { readonly netstackd: Netstackd; readonly sockets: HostSockets<NetstackdEvent> } {
  const netstackd = new Netstackd({
    mac: smoke.guestMac,
    entropy: new SeededEntropy('node'),
    policy: { type: 'dhcp-only' },
    conflictCheck: false,
  });
  return { netstackd, sockets: new HostSockets(netstackd, { hostEvent: hostEventOf }) };
}

test('sockets on a Netstackd: a stream and an echo over an address from DHCP; the events of the bring-up come out', () => {
  const { netstackd, sockets } = node();
  const gateway = new TestGateway();
  const world = new World({ ours: sockets, gateway });
  world.run(5_000, (now) => netstackd.linkUp(now));
  const kinds = world.events.filter(({ who }) => who === 'ours').map(({ event }) => (event as NetstackdEvent).type);
  expect(kinds.slice(-2)).toEqual(['dhcp-bound', 'interface-up']);

  const listener = gateway.host.tcp.listen(world.now, { port: 80 });
  if (typeof listener === 'string') throw new Error(listener);
  sockets.poll(world.now);
  const opened = sockets.tcpConnect({ address: smoke.gateway, port: 80 });
  const asked = sockets.ping(smoke.gateway);
  if (!opened.ok || !asked.ok) throw new Error('no stream or no ping');
  world.run(5_100);
  const peer = listener.accept(world.now) as TcpConnection;
  expect(opened.value.write(pattern(300))).toEqual({ ok: true, value: 300 });
  peer.send(world.now, pattern(200));
  world.run(5_300);
  expect(peer.receive(world.now)).toEqual(pattern(300));
  expect(opened.value.read(1_000)).toEqual({ ok: true, value: pattern(200) });
  expect(asked.value.roundTrip()).toMatchObject({ ok: true });
  // What belongs to the sockets stays with them; the rest comes out.
  const later = world.events.filter(({ at, who }) => who === 'ours' && at > 5_000).map(({ event }) => event as NetstackdEvent);
  expect(later.flatMap((event) => (event.type === 'host' ? [event.event.type] : [event.type]))).toEqual(['arp-resolved']);
});

test('without hostEventOf the sockets of a Netstackd hear nothing: the event says what it is', () => {
  expect(hostEventOf({ type: 'link-up', at: 1 })).toBeUndefined();
  const event = { type: 'probe-clear', address: smoke.gateway } as const;
  expect(hostEventOf({ type: 'host', event })).toBe(event);
});
