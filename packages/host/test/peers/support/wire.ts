import { type DecodedDhcpMessage, decodeDhcpMessage } from '@nexus-net/dhcp';
import { IPV4_ANY, type Ipv4Address } from '@nexus-net/sansio';
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

/**
 * Waits for a renewal after the `from`th frame, of whatever kind, and returns the REQUEST that the ACK answers: one with an
 * address in ciaddr, unlike a late copy from before the lease.
 */
export function renewal(lab: Lab, timeoutMs: number, from: number): Promise<SeenMessage> {
  return lab.until('a renewal', timeoutMs, () => {
    const answered = new Set(lab.factsOf('dhcp.leased', from).map(({ frames }) => frames[0]));
    return dhcpMessages(lab, from).find(({ frame, message }) => message.ciaddr !== IPV4_ANY && answered.has(frame.number));
  });
}
