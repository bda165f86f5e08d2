import type { DeleteRepositoryRequest, DeleteRepositoryResponse } from '@aws-sdk/client-ecr';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { noRepository, repositoryNotEmpty } from '../errors.ts';
import { repositoryView } from '../repositories.ts';

export const deleteRepository = (ecr: Ecr) =>
  repositoryAction<DeleteRepositoryRequest, DeleteRepositoryResponse>(ecr, async (input, place) => {
    const name = input.repositoryName;
    ecr.repository(place, name);
    if (!input.force && ecr.images(place, name).length > 0) throw repositoryNotEmpty(name, place.account);
    // First the object: what is left behind by a crash is not served any more.
    const deleted = await ecr.repositories.delete(place, name);
    if (!deleted) throw noRepository(name, place.account);
    ecr.deps.images.deleteRepository(imagesOf(place, name));
    return { repository: repositoryView(ecr, deleted) };
  });
