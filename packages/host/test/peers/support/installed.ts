import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs of a peer that are not on this machine, or what else it lacks; `undefined` where everything is there. */
export function missingOf(programs: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return 'Linux';
  if (process.getuid?.() !== 0) return 'root';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun';
  const missing = ['ip', 'unshare', 'setpriv', ...programs].filter((program) => !onPath(program));
  return missing.length === 0 ? undefined : missing.join(', ');
}

function onPath(program: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program)));
}
