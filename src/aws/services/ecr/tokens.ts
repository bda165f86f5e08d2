import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs what clients carry for us, with a key of the instance that outlives its process. */
export interface Sealer {
  seal(content: object): string;
  /** Undefined: we did not seal it. */
  open(text: string): unknown;
}

/** Text of a seal: the content in base64url, a dot, and its HMAC. What is sealed can be read by who has it, and not be changed. */
export function createSealer(key: Uint8Array, purpose: string): Sealer {
  const mark = (body: string): Buffer => createHmac('sha256', key).update(`${purpose}\n${body}`).digest();
  return {
    seal(content) {
      const body = Buffer.from(JSON.stringify(content)).toString('base64url');
      return `${body}.${mark(body).toString('base64url')}`;
    },
    open(text) {
      const [body = '', given = '', ...more] = text.split('.');
      const [expected, actual] = [mark(body), Buffer.from(given, 'base64url')];
      if (more.length > 0 || actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined;
      return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as unknown;
    },
  };
}

/** What the password of a login says. The credentials are looked up at every request: a deleted key ends its logins. */
export interface LoginToken {
  readonly use: 'login';
  readonly accessKeyId: string;
  readonly sessionToken?: string | undefined;
  readonly account: string;
  readonly region: string;
  /** ms since the epoch. */
  readonly expires: number;
}
/** A URL that gives one layer to who has it. */
export interface LayerToken {
  readonly use: 'layer';
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
  readonly expires: number;
}
export function openToken<T extends LoginToken | LayerToken>(sealer: Sealer, text: string, use: T['use']): T | undefined {
  const content = sealer.open(text);
  return typeof content === 'object' && content !== null && (content as { use?: unknown }).use === use ? (content as T) : undefined;
}
