/** Validation of the volumes of a pod spec. */
import type { FieldError } from '#machinery';
import type { V1KeyToPath, V1Volume } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, validConfigKey } from '../support/names.ts';

const sources = new Set(
  `awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo
  glusterfs hostPath image iscsi nfs persistentVolumeClaim photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume`.split(
    /\s+/,
  ),
);
const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export function validateMode(field: string, mode: number | undefined): FieldError[] {
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')] : [];
}

export function validateLocalPath(field: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (path.startsWith('/')) errors.push(invalidValue(field, path, 'must be a relative path'));
  if (path.split('/').includes('..')) errors.push(invalidValue(field, path, "must not contain '..'"));
  else if (path.startsWith('..')) errors.push(invalidValue(field, path, "must not start with '..'"));
  return errors;
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

function validateSource(at: string, volume: V1Volume): FieldError[] {
  const errors: FieldError[] = [];
  const given = Object.keys(volume).filter((key) => sources.has(key));
  if (given.length === 0) return [required(at, 'must specify a volume type')];
  for (const extra of given.slice(1)) errors.push(forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type'));
  if (volume.configMap) {
    if (!volume.configMap.name) errors.push(required(`${at}.configMap.name`));
    errors.push(
      ...validateMode(`${at}.configMap.defaultMode`, volume.configMap.defaultMode),
      ...validateItems(`${at}.configMap.items`, volume.configMap.items),
    );
  }
  if (volume.secret) {
    if (!volume.secret.secretName) errors.push(required(`${at}.secret.secretName`));
    errors.push(...validateMode(`${at}.secret.defaultMode`, volume.secret.defaultMode), ...validateItems(`${at}.secret.items`, volume.secret.items));
  }
  if (volume.hostPath) {
    if (!volume.hostPath.path) errors.push(required(`${at}.hostPath.path`));
    else if (volume.hostPath.path.split('/').includes('..')) errors.push(invalidValue(`${at}.hostPath.path`, volume.hostPath.path, "must not contain '..'"));
    if (!hostPathTypes.includes(volume.hostPath.type ?? '')) errors.push(unsupportedOf(`${at}.hostPath.type`, volume.hostPath.type, hostPathTypes));
  }
  if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) errors.push(required(`${at}.persistentVolumeClaim.claimName`));
  if (volume.nfs) {
    if (!volume.nfs.server) errors.push(required(`${at}.nfs.server`));
    if (!volume.nfs.path) errors.push(required(`${at}.nfs.path`));
    else if (!volume.nfs.path.startsWith('/')) errors.push(invalidValue(`${at}.nfs.path`, volume.nfs.path, 'must be an absolute path'));
  }
  return [...errors, ...validateProjected(at, volume)];
}

function validateProjected(at: string, volume: V1Volume): FieldError[] {
  const errors = volume.downwardAPI ? validateMode(`${at}.downwardAPI.defaultMode`, volume.downwardAPI.defaultMode) : [];
  errors.push(...validateMode(`${at}.projected.defaultMode`, volume.projected?.defaultMode));
  volume.projected?.sources?.forEach((source, i) => {
    const here = `${at}.projected.sources[${i}]`;
    if (source.configMap) {
      if (!source.configMap.name) errors.push(required(`${here}.configMap.name`));
      errors.push(...validateItems(`${here}.configMap.items`, source.configMap.items));
    }
    if (source.secret) {
      if (!source.secret.name) errors.push(required(`${here}.secret.name`));
      errors.push(...validateItems(`${here}.secret.items`, source.secret.items));
    }
    const token = source.serviceAccountToken;
    if (token) {
      if ((token.expirationSeconds ?? 3600) < 600)
        errors.push(invalidValue(`${here}.serviceAccountToken.expirationSeconds`, token.expirationSeconds, 'may not specify a duration less than 10 minutes'));
      if (!token.path) errors.push(required(`${here}.serviceAccountToken.path`));
      else errors.push(...validateLocalPath(`${here}.serviceAccountToken.path`, token.path));
    }
  });
  return errors;
}

export function validateVolumes(field: string, volumes: V1Volume[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (volumes ?? []).flatMap((volume, i) => {
    const at = `${field}[${i}]`;
    const errors = validateSource(at, volume);
    if (!volume.name) errors.push(required(`${at}.name`));
    else {
      errors.push(...checked(`${at}.name`, volume.name, dnsLabel));
      if (seen.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
      seen.add(volume.name);
    }
    return errors;
  });
}
