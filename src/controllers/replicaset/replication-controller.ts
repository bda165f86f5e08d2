import { ReplicationController } from '#kinds';
import type { Controller } from '../controller.ts';
import { replicate } from './replicas.ts';

/** The ReplicaSet of old: its selector is a plain map of labels. */
export const replicationController: Controller = {
  name: 'replicationcontroller',
  component: 'replication-controller',
  setup: replicate({
    kind: ReplicationController,
    // Without a selector it would take every pod there is.
    selector: ({ spec }) => (spec?.selector ? { matchLabels: spec.selector } : undefined),
    tellsTerminating: false,
  }),
};
