/** The options that the server itself reads or writes (RFC 2132 unless said). Everything else is the configuration's. */
export const OPTION = {
  subnetMask: 1,
  routers: 3,
  dnsServers: 6,
  domainName: 15,
  broadcastAddress: 28,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientIdentifier: 61,
  vendorClass: 60,
  /** RFC 3004 */
  userClass: 77,
  /** RFC 4039 */
  rapidCommit: 80,
  /** RFC 3046 */
  relayAgentInformation: 82,
  /** RFC 4388 §6.1 */
  clientLastTransactionTime: 91,
  associatedAddresses: 92,
  /** RFC 3011 */
  subnetSelection: 118,
} as const;

/** Sub-options of option 82. */
export const RELAY_SUBOPTION = {
  /** RFC 3046 §3.1 */
  circuitId: 1,
  /** RFC 3046 §3.2 */
  remoteId: 2,
  /** RFC 3527 */
  linkSelection: 5,
  /** RFC 5107 */
  serverIdOverride: 11,
  /** RFC 8357: present, with no octets, where the relay does not use port 67. */
  sourcePort: 19,
} as const;

/** No configuration may set these: they are answers of the machine. */
export const SERVER_OWN_OPTIONS: ReadonlySet<number> = new Set([50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 80, 82, 118]);
