import type { DhcpServerEvent } from '@nexus-net/dhcp';
import { systemEntropy } from '@nexus-net/host';
import { Gateway, type GatewayConfig } from '@nexus-net/lan';
import { formatIpv4, type Ipv4Address, type MacAddress, parseIpv4, parseMac, parsePrefix } from '@nexus-net/sansio';
import type { Lab, Station } from './lab.js';

export const SERVER: Ipv4Address = parseIpv4('10.77.0.1');
export const SERVER_MAC: MacAddress = parseMac('02:5e:00:00:00:01');
export const CLIENT_MAC: MacAddress = parseMac('02:c1:00:00:00:01');
export const SQUATTER_MAC: MacAddress = parseMac('02:bd:00:00:00:01');
/** The first address that our server gives. */
export const FIRST: Ipv4Address = parseIpv4('10.77.0.100');

export type Server = Station<Gateway>;
type Dhcp = Exclude<GatewayConfig['dhcp'], 'off' | undefined>;

/** Our server, on a host of its own: `10.77.0.1` unless told otherwise, leases from `10.77.0.100` up. */
export function serve(
  lab: Lab,
  port: string,
  config: Omit<Partial<GatewayConfig>, 'dhcp'> & { readonly dhcp?: Dhcp } = {},
): Server {
  const gateway = new Gateway({
    entropy: systemEntropy(),
    mac: SERVER_MAC,
    address: SERVER,
    dnsAddress: 'none',
    network: parsePrefix('10.77.0.0/24'),
    dns: 'off',
    ...config,
    dhcp: { pool: { first: FIRST, last: parseIpv4('10.77.0.199') }, ...config.dhcp },
  });
  const server = lab.attach(port, gateway);
  server.drive((machine, now) => machine.start(now));
  return server;
}

/** The address of the first lease after the `from`th frame. */
export async function leased(lab: Lab, timeoutMs: number, from = 0): Promise<Ipv4Address> {
  const { address } = await lab.until('an ACK', timeoutMs, () => lab.factsOf('dhcp.leased', from)[0]);
  return address;
}

/** Asks again and again until the client's kernel answers ping at its new address. */
export async function answers(lab: Lab, server: Server, destination: Ipv4Address): Promise<void> {
  const from = lab.position;
  const ask = (): void => {
    server.drive((machine, now) => machine.ping(now, { destination, timeoutMs: 500 }));
  };
  ask();
  let told = server.events.length;
  await lab.until(`${formatIpv4(destination)} answers ping`, 30_000, () => {
    const news = server.events.slice(told);
    told = server.events.length;
    if (news.some((each) => each.type === 'host' && ['ping-timeout', 'ping-failed'].includes(each.event.type))) ask();
    return lab.factsOf('icmp.echo-answered', from).some(({ answerer }) => answerer === destination);
  });
}

export function events<T extends DhcpServerEvent['type']>(server: Server, type: T): readonly DhcpServerEvent[] {
  return server.events.flatMap((each) => (each.type === 'dhcp' && each.event.type === type ? each.event : []));
}
