import { defineKind, type Kind } from '#machinery';
import type { V1ControllerRevision } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { nonNegative, required, unchanged } from '../support/errors.ts';

function controllerText({ metadata }: V1ControllerRevision): string {
  const owner = metadata?.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return '<none>';
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}

export const ControllerRevision: Kind<V1ControllerRevision> = defineKind<V1ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  schema: 'V1ControllerRevision',
  columns: [
    nameColumn,
    column('Controller', 'string', 'Controller of the object', controllerText),
    column('Revision', 'string', 'Revision indicates the revision of the state represented by Data.', (revision) => revision.revision ?? 0),
    ageColumn,
  ],
  validate: (revision, old) => [
    ...(revision.data === undefined || revision.data === null ? [required('data', 'data is mandatory')] : []),
    ...nonNegative('revision', revision.revision),
    ...(old ? unchanged('data', revision.data, old.data) : []),
  ],
});
