import type { Column } from '../kind.ts';
import type { Json, KubeObject } from '../object.ts';
import { age } from '../table.ts';
import { parseJsonPath } from './json-path.ts';
import { isRecord, own } from './types.ts';

/** apiextensions.k8s.io/v1 CustomResourceColumnDefinition. */
export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  value: (object) => object.metadata?.name,
};
const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

/** What `kubectl get` prints of a custom resource; without columns of its own, name and age. */
export function printerColumns(columns: readonly PrinterColumn[] | undefined): Column<KubeObject>[] {
  return [nameColumn, ...(columns && columns.length > 0 ? columns : [ageColumn]).map(printerColumn)];
}

function printerColumn(column: PrinterColumn): Column<KubeObject> {
  const path = parseJsonPath(column.jsonPath);
  return {
    name: column.name,
    type: column.type as Column<KubeObject>['type'],
    format: column.format ?? '',
    description: column.description ?? '',
    priority: column.priority ?? 0,
    value: (object, now) => cell(column.type, path(object as Json), now),
  };
}

const text = (value: Json): string => (typeof value === 'string' ? value : value === null ? '<nil>' : JSON.stringify(value));

/** Values that do not fit the column's type leave the cell empty. */
function cell(type: string, values: readonly Json[], now: number): string | number | boolean | undefined {
  const value = values[0];
  if (value === undefined) return undefined;
  switch (type) {
    case 'string':
      return values.map(text).join(' ');
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : undefined;
    case 'number':
      return typeof value === 'number' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'date':
      if (typeof value !== 'string') return undefined;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : age(value, now);
    default:
      return undefined;
  }
}

/** The segments of a simple path such as `.spec.replicas` or `.metadata.labels.a\.b`. */
export function simplePath(path: string): string[] {
  return path
    .replace(/^\./, '')
    .split(/(?<!\\)\./)
    .map((segment) => segment.replace(/\\(.)/g, '$1'));
}

/** The value at a simple path. */
export function valueAt(object: Json, segments: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const segment of segments) {
    if (!isRecord(value)) return undefined;
    value = own(value, segment);
  }
  return value;
}

/** Field selectors of a version's selectableFields: the selector's name and how to read the value of an object. */
export function selectableFields(fields: readonly { jsonPath: string }[] | undefined): { [field: string]: (object: KubeObject) => string } {
  const out: { [field: string]: (object: KubeObject) => string } = {};
  for (const { jsonPath } of fields ?? []) {
    const segments = simplePath(jsonPath);
    out[jsonPath.replace(/^\./, '')] = (object) => {
      const value = valueAt(object as Json, segments);
      return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
    };
  }
  return out;
}
