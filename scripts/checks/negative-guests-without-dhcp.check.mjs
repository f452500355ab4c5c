// Third parties' guests, with the DHCP server taken away: each fails in its phase, for that reason.
import { setUpGuest, setUpImage } from '../setup.mjs';
import { done, equal, testOs } from './support.mjs';

for (const guest of ['linux', 'u-boot', 'ipxe']) {
  setUpGuest(guest);
  setUpImage(guest);
  const { code, verdict } = await testOs({ args: ['--guest', guest, '--no-dhcp-server'], env: { REQUIRE_QEMU_DHCP: '1' } });
  equal(`${guest}: exit code`, code, 1);
  equal(`${guest}: phase and cause`, [verdict.failure.phase, verdict.failure.cause], ['dhcp', 'no-dhcp-offer']);
}
done('DHCP server off: linux, u-boot and ipxe failed in phase dhcp, no-dhcp-offer');
