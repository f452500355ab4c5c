import { DHCP_MESSAGE_TYPE, type DhcpOption, dhcpMessage, encodeDhcpMessage } from '@nexus-net/dhcp';
import { fromHex, ipv4, parseMac } from '@nexus-net/sansio';
import captured from './packets.json' with { type: 'json' };

/** A DHCP message as the benchmarks use it: the same octets for us and for every peer. */
export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export const DISCOVER: Sample = sample('DISCOVER, dhclient, 300 octets', captured.discover.hex);
export const RICH_ACK: Sample = sample('rich ACK, Kea, 14 options, 396 octets', captured.ackRich.hex);
export const LONG_ACK: Sample = sample('ACK with a split option 121, 618 octets', captured.ackLong.hex);
export const OVERLOAD_ACK: Sample = sample('ACK with option overload, 522 octets', captured.ackOverload.hex);
export const ACK_30: Sample = thirtyOptions();

export const SAMPLES: readonly Sample[] = [DISCOVER, RICH_ACK, ACK_30, LONG_ACK, OVERLOAD_ACK];

function sample(name: string, hex: string): Sample {
  return { name, bytes: fromHex(hex) };
}

/** Thirty options as a large network would send them: addresses, times, texts, routes, a search list, vendor data. */
function thirtyOptions(): Sample {
  const text = (value: string): number[] => [...new TextEncoder().encode(value)];
  const options: readonly (readonly [number, readonly number[]])[] = [
    [53, [DHCP_MESSAGE_TYPE.ack]],
    [54, [10, 0, 2, 2]],
    [51, [0, 0, 0x0e, 0x10]],
    [58, [0, 0, 0x07, 0x08]],
    [59, [0, 0, 0x0c, 0x4e]],
    [1, [255, 255, 255, 0]],
    [2, [0, 0, 0x0e, 0x10]],
    [3, [10, 0, 2, 2]],
    [6, [10, 0, 2, 3, 10, 0, 2, 4]],
    [7, [10, 0, 2, 5]],
    [12, text('guest-0001')],
    [15, text('lab.example')],
    [17, text('10.0.2.2:/export/root')],
    [19, [0]],
    [23, [64]],
    [26, [0x05, 0xdc]],
    [28, [10, 0, 2, 255]],
    [33, [10, 9, 0, 1, 10, 0, 2, 2]],
    [42, [10, 0, 2, 6, 10, 0, 2, 7]],
    [43, [1, 4, 10, 0, 2, 8, 255]],
    [44, [10, 0, 2, 9]],
    [66, text('boot.lab.example')],
    [67, text('pxe/grub.efi')],
    [69, [10, 0, 2, 10]],
    [100, text('CET-1CEST,M3.5.0,M10.5.0/3')],
    [101, text('Europe/Vienna')],
    [114, text('urn:ietf:params:capport:unrestricted')],
    [119, [3, ...text('lab'), 7, ...text('example'), 0, 4, ...text('test'), 0xc0, 4]],
    [121, [24, 10, 7, 0, 10, 0, 2, 2, 16, 172, 20, 10, 0, 2, 2, 0, 10, 0, 2, 2]],
    [150, [10, 0, 2, 11]],
  ];
  const message = dhcpMessage({
    op: 2,
    xid: 0x4ba89591,
    yiaddr: ipv4(10, 0, 2, 15),
    siaddr: ipv4(10, 0, 2, 2),
    chaddr: parseMac('52:54:00:12:34:56'),
    options: options.map(([code, value]): DhcpOption => ({ code, value: Uint8Array.from(value) })),
  });
  const bytes = encodeDhcpMessage(message);
  return { name: `ACK with 30 options, ${bytes.length} octets`, bytes };
}
