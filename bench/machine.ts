import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What a figure can't be read without: where and when it was taken, and of what. */
export function describeMachine(root: string, { loadBefore }: { readonly loadBefore: number }): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const load = `load average ${loadBefore.toFixed(1)} before, ${currentLoad().toFixed(1)} after`;
  const system = `${type()} ${release()}, Node ${process.versions.node}`;
  const day = new Date().toISOString().slice(0, 16).replace('T', ' ');
  return `${day} UTC, ${commit(root)}; ${processors.length} × ${model}, ${memory}, ${system}; ${load}.`;
}

/** Programs that want to run, over the last minute; 0 where the system doesn't say. */
export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

function commit(root: string): string {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const hash = git('rev-parse', '--short=12', 'HEAD');
  if (hash === undefined) return 'no commit';
  const changed = git('status', '--porcelain', '--', 'packages/*/src') !== '';
  return `commit ${hash}${changed ? ' with uncommitted changes in packages' : ''}`;
}
