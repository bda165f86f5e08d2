/** Validation of pod specs and pod templates (pkg/apis/core/validation of Kubernetes 1.36). */
import { checkAnnotations, type FieldError } from '#machinery';
import type { V1Container, V1Pod, V1PodDNSConfig, V1PodSpec, V1PodTemplateSpec } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, oneOf, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, validateLabels, validIP } from '../support/names.ts';
import { validateEphemeralContainer, validateInitContainer, validateMainContainer, type ContainerContext } from './container-validation.ts';
import { validatePodAnnotations, validateProfilesMatch } from './pod-annotations.ts';
import { validateAffinity, validateGates, validateSpread, validateTolerations } from './placement-validation.ts';
import { validatePodResources, validateResources } from './resources-validation.ts';
import { validateHostUsers, validateOS, validatePodSecurity } from './security-validation.ts';
import { validateVolumes } from './volumes-validation.ts';

function validateHostPorts(at: string, containers: readonly V1Container[], hostNetwork: boolean, isPod: boolean): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap((container, c) =>
    (container.ports ?? []).flatMap((port, p) => {
      const field = `${at}[${c}].ports[${p}].hostPort`;
      const host = port.hostPort ?? 0;
      const errors: FieldError[] = [];
      // A template may leave open what is filled in when the pod is made.
      if (hostNetwork && (isPod || host !== 0) && host !== port.containerPort)
        errors.push(invalidValue(field, host, 'must match `containerPort` when `hostNetwork` is true'));
      const key = `${port.protocol}/${port.hostIP ?? ''}/${host}`;
      if (host !== 0 && taken.has(key)) errors.push(duplicate(field, key));
      taken.add(key);
      return errors;
    }),
  );
}

function contextOf(spec: V1PodSpec): ContainerContext {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]));
  return {
    volumes,
    volumeNames: new Set(volumes.keys()),
    claims: new Set(spec.resourceClaims?.map((claim) => claim.name)),
    restartPolicy: spec.restartPolicy ?? '',
    graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
    hostUsers: spec.hostUsers !== false,
  };
}

/** Names are unique over all containers; who comes later is told. */
function repeated(at: string, name: string, names: Set<string>): FieldError[] {
  if (names.has(name)) return [duplicate(`${at}.name`, name)];
  if (name) names.add(name);
  return [];
}

function validateContainers(field: string, spec: V1PodSpec, isPod: boolean): FieldError[] {
  const context = contextOf(spec);
  const names = new Set<string>();
  const main = spec.containers ?? [];
  const errors: FieldError[] = main.length === 0 ? [required(`${field}.containers`)] : [];
  main.forEach((container, i) => {
    const at = `${field}.containers[${i}]`;
    errors.push(...validateMainContainer(at, container, context), ...repeated(at, container.name, names));
  });
  errors.push(...validateHostPorts(`${field}.containers`, main, spec.hostNetwork === true, isPod));
  spec.initContainers?.forEach((container, i) => {
    const at = `${field}.initContainers[${i}]`;
    errors.push(...validateInitContainer(at, container, context), ...repeated(at, container.name, names));
    // One after the other: each is looked at for itself, and told of as the first, as kube-apiserver does.
    errors.push(...validateHostPorts(`${field}.initContainers`, [container], false, isPod));
  });
  const targets = new Set(names);
  spec.ephemeralContainers?.forEach((container, i) => {
    const at = `${field}.ephemeralContainers[${i}]`;
    errors.push(...validateEphemeralContainer(at, container, targets, context), ...repeated(at, container.name, names));
  });
  return errors;
}

function validateDns(field: string, { dnsConfig, dnsPolicy }: V1PodSpec): FieldError[] {
  const errors = oneOf(`${field}.dnsPolicy`, dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']);
  const at = `${field}.dnsConfig`;
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [...errors, required(at, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (!dnsConfig.nameservers?.length) return [...errors, required(`${at}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  return dnsConfig ? [...errors, ...validateDnsConfig(at, dnsConfig)] : errors;
}
function validateDnsConfig(at: string, { nameservers = [], searches = [], options = [] }: V1PodDNSConfig): FieldError[] {
  const errors: FieldError[] = [];
  if (nameservers.length > 3) errors.push(invalidValue(`${at}.nameservers`, nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((server, i) => errors.push(...checked(`${at}.nameservers[${i}]`, server, validIP)));
  if (searches.length > 32) errors.push(invalidValue(`${at}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048)
    errors.push(invalidValue(`${at}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list'));
  searches.forEach((search, i) => {
    const name = search.replace(/\.$/, '');
    // A lone dot stands for the root; underscores are common in names of services.
    if (search !== '.') errors.push(...dnsSubdomain(name.replaceAll('_', 'a')).map((problem) => invalidValue(`${at}.searches[${i}]`, search, problem)));
  });
  options.forEach((option, i) => option.name || errors.push(required(`${at}.options[${i}]`, 'must not be empty')));
  return errors;
}

function validateClaims(field: string, { resourceClaims }: V1PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (resourceClaims ?? []).flatMap((claim, i) => {
    const at = `${field}[${i}]`;
    const { name, resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const errors = name ? (seen.has(name) ? [duplicate(`${at}.name`, name)] : checked(`${at}.name`, name, dnsLabel)) : [required(`${at}.name`)];
    seen.add(name);
    if (own !== undefined && template !== undefined)
      errors.push(invalidValue(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'));
    if (own === undefined && template === undefined)
      errors.push(invalidValue(at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    if (own !== undefined) errors.push(...checked(`${at}.resourceClaimName`, own, dnsSubdomain));
    if (template !== undefined) errors.push(...checked(`${at}.resourceClaimTemplateName`, template, dnsSubdomain));
    return errors;
  });
}

const names = {
  serviceAccountName: dnsSubdomain,
  nodeName: dnsSubdomain,
  hostname: dnsLabel,
  subdomain: dnsLabel,
  priorityClassName: dnsSubdomain,
  runtimeClassName: dnsSubdomain,
} as const;

function validateNames(field: string, spec: V1PodSpec): FieldError[] {
  const errors = (Object.keys(names) as (keyof typeof names)[]).flatMap((name) => (spec[name] ? checked(`${field}.${name}`, spec[name], names[name]) : []));
  const override = spec.hostnameOverride;
  if (override !== undefined) {
    if (override.length > 64) errors.push(invalidValue(`${field}.hostnameOverride`, override, 'must be no more than 64 characters'));
    errors.push(...checked(`${field}.hostnameOverride`, override, dnsSubdomain));
    if (spec.setHostnameAsFQDN) errors.push(forbidden(`${field}.hostnameOverride`, 'may not be specified when setHostnameAsFQDN is true'));
    if (spec.hostNetwork) errors.push(forbidden(`${field}.hostnameOverride`, 'may not be specified when hostNetwork is true'));
  }
  return errors;
}

interface Place {
  /** Undefined in templates. */
  readonly podName: string | undefined;
}

function validateSpec(spec: V1PodSpec, field: string, { podName }: Place): FieldError[] {
  const deadline = spec.activeDeadlineSeconds;
  return [
    ...validateVolumes(`${field}.volumes`, spec.volumes, podName),
    ...validateClaims(`${field}.resourceClaims`, spec),
    ...validateContainers(field, spec, podName !== undefined),
    ...validatePodResources(`${field}.resources`, spec),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...validateDns(field, spec),
    ...validateLabels(`${field}.nodeSelector`, spec.nodeSelector),
    ...validatePodSecurity(`${field}.securityContext`, spec),
    ...validateAffinity(`${field}.affinity`, spec.affinity),
    ...validateGates(field, spec),
    ...validateSpread(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints),
    ...validateHostUsers(field, spec),
    ...validateNames(field, spec),
    ...(deadline !== undefined && (deadline < 1 || deadline > 2147483647)
      ? [invalidValue(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive')]
      : []),
    ...validateTolerations(`${field}.tolerations`, spec.tolerations),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames }, i) => [
      ...checked(`${field}.hostAliases[${i}].ip`, ip ?? '', validIP),
      ...(hostnames ?? []).flatMap((name, h) => checked(`${field}.hostAliases[${i}].hostnames[${h}]`, name, dnsSubdomain)),
    ]),
    ...(spec.preemptionPolicy !== undefined && !['PreemptLowerPriority', 'Never'].includes(spec.preemptionPolicy)
      ? [unsupportedOf(`${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])]
      : []),
    ...(spec.overhead ? validateResources(`${field}.overhead`, { limits: spec.overhead }) : []),
    ...validateOS(field, spec),
  ];
}

/** A pod itself: what a template may leave open is settled here. */
export function validatePod(pod: V1Pod): FieldError[] {
  const spec = pod.spec ?? { containers: [] };
  const errors = [
    ...validatePodAnnotations('metadata.annotations', pod.metadata?.annotations, spec),
    ...validateSpec(spec, 'spec', { podName: pod.metadata?.name ?? '' }),
  ];
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, v) =>
      volume.projected?.sources?.forEach((source, s) => {
        const at = `spec.volumes[${v}].projected.sources[${s}].serviceAccountToken`;
        if (source.serviceAccountToken) errors.push(forbidden(at, 'must not be specified when serviceAccountName is not set'));
      }),
    );
  }
  for (const role of ['containers', 'initContainers', 'ephemeralContainers'] as const)
    spec[role]?.forEach(({ image }, i) => {
      if (image && image !== image.trim()) errors.push(invalidValue(`spec.${role}[${i}].image`, image, 'must not have leading or trailing whitespace'));
    });
  return errors;
}

/** What is refused of a pod only when it is made. */
export function validateNewPod(pod: V1Pod): FieldError[] {
  const errors = validatePod(pod);
  const { ephemeralContainers, nodeName, schedulingGates } = pod.spec ?? { containers: [] };
  if (ephemeralContainers?.length) errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (nodeName && schedulingGates?.length) errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return [...errors, ...validateProfilesMatch('spec', pod.metadata?.annotations, pod.spec ?? { containers: [] })];
}

/** A pod template: its labels and its pod spec. What a workload kind allows beyond that is its own affair. */
export function validatePodTemplate(template: V1PodTemplateSpec | undefined, field: string): FieldError[] {
  const spec = template?.spec;
  const errors = validateLabels(`${field}.labels`, template?.metadata?.labels);
  if (!spec) return [...errors, required(`${field}.spec.containers`)];
  const { annotations } = template.metadata ?? {};
  if (annotations) checkAnnotations(annotations, errors, `${field}.annotations`);
  errors.push(
    ...validatePodAnnotations(`${field}.annotations`, annotations, spec),
    ...validateSpec(spec, `${field}.spec`, { podName: undefined }),
    ...validateProfilesMatch(`${field}.spec`, annotations, spec),
  );
  if (spec.ephemeralContainers?.length) errors.push(forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return errors;
}
