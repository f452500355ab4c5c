// `npm run fuzz`
import { loadMain, ROOT } from './bundle.mjs';

process.setSourceMapsEnabled(true);
const { main } = await loadMain('scripts/fuzz');
process.exitCode = await main(process.argv.slice(2), ROOT);
