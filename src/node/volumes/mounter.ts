import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Mounter } from './plugin.ts';

const run = promisify(execFile);

/** Mounts of the real host, by mount(8) and umount(8). Needs root. */
export const hostMounter: Mounter = {
  async tmpfs(dir, sizeBytes) {
    await run('mount', ['-t', 'tmpfs', '-o', `mode=0777${sizeBytes === undefined ? '' : `,size=${sizeBytes}`}`, 'tmpfs', dir]);
  },
  async unmount(dir) {
    await run('umount', [dir]).catch(() => run('umount', ['-l', dir]));
  },
  async below(dir) {
    const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
    const points = text.split('\n').map((line) => unescape(line.split(' ')[4] ?? ''));
    return points.filter((p) => p === dir || p.startsWith(`${dir}/`)).sort((a, b) => b.length - a.length);
  },
};
/** mountinfo writes blanks and backslashes as octal. */
const unescape = (text: string): string => text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
