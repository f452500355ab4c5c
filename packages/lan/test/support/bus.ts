import { BusNode, type BusNodeEvent, type BusNodeOptions, TrustStore, type X25519KeyPair } from '@nexus-net/dsoftbus';
import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { Host, type HostEvent, type HostOptions } from '@nexus-net/net-os';
import { type Entropy, type Ipv4Address, ipv4, type MacAddress, type Millis, SeededEntropy } from '@nexus-net/sansio';
import { NodeHost, type Simulator } from '../../src/index.js';

export type BusHost = NodeHost<BusNode, HostEvent>;

export interface BusStation {
  readonly node: BusHost;
  readonly host: Host;
  /** What its node told, with the time. */
  readonly events: { readonly at: Millis; readonly event: BusNodeEvent }[];
}

export interface BusStationOptions extends Partial<Omit<BusNodeOptions, 'port'>> {
  /** Name of the port and the device, and for the last octet of the addresses. */
  readonly port: string;
  readonly seed?: number | string;
  readonly hostOptions?: Partial<HostOptions>;
}

const PORTS = 'abcdefgh';

export function busAddress(port: string): Ipv4Address {
  return ipv4(10, 42, 0, 10 + PORTS.indexOf(port));
}

/** The same key for the same name in every run. */
export function busKey(name: string): X25519KeyPair {
  const secret = new Uint8Array(32);
  new SeededEntropy(`static ${name}`).fill(secret);
  return nodeCrypto.x25519KeyPair(secret);
}

/** A node of dialect `bus` at the address of its port. Every other one is pinned, unless told otherwise. */
export function busNode({
  port,
  ...options
}: Partial<Omit<BusNodeOptions, 'port'>> & { readonly port: string; readonly entropy: Entropy }): BusNode {
  const trust = new TrustStore();
  const own = options.deviceId ?? port;
  for (const other of PORTS) if (other !== own) trust.pin(other, busKey(other).publicKey);
  return new BusNode({
    crypto: nodeCrypto,
    address: busAddress(port),
    deviceId: port,
    localStatic: busKey(port),
    trust,
    ...options,
  });
}

/** The same on a host of its own, at a port of the LAN. */
export function busStation(sim: Simulator, { port, seed = 1, hostOptions, ...options }: BusStationOptions): BusStation {
  const entropy = new SeededEntropy(`${seed}/${port}`);
  const host = new Host({
    mac: (0x525400000000 + PORTS.indexOf(port)) as MacAddress,
    entropy: entropy.fork('host'),
    ...hostOptions,
  });
  const bus = busNode({ port, entropy: entropy.fork('node'), ...options });
  const node = new NodeHost({ node: bus, host });
  const events: BusStation['events'] = [];
  sim.attach({
    port,
    machine: node,
    boot: (now) => {
      host.configure(now, { address: busAddress(port), prefixLength: 24 });
      node.act(now, (each, at) => each.start(at));
    },
    onEvent: (event, at) => {
      if (event.type === 'node') events.push({ at, event: event.event });
    },
  });
  return { node, host, events };
}
