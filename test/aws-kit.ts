import { createHash, createHmac } from 'node:crypto';

export interface SignOptions {
  readonly port: number;
  readonly service: string;
  readonly body: string;
  readonly key?: string;
  readonly secret?: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Headers of a signed POST of a form to `/`, made without the SDKs: for calls by the thousand. */
export function signed({ port, service, body, key = 'test', secret = 'test' }: SignOptions): { headers: Record<string, string>; now: number } {
  const now = Date.now();
  const date = new Date(now).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const type = 'application/x-www-form-urlencoded';
  const [host, hash, day] = [`127.0.0.1:${port}`, sha256(body), date.slice(0, 8)];
  const names = 'content-type;host;x-amz-content-sha256;x-amz-date';
  const canonical = `POST\n/\n\ncontent-type:${type}\nhost:${host}\nx-amz-content-sha256:${hash}\nx-amz-date:${date}\n\n${names}\n${hash}`;
  const scope = `${day}/us-east-1/${service}/aws4_request`;
  const signing = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), 'us-east-1'), service), 'aws4_request');
  const signature = hmac(signing, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${key}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return {
    headers: { 'content-type': type, host, 'x-amz-content-sha256': hash, 'x-amz-date': date, authorization, 'content-length': String(Buffer.byteLength(body)) },
    now,
  };
}
