import { sendText } from '../http/respond.ts';
import type { Exchange } from '../http/types.ts';
import type { Config } from './config.ts';

type Rows = readonly (readonly (string | number | boolean)[])[];
const pages: Record<string, (config: Config) => Rows> = {
  dump_priority_levels: priorityLevels,
  dump_queues: queues,
  dump_requests: requests,
};

const prefix = '/debug/api_priority_and_fairness/';
/** Answers /debug/api_priority_and_fairness/dump_*; undefined when the path is none of these. */
export function dump(config: Config, { info, response }: Exchange): number | undefined {
  const name = info.path.startsWith(prefix) ? info.path.slice(prefix.length) : '';
  const page = Object.hasOwn(pages, name) ? pages[name] : undefined;
  if (!page) return undefined;
  sendText(response, 200, table(page(config)));
  return 200;
}

function priorityLevels(config: Config): Rows {
  const head = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests', 'SeatsInUse', 'NominalSeats'];
  const rows = config.levels().map((level) => {
    const { spec, activeQueues, idle, queued, executing, inUse, share } = level;
    return [spec.name, spec.exempt ? '<none>' : activeQueues, idle, false, queued, executing, inUse, spec.exempt ? '<none>' : share.nominal];
  });
  return [head, ...rows];
}
function queues(config: Config): Rows {
  const head = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR'];
  const rows = config
    .levels()
    .flatMap(({ spec, queues: all }) =>
      spec.exempt ? [] : all.map(({ index, waiting, executing, seats, start }) => [spec.name, index, waiting.length, executing, seats, start.toFixed(8)]),
    );
  return [head, ...rows];
}
function requests(config: Config): Rows {
  const head = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'InitialSeats', 'UserName', 'Verb', 'APIPath'];
  const rows = config.levels().flatMap(({ spec, queues: all }) =>
    all.flatMap(({ index, waiting }) =>
      waiting.map((ticket, i) => {
        const { user, verb, path } = ticket.describe();
        return [spec.name, ticket.schema, index, i, ticket.flow.split('\0')[1] ?? '', ticket.width, user, verb, path];
      }),
    ),
  );
  return [head, ...rows];
}

function table(rows: Rows): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length))) ?? [];
  return rows.map((row) => row.map((cell, i) => `${String(cell)},`.padEnd((widths[i] ?? 0) + 2)).join('') + '\n').join('');
}
