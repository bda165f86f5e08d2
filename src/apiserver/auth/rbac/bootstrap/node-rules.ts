import type { PolicyRule } from '../types.ts';
import { on, read } from './words.ts';

/** What a kubelet needs (ClusterRole system:node); the Node authorizer narrows it down to what concerns its own node. */
export const nodeRules: readonly PolicyRule[] = [
  on('create', 'authentication.k8s.io', 'tokenreviews'),
  on('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
  on(read, '', 'services'),
  on(`create ${read}`, '', 'nodes'),
  on('patch update', '', 'nodes/status'),
  on('patch update', '', 'nodes'),
  on('create patch update', '', 'events'),
  on(read, '', 'pods'),
  on('create delete', '', 'pods'),
  on('patch update', '', 'pods/status'),
  on('create', '', 'pods/eviction'),
  on(read, '', 'configmaps secrets'),
  on('get', '', 'persistentvolumeclaims persistentvolumes'),
  on('get', '', 'endpoints'),
  on(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests'),
  on('create delete get patch update', 'coordination.k8s.io', 'leases'),
  on('get', 'storage.k8s.io', 'volumeattachments'),
  on('create', '', 'serviceaccounts/token'),
  on('get patch update', '', 'persistentvolumeclaims/status'),
  on(read, 'storage.k8s.io', 'csidrivers'),
  on('create delete get patch update', 'storage.k8s.io', 'csinodes'),
  on(read, 'node.k8s.io', 'runtimeclasses'),
  on('get', 'resource.k8s.io', 'resourceclaims'),
  on('deletecollection', 'resource.k8s.io', 'resourceslices'),
  // For the credential providers of images, which ask with the token of the pod's own ServiceAccount.
  on('get', '', 'serviceaccounts'),
];
