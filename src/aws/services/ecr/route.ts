import { ECRRepository } from '#kinds';
import type { ServiceRoute } from '../../gateway/service.ts';
import type { AccessOptions } from './access.ts';
import type { EcrDeps } from './ecr.ts';
import type { EcrDoor } from './open.ts';

export interface EcrRoute {
  readonly route: ServiceRoute;
  /** The side of the registry: loads ECR, its objects and those who know the callers. */
  door(): Promise<EcrDoor>;
}

/** ECR, of which nothing is loaded before the first call or the first request to one of its registries. */
export function ecrRoute(deps: EcrDeps, options: Omit<AccessOptions, 'ecr'>): EcrRoute {
  let opening: ReturnType<typeof open> | undefined;
  const open = async () => {
    const { createReplication, Ecr, ecrKinds, ecrService, imagesOf, openDoor } = await import('./index.ts');
    const ecr = new Ecr(deps);
    await Promise.all([deps.state.ready(ecrKinds), options.identities.ready()]);
    const reset = (): void => {
      for (const one of ecr.repositories.all()) deps.images.deleteRepository(imagesOf(one, one.name));
    };
    const replication = createReplication(ecr);
    return { reset, service: ecrService(ecr, replication), door: openDoor({ ...options, ecr, replication }) };
  };
  const tell = async (all: ReturnType<typeof open>): ReturnType<typeof open> => {
    deps.opened?.((await all).door);
    return all;
  };
  const opened = (): ReturnType<typeof open> => (opening ??= tell(open()));
  return {
    route: {
      name: 'ecr',
      targets: ['AmazonEC2ContainerRegistry_V20150921'],
      hosts: ['ecr', 'api'],
      load: async () => (await opened()).service,
      reset: async () => {
        // Nobody asked for ECR since the start, and it holds nothing: it is not loaded for that.
        await deps.state.ready([ECRRepository]);
        if (opening || deps.state.table(ECRRepository).all().length > 0) (await opened()).reset();
      },
    },
    door: async () => (await opened()).door,
  };
}
