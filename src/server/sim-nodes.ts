import type { Client } from '#client';
import { systemClock, systemRandom, type Logger } from '#base';
import type { ControlPlane } from './control-plane.ts';
import type { Paths } from './paths.ts';
import type { NetworkPlan, NodePlan } from './plan.ts';

export interface SimNodes {
  ready(): Promise<void>;
  stop(): Promise<void>;
}

interface Deps {
  plane: ControlPlane;
  plan: NetworkPlan;
  paths: Paths;
  log: Logger;
}

const capacity = { cpu: '32', memory: '256Gi', pods: '110', 'ephemeral-storage': '500Gi' };
const zones = ['zone-a', 'zone-b', 'zone-c'];

/** Nodes whose pods live through every state and run nothing, spread over three zones. */
export function startSimNodes({ plane, plan, paths, log }: Deps): SimNodes {
  const agents = import('#node').then(({ startNodeAgent, createSimRuntime }) =>
    plan.simNodes.map((node, i) => {
      const runtime = createSimRuntime({ clock: systemClock, random: systemRandom, node: { name: node.name, podCIDR: node.podCIDR } });
      const agent = startNodeAgent(agentOptions(plane.client, node, i, { plan, paths, log: log.named('sim'), runtime }));
      plane.addNodeStreams(node.name, agent.streams);
      return agent;
    }),
  );
  return {
    ready: async () => void (await Promise.all((await agents).map((agent) => agent.ready))),
    stop: async () => void (await Promise.all((await agents).map((agent) => agent.stop()))),
  };
}

type AgentOptions = Parameters<typeof import('#node').startNodeAgent>[0];

function agentOptions(
  client: Client,
  node: NodePlan,
  i: number,
  shared: { plan: NetworkPlan; paths: Paths; log: Logger; runtime: AgentOptions['runtime'] },
): AgentOptions {
  return {
    client,
    clock: systemClock,
    random: systemRandom,
    log: shared.log,
    runtime: shared.runtime,
    simulated: true,
    node: {
      name: node.name,
      hostname: node.name,
      podCIDR: node.podCIDR,
      internalIP: node.ip,
      capacity,
      labels: { type: 'sim', 'topology.kubernetes.io/region': 'sim', 'topology.kubernetes.io/zone': zones[i % zones.length] ?? 'zone-a' },
    },
    dataDir: shared.paths.pods,
    logDir: shared.paths.podLogs,
    clusterDNS: shared.plan.dnsIP,
    clusterDomain: 'cluster.local',
  };
}
