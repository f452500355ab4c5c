import { Lan, Simulator } from '@nexus-net/lan';
import { describeSocketFailure, Host, HostSockets } from '@nexus-net/net-os';
import { parseIpv4, parseMac, SeededEntropy } from '@nexus-net/sansio';

/** A guest sends a stream to the echo service of the gateway, over a cable that loses one frame in ten each way. */
export function echoOverTcp(seed: number, words: string): string {
  const entropy = new SeededEntropy(seed);
  const lan = new Lan({ entropy: entropy.fork('lan'), ports: ['guest'], gateway: { services: { echo: {} } } });
  lan.setLink(0, 'guest', { toSwitch: { loss: 0.1 }, toStation: { loss: 0.1, delayMs: 5 } });
  const sim = new Simulator({ lan });
  const host = new Host({ mac: parseMac('52:54:00:12:34:56'), entropy: entropy.fork('guest') });
  const sockets = new HostSockets(host);
  const address = { address: parseIpv4('10.0.2.15'), prefixLength: 24 };
  sim.attach({ port: 'guest', machine: sockets, boot: (now) => host.configure(now, address) });
  sim.runFor(1);

  const dialled = sockets.tcpConnect({ address: parseIpv4('10.0.2.2'), port: 7 }, { deadline: 60_000 });
  if (!dialled.ok) return describeSocketFailure(dialled);
  const stream = dialled.value;
  sim.run({ until: 60_000, stop: () => stream.established().ok });
  stream.write(new TextEncoder().encode(words));
  stream.shutdown();

  let heard = '';
  const isAtEnd = (): boolean => {
    for (let read = stream.read(1_024); read.ok; read = stream.read(1_024)) {
      if (read.value.length === 0) return true;
      heard += new TextDecoder().decode(read.value);
    }
    return false;
  };
  sim.run({ until: 60_000, stop: isAtEnd });
  return `${heard} after ${sim.now} ms`;
}
