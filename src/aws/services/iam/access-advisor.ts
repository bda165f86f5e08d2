import type * as Iam from '@aws-sdk/client-iam';
import { IAMReport, type IamReportSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { grantedServices, grants, sourceOf, type Entity, type Granting } from './granting.ts';
import { serviceNames } from './service-names.ts';
import { date, invalid, noSuch, now, paginate, place } from './support.ts';

/** Reports can be read for this long, ms. */
const kept = 7 * 24 * 60 * 60 * 1000;

interface Use {
  readonly date: string;
  readonly region: string;
  readonly arn: string;
}
interface ServiceLine {
  readonly service: string;
  /** Who might and who did: with the time of the last call. */
  readonly entities: readonly { readonly entity: Entity; readonly date?: string; readonly region?: string }[];
  readonly actions: Readonly<Record<string, Use>>;
}
interface Report {
  readonly granularity: Iam.AccessAdvisorUsageGranularityType;
  readonly lines: readonly ServiceLine[];
}

const later = (a: Use | undefined, b: Use): Use => (a && a.date >= b.date ? a : b);
function lineOf(call: Call, service: string, actors: readonly Entity[]): ServiceLine {
  const actions: Record<string, Use> = {};
  const entities = actors.map((entity) => {
    const used = call.useOf(call.account, entity.id)?.services[service];
    for (const [name, use] of Object.entries(used?.actions ?? {})) actions[name] = later(actions[name], { ...use, arn: entity.arn });
    return { entity, ...(used ? { date: used.date, region: used.region } : {}) };
  });
  return { service, entities, actions };
}
function lastOf({ entities }: ServiceLine): Use | undefined {
  let last: Use | undefined;
  for (const { entity, date: at, region = '' } of entities) if (at !== undefined) last = later(last, { date: at, region, arn: entity.arn });
  return last;
}

function serviceOf(line: ServiceLine, granularity: Report['granularity']): Iam.ServiceLastAccessed {
  const last = lastOf(line);
  const tracked = Object.entries(line.actions).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ServiceName: serviceNames[line.service] ?? line.service,
    ServiceNamespace: line.service,
    ...(last ? { LastAuthenticated: date(last.date), LastAuthenticatedEntity: last.arn, LastAuthenticatedRegion: last.region } : {}),
    TotalAuthenticatedEntities: line.entities.filter((one) => one.date !== undefined).length,
    ...(granularity === 'ACTION_LEVEL' && tracked.length > 0
      ? {
          TrackedActionsLastAccessed: tracked.map(([name, use]) => ({
            ActionName: name,
            LastAccessedEntity: use.arn,
            LastAccessedTime: date(use.date),
            LastAccessedRegion: use.region,
          })),
        }
      : {}),
  };
}

function readReport(call: Call, id: string): { report: Report; created: Date } {
  const found = call.state.table(IAMReport).get(place(call), id);
  if (found?.sort !== 'services' || call.clock.now() - date(found.created).getTime() > kept) throw noSuch(`Report with ID ${id} cannot be found.`);
  return { report: JSON.parse(found.content) as Report, created: date(found.created) };
}
/** Old reports go when new ones are made. */
async function prune(call: Call): Promise<void> {
  const reports = call.state.table(IAMReport);
  const old = reports.list(place(call)).filter((one) => one.sort === 'services' && call.clock.now() - date(one.created).getTime() > kept);
  for (const { id } of old) await reports.delete(place(call), id);
}

const holderOf = ({ holder }: Granting): object => (holder ? { EntityType: holder.type, EntityName: holder.name } : {});
const granting = (one: Granting): Iam.PolicyGrantingServiceAccess => ({
  PolicyName: one.name,
  PolicyType: one.arn === undefined ? 'INLINE' : 'MANAGED',
  ...(one.arn === undefined ? holderOf(one) : { PolicyArn: one.arn }),
});

/** When which services were called last, from what this instance saw (IAM user guide, last accessed information). */
export const accessAdvisorActions = {
  GenerateServiceLastAccessedDetails: defineAction<Iam.GenerateServiceLastAccessedDetailsRequest, Iam.GenerateServiceLastAccessedDetailsResponse>({
    resources: ({ Arn = '' }) => [Arn],
    async handle({ Arn = '', Granularity = 'SERVICE_LEVEL' }, call) {
      const { actors, policies } = sourceOf(call, Arn);
      await prune(call);
      const report: Report = { granularity: Granularity, lines: grantedServices(policies).map((service) => lineOf(call, service, actors)) };
      const made: IamReportSpec = { id: call.random.uuid(), sort: 'services', created: now(call), content: JSON.stringify(report) };
      await call.state.table(IAMReport).create(place(call), made.id, made);
      return { JobId: made.id };
    },
  }),
  GetServiceLastAccessedDetails: defineAction<Iam.GetServiceLastAccessedDetailsRequest, Iam.GetServiceLastAccessedDetailsResponse>({
    handle({ JobId = '', ...input }, call) {
      const { report, created } = readReport(call, JobId);
      const { page, ...rest } = paginate(report.lines, input);
      return {
        JobStatus: 'COMPLETED',
        JobType: report.granularity,
        JobCreationDate: created,
        JobCompletionDate: created,
        ServicesLastAccessed: page.map((line) => serviceOf(line, report.granularity)),
        ...rest,
      };
    },
  }),
  GetServiceLastAccessedDetailsWithEntities: defineAction<
    Iam.GetServiceLastAccessedDetailsWithEntitiesRequest,
    Iam.GetServiceLastAccessedDetailsWithEntitiesResponse
  >({
    handle({ JobId = '', ServiceNamespace = '', ...input }, call) {
      const { report, created } = readReport(call, JobId);
      const line = report.lines.find(({ service }) => service === ServiceNamespace);
      if (!line) throw noSuch(`Service ${ServiceNamespace} cannot be found in the report.`);
      const { page, ...rest } = paginate(line.entities, input);
      return {
        JobStatus: 'COMPLETED',
        JobCreationDate: created,
        JobCompletionDate: created,
        EntityDetailsList: page.map(({ entity, date: at }) => ({
          EntityInfo: { Arn: entity.arn, Name: entity.name, Type: entity.type, Id: entity.id, Path: entity.path },
          ...(at === undefined ? {} : { LastAuthenticated: date(at) }),
        })),
        ...rest,
      };
    },
  }),
  ListPoliciesGrantingServiceAccess: defineAction<Iam.ListPoliciesGrantingServiceAccessRequest, Iam.ListPoliciesGrantingServiceAccessResponse>({
    resources: ({ Arn = '' }) => [Arn],
    handle({ Arn = '', ServiceNamespaces = [] }, call) {
      if (Arn.includes(':policy/')) throw invalid(`Invalid Entity Arn: ${Arn} does not clearly define entity type and name.`);
      const { policies } = sourceOf(call, Arn);
      return {
        PoliciesGrantingServiceAccess: ServiceNamespaces.map((service) => ({
          ServiceNamespace: service,
          Policies: policies.filter((one) => grants(one, service)).map(granting),
        })),
        IsTruncated: false,
      };
    },
  }),
};
