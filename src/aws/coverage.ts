import { loadContract } from './protocol/schema.ts';
import type { ServiceRoute } from './gateway/service.ts';

export interface ServiceCoverage {
  readonly service: string;
  readonly implemented: readonly string[];
  readonly missing: readonly string[];
}

/** Which actions of their contracts services implement: computed from their tables. */
export async function coverageOf(services: readonly ServiceRoute[]): Promise<ServiceCoverage[]> {
  return Promise.all(
    services.map(async ({ name, load }) => {
      const { contract, actions } = await load();
      const all = loadContract(contract).operations;
      return { service: name, implemented: all.filter((one) => Object.hasOwn(actions, one)), missing: all.filter((one) => !Object.hasOwn(actions, one)) };
    }),
  );
}
