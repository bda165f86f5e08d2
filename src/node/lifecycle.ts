import { sleep, type Clock } from '#base';
import type { V1LifecycleHandler } from '#kinds';
import { httpAction, resolvePort, type ProbeTarget } from './probes/run.ts';
import { tcpSocket } from './probes/tcp.ts';
import type { Probing, Runtime } from './runtime.ts';

const hookTimeoutMs = 600_000;

/** Runs a postStart or preStop hook. Rejects with a text for the event when it fails. */
export async function runHook(
  hook: V1LifecycleHandler,
  target: ProbeTarget,
  runtime: Runtime & Partial<Probing>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  if (hook.sleep) return sleep(clock, hook.sleep.seconds * 1000, signal);
  if (runtime.probe) {
    const result = runtime.probe(target.containerId, 'hook');
    if (!result.ok) throw new Error(result.output);
    return;
  }
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const result = await runtime.containers.exec(target.containerId, command, hookTimeoutMs);
    if (result.exitCode !== 0) throw new Error(`command '${command.join(' ')}' exited with ${result.exitCode}: ${result.output}`);
    return;
  }
  if (hook.httpGet) {
    const result = await httpAction(hook.httpGet, target, hookTimeoutMs, clock);
    if (!result.ok) throw new Error(result.output);
    return;
  }
  if (hook.tcpSocket) {
    const port = resolvePort(target.container, hook.tcpSocket.port);
    const result =
      port === undefined
        ? { ok: false, output: `couldn't find port: ${hook.tcpSocket.port}` }
        : await tcpSocket(hook.tcpSocket.host || target.podIP, port, hookTimeoutMs, clock);
    if (!result.ok) throw new Error(result.output);
    return;
  }
  throw new Error('invalid handler: none of exec, httpGet, sleep is set');
}
