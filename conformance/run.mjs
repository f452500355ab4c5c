// `npm run conformance [-- DIR] [--json]`
import { loadMain, ROOT } from '../scripts/bundle.mjs';

process.setSourceMapsEnabled(true);
const { commandLine } = await loadMain('conformance');
process.exitCode = await commandLine(process.argv.slice(2), ROOT);
