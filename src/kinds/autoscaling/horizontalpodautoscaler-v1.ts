import { defineKind, type Column, type Kind } from '#machinery';
import type { V1HorizontalPodAutoscaler, V2HorizontalPodAutoscaler } from '../generated/types.ts';
import { toV1, toV2 } from './conversion.ts';
import { defaultMetric, HorizontalPodAutoscaler, validateAutoscaler, validateAutoscalerStatus } from './horizontalpodautoscaler.ts';

const inV2 = (column: Column<V2HorizontalPodAutoscaler>): Column<V1HorizontalPodAutoscaler> => ({
  ...column,
  value: (autoscaler, now) => column.value(toV2(autoscaler), now),
});

/** The same autoscalers in their first form: a share of CPU, and the rest in annotations. */
export const HorizontalPodAutoscalerV1: Kind<V1HorizontalPodAutoscaler> = defineKind<V1HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1HorizontalPodAutoscaler',
  storageVersion: 'autoscaling/v2',
  convert: (objects, to) =>
    objects.map((object) => (to === 'autoscaling/v2' ? toV2(object as V1HorizontalPodAutoscaler) : toV1(object as V2HorizontalPodAutoscaler))),
  status: true,
  generation: false,
  columns: HorizontalPodAutoscaler.columns.map(inV2),
  defaults(autoscaler) {
    if (!autoscaler.spec) return;
    autoscaler.spec.minReplicas ??= 1;
    // Only where the annotations ask for nothing else.
    if (!toV2(autoscaler).spec?.metrics?.length) autoscaler.spec.targetCPUUtilizationPercentage ??= defaultMetric().resource!.target.averageUtilization!;
  },
  prepareCreate(autoscaler) {
    autoscaler.status = { currentReplicas: 0, desiredReplicas: 0 };
  },
  validate: (autoscaler) => validateAutoscaler(toV2(autoscaler)),
  validateStatus: validateAutoscalerStatus,
});
