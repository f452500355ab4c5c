// `npm run test-os2vm`: boots two guests on one wire and judges them.
import { runHarness } from './harness.mjs';

runHarness('test-os2vm');
