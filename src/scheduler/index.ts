/**
 * scheduler: which node a pod goes to. A pure core (cluster state in, decision out) of plugins, and a runner
 * that feeds it from informers and binds. Knows the API only through `client`; knows no server, store,
 * controller or node agent.
 */
export { startScheduler, type Scheduler, type SchedulerOptions } from './runner.ts';
export { ClusterState } from './cluster-state.ts';
export { findNode, type Decision } from './find-node.ts';
export { podInfo, type PodInfo } from './pod-info.ts';
export { defaultProfile, makeProfile, type Profile } from './profile.ts';
export { planPreemption, type Candidate } from './preemption.ts';
export { readConfiguration, type SchedulerConfiguration } from './configuration.ts';
export { WhatIf } from './what-if.ts';
export type { PlacementSource, PlacementStatus, PodPlacement } from './placements.ts';
export type { NodeObjection, NodeVerdict } from './explain.ts';
export { definitions } from './plugins/index.ts';
export type { ClusterEvent, FilterPlugin, Plugin, PluginContext, PluginDefinition, Rejection, ScorePlugin } from './plugin.ts';
