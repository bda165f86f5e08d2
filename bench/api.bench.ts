/** The API under load, durable on disk, against the figures of a real kube-apiserver. */
import { kload, peer, report, withCluster } from './lib.ts';

interface Tests {
  'cm-create': { ops_per_s: number; rss_mb: { batuta: number } };
  'cm-get': { ops_per_s: number };
  'cm-list': Record<string, unknown>;
  watch: { all_seen_s: number };
  patch: { ops_per_s: number; rss_mb: { batuta: number } };
}

await withCluster(['--runtime', 'sim'], async (cluster) => {
  const { tests } = (await kload(cluster, 'cm-create,cm-get,cm-list,watch,patch')) as unknown as { tests: Tests };
  report('create 5,000 ConfigMaps, concurrency 32', tests['cm-create'].ops_per_s, '/s', { name: 'kube', figure: peer.createsPerSecond }, '≥ 2×', true);
  report('get, concurrency 32', tests['cm-get'].ops_per_s, '/s', { name: 'kube', figure: peer.getsPerSecond }, '≥ 3×', true);
  const full = tests['cm-list'].full_no_selector as { median_ms: number };
  report('list of 5,000', full.median_ms, 'ms', { name: 'kube', figure: peer.listMs }, '≥ 2×', false);
  report('100 watchers × 500 updates', tests.watch.all_seen_s, 's', { name: 'kube', figure: peer.watchSeconds }, '≥ 2×', false);
  report('merge patch, concurrency 32', tests.patch.ops_per_s, '/s', { name: 'kube', figure: peer.patchesPerSecond }, '-', true);
  report('resident memory after these runs', tests.patch.rss_mb.batuta, 'MB', { name: 'kube', figure: peer.residentAfterConfigMapsMB }, '≥ 3×', false);
});
