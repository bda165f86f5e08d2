import { FakeClock, seededRandom, settle, silentLogger, type Logger } from '#base';
import { createClient, type Client } from '#client';
import { createFakeApi, type FakeApi } from '#client';
import { Namespace, Pod, type V1Pod } from '#kinds';
import { startNodeAgent, type NodeAgent, type NodeAgentOptions } from './agent.ts';
import type { Runtime } from './runtime.ts';
import { createSimRuntime } from './sim/runtime.ts';

/** One simulated node on fake time over a fake API: what the agent's unit tests stand on. */
export interface Bench {
  clock: FakeClock;
  api: FakeApi;
  client: Client;
  runtime: ReturnType<typeof createSimRuntime>;
  agent: NodeAgent;
  /** Stops the agent and starts another on the same runtime. */
  restart(runtime?: Runtime): Promise<void>;
  pod(name: string, change?: (pod: V1Pod) => void): V1Pod;
  get(name: string): V1Pod | undefined;
  events(): string[];
}

export async function createBench(options: Partial<NodeAgentOptions> & { log?: Logger } = {}): Promise<Bench> {
  const clock = new FakeClock();
  const random = seededRandom(7);
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  api.put(Namespace, { metadata: { name: 'default' } });
  const runtime = createSimRuntime({ clock, random, node: { name: 'n1', podCIDR: '10.244.1.0/24' } });
  const start = (using: Runtime): NodeAgent =>
    startNodeAgent({
      client,
      clock,
      random,
      log: silentLogger,
      runtime: using,
      simulated: true,
      dataDir: '/nonexistent',
      logDir: '/nonexistent',
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      node: {
        name: 'n1',
        hostname: 'n1',
        podCIDR: '10.244.1.0/24',
        internalIP: '192.0.2.1',
        capacity: { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '10Gi' },
      },
      ...options,
    });
  const bench: Bench = {
    clock,
    api,
    client,
    runtime,
    agent: start(options.runtime ?? runtime),
    async restart(using = options.runtime ?? runtime) {
      await bench.agent.stop();
      bench.agent = start(using);
      await bench.agent.ready;
      await settle();
    },
    pod(name, change) {
      const pod: V1Pod = { metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1' }] } };
      change?.(pod);
      return api.put(Pod, pod);
    },
    get: (name) => api.all(Pod, 'default').find((p) => p.metadata?.name === name),
    events: () =>
      api.writes
        .filter((w) => w.kind === 'Event' && w.verb === 'create')
        .map((w) => `${(w.body as { reason: string }).reason}: ${(w.body as { message: string }).message}`),
  };
  await bench.agent.ready;
  await settle();
  return bench;
}
