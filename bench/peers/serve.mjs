import { createInterface } from 'node:readline';

/**
 * The side of a peer in the conversation that README.md describes.
 *
 * `cases` holds a function for each case: it takes the parameters of a `prepare` and returns what does the work `count` times,
 * at once or as a promise. What it throws becomes the `error` of the answer.
 */
export async function serve(cases) {
  const prepared = [];
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    let answer;
    try {
      const request = JSON.parse(line);
      if ('prepare' in request) {
        const make = cases[request.prepare];
        if (make === undefined) throw new Error(`no case ${request.prepare}`);
        const run = await make(request.params ?? {});
        await run(1);
        answer = { id: prepared.push(run) - 1 };
      } else answer = await measure(prepared[request.run], request.count);
    } catch (error) {
      answer = { error: `${error}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** Anything that a case returns ends here, so that no compiler can leave the work out. */
export let sink = 0;

async function measure(run, count) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const result = run(count);
  sink ^= result instanceof Promise ? await result : result;
  const wall = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) * 1e3, wall };
}
