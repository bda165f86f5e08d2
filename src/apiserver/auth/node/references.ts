import type { KubeObject } from '#machinery';

type Ref = { name?: string } | undefined;
interface Container {
  env?: { valueFrom?: { secretKeyRef?: Ref; configMapKeyRef?: Ref } }[];
  envFrom?: { secretRef?: Ref; configMapRef?: Ref }[];
}
interface Volume {
  name: string;
  secret?: { secretName?: string };
  configMap?: Ref;
  persistentVolumeClaim?: { claimName?: string };
  ephemeral?: unknown;
  projected?: { sources?: { secret?: Ref; configMap?: Ref; clusterTrustBundle?: unknown }[] };
  azureFile?: { secretName?: string };
  csi?: { nodePublishSecretRef?: Ref };
  cephfs?: { secretRef?: Ref };
  cinder?: { secretRef?: Ref };
  flexVolume?: { secretRef?: Ref };
  iscsi?: { secretRef?: Ref };
  rbd?: { secretRef?: Ref };
  scaleIO?: { secretRef?: Ref };
  storageos?: { secretRef?: Ref };
}
export interface Pod extends KubeObject {
  spec?: {
    nodeName?: string;
    serviceAccountName?: string;
    imagePullSecrets?: Ref[];
    containers?: Container[];
    initContainers?: Container[];
    ephemeralContainers?: Container[];
    volumes?: Volume[];
    resourceClaims?: { name: string; resourceClaimName?: string }[];
  };
  status?: { resourceClaimStatuses?: { name: string; resourceClaimName?: string }[] };
}
/** Names of what a pod refers to in its namespace, by plural. */
export interface References {
  readonly secrets: ReadonlySet<string>;
  readonly configmaps: ReadonlySet<string>;
  readonly persistentvolumeclaims: ReadonlySet<string>;
  readonly resourceclaims: ReadonlySet<string>;
  readonly serviceaccounts: ReadonlySet<string>;
}

const known = new WeakMap<KubeObject, References>();

/** What the node that runs the pod has to read. Found once for each state of a pod. */
export function referencesOf(pod: Pod): References {
  let found = known.get(pod);
  if (!found) known.set(pod, (found = collect(pod)));
  return found;
}

function collect({ metadata, spec = {}, status = {} }: Pod): References {
  const { containers = [], initContainers = [], ephemeralContainers = [], volumes = [] } = spec;
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  const env = all.flatMap((container) => container.env ?? []).map((variable) => variable.valueFrom);
  const envFrom = all.flatMap((container) => container.envFrom ?? []);
  const sources = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  return {
    secrets: names([
      ...(spec.imagePullSecrets ?? []),
      ...env.map((from) => from?.secretKeyRef),
      ...envFrom.map((from) => from.secretRef),
      ...sources.map((source) => source.secret),
      ...volumes.flatMap(secretsOf),
    ]),
    configmaps: names([
      ...env.map((from) => from?.configMapKeyRef),
      ...envFrom.map((from) => from.configMapRef),
      ...sources.map((source) => source.configMap),
      ...volumes.map((volume) => volume.configMap),
    ]),
    persistentvolumeclaims: names(
      volumes.map((volume) => ({ name: volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${metadata?.name ?? ''}-${volume.name}` : '') })),
    ),
    resourceclaims: names([...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])].map((claim) => ({ name: claim.resourceClaimName ?? '' }))),
    serviceaccounts: names([{ name: spec.serviceAccountName ?? '' }]),
  };
}
function secretsOf(volume: Volume): Ref[] {
  const { secret, azureFile, csi, cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos } = volume;
  return [
    { name: secret?.secretName ?? '' },
    { name: azureFile?.secretName ?? '' },
    csi?.nodePublishSecretRef,
    ...[cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].map((source) => source?.secretRef),
  ];
}
function names(refs: readonly Ref[]): Set<string> {
  const out = new Set<string>();
  for (const ref of refs) if (ref?.name) out.add(ref.name);
  return out;
}
