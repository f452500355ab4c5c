import { dissect } from '@nexus-net/wire';
import { arpFrame, dhcpFrames, dnsFrame, echoFrame, tcpFrame, udpFrame } from '../frames.js';
import { measureGroup } from '../harness.js';
import type { Suite } from './suite.js';

export const DISSECT: Suite = {
  name: 'dissect',
  about: 'frames to their layers, checksums checked',
  run: async ({ progress }) => {
    progress('seven kinds of frames');
    const { discover, ack } = dhcpFrames();
    const frames: Readonly<Record<string, Uint8Array>> = {
      'ARP request': arpFrame(),
      'ICMP echo request': echoFrame(),
      'UDP, 60 octets': udpFrame(60),
      'UDP, 1514 octets': udpFrame(1514),
      'TCP, 1514 octets': tcpFrame(1514),
      'DNS query': dnsFrame(),
      'DHCP DISCOVER (as UDP)': discover,
      'DHCP ACK of 30 options (as UDP)': ack,
    };
    for (const [name, frame] of Object.entries(frames))
      if (dissect(frame).problem !== undefined) throw new Error(`${name}: ${JSON.stringify(dissect(frame).problem)}`);
    const cases = Object.entries(frames).map(([name, frame]) => ({
      name,
      run: (count: number): number => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += dissect(frame).ethernet?.etherType ?? 0;
        return sum;
      },
    }));
    return { groups: [await measureGroup({ title: 'Dissect', unit: 'frame', cases })] };
  },
};
