/** Columns that many kinds share. */
import { age as since, type Column, type KubeObject } from '#machinery';
export { since };

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  value: (object) => object.metadata?.name,
};
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created.',
  value: (object, now) => since(object.metadata?.creationTimestamp, now),
};

/** Kinds of old printers show the time itself. */
export const createdAtColumn: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  description: ageColumn.description,
  value: (object) => object.metadata?.creationTimestamp,
};

/** A column, with its priority where it belongs to -o wide only. */
export function column<T>(name: string, type: Column<T>['type'], description: string, value: Column<T>['value'], priority = 0): Column<T> {
  return { name, type, description, priority, value };
}

/** At most three items, then `+ 2 more...`. */
export function firstThree(items: readonly string[], none: string): string {
  if (items.length === 0) return none;
  const text = items.slice(0, 3).join(',');
  return items.length > 3 ? `${text} + ${items.length - 3} more...` : text;
}
