import { readdirSync, readFileSync } from 'node:fs';

/** What /proc tells of a process. A process is identified by pid and start time: pids are used again. */
export interface ProcessInfo {
  pid: number;
  ppid: number;
  /** Clock ticks since boot. */
  startTime: number;
  args: string[];
}

/** Undefined when there is no such process, or only its zombie. */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return { pid, ppid: Number(fields[1]), startTime: Number(fields[19]), args };
  } catch {
    return undefined;
  }
}

export function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processInfo(Number(name)))
    .filter((info) => info !== undefined);
}

export function isAlive(process: { pid: number; startTime: number }): boolean {
  return processInfo(process.pid)?.startTime === process.startTime;
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(target: { pid: number; startTime: number }, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** The process and everything below it, leaves last. */
export function withDescendants(roots: readonly ProcessInfo[], all: readonly ProcessInfo[]): ProcessInfo[] {
  const found = [...roots];
  for (let i = 0; i < found.length; i++) found.push(...all.filter((p) => p.ppid === (found[i] as ProcessInfo).pid && !found.includes(p)));
  return found;
}

/** CAP_SYS_RESOURCE is bit 24 of the effective set. */
export function hasCapSysResource(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}
