import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Secret } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, required } from '../support/errors.ts';
import { typeChanged, validateData, validateImmutable } from './data.ts';

const has = (secret: V1Secret, key: string): boolean => secret.data?.[key] !== undefined;

function validJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString());
    return true;
  } catch {
    return false;
  }
}

/** The keys that the well-known types of secrets must have. */
function validateType(secret: V1Secret): FieldError[] {
  const missing = (...keys: string[]): FieldError[] => keys.filter((key) => !has(secret, key)).map((key) => required(`data[${key}]`));
  const parsed = (key: string): FieldError[] =>
    has(secret, key) && !validJson(secret.data![key]!) ? [invalidValue(`data[${key}]`, '<secret contents redacted>', 'invalid character in JSON')] : [];
  switch (secret.type) {
    case 'kubernetes.io/service-account-token':
      return secret.metadata?.annotations?.['kubernetes.io/service-account.name'] ? [] : [required('metadata.annotations[kubernetes.io/service-account.name]')];
    case 'kubernetes.io/dockercfg':
      return [...missing('.dockercfg'), ...parsed('.dockercfg')];
    case 'kubernetes.io/dockerconfigjson':
      return [...missing('.dockerconfigjson'), ...parsed('.dockerconfigjson')];
    case 'kubernetes.io/basic-auth':
      return has(secret, 'username') || has(secret, 'password') ? [] : missing('username', 'password');
    case 'kubernetes.io/ssh-auth':
      return secret.data?.['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')];
    case 'kubernetes.io/tls':
      return missing('tls.crt', 'tls.key');
    default:
      return [];
  }
}

export const Secret: Kind<V1Secret> = defineKind<V1Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  schema: 'V1Secret',
  columns: [
    nameColumn,
    column('Type', 'string', 'Used to facilitate programmatic handling of secret data.', (secret) => secret.type),
    column('Data', 'string', 'Data contains the secret data.', (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
  selectableFields: { type: (secret) => secret.type ?? '' },
  defaults(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    const data = (secret.data ??= {});
    for (const key in secret.stringData) data[key] = Buffer.from(secret.stringData[key]!).toString('base64');
    delete secret.stringData;
  },
  validate: (secret, old) => [
    ...validateData(secret, true),
    ...validateType(secret),
    ...(old ? typeChanged(secret.type, old.type) : []),
    ...validateImmutable(secret, old),
  ],
});
