import { Namespace } from '../../packages/host/test/peers/support/namespace.js';

/** Two namespaces with a cable between them: the server under load in one, the load in the other. Nothing of this machine is in them. */
export class Link {
  readonly server: Namespace;
  readonly load: Namespace;

  private constructor(server: Namespace, load: Namespace) {
    this.server = server;
    this.load = load;
  }

  static async make(): Promise<Link> {
    const server = await Namespace.make();
    const load = await Namespace.make();
    await server.ip(`link add ${DEVICE} type veth peer name ${DEVICE} netns ${load.name}`);
    await server.ip(`addr add ${SERVER}/16 broadcast + dev ${DEVICE}`, `link set ${DEVICE} up`);
    await load.ip(`addr add ${LOAD}/16 broadcast + dev ${DEVICE}`, `link set ${DEVICE} up`);
    return new Link(server, load);
  }

  async remove(): Promise<void> {
    await this.server.remove();
    await this.load.remove();
  }
}

export const DEVICE = 'eth0';
export const SERVER = '10.77.0.1';
/** perfdhcp plays a relay at this address: it has one socket, and its clients have none. */
export const LOAD = '10.77.0.2';
