import type { PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse } from '@aws-sdk/client-ecr';
import { repositoryAction, type Ecr } from '../ecr.ts';

export const putImageScanningConfiguration = (ecr: Ecr) =>
  repositoryAction<PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse>(ecr, async (input, place) => {
    const scanOnPush = input.imageScanningConfiguration.scanOnPush ?? false;
    await ecr.change(place, input.repositoryName, (current) => ({ ...current, scanOnPush }));
    return { registryId: place.account, repositoryName: input.repositoryName, imageScanningConfiguration: { scanOnPush } };
  });
