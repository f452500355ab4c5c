import { address, addresses, addressesOrNone, mask, policyFilters, staticRoutes } from './addresses.js';
import { authentication } from './authentication.js';
import { clientFqdn } from './client-fqdn.js';
import { domainName, domainNames, searchList } from './domain-names.js';
import { clientIdentifier, machineId, networkInterfaceId, portParameters, subnetSelector } from './identifiers.js';
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
import { classlessRoutes } from './routes.js';
import {
  counted16Texts,
  directoryAgents,
  encryptedResolvers,
  leaseQueryStatus,
  resolverSelection,
  serverAddressSets,
  serviceScope,
  sipServers,
} from './services.js';
import type { Shape } from './shape.js';
import { encapsulated, enterpriseData, subOptions, userClass } from './sub-options.js';
import { hostName, opaque, text } from './text.js';

const ALL = {
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

export type ShapeName = keyof typeof ALL;
/** The typed value of each shape. */
export type ShapeValue<S extends ShapeName> = (typeof ALL)[S] extends Shape<infer V> ? V : never;

/** Every way in which the octets of an option turn into a value and back. The rows of `OPTIONS` name one each. */
export const SHAPES: { readonly [S in ShapeName]: Shape<ShapeValue<S>> } = ALL;
