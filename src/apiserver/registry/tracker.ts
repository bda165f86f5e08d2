import type { Clock } from '#base';
import { trackUpdate, type Kind, type KubeObject, type ManagedFieldsEntry } from '#machinery';
import type { RequestContext } from '../types.ts';
import { metaOf } from './metadata.ts';
import type { TypedVersions } from './typed-versions.ts';

const ownStatus = ['status'];

/** Keeps metadata.managedFields of one kind on writes that are not server-side apply. */
export class Tracker {
  readonly #kind: Kind;
  readonly #versions: TypedVersions;
  readonly #clock: Clock;
  constructor(kind: Kind, versions: TypedVersions, clock: Clock) {
    this.#kind = kind;
    this.#versions = versions;
    this.#clock = clock;
  }
  /** Sets the managedFields of `object` in place. A promise only when entries are of a version that has to be converted to. */
  update(object: KubeObject, old: KubeObject | undefined, context: RequestContext, subresource: string | undefined): void | Promise<void> {
    const fields = trackUpdate({
      old,
      next: object,
      manager: context.fieldManager,
      apiVersion: this.#kind.apiVersion,
      schema: this.#versions.schema,
      type: this.#kind.schema,
      versions: this.#versions,
      now: this.#clock.now(),
      ...(this.#kind.status && !subresource ? { ignored: ownStatus } : {}),
      ...(subresource ? { subresource } : {}),
    });
    if (fields instanceof Promise) return fields.then((entries) => set(object, entries));
    set(object, fields);
  }
}
function set(object: KubeObject, fields: ManagedFieldsEntry[] | undefined): void {
  if (fields) metaOf(object).managedFields = fields;
  else delete metaOf(object).managedFields;
}
