import type {
  BatchGetRepositoryScanningConfigurationRequest,
  BatchGetRepositoryScanningConfigurationResponse,
  GetRegistryScanningConfigurationResponse,
  PutRegistryScanningConfigurationRequest,
  PutRegistryScanningConfigurationResponse,
  RegistryScanningConfiguration,
} from '@aws-sdk/client-ecr';
import type { EcrRegistry, EcrScanningRule } from '#kinds';
import { registryAction, repositoryArn, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { scanResourceChange } from '../events.ts';
import { scanFrequency } from '../scanning.ts';

const view = ({ scanning }: EcrRegistry): RegistryScanningConfiguration => ({
  scanType: scanning?.scanType ?? 'BASIC',
  rules: (scanning?.rules ?? []).map((rule) => ({ scanFrequency: rule.scanFrequency, repositoryFilters: [...rule.repositoryFilters] })),
});

export const getRegistryScanningConfiguration = (ecr: Ecr) =>
  registryAction<object, GetRegistryScanningConfigurationResponse>((_input, place) => ({
    registryId: place.account,
    scanningConfiguration: view(ecr.registry(place)),
  }));

export const putRegistryScanningConfiguration = (ecr: Ecr) =>
  registryAction<PutRegistryScanningConfigurationRequest, PutRegistryScanningConfigurationResponse>(async (input, place) => {
    const scanType = input.scanType ?? 'BASIC';
    const rules = (input.rules ?? []) as unknown as EcrScanningRule[];
    if (scanType === 'BASIC' && rules.some((rule) => rule.scanFrequency === 'CONTINUOUS_SCAN'))
      throw invalidParameter('rules', 'scanFrequency CONTINUOUS_SCAN needs scanType ENHANCED');
    const frequencies = (): Map<string, string> =>
      new Map(ecr.repositories.list(place).map((repository) => [repository.name, scanFrequency(repository, ecr.registry(place)).frequency]));
    const before = frequencies();
    const one = await ecr.changeRegistry(place, (current) => ({ ...current, scanning: { scanType, rules } }));
    const changes = [...frequencies()].flatMap(([name, frequency]) => {
      const previous = before.get(name);
      return previous === undefined || previous === frequency ? [] : [{ name, frequency, previous }];
    });
    if (scanType === 'ENHANCED' && changes.length > 0) ecr.deps.events.put(scanResourceChange(place, changes));
    return { registryScanningConfiguration: view(one) };
  });

export const batchGetRepositoryScanningConfiguration = (ecr: Ecr) =>
  registryAction<BatchGetRepositoryScanningConfigurationRequest, BatchGetRepositoryScanningConfigurationResponse>((input, place) => {
    const found = input.repositoryNames.flatMap((name) => ecr.repositories.get(place, name) ?? []);
    return {
      scanningConfigurations: found.map((one) => {
        const { frequency, filters } = scanFrequency(one, ecr.registry(place));
        return {
          repositoryArn: repositoryArn(place, one.name),
          repositoryName: one.name,
          scanOnPush: frequency !== 'MANUAL',
          scanFrequency: frequency,
          appliedScanFilters: filters,
        };
      }),
      failures: input.repositoryNames
        .filter((name) => !ecr.repositories.get(place, name))
        .map((repositoryName) => ({
          repositoryName,
          failureCode: 'REPOSITORY_NOT_FOUND' as const,
          failureReason: `The repository with name '${repositoryName}' does not exist`,
        })),
    };
  });
