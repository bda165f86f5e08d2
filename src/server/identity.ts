import { openPki, type Issued, type Pki } from '#apiserver/entrance';
import { systemClock } from '#base';
import type { Paths } from './paths.ts';

export { Door } from '#apiserver/entrance';

/** What the API server shows and is shown. A file of its own, because it is there before most of the program is loaded. */
export interface Identity {
  readonly pki: Pki;
  readonly serving: Issued;
  readonly admin: Issued;
  readonly proxyClient: Issued;
}

const administrator = { commonName: 'batuta-admin', organizations: ['system:masters'] };

/** Loads the certificates of an instance and makes what is missing; `names` are those the API is reached by. */
export async function openIdentity(paths: Paths, names: readonly string[]): Promise<Identity> {
  const pki = await openPki(paths.pki, systemClock);
  const [serving, admin, proxyClient] = await Promise.all([pki.server('apiserver', names), pki.client('admin', administrator), pki.proxyClient()]);
  return { pki, serving, admin, proxyClient };
}
