import type { Clock } from '#base';
import type { V1Container, V1HTTPGetAction, V1Probe } from '#kinds';
import type { Probing, Runtime } from '../runtime.ts';
import { grpcCheck } from './grpc.ts';
import { httpGet, type ProbeResult } from './http.ts';
import { tcpSocket } from './tcp.ts';

export interface ProbeTarget {
  container: V1Container;
  containerId: string;
  podIP: string;
}

/** A named or numeric port of a container; undefined when there is no such name. */
export function resolvePort(container: V1Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  return container.ports?.find((p) => p.name === port)?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

/** Runs one probe once. Never rejects. */
export async function runProbe(
  kind: 'startup' | 'readiness' | 'liveness',
  probe: V1Probe,
  target: ProbeTarget,
  runtime: Runtime & Partial<Probing>,
  clock: Clock,
): Promise<ProbeResult> {
  if (runtime.probe) return runtime.probe(target.containerId, kind);
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await execProbe(probe.exec.command ?? [], target, runtime, timeoutMs);
    if (probe.httpGet) return await httpAction(probe.httpGet, target, timeoutMs, clock);
    if (probe.tcpSocket) {
      const port = resolvePort(target.container, probe.tcpSocket.port);
      return port === undefined ? noPort(probe.tcpSocket.port) : await tcpSocket(probe.tcpSocket.host || target.podIP, port, timeoutMs, clock);
    }
    if (probe.grpc) return await grpcCheck(target.podIP, probe.grpc.port, probe.grpc.service ?? '', timeoutMs, clock);
    return { ok: false, output: 'missing probe handler' };
  } catch (error) {
    return { ok: false, output: error instanceof Error ? error.message : String(error) };
  }
}
const noPort = (port: number | string): ProbeResult => ({ ok: false, output: `couldn't find port: ${port}` });

async function execProbe(command: readonly string[], target: ProbeTarget, runtime: Runtime, timeoutMs: number): Promise<ProbeResult> {
  const result = await runtime.containers.exec(target.containerId, command, timeoutMs);
  if (result.timedOut) return { ok: false, output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s` };
  return { ok: result.exitCode === 0, output: result.output };
}
export async function httpAction(action: V1HTTPGetAction, target: ProbeTarget, timeoutMs: number, clock: Clock): Promise<ProbeResult> {
  const port = resolvePort(target.container, action.port);
  if (port === undefined) return noPort(action.port);
  return httpGet(
    { host: action.host || target.podIP, port, path: action.path ?? '/', scheme: action.scheme ?? 'HTTP', headers: action.httpHeaders ?? [], timeoutMs },
    clock,
  );
}
