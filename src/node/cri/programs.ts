import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findDirectory, findProgram, systemPath } from '#base';
import { RuntimeError } from '../runtime.ts';

const execFileAsync = promisify(execFile);
/** The caller's environment with the system directories on PATH: containerd looks for runc and its shim there. */
export function daemonEnvironment(): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET: _systemd, NODE_EXTRA_CA_CERTS: _node, ...env } = process.env;
  return { ...env, PATH: `${env['PATH'] ?? ''}:${systemPath}` };
}
/** What is missing for real containers on this host, each with how to get it; empty when nothing is. */
export function missingPrograms(): { program: string; fix: string }[] {
  const wanted = [
    ['containerd', 'containerd'],
    ['ctr', 'containerd'],
    ['containerd-shim-runc-v2', 'containerd'],
    ['runc', 'runc'],
    ['umount', 'mount'],
    ['ip', 'iproute2'],
  ] as const;
  const missing = wanted.filter(([program]) => !findProgram(program)).map(([program, debian]) => ({ program: program as string, debian: debian as string }));
  if (!findCniBinDir()) missing.push({ program: 'CNI plugins (ptp, host-local, loopback)', debian: 'containernetworking-plugins' });
  return missing.map(({ program, debian }) => ({
    program,
    fix: `apt-get install ${debian} (Debian, Ubuntu), or the package of your distribution that has it`,
  }));
}
function findCniBinDir(): string | undefined {
  return findDirectory(['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'], ['ptp', 'host-local', 'loopback']);
}
/** Rejects naming all that is missing. */
export function findBinaries(): { containerd: string; cniBinDir: string } {
  const missing = missingPrograms();
  const containerd = findProgram('containerd');
  const cniBinDir = findCniBinDir();
  if (missing.length > 0 || !containerd || !cniBinDir) {
    throw new RuntimeError('unavailable', missing.map(({ program, fix }) => `${program} is missing: ${fix}`).join('; '));
  }
  return { containerd, cniBinDir };
}
export async function containerdMajorVersion(binary: string): Promise<number> {
  const { stdout } = await execFileAsync(binary, ['--version'], { env: daemonEnvironment() });
  const major = /\bv?(\d+)\.\d+\.\d+/.exec(stdout)?.[1];
  if (!major) throw new RuntimeError('unavailable', `containerd tells no version that is understood: ${stdout.trim()}`);
  return Number(major);
}
