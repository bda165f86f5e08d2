import { defineKind, type Column, type CompactTypes, type Kind, type KubeObject } from '#machinery';
import { ageColumn, column, nameColumn } from '../support/columns.ts';

/** A thing of an AWS service. Its spec is what the service keeps of it: the service alone knows its shape. */
export interface AwsObject<S> extends KubeObject {
  spec?: S;
}

export interface AwsKindOptions<S> {
  /** `iam` gives the group iam.batuta.dev. */
  readonly service: string;
  /** `IAMRole`, with the service in front: kinds of AWS must not be taken for those of Kubernetes. */
  readonly kind: string;
  readonly plural: string;
  /** Further columns of `kubectl get`. */
  readonly columns?: readonly [name: string, description: string, value: (spec: S) => string | undefined][];
}

/** A kind of AWS objects: of the whole cluster, named ACCOUNT.REGION.ID. */
export function defineAwsKind<S>({ service, kind, plural, columns = [] }: AwsKindOptions<S>): Kind<AwsObject<S>> {
  return defineKind<AwsObject<S>>({
    group: `${service}.batuta.dev`,
    version: 'v1alpha1',
    kind,
    plural,
    namespaced: false,
    schema: awsTypeName(kind),
    nameRule: 'path-segment',
    categories: ['aws'],
    columns: [
      nameColumn as Column<AwsObject<S>>,
      ...columns.map(([name, description, value]) =>
        column<AwsObject<S>>(name, 'string', description, ({ spec }) => (typeof spec === 'object' && spec !== null ? textOf(value(spec)) : '')),
      ),
      ageColumn as Column<AwsObject<S>>,
    ],
  });
}

/** What stands in the store may be anything: whoever may write there may write nonsense. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const awsTypeName = (kind: string): string => `Aws${kind}`;
/** Field types for the schema set. */
export const awsTypes = (kinds: readonly Kind[]): CompactTypes =>
  Object.fromEntries(kinds.map(({ kind }) => [awsTypeName(kind), { apiVersion: 's', kind: 's', metadata: 'V1ObjectMeta', spec: 'j' }]));

/**
 * The name of an object. Ids keep their case; `/` becomes `~`, and what else a name cannot hold, or what would read as
 * one of these marks, becomes `!` and two hexadecimal digits for each byte.
 */
export function awsName(account: string, region: string, id: string): string {
  return `${account}.${region}.${id.replaceAll(/[^A-Za-z0-9._:@+=,-]/gu, (char) => (char === '/' ? '~' : escape(char)))}`;
}
const escape = (char: string): string => [...Buffer.from(char)].map((byte) => `!${byte.toString(16).padStart(2, '0')}`).join('');
