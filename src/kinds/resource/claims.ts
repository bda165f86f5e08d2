/** What claims, claim templates and device classes ask of devices (pkg/apis/resource/validation). */
import type { FieldError } from '#machinery';
import type {
  V1DeviceClaim,
  V1DeviceConstraint,
  V1DeviceRequest,
  V1DeviceSelector,
  V1DeviceToleration,
  V1ExactDeviceRequest,
  V1OpaqueDeviceConfiguration,
  V1ResourceClaimSpec,
} from '../generated/types.ts';
import { duplicate, invalidValue, required, tooLong, tooMany, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validLabelValue } from '../support/names.ts';
import { validateDriverName } from '../core/persistentvolume-validation.ts';

const modes = ['All', 'ExactCount'];
const effects = ['NoExecute', 'NoSchedule', 'None'];
const maxRequests = 32;
const maxSubRequests = 8;

/** An exact request, or one alternative of several: everything but the name. */
type Wish = V1ExactDeviceRequest;

function defaultWish(wish: Wish): void {
  wish.allocationMode ||= 'ExactCount';
  if (wish.allocationMode === 'ExactCount') wish.count ||= 1;
  for (const toleration of wish.tolerations ?? []) toleration.operator ||= 'Equal';
}
export function defaultClaimSpec(spec: V1ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    if (request.exactly) defaultWish(request.exactly);
    request.firstAvailable?.forEach(defaultWish);
  }
}

const atMost = (field: string, count: number, max: number): FieldError[] => (count > max ? [tooMany(field, count, max)] : []);

export function validateSelectors(field: string, selectors: V1DeviceSelector[] | undefined): FieldError[] {
  return [
    ...atMost(field, selectors?.length ?? 0, 32),
    ...(selectors ?? []).flatMap(({ cel }, i) => {
      if (!cel) return [required(`${field}[${i}].cel`)];
      if (!cel.expression) return [required(`${field}[${i}].cel.expression`)];
      return cel.expression.length > 10_240 ? [tooLong(`${field}[${i}].cel.expression`, 10_240)] : [];
    }),
  ];
}

function validateToleration(at: string, { key, operator, value, effect }: V1DeviceToleration): FieldError[] {
  const errors = key ? checked(`${at}.key`, key, qualifiedName) : [];
  if (operator === 'Exists') {
    if (value) errors.push(invalidValue(`${at}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...(key ? [] : [required(`${at}.key`)]), ...checked(`${at}.value`, value ?? '', validLabelValue));
  else errors.push(unsupported(`${at}.operator`, operator ?? '', ['Equal', 'Exists']));
  if (effect && !effects.includes(effect)) errors.push(unsupported(`${at}.effect`, effect, effects));
  return errors;
}

function validateWish(at: string, wish: Wish): FieldError[] {
  const errors = wish.deviceClassName ? checked(`${at}.deviceClassName`, wish.deviceClassName, dnsSubdomain) : [required(`${at}.deviceClassName`)];
  errors.push(...validateSelectors(`${at}.selectors`, wish.selectors));
  if (wish.allocationMode === 'All') {
    if (wish.count) errors.push(invalidValue(`${at}.count`, wish.count, "must not be specified when allocationMode is 'All'"));
  } else if (wish.allocationMode === 'ExactCount') {
    if ((wish.count ?? 0) <= 0) errors.push(invalidValue(`${at}.count`, wish.count ?? 0, 'must be greater than zero'));
  } else errors.push(unsupported(`${at}.allocationMode`, wish.allocationMode ?? '', modes));
  wish.tolerations?.forEach((toleration, i) => errors.push(...validateToleration(`${at}.tolerations[${i}]`, toleration)));
  return errors;
}

function validateRequest(at: string, request: V1DeviceRequest): FieldError[] {
  const errors = request.name ? checked(`${at}.name`, request.name, dnsLabel) : [required(`${at}.name`)];
  const { exactly, firstAvailable } = request;
  if (!exactly && !firstAvailable?.length) return [...errors, required(at, 'exactly one of `exactly` or `firstAvailable` is required')];
  if (exactly && firstAvailable?.length)
    return [...errors, invalidValue(at, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set')];
  if (exactly) return [...errors, ...validateWish(`${at}.exactly`, exactly)];
  const names = firstAvailable!.map((one) => one.name);
  errors.push(...atMost(`${at}.firstAvailable`, names.length, maxSubRequests));
  firstAvailable!.forEach((one, i) => {
    const here = `${at}.firstAvailable[${i}]`;
    if (names.indexOf(one.name) < i) errors.push(duplicate(`${here}.name`, one.name));
    errors.push(...(one.name ? checked(`${here}.name`, one.name, dnsLabel) : [required(`${here}.name`)]), ...validateWish(here, one));
  });
  return errors;
}

export function validateOpaque(at: string, opaque: V1OpaqueDeviceConfiguration | undefined): FieldError[] {
  if (!opaque) return [required(at)];
  const errors = validateDriverName(`${at}.driver`, opaque.driver);
  if (opaque.parameters === undefined || opaque.parameters === null) errors.push(required(`${at}.parameters`));
  else if (typeof opaque.parameters !== 'object' || Array.isArray(opaque.parameters))
    errors.push(invalidValue(`${at}.parameters`, '<value omitted>', 'error parsing data as JSON: must be an object'));
  return errors;
}

/** `request`, or `request/alternative`. */
function validateReferences(field: string, names: string[] | undefined, known: ReadonlySet<string>): FieldError[] {
  return (names ?? []).flatMap((name, i) => {
    const at = `${field}[${i}]`;
    if (names!.indexOf(name) < i) return [duplicate(at, name)];
    return known.has(name)
      ? []
      : [invalidValue(at, name, "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'")];
  });
}

function validateConstraint(at: string, constraint: V1DeviceConstraint, known: ReadonlySet<string>): FieldError[] {
  const errors = validateReferences(`${at}.requests`, constraint.requests, known);
  const { matchAttribute, distinctAttribute } = constraint;
  const attribute = matchAttribute ?? distinctAttribute;
  const field = `${at}.${distinctAttribute !== undefined && matchAttribute === undefined ? 'distinctAttribute' : 'matchAttribute'}`;
  if (!attribute) return [...errors, required(field)];
  if (!attribute.includes('/')) return [...errors, invalidValue(field, attribute, 'must include a domain')];
  return [...errors, ...checked(field, attribute, qualifiedName)];
}

function validateDevices(at: string, devices: V1DeviceClaim): FieldError[] {
  const requests = devices.requests ?? [];
  const known = new Set<string>();
  const errors = atMost(`${at}.requests`, requests.length, maxRequests);
  requests.forEach((request, i) => {
    if (known.has(request.name)) errors.push(duplicate(`${at}.requests[${i}].name`, request.name));
    known.add(request.name);
    request.firstAvailable?.forEach((one) => known.add(`${request.name}/${one.name}`));
    errors.push(...validateRequest(`${at}.requests[${i}]`, request));
  });
  devices.constraints?.forEach((constraint, i) => errors.push(...validateConstraint(`${at}.constraints[${i}]`, constraint, known)));
  devices.config?.forEach((config, i) => {
    const here = `${at}.config[${i}]`;
    errors.push(...validateReferences(`${here}.requests`, config.requests, known), ...validateOpaque(`${here}.opaque`, config.opaque));
  });
  return errors;
}

export const validateClaimSpec = (at: string, spec: V1ResourceClaimSpec | undefined): FieldError[] =>
  spec?.devices ? validateDevices(`${at}.devices`, spec.devices) : [];
