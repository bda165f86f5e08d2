import { PersistentVolume, PersistentVolumeClaim } from '#kinds';
import type { Kind } from '#machinery';
import { reject, type PluginDefinition } from '../plugin.ts';
import { hasClaims, isOwnClaim, PodClaims } from '../volumes/pod-claims.ts';

const rejected = reject('node(s) had no available volume zone', true);
/** Labels of volumes and nodes that tell where they are, and the other name that each has had. */
const topology: { readonly [label: string]: string } = {
  'topology.kubernetes.io/zone': 'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
};

/** Volumes that are labelled with zones or regions can be used there only. A node that tells no place takes all. */
export const volumeZone: PluginDefinition = {
  name: 'VolumeZone',
  create(context) {
    const pods = new PodClaims(context);
    return {
      name: 'VolumeZone',
      watches: [PersistentVolume, PersistentVolumeClaim] as unknown as readonly Kind[],
      filter: {
        name: 'VolumeZone',
        applies: hasClaims,
        prepare(pod) {
          const places = pods.of(pod).flatMap((claim) => placesOf(pods.volumeOf(claim)?.metadata?.labels));
          return places.length > 0 ? places : undefined;
        },
        filter(_pod, { labels }, facts) {
          if (!Object.keys(topology).some((label) => labels[label] !== undefined)) return undefined;
          for (const { label, values } of facts as Place[]) {
            const here = labels[label] ?? labels[topology[label] ?? ''];
            if (here === undefined || !values.includes(here)) return rejected;
          }
          return undefined;
        },
        unstuckBy(event, pod) {
          if (event.type === 'ObjectChanged') return event.kind === 'PersistentVolume' ? event.object !== undefined : isOwnClaim(event, pod);
          return event.type === 'NodeAdded' || (event.type === 'NodeChanged' && event.change.labels);
        },
      },
    };
  },
};

interface Place {
  readonly label: string;
  readonly values: readonly string[];
}
/** A volume in several zones lists them with two underscores between. */
const placesOf = (labels: { readonly [key: string]: string } = {}): Place[] =>
  Object.keys(topology).flatMap((label) => (labels[label] === undefined ? [] : [{ label, values: labels[label].split('__') }]));
