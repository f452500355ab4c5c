import {
  type Datagram,
  type Entropy,
  formatIpv4,
  fromHex,
  IPV4_BROADCAST,
  type Ipv4Address,
  ipv4FromU32,
  parseIpv4,
  parseMac,
  parsePrefix,
} from '@nexus-net/sansio';
import { DhcpRelay, DhcpServer, type DhcpServerOptions, decodeDhcpMessage, messageType } from '../../src/index.js';
import { ClientLab } from './client-lab.js';
import { checkDhcpVectors, type VectorReport } from './vectors.js';

/** A hostile message, who it is for, and what that has to do with it. */
export interface HostileMessage {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly hex: string;
  readonly verdict: string;
}

/** The context that the file itself gives: who the client, server and relay are. */
const MAC = parseMac('02:00:00:00:00:01');
const XID = 0x11223344;
const SERVER = parseIpv4('10.0.0.1');
const PREFIX = parsePrefix('10.0.0.0/24');
const RELAY = parseIpv4('10.0.0.254');
const UPSTREAM = parseIpv4('10.9.0.1');
const LEASED = parseIpv4('10.0.0.100');
const OTHERS = parseIpv4('10.0.0.150');
const MESSAGES_PER_MINUTE = 20;
/** Name servers of one lease: more than any resolver reads, fewer than a message can hold. */
const NAME_SERVERS_MAX = 64;

/** Checks all cases: the codec's by {@link checkDhcpVectors}, and those of client, server and relay in their machines. */
export function checkHostileRoles(file: { readonly cases: readonly HostileMessage[] }): VectorReport {
  const codec = checkDhcpVectors(file);
  const failed = [...codec.failed];
  const notRun: { id: string; why: string }[] = [];
  let { passed } = codec;
  for (const one of file.cases) {
    if (one.role === 'parse') continue;
    const check = ROLES[one.role];
    if (check === undefined) {
      notRun.push({ id: one.id, why: `nobody here has the role ${one.role}` });
      continue;
    }
    const problem = check(one, fromHex(one.hex));
    if (problem === undefined) passed++;
    else failed.push({ id: one.id, problem: `${one.name}: ${problem}` });
  }
  return { passed, failed, notRun };
}

const ROLES: Readonly<Record<string, (one: HostileMessage, payload: Uint8Array) => string | undefined>> = {
  client: checkClient,
  server: checkServer,
  relay: checkRelay,
};

/** Every transaction has the one id that the replies of the file carry. */
const ONE_XID: Entropy = { u32: () => XID, fill: (bytes) => void bytes.fill(0) };

/** A client in the state that the name of the case says: SELECTING for an OFFER, REQUESTING for ACK and NAK, BOUND. */
function clientFor({ name }: HostileMessage): ClientLab {
  const lab = new ClientLab({ mac: MAC, entropy: ONE_XID }).start();
  const options = { 54: [10, 0, 0, 1], 3: [10, 0, 0, 1] };
  if (!name.startsWith('OFFER')) lab.receive('offer', { yiaddr: LEASED, chaddr: MAC, options } as never);
  if (name.includes('BOUND') || name.includes('FORCERENEW'))
    lab.receive('ack', { yiaddr: LEASED, chaddr: MAC, options } as never);
  return lab;
}

function checkClient(one: HostileMessage, payload: Uint8Array): string | undefined {
  const lab = clientFor(one);
  const before = lab.state;
  const rejected = lab.eventsOf('rejected').length;
  lab.receiveBytes(payload);
  const lease = lab.client.lease;
  const text = lease === undefined ? 'no lease' : `${formatIpv4(lease.address)}/${lease.prefixLength}, ${lease.leaseMs / 1000} s`;
  const times = lease === undefined ? [] : [lease.renewMs, lease.rebindMs, lease.leaseMs].map((ms) => ms / 1000);
  const is = (good: boolean): string | undefined =>
    good ? undefined : `${before} → ${lab.state}, ${text}, times ${times.join()}`;
  switch (one.id) {
    case 'D067': // a lease of a second: whoever answers at once, again and again, is asked for a bounded number of times
      for (let sent = 0; lab.now < 600_000; ) {
        if (lab.sent.length > sent) lab.receiveBytes(payload);
        sent = lab.sent.length;
        lab.runTo(Math.min(600_000, Math.max(lab.now + 1, lab.client.nextTimeout())));
      }
      return is(busiestMinute(lab) <= MESSAGES_PER_MINUTE);
    case 'D068':
      return is(lease?.leaseMs === Number.POSITIVE_INFINITY && lab.client.nextTimeout() === Number.POSITIVE_INFINITY);
    case 'D070':
    case 'D071':
      return is(times.join() === '1800,3150,3600');
    case 'D073': // the option is dropped, and the offer's mask stands
    case 'D074':
      return is(lease?.prefixLength === 24);
    case 'D077': // another address than asked for is a new one, which is probed where the client can probe
      return is(lease?.address === ipv4FromU32(LEASED + 1));
    case 'D082':
      return is(lease !== undefined && lease.dnsServers.length <= NAME_SERVERS_MAX);
    default:
      if (one.verdict !== 'ignore') return `nothing is known of the verdict ${one.verdict}`;
      return is(lab.state === before && lab.eventsOf('rejected').length === rejected + 1);
  }
}

function busiestMinute({ sent }: ClientLab): number {
  return Math.max(...sent.map(({ at }) => sent.filter((other) => other.at >= at && other.at < at + 60_000).length));
}

/** Not authoritative: silence about what it doesn't know is demanded of every server that isn't sure to know it. */
const SERVER_OPTIONS: DhcpServerOptions = {
  address: SERVER,
  prefix: PREFIX,
  pool: { first: LEASED, last: parseIpv4('10.0.0.199') },
  authoritative: false,
  dnsServers: Array.from({ length: 400 }, (_, i) => ipv4FromU32(0x0a010001 + i)),
  restored: [
    { address: OTHERS, htype: 1, hardware: Uint8Array.of(2, 0, 0, 0, 0, 0x77), state: 'leased', until: 3_600_000, revision: 1 },
  ],
};

function checkServer({ verdict, id }: HostileMessage, payload: Uint8Array): string | undefined {
  const server = new DhcpServer(SERVER_OPTIONS);
  server.handleDatagram(0, datagram(payload, { port: 67 }));
  const reply = server.pollTransmit()?.payload;
  const decoded = reply === undefined ? undefined : decodeDhcpMessage(reply, { strict: true });
  if (decoded !== undefined && !decoded.ok) return `an unreadable reply: ${decoded.error}`;
  const message = decoded?.value;
  const type = message === undefined ? undefined : messageType(message);
  const [binding] = server.inspect().subnets[0]?.bindings ?? [];
  const is = (good: boolean): string | undefined => (good ? undefined : `type ${type}, ${reply?.length} octets`);
  switch (verdict) {
    case 'nak':
      return is(type === 6);
    case 'ignore': // no answer, and the lease of somebody else is as it was
      return binding?.state === 'leased' ? is(reply === undefined) : `the lease of another client is ${binding?.state}`;
    case 'clamp': // within 576 octets of IP where less was said, within the link's MTU where more
      return is(type === 2 && (reply as Uint8Array).length <= (id === 'D094' ? 548 : 1472));
    case 'accept': {
      const codes = [...(message?.options ?? [])].map(({ code }) => code);
      return is(type === 2 && new Set(codes).size === codes.length);
    }
    default:
      return `nothing is known of the verdict ${verdict}`;
  }
}

function checkRelay({ verdict }: HostileMessage, payload: Uint8Array): string | undefined {
  if (verdict !== 'drop') return `nothing is known of the verdict ${verdict}`;
  const relay = new DhcpRelay({ interfaces: [{ index: 1, address: RELAY, prefix: PREFIX }], servers: [UPSTREAM] });
  const reply = payload[0] === 2;
  const arriving = reply
    ? datagram(payload, { port: 67, source: UPSTREAM, destination: RELAY })
    : datagram(payload, { port: 67 });
  relay.handleDatagram(0, { ...arriving, interface: reply ? 2 : 1 });
  return relay.pollTransmit() === undefined ? undefined : 'passed on';
}

function datagram(
  payload: Uint8Array,
  { port, source, destination }: { readonly port: number; readonly source?: Ipv4Address; readonly destination?: Ipv4Address },
): Datagram {
  return {
    source: { address: source ?? ipv4FromU32(0), port: source === undefined ? 68 : 67 },
    destination: { address: destination ?? IPV4_BROADCAST, port },
    payload,
  };
}
