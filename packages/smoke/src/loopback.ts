import { DsoftbusSegmentWitness } from '@nexus-net/lan';
import { TcpExchangeWitness } from '@nexus-net/net-os';
import { ADDRESS_PLAN, type Witness } from '@nexus-net/wire';

/** Who watches the loopback interface of a guest, live and in a recording. */
export function loopbackWitnesses(): Witness[] {
  const { dsoftbusSessionA, dsoftbusSessionB } = ADDRESS_PLAN.ports;
  return [new DsoftbusSegmentWitness(), new TcpExchangeWitness({ ports: [dsoftbusSessionA, dsoftbusSessionB] })];
}
