import { systemClock, systemRandom, type Logger } from '#base';
import { allocatableOfTemplate, capacityOf, defaultZones, labelsOfTemplate, type V1Taint } from '#kinds';
import type { Fleet } from '#node';
import type { ControlPlane } from './control-plane.ts';
import type { Machines } from './machines.ts';
import type { Paths } from './paths.ts';
import type { NetworkPlan, NodePlan } from './plan.ts';
import { applyNodeTemplates, type TemplateGroup } from './sim-templates.ts';

/** Simulated machines: those of --sim-nodes, those of NodeGroups, and those of Nodes that carry kwok's annotation. */
export interface SimNodes {
  /** Resolves when the machines of --sim-nodes are Ready. */
  ready(): Promise<void>;
  machines(): Promise<Machines>;
  stop(): Promise<void>;
}

interface Deps {
  plane: ControlPlane;
  plan: NetworkPlan;
  paths: Paths;
  log: Logger;
  groups: readonly TemplateGroup[];
}

/** Keeps pods with real images off nodes that run nothing, where there are both. kwok's, so that its manifests fit. */
export const simTaint: V1Taint = { key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' };

export function startSimNodes({ plane, plan, paths, log, groups }: Deps): SimNodes {
  const logger = log.named('sim');
  const started = import('#node').then(async ({ createFleet, NodeRanges, startAdoptedNodes, startNodeGroups, startStages }) => {
    const { client } = plane;
    const clock = systemClock;
    const random = systemRandom;
    const ranges = new NodeRanges();
    const stages = startStages({ client, clock, random, log: logger, fleet: () => fleet });
    const yields = stages.governs.bind(stages);
    const agent = { dataDir: paths.pods, logDir: paths.podLogs, clusterDNS: plan.dnsIP, clusterDomain: 'cluster.local', yields };
    const fleet = createFleet({ client, clock, random, log: logger, agent, onStreams: (node, streams) => plane.addNodeStreams(node, streams) });
    await stages.ready;
    plan.simNodes.forEach((node, i) => {
      ranges.claim(node.podCIDR);
      fleet.add(machine(node, i, plan.nodes.length > 0));
    });
    const nodeGroups = startNodeGroups({ client, clock, random, log: logger, fleet, ranges });
    const adopted = startAdoptedNodes({ client, log: logger, fleet, ranges });
    return { fleet, nodeGroups, adopted, stages };
  });
  const applied = groups.length > 0 ? plane.ready().then(() => applyNodeTemplates(plane.api, groups)) : Promise.resolve();
  return {
    ready: async () => {
      const { fleet } = await started;
      await Promise.all([applied, ...plan.simNodes.map(({ name }) => fleet.ready([name]))]);
    },
    machines: async () => machinesOf((await started).fleet),
    async stop() {
      const { fleet, nodeGroups, adopted, stages } = await started;
      adopted.stop();
      await stages.stop();
      await nodeGroups.stop();
      await fleet.stop();
    },
  };
}

function machine(node: NodePlan, i: number, mixed: boolean): Parameters<Fleet['add']>[0] {
  return {
    name: node.name,
    hostname: node.name,
    podCIDR: node.podCIDR,
    internalIP: node.ip,
    capacity: capacityOf({}) as Parameters<Fleet['add']>[0]['capacity'],
    allocatable: allocatableOfTemplate({}),
    labels: labelsOfTemplate({}, defaultZones[i % defaultZones.length]),
    ...(mixed ? { taints: [simTaint] } : {}),
  };
}

function machinesOf(fleet: Fleet): Machines {
  return {
    names: () => fleet.names(),
    state: (name) => fleet.state(name),
    kill: async (name) => void fleet.kill(name),
    silence: async (name) => void fleet.silence(name),
    heal: async (name) => void fleet.heal(name),
    killPod: async (node, uid) => void fleet.runtime(node)?.crash(uid),
  };
}
