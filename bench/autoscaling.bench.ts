/** What autoscaling costs: one look of 1,000 HorizontalPodAutoscalers with 10 pods each, over the real API; one scrape of 100 targets with 1,000 series each. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApiServer } from '#apiserver';
import { formatTime, seededRandom, silentLogger, systemClock } from '#base';
import { createClient } from '#client';
import { startControllers } from '#controllers';
import { allKinds, Deployment, EndpointSlice, HorizontalPodAutoscaler, Namespace, Node, Pod, schemas, Service, type V1Pod } from '#kinds';
import type { PodUsage } from '#machinery';
import { createMetrics } from '#metrics';
import { createMemoryStore } from '#store';
import { horizontalPodAutoscalerController } from '../src/controllers/autoscaling/horizontal.ts';
import { createFetch } from '../src/metrics/scrape/fetch.ts';
import { Scraper } from '../src/metrics/scrape/scraper.ts';

const autoscalers = Number(process.env['BENCH_AUTOSCALERS'] ?? 1000);
const podsEach = 10;
const targets = 100;
const seriesEach = 1000;
const show = (what: string, figure: string): void => console.log(`${what.padEnd(70)} ${figure}`);

const clock = systemClock;
const metrics = createMetrics({ clock, log: silentLogger, scrapePeriodMs: 86_400_000 });
const store = createMemoryStore();
const server = createApiServer({ store, clock, random: seededRandom(1), log: silentLogger, kinds: allKinds, schemas, computed: metrics.groups });
await server.ready();
const api = server.api({ username: 'bench', groups: ['system:masters'] });
const client = createClient(api, clock, silentLogger);
const hourAgo = formatTime(clock.now() - 3_600_000);

await api.create(Namespace, { metadata: { name: 'default' } });
await api.create(Node, { metadata: { name: 'n' } });
for (let i = 0; i < autoscalers; i++) {
  const name = `app-${i}`;
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu: '100m' } } }] } };
  await api.create(Deployment, { metadata: { name, namespace: 'default' }, spec: { replicas: podsEach, selector: { matchLabels: { app: name } }, template } });
  for (let j = 0; j < podsEach; j++) {
    const pod: V1Pod = { metadata: { name: `${name}-${j}`, namespace: 'default', labels: { app: name } }, spec: { ...template.spec, nodeName: 'n' } };
    const made = await api.create(Pod, pod);
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: hourAgo }];
    await api.update(Pod, { ...made, status: { phase: 'Running', startTime: hourAgo, conditions } }, { subresource: 'status' });
  }
  await api.create(HorizontalPodAutoscaler, {
    metadata: { name, namespace: 'default' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, minReplicas: 1, maxReplicas: 20 },
  });
}
const podAt = (uid: string, time: number): PodUsage => ({
  namespace: 'default',
  name: '',
  uid,
  containers: [{ id: uid, name: 'app', cpuSeconds: (time / 1000) * 0.08, memoryBytes: 1e8, startedAt: 0 }],
});
const meter = {
  podAt,
  at: () => ({ time: 0, node: { cpuSeconds: 0, memoryBytes: 0, startedAt: 0 }, pods: [] }),
  measure: () => Promise.reject(new Error('not measured')),
};
metrics.start({ client, nodes: () => [['n', meter]], meter: () => meter });
await Promise.all([client.informer(Pod).ready(), client.informer(HorizontalPodAutoscaler).ready()]);

const periodMs = 4000;
const running = startControllers({
  client,
  clock,
  random: seededRandom(1),
  log: silentLogger,
  options: { autoscaler: { syncPeriodMs: periodMs } },
  controllers: [horizontalPodAutoscalerController],
});
const first = performance.now();
await running.idle();
show(`first look of ${autoscalers} autoscalers with ${podsEach} pods each`, `${(performance.now() - first).toFixed(0)} ms`);
// The first rounds write statuses; the one that is measured only looks.
await new Promise((resolve) => setTimeout(resolve, 2 * periodMs));
const before = process.cpuUsage();
await new Promise((resolve) => setTimeout(resolve, 5 * periodMs));
const { user, system } = process.cpuUsage(before);
const each = (user + system) / 1000 / 5;
show(`one look of all of them, settled`, `${each.toFixed(0)} ms of CPU (${((each / 15_000) * 100).toFixed(2)} % of a core at one look in 15 s)`);
await running.stop();

const page = Array.from({ length: seriesEach }, (_, i) => `http_requests_total{path="/p/${i}",code="200",method="GET"} ${i}`).join('\n');
const http = createServer((_request, response) => response.end(`# TYPE http_requests_total counter\n${page}\n`));
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
const { port } = http.address() as AddressInfo;
for (let i = 0; i < targets; i++) {
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port), 'prometheus.io/path': `/${i}` };
  const made = await api.create(Pod, {
    metadata: { name: `target-${i}`, namespace: 'default', annotations },
    spec: { nodeName: 'real', containers: [{ name: 'a', image: 'i' }] },
  });
  await api.update(Pod, { ...made, status: { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } }, { subresource: 'status' });
}
const { fetch, close } = createFetch(clock);
const scraper = new Scraper({
  clock,
  log: silentLogger,
  fetch,
  periodMs: 86_400_000,
  sources: { pods: client.informer(Pod), services: client.informer(Service), slices: client.informer(EndpointSlice), simulated: (node) => node === 'n' },
});
await scraper.round();
const rounds: number[] = [];
for (let i = 0; i < 5; i++) {
  const from = process.cpuUsage();
  await scraper.round();
  const used = process.cpuUsage(from);
  rounds.push((used.user + used.system) / 1000);
}
rounds.sort((a, b) => a - b);
show(`one scrape of ${targets} targets with ${seriesEach} series each, with their server`, `${rounds[2]?.toFixed(0)} ms of CPU`);
scraper.stop();
close();
http.close();
http.closeAllConnections();
metrics.stop();
client.close();
await server.close();
await store.close();
