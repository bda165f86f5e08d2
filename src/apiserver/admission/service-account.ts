import { randomSuffix, type Random } from '#base';
import { ApiError, type KubeObject } from '#machinery';
import { referencesOf, type Pod as Referrer } from '../auth/node/references.ts';
import type { AdmissionPlugin, ObjectReader } from '../types.ts';
import { unlistedSecret } from './mountable-secrets.ts';
import { forbidden } from './refusals.ts';

interface Mount {
  name: string;
  mountPath: string;
  readOnly?: boolean;
}
interface Container {
  volumeMounts?: Mount[];
}
interface Pod extends KubeObject {
  spec?: {
    serviceAccountName?: string;
    serviceAccount?: string;
    automountServiceAccountToken?: boolean;
    imagePullSecrets?: { name: string }[];
    containers?: Container[];
    initContainers?: Container[];
    volumes?: { name: string; projected?: { sources?: { serviceAccountToken?: unknown }[] } }[];
  };
}
interface ServiceAccount extends KubeObject {
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: { name: string }[];
}
const mirror = 'kubernetes.io/config.mirror';
/** Where client libraries look for their credentials. */
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour and seven seconds: nodes recognise the value and ask for a longer-lived token. */
const expirationSeconds = 3607;

/** Every pod runs as a ServiceAccount that exists, with its token mounted unless it is unwanted (kube's ServiceAccount admission). */
export function serviceAccount(random: Random): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'ServiceAccount',
    handles: (kind) => kind.group === '' && kind.plural === 'pods',
    start: (given) => void (reader = given),
    mutate({ operation, object, namespace }) {
      const { metadata, spec } = object as Pod;
      if (operation !== 'CREATE' || !spec) return;
      if (metadata?.annotations?.[mirror] !== undefined) return checkMirror(object as Pod & Referrer);
      const name = spec.serviceAccountName || spec.serviceAccount || 'default';
      spec.serviceAccountName = name;
      spec.serviceAccount = name;
      const account: ServiceAccount | undefined = reader.get('', 'serviceaccounts', namespace, name);
      if (!account) throw missing(object, namespace ?? '', name);
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, random);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
        spec.imagePullSecrets = account.imagePullSecrets.map(({ name: secret }) => ({ name: secret }));
    },
    validate(request) {
      const { operation, object, namespace } = request;
      if (operation !== 'CREATE' || object.metadata?.annotations?.[mirror] !== undefined) return;
      const account = reader.get('', 'serviceaccounts', namespace, (object as Pod).spec?.serviceAccountName ?? '');
      const why = account && unlistedSecret(object, account);
      if (why !== undefined) throw forbidden(request, why);
    },
  };
}

/** Whoever makes mirror pods must not get at anybody's credentials by them. */
function checkMirror(pod: Pod & Referrer): void {
  const { metadata, spec } = pod;
  const name = metadata?.name ?? '';
  const refuse = (why: string): ApiError => new ApiError('Forbidden', `pods ${JSON.stringify(name)} is forbidden: ${why}`, { name, kind: 'pods' });
  if (spec?.serviceAccountName) throw refuse('a mirror pod may not reference service accounts');
  if (referencesOf(pod).secrets.size > 0) throw refuse('a mirror pod may not reference secrets');
  if (spec?.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.serviceAccountToken)))
    throw refuse('a mirror pod may not use service account token volume projections');
}

function missing({ metadata }: KubeObject, namespace: string, account: string): ApiError {
  const pod = metadata?.name ?? metadata?.generateName ?? '';
  return new ApiError(
    'Forbidden',
    `pods ${JSON.stringify(pod)} is forbidden: error looking up service account ${namespace}/${account}: serviceaccount ${JSON.stringify(account)} not found`,
    { name: pod, kind: 'pods' },
  );
}

function mountToken(spec: NonNullable<Pod['spec']>, random: Random): void {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const without = containers.filter((container) => !container.volumeMounts?.some((mount) => mount.mountPath === mountPath));
  if (without.length === 0) return;
  const present = spec.volumes?.find(
    (volume) => volume.name.startsWith('kube-api-access-') && volume.projected?.sources?.some((source) => source.serviceAccountToken),
  );
  const name = present?.name ?? `kube-api-access-${randomSuffix(random)}`;
  for (const container of without) container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
  if (!present) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}
function tokenVolume(name: string): NonNullable<NonNullable<Pod['spec']>['volumes']>[number] {
  const sources = [
    { serviceAccountToken: { expirationSeconds, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
  ];
  return { name, projected: { sources, defaultMode: 420 } } as NonNullable<NonNullable<Pod['spec']>['volumes']>[number];
}
