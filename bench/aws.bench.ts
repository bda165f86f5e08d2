/** The AWS gateway: calls a second, the first call after a start, and a reset, against moto's server where it is installed. */
import { spawn, spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { evaluate, parsePolicy, readClaim, verify } from '#aws';
import { eventually, freePort } from '../test/harness.ts';
import { signed } from '../test/aws-kit.ts';
import { report, withCluster } from './lib.ts';

const calls = Number(process.env['BENCH_CALLS'] ?? 3000);
const side = 16;
const form = (action: string): string => `Action=${action}&Version=2010-05-08`;

function post(agent: Agent, port: number, body: string, path = '/'): Promise<number> {
  const { headers } = signed({ port, service: 'iam', body });
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, method: 'POST', path, headers }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
/** Calls a second, at `side` connections. */
async function rate(port: number, action: string, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: side });
  let left = count;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: side }, async () => {
      while (left-- > 0) {
        const status = await post(agent, port, form(action));
        if (status !== 200) throw new Error(`${action} answers ${status}`);
      }
    }),
  );
  agent.destroy();
  return count / ((performance.now() - began) / 1000);
}

async function moto(): Promise<{ first: number; rate: number } | undefined> {
  if (spawnSync('moto_server', ['--help']).error) return undefined;
  const port = await freePort();
  const began = performance.now();
  const server = spawn('moto_server', ['-p', String(port)], { stdio: 'ignore' });
  try {
    const agent = new Agent();
    await eventually('moto answers', async () => (await post(agent, port, form('ListUsers')).catch(() => 0)) === 200);
    const first = performance.now() - began;
    return { first, rate: await rate(port, 'ListUsers', Math.min(calls, 1000)) };
  } finally {
    server.kill();
  }
}

/** Milliseconds to delete all state when there are `users` users. The first time nothing that deletes was ever used. */
async function reset(port: number, users: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: side });
  const statuses = await Promise.all(Array.from({ length: users }, (_, i) => post(agent, port, `${form('CreateUser')}&UserName=u${i}`)));
  if (statuses.some((status) => status !== 200)) throw new Error(`CreateUser answers ${statuses.join(' ')}`);
  const began = performance.now();
  const status = await post(agent, port, '', '/_localstack/state/reset');
  const took = performance.now() - began;
  agent.destroy();
  if (status !== 200) throw new Error(`reset answers ${status}`);
  return took;
}

/** Milliseconds for one signature and one decision by twenty policies. */
function proofAndPolicy(): number {
  const body = form('ListUsers');
  const { headers, now } = signed({ port: 4566, service: 'iam', body });
  const wire = { method: 'POST', url: '/', rawHeaders: Object.entries(headers).flat() };
  const statement = {
    Effect: 'Allow',
    Action: ['s3:Get*', 'ecr:*'],
    Resource: 'arn:aws:s3:::logs/*',
    Condition: { StringEquals: { 'aws:PrincipalTag/team': 'a' } },
  };
  const policy = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: Array.from({ length: 5 }, () => statement) }), 'identity');
  const account = '000000000000';
  const principal = { type: 'user' as const, arn: `arn:aws:iam::${account}:user/a`, account };
  const identityPolicies = Array.from({ length: 20 }, (_, i) => ({ name: `p${i}`, policy }));
  const count = 2000;
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    verify({ request: wire, claim: readClaim(wire), secret: 'test', now, bodyHash: () => '' });
    evaluate({ principal, action: 'iam:ListUsers', resource: '*', resourceAccount: account, keys: new Map(), identityPolicies });
  }
  return (performance.now() - began) / count;
}

const peer = await moto();
/** Of moto 5 on a machine of two cores, where it is not installed. */
const recorded = { first: 1100, rate: 350 };
const name = peer ? 'moto' : 'moto (recorded)';
const { first: peerFirst, rate: peerRate } = peer ?? recorded;
await withCluster(['--runtime', 'sim', '--nodes', '0', '--allow-reset'], async (cluster) => {
  const { endpoints } = JSON.parse((await cluster.batuta('status', '--json')).out) as { endpoints: { aws: string } };
  const port = Number(new URL(endpoints.aws).port);
  const agent = new Agent();
  const began = performance.now();
  await post(agent, port, form('ListUsers'));
  const first = performance.now() - began;
  report('first call of a service, the AWS APIs not loaded yet', first, 'ms', { name, figure: peerFirst }, '≤ 0.3×', false);
  await rate(port, 'ListUsers', 500);
  report(`IAM ListUsers, ${side} connections`, await rate(port, 'ListUsers', calls), '/s', { name, figure: peerRate }, '≥ 5×', true);
  report('reset of 200 users, the first', await reset(port, 200), 'ms', { name: 'limit', figure: 200 }, '≥ 1×', false);
  report('reset of 200 users, the second', await reset(port, 200), 'ms', { name: 'limit', figure: 200 }, '≥ 1×', false);
});
report('signature and policies of one call', proofAndPolicy(), 'ms', { name: 'limit', figure: 0.2 }, '≥ 1×', false);
