import type { GetAccountSettingRequest, GetAccountSettingResponse, PutAccountSettingRequest, PutAccountSettingResponse } from '@aws-sdk/client-ecr';
import type { EcrRegistry } from '#kinds';
import { registryAction, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';

/** Settings with their values, the default first. Scans are always those of the instance, and registry policies speak of every action. */
const known: Readonly<Record<string, readonly string[]>> = {
  BASIC_SCAN_TYPE_VERSION: ['AWS_NATIVE'],
  REGISTRY_POLICY_SCOPE: ['V2'],
  BLOB_MOUNTING: ['DISABLED', 'ENABLED'],
};
function valuesOf(name: string): readonly string[] {
  const values = known[name];
  if (!values) throw invalidParameter('name', `Member must satisfy enum value set: [${Object.keys(known).join(', ')}]`);
  return values;
}

function settingOf({ accountSettings }: EcrRegistry, name: string): string | undefined {
  return accountSettings?.[name] ?? valuesOf(name)[0];
}
export const mountsBlobs = (registry: EcrRegistry): boolean => settingOf(registry, 'BLOB_MOUNTING') === 'ENABLED';

export const getAccountSetting = (ecr: Ecr) =>
  registryAction<GetAccountSettingRequest, GetAccountSettingResponse>((input, place) => ({
    name: input.name,
    value: settingOf(ecr.registry(place), input.name),
  }));
export const putAccountSetting = (ecr: Ecr) =>
  registryAction<PutAccountSettingRequest, PutAccountSettingResponse>(async (input, place) => {
    const { name, value } = input;
    if (!valuesOf(name).includes(value)) throw invalidParameter('value', `${name} can only be ${valuesOf(name).toSorted().join(' or ')} here`);
    await ecr.changeRegistry(place, (current) => ({ ...current, accountSettings: { ...current.accountSettings, [name]: value } }));
    return { name, value };
  });
