import { Resolver } from 'node:dns/promises';
import type { Millis } from '@nexus-net/sansio';
import { Refusal } from '../refusal.js';
import type { RunRequest } from '../request.js';
import { missingForTap } from './far-end.js';

/** The name that a guest's DNS proof asks for. */
const PROOF_NAME = 'localhost';

export interface WireCheckOptions {
  /** Asks this machine's resolver for the IPv4 addresses of a name; rejects where it has none. */
  readonly resolve?: (name: string) => Promise<unknown>;
}

/**
 * What can't be shown with the wire of this request, found out before anything boots: a weaker proof is not given in silence. Throws
 * {@link Refusal}.
 */
export async function checkWire(
  { wire = 'embedded', profile, dhcpServer, faults }: RunRequest,
  options: WireCheckOptions = {},
): Promise<void> {
  if (wire !== 'embedded' && faults !== undefined)
    throw new Refusal(`the cable of --wire ${wire} is not ours: it can be made bad, or pulled, with --wire embedded only.`);
  if (wire === 'tap') {
    const refusal = missingForTap();
    if (refusal !== undefined) throw refusal;
  }
  if (wire !== undefined && wire !== 'embedded' && profile.capabilities.includes('fetch')) {
    throw new Refusal(
      `the profile ${profile.name} fetches a file from the gateway, and only that of the wire embedded has one: use --wire embedded.`,
    );
  }
  if (wire !== 'user') return;
  if (!dhcpServer) {
    throw new Refusal(
      '--no-dhcp-server needs a wire whose server can be taken away, and QEMU’s user network always leases: use --wire embedded or tap.',
    );
  }
  if (!profile.capabilities.includes('dns')) return;
  const { resolve = askResolver } = options;
  await resolve(PROOF_NAME).catch((error: NodeJS.ErrnoException) => {
    throw new Refusal(
      `the profile ${profile.name} demands DNS, QEMU’s user network hands queries to the resolver of this machine, and that has no address for ‘${PROOF_NAME}’ (${error.code ?? error.message}): use --wire embedded or tap.`,
    );
  });
}

/** The servers of `/etc/resolv.conf`, as QEMU asks them; not `/etc/hosts`, which it does not read. */
function askResolver(name: string): Promise<unknown> {
  return new Resolver({ timeout: RESOLVE_MS, tries: 2 }).resolve4(name);
}

const RESOLVE_MS: Millis = 1_500;
