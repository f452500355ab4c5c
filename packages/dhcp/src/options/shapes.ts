import type { Ipv4Address } from '@nexus-net/sansio';
import type { DhcpOption } from '../option-list.js';
import {
  address,
  addresses,
  addressesOrNone,
  mask,
  type PolicyFilter,
  policyFilters,
  type StaticRoute,
  staticRoutes,
} from './addresses.js';
import { type Authentication, authentication } from './authentication.js';
import { type ClientFqdn, clientFqdn } from './client-fqdn.js';
import { domainName, domainNames, searchList } from './domain-names.js';
import {
  type ClientIdentifier,
  clientIdentifier,
  type MachineId,
  machineId,
  type NetworkInterfaceId,
  networkInterfaceId,
  type PortParameters,
  portParameters,
  type SubnetSelector,
  subnetSelector,
} from './identifiers.js';
import {
  codes,
  flag,
  i32,
  mtu,
  mtuList,
  netbiosNodeType,
  positiveU8,
  presence,
  reassemblySize,
  seconds,
  u8,
  u8List,
  u16,
  u16List,
  u32,
} from './numbers.js';
import { type ClasslessRoute, classlessRoutes } from './routes.js';
import {
  counted16Texts,
  type DirectoryAgents,
  directoryAgents,
  type EncryptedResolver,
  encryptedResolvers,
  type LeaseQueryStatus,
  leaseQueryStatus,
  type ResolverSelection,
  resolverSelection,
  type ServiceScope,
  type SipServers,
  serverAddressSets,
  serviceScope,
  sipServers,
} from './services.js';
import type { Shape } from './shape.js';
import { type EnterpriseData, encapsulated, enterpriseData, subOptions, type UserClass, userClass } from './sub-options.js';
import { hostName, opaque, text } from './text.js';

/** The typed value of each shape. */
export interface ShapeValues {
  readonly address: Ipv4Address;
  readonly addresses: readonly Ipv4Address[];
  readonly addressesOrNone: readonly Ipv4Address[];
  readonly authentication: Authentication;
  readonly classlessRoutes: readonly ClasslessRoute[];
  readonly clientFqdn: ClientFqdn;
  readonly clientIdentifier: ClientIdentifier;
  readonly codes: readonly number[];
  readonly counted16Texts: readonly string[];
  readonly directoryAgents: DirectoryAgents;
  readonly domainName: string;
  readonly domainNames: readonly string[];
  readonly encapsulated: readonly DhcpOption[];
  readonly encryptedResolvers: readonly EncryptedResolver[];
  readonly enterpriseData: readonly EnterpriseData[];
  readonly flag: boolean;
  readonly hostName: string;
  readonly i32: number;
  readonly leaseQueryStatus: LeaseQueryStatus;
  readonly machineId: MachineId;
  readonly mask: Ipv4Address;
  readonly mtu: number;
  readonly mtuList: readonly number[];
  readonly netbiosNodeType: number;
  readonly networkInterfaceId: NetworkInterfaceId;
  readonly opaque: Uint8Array;
  readonly policyFilters: readonly PolicyFilter[];
  readonly portParameters: PortParameters;
  readonly positiveU8: number;
  readonly presence: true;
  readonly reassemblySize: number;
  readonly resolverSelection: ResolverSelection;
  readonly searchList: readonly string[];
  readonly seconds: number;
  readonly serverAddressSets: readonly (readonly Ipv4Address[])[];
  readonly serviceScope: ServiceScope;
  readonly sipServers: SipServers;
  readonly staticRoutes: readonly StaticRoute[];
  readonly subnetSelector: SubnetSelector;
  readonly subOptions: readonly DhcpOption[];
  readonly text: string;
  readonly u8: number;
  readonly u8List: readonly number[];
  readonly u16: number;
  readonly u16List: readonly number[];
  readonly u32: number;
  readonly userClass: UserClass;
}

export type ShapeName = keyof ShapeValues;
export type ShapeValue<S extends ShapeName> = ShapeValues[S];

/** Every way in which the octets of an option turn into a value and back. The rows of `OPTIONS` name one each. */
export const SHAPES: { readonly [S in ShapeName]: Shape<ShapeValues[S]> } = {
  address,
  addresses,
  addressesOrNone,
  authentication,
  classlessRoutes,
  clientFqdn,
  clientIdentifier,
  codes,
  counted16Texts,
  directoryAgents,
  domainName,
  domainNames,
  encapsulated,
  encryptedResolvers,
  enterpriseData,
  flag,
  hostName,
  i32,
  leaseQueryStatus,
  machineId,
  mask,
  mtu,
  mtuList,
  netbiosNodeType,
  networkInterfaceId,
  opaque,
  policyFilters,
  portParameters,
  positiveU8,
  presence,
  reassemblySize,
  resolverSelection,
  searchList,
  seconds,
  serverAddressSets,
  serviceScope,
  sipServers,
  staticRoutes,
  subnetSelector,
  subOptions,
  text,
  u8,
  u8List,
  u16,
  u16List,
  u32,
  userClass,
};
