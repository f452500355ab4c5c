import { requireArgument } from '@nexus-net/sansio';

/**
 * The secret that the OS derives from a tag and a port: one octet, the port, and a count. Anybody who knows the formula has it; the
 * OS uses such secrets for everything, ephemerals included (flaw F1).
 */
export function publiclyKnownTestSecret({ tag, port }: { readonly tag: number; readonly port: number }): Uint8Array {
  requireArgument(Number.isInteger(tag) && tag >= 0 && tag <= 0xff, 'tag is an integer 0..255');
  requireArgument(Number.isInteger(port) && port >= 0 && port <= 0xffff, 'port is an integer 0..65535');
  const secret = new Uint8Array(32);
  secret[0] = tag;
  secret[1] = port >>> 8;
  secret[2] = port;
  for (let i = 3; i < secret.length; i++) secret[i] = tag * port + i;
  return secret;
}

/** Which secrets one end of an OS session uses: tag and port. */
export interface PubliclyKnownRole {
  readonly staticKey: { readonly tag: number; readonly port: number };
  readonly ephemeral: { readonly tag: number; readonly port: number };
}

/** The keys of each stack, both ends. */
export const PUBLICLY_KNOWN_TEST_KEYS: PubliclyKnownTestKeys = {
  /** Two machines. */
  crossVm: {
    nodeA: { staticKey: { tag: 0xd0, port: 34567 }, ephemeral: { tag: 0xe0, port: 34567 } },
    nodeB: { staticKey: { tag: 0xd1, port: 34568 }, ephemeral: { tag: 0xe0, port: 34568 } },
  },
  /** Two nodes in one machine, on TCP to itself. */
  dualNode: {
    nodeA: { staticKey: { tag: 0xd0, port: 34568 }, ephemeral: { tag: 0xe0, port: 34568 } },
    nodeB: { staticKey: { tag: 0xd1, port: 34568 }, ephemeral: { tag: 0xe1, port: 34568 } },
  },
  /** The datagram session: selftest-client to dsoftbusd. */
  qd: {
    client: { staticKey: { tag: 0xb0, port: 34567 }, ephemeral: { tag: 0xd0, port: 34567 } },
    server: { staticKey: { tag: 0xa0, port: 34567 }, ephemeral: { tag: 0xc0, port: 34567 } },
  },
};

export interface PubliclyKnownTestKeys {
  readonly crossVm: { readonly nodeA: PubliclyKnownRole; readonly nodeB: PubliclyKnownRole };
  readonly dualNode: { readonly nodeA: PubliclyKnownRole; readonly nodeB: PubliclyKnownRole };
  readonly qd: { readonly client: PubliclyKnownRole; readonly server: PubliclyKnownRole };
}
