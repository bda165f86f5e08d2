/** Validation of the volumes of a pod spec. */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type { V1DownwardAPIVolumeFile, V1KeyToPath, V1Volume, V1VolumeProjection } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, oneOf, required, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, validConfigKey } from '../support/names.ts';
import { validateClaimSpec } from './claim-validation.ts';
import { validateFieldRef, validateResourceRef, volumePaths } from './env-validation.ts';
import { validateDriverName } from './persistentvolume-validation.ts';
import { validateDescendingPath, validateLocalPath, validateNoBacksteps } from './volume-paths.ts';

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

function validateMode(field: string, mode: number | undefined): FieldError[] {
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')] : [];
}

function validateItems(field: string, items: V1KeyToPath[] | undefined): FieldError[] {
  return (items ?? []).flatMap((item, i) => {
    const at = `${field}[${i}]`;
    return [
      ...(item.key ? checked(`${at}.key`, item.key, validConfigKey) : [required(`${at}.key`)]),
      ...(item.path ? validateLocalPath(`${at}.path`, item.path) : [required(`${at}.path`)]),
      ...validateMode(`${at}.mode`, item.mode),
    ];
  });
}

function validateFiles(field: string, items: V1DownwardAPIVolumeFile[] | undefined): FieldError[] {
  return (items ?? []).flatMap(({ path, fieldRef, resourceFieldRef, mode }, i) => {
    const at = `${field}[${i}]`;
    const errors = path ? validateLocalPath(`${at}.path`, path) : [required(`${at}.path`)];
    if (fieldRef) {
      errors.push(...validateFieldRef(`${at}.fieldRef`, fieldRef, volumePaths));
      if (resourceFieldRef) errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (resourceFieldRef) errors.push(...validateResourceRef(`${at}.resourceFieldRef`, resourceFieldRef, true));
    else errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
    return [...errors, ...validateMode(`${at}.mode`, mode)];
  });
}

/** The members of a source that have to be there. */
const needed = (at: string, source: object, ...fields: string[]): FieldError[] =>
  fields.filter((field) => !(source as Record<string, unknown>)[field]).map((field) => required(`${at}.${field}`));
const inRange = (at: string, value: number | undefined, most: number): FieldError[] =>
  value !== undefined && (value < 0 || value > most) ? [invalidValue(at, value, `must be between 0 and ${most}, inclusive`)] : [];

type Validator<S> = (at: string, source: S, volume: V1Volume) => FieldError[];
/** One for each sort of volume; a sort without an entry is none. */
const validators: { readonly [Sort in Exclude<keyof V1Volume, 'name'>]-?: Validator<NonNullable<V1Volume[Sort]>> } = {
  emptyDir: (at, { sizeLimit }) =>
    sizeLimit !== undefined && (parseQuantity(sizeLimit) ?? 0) < 0 ? [forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')] : [],
  hostPath: (at, { path, type }) => [
    ...(path ? validateNoBacksteps(`${at}.path`, path) : [required(`${at}.path`)]),
    ...(hostPathTypes.includes(type ?? '') ? [] : [unsupported(`${at}.type`, type, hostPathTypes)]),
  ],
  gitRepo: (at, source) => [...needed(at, source, 'repository'), ...validateDescendingPath(`${at}.directory`, source.directory ?? '')],
  gcePersistentDisk: (at, source) => [...needed(at, source, 'pdName'), ...inRange(`${at}.partition`, source.partition, 255)],
  awsElasticBlockStore: (at, source) => [...needed(at, source, 'volumeID'), ...inRange(`${at}.partition`, source.partition, 255)],
  secret: (at, source) => [
    ...needed(at, source, 'secretName'),
    ...validateMode(`${at}.defaultMode`, source.defaultMode),
    ...validateItems(`${at}.items`, source.items),
  ],
  configMap: (at, source) => [
    ...needed(at, source, 'name'),
    ...validateMode(`${at}.defaultMode`, source.defaultMode),
    ...validateItems(`${at}.items`, source.items),
  ],
  nfs: (at, source) => [
    ...needed(at, source, 'server', 'path'),
    ...(source.path && !source.path.startsWith('/') ? [invalidValue(`${at}.path`, source.path, 'must be an absolute path')] : []),
  ],
  iscsi: (at, source) => [
    ...needed(at, source, 'targetPortal', 'iqn'),
    ...(source.iqn && !/^(iqn|eui|naa)/.test(source.iqn) ? [invalidValue(`${at}.iqn`, source.iqn, 'must be valid format')] : []),
    ...inRange(`${at}.lun`, source.lun, 255),
    ...((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef ? [required(`${at}.secretRef`)] : []),
  ],
  glusterfs: (at, source) => needed(at, source, 'endpoints', 'path'),
  persistentVolumeClaim: (at, source) => needed(at, source, 'claimName'),
  rbd: (at, source) => [...((source.monitors ?? []).length === 0 ? [required(`${at}.monitors`)] : []), ...needed(at, source, 'image')],
  flexVolume: (at, source) => needed(at, source, 'driver'),
  cinder: (at, source) => needed(at, source, 'volumeID'),
  cephfs: (at, source) => ((source.monitors ?? []).length === 0 ? [required(`${at}.monitors`)] : []),
  flocker: (at, { datasetName, datasetUUID }) => {
    if (!datasetName && !datasetUUID) return [required(at, 'one of datasetName and datasetUUID is required')];
    return datasetName && datasetUUID ? [invalidValue(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously')] : [];
  },
  downwardAPI: (at, { defaultMode, items }) => [...validateMode(`${at}.defaultMode`, defaultMode), ...validateFiles(`${at}.items`, items)],
  fc: (at, { targetWWNs = [], wwids = [], lun }) => {
    if (targetWWNs.length === 0 && wwids.length === 0) return [required(`${at}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both')];
    if (targetWWNs.length > 0 && wwids.length > 0)
      return [invalidValue(`${at}.targetWWNs`, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously')];
    return targetWWNs.length > 0 && lun === undefined ? [required(`${at}.lun`, 'lun is required if targetWWNs is specified')] : inRange(`${at}.lun`, lun, 255);
  },
  azureFile: (at, source) => needed(at, source, 'secretName', 'shareName'),
  vsphereVolume: (at, source) => needed(at, source, 'volumePath'),
  quobyte: (at, source) => [
    ...(source.registry ? [] : [required(`${at}.registry`, 'must be a host:port pair or multiple pairs separated by commas')]),
    ...needed(at, source, 'volume'),
  ],
  azureDisk: (at, source) => needed(at, source, 'diskName', 'diskURI'),
  photonPersistentDisk: (at, source) => needed(at, source, 'pdID'),
  portworxVolume: (at, source) => needed(at, source, 'volumeID'),
  scaleIO: (at, source) => needed(at, source, 'gateway', 'system', 'volumeName'),
  storageos: (at, source) => needed(at, source, 'volumeName'),
  csi: (at, source) => [
    ...validateDriverName(`${at}.driver`, source.driver),
    ...(source.nodePublishSecretRef && !source.nodePublishSecretRef.name ? [required(`${at}.nodePublishSecretRef.name`)] : []),
  ],
  projected: (at, { defaultMode, sources }) => [...validateMode(`${at}.defaultMode`, defaultMode), ...validateProjections(at, sources ?? [])],
  ephemeral: (at, { volumeClaimTemplate: template }) =>
    template ? validateClaimSpec(template.spec ?? {}, `${at}.volumeClaimTemplate.spec`) : [required(`${at}.volumeClaimTemplate`)],
  image: (at, source) => [...needed(at, source, 'reference'), ...oneOf(`${at}.pullPolicy`, source.pullPolicy, ['Always', 'IfNotPresent', 'Never'])],
};

const validLife = (at: string, seconds: number | undefined, least: number, text: string): FieldError[] => {
  if (seconds === undefined || (seconds >= least && seconds <= 2 ** 32)) return [];
  return [invalidValue(at, seconds, seconds < least ? text : 'may not specify a duration larger than 2^32 seconds')];
};
const optionalPath = (at: string, path: string | undefined): FieldError[] => (path ? validateLocalPath(at, path) : []);

type Projector<S> = (at: string, source: S) => FieldError[];
const projectors: { readonly [Sort in keyof V1VolumeProjection]-?: Projector<NonNullable<V1VolumeProjection[Sort]>> } = {
  secret: (at, source) => [...needed(at, source, 'name'), ...validateItems(`${at}.items`, source.items)],
  configMap: (at, source) => [...needed(at, source, 'name'), ...validateItems(`${at}.items`, source.items)],
  downwardAPI: (at, source) => validateFiles(`${at}.items`, source.items),
  serviceAccountToken: (at, source) => [
    ...validLife(`${at}.expirationSeconds`, source.expirationSeconds, 600, 'may not specify a duration less than 10 minutes'),
    ...(source.path ? validateLocalPath(`${at}.path`, source.path) : [required(`${at}.path`)]),
  ],
  clusterTrustBundle(at, { name, signerName, labelSelector, path }) {
    const errors: FieldError[] = [];
    if (name !== undefined && signerName !== undefined) errors.push(invalidValue(at, { name, signerName }, 'only one of name and signerName may be used'));
    else if (name === undefined && signerName === undefined) errors.push(required(at, 'either name or signerName must be specified'));
    if (name !== undefined && labelSelector)
      errors.push(invalidValue(`${at}.labelSelector`, labelSelector, 'labelSelector must be unset if name is specified'));
    return [...errors, ...(path ? validateLocalPath(`${at}.path`, path) : [required(`${at}.path`)])];
  },
  podCertificate: (at, source) => [
    ...needed(at, source, 'signerName', 'keyType'),
    ...validLife(`${at}.maxExpirationSeconds`, source.maxExpirationSeconds, 3600, 'if provided, maxExpirationSeconds must be >= 3600'),
    ...optionalPath(`${at}.credentialBundlePath`, source.credentialBundlePath),
    ...optionalPath(`${at}.keyPath`, source.keyPath),
    ...optionalPath(`${at}.certificateChainPath`, source.certificateChainPath),
  ],
};

/** Every path that a projection writes. */
function pathsOf({ secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle }: V1VolumeProjection): (string | undefined)[] {
  const items = [...(secret?.items ?? []), ...(configMap?.items ?? []), ...(downwardAPI?.items ?? [])];
  return [...items.map((item) => item.path), serviceAccountToken?.path, clusterTrustBundle?.path];
}

function validateProjections(at: string, sources: readonly V1VolumeProjection[]): FieldError[] {
  const taken = new Set<string>();
  return sources.flatMap((source, i) => {
    const here = `${at}.sources[${i}]`;
    const [first, ...more] = Object.keys(projectors).filter((sort) => source[sort as keyof V1VolumeProjection] !== undefined) as (keyof V1VolumeProjection)[];
    const errors = first ? (projectors[first] as Projector<unknown>)(`${here}.${first}`, source[first]) : [];
    for (const sort of more) errors.push(forbidden(`${here}.${sort}`, 'may not specify more than 1 volume type'));
    for (const path of pathsOf(source)) {
      if (path && taken.has(path)) errors.push(invalidValue(at, source.secret?.name ?? source.configMap?.name ?? path, 'conflicting duplicate paths'));
      if (path) taken.add(path);
    }
    return errors;
  });
}

function validateSource(at: string, volume: V1Volume): FieldError[] {
  const [first, ...more] = Object.keys(volume).filter((key) => key in validators) as (keyof typeof validators)[];
  if (!first) return [required(at, 'must specify a volume type')];
  const errors = (validators[first] as Validator<unknown>)(`${at}.${first}`, volume[first], volume);
  for (const sort of more) errors.push(forbidden(`${at}.${sort}`, 'may not specify more than 1 volume type'));
  return errors;
}

/** `podName` is known for pods only: it becomes part of the names of claims. */
export function validateVolumes(field: string, volumes: V1Volume[] | undefined, podName?: string): FieldError[] {
  const seen = new Set<string>();
  return (volumes ?? []).flatMap((volume, i) => {
    const at = `${field}[${i}]`;
    const errors = validateSource(at, volume);
    const { name } = volume;
    if (!name) return [...errors, required(`${at}.name`)];
    errors.push(...checked(`${at}.name`, name, dnsLabel));
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    const claim = `${podName}-${name}`;
    if (volume.ephemeral && podName) errors.push(...dnsSubdomain(claim).map((problem) => invalidValue(`${at}.name`, name, `PVC name "${claim}": ${problem}`)));
    return errors;
  });
}
