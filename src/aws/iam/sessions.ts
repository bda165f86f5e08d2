import type { Caller, SessionFacts } from '../gateway/call.ts';
import { newAccessKeyId, newSecret, type Sealer } from './keys.ts';

/** Temporary credentials: the token holds all that is known of them, so nothing of them is stored. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}
interface Sealed {
  readonly secret: string;
  readonly caller: Caller;
}

/** Credentials for a caller; `session.expires` says until when. */
export function issueSession(sealer: Sealer, caller: Omit<Caller, 'accessKeyId'>, session: SessionFacts): SessionCredentials {
  const accessKeyId = newAccessKeyId('ASIA', caller.account);
  const secret = newSecret();
  const sealed: Sealed = { secret, caller: { ...caller, accessKeyId, session } };
  return { accessKeyId, secretAccessKey: secret, sessionToken: sealer.seal(JSON.stringify(sealed)), expiration: new Date(session.expires) };
}

const opened = new Map<string, Sealed>();
const most = 2000;
/** What a token says; undefined when it is not ours or not that key's. */
export function openSession(sealer: Sealer, accessKeyId: string, token: string): Sealed | undefined {
  let found = opened.get(token);
  if (!found) {
    const text = sealer.open(token);
    if (text === undefined) return undefined;
    found = JSON.parse(text) as Sealed;
    if (opened.size >= most) opened.delete(opened.keys().next().value as string);
    opened.set(token, found);
  }
  return found.caller.accessKeyId === accessKeyId ? found : undefined;
}
