/** 50,000 objects of 2 KB, listed page by page while others write: no page may stall the event loop for everybody else. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { median, pause, withCluster } from './lib.ts';
import { startProbe } from './probe.ts';

const objects = 50_000;
const pageSize = 500;
const stallAimMs = 50;

await withCluster(['--runtime', 'sim', '--nodes', '0'], async (cluster) => {
  const field = (name: string): Buffer => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(readFileSync(cluster.kubeconfig, 'utf8'))?.[1] ?? '', 'base64');
  const tls = { ca: field('certificate-authority-data'), cert: field('client-certificate-data'), key: field('client-key-data') };
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = (method: string, path: string, body?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
      const outgoing = request({ host: '127.0.0.1', port: cluster.kubePort, method, path, agent, ...tls, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks).toString()));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const at = '/api/v1/namespaces/default/configmaps';
  const payload = 'x'.repeat(1800);
  const create = (i: number): Promise<string> => ask('POST', at, JSON.stringify({ metadata: { name: `cm-${String(i).padStart(6, '0')}` }, data: { payload } }));
  let next = 0;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (next < objects) await create(next++);
    }),
  );

  const target = { port: cluster.kubePort, path: '/api/v1/namespaces/default', tls };
  const idle = startProbe(target);
  await pause(3000);
  const quiet = await idle.stop();
  const busy = startProbe(target);
  await pause(300);
  const pages: number[] = [];
  let seen = 0;
  const started = performance.now();
  for (let token = ''; ;) {
    const from = performance.now();
    const text = await ask('GET', `${at}?limit=${pageSize}${token && `&continue=${token}`}`);
    pages.push(performance.now() - from);
    const tail = /"metadata":\{"resourceVersion":"\d+"(?:,"continue":"([^"]*)")?/.exec(text.slice(0, 400));
    seen += text.split('"kind":"ConfigMap"').length - 1;
    token = tail?.[1] ?? '';
    if (!token) break;
    // Someone else writes: the rest of the list is the past from now on.
    if (pages.length === 10) await create(objects);
  }
  const waits = await busy.stop();
  agent.destroy();
  const worst = Math.max(...waits);
  console.log(
    `${seen} objects in ${pages.length} pages of ${pageSize}: ${((performance.now() - started) / 1000).toFixed(2)} s, ${median(pages).toFixed(1)} ms a page`,
  );
  console.log(`longest wait of a small request with nothing else to do: ${Math.max(...quiet).toFixed(1)} ms (median ${median(quiet).toFixed(1)})`);
  console.log(
    `longest wait of a small request meanwhile: ${worst.toFixed(1)} ms (median ${median(waits).toFixed(1)})  aim < ${stallAimMs} ms${worst < stallAimMs ? '' : '  MISSED'}`,
  );
});
