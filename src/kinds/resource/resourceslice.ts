import { defineKind, type FieldError, type Kind } from '#machinery';
import { validateDriverName } from '../core/persistentvolume-validation.ts';
import type { V1Device, V1DeviceAttribute, V1ResourceSlice, V1ResourceSliceSpec } from '../generated/types.ts';
import { validateBinding, validateCapacity, validateConsumption, validateSharedCounters } from './device-capacity.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, invalidValue, required, tooLong, tooMany, unchanged, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validLabelValue } from '../support/names.ts';
import { validateNodeSelector } from '../support/node-selector.ts';

const maxDevices = 128;
/** With taints, counters or attributes that are lists. */
const maxRichDevices = 64;
const maxTaints = 16;
const maxProperties = 32;
const attributeValues = ['bool', 'bools', 'int', 'ints', 'string', 'strings', 'version', 'versions'] as const;
/** Where a slice's devices are: exactly one of these says it. */
const places = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'] as const;
const identifier = /^[A-Za-z_]\w*$/;

/** `vendor.example.com/model`, or `model` of the driver's own domain. */
function validateName(field: string, name: string): FieldError[] {
  const [own = '', ...rest] = name.split('/').toReversed();
  const errors = identifier.test(own)
    ? []
    : [
        invalidValue(
          field,
          name,
          "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')",
        ),
      ];
  return rest.length === 0 ? errors : [...errors, ...checked(field, rest.toReversed().join('/'), dnsSubdomain)];
}

function validateAttribute(at: string, attribute: V1DeviceAttribute): FieldError[] {
  const given = attributeValues.filter((key) => attribute[key] !== undefined);
  if (given.length === 0) return [required(at, 'exactly one value must be specified')];
  if (given.length > 1) return [invalidValue(at, attribute, 'exactly one value must be specified')];
  const text = attribute.string ?? attribute.version;
  return text !== undefined && text.length > 64 ? [tooLong(`${at}.${given[0]}`, 64)] : [];
}

function validateDevice(at: string, device: V1Device, perDevice: boolean): FieldError[] {
  const errors = device.name ? checked(`${at}.name`, device.name, dnsLabel) : [required(`${at}.name`)];
  const properties = Object.keys(device.attributes ?? {}).length + Object.keys(device.capacity ?? {}).length;
  if (properties > maxProperties) errors.push(invalidValue(at, properties, `the total number of attributes and capacities must not exceed ${maxProperties}`));
  for (const key in device.attributes)
    errors.push(...validateName(`${at}.attributes[${key}]`, key), ...validateAttribute(`${at}.attributes[${key}]`, device.attributes[key]!));
  for (const key in device.capacity)
    errors.push(
      ...validateName(`${at}.capacity[${key}]`, key),
      ...validateCapacity(`${at}.capacity[${key}]`, device.capacity[key]!, device.allowMultipleAllocations === true),
    );
  if ((device.taints?.length ?? 0) > maxTaints) errors.push(tooMany(`${at}.taints`, device.taints!.length, maxTaints));
  errors.push(...validateConsumption(at, device), ...validateBinding(at, device));
  device.taints?.forEach((taint, i) => {
    const here = `${at}.taints[${i}]`;
    errors.push(...checked(`${here}.key`, taint.key ?? '', qualifiedName), ...checked(`${here}.value`, taint.value ?? '', validLabelValue));
    if (!taint.effect) errors.push(required(`${here}.effect`));
    else if (!['NoExecute', 'NoSchedule', 'None'].includes(taint.effect))
      errors.push(unsupported(`${here}.effect`, taint.effect, ['NoExecute', 'NoSchedule', 'None']));
  });
  const given = [device.nodeName !== undefined, device.nodeSelector !== undefined, device.allNodes === true].filter(Boolean).length;
  if (perDevice && given === 0)
    errors.push(
      required(
        at,
        'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      ),
    );
  if (perDevice && given > 1)
    errors.push(
      invalidValue(
        at,
        null,
        'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      ),
    );
  return errors;
}

const lists = ['bools', 'ints', 'strings', 'versions'] as const;
const isRich = ({ taints, consumesCounters, attributes }: V1Device): boolean =>
  Boolean(taints?.length || consumesCounters?.length) || Object.values(attributes ?? {}).some((attribute) => lists.some((key) => attribute[key] !== undefined));

function validatePlace(spec: V1ResourceSliceSpec): FieldError[] {
  const given = places.filter((place) => spec[place] !== undefined && spec[place] !== false && spec[place] !== '');
  const text = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (given.length === 0) return [required('spec', text)];
  if (given.length > 1) return [invalidValue('spec', `{${given.map((place) => `\`${place}\``).join(', ')}}`, text)];
  if (spec.nodeName) return checked('spec.nodeName', spec.nodeName, dnsSubdomain);
  if (!spec.nodeSelector) return [];
  const terms = spec.nodeSelector.nodeSelectorTerms ?? [];
  if (terms.length !== 1) return [invalidValue('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term')];
  return validateNodeSelector('spec.nodeSelector', spec.nodeSelector);
}

function validatePool({ pool }: V1ResourceSliceSpec): FieldError[] {
  const at = 'spec.pool';
  if (!pool?.name) return [required(`${at}.name`)];
  const errors = pool.name.split('/').flatMap((part) => checked(`${at}.name`, part, dnsSubdomain));
  if ((pool.resourceSliceCount ?? 0) <= 0) errors.push(invalidValue(`${at}.resourceSliceCount`, pool.resourceSliceCount ?? 0, 'must be greater than zero'));
  if (pool.generation < 0) errors.push(invalidValue(`${at}.generation`, pool.generation, 'must be greater than or equal to zero'));
  return errors;
}

function validate({ spec }: V1ResourceSlice, old: V1ResourceSlice | undefined): FieldError[] {
  const devices = spec?.devices ?? [];
  const errors = [...validateDriverName('spec.driver', spec?.driver), ...validatePool(spec ?? {}), ...validatePlace(spec ?? {})];
  errors.push(...validateSharedCounters(spec ?? {}));
  const most = devices.some(isRich) ? maxRichDevices : maxDevices;
  if (devices.length > most) return [...errors, tooMany('spec.devices', devices.length, most)];
  const seen = new Set<string>();
  devices.forEach((device, i) => {
    if (seen.has(device.name)) errors.push(duplicate(`spec.devices[${i}].name`, device.name));
    seen.add(device.name);
    errors.push(...validateDevice(`spec.devices[${i}]`, device, spec?.perDeviceNodeSelection === true));
  });
  if (!old) return errors;
  return [
    ...errors,
    ...unchanged('spec.driver', spec?.driver, old.spec?.driver),
    ...unchanged('spec.pool.name', spec?.pool?.name, old.spec?.pool?.name),
    ...unchanged('spec.nodeName', spec?.nodeName, old.spec?.nodeName),
  ];
}

export const ResourceSlice: Kind<V1ResourceSlice> = defineKind<V1ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  namespaced: false,
  schema: 'V1ResourceSlice',
  generation: true,
  columns: [
    nameColumn,
    column('Node', 'string', 'NodeName identifies the node which provides the resources in this slice.', ({ spec }) => spec?.nodeName ?? ''),
    column('Driver', 'string', 'Driver identifies the DRA driver providing the capacity information.', ({ spec }) => spec?.driver),
    column('Pool', 'string', 'Pool describes the pool that this ResourceSlice belongs to.', ({ spec }) => spec?.pool?.name),
    ageColumn,
  ],
  selectableFields: { 'spec.nodeName': ({ spec }) => spec?.nodeName ?? '', 'spec.driver': ({ spec }) => spec?.driver ?? '' },
  validate,
});
