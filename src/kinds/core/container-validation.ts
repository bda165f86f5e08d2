/** Validation of containers (pkg/apis/core/validation of Kubernetes 1.36). */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type {
  V1Container,
  V1ContainerPort,
  V1EnvFromSource,
  V1EnvVar,
  V1Lifecycle,
  V1Probe,
  V1ResourceRequirements,
  V1SecurityContext,
  V1VolumeMount,
} from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, nonNegative, notFoundValue, oneOf, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, qualifiedName, validConfigKey, validEnvVarName, validPortName, validPortNumber } from '../support/names.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const resourceNames = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];

type PortRef = number | string;

export interface ContainerContext {
  volumes: ReadonlySet<string>;
  /** Names already taken by earlier containers of the pod. */
  names: Set<string>;
  hostNetwork: boolean;
}

function validatePorts(field: string, ports: V1ContainerPort[] | undefined, hostNetwork: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  ports?.forEach((port, i) => {
    const at = `${field}[${i}]`;
    if (port.name) {
      const wrong = checked(`${at}.name`, port.name, validPortName);
      if (wrong.length === 0 && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
      errors.push(...wrong);
    }
    if (!port.containerPort) errors.push(required(`${at}.containerPort`));
    else errors.push(...checked(`${at}.containerPort`, port.containerPort, validPortNumber));
    if (port.hostPort) {
      errors.push(...checked(`${at}.hostPort`, port.hostPort, validPortNumber));
      if (hostNetwork && port.hostPort !== port.containerPort)
        errors.push(invalidValue(`${at}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
    errors.push(...oneOf(`${at}.protocol`, port.protocol, protocols));
  });
  return errors;
}

function validateFieldRef(at: string, path: string): FieldError[] {
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  if (subscript) return checked(at, subscript[2]!.toLowerCase(), qualifiedName);
  return envFieldPaths.includes(path) ? [] : [unsupportedOf(at, path, [...envFieldPaths, "metadata.annotations['<KEY>']", "metadata.labels['<KEY>']"])];
}

function validateEnv(field: string, env: V1EnvVar[] | undefined): FieldError[] {
  return (env ?? []).flatMap((variable, i) => {
    const at = `${field}[${i}]`;
    const errors = variable.name ? checked(`${at}.name`, variable.name, validEnvVarName) : [required(`${at}.name`)];
    const from = variable.valueFrom;
    if (!from) return errors;
    const given = Object.keys(from).length;
    if (given === 0)
      errors.push(
        invalidValue(`${at}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'),
      );
    else if (variable.value) errors.push(invalidValue(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    if (given > 1) errors.push(invalidValue(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'));
    if (from.fieldRef)
      errors.push(
        ...(from.fieldRef.fieldPath
          ? validateFieldRef(`${at}.valueFrom.fieldRef.fieldPath`, from.fieldRef.fieldPath)
          : [required(`${at}.valueFrom.fieldRef.fieldPath`)]),
      );
    if (from.resourceFieldRef) {
      const { resource } = from.resourceFieldRef;
      if (!resource) errors.push(required(`${at}.valueFrom.resourceFieldRef.resource`));
      else if (!resourceNames.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource))
        errors.push(unsupportedOf(`${at}.valueFrom.resourceFieldRef.resource`, resource, resourceNames));
    }
    for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const ref = from[kind];
      if (!ref) continue;
      if (!ref.name) errors.push(required(`${at}.valueFrom.${kind}.name`));
      errors.push(...(ref.key ? checked(`${at}.valueFrom.${kind}.key`, ref.key, validConfigKey) : [required(`${at}.valueFrom.${kind}.key`)]));
    }
    return errors;
  });
}

function validateEnvFrom(field: string, sources: V1EnvFromSource[] | undefined): FieldError[] {
  return (sources ?? []).flatMap((source, i) => {
    const at = `${field}[${i}]`;
    const errors = source.prefix ? checked(`${at}.prefix`, source.prefix, validEnvVarName) : [];
    if (!source.configMapRef && !source.secretRef) errors.push(invalidValue(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (source.configMapRef && source.secretRef) errors.push(invalidValue(at, '', 'may not have more than one field specified at a time'));
    if (source.configMapRef && !source.configMapRef.name) errors.push(required(`${at}.configMapRef.name`));
    if (source.secretRef && !source.secretRef.name) errors.push(required(`${at}.secretRef.name`));
    return errors;
  });
}

function validateMounts(field: string, mounts: V1VolumeMount[] | undefined, volumes: ReadonlySet<string>): FieldError[] {
  const paths = new Set<string>();
  return (mounts ?? []).flatMap((mount, i) => {
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (!mount.name) errors.push(required(`${at}.name`));
    else if (!volumes.has(mount.name)) errors.push(notFoundValue(`${at}.name`, mount.name));
    if (!mount.mountPath) errors.push(required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath)) errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    for (const name of ['subPath', 'subPathExpr'] as const) {
      const path = mount[name];
      if (path?.startsWith('/')) errors.push(invalidValue(`${at}.${name}`, path, 'must be a relative path'));
      if (path?.split('/').includes('..')) errors.push(invalidValue(`${at}.${name}`, path, "must not contain '..'"));
    }
    if (mount.subPath && mount.subPathExpr) errors.push(invalidValue(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    return errors;
  });
}

const portRef = (at: string, port: PortRef): FieldError[] => (typeof port === 'number' ? checked(at, port, validPortNumber) : checked(at, port, validPortName));

function validateHandler(at: string, handler: Pick<V1Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'>, extra = 0): FieldError[] {
  const errors: FieldError[] = [];
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc'] as const).filter((key) => handler[key]);
  for (const more of given.slice(1)) errors.push(forbidden(`${at}.${more}`, 'may not specify more than 1 handler type'));
  if (given.length + extra === 0) errors.push(required(at, 'must specify a handler type'));
  if (handler.exec && (handler.exec.command ?? []).length === 0) errors.push(required(`${at}.exec.command`));
  if (handler.httpGet) {
    if (!handler.httpGet.path) errors.push(required(`${at}.httpGet.path`));
    errors.push(...portRef(`${at}.httpGet.port`, handler.httpGet.port), ...oneOf(`${at}.httpGet.scheme`, handler.httpGet.scheme, ['HTTP', 'HTTPS']));
  }
  if (handler.tcpSocket) errors.push(...portRef(`${at}.tcpSocket.port`, handler.tcpSocket.port));
  if (handler.grpc) errors.push(...checked(`${at}.grpc.port`, handler.grpc.port, validPortNumber));
  return errors;
}

function validateProbe(at: string, probe: V1Probe | undefined, mustSucceedOnce: boolean): FieldError[] {
  if (!probe) return [];
  const errors = validateHandler(at, probe);
  for (const key of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const)
    errors.push(...nonNegative(`${at}.${key}`, probe[key]));
  if (probe.terminationGracePeriodSeconds !== undefined) {
    if (!mustSucceedOnce)
      errors.push(invalidValue(`${at}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds, 'must not be set for readinessProbes'));
    else if (probe.terminationGracePeriodSeconds <= 0)
      errors.push(invalidValue(`${at}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds, 'must be greater than 0'));
  }
  if (mustSucceedOnce && probe.successThreshold !== 1) errors.push(invalidValue(`${at}.successThreshold`, probe.successThreshold, 'must be 1'));
  return errors;
}

function validateLifecycle(at: string, lifecycle: V1Lifecycle | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle?.[hook];
    if (!handler) continue;
    errors.push(...validateHandler(`${at}.${hook}`, handler, handler.sleep ? 1 : 0));
    if (handler.sleep && handler.sleep.seconds < 0) errors.push(invalidValue(`${at}.${hook}.sleep`, handler.sleep.seconds, 'must be greater than 0'));
  }
  return errors;
}

const standard = new Set(['cpu', 'memory', 'ephemeral-storage']);
function validateResourceName(at: string, name: string): FieldError[] {
  const errors = checked(at, name, qualifiedName);
  if (errors.length === 0 && !name.includes('/') && !standard.has(name) && !name.startsWith('hugepages-')) {
    errors.push(
      invalidValue(at, name, 'must be a standard resource type or fully qualified'),
      invalidValue(at, name, 'must be a standard resource for containers'),
    );
  }
  return errors;
}

export function validateResources(field: string, resources: V1ResourceRequirements | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const { limits = {}, requests = {} } = resources ?? {};
  for (const [part, list] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const name in list) {
      const at = `${field}.${part}[${name}]`;
      errors.push(...validateResourceName(`${field}.${part}`, name));
      const value = parseQuantity(list[name]!);
      if (value !== undefined && value < 0) errors.push(invalidValue(at, list[name], 'must be greater than or equal to 0'));
      if (value !== undefined && !standard.has(name) && !Number.isInteger(value)) errors.push(invalidValue(at, list[name], 'must be an integer'));
    }
  }
  for (const name in requests) {
    const limit = limits[name];
    if (limit === undefined) continue;
    const [want, most] = [parseQuantity(requests[name]!) ?? 0, parseQuantity(limit) ?? 0];
    if (want > most) errors.push(invalidValue(`${field}.requests`, requests[name], `must be less than or equal to ${name} limit of ${limit}`));
    else if (want !== most && !standard.has(name)) errors.push(invalidValue(`${field}.requests`, requests[name], `must be equal to ${name} limit of ${limit}`));
  }
  return errors;
}

function validateSecurity(at: string, context: V1SecurityContext | undefined): FieldError[] {
  if (!context) return [];
  const errors = [...validateId(`${at}.runAsUser`, context.runAsUser), ...validateId(`${at}.runAsGroup`, context.runAsGroup)];
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) errors.push(invalidValue(at, '', 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN'))
      errors.push(invalidValue(at, '', 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
  }
  return errors;
}
export function validateId(at: string, id: number | undefined): FieldError[] {
  return id !== undefined && (id < 0 || id > 2147483647) ? [invalidValue(at, id, 'must be between 0 and 2147483647, inclusive')] : [];
}

export type ContainerRole = 'containers' | 'initContainers' | 'ephemeralContainers';

export function validateContainer(at: string, container: V1Container, role: ContainerRole, context: ContainerContext): FieldError[] {
  const errors: FieldError[] = [];
  if (!container.name) errors.push(required(`${at}.name`));
  else {
    errors.push(...checked(`${at}.name`, container.name, dnsLabel));
    if (context.names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    context.names.add(container.name);
  }
  if (!container.image) errors.push(required(`${at}.image`));
  else if (container.image !== container.image.trim())
    errors.push(invalidValue(`${at}.image`, container.image, 'must not have leading or trailing whitespace'));
  errors.push(
    ...oneOf(`${at}.imagePullPolicy`, container.imagePullPolicy, pullPolicies),
    ...oneOf(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File']),
    ...validatePorts(`${at}.ports`, container.ports, context.hostNetwork),
    ...validateEnv(`${at}.env`, container.env),
    ...validateEnvFrom(`${at}.envFrom`, container.envFrom),
    ...validateMounts(`${at}.volumeMounts`, container.volumeMounts, context.volumes),
    ...validateResources(`${at}.resources`, container.resources),
    ...validateSecurity(`${at}.securityContext`, container.securityContext),
  );
  const sidecar = role === 'initContainers' && container.restartPolicy === 'Always';
  if (role === 'initContainers' && container.restartPolicy !== undefined && !sidecar && !['Never', 'OnFailure'].includes(container.restartPolicy)) {
    errors.push(unsupportedOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']));
  }
  if (role === 'containers' || sidecar) {
    errors.push(
      ...validateLifecycle(`${at}.lifecycle`, container.lifecycle),
      ...validateProbe(`${at}.livenessProbe`, container.livenessProbe, true),
      ...validateProbe(`${at}.readinessProbe`, container.readinessProbe, false),
      ...validateProbe(`${at}.startupProbe`, container.startupProbe, true),
    );
    return errors;
  }
  const banned = role === 'initContainers' ? 'may not be set for init containers without restartPolicy=Always' : 'cannot be set for an Ephemeral Container';
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
    if (container[key]) errors.push(forbidden(`${at}.${key}`, banned));
  return errors;
}
