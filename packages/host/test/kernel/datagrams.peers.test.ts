import { createHash } from 'node:crypto';
import { bothWays, type Impairment } from '@nexus-net/lan';
import { Host, type HostEvent } from '@nexus-net/net-os';
import { type Endpoint, IPV4_ANY, parseIpv4 } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { Namespace } from '../peers/support/namespace.js';
import { Exchange } from './support/exchange.js';
import { fresh, KERNEL_ADDRESS, KernelLab, type KernelLabOptions, OUR_ADDRESS, OUR_MAC, OURS } from './support/kernel-lab.js';
import { octetsOf } from './support/octet-stream.js';
import { withKernel } from './support/with-kernel.js';

type HostLab = KernelLab<Host, HostEvent>;

/** A host of ours at 10.77.0.2; `run` gets the events that it told. */
async function withHost(
  options: KernelLabOptions<HostEvent>,
  run: (lab: HostLab, events: HostEvent[]) => Promise<void>,
): Promise<void> {
  const events: HostEvent[] = [];
  const lab = await KernelLab.make<Host, HostEvent>(new Host({ mac: OUR_MAC, entropy: fresh() }), {
    ...options,
    event: (event) => {
      events.push(event);
      options.event?.(event);
    },
  });
  try {
    lab.drive((host, now) => host.configure(now, { address: OUR_ADDRESS, prefixLength: 24 }));
    await run(lab, events);
  } finally {
    await lab.close();
  }
}

const DISORDERLY: Impairment = { delayMs: 1, reorder: 0.1, reorderMeanMs: 2, duplicate: 0.1, duplicateLagMs: 2 };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

withKernel('ICMP echo with the kernel', ['ping'], () => {
  test('ping -f: 5000 of 5000 are answered', () =>
    withHost({}, async (lab) => {
      const said = await lab.output('ping', '-f', '-q', '-c', '5000', OURS);
      expect(said).toMatch(/5000 packets transmitted, 5000 received, 0% packet loss/);
    }));

  test('ping of every size, also in fragments, with the pattern checked', () =>
    withHost({}, async (lab) => {
      // Four each, half a second apart: for that long ping waits for the last answer.
      const ping = (size: number) => lab.output('ping', '-q', '-c', '4', '-i', '0.5', '-p', '5aa5', '-s', String(size), OURS);
      for (const said of await Promise.all([0, 16, 56, 1_472, 1_473, 8_000, 65_507].map(ping)))
        expect(said).toMatch(/4 packets transmitted, 4 received, 0% packet loss/);
    }));

  test('the kernel answers ours, octet for octet, up to 8000 octets in fragments', () =>
    withHost({}, async (lab, events) => {
      for (let i = 0; i < 60; i++) {
        const payload = octetsOf(i, [0, 56, 1_472, 1_473, 4_000, 8_000][i % 6] as number);
        const id = lab.drive((host, now) => host.ping(now, { destination: KERNEL_ADDRESS, sequence: i, payload }));
        const ended = await lab.until(`ping ${i} has an end`, () =>
          events.find((event) => event.type.startsWith('ping-') && 'id' in event && event.id === id),
        );
        expect(ended).toMatchObject({ type: 'ping-reply', from: KERNEL_ADDRESS });
      }
    }));
});

withKernel('UDP with the kernel', ['node'], () => {
  const sizes = [0, 1, 1_472, 1_473, 1_480, 2_960, 8_000, 20_000, 40_001, 65_507];

  test.concurrent.each([
    ['a perfect wire', {}],
    ['fragments that overtake each other and come twice', DISORDERLY],
  ])('datagrams of 0 to 65507 octets go in fragments to the kernel and back: %s', (_wire, impairment) =>
    withHost({ impairment: bothWays(impairment) }, async (lab, events) => {
      await lab.kernelPeer('echo', { port: 9_000 });
      const socket = lab.drive((host) => host.bindUdp({ port: 9_001 }));
      const source: Endpoint = { address: IPV4_ANY, port: 9_001 };
      const destination: Endpoint = { address: KERNEL_ADDRESS, port: 9_000 };
      for (const [i, size] of sizes.entries()) {
        const payload = octetsOf(i, size);
        const outcome = lab.drive((host, now) => host.sendUdp(now, { socket, datagram: { source, destination, payload } }));
        expect(outcome).toBe('sent');
        const back = await lab.until(`${size} octets come back`, () =>
          events.find((event) => event.type === 'datagram' && event.datagram.payload.length === size),
        );
        if (back.type !== 'datagram') throw new Error('no datagram');
        expect(sha256(back.datagram.payload)).toBe(sha256(payload));
      }
    }),
  );

  test('a port of ours that nobody has: the kernel’s program is refused', () =>
    withHost({}, async (lab) => {
      const script = `
        const socket = require('node:dgram').createSocket('udp4');
        socket.on('error', (error) => { console.log(error.code); socket.close(); });
        socket.connect(9_999, '${OURS}', () => socket.send('x'));`;
      expect(await lab.output(process.execPath, '--eval', script)).toMatch(/ECONNREFUSED/);
    }));

  test('a port of the kernel that nobody has: our endpoint is told', () =>
    withHost({}, async (lab, events) => {
      const socket = lab.drive((host) => host.bindUdp({ port: 9_001 }));
      const datagram = {
        source: { address: IPV4_ANY, port: 9_001 },
        destination: { address: KERNEL_ADDRESS, port: 9_999 },
        payload: octetsOf(1, 10),
      };
      lab.drive((host, now) => host.sendUdp(now, { socket, datagram }));
      const told = await lab.until('the error', () => events.find(({ type }) => type === 'datagram-unreachable'));
      expect(told).toMatchObject({ kind: 'unreachable', code: 3, destination: datagram.destination, reporter: KERNEL_ADDRESS });
    }));
});

withKernel('the path MTU with the kernel as a router', ['node'], () => {
  const FAR = '10.78.0.2';
  const FAR_ADDRESS = parseIpv4(FAR);
  const COUNT = 2 ** 20;

  /** The kernel forwards to a second namespace over a link with an MTU of 1000. */
  async function withRouter(run: (lab: HostLab, events: HostEvent[], far: Namespace) => Promise<void>): Promise<void> {
    const far = await Namespace.make();
    try {
      await withHost({}, async (lab, events) => {
        await lab.namespace.ip(
          `link add east mtu 1000 type veth peer name west mtu 1000 netns ${far.name}`,
          'addr add 10.78.0.1/24 dev east',
          'link set east up',
        );
        await far.ip(`addr add ${FAR}/24 dev west`, 'link set west up', 'route add default via 10.78.0.1 advmss 1460');
        await lab.output('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
        lab.drive((host, now) => host.configure(now, { address: OUR_ADDRESS, prefixLength: 24, gateway: KERNEL_ADDRESS }));
        await run(lab, events, far);
      });
    } finally {
      await far.remove();
    }
  }

  test('TCP to behind the router: its report sets the path MTU, and 1 MiB each way arrives whole', () =>
    withRouter(async (lab, events, far) => {
      const own = new Exchange({ count: COUNT, seed: 1 });
      const peer = await lab.kernelPeer('tcp', { listen: 7_000, send: COUNT, seed: 2 }, far);
      const connection = lab.drive((host, now) => host.tcp.connect(now, { remote: { address: FAR_ADDRESS, port: 7_000 } }));
      if (typeof connection === 'string') throw new Error(connection);
      const { sent, received } = await lab.until('both directions are over', () => {
        lab.drive((_host, now) => {
          if (connection.state !== 'SYN-SENT') own.run(now, connection);
        });
        return own.result;
      });
      const kernel = await lab.until('the account', () => (peer.output.includes('Hash') ? peer.output : undefined));
      expect(kernel).toContain(`"receivedHash":"${sent.sha256}"`);
      expect(kernel).toContain(`"sentHash":"${received.sha256}"`);
      expect(events).toContainEqual({ type: 'path-mtu', destination: FAR_ADDRESS, mtu: 1_000 });
      expect(lab.drive((host, now) => host.pathMtu(now, FAR_ADDRESS))).toBe(1_000);
    }));

  test('UDP to behind the router: the first datagram is lost, the next one goes in fragments that fit', () =>
    withRouter(async (lab, events, far) => {
      await lab.kernelPeer('echo', { port: 9_000 }, far);
      const socket = lab.drive((host) => host.bindUdp({ port: 9_001 }));
      const datagram = {
        source: { address: IPV4_ANY, port: 9_001 },
        destination: { address: FAR_ADDRESS, port: 9_000 },
        payload: octetsOf(3, 1_400),
      };
      const send = () => lab.drive((host, now) => host.sendUdp(now, { socket, datagram }));
      expect(send()).toBe('sent');
      await lab.until('the router reports', () => events.find(({ type }) => type === 'path-mtu'));
      expect(events.some(({ type }) => type === 'datagram')).toBe(false);
      expect(send()).toBe('sent');
      const back = await lab.until('the echo', () => events.find((event) => event.type === 'datagram'));
      expect(back).toMatchObject({ datagram: { source: datagram.destination, payload: datagram.payload } });
    }));
});
