import { formatIpv4, formatMac, formatPrefix } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';

/** A line of the document: the path in the plan, the value as text, what it is for. */
export interface PlanRow {
  readonly path: string;
  readonly value: string;
  readonly meaning: string;
}

const { smoke, os2vm, ports } = ADDRESS_PLAN;

const SECTIONS: readonly { readonly title: string; readonly text: string; readonly rows: readonly PlanRow[] }[] = [
  {
    title: 'smoke: one guest behind a gateway',
    text: "The network has the shape of QEMU's own user network, so that a guest cannot tell the two apart by address.",
    rows: [
      row('smoke.network', formatPrefix(smoke.network), 'the network'),
      row('smoke.gateway', formatIpv4(smoke.gateway), 'gateway host: router, DHCP server, second DNS address'),
      row('smoke.gatewayMac', formatMac(smoke.gatewayMac), 'its MAC: 52:55 and the address'),
      row('smoke.dns', formatIpv4(smoke.dns), 'DNS, answered by the gateway host'),
      row('smoke.guest', formatIpv4(smoke.guest), 'the guest: first address leased, and the static fallback'),
      row('smoke.guestMac', formatMac(smoke.guestMac), "its MAC: QEMU's default for the first network card"),
      row('smoke.pool.first', formatIpv4(smoke.pool.first), 'first address that the DHCP server leases'),
      row('smoke.pool.last', formatIpv4(smoke.pool.last), 'last one'),
      row('smoke.quiet', formatIpv4(smoke.quiet), 'owned by nobody: what is sent there stays unanswered'),
      row(
        'smoke.neighbour',
        formatIpv4(smoke.neighbour),
        'a station of ours, where the gateway is somebody else’s: it asks for the guest',
      ),
      row('smoke.neighbourMac', formatMac(smoke.neighbourMac), 'its MAC'),
    ],
  },
  {
    title: 'os2vm: two guests on one wire',
    text: 'Static addresses, no gateway, no DNS. The last octet of an address is the last octet of its MAC.',
    rows: [
      row('os2vm.network', formatPrefix(os2vm.network), 'the network'),
      row('os2vm.nodeA', formatIpv4(os2vm.nodeA), 'node A: initiates sessions'),
      row('os2vm.nodeAMac', formatMac(os2vm.nodeAMac), 'its MAC'),
      row('os2vm.nodeB', formatIpv4(os2vm.nodeB), 'node B: answers'),
      row('os2vm.nodeBMac', formatMac(os2vm.nodeBMac), 'its MAC'),
      row(
        'os2vm.observer',
        formatIpv4(os2vm.observer),
        'asks each node whether it is there; routes and leases nothing, and no node is told of it',
      ),
      row('os2vm.observerMac', formatMac(os2vm.observerMac), 'its MAC'),
      row('os2vm.discoveryGroup', formatIpv4(os2vm.discoveryGroup), 'multicast group of DSoftBus announcements'),
    ],
  },
  {
    title: 'ports',
    text: 'The same in both networks.',
    rows: [
      row('ports.dns', `UDP ${ports.dns}`, 'DNS server'),
      row('ports.dhcpServer', `UDP ${ports.dhcpServer}`, 'DHCP server'),
      row('ports.dhcpClient', `UDP ${ports.dhcpClient}`, 'DHCP client'),
      row('ports.dsoftbusSessionA', `TCP ${ports.dsoftbusSessionA}`, 'DSoftBus sessions: node A, and the single guest'),
      row(
        'ports.dsoftbusSessionB',
        `TCP ${ports.dsoftbusSessionB}`,
        'DSoftBus sessions: node B, and the second node of the single guest',
      ),
      row('ports.dsoftbusQuicServer', `UDP ${ports.dsoftbusQuicServer}`, 'DSoftBus datagram session, server'),
      row('ports.dsoftbusQuicClient', `UDP ${ports.dsoftbusQuicClient}`, 'DSoftBus datagram session, client'),
      row('ports.dsoftbusDiscovery', `UDP ${ports.dsoftbusDiscovery}`, 'DSoftBus announcements, source and destination'),
      row('ports.http', `TCP ${ports.http}`, 'the server of the gateway that files are fetched from'),
      row('ports.dnsProbe', `UDP ${ports.dnsProbe}`, "source of the guest's DNS proof"),
      row('ports.listenProbe', `TCP ${ports.listenProbe}`, "where the guest's listen proof listens"),
    ],
  },
];

/** The text of `docs/address-plan.md`. */
export function renderAddressPlan(): string {
  const lines = [
    '# Address plan',
    '',
    'Generated from `packages/wire/src/address-plan.ts`; a test compares the two. After a change of the plan, write this file anew with',
    '`npx vitest run --project host packages/wire/test/address-plan.test.ts -u`.',
  ];
  for (const { title, text, rows } of SECTIONS) {
    const cells = rows.map(({ path, value, meaning }) => [`\`${path}\``, value, meaning]);
    lines.push('', `## ${title}`, '', text, '', ...table(['in the plan', 'value', 'meaning'], cells));
  }
  return `${lines.join('\n')}\n`;
}

/** A table with columns of even width, as the formatter wants it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** All rows of the document, for the test that none is missing. */
export function planRows(): readonly PlanRow[] {
  return SECTIONS.flatMap(({ rows }) => rows);
}

function row(path: string, value: string, meaning: string): PlanRow {
  return { path, value, meaning };
}
