export * from './channel.js';
export * from './dsoftbus/node-host.js';
export * from './dsoftbus/node-service.js';
export * from './dsoftbus-segment-witness.js';
export * from './ethernet-witness.js';
export * from './frame-summary.js';
export * from './gateway.js';
export * from './gateway-port.js';
export type { GatewayServiceEvent, GatewayServicesConfig, GatewayServicesView } from './gateway-services.js';
export * from './impairment.js';
export * from './impersonation-witness.js';
export * from './lan.js';
export * from './link.js';
export * from './nonce-exchange.js';
export { type DnsQueryReject, DnsResponder, type DnsResponderConfig, type DnsResponse } from './services/dns-responder.js';
export * from './services/dns-service.js';
export { type DnsTcpEvent, DnsTcpService, type DnsTcpServiceConfig, type DnsTcpView } from './services/dns-tcp-service.js';
export * from './services/dns-zone.js';
export * from './services/files.js';
export type { HttpHeadLimits, HttpReject } from './services/http/http-request.js';
export {
  HttpService,
  type HttpServiceConfig,
  type HttpServiceEvent,
  type HttpServiceView,
} from './services/http/http-service.js';
export * from './services/service.js';
export * from './services/simple-services.js';
export * from './services/stream-server.js';
export * from './services/tftp/tftp-client.js';
export type { TftpTermLimits, TftpTerms } from './services/tftp/tftp-options.js';
export * from './services/tftp/tftp-packet.js';
export {
  type TftpEvent,
  type TftpLabel,
  TftpService,
  type TftpServiceConfig,
  type TftpView,
} from './services/tftp/tftp-service.js';
export type { TftpEnd } from './services/tftp/tftp-transfer.js';
export * from './simulator.js';
export * from './switch.js';
export * from './tap.js';
export * from './trace.js';
export * from './witnesses.js';
