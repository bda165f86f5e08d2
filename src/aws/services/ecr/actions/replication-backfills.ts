import type {
  DescribeReplicationBackfillResultsRequest,
  DescribeReplicationBackfillResultsResponse,
  ListReplicationBackfillsRequest,
  ListReplicationBackfillsResponse,
  ReplicationBackfillProgress,
  StartReplicationBackfillRequest,
  StartReplicationBackfillResponse,
  StopReplicationBackfillRequest,
  StopReplicationBackfillResponse,
} from '@aws-sdk/client-ecr';
import type { EcrBackfill } from '#kinds';
import { isOver } from '../backfills.ts';
import { registryAction, type Ecr } from '../ecr.ts';
import { invalidParameter } from '../errors.ts';
import { page } from '../pages.ts';
import type { Replication } from '../replication.ts';

const view = (one: EcrBackfill) => ({
  replicationBackfillId: one.id,
  destination: { region: one.to.region, registryId: one.to.account },
  status: one.status,
  startedAt: new Date(one.startedAt),
});
function progressOf({ total, done = 0, results = [] }: EcrBackfill): { progress?: ReplicationBackfillProgress } {
  if (total === undefined) return {};
  const codes = results.flatMap(({ failureCode }) => failureCode ?? []);
  const progress = { totalReplicationCount: total, completedReplicationCount: done - codes.length, failedReplicationCount: codes.length };
  return { progress: { ...progress, failureCodes: [...new Set(codes)] } };
}
const ending = ({ endedAt, failureCode }: EcrBackfill) => ({
  ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt) }),
  ...(failureCode === undefined ? {} : { failureCode }),
});

export const startReplicationBackfill = (ecr: Ecr, { backfills }: Replication) =>
  registryAction<StartReplicationBackfillRequest, StartReplicationBackfillResponse>(async (input, place, call) => {
    const { region, registryId } = input.destination as { region: string; registryId: string };
    const configured = (ecr.registry(place).replicationRules ?? []).flatMap((rule) => rule.destinations);
    if (!configured.some((to) => to.region === region && to.registryId === registryId)) {
      throw invalidParameter('destination', "must be a destination of the registry's replication configuration");
    }
    const one = await backfills.start(place, { account: registryId, region }, call.random.uuid());
    return { registryId: place.account, ...view(one) };
  });
export const stopReplicationBackfill = (_ecr: Ecr, { backfills }: Replication) =>
  registryAction<StopReplicationBackfillRequest, StopReplicationBackfillResponse>(async (input, place) => ({
    registryId: place.account,
    ...view(await backfills.stop(place, input.replicationBackfillId)),
  }));
export const listReplicationBackfills = (_ecr: Ecr, { backfills }: Replication) =>
  registryAction<ListReplicationBackfillsRequest, ListReplicationBackfillsResponse>((input, place) => {
    const all = backfills.list(place).map((one, at) => ({ one, key: String(at).padStart(6, '0') }));
    const { items, nextToken } = page(all, ({ key }) => key, { ...input, maxResults: input.maxResults ?? 25 });
    return { registryId: place.account, backfills: items.map(({ one }) => ({ ...view(one), ...progressOf(one), ...ending(one) })), nextToken };
  });
export const describeReplicationBackfillResults = (_ecr: Ecr, { backfills }: Replication) =>
  registryAction<DescribeReplicationBackfillResultsRequest, DescribeReplicationBackfillResultsResponse>((input, place) => {
    const one = backfills.find(place, input.replicationBackfillId);
    const statusOf = (failureCode: string | undefined) => (failureCode === undefined ? ('COMPLETE' as const) : ('FAILED' as const));
    const { resultStatusFilter: only } = input;
    const results = (isOver(one) ? (one.results ?? []) : []).filter(({ failureCode }) => only === undefined || only === statusOf(failureCode));
    const { items, nextToken } = page(
      results.map((result, at) => ({ result, key: String(at).padStart(6, '0') })),
      ({ key }) => key,
      input,
    );
    return {
      registryId: place.account,
      ...view(one),
      ...progressOf(one),
      ...ending(one),
      results: items.map(({ result: { name, digest, tag, failureCode } }) => ({
        repositoryName: name,
        imageId: { imageDigest: digest, ...(tag === undefined ? {} : { imageTag: tag }) },
        status: statusOf(failureCode),
        ...(failureCode === undefined ? {} : { failureCode }),
      })),
      nextToken,
    };
  });
