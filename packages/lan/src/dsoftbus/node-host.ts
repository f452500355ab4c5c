import type { NodeMachine } from '@nexus-net/dsoftbus';
import { HostSockets, type SocketMachine, type StackEvent } from '@nexus-net/net-os';
import { type FrameMachine, type Ipv4Address, type Millis, Queue } from '@nexus-net/sansio';
import { NodeService, type NodeServiceLimits } from './node-service.js';

/** A host that can join groups: `Host` and `Netstackd` of net-os. */
export interface GroupHost<HostEvent> extends SocketMachine<HostEvent> {
  joinGroup(now: Millis, group: Ipv4Address): void;
}

/** What a node tells. */
export type NodeEventOf<Node> = Node extends NodeMachine<infer Event> ? Event : never;

export interface NodeHostConfig<Node extends NodeMachine<unknown>, HostEvent> extends Partial<NodeServiceLimits> {
  readonly node: Node;
  readonly host: GroupHost<HostEvent>;
  /** What of an event is the stack's own; `hostEventOf` for `Netstackd`. Default: all of it. */
  readonly hostEvent?: (event: HostEvent) => StackEvent | undefined;
}

export type NodeHostEvent<NodeEvent, HostEvent> =
  | { readonly type: 'node'; readonly event: NodeEvent }
  /** What the host tells and no socket of the node took. */
  | { readonly type: 'host'; readonly event: HostEvent };

/**
 * A DSoftBus node on a host: Ethernet frames and time in, frames out. The whole of what one machine on the bus is, for the simulator, behind
 * a network card of QEMU, and in a guest.
 *
 * Commands of the application go through {@link act}, so that host and node know the time and what the node wants to send is sent.
 */
export class NodeHost<Node extends NodeMachine<unknown>, HostEvent>
  implements FrameMachine<NodeHostEvent<NodeEventOf<Node>, HostEvent>>
{
  readonly node: Node;
  readonly sockets: HostSockets<HostEvent>;
  readonly service: NodeService<NodeEventOf<Node>>;
  readonly #events = new Queue<NodeHostEvent<NodeEventOf<Node>, HostEvent>>(EVENT_COUNT_MAX);

  constructor({ node, host, hostEvent, ...limits }: NodeHostConfig<Node, HostEvent>) {
    this.node = node;
    this.sockets = new HostSockets(host, hostEvent === undefined ? {} : { hostEvent });
    const joinGroup = (now: Millis, group: Ipv4Address): void => host.joinGroup(now, group);
    this.service = new NodeService<NodeEventOf<Node>>({
      ...limits,
      node: node as NodeMachine<NodeEventOf<Node>>,
      sockets: this.sockets,
      joinGroup,
    });
  }

  /** Calls `command` with the node at `now`, and carries out what the node wants done. */
  act<T>(now: Millis, command: (node: Node, now: Millis) => T): T {
    this.handleTimeout(now);
    const result = command(this.node, this.sockets.now);
    this.#run();
    return result;
  }

  handleFrame(now: Millis, frame: Uint8Array): void {
    this.sockets.handleFrame(now, frame);
    this.#run();
  }

  handleTimeout(now: Millis): void {
    this.sockets.handleTimeout(now);
    this.#run();
  }

  pollTransmit(): Uint8Array | undefined {
    return this.sockets.pollTransmit();
  }

  pollEvent(): NodeHostEvent<NodeEventOf<Node>, HostEvent> | undefined {
    return this.#events.shift();
  }

  nextTimeout(): Millis {
    return Math.min(this.sockets.nextTimeout(), this.service.nextTimeout());
  }

  #run(): void {
    this.service.run(this.sockets.now);
    for (let event = this.sockets.pollEvent(); event !== undefined; event = this.sockets.pollEvent())
      this.#events.push({ type: 'host', event });
    for (let event = this.service.pollEvent(); event !== undefined; event = this.service.pollEvent())
      this.#events.push({ type: 'node', event });
  }
}

const EVENT_COUNT_MAX = 65_536;
