import type { ProbeResult } from '@nexus-net/qemu';

/** What is not installed, and the one command that installs it. */
export function missingMessage(probe: Extract<ProbeResult, { ok: false }>): string {
  const lines = probe.missing.map(({ message }) => `  ${message}`);
  return ['something that the guest needs is missing:', ...lines, ...installHint(probe.packages)].join('\n');
}

/** The command that installs these Debian packages. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get update && apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
}

function installHint(packages: readonly string[]): readonly string[] {
  return packages.length === 0 ? [] : ['To install it, as root:', `  ${installCommand(packages)}`];
}
