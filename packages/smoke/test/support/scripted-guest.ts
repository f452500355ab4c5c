import type { GuestDefinition, GuestSink, StartGuest } from '../../src/index.js';

/** A guest that is a function: it says and sends what it likes, on the real clock, without a process. */
export function scriptedGuest(
  act: (sink: GuestSink) => void,
  { start, stop = () => Promise.resolve() }: { readonly start?: StartGuest; readonly stop?: () => Promise<void> } = {},
): GuestDefinition {
  return {
    name: 'scripted',
    description: 'a function in place of a machine',
    capabilities: new Set(['static-address', 'ping', 'dhcp']),
    lanes: { REQUIRE_QEMU_DHCP: 'dhcp-lease' },
    answers: 'always',
    script: () => [],
    rules: () => [],
    panics: [],
    start:
      start ??
      (async ({ sink }) => {
        setImmediate(() => act(sink));
        return { sendFrame: () => {}, sendConsole: () => {}, argv: ['scripted'], versions: {}, stop };
      }),
  };
}

/** What the guest says on its console. */
export function say(sink: GuestSink, text: string): void {
  sink.console(new TextEncoder().encode(text));
}

/** The shortest run that passes: the program runs, and nothing more is asked (`RUN_PHASE=boot`). */
export const BOOTS: GuestDefinition = scriptedGuest((sink) => say(sink, 'netstackd: ready\n'));
