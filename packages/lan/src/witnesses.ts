import { DhcpWitness } from '@nexus-net/dhcp';
import { ArpWitness, DnsWitness, IcmpWitness, IgmpWitness, TcpEchoWitness, TcpExchangeWitness } from '@nexus-net/net-os';
import type { Ipv4Address } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type Witness } from '@nexus-net/wire';
import { DsoftbusSegmentWitness } from './dsoftbus-segment-witness.js';
import { EthernetWitness } from './ethernet-witness.js';
import { ImpersonationWitness, type StationAddresses } from './impersonation-witness.js';

/**
 * One witness for each protocol, in a fixed order: what a live segment and a replayed capture are both judged by. Who speaks as
 * somebody else is told before anything is concluded from what was said. `guarded`: addresses that are the gateway's from the first frame
 * on. `stations`: who else owns which address, where that is known.
 */
export function segmentWitnesses({
  guarded = [],
  stations = [],
}: {
  readonly guarded?: readonly Ipv4Address[];
  readonly stations?: readonly StationAddresses[];
} = {}): Witness[] {
  const { http, dsoftbusSessionA, dsoftbusSessionB } = ADDRESS_PLAN.ports;
  return [
    new ImpersonationWitness({ addresses: guarded, stations }),
    new EthernetWitness(),
    new ArpWitness(),
    new DhcpWitness(),
    new IcmpWitness(),
    new IgmpWitness(),
    new DnsWitness(),
    new TcpEchoWitness(),
    new TcpExchangeWitness({ ports: [http, dsoftbusSessionA, dsoftbusSessionB] }),
    new DsoftbusSegmentWitness(),
  ];
}
