// `npm run test-os`: boots the guest and judges it.
import { runHarness } from './harness.mjs';

runHarness('test-os');
