/** What slices say of amounts: capacity with policies for requests (KEP-5075), and counters that parts share (KEP-4815). */
import { formatAmount, parseAmount, type Amount } from '#base';
import type { FieldError } from '#machinery';
import type { V1CapacityRequestPolicy, V1CapacityRequestPolicyRange, V1Device, V1DeviceCapacity, V1ResourceSliceSpec } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, tooMany } from '../support/errors.ts';
import { checked, dnsLabel, qualifiedName } from '../support/names.ts';

const maxSets = 8;
const maxConsumptions = 2;
const maxCounters = 32;
const maxConditions = 4;
const maxChoices = 10;

const nano = (text: string | undefined): bigint => parseAmount(text ?? '')?.nano ?? 0n;
const words = (text: string): string => formatAmount(parseAmount(text) ?? { nano: 0n, format: 'decimal' });

export function validateCapacity(at: string, { value, requestPolicy }: V1DeviceCapacity, isShared: boolean): FieldError[] {
  if (!requestPolicy) return [];
  const here = `${at}.requestPolicy`;
  if (!isShared) return [forbidden(here, 'allowMultipleAllocations must be true')];
  const { validValues, validRange } = requestPolicy;
  if (validValues?.length && validRange)
    return [forbidden(here, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')];
  if (validValues?.length) return validateChoices(here, requestPolicy, validValues, value);
  if (!validRange) return [];
  if (requestPolicy.default === undefined) return [required(`${here}.default`, 'required when validRange is defined')];
  return validateRange(`${here}.validRange`, requestPolicy.default, validRange, value);
}

function validateChoices(at: string, policy: V1CapacityRequestPolicy, choices: readonly string[], capacity: string): FieldError[] {
  if (policy.default === undefined) return [required(`${at}.default`, 'required when validValues is defined')];
  const field = `${at}.validValues`;
  if (choices.length > maxChoices) return [tooMany(field, choices.length, maxChoices)];
  const amounts = choices.map(nano);
  const errors = choices.flatMap((choice, i) => [
    ...(i > 0 && amounts[i]! < amounts[i - 1]! ? [invalidValue(`${field}[${i}]`, words(choice), 'values must be sorted in ascending order')] : []),
    ...(amounts[i]! > nano(capacity) ? [invalidValue(`${field}[${i}]`, words(choice), `option is larger than capacity value: ${words(capacity)}`)] : []),
    ...(amounts.indexOf(amounts[i]!) < i ? [duplicate(`${field}[${i}]`, words(choice))] : []),
  ]);
  if (!amounts.includes(nano(policy.default)))
    errors.push(invalidValue(field, words(policy.default), 'default value is not valid according to the requestPolicy'));
  return errors;
}

function validateRange(at: string, standard: string, { min, max, step }: V1CapacityRequestPolicyRange, capacity: string): FieldError[] {
  if (min === undefined) return [required(`${at}.min`, 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const refuse = (is: boolean, field: string, value: string, why: string): void => void (is && errors.push(invalidValue(`${at}.${field}`, words(value), why)));
  const all = nano(capacity);
  refuse(nano(min) > all, 'min', min, `min is larger than capacity value: ${words(capacity)}`);
  refuse(nano(standard) < nano(min), 'default', standard, `default is less than min: ${words(min)}`);
  if (max !== undefined) {
    refuse(nano(min) > nano(max), 'max', min, `min is larger than max: ${words(max)}`);
    refuse(nano(max) > all, 'max', max, `max is larger than capacity value: ${words(capacity)}`);
    refuse(nano(standard) > nano(max), 'default', standard, `default is more than max: ${words(max)}`);
  }
  if (step === undefined) return errors;
  refuse(nano(step) <= 0n, 'step', step, 'must be greater than zero');
  if (nano(step) <= 0n) return errors;
  const first: Amount = { nano: nano(min) + nano(step), format: parseAmount(min)?.format ?? 'decimal' };
  refuse(first.nano > all, 'step', step, `one step ${formatAmount(first)} is larger than capacity value: ${words(capacity)}`);
  for (const value of [standard, max])
    if (value !== undefined)
      refuse((nano(value) - nano(min)) % nano(step) !== 0n, 'step', value, `value is not a multiple of a given step (${words(step)}) from (${words(min)})`);
  return errors;
}

type Counters = { readonly [name: string]: unknown };
function validateCounters(at: string, counters: Counters | undefined): FieldError[] {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return [required(at)];
  if (names.length > maxCounters) return [tooMany(at, names.length, maxCounters)];
  return names.flatMap((name) => checked(at, name, dnsLabel));
}
/** Sets of counters, or what a device takes of them: each with a name of its own. */
function validateSets(at: string, sets: readonly { name: string; counters: Counters }[], most: number, key: string): FieldError[] {
  if (sets.length > most) return [tooMany(at, sets.length, most)];
  return sets.flatMap(({ name, counters }, i) => [
    ...(name ? checked(`${at}[${i}].${key}`, name, dnsLabel) : [required(`${at}[${i}].${key}`)]),
    ...validateCounters(`${at}[${i}].counters`, counters),
    ...(sets.findIndex((one) => one.name === name) < i ? [duplicate(`${at}[${i}]`, name)] : []),
  ]);
}
export function validateSharedCounters({ sharedCounters, devices }: Partial<V1ResourceSliceSpec>): FieldError[] {
  if (!sharedCounters) return [];
  return [
    ...(devices ? [invalidValue('spec', '', 'only one of `sharedCounters` or `devices` is allowed')] : []),
    ...validateSets('spec.sharedCounters', sharedCounters, maxSets, 'name'),
  ];
}
export function validateConsumption(at: string, { consumesCounters = [] }: V1Device): FieldError[] {
  const sets = consumesCounters.map(({ counterSet, counters }) => ({ name: counterSet, counters }));
  return validateSets(`${at}.consumesCounters`, sets, maxConsumptions, 'counterSet');
}

/** Conditions that a binding waits for, and those that end it (KEP-5007): both or none. */
export function validateBinding(at: string, { bindingConditions, bindingFailureConditions }: V1Device): FieldError[] {
  const errors = [...validateTypes(`${at}.bindingConditions`, bindingConditions), ...validateTypes(`${at}.bindingFailureConditions`, bindingFailureConditions)];
  const [some, others] = [bindingConditions?.length ?? 0, bindingFailureConditions?.length ?? 0];
  if (some > 0 && others === 0)
    errors.push(
      invalidValue(`${at}.bindingFailureConditions`, bindingFailureConditions ?? [], 'bindingFailureConditions are required to use bindingConditions'),
    );
  if (some === 0 && others > 0)
    errors.push(invalidValue(`${at}.bindingConditions`, bindingConditions ?? [], 'bindingConditions are required to use bindingFailureConditions'));
  bindingFailureConditions?.forEach((type, i) => {
    if (bindingConditions?.includes(type))
      errors.push(invalidValue(`${at}.bindingFailureConditions[${i}]`, type, 'bindingFailureConditions must not overlap with bindingConditions'));
  });
  return errors;
}
function validateTypes(field: string, types: readonly string[] = []): FieldError[] {
  if (types.length > maxConditions) return [tooMany(field, types.length, maxConditions)];
  return types.flatMap((type, i) => [
    ...checked(`${field}[${i}]`, type, qualifiedName),
    ...(types.indexOf(type) < i ? [duplicate(`${field}[${i}]`, type)] : []),
  ]);
}
