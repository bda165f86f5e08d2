/** What a pod spec may say but had better not: the texts of the Warning header (pkg/api/pod/warnings.go of Kubernetes). */
import type { ObjectMeta } from '#machinery';
import type { V1Affinity, V1Container, V1ContainerPort, V1NodeSelectorTerm, V1PodSpec, V1PodTemplateSpec, V1Volume } from '../generated/types.ts';
import { volumePathWarnings } from './volume-path-warnings.ts';
import { sizeWarnings } from './volume-warnings.ts';

const deprecatedLabels: { readonly [label: string]: string } = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
};
const deprecatedAnnotations: { readonly [annotation: string]: string } = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};
const deprecatedVolumes: { readonly [source in keyof V1Volume]?: string } = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

function nodeTermWarnings(at: string, term: V1NodeSelectorTerm | undefined): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const text = deprecatedLabels[key];
    return text ? [`${at}.matchExpressions[${i}].key: ${key} is ${text}`] : [];
  });
}

function affinityWarnings(at: string, affinity: V1Affinity | undefined): string[] {
  const out: string[] = [];
  const node = affinity?.nodeAffinity;
  const needed = `${at}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => out.push(...nodeTermWarnings(`${needed}[${i}]`, term)));
  const wished = `${at}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`;
  node?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => out.push(...nodeTermWarnings(`${wished}[${i}].preference`, term.preference)));
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const terms = affinity?.[kind];
    terms?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      if (!term.labelSelector)
        out.push(`${at}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: a null labelSelector results in matching no pod`);
    });
    terms?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      const here = `${at}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector`;
      if (!term.podAffinityTerm?.labelSelector) out.push(`${here}: a null labelSelector results in matching no pod`);
    });
  }
  return out;
}

/** Fractions of a byte, as `100m` of memory is. */
function fractional(at: string, list: { [name: string]: string } | undefined): string[] {
  return ['ephemeral-storage', 'memory'].flatMap((name) => {
    const value = list?.[name];
    return value !== undefined && /[mun]$/.test(value) ? [`${at}[${name}]: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`] : [];
  });
}

/** Ports of all containers that were seen, by port and protocol. */
type Ports = Map<string, { at: string; port: V1ContainerPort }[]>;

function portWarnings(at: string, ports: V1ContainerPort[] | undefined, seen: Ports): string[] {
  return (ports ?? []).flatMap((port, i) => {
    const here = `${at}.ports[${i}]`;
    const key = `${port.containerPort}/${port.protocol ?? 'TCP'}`;
    const others = seen.get(key) ?? [];
    const out = port.hostIP && !port.hostPort ? [`${here}: hostIP set without hostPort: ${portText(port)}`] : [];
    out.push(...others.flatMap((other) => portConflict(here, port, other.at, other.port)));
    seen.set(key, [...others, { at: here, port }]);
    return out;
  });
}
/** As Go prints the structure. */
const portText = ({ name = '', containerPort, protocol = 'TCP', hostIP = '' }: V1ContainerPort): string =>
  `{Name:${name} HostPort:0 ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

function portConflict(at: string, port: V1ContainerPort, otherAt: string, other: V1ContainerPort): string[] {
  const [ip, otherIP] = [port.hostIP ?? '', other.hostIP ?? ''];
  const [host, otherHost] = [port.hostPort ?? 0, other.hostPort ?? 0];
  if (ip === otherIP && host === otherHost) return [`${at}: duplicate port definition with ${otherAt}`];
  if (host === 0 || otherHost === 0) return [`${at}: overlapping port definition with ${otherAt}`];
  return host === otherHost && (ip === '') !== (otherIP === '') ? [`${at}: dangerously ambiguous port definition with ${otherAt}`] : [];
}

function containerWarnings(at: string, container: V1Container, ports: Ports): string[] {
  const out = [...fractional(`${at}.resources.limits`, container.resources?.limits), ...fractional(`${at}.resources.requests`, container.resources?.requests)];
  const names = new Set<string>();
  container.env?.forEach(({ name, value }, i) => {
    // A variable that extends itself is meant; one that is just itself is not.
    const self = `$(${name})`;
    if (names.has(name) && (value === self || !value?.includes(self)))
      out.push(`${at}.env[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`);
    names.add(name);
  });
  out.push(...portWarnings(at, container.ports, ports));
  return out;
}

function duplicates(items: readonly string[], text: (item: string, i: number) => string): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const again = seen.has(item);
    seen.add(item);
    return again ? [text(item, i)] : [];
  });
}

function specWarnings(at: string, spec: V1PodSpec): string[] {
  const out: string[] = [];
  for (const label in spec.nodeSelector) if (deprecatedLabels[label]) out.push(`${at}.nodeSelector[${label}]: ${deprecatedLabels[label]}`);
  out.push(...affinityWarnings(`${at}.affinity`, spec.affinity));
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const here = `${at}.topologySpreadConstraints[${i}]`;
    if (deprecatedLabels[topologyKey]) out.push(`${here}.topologyKey: ${topologyKey} is ${deprecatedLabels[topologyKey]}`);
    if (!labelSelector) out.push(`${here}.labelSelector: a null labelSelector results in matching no pod`);
  });
  spec.volumes?.forEach((volume, i) => {
    for (const source in deprecatedVolumes)
      if (volume[source as keyof V1Volume])
        out.push(`${at}.volumes[${i}].${source === 'storageos' ? 'storageOS' : source}: ${deprecatedVolumes[source as keyof V1Volume]}`);
    const claim = volume.ephemeral?.volumeClaimTemplate;
    if (claim)
      out.push(
        ...sizeWarnings(`${at}.volumes[${i}].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]`, claim.spec?.resources?.requests?.['storage']),
      );
  });
  out.push(...volumePathWarnings(spec.volumes));
  const aliases = spec.hostAliases?.map((alias) => alias.ip) ?? [];
  out.push(...duplicates(aliases, (ip, i) => `${at}.hostAliases[${i}].ip: duplicate ip ${JSON.stringify(ip)}`));
  const secrets = spec.imagePullSecrets?.map((secret) => secret.name ?? '') ?? [];
  out.push(...duplicates(secrets, (name, i) => `${at}.imagePullSecrets[${i}].name: duplicate name ${JSON.stringify(name)}`));
  secrets.forEach((name, i) => name === '' && out.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`));
  out.push(...fractional(`${at}.overhead`, spec.overhead));
  const ports: Ports = new Map();
  for (const role of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    spec[role]?.forEach((container, i) => out.push(...containerWarnings(`${at}.${role}[${i}]`, container, ports)));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`);
  return out;
}

const seccomp = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
const appArmor = 'container.apparmor.security.beta.kubernetes.io/';
function annotationWarnings(at: string, annotations: ObjectMeta['annotations'], spec: V1PodSpec): string[] {
  const out: string[] = [];
  for (const key in annotations) {
    const text = deprecatedAnnotations[key];
    if (text) out.push(`${at}[${key}]: ${text}`);
    else if (key === seccomp && !spec.securityContext?.seccompProfile)
      out.push(`${at}[${key}]: non-functional in v1.27+; use the "seccompProfile" field instead`);
  }
  for (const { name, securityContext } of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    const [secured, armored] = [`${seccompContainer}${name}`, `${appArmor}${name}`];
    if (annotations?.[secured] !== undefined && !securityContext?.seccompProfile)
      out.push(`${at}[${secured}]: non-functional in v1.27+; use the "seccompProfile" field instead`);
    if (annotations?.[armored] !== undefined && !securityContext?.appArmorProfile && !spec.securityContext?.appArmorProfile)
      out.push(`${at}[${armored}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
  return out;
}

/** `specAt` and `metadataAt` are the paths of the two, for example `spec` and `metadata`. */
export function podWarnings(metadata: ObjectMeta | undefined, spec: V1PodSpec | undefined, specAt: string, metadataAt: string): string[] {
  if (!spec) return [];
  return [...specWarnings(specAt, spec), ...annotationWarnings(`${metadataAt}.annotations`, metadata?.annotations, spec)];
}

/** Of a pod template at `at`. With `old`, nothing that was said before is said again. */
export function templateWarnings(template: V1PodTemplateSpec | undefined, at: string, old?: V1PodTemplateSpec): string[] {
  const now = podWarnings(template?.metadata, template?.spec, `${at}.spec`, `${at}.metadata`);
  if (!old || now.length === 0) return now;
  const before = new Set(podWarnings(old.metadata, old.spec, `${at}.spec`, `${at}.metadata`));
  return now.filter((text) => !before.has(text));
}
