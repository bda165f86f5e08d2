import { connect } from 'node:net';
import type { Clock } from '#base';
import { describe, type ProbeResult } from './http.ts';

/** Success when a connection opens. */
export function tcpSocket(host: string, port: number, timeoutMs: number, clock: Clock): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: ProbeResult): void => {
      timer.cancel();
      socket.destroy();
      resolve(result);
    };
    const timer = clock.after(timeoutMs, () => finish({ ok: false, output: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('connect', () => finish({ ok: true, output: '' }));
    socket.once('error', (error) => finish({ ok: false, output: describe(error, { hostname: host, port }).message }));
  });
}
