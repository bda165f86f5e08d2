/**
 * kinds: one file per kind of the API (its columns, defaults, validation and rules) and the generated
 * types they are made of. Knows machinery; knows no server, store, client or controller.
 */
import type { Kind } from '#machinery';
import { Deployment } from './apps/deployment.ts';
import { ReplicaSet } from './apps/replicaset.ts';
import { Lease } from './coordination/lease.ts';
import { ConfigMap } from './core/configmap.ts';
import { Endpoints } from './core/endpoints.ts';
import { Event } from './core/event.ts';
import { Namespace } from './core/namespace.ts';
import { Node } from './core/node.ts';
import { Pod } from './core/pod.ts';
import { Secret } from './core/secret.ts';
import { Service } from './core/service.ts';
import { ServiceAccount } from './core/serviceaccount.ts';
import { EndpointSlice } from './discovery/endpointslice.ts';

export type * from './generated/types.ts';
/** client-node calls it CoreV1Event, because events.k8s.io has one too. */
export type { CoreV1Event as V1Event } from './generated/types.ts';
export { loadProtobuf } from './generated/protobuf.ts';
export { schemas, loadDescriptions } from './schemas.ts';
export { facts } from './facts.ts';
export { qosClass } from './core/qos.ts';
export { summarizePod, type PodSummary } from './core/pod-columns.ts';
export { ConfigMap, Deployment, Endpoints, EndpointSlice, Event, Lease, Namespace, Node, Pod, ReplicaSet, Secret, Service, ServiceAccount };

/** `Kind` is contravariant in its object type, so a list of them can only be handed on, not called with a wrong object. */
const anyKind = (kind: unknown): Kind => kind as Kind;

/** Every kind that is served; a test asserts that no file under src/kinds is left out. */
export const allKinds: readonly Kind[] = [
  Namespace,
  Node,
  Pod,
  ConfigMap,
  Secret,
  Service,
  Endpoints,
  ServiceAccount,
  Event,
  EndpointSlice,
  Lease,
  Deployment,
  ReplicaSet,
].map(anyKind);
