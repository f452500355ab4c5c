import { createSocket } from 'node:dgram';
import {
  type Datagram,
  type DatagramMachine,
  type Endpoint,
  IPV4_ANY,
  IPV4_LOOPBACK,
  ipv4,
  NEVER,
  Queue,
  UsageError,
} from '@nexus-net/sansio';
import { afterEach, describe, expect, test } from 'vitest';
import { UdpDriver, type UdpDriverOptions } from '../src/index.js';

/** Sends back what it gets, and tells the application. */
class Echo implements DatagramMachine<Datagram, Datagram> {
  readonly #out = new Queue<Datagram>(100);
  readonly #events = new Queue<Datagram>(100);

  handleDatagram(_now: number, { source, destination, payload }: Datagram): void {
    const copy = payload.slice();
    this.#events.push({ source, destination, payload: copy });
    if (copy[0] !== 0) this.send({ source: destination, destination: source, payload: copy });
  }

  send(datagram: Datagram): void {
    this.#out.push(datagram);
  }

  handleTimeout(): void {}
  pollTransmit(): Datagram | undefined {
    return this.#out.shift();
  }
  pollEvent(): Datagram | undefined {
    return this.#events.shift();
  }
  nextTimeout(): number {
    return NEVER;
  }
}

const open: UdpDriver<Echo>[] = [];
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.close();
});

async function start(options: Partial<UdpDriverOptions<Echo>> = {}): Promise<UdpDriver<Echo>> {
  const driver = await UdpDriver.open(new Echo(), { address: IPV4_LOOPBACK, port: 0, ...options });
  open.push(driver);
  return driver;
}

function heard(): { readonly promise: Promise<Datagram>; readonly event: (datagram: Datagram) => void } {
  let event: (datagram: Datagram) => void = () => undefined;
  const promise = new Promise<Datagram>((resolve) => (event = resolve));
  return { promise, event };
}

const bytes = (...octets: number[]): Uint8Array => Uint8Array.from(octets);
const from = (source: Endpoint, destination: Endpoint, payload: Uint8Array): Datagram => ({ source, destination, payload });

describe('on loopback', () => {
  test('a datagram reaches the other machine with both of its ends, and its answer comes back', async () => {
    const answer = heard();
    const [asker, echo] = [await start({ event: answer.event }), await start()];
    asker.drive((machine) => machine.send(from(asker.local, echo.local, bytes(7, 8))));
    const { source, destination, payload } = await answer.promise;
    expect([source, destination, [...payload]]).toEqual([echo.local, asker.local, [7, 8]]);
    expect(asker.counters()).toEqual({});
  });

  test('a machine without an address sends from the socket’s, and is told the address it was given', async () => {
    const question = heard();
    const echo = await start({ event: question.event, localAddress: ipv4(10, 0, 2, 2) });
    const asker = await start();
    const source = { address: IPV4_ANY, port: asker.local.port };
    asker.drive((machine) => machine.send(from(source, { address: IPV4_LOOPBACK, port: echo.local.port }, bytes(0))));
    expect((await question.promise).destination).toEqual({ address: ipv4(10, 0, 2, 2), port: echo.local.port });
  });
});

describe('drops are counted by reason', () => {
  test('what is not ours to send, and what is too much at once', async () => {
    const driver = await start({ inFlightCountMax: 2 });
    const { address, port } = driver.local;
    const sink = { address, port };
    driver.drive((machine) => {
      machine.send(from({ address, port: port ^ 1 }, sink, bytes(0)));
      machine.send(from({ address: ipv4(10, 9, 9, 9), port }, sink, bytes(0)));
      for (let i = 0; i < 3; i++) machine.send(from(driver.local, sink, bytes(0)));
    });
    expect(driver.counters()).toEqual({ 'foreign-source': 2, 'in-flight-limit': 1 });
  });

  test('what the system refuses', async () => {
    const refused = heard();
    const driver = await start({ event: refused.event });
    driver.drive((machine) => {
      machine.send(from(driver.local, { address: ipv4(255, 255, 255, 255), port: 9 }, bytes(0))); // broadcast is not allowed
      machine.send(from(driver.local, driver.local, bytes(0))); // proof that the first has been dealt with
    });
    await refused.promise;
    expect(driver.counters()).toEqual({ 'send-failed': 1 });
  });
});

describe('opening and closing', () => {
  test('a taken port is refused, and closing gives it back', async () => {
    const first = await start();
    const { port } = first.local;
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const closing = first.close();
    expect(first.close()).toBe(closing);
    await closing;
    await start({ port });
  });

  test('nothing is driven after close, also by datagrams already on their way', async () => {
    const driver = await start();
    const { port } = driver.local;
    await driver.close();
    expect(() => driver.drive(() => undefined)).toThrow(UsageError);
    const stray = createSocket('udp4');
    await new Promise((resolve) => stray.send(bytes(1), port, '127.0.0.1', resolve));
    stray.close();
  });

  test.each<Partial<UdpDriverOptions<Echo>>>([{ port: -1 }, { port: 65_536 }, { port: 1.5 }, { inFlightCountMax: 0 }])(
    'the options %o are refused',
    async (options) => {
      await expect(start(options)).rejects.toThrow(UsageError);
    },
  );
});
