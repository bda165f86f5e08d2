/** 1,000 nodes: a Deployment of 5,000 replicas and 10,000 plain pods, created over HTTP and bound, durable on disk. */
import { kload, peer, report, withCluster } from './lib.ts';

interface Tests {
  pods: { pods_bound_per_s: number; stuck?: string; rss_mb: { batuta: number } };
  deployment: { all_exist_s: number; all_bound_s: number; stuck?: string };
}

await withCluster(['--runtime', 'sim', '--nodes', '0', '--node-monitor-grace-period', '86400'], async (cluster) => {
  const { tests } = (await kload(cluster, 'nodes,deployment,deployment-delete,pods')) as unknown as { tests: Tests };
  if (tests.deployment.stuck ?? tests.pods.stuck) console.log(`stuck: ${tests.deployment.stuck ?? ''} ${tests.pods.stuck ?? ''}`);
  report('Deployment of 5,000 replicas, all bound', tests.deployment.all_bound_s, 's', { name: 'kube', figure: peer.deploymentBoundSeconds }, '≥ 5×', false);
  report('10,000 plain pods, created → bound', tests.pods.pods_bound_per_s, '/s', { name: 'kube', figure: peer.podsPerSecond }, '≥ 4×', true);
  report('resident memory after these runs', tests.pods.rss_mb.batuta, 'MB', { name: 'kube', figure: peer.residentAfterPodsMB }, '≥ 3×', false);
});
