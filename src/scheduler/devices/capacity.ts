import { parseAmount, zeroAmount, type Amount } from '#base';
import type { V1CapacityRequestPolicy, V1Device } from '#kinds';
import { qualified } from './names.ts';

/** What an allocation takes of a device's capacity, by the device's own names of it. */
export type Consumed = ReadonlyMap<string, Amount>;
type Requests = { readonly [name: string]: string };

/**
 * What a request takes of a device (KEP-5075): what it asks for, rounded up to what the device's policy allows; of a capacity that
 * it does not name the policy's default, and without a policy all. Undefined: the device has not as much, or nothing of that name.
 */
export function consumedBy(driver: string, device: V1Device, requests: Requests = {}): Consumed | undefined {
  const wanted = new Map(Object.entries(requests).map(([name, text]) => [qualified(driver, name).join('/'), parseAmount(text) ?? zeroAmount]));
  const out = new Map<string, Amount>();
  for (const [name, { value, requestPolicy }] of Object.entries(device.capacity ?? {})) {
    const there = parseAmount(value) ?? zeroAmount;
    const fullName = qualified(driver, name).join('/');
    const amount = amountOf(wanted.get(fullName), there, requestPolicy);
    wanted.delete(fullName);
    if (amount === undefined || amount.nano > there.nano) return undefined;
    out.set(name, amount);
  }
  return wanted.size === 0 ? out : undefined;
}

/** Undefined: the policy does not allow it. */
function amountOf(asked: Amount | undefined, there: Amount, policy: V1CapacityRequestPolicy | undefined): Amount | undefined {
  if (!policy) return asked ?? there;
  const least = asked ?? parseAmount(policy.default ?? '') ?? there;
  const { validRange, validValues } = policy;
  if (validRange) {
    const min = parseAmount(validRange.min) ?? zeroAmount;
    const max = validRange.max === undefined ? undefined : parseAmount(validRange.max);
    const amount = { ...least, nano: steppedUp(least.nano, min.nano, parseAmount(validRange.step ?? '')?.nano ?? 0n) };
    return max && amount.nano > max.nano ? undefined : amount;
  }
  if (!validValues?.length) return least;
  return validValues.flatMap((text) => parseAmount(text) ?? []).find((one) => one.nano >= least.nano);
}
function steppedUp(value: bigint, min: bigint, step: bigint): bigint {
  if (value <= min) return min;
  return step > 0n ? min + ((value - min + step - 1n) / step) * step : value;
}
