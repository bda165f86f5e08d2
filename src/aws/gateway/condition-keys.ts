import type { BareCall } from './call.ts';

/** The global condition keys of a call, by lower-case name (IAM user guide, AWS global condition context keys). */
export function globalKeys(call: BareCall, tags: Readonly<Record<string, string>>): Map<string, readonly string[]> {
  const { caller, source, clock } = call;
  const now = clock.now();
  const keys = new Map<string, readonly string[]>();
  const set = (name: string, value: string | undefined): void => void (value !== undefined && value !== '' && keys.set(name, [value]));
  set('aws:sourceip', source.ip);
  set('aws:securetransport', String(source.secure));
  set('aws:useragent', source.userAgent);
  set('aws:currenttime', new Date(now).toISOString());
  set('aws:epochtime', String(Math.floor(now / 1000)));
  set('aws:requestedregion', call.region);
  set('aws:principalarn', caller.roleArn ?? caller.arn);
  set('aws:principalaccount', caller.account);
  set('aws:userid', caller.userId);
  set('aws:principalisawsservice', 'false');
  set('aws:viaawsservice', 'false');
  set('aws:principaltype', principalTypes[caller.type]);
  if (caller.type === 'user') set('aws:username', caller.arn.slice(caller.arn.lastIndexOf('/') + 1));
  const { session } = caller;
  if (session) {
    set('aws:tokenissuetime', new Date(session.issued).toISOString());
    set('aws:multifactorauthpresent', String(session.mfaAt !== undefined));
    if (session.mfaAt !== undefined) set('aws:multifactorauthage', String(Math.floor((now - session.mfaAt) / 1000)));
    for (const [name, value] of Object.entries(session.keys ?? {})) set(name.toLowerCase(), value);
  }
  for (const [name, value] of Object.entries(tags)) set(`aws:principaltag/${name.toLowerCase()}`, value);
  return keys;
}
const principalTypes = {
  user: 'User',
  role: 'AssumedRole',
  root: 'Account',
  service: 'AWSService',
  federated: 'FederatedUser',
  anonymous: 'Anonymous',
} as const;
