/** Validation of pod specs and pod templates. */
import type { FieldError } from '#machinery';
import type { V1Affinity, V1NodeSelectorTerm, V1Pod, V1PodSpec, V1PodTemplateSpec, V1Toleration, V1TopologySpreadConstraint } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, nonNegative, oneOf, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validateLabels, validIP, validLabelValue } from '../support/names.ts';
import { validateLabelSelector } from '../support/selectors.ts';
import { validateContainer, validateId, type ContainerContext } from './container-validation.ts';
import { validateVolumes } from './volumes-validation.ts';

const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];
const effects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

export function validateTolerations(field: string, tolerations: V1Toleration[] | undefined): FieldError[] {
  return (tolerations ?? []).flatMap((toleration, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = toleration.key ? checked(`${at}.key`, toleration.key, qualifiedName) : [];
    const operator = toleration.operator || 'Equal';
    if (!toleration.key && operator !== 'Exists')
      errors.push(
        invalidValue(`${at}.operator`, toleration.operator ?? '', 'operator must be Exists when `key` is empty, which means "match all values and all keys"'),
      );
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute')
      errors.push(invalidValue(`${at}.effect`, toleration.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === 'Equal')
      errors.push(...validLabelValue(toleration.value ?? '').map((text) => invalidValue(`${at}.operator`, toleration.value ?? '', text)));
    else if (operator === 'Exists') {
      if (toleration.value) errors.push(invalidValue(`${at}.operator`, { ...toleration }, "value must be empty when `operator` is 'Exists'"));
    } else errors.push(unsupportedOf(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (toleration.effect && !effects.includes(toleration.effect)) errors.push(unsupportedOf(`${at}.effect`, toleration.effect, effects));
    return errors;
  });
}

const nodeOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];
function validateNodeTerm(at: string, term: V1NodeSelectorTerm): FieldError[] {
  return (term.matchExpressions ?? []).flatMap((expression, i) => {
    const here = `${at}.matchExpressions[${i}]`;
    const count = expression.values?.length ?? 0;
    const errors = checked(`${here}.key`, expression.key, qualifiedName);
    if (['In', 'NotIn'].includes(expression.operator) && count === 0)
      errors.push(required(`${here}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if (['Exists', 'DoesNotExist'].includes(expression.operator) && count > 0)
      errors.push(forbidden(`${here}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    if (['Gt', 'Lt'].includes(expression.operator) && count !== 1)
      errors.push(required(`${here}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    if (!nodeOperators.includes(expression.operator)) errors.push(invalidValue(`${here}.operator`, expression.operator, 'not a valid selector operator'));
    return errors;
  });
}

const weight = (at: string, value: number): FieldError[] =>
  value < 1 || value > 100 ? [invalidValue(`${at}.weight`, value, 'must be in the range 1-100')] : [];

function validateAffinity(at: string, affinity: V1Affinity | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const node = affinity?.nodeAffinity;
  const needed = node?.requiredDuringSchedulingIgnoredDuringExecution;
  const neededAt = `${at}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  if (needed && (needed.nodeSelectorTerms ?? []).length === 0) errors.push(required(neededAt, 'must have at least one node selector term'));
  needed?.nodeSelectorTerms?.forEach((term, i) => errors.push(...validateNodeTerm(`${neededAt}[${i}]`, term)));
  node?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((preference, i) => {
    const here = `${at}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    errors.push(...weight(here, preference.weight), ...validateNodeTerm(`${here}.preference`, preference.preference));
  });
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const terms = affinity?.[kind];
    terms?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
      const here = `${at}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`;
      errors.push(
        ...(term.topologyKey ? checked(`${here}.topologyKey`, term.topologyKey, qualifiedName) : [required(`${here}.topologyKey`, 'can not be empty')]),
        ...validateLabelSelector(`${here}.labelSelector`, term.labelSelector),
      );
    });
    terms?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((preference, i) => {
      const here = `${at}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      errors.push(...weight(here, preference.weight));
      if (!preference.podAffinityTerm.topologyKey) errors.push(required(`${here}.podAffinityTerm.topologyKey`, 'can not be empty'));
    });
  }
  return errors;
}

function validateSpread(field: string, constraints: V1TopologySpreadConstraint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (constraints ?? []).flatMap((constraint, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!(constraint.maxSkew > 0)) errors.push(invalidValue(`${at}.maxSkew`, constraint.maxSkew, 'must be greater than zero'));
    if (!constraint.topologyKey) errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(constraint.whenUnsatisfiable))
      errors.push(unsupportedOf(`${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    const pair = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    return errors;
  });
}

function validateHostPorts(spec: V1PodSpec, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const taken = new Set<string>();
  spec.containers.forEach((container, c) => {
    container.ports?.forEach((port, p) => {
      if (!port.hostPort) return;
      const text = `${port.hostPort}/${port.protocol}`;
      const key = `${port.hostIP ?? ''}/${text}`;
      if (taken.has(key)) errors.push(duplicate(`${field}.containers[${c}].ports[${p}].hostPort`, `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`));
      taken.add(key);
    });
  });
  return errors;
}

function validateContainers(spec: V1PodSpec, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const context: ContainerContext = { names: new Set(), volumes: new Set(spec.volumes?.map((volume) => volume.name)), hostNetwork: spec.hostNetwork === true };
  if (!spec.containers || spec.containers.length === 0) errors.push(required(`${field}.containers`));
  spec.containers?.forEach((container, i) => errors.push(...validateContainer(`${field}.containers[${i}]`, container, 'containers', context)));
  spec.initContainers?.forEach((container, i) => errors.push(...validateContainer(`${field}.initContainers[${i}]`, container, 'initContainers', context)));
  spec.ephemeralContainers?.forEach((container, i) =>
    errors.push(...validateContainer(`${field}.ephemeralContainers[${i}]`, container, 'ephemeralContainers', context)),
  );
  return errors;
}

export function validatePodSpec(spec: V1PodSpec, field: string): FieldError[] {
  const errors = [
    ...validateVolumes(`${field}.volumes`, spec.volumes),
    ...validateContainers(spec, field),
    ...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, dnsPolicies),
    ...validateLabels(`${field}.nodeSelector`, spec.nodeSelector),
    ...validateTolerations(`${field}.tolerations`, spec.tolerations),
    ...validateAffinity(`${field}.affinity`, spec.affinity),
    ...validateSpread(`${field}.topologySpreadConstraints`, spec.topologySpreadConstraints),
    ...nonNegative(`${field}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...(spec.containers ? validateHostPorts(spec, field) : []),
  ];
  if (spec.activeDeadlineSeconds !== undefined && (spec.activeDeadlineSeconds < 1 || spec.activeDeadlineSeconds > 2147483647)) {
    errors.push(invalidValue(`${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive'));
  }
  if (spec.serviceAccountName) errors.push(...checked(`${field}.serviceAccountName`, spec.serviceAccountName, dnsSubdomain));
  if (spec.nodeName) errors.push(...checked(`${field}.nodeName`, spec.nodeName, dnsSubdomain));
  if (spec.hostname) errors.push(...checked(`${field}.hostname`, spec.hostname, dnsLabel));
  if (spec.subdomain) errors.push(...checked(`${field}.subdomain`, spec.subdomain, dnsLabel));
  if (spec.priorityClassName) errors.push(...checked(`${field}.priorityClassName`, spec.priorityClassName, dnsSubdomain));
  if (spec.schedulerName) errors.push(...checked(`${field}.schedulerName`, spec.schedulerName, dnsSubdomain));
  if (spec.dnsPolicy === 'None' && (spec.dnsConfig?.nameservers ?? []).length === 0)
    errors.push(required(`${field}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  spec.hostAliases?.forEach((alias, i) => errors.push(...checked(`${field}.hostAliases[${i}].ip`, alias.ip, validIP)));
  spec.imagePullSecrets?.forEach((secret, i) => {
    if (!secret.name) errors.push(required(`${field}.imagePullSecrets[${i}].name`));
  });
  const security = spec.securityContext;
  errors.push(
    ...validateId(`${field}.securityContext.runAsUser`, security?.runAsUser),
    ...validateId(`${field}.securityContext.runAsGroup`, security?.runAsGroup),
    ...validateId(`${field}.securityContext.fsGroup`, security?.fsGroup),
  );
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalidValue(`${field}.securityContext.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  return errors;
}

/** A pod itself: what a template may leave open is settled here. */
export function validatePod(pod: V1Pod): FieldError[] {
  return validatePodSpec(pod.spec ?? { containers: [] }, 'spec');
}

/** A pod template: its labels and its pod spec. What a workload kind allows beyond that is its own affair. */
export function validatePodTemplate(template: V1PodTemplateSpec | undefined, field: string): FieldError[] {
  const spec = template?.spec;
  const errors = validateLabels(`${field}.metadata.labels`, template?.metadata?.labels);
  if (!spec) return [...errors, required(`${field}.spec.containers`)];
  if ((spec.ephemeralContainers ?? []).length > 0)
    errors.push(forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
  return [...errors, ...validatePodSpec(spec, `${field}.spec`)];
}
