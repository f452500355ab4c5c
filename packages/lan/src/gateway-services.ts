import type { Sockets } from '@nexus-net/net-os';
import { type Millis, NEVER } from '@nexus-net/sansio';
import { DnsResponder } from './services/dns-responder.js';
import type { DnsServiceConfig } from './services/dns-service.js';
import { type DnsTcpEvent, DnsTcpService, type DnsTcpView } from './services/dns-tcp-service.js';
import {
  HttpService,
  type HttpServiceConfig,
  type HttpServiceEvent,
  type HttpServiceView,
} from './services/http/http-service.js';
import type { SocketService } from './services/service.js';
import { DiscardService, EchoService, type SimpleServiceConfig, type SimpleServiceView } from './services/simple-services.js';
import type { StreamServerEvent, StreamServerLimits } from './services/stream-server.js';
import { type TftpEvent, TftpService, type TftpServiceConfig, type TftpView } from './services/tftp/tftp-service.js';

/** Further services of a gateway, each off unless it is here. */
export interface GatewayServicesConfig {
  /** The names of the DNS service over TCP as well. */
  readonly dnsTcp?: Partial<StreamServerLimits>;
  readonly tftp?: Omit<TftpServiceConfig, 'sockets'>;
  readonly http?: Omit<HttpServiceConfig, 'sockets'>;
  readonly echo?: Omit<SimpleServiceConfig, 'sockets'>;
  readonly discard?: Omit<SimpleServiceConfig, 'sockets'>;
}

export type GatewayServiceEvent =
  | { readonly service: 'dns-tcp'; readonly event: DnsTcpEvent }
  | { readonly service: 'tftp'; readonly event: TftpEvent }
  | { readonly service: 'http'; readonly event: HttpServiceEvent }
  | { readonly service: 'echo' | 'discard'; readonly event: StreamServerEvent };

export interface GatewayServicesView {
  readonly dnsTcp?: DnsTcpView;
  readonly tftp?: TftpView;
  readonly http?: HttpServiceView;
  readonly echo?: SimpleServiceView;
  readonly discard?: SimpleServiceView;
}

/** The services that live on the sockets of a gateway. */
export class GatewayServices {
  readonly #all: readonly Named[];
  readonly #inspect: () => GatewayServicesView;

  constructor(config: GatewayServicesConfig, { sockets, dns }: { readonly sockets: Sockets; readonly dns: DnsServiceConfig }) {
    const dnsTcp = config.dnsTcp && new DnsTcpService({ ...config.dnsTcp, sockets, responder: new DnsResponder(dns) });
    const tftp = config.tftp && new TftpService({ ...config.tftp, sockets });
    const http = config.http && new HttpService({ ...config.http, sockets });
    const echo = config.echo && new EchoService({ ...config.echo, sockets });
    const discard = config.discard && new DiscardService({ ...config.discard, sockets });
    this.#all = [
      named('dns-tcp', dnsTcp),
      named('tftp', tftp),
      named('http', http),
      named('echo', echo),
      named('discard', discard),
    ].filter((one) => one !== undefined);
    this.#inspect = () => ({
      ...(dnsTcp && { dnsTcp: dnsTcp.inspect() }),
      ...(tftp && { tftp: tftp.inspect() }),
      ...(http && { http: http.inspect() }),
      ...(echo && { echo: echo.inspect() }),
      ...(discard && { discard: discard.inspect() }),
    });
  }

  run(now: Millis): void {
    for (const { service } of this.#all) service.run(now);
  }

  pollEvent(): GatewayServiceEvent | undefined {
    for (const { name, service } of this.#all) {
      const event = service.pollEvent();
      if (event !== undefined) return { service: name, event } as GatewayServiceEvent;
    }
    return undefined;
  }

  nextTimeout(): Millis {
    let next = NEVER;
    for (const { service } of this.#all) next = Math.min(next, service.nextTimeout());
    return next;
  }

  inspect(): GatewayServicesView {
    return this.#inspect();
  }
}

interface Named {
  readonly name: GatewayServiceEvent['service'];
  readonly service: SocketService<unknown>;
}

function named(name: Named['name'], service: SocketService<unknown> | undefined): Named | undefined {
  return service && { name, service };
}
