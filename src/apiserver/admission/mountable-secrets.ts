import type { KubeObject } from '#machinery';

interface Container {
  readonly name?: string;
  readonly env?: readonly { readonly name?: string; readonly valueFrom?: { readonly secretKeyRef?: { readonly name?: string } } }[];
  readonly envFrom?: readonly { readonly secretRef?: { readonly name?: string } }[];
}
interface Pod extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly { readonly secret?: { readonly secretName?: string } }[];
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly imagePullSecrets?: readonly { readonly name?: string }[];
  };
}
interface ServiceAccount extends KubeObject {
  readonly secrets?: readonly { readonly name?: string }[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}
const annotation = 'kubernetes.io/enforce-mountable-secrets';

/** Why a pod may not use a Secret that its ServiceAccount does not list; undefined when it may, or the account does not insist. */
export function unlistedSecret(pod: KubeObject, account: KubeObject): string | undefined {
  if (!/^(1|t|true)$/i.test(account.metadata?.annotations?.[annotation] ?? '')) return undefined;
  const { spec } = pod as Pod;
  const { secrets, imagePullSecrets } = account as ServiceAccount;
  const listed = new Set(secrets?.map(({ name }) => name));
  const name = account.metadata?.name ?? '';
  const unlisted = (what: string): string => `${what} is not allowed because service account ${name} does not reference that secret`;
  for (const { secret } of spec?.volumes ?? []) {
    const used = secret?.secretName;
    if (used !== undefined && !listed.has(used)) return unlisted(`volume with secret.secretName="${used}"`);
  }
  const inContainers = unlistedIn(spec?.initContainers, 'init container', listed) ?? unlistedIn(spec?.containers, 'container', listed);
  if (inContainers !== undefined) return unlisted(inContainers);
  const pull = new Set(imagePullSecrets?.map((one) => one.name));
  const at = spec?.imagePullSecrets?.findIndex((one) => !pull.has(one.name)) ?? -1;
  if (at < 0) return undefined;
  return `imagePullSecrets[${at}].name="${spec?.imagePullSecrets?.[at]?.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`;
}

function unlistedIn(containers: readonly Container[] = [], what: string, listed: ReadonlySet<string | undefined>): string | undefined {
  for (const { name, env = [], envFrom = [] } of containers) {
    for (const variable of env) {
      const used = variable.valueFrom?.secretKeyRef?.name;
      if (used !== undefined && !listed.has(used)) return `${what} ${name} with envVar ${variable.name} referencing secret.secretName="${used}"`;
    }
    for (const { secretRef } of envFrom)
      if (secretRef && !listed.has(secretRef.name)) return `${what} ${name} with envFrom referencing secret.secretName="${secretRef.name ?? ''}"`;
  }
  return undefined;
}
