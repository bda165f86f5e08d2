import { connect } from 'node:http2';
import type { Clock } from '#base';
import type { ProbeResult } from './http.ts';

/** grpc.health.v1.Health/Check over cleartext HTTP/2, without a gRPC library: one message each way. */
export function grpcCheck(host: string, port: number, service: string, timeoutMs: number, clock: Clock): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const session = connect(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
    let done = false;
    const finish = (result: ProbeResult): void => {
      if (done) return;
      done = true;
      timer.cancel();
      session.destroy();
      resolve(result);
    };
    const timer = clock.after(timeoutMs, () =>
      finish({ ok: false, output: `timeout: failed to connect service "${host}:${port}" within ${timeoutMs / 1000}s: context deadline exceeded` }),
    );
    session.on('error', (error) => finish({ ok: false, output: `error: failed to connect service at "${host}:${port}": ${error.message}` }));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    const chunks: Buffer[] = [];
    let status: string | undefined;
    stream.on('response', (headers) => (status = header(headers['grpc-status'])));
    stream.on('trailers', (headers) => (status = header(headers['grpc-status'])));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => finish({ ok: false, output: `error: health rpc probe failed: ${error.message}` }));
    stream.on('end', () => setImmediate(() => finish(verdict(status, Buffer.concat(chunks)))));
    stream.end(frame(service));
  });
}
const header = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** HealthCheckRequest { string service = 1 } in a gRPC frame. */
export function frame(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
function varint(n: number): Buffer {
  const out: number[] = [];
  for (let rest = n; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...out, rest]);
    out.push((rest & 0x7f) | 0x80);
  }
}
/** HealthCheckResponse { ServingStatus status = 1 }: 1 is SERVING. */
function verdict(status: string | undefined, body: Buffer): ProbeResult {
  if (status !== '0' && status !== undefined) return { ok: false, output: `error: health rpc probe failed with grpc-status ${status}` };
  const serving = body.length >= 7 && body[5] === 0x08 ? body[6] : 0;
  if (serving === 1) return { ok: true, output: 'service healthy' };
  return { ok: false, output: `service unhealthy (responded with "${['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'][serving ?? 0] ?? serving}")` };
}
