import type { Clock } from '#base';
import { schemaView, trackUpdate, type Kind, type KubeObject, type SchemaSet } from '#machinery';
import type { RequestContext } from '../types.ts';
import { metaOf } from './metadata.ts';

const ownStatus = ['status'];

/** Keeps metadata.managedFields of one kind on writes that are not server-side apply. */
export class Tracker {
  readonly #kind: Kind;
  readonly #schemas: SchemaSet;
  readonly #clock: Clock;
  constructor(kind: Kind, schemas: SchemaSet, clock: Clock) {
    this.#kind = kind;
    this.#schemas = schemas;
    this.#clock = clock;
  }
  /** Sets the managedFields of `object` in place. */
  update(object: KubeObject, old: KubeObject | undefined, context: RequestContext, subresource: string | undefined): void {
    const { schema: type, apiVersion } = this.#kind;
    const fields = trackUpdate({
      old,
      next: object,
      manager: context.fieldManager,
      apiVersion,
      schema: this.#kind.shape?.patchSchema ?? schemaView(this.#schemas),
      type,
      now: this.#clock.now(),
      ...(this.#kind.status && !subresource ? { ignored: ownStatus } : {}),
      ...(subresource ? { subresource } : {}),
    });
    if (fields) metaOf(object).managedFields = fields;
    else delete metaOf(object).managedFields;
  }
}
