import type { PolicyRule, Role } from '../types.ts';
import { nodeRules } from './node-rules.ts';
import { clusterRole, delegation, events, on, read, readWrite, urls, write } from './words.ts';

const aggregate = (to: string): Record<string, string> => ({ [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' });
const gathers = (name: string): Pick<Role, 'aggregationRule'> => ({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregate(name) }] } });

const adminRules: readonly PolicyRule[] = [
  on('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  on(readWrite, 'rbac.authorization.k8s.io', 'rolebindings roles'),
];
const editRules: readonly PolicyRule[] = [
  on(read, '', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  on('impersonate', '', 'serviceaccounts'),
  on(write, '', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  on('create', '', 'pods/eviction'),
  on(write, '', 'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy'),
  on('create', '', 'serviceaccounts/token'),
  on(write, 'apps', 'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale'),
  on(write, 'autoscaling', 'horizontalpodautoscalers'),
  on(write, 'batch', 'cronjobs jobs'),
  on(
    write,
    'extensions',
    'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
  ),
  on(write, 'policy', 'poddisruptionbudgets'),
  on(write, 'networking.k8s.io', 'ingresses networkpolicies'),
  on(readWrite, 'coordination.k8s.io', 'leases'),
  on(write, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
];
const viewRules: readonly PolicyRule[] = [
  on(
    read,
    '',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
  ),
  on(read, '', 'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status'),
  on(read, '', 'namespaces'),
  on(read, 'discovery.k8s.io', 'endpointslices'),
  on(
    read,
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
  ),
  on(read, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  on(read, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  on(
    read,
    'extensions',
    'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale',
  ),
  on(read, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  on(read, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  on(read, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
];

const signer = (name: string): PolicyRule => on('approve', 'certificates.k8s.io', 'signers', `kubernetes.io/${name}`);
const csr = 'system:certificates.k8s.io';

/** For people. The rules of admin, edit and view are gathered from the roles that carry their labels. */
const forPeople: readonly Role[] = [
  clusterRole('cluster-admin', [on('*', '*', '*'), urls('*', '*')]),
  clusterRole('system:discovery', [urls('get', '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/')]),
  clusterRole('system:monitoring', [
    urls('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*'),
    urls('get', '/flagz'),
    urls('get', '/statusz'),
  ]),
  clusterRole('system:basic-user', [
    on('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    on('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  clusterRole('system:public-info-viewer', [urls('get', '/healthz /livez /readyz /version /version/')]),
  { ...clusterRole('admin', [...editRules, ...viewRules, ...adminRules]), ...gathers('admin') },
  { ...clusterRole('edit', [...editRules, ...viewRules], aggregate('admin')), ...gathers('edit') },
  { ...clusterRole('view', viewRules, aggregate('edit')), ...gathers('view') },
  clusterRole('system:aggregate-to-admin', adminRules, aggregate('admin')),
  clusterRole('system:aggregate-to-edit', editRules, aggregate('edit')),
  clusterRole('system:aggregate-to-view', viewRules, aggregate('view')),
  // As metrics-server brings it.
  clusterRole('system:aggregated-metrics-reader', [on(read, 'metrics.k8s.io', 'nodes pods')], aggregate('view')),
  clusterRole('batuta:placement-reader', [on(read, 'scheduling.batuta.dev', 'podplacements')], aggregate('view')),
];

const forComponents: readonly Role[] = [
  clusterRole('system:heapster', [on(read, '', 'events namespaces nodes pods'), on(read, 'extensions', 'deployments')]),
  clusterRole('system:node', nodeRules),
  clusterRole('system:node-problem-detector', [on('get', '', 'nodes'), on('patch', '', 'nodes/status'), events]),
  clusterRole('system:kubelet-api-admin', [
    on(read, '', 'nodes'),
    on('proxy', '', 'nodes'),
    on('*', '', 'nodes/log nodes/metrics nodes/proxy nodes/stats'),
    on('*', '', 'nodes/configz nodes/healthz nodes/pods'),
  ]),
  clusterRole('system:node-bootstrapper', [on(`create ${read}`, 'certificates.k8s.io', 'certificatesigningrequests')]),
  clusterRole('system:auth-delegator', delegation),
  clusterRole('system:kube-aggregator', [on(read, '', 'endpoints services')]),
  clusterRole('system:kube-controller-manager', [
    events,
    on('create', 'coordination.k8s.io', 'leases'),
    on('get update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
    on('create', '', 'secrets serviceaccounts'),
    on('delete', '', 'secrets'),
    on('get', '', 'configmaps namespaces secrets serviceaccounts'),
    on('update', '', 'secrets serviceaccounts'),
    ...delegation,
    on('list watch', '*', '*'),
    on('create', '', 'serviceaccounts/token'),
  ]),
  clusterRole('system:kube-dns', [on('list watch', '', 'endpoints services')]),
  clusterRole('system:persistent-volume-provisioner', [
    on(`create delete ${read}`, '', 'persistentvolumes'),
    on(`update ${read}`, '', 'persistentvolumeclaims'),
    on(read, 'storage.k8s.io', 'storageclasses'),
    on('watch', '', 'events'),
    events,
  ]),
  clusterRole('system:volume-scheduler', [
    on(`patch update ${read}`, '', 'persistentvolumes'),
    on(read, 'storage.k8s.io', 'storageclasses'),
    on(`patch update ${read}`, '', 'persistentvolumeclaims'),
  ]),
  clusterRole('system:service-account-issuer-discovery', [
    urls('get', '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'),
  ]),
  clusterRole('system:node-proxier', [
    on('list watch', '', 'endpoints services'),
    on(read, '', 'nodes'),
    events,
    on('list watch', 'networking.k8s.io', 'servicecidrs'),
    on('list watch', 'discovery.k8s.io', 'endpointslices'),
  ]),
  clusterRole('system:kube-scheduler', [
    events,
    on('create', 'coordination.k8s.io', 'leases'),
    on('get list update watch', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
    on(read, '', 'nodes'),
    on(`delete ${read}`, '', 'pods'),
    on('create', '', 'bindings pods/binding'),
    on('patch update', '', 'pods/status'),
    on(read, '', 'replicationcontrollers services'),
    on(read, 'apps extensions', 'replicasets'),
    on(read, 'apps', 'statefulsets'),
    on(read, 'policy', 'poddisruptionbudgets'),
    on(read, '', 'persistentvolumeclaims persistentvolumes'),
    ...delegation,
    on(read, 'storage.k8s.io', 'csinodes'),
    on(read, 'storage.k8s.io', 'volumeattachments'),
    on(read, '', 'namespaces'),
    on(read, 'storage.k8s.io', 'csidrivers'),
    on(read, 'storage.k8s.io', 'csistoragecapacities'),
    on(read, 'resource.k8s.io', 'deviceclasses'),
    on(`patch update ${read}`, 'resource.k8s.io', 'resourceclaims'),
    on(`patch update ${read}`, 'resource.k8s.io', 'resourceclaims/status'),
    on('patch update', 'resource.k8s.io', 'resourceclaims/binding'),
    on(`patch update ${read}`, '', 'pods/finalizers'),
    on(read, 'resource.k8s.io', 'resourceslices'),
  ]),
];

const forCertificates: readonly Role[] = [
  clusterRole(`${csr}:certificatesigningrequests:nodeclient`, [on('create', 'certificates.k8s.io', 'certificatesigningrequests/nodeclient')]),
  clusterRole(`${csr}:certificatesigningrequests:selfnodeclient`, [on('create', 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient')]),
  clusterRole(`${csr}:legacy-unknown-approver`, [signer('legacy-unknown')]),
  clusterRole(`${csr}:kubelet-serving-approver`, [signer('kubelet-serving')]),
  clusterRole(`${csr}:kube-apiserver-client-approver`, [signer('kube-apiserver-client')]),
  clusterRole(`${csr}:kube-apiserver-client-kubelet-approver`, [signer('kube-apiserver-client-kubelet')]),
];

export const generalClusterRoles: readonly Role[] = [...forPeople, ...forComponents, ...forCertificates];
