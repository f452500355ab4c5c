import { type DecodedDhcpMessage, decodeDhcpMessage } from '@nexus-net/dhcp';
import type { Ipv4Address } from '@nexus-net/sansio';
import type { ObservedFrame } from '@nexus-net/wire';
import type { Lab } from './lab.js';

export interface SeenMessage {
  readonly frame: ObservedFrame;
  readonly message: DecodedDhcpMessage;
  /** Option 53. */
  readonly type: number | undefined;
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
}

/** The DHCP messages of a lab, from the `from`th frame on, as they entered the switch. */
export function dhcpMessages(lab: Lab, from = 0): readonly SeenMessage[] {
  return lab.frames.slice(from).flatMap((frame) => {
    const { ipv4, udp } = frame.layers;
    if (ipv4 === undefined || udp === undefined || ![67, 68].includes(udp.destinationPort)) return [];
    const decoded = decodeDhcpMessage(udp.payload);
    if (!decoded.ok) return [];
    const message = decoded.value;
    return { frame, message, type: message.options.get(53)?.[0], source: ipv4.source, destination: ipv4.destination };
  });
}
