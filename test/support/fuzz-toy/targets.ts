/** Everything that the tests fuzz, in one module: bundling and instrumenting it is the dearest part of these tests. */
export { forgetful, greedy, quadratic, readToy, stuck } from './toy.js';
