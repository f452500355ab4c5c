// `npm run conformance [-- DIR] [--json]`
import { loadMain, ROOT } from '../scripts/bundle.mjs';

process.setSourceMapsEnabled(true);
const { main } = await loadMain('conformance');
process.exitCode = await main(process.argv.slice(2), ROOT);
