import type { Column } from './kind.ts';
import type { KubeObject, ObjectMeta } from './object.ts';

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}
export interface TableRow {
  cells: (string | number | boolean | null)[];
  object: KubeObject | { kind: 'PartialObjectMetadata'; apiVersion: 'meta.k8s.io/v1'; metadata: ObjectMeta } | null;
}
/** meta.k8s.io/v1 Table. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  /** Null in all but the first event of a watch. */
  columnDefinitions: TableColumn[] | null;
  rows: TableRow[];
}

export interface TableOptions {
  includeObject?: 'None' | 'Metadata' | 'Object';
  /** Metadata of the list, passed through. */
  metadata?: Table['metadata'];
  /** Watch events after the first leave the definitions out. */
  withoutDefinitions?: boolean;
}

/** The columns of kinds that declare none, as kube-apiserver's default table convertor has them. */
const defaultColumns: readonly Column<KubeObject>[] = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', value: (o) => o.metadata?.name },
  {
    name: 'Created At',
    type: 'date',
    description: 'CreationTimestamp is the server time when this object was created.',
    value: (o) => o.metadata?.creationTimestamp,
  },
];

/** Objects as rows of a server-side Table. `now` in ms since the epoch. */
export function renderTable<T extends KubeObject>(
  kind: { readonly columns: readonly Column<T>[] },
  objects: readonly T[],
  now: number,
  options: TableOptions = {},
): Table {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata ?? {},
    columnDefinitions: options.withoutDefinitions ? null : columns.map(definition),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.value(object, now) ?? null),
      object: rowObject(object, options.includeObject ?? 'Metadata'),
    })),
  };
}

/** The columns of a kind's Tables. */
export function columnDefinitions<T extends KubeObject>(kind: { readonly columns: readonly Column<T>[] }): TableColumn[] {
  return columnsOf(kind).map(definition);
}
function columnsOf<T extends KubeObject>({ columns }: { readonly columns: readonly Column<T>[] }): readonly Column<T>[] {
  return (columns.length > 0 ? columns : defaultColumns) as readonly Column<T>[];
}
function definition<T>(column: Column<T>): TableColumn {
  return { name: column.name, type: column.type, format: column.format ?? '', description: column.description, priority: column.priority ?? 0 };
}
function rowObject(object: KubeObject, include: 'None' | 'Metadata' | 'Object'): TableRow['object'] {
  if (include === 'None') return null;
  if (include === 'Object') return object;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata ?? {} };
}

/** A duration in ms as kubectl prints ages: 119s, 2m5s, 10m, 3h5m, 47h, 2d1h, 8d, 2y3d (apimachinery's HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 2920 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}
const pair = (a: number, unitA: string, b: number, unitB: string): string => (b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`);

/** The age of a timestamp (RFC 3339) at `now`; `<unknown>` without one, as kubectl has it. */
export function age(timestamp: string | undefined, now: number): string {
  if (!timestamp) return '<unknown>';
  return humanDuration(now - Date.parse(timestamp));
}
