import { notFound, ApiError, type ComputedGroup, type ComputedRequest, type KubeObject } from '#machinery';
import type { PlacementSource, PlacementStatus, PodPlacement } from '#scheduler';

const group = 'scheduling.batuta.dev';
const version = 'v1';

/** `kubectl get podplacements`: why pods have no node, made anew with every read. */
export function placementGroup(source: () => PlacementSource | undefined): ComputedGroup {
  return {
    group,
    version,
    resources: () => [
      { name: 'podplacements', singularName: 'podplacement', namespaced: true, kind: 'PodPlacement', verbs: ['get', 'list'], shortNames: ['why'] },
    ],
    columns: [
      { name: 'Name', type: 'string', description: 'Name of the pod.', value: (placement) => placement.metadata?.name ?? '' },
      { name: 'State', type: 'string', description: 'How far its placement is.', value: (placement) => statusOf(placement).state },
      { name: 'Attempts', type: 'integer', description: 'How often it was tried.', value: (placement) => statusOf(placement).attempts },
      { name: 'Fits', type: 'string', description: 'Nodes that could take it now, of all.', value: (placement) => fits(statusOf(placement)) },
      { name: 'Message', type: 'string', description: 'What the scheduler says.', value: (placement) => statusOf(placement).message ?? '' },
    ],
    read(request) {
      const known = source();
      if (!known) throw new ApiError('ServiceUnavailable', 'the scheduler has not started yet');
      return read(known, request);
    },
  };
}
const statusOf = (placement: KubeObject): PlacementStatus => (placement as PodPlacement).status;
const fits = ({ nodes }: PlacementStatus): string => (nodes.length === 0 ? '-' : `${nodes.filter((node) => node.fits).length}/${nodes.length}`);

function read(source: PlacementSource, { plural, namespace, name, subresource }: ComputedRequest): KubeObject {
  if (plural !== 'podplacements' || subresource) throw new ApiError('NotFound', 'the server could not find the requested resource', {});
  if (!name) {
    const items = source.placements(namespace || undefined);
    return { kind: 'PodPlacementList', apiVersion: `${group}/${version}`, metadata: {}, items } as KubeObject;
  }
  const found = source.placement(namespace, name);
  if (!found) throw notFound({ group, plural: 'podplacements', kind: 'PodPlacement' }, name);
  return found;
}
