// `npm run bench [-- NAME…]`
import { loadMain, ROOT } from '../scripts/bundle.mjs';

const { main, program } = await loadMain('bench');
process.exitCode = await main(process.argv.slice(2), { root: ROOT, program });
