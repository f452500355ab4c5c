import { Lan, type LanConfig, Simulator } from '@nexus-net/lan';
import { Netstackd } from '@nexus-net/net-os';
import { type MacAddress, SeededEntropy } from '@nexus-net/sansio';
import { type Case, measureGroup } from '../harness.js';
import type { Suite } from './suite.js';

/** As many as the gateway has addresses for. */
const STATIONS = 16;

export const NETWORK: Suite = {
  name: 'network',
  about: 'leases through the whole simulated LAN: hosts, cables, switch, gateway',
  run: async ({ progress }) => {
    progress(`${STATIONS} hosts boot`);
    const group = await measureGroup({
      title: `${STATIONS} hosts boot at once, each fetches a lease; the making of the network is part of it`,
      unit: 'lease',
      unitsPerRun: STATIONS,
      cases: [
        bootCase('capture, witnesses and trace', {}, { trace: true }),
        bootCase('capture and witnesses', {}),
        bootCase('neither', { frames: false, witnesses: [] }),
        bootCase('neither, with 20 % loss on every cable', { frames: false, witnesses: [] }, { loss: 0.2 }),
      ],
    });
    return { groups: [group] };
  },
};

const PORTS: readonly string[] = Array.from({ length: STATIONS }, (_, i) => `p${i}`);

function bootCase(
  name: string,
  lan: Partial<LanConfig>,
  { trace = false, loss = 0 }: { readonly trace?: boolean; readonly loss?: number } = {},
): Case {
  let seed = 0;
  return {
    name,
    run: (count) => {
      for (let i = 0; i < count; i++) bootAll(seed++, lan, { trace, loss });
      return seed;
    },
  };
}

function bootAll(
  seed: number,
  config: Partial<LanConfig>,
  { trace, loss }: { readonly trace: boolean; readonly loss: number },
): void {
  const entropy = new SeededEntropy(seed);
  const lan = new Lan({ ...config, entropy, ports: PORTS });
  if (loss > 0) for (const port of PORTS) lan.setLink(0, port, { toSwitch: { loss }, toStation: { loss } });
  const sim = new Simulator({ lan, trace: trace ? {} : { kinds: [] } });
  const up = new Set<string>();
  for (const [i, port] of PORTS.entries()) {
    const mac = (0x525400000000 + i) as MacAddress;
    const machine = new Netstackd({ mac, entropy: entropy.fork(port), policy: { type: 'dhcp-only' }, conflictCheck: false });
    sim.attach({
      port,
      machine,
      boot: (now) => machine.linkUp(now),
      onEvent: (event) => {
        if (event.type === 'interface-up') up.add(port); // also a lease that came after the budget
      },
    });
  }
  sim.run({ until: 3_600_000, stop: () => up.size === STATIONS });
  if (up.size < STATIONS) throw new Error(`seed ${seed}: ${up.size} of ${STATIONS} have a lease`);
}
