import type { JSONSchemaProps, KubeObject, PrinterColumn } from '#machinery';
import type { ClientConfig } from '../outbound/target.ts';

export const group = 'apiextensions.k8s.io';
export const plural = 'customresourcedefinitions';
export const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

export interface Names {
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly kind: string;
  readonly listKind?: string;
  readonly categories?: readonly string[];
}
export interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: JSONSchemaProps };
  readonly subresources?: {
    readonly status?: object;
    readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string; readonly labelSelectorPath?: string };
  };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
}
/** apiextensions.k8s.io/v1 CustomResourceDefinition, as far as serving its resources goes. */
export interface Definition extends KubeObject {
  readonly spec: {
    readonly group: string;
    readonly names: Names;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly versions: readonly Version[];
    readonly conversion?: {
      readonly strategy: 'None' | 'Webhook';
      readonly webhook?: { readonly clientConfig: ClientConfig; readonly conversionReviewVersions: readonly string[] };
    };
    readonly preserveUnknownFields?: boolean;
  };
  readonly status?: { readonly conditions?: readonly Condition[]; readonly acceptedNames?: Names; readonly storedVersions?: readonly string[] };
}

export function isTrue(definition: Definition, type: string): boolean {
  return definition.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
}
/** The conditions with one of them as wanted; the same list when it is so already. A time stays for as long as the status does. */
export function withCondition(conditions: readonly Condition[], wanted: Condition, now: string): readonly Condition[] {
  const at = conditions.findIndex((condition) => condition.type === wanted.type);
  const present = conditions[at];
  if (present?.status === wanted.status && present.reason === wanted.reason && present.message === wanted.message) return conditions;
  const time = present?.status === wanted.status ? (present.lastTransitionTime ?? now) : now;
  const next = { ...wanted, lastTransitionTime: time };
  return present ? conditions.with(at, next) : [...conditions, next];
}
