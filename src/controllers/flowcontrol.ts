import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import {
  autoUpdateAnnotation,
  defaultFlowSchemas,
  defaultPriorityLevels,
  FlowSchema,
  mandatoryFlowControl,
  PriorityLevelConfiguration,
  type V1FlowSchema,
  type V1FlowSchemaCondition,
  type V1PriorityLevelConfiguration,
} from '#kinds';
import { cloneObject, isApiError, type Kind, type KubeObject } from '#machinery';
import type { Controller, ControllerContext } from './controller.ts';

/**
 * Sees to it that the mandatory and the suggested objects of API priority and fairness exist, that those which the
 * system keeps (annotation apf.kubernetes.io/autoupdate-spec) have their specs, and tells on each FlowSchema whether
 * its priority level exists. Keys are `schema/NAME` and `level/NAME`.
 */
export const flowControlController: Controller = {
  name: 'flowcontrol',
  component: 'flowcontrol-controller',
  setup(context) {
    const schemas = context.watch(FlowSchema, (schema, old) => [`schema/${(schema ?? old)?.metadata?.name ?? ''}`]);
    const levels = context.watch(PriorityLevelConfiguration, (level, old) => {
      const name = (level ?? old)?.metadata?.name ?? '';
      const users = level && old ? [] : schemas.list().filter((schema) => schema.spec?.priorityLevelConfiguration.name === name);
      return [`level/${name}`, ...users.map((schema) => `schema/${schema.metadata?.name ?? ''}`)];
    });
    for (const { metadata } of defaultPriorityLevels) context.enqueue(`level/${metadata?.name ?? ''}`);
    for (const { metadata } of defaultFlowSchemas) context.enqueue(`schema/${metadata?.name ?? ''}`);

    return async (key) => {
      const [what, name = ''] = key.split('/');
      if (what === 'level') return void (await keep(context, PriorityLevelConfiguration, levels.get(undefined, name), find(defaultPriorityLevels, name)));
      const present = schemas.get(undefined, name);
      if (await keep(context, FlowSchema, present, find(defaultFlowSchemas, name))) return;
      if (present) await tell(context, present, levels.get(undefined, present.spec?.priorityLevelConfiguration.name ?? '') !== undefined);
    };
  },
};

function find<T extends KubeObject>(objects: readonly T[], name: string): T | undefined {
  return objects.find((object) => object.metadata?.name === name);
}

/** Creates or restores the object; whether there was something to do. */
async function keep<T extends V1FlowSchema | V1PriorityLevelConfiguration>(
  { api }: ControllerContext,
  kind: Kind<T>,
  present: T | undefined,
  builtIn: T | undefined,
): Promise<boolean> {
  if (!builtIn || (present && !isKept(present))) return false;
  const wanted = cloneObject(builtIn);
  kind.defaults?.(wanted);
  if (present && isDeepStrictEqual(present.spec, wanted.spec)) return false;
  try {
    if (present) await api.update(kind, { ...present, spec: wanted.spec });
    else await api.create(kind, { ...wanted, apiVersion: kind.apiVersion, kind: kind.kind });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
  return true;
}
/** Whether the system keeps the spec: always of mandatory objects, else as the annotation says, else until somebody changes it. */
function isKept({ metadata }: KubeObject): boolean {
  if (mandatoryFlowControl.has(metadata?.name ?? '')) return true;
  const said = metadata?.annotations?.[autoUpdateAnnotation];
  return said === undefined ? metadata?.generation === 1 : said === 'true';
}

async function tell({ api, clock }: ControllerContext, schema: V1FlowSchema, found: boolean): Promise<void> {
  const level = JSON.stringify(schema.spec?.priorityLevelConfiguration.name ?? '');
  const reference = `This FlowSchema references the PriorityLevelConfiguration object named ${level}`;
  const others = (schema.status?.conditions ?? []).filter((condition) => condition.type !== 'Dangling');
  const before = schema.status?.conditions?.find((condition) => condition.type === 'Dangling');
  const status = found ? 'False' : 'True';
  const now: V1FlowSchemaCondition = {
    type: 'Dangling',
    status,
    lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? '') : formatTime(clock.now()),
    reason: found ? 'Found' : 'NotFound',
    message: found ? `${reference} and it exists` : `${reference} but there is no such object`,
  };
  if (before && isDeepStrictEqual({ ...before }, { ...now })) return;
  await api.update(FlowSchema, { ...schema, status: { ...schema.status, conditions: [...others, now] } }, { subresource: 'status' });
}
