/** Validation of environment variables and of the downward API. */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type { V1EnvFromSource, V1EnvVar, V1ObjectFieldSelector, V1ResourceFieldSelector } from '../generated/types.ts';
import { invalidValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsSubdomain, qualifiedName, validConfigKey, validEnvVarName } from '../support/names.ts';
import { validateLocalPath } from './volume-paths.ts';

const envPaths = [
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
export const volumePaths: readonly string[] = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
/** What fields of a pod have a name here at all. */
const knownPaths = new Set([...envPaths, ...volumePaths, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'status.nominatedNodeName']);

/** `paths` are those that may be used without a subscript. */
export function validateFieldRef(at: string, { apiVersion, fieldPath }: V1ObjectFieldSelector, paths: readonly string[] = envPaths): FieldError[] {
  if (!apiVersion) return [required(`${at}.apiVersion`)];
  if (!fieldPath) return [required(`${at}.fieldPath`)];
  if (apiVersion !== 'v1') return [invalidValue(`${at}.fieldPath`, fieldPath, `error converting fieldPath: unsupported pod version: ${apiVersion}`)];
  const subscript = /^(.*)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) {
    const [, path = '', key = ''] = subscript;
    if (path === 'metadata.annotations') return checked(at, key.toLowerCase(), qualifiedName);
    if (path === 'metadata.labels') return checked(at, key, qualifiedName);
    return [invalidValue(`${at}.fieldPath`, fieldPath, `error converting fieldPath: field label does not support subscript: ${fieldPath}`)];
  }
  if (!knownPaths.has(fieldPath)) return [invalidValue(`${at}.fieldPath`, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
  return paths.includes(fieldPath) ? [] : [unsupportedOf(`${at}.fieldPath`, fieldPath, paths)];
}

const resourcePaths = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];
const byteUnits = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

function validateDivisor(at: string, resource: string, divisor: string | undefined): FieldError[] {
  if (divisor === undefined || parseQuantity(divisor) === 0) return [];
  const kind = resource.replace(/^(limits|requests)\./, '');
  if (kind === 'cpu')
    return ['1m', '1'].includes(divisor) ? [] : [invalidValue(at, resource, "only divisor's values 1m and 1 are supported with the cpu resource")];
  if (byteUnits.includes(divisor)) return [];
  const what = kind === 'ephemeral-storage' ? 'local ephemeral storage' : kind.startsWith('hugepages-') ? 'hugepages' : kind;
  return [invalidValue(at, resource, `only divisor's values ${byteUnits.join(', ')} are supported with the ${what} resource`)];
}

/** In a volume the container has to be named. */
export function validateResourceRef(at: string, { containerName, resource, divisor }: V1ResourceFieldSelector, inVolume = false): FieldError[] {
  const errors: FieldError[] = [];
  if (inVolume && !containerName) errors.push(required(`${at}.containerName`));
  else if (!resource) errors.push(required(`${at}.resource`));
  else if (!resourcePaths.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource))
    errors.push(unsupportedOf(`${at}.resource`, resource, resourcePaths));
  return [...errors, ...validateDivisor(`${at}.divisor`, resource ?? '', divisor)];
}

function validateKeyRef(at: string, ref: { name?: string; key: string }): FieldError[] {
  return [...checked(`${at}.name`, ref.name ?? '', dnsSubdomain), ...(ref.key ? checked(`${at}.key`, ref.key, validConfigKey) : [required(`${at}.key`)])];
}

function validateValueFrom(at: string, { value, valueFrom: from }: V1EnvVar, volumes: ReadonlySet<string>): FieldError[] {
  if (!from) return [];
  const errors: FieldError[] = [];
  if (from.fieldRef) errors.push(...validateFieldRef(`${at}.fieldRef`, from.fieldRef));
  if (from.resourceFieldRef) errors.push(...validateResourceRef(`${at}.resourceFieldRef`, from.resourceFieldRef));
  if (from.configMapKeyRef) errors.push(...validateKeyRef(`${at}.configMapKeyRef`, from.configMapKeyRef));
  if (from.secretKeyRef) errors.push(...validateKeyRef(`${at}.secretKeyRef`, from.secretKeyRef));
  if (from.fileKeyRef) {
    const { key, path, volumeName } = from.fileKeyRef;
    const here = `${at}.fileKeyRef`;
    errors.push(...(key ? checked(`${here}.key`, key, validEnvVarName) : [required(`${here}.key`)]));
    errors.push(...(path ? validateLocalPath(`${here}.path`, path) : [required(`${here}.path`)]));
    if (!volumeName) errors.push(required(`${here}.volumeName`));
    else if (!volumes.has(volumeName)) errors.push(invalidValue(`${here}.volumeName`, volumeName, 'volume not found in pod spec'));
  }
  const count = Object.keys(from).length;
  if (count === 0) errors.push(invalidValue(at, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  else if (value) errors.push(invalidValue(at, '', 'may not be specified when `value` is not empty'));
  else if (count > 1) errors.push(invalidValue(at, '', 'may not have more than one field specified at a time'));
  return errors;
}

export function validateEnv(field: string, env: V1EnvVar[] | undefined, volumes: ReadonlySet<string>): FieldError[] {
  return (env ?? []).flatMap((variable, i) => {
    const at = `${field}[${i}]`;
    return [
      ...(variable.name ? checked(`${at}.name`, variable.name, validEnvVarName) : [required(`${at}.name`)]),
      ...validateValueFrom(`${at}.valueFrom`, variable, volumes),
    ];
  });
}

export function validateEnvFrom(field: string, sources: V1EnvFromSource[] | undefined): FieldError[] {
  return (sources ?? []).flatMap((source, i) => {
    const at = `${field}[${i}]`;
    const errors = source.prefix ? checked(`${at}.prefix`, source.prefix, validEnvVarName) : [];
    const given = (['configMapRef', 'secretRef'] as const).filter((kind) => source[kind]);
    for (const kind of given) {
      const name = source[kind]!.name;
      errors.push(...(name ? checked(`${at}.${kind}.name`, name, dnsSubdomain) : [required(`${at}.${kind}.name`)]));
    }
    if (given.length === 0) errors.push(invalidValue(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (given.length > 1) errors.push(invalidValue(field, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}
