// `npm run mutation`: changes the sources one small mutant at a time, and sees whether a test notices.
import { main } from './mutation/main.mjs';

process.exitCode = await main(process.argv.slice(2));
