import fc from 'fast-check';
import './equal-octets.js';

// The host proof tries the same cases every time: a red run is red again. NEXUS_SEED moves the sample; the long suite tries many.
fc.configureGlobal({ seed: Number(process.env['NEXUS_SEED'] ?? '1') });
