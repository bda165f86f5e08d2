/** Validation of containers (pkg/apis/core/validation of Kubernetes 1.36). */
import type { FieldError } from '#machinery';
import type {
  V1Container,
  V1ContainerPort,
  V1ContainerResizePolicy,
  V1EphemeralContainer,
  V1Lifecycle,
  V1LifecycleHandler,
  V1Probe,
  V1Volume,
  V1VolumeDevice,
  V1VolumeMount,
} from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, nonNegative, notFoundValue, oneOf, required, tooMany, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, validPortName, validPortNumber } from '../support/names.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import { validateResources } from './resources-validation.ts';
import { validateContainerSecurity } from './security-validation.ts';
import { validateDescendingPath, validateNoBacksteps } from './volume-paths.ts';

/** What the containers of a pod are checked against. */
export interface ContainerContext {
  readonly volumes: ReadonlyMap<string, V1Volume>;
  readonly volumeNames: ReadonlySet<string>;
  /** Names of the pod's resourceClaims. */
  readonly claims: ReadonlySet<string>;
  readonly restartPolicy: string;
  readonly graceSeconds: number;
  readonly hostUsers: boolean;
}

function validatePorts(field: string, ports: V1ContainerPort[] | undefined): FieldError[] {
  const names = new Set<string>();
  return (ports ?? []).flatMap((port, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (port.name) {
      const wrong = checked(`${at}.name`, port.name, validPortName);
      if (wrong.length === 0 && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
      errors.push(...wrong);
    }
    errors.push(...(port.containerPort ? checked(`${at}.containerPort`, port.containerPort, validPortNumber) : [required(`${at}.containerPort`)]));
    if (port.hostPort) errors.push(...checked(`${at}.hostPort`, port.hostPort, validPortNumber));
    return [...errors, ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP'])];
  });
}

function validateMount(at: string, field: string, mount: V1VolumeMount, container: V1Container): FieldError[] {
  const errors: FieldError[] = [];
  const { subPath, subPathExpr, mountPropagation: propagation, recursiveReadOnly } = mount;
  if (subPath) errors.push(...validateDescendingPath(`${field}.subPath`, subPath));
  if (subPathExpr) {
    if (subPath) errors.push(invalidValue(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    errors.push(...validateDescendingPath(`${field}.subPathExpr`, subPathExpr));
  }
  if (propagation !== undefined) {
    const modes = ['Bidirectional', 'HostToContainer', 'None'];
    const here = `${field}.mountPropagation`;
    if (!modes.includes(propagation)) errors.push(unsupportedOf(here, propagation, modes));
    if (propagation === 'Bidirectional' && !container.securityContext?.privileged)
      errors.push(forbidden(here, 'Bidirectional mount propagation is available only to privileged containers'));
  }
  if (recursiveReadOnly !== undefined) errors.push(...validateRecursive(`${field}.recursiveReadOnly`, mount, recursiveReadOnly));
  return errors;
}
function validateRecursive(at: string, mount: V1VolumeMount, mode: string): FieldError[] {
  const modes = ['Disabled', 'Enabled', 'IfPossible'];
  if (!modes.includes(mode)) return [unsupportedOf(at, mode, modes)];
  if (mode === 'Disabled') return [];
  const errors: FieldError[] = [];
  if (!mount.readOnly) errors.push(forbidden(at, 'may only be specified when readOnly is true'));
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None')
    errors.push(forbidden(at, 'may only be specified when mountPropagation is None or not specified'));
  return errors;
}

function validateMounts(field: string, container: V1Container, context: ContainerContext): FieldError[] {
  const paths = new Set<string>();
  const devices = container.volumeDevices ?? [];
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!mount.name) errors.push(required(`${at}.name`));
    if (!context.volumeNames.has(mount.name)) errors.push(notFoundValue(`${at}.name`, mount.name ?? ''));
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    if (paths.has(mount.mountPath)) errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    if (devices.some((device) => device.name === mount.name)) errors.push(invalidValue(`${at}.name`, mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((device) => device.devicePath === mount.mountPath))
      errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    if (mount.subPathExpr && context.volumes.get(mount.name)?.image)
      errors.push(invalidValue(`${at}.subPathExpr`, mount.subPathExpr, 'not allowed in image volume sources'));
    return [...errors, ...validateMount(at, field, mount, container)];
  });
}

function validateDevices(field: string, { volumeDevices, volumeMounts = [] }: V1Container, context: ContainerContext): FieldError[] {
  const seen: V1VolumeDevice[] = [];
  return (volumeDevices ?? []).flatMap((device, i) => {
    const at = `${field}[${i}]`;
    const { name, devicePath } = device;
    const volume = context.volumes.get(name);
    const errors: FieldError[] = [];
    if (!name) errors.push(required(`${at}.name`));
    if (seen.some((other) => other.name === name)) errors.push(invalidValue(`${at}.name`, name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      errors.push(invalidValue(`${at}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'));
    if (!volume) errors.push(notFoundValue(`${at}.name`, name));
    if (!devicePath) errors.push(required(`${at}.devicePath`));
    if (seen.some((other) => other.devicePath === devicePath)) errors.push(invalidValue(`${at}.devicePath`, devicePath, 'must be unique'));
    if (devicePath && validateNoBacksteps('', devicePath).length > 0)
      errors.push(invalidValue(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"));
    if (volumeMounts.some((mount) => mount.name === name)) errors.push(invalidValue(`${at}.name`, name, 'must not already exist in volumeMounts'));
    if (volumeMounts.some((mount) => mount.mountPath === devicePath))
      errors.push(invalidValue(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    seen.push(device);
    return errors;
  });
}

const portRef = (at: string, port: number | string | undefined): FieldError[] =>
  typeof port === 'string' ? checked(at, port, validPortName) : checked(at, port ?? 0, validPortNumber);
const headerText = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

type Handler = Pick<V1Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<V1LifecycleHandler, 'sleep'>;
const handlers: { readonly [sort: string]: (at: string, handler: Handler, context: ContainerContext) => FieldError[] } = {
  exec: (at, { exec }) => ((exec!.command ?? []).length === 0 ? [required(`${at}.command`)] : []),
  httpGet(at, { httpGet }) {
    const { path, port, scheme, httpHeaders = [] } = httpGet!;
    return [
      ...(path ? [] : [required(`${at}.path`)]),
      ...portRef(`${at}.port`, port),
      ...(['HTTP', 'HTTPS'].includes(scheme ?? '') ? [] : [unsupportedOf(`${at}.scheme`, scheme ?? '', ['HTTP', 'HTTPS'])]),
      ...httpHeaders.flatMap(({ name }) => (/^[-A-Za-z0-9]+$/.test(name) ? [] : [invalidValue(`${at}.httpHeaders`, name, headerText)])),
    ];
  },
  tcpSocket: (at, { tcpSocket }) => portRef(`${at}.port`, tcpSocket!.port),
  grpc: (at, { grpc }) => portRef(`${at}.port`, grpc!.port),
  sleep: (at, { sleep }, { graceSeconds }) =>
    sleep!.seconds < 0 || sleep!.seconds > graceSeconds
      ? [invalidValue(at, sleep!.seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)]
      : [],
};

function validateHandler(at: string, handler: Handler, context: ContainerContext): FieldError[] {
  const given = Object.keys(handlers).filter((sort) => handler[sort as keyof Handler] !== undefined);
  const [first, ...more] = given;
  if (!first) return [required(at, 'must specify a handler type')];
  return [
    ...handlers[first]!(`${at}.${first}`, handler, context),
    ...more.map((sort) => forbidden(`${at}.${sort}`, 'may not specify more than 1 handler type')),
  ];
}

const probeCounts = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;
function validateProbe(at: string, probe: V1Probe | undefined, readiness: boolean, context: ContainerContext): FieldError[] {
  if (!probe) return [];
  const errors = [...validateHandler(at, probe, context), ...probeCounts.flatMap((name) => nonNegative(`${at}.${name}`, probe[name]))];
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) errors.push(invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (readiness && grace !== undefined) errors.push(invalidValue(`${at}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  if (!readiness && probe.successThreshold !== 1) errors.push(invalidValue(`${at}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  return errors;
}

function validateLifecycle(at: string, lifecycle: V1Lifecycle | undefined, context: ContainerContext): FieldError[] {
  return (['postStart', 'preStop'] as const).flatMap((hook) => {
    const handler = lifecycle?.[hook];
    return handler ? validateHandler(`${at}.${hook}`, handler, context) : [];
  });
}

function validateResize(field: string, policies: V1ContainerResizePolicy[] | undefined, { restartPolicy }: ContainerContext): FieldError[] {
  const seen = new Set<string>();
  return (policies ?? []).flatMap(({ resourceName, restartPolicy: policy }, i) => {
    const errors = seen.has(resourceName) ? [duplicate(`${field}[${i}]`, resourceName)] : [];
    seen.add(resourceName);
    errors.push(...oneOf(field, resourceName, ['cpu', 'memory']), ...oneOf(field, policy, ['NotRequired', 'RestartContainer']));
    if (restartPolicy === 'Never' && policy !== 'NotRequired')
      errors.push(invalidValue(field, policy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    return errors;
  });
}

/** One of `values`; that there is none is no other finding. */
const word = (field: string, value: string | undefined, values: readonly string[]): FieldError[] =>
  values.includes(value ?? '') ? [] : [unsupportedOf(field, value ?? '', values)];

/** A container's own policy and the exits it makes exceptions for (KEP-5307). */
function validateRestart(at: string, { restartPolicy: policy, restartPolicyRules: rules = [] }: V1Container): FieldError[] {
  const policies = ['Always', 'Never', 'OnFailure'];
  const errors: FieldError[] = [];
  if (policy !== undefined && !policies.includes(policy)) errors.push(unsupportedOf(`${at}.restartPolicy`, policy, policies));
  if (rules.length === 0) return errors;
  if (policy === undefined) errors.push(required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  if (rules.length > 20) errors.push(tooMany(`${at}.restartPolicyRules`, rules.length, 20));
  rules.forEach(({ action, exitCodes }, i) => {
    const here = `${at}.restartPolicyRules[${i}]`;
    errors.push(...word(`${here}.action`, action, ['Restart', 'RestartAllContainers']));
    if (!exitCodes) return void errors.push(required(`${here}.exitCodes`, 'must be specified'));
    errors.push(...word(`${here}.exitCodes.operator`, exitCodes.operator, ['In', 'NotIn']));
    const count = exitCodes.values?.length ?? 0;
    if (count === 0) errors.push(required(`${here}.exitCodes.values`, 'must specify at least one exit code'));
    if (count > 255) errors.push(tooMany(`${here}.exitCodes.values`, count, 255));
  });
  return errors;
}

/** What all sorts of containers share. */
export function validateCommon(at: string, container: V1Container, context: ContainerContext): FieldError[] {
  const { name, image } = container;
  return [
    ...(name ? checked(`${at}.name`, name, dnsLabel) : [required(`${at}.name`)]),
    ...(image ? [] : [required(`${at}.image`)]),
    ...oneOf(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']),
    ...validatePorts(`${at}.ports`, container.ports),
    ...validateEnv(`${at}.env`, container.env, context.volumeNames),
    ...validateEnvFrom(`${at}.envFrom`, container.envFrom),
    ...validateMounts(`${at}.volumeMounts`, container, context),
    ...validateDevices(`${at}.volumeDevices`, container, context),
    ...oneOf(`${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...validateResources(`${at}.resources`, container.resources, context.claims),
    ...validateResize(`${at}.resizePolicy`, container.resizePolicy, context),
    ...validateContainerSecurity(`${at}.securityContext`, container.securityContext, context.hostUsers),
  ];
}

function validateHooks(at: string, container: V1Container, context: ContainerContext): FieldError[] {
  return [
    ...validateLifecycle(`${at}.lifecycle`, container.lifecycle, context),
    ...validateProbe(`${at}.livenessProbe`, container.livenessProbe, false, context),
    ...validateProbe(`${at}.readinessProbe`, container.readinessProbe, true, context),
    ...validateProbe(`${at}.startupProbe`, container.startupProbe, false, context),
  ];
}

export const validateMainContainer = (at: string, container: V1Container, context: ContainerContext): FieldError[] => [
  ...validateCommon(at, container, context),
  ...validateHooks(at, container, context),
  ...validateRestart(at, container),
];

const hooks = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;
export function validateInitContainer(at: string, container: V1Container, context: ContainerContext): FieldError[] {
  const errors = [...validateCommon(at, container, context), ...validateRestart(at, container)];
  if (container.restartPolicy === 'Always') return [...errors, ...validateHooks(at, container, context)];
  for (const hook of hooks) if (container[hook]) errors.push(forbidden(`${at}.${hook}`, 'may not be set for init containers without restartPolicy=Always'));
  if (container.resizePolicy?.length) errors.push(invalidValue(`${at}.resizePolicy`, container.resizePolicy, 'must not be set for init containers'));
  return errors;
}

/** What would make others depend on a container that is there for looking around only. */
const notEphemeral = ['ports', ...hooks, 'resizePolicy', 'restartPolicy', 'restartPolicyRules'] as const;
export function validateEphemeralContainer(at: string, container: V1EphemeralContainer, targets: ReadonlySet<string>, context: ContainerContext): FieldError[] {
  const errors = validateCommon(at, container, context);
  const target = container.targetContainerName;
  if (target && !targets.has(target)) errors.push(notFoundValue(`${at}.targetContainerName`, target));
  const text = 'cannot be set for an Ephemeral Container';
  for (const field of notEphemeral) if (container[field] !== undefined) errors.push(forbidden(`${at}.${field}`, text));
  if (Object.keys(container.resources ?? {}).length > 0) errors.push(forbidden(`${at}.resources`, text));
  container.volumeMounts?.forEach((mount, i) => {
    for (const field of ['subPath', 'subPathExpr'] as const) if (mount[field]) errors.push(forbidden(`${at}.volumeMounts[${i}].${field}`, text));
  });
  return errors;
}
