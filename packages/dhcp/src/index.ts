export { CLIENT_REJECTS, type ClientReject, type MissingMask } from './client/accept.js';
export {
  type ChooseOffer,
  clientIdFromDuid,
  clientIdFromMac,
  type DhcpClientConfig,
  type HmacMd5,
} from './client/config.js';
export type { ClientCount } from './client/core.js';
export type { DhcpClientEvent, UnboundReason } from './client/events.js';
export type { BoundCause, ClientState, ClientStateName, WaitReason } from './client/state.js';
export { CLIENT_TRANSITIONS, CLIENT_TRIGGERS, type ClientTrigger, type TransitionRow } from './client/transitions.js';
export { type CommandOutcome, DhcpClient, type DhcpClientInspection } from './client.js';
export * from './describe.js';
export type { DhcpLease, LeaseChange, LeaseTerms, NetworkParameters } from './lease.js';
export * from './message.js';
export * from './names.js';
export * from './option.js';
export type { PolicyFilter, StaticRoute } from './options/addresses.js';
export type { Authentication } from './options/authentication.js';
export type { ClientFqdn } from './options/client-fqdn.js';
export { DOMAIN_NAMES_MAX } from './options/domain-names.js';
export * from './options/identifiers.js';
export type { ClasslessRoute } from './options/routes.js';
export type * from './options/services.js';
export type { OptionError, Shape } from './options/shape.js';
export { SHAPES, type ShapeName, type ShapeValue } from './options/shapes.js';
export {
  decodeCounted,
  decodeSubOptions,
  type EnterpriseData,
  encodeCounted,
  encodeSubOptions,
  type UserClass,
} from './options/sub-options.js';
export { OPTIONS, type OptionName, type OptionRow, RELAY_OPTIONS, type RelayOptionName } from './options/table.js';
export { isHostName } from './options/text.js';
export type { DhcpRelayInformation, DhcpRelayInterface, DhcpRelayOptions } from './relay/config.js';
export { type DhcpRelayEvent, type DhcpRelayReject, type InformationFate, RELAY_REJECTS } from './relay/events.js';
export { DhcpRelay, type DhcpRelayDatagram, type DhcpRelayInspection, type DhcpRelayTransmit } from './relay.js';
export type { DhcpClientClass, DhcpMatch } from './server/client-class.js';
export type { DhcpConflictCheck, DhcpPoolRange, DhcpReservation, DhcpServerOptions, DhcpSubnet } from './server/config.js';
export type { DhcpLeaseRecord, DhcpNakReason, DhcpServerEvent, DhcpServerReject } from './server/events.js';
export type { DhcpBindingInspection, DhcpServerInspection } from './server/inspect.js';
export { DhcpServer, type DhcpServerTransmit } from './server.js';
export { DHCP_RULES, type DhcpRule, type DhcpRuleId } from './witness/rules.js';
export { DhcpWitness, type DhcpWitnessInspection, type DhcpWitnessOptions } from './witness.js';
