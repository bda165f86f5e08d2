import type { GetAccountSettingRequest, GetAccountSettingResponse, PutAccountSettingRequest, PutAccountSettingResponse } from '@aws-sdk/client-ecr';
import { registryAction, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';

/** Settings with their values, the default first. */
const known: Readonly<Record<string, readonly string[]>> = {
  BASIC_SCAN_TYPE_VERSION: ['AWS_NATIVE'],
  REGISTRY_POLICY_SCOPE: ['V2'],
  BLOB_MOUNTING: ['ENABLED'],
};
function valuesOf(name: string): readonly string[] {
  const values = known[name];
  if (!values) throw invalidParameter('name', `Member must satisfy enum value set: [${Object.keys(known).join(', ')}]`);
  return values;
}

export const getAccountSetting = (ecr: Ecr) =>
  registryAction<GetAccountSettingRequest, GetAccountSettingResponse>((input, place) => ({
    name: input.name,
    value: ecr.registry(place).accountSettings?.[input.name] ?? valuesOf(input.name)[0],
  }));
export const putAccountSetting = (ecr: Ecr) =>
  registryAction<PutAccountSettingRequest, PutAccountSettingResponse>(async (input, place) => {
    const { name, value } = input;
    if (!valuesOf(name).includes(value)) throw invalidParameter('value', `${name} can only be ${valuesOf(name).join(' or ')} here`);
    await ecr.changeRegistry(place, (current) => ({ ...current, accountSettings: { ...current.accountSettings, [name]: value } }));
    return { name, value };
  });
