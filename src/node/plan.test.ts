import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod } from '#kinds';
import { computePodActions, nextBackoff, type PlanInput } from './plan.ts';
import type { ContainerState, SandboxState } from './runtime.ts';

const now = 1_000_000;
const pod = (spec: Partial<NonNullable<V1Pod['spec']>> = {}): V1Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u' },
  spec: { containers: [{ name: 'a', image: 'a:1' }], ...spec },
});
const state = (name: string, s: Partial<ContainerState> = {}): ContainerState => ({
  id: `id-${name}-${s.attempt ?? 0}`,
  name,
  attempt: 0,
  state: 'running',
  createdAt: 1,
  startedAt: 1,
  finishedAt: s.state === 'exited' ? now - 1000 : 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: '',
  imageId: '',
  labels: {},
  annotations: {},
  ...s,
});
const sandbox = (containers: ContainerState[], s: Partial<SandboxState> = {}): SandboxState => ({
  id: 's0',
  podUid: 'u',
  namespace: 'default',
  name: 'p',
  attempt: 0,
  ready: true,
  ips: ['10.0.0.2'],
  createdAt: 1,
  labels: {},
  annotations: {},
  containers,
  ...s,
});
const plan = (input: Partial<PlanInput>): unknown => {
  const p = computePodActions({ pod: pod(), sandboxes: [], now, verdict: () => ({ started: true }), backoff: () => undefined, ...input });
  return {
    ...(p.killPod ? { killPod: true } : {}),
    ...(p.sandbox ? { sandbox: p.sandbox.attempt } : {}),
    ...(p.start.length ? { start: p.start.map((s) => `${s.name}#${s.attempt}`) } : {}),
    ...(p.kill.length ? { kill: p.kill.map((k) => `${k.name}:${k.reason}`) } : {}),
    ...(p.wait.length ? { wait: p.wait.map((w) => `${w.name}+${w.until - now}`) } : {}),
  };
};
const inits: V1Container[] = [
  { name: 'side', image: 's', restartPolicy: 'Always' },
  { name: 'i1', image: 'i' },
  { name: 'i2', image: 'i' },
];

const golden: [string, Partial<PlanInput>, unknown][] = [
  ['nothing there: sandbox and all containers', {}, { sandbox: 0, start: ['a#0'] }],
  ['nothing there, init first', { pod: pod({ initContainers: inits }) }, { sandbox: 0, start: ['side#0'] }],
  ['running: nothing to do', { sandboxes: [sandbox([state('a')])] }, {}],
  ['exited, Always: again', { sandboxes: [sandbox([state('a', { state: 'exited' })])] }, { start: ['a#1'] }],
  ['exited 0, OnFailure: complete', { pod: pod({ restartPolicy: 'OnFailure' }), sandboxes: [sandbox([state('a', { state: 'exited' })])] }, { killPod: true }],
  [
    'exited 1, OnFailure: again',
    { pod: pod({ restartPolicy: 'OnFailure' }), sandboxes: [sandbox([state('a', { state: 'exited', exitCode: 1 })])] },
    { start: ['a#1'] },
  ],
  ['exited 1, Never: over', { pod: pod({ restartPolicy: 'Never' }), sandboxes: [sandbox([state('a', { state: 'exited', exitCode: 1 })])] }, { killPod: true }],
  [
    'in back-off: wait',
    { sandboxes: [sandbox([state('a', { state: 'exited' })])], backoff: () => ({ delayMs: 10_000, updatedAt: now - 5000 }) },
    { wait: ['a+9000'] },
  ],
  [
    'back-off over: again',
    { sandboxes: [sandbox([state('a', { state: 'exited', finishedAt: now - 11_000 })])], backoff: () => ({ delayMs: 10_000, updatedAt: now - 20_000 }) },
    { start: ['a#1'] },
  ],
  [
    'sandbox died: a new one, count goes on',
    { sandboxes: [sandbox([state('a', { state: 'exited', attempt: 2 })], { ready: false })] },
    { sandbox: 1, start: ['a#3'] },
  ],
  [
    'sandbox died, Never: over',
    { pod: pod({ restartPolicy: 'Never' }), sandboxes: [sandbox([state('a', { state: 'exited', exitCode: 137 })], { ready: false })] },
    { killPod: true },
  ],
  ['sidecar started: next init', { pod: pod({ initContainers: inits }), sandboxes: [sandbox([state('side')])] }, { start: ['i1#0'] }],
  ['sidecar not started yet: wait', { pod: pod({ initContainers: inits }), sandboxes: [sandbox([state('side')])], verdict: () => ({ started: false }) }, {}],
  ['init running: wait', { pod: pod({ initContainers: inits }), sandboxes: [sandbox([state('side'), state('i1')])] }, {}],
  [
    'init failed: again',
    { pod: pod({ initContainers: inits }), sandboxes: [sandbox([state('side'), state('i1', { state: 'exited', exitCode: 1 })])] },
    { start: ['i1#1'] },
  ],
  [
    'init failed, Never: over',
    { pod: pod({ initContainers: inits, restartPolicy: 'Never' }), sandboxes: [sandbox([state('side'), state('i1', { state: 'exited', exitCode: 1 })])] },
    { killPod: true },
  ],
  [
    'all inits done: main',
    { pod: pod({ initContainers: inits }), sandboxes: [sandbox([state('side'), state('i1', { state: 'exited' }), state('i2', { state: 'exited' })])] },
    { start: ['a#0'] },
  ],
  [
    'sidecar died beside main: again',
    {
      pod: pod({ initContainers: inits }),
      sandboxes: [sandbox([state('side', { state: 'exited' }), state('i1', { state: 'exited' }), state('i2', { state: 'exited' }), state('a')])],
    },
    { start: ['side#1'] },
  ],
  [
    'main complete with a running sidecar: over',
    {
      pod: pod({ initContainers: inits, restartPolicy: 'Never' }),
      sandboxes: [sandbox([state('side'), state('i1', { state: 'exited' }), state('i2', { state: 'exited' }), state('a', { state: 'exited' })])],
    },
    { killPod: true },
  ],
  ['liveness failed: kill', { sandboxes: [sandbox([state('a')])], verdict: () => ({ started: true, failed: 'liveness' as const }) }, { kill: ['a:liveness'] }],
  ['image changed: kill', { sandboxes: [sandbox([state('a', { annotations: { 'io.kubernetes.container.hash': 'other' } })])] }, { kill: ['a:changed'] }],
  ['created, never started (the agent died in between): again', { sandboxes: [sandbox([state('a', { state: 'created' })])] }, { start: ['a#1'] }],
  [
    'containers lost while away: the count of the API goes on',
    { pod: { ...pod(), status: { containerStatuses: [{ name: 'a', restartCount: 4, containerID: 'containerd://x', image: '', imageID: '', ready: true }] } } },
    { sandbox: 0, start: ['a#5'] },
  ],
  [
    'ephemeral container appears',
    { pod: pod({ ephemeralContainers: [{ name: 'dbg', image: 'd' }] }), sandboxes: [sandbox([state('a')])] },
    { start: ['dbg#0'] },
  ],
  [
    'restart rule of one exit code',
    {
      pod: pod({
        restartPolicy: 'Never',
        containers: [{ name: 'a', image: 'a', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }],
      }),
      sandboxes: [sandbox([state('a', { state: 'exited', exitCode: 42 })])],
    },
    { start: ['a#1'] },
  ],
];
for (const [title, input, wanted] of golden) test(`plan: ${title}`, () => assert.deepEqual(plan(input), wanted));

test('back-off doubles to five minutes and is forgotten after ten', () => {
  let entry = nextBackoff(undefined, 0, 0);
  const delays = [entry.delayMs];
  for (let i = 0; i < 6; i++) delays.push((entry = nextBackoff(entry, 0, 0)).delayMs);
  assert.deepEqual(delays, [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  assert.equal(nextBackoff(entry, 600_001, 600_002).delayMs, 10_000);
});
