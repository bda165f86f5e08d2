import { ReplicaSet } from '#kinds';
import type { Controller } from '../controller.ts';
import { replicate } from './replicas.ts';

/** Keeps as many pods alive as a ReplicaSet asks for. */
export const replicaSetController: Controller = {
  name: 'replicaset',
  component: 'replicaset-controller',
  setup: replicate({ kind: ReplicaSet, selector: (set) => set.spec?.selector, tellsTerminating: true }),
};
