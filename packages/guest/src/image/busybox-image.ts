import { buildLinuxImage, type LinuxImage } from './linux-image.js';
import { type DebianParts, unpackBusybox, unpackKernel } from './nexus-image.js';

/** What the guest prints when it waits for a command line. */
export const BUSYBOX_PROMPT = 'linux> ';

/**
 * Debian's cloud kernel with its own IPv4, and busybox: a shell on the first serial line that reads one command line after another and echoes
 * it, with `/bin/lease` for `udhcpc`. Throws `PackageError` where a package can't be had.
 */
export async function buildBusyboxImage({ cache }: DebianParts): Promise<LinuxImage> {
  const busybox = await unpackBusybox(cache);
  return buildLinuxImage(cache, {
    name: 'busybox',
    kernel: await unpackKernel(cache),
    busybox: busybox.program,
    modules: ['virtio_pci', 'virtio_net'],
    init: INIT,
    files: [
      { type: 'file', path: 'bin/lease', bytes: new TextEncoder().encode(LEASE), mode: 0o755 },
      { type: 'file', path: 'etc/resolv.conf', bytes: new Uint8Array(0) },
    ],
    versions: { busybox: busybox.version },
  });
}

/** `read` gets whole lines from a serial line in its usual mode, which echoes them: what was run stands in the log beside what it said. */
const INIT = `/bin/busybox --install -s /bin
ip link set lo up
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
while printf '${BUSYBOX_PROMPT}' && read -r line; do eval "$line"; done`;

/** What `udhcpc` calls. It speaks of a lease only when the interface, the route and the resolver have taken it. */
const LEASE = `#!/bin/sh
case "$1" in
  deconfig) ip address flush dev $interface ;;
  bound | renew)
    ip address flush dev $interface
    ip address add $ip/$mask dev $interface && ip route add default via $router &&
      echo "nameserver $dns" > /etc/resolv.conf && echo "lease: $ip/$mask gw=$router"
    ;;
esac
`;
