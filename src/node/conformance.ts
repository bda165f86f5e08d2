import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RuntimeError, type ContainerSpec, type ContainerState, type Runtime, type SandboxSpec } from './runtime.ts';

export interface ConformanceSubject {
  runtime: Runtime;
  /** An image with a shell (`sh -c`), or any name where nothing is run. */
  image: string;
  logDirectory: string;
  /** Lets time pass until something may have happened. */
  wait(): Promise<void>;
  /** A container of `command` ends with this code; the simulation is told by annotations. */
  exiting(code: number): { command: string[]; annotations: Record<string, string> };
  /** A second view of the same containers, as a restarted agent has it. */
  reopen(): Promise<Runtime>;
  close(): Promise<void>;
}

let serial = 0;
export function sandboxSpec(subject: ConformanceSubject, annotations: Record<string, string> = {}): SandboxSpec {
  const uid = `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`;
  return {
    podUid: uid,
    namespace: 'conformance',
    name: `pod-${serial}`,
    attempt: 0,
    hostname: `pod-${serial}`,
    labels: {},
    annotations,
    logDirectory: `${subject.logDirectory}/${uid}`,
    cgroupParent: '',
    dns: { servers: [], searches: [], options: [] },
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    sysctls: {},
    privileged: false,
  };
}
export function containerSpec(image: string, command: string[] = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done']): ContainerSpec {
  return {
    name: 'main',
    attempt: 0,
    image,
    command,
    args: [],
    workingDir: '',
    env: [{ name: 'A', value: 'b' }],
    mounts: [],
    labels: {},
    annotations: { 'io.kubernetes.container.hash': 'abc' },
    logPath: 'main/0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { cpuShares: 2, cpuQuotaUs: 0, cpuPeriodUs: 100_000, memoryLimitBytes: 0, oomScoreAdj: 1000 },
    privileged: false,
    addCapabilities: [],
    dropCapabilities: [],
    supplementalGroups: [],
    readOnlyRootFilesystem: false,
    noNewPrivileges: false,
    hostPID: false,
    hostIPC: false,
    hostNetwork: false,
    shareProcessNamespace: false,
  };
}

/** What every Runtime must do. `make` gives a fresh subject for each case. */
export function runtimeConformance(name: string, make: () => Promise<ConformanceSubject>): void {
  const check = (title: string, body: (subject: ConformanceSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make();
      try {
        await body(subject);
        assert.deepEqual(await subject.runtime.list(), [], 'a case leaves nothing behind');
      } finally {
        await subject.close();
      }
    });
  };
  describe(`runtime conformance: ${name}`, () => {
    check('a sandbox runs with an address, once per pod and attempt, and is removed idempotently', async ({ runtime, ...s }) => {
      const spec = sandboxSpec({ runtime, ...s });
      const first = await runtime.sandboxes.run(spec);
      assert.equal(first.ips.length >= 1, true);
      assert.equal((await runtime.sandboxes.run(spec)).id, first.id);
      const [state] = await runtime.list(spec.podUid);
      assert.equal(state?.ready, true);
      assert.equal(state?.name, spec.name);
      await runtime.sandboxes.stop(first.id);
      await runtime.sandboxes.stop(first.id);
      assert.equal((await runtime.list(spec.podUid))[0]?.ready, false);
      await runtime.sandboxes.remove(first.id);
      await runtime.sandboxes.remove(first.id);
    });
    check('a container goes created → running → exited, and tells of it', async (s) => {
      const seen: (string | undefined)[] = [];
      const subscription = s.runtime.subscribe((uid) => seen.push(uid));
      const { spec, sandbox, id } = await begin(s);
      assert.equal((await stateOf(s.runtime, id))?.state, 'created');
      await s.runtime.containers.start(id);
      const running = await stateOf(s.runtime, id);
      assert.equal(running?.state, 'running');
      assert.equal((running?.startedAt ?? 0) > 0, true);
      assert.equal(running?.annotations['io.kubernetes.container.hash'], 'abc');
      await s.runtime.containers.stop(id, 5);
      const exited = await stateOf(s.runtime, id);
      assert.equal(exited?.state, 'exited');
      assert.equal((exited?.finishedAt ?? 0) >= (exited?.startedAt ?? 1), true);
      await s.runtime.containers.stop(id, 5);
      await s.wait();
      assert.equal(
        seen.some((uid) => uid === undefined || uid === spec.podUid),
        true,
      );
      subscription.close();
      await end(s.runtime, sandbox, id);
    });
    for (const code of [0, 3]) {
      check(`a container that ends by itself keeps its exit code ${code}`, async (s) => {
        const { command, annotations } = s.exiting(code);
        const { sandbox, id } = await begin(s, command, annotations);
        await s.runtime.containers.start(id);
        let state = await stateOf(s.runtime, id);
        for (let i = 0; i < 50 && state?.state !== 'exited'; i++) {
          await s.wait();
          state = await stateOf(s.runtime, id);
        }
        assert.equal(state?.exitCode, code);
        assert.equal(state?.reason, code === 0 ? 'Completed' : 'Error');
        await end(s.runtime, sandbox, id);
      });
    }
    check('exec runs a command to its end', async (s) => {
      const { sandbox, id } = await begin(s);
      await s.runtime.containers.start(id);
      const result = await s.runtime.containers.exec(id, ['sh', '-c', 'echo hello'], 5000);
      assert.equal(result.exitCode, 0);
      assert.match(result.output, /hello/);
      await s.runtime.containers.stop(id, 1);
      await end(s.runtime, sandbox, id);
    });
    check('list after a restart shows the same', async (s) => {
      const { spec, sandbox, id } = await begin(s);
      await s.runtime.containers.start(id);
      const before = await s.runtime.list(spec.podUid);
      assert.deepEqual(await (await s.reopen()).list(spec.podUid), before);
      await s.runtime.containers.stop(id, 1);
      await end(s.runtime, sandbox, id);
    });
    check('stopping a sandbox kills its containers', async (s) => {
      const { sandbox, id } = await begin(s);
      await s.runtime.containers.start(id);
      await s.runtime.sandboxes.stop(sandbox);
      for (let i = 0; i < 50 && (await stateOf(s.runtime, id))?.state !== 'exited'; i++) await s.wait();
      assert.equal((await stateOf(s.runtime, id))?.state, 'exited');
      await end(s.runtime, sandbox, id);
    });
    check('what does not exist is answered with a RuntimeError, or done already', async ({ runtime }) => {
      await assert.rejects(runtime.containers.start('0'.repeat(64)), (e) => e instanceof RuntimeError && e.code === 'not-found');
      await runtime.containers.stop('0'.repeat(64), 0);
      await runtime.containers.remove('0'.repeat(64));
      await runtime.sandboxes.stop('0'.repeat(64));
      await runtime.sandboxes.remove('0'.repeat(64));
      assert.equal(await runtime.images.status('example.invalid/none:1'), undefined);
    });
  });
}

async function begin(
  s: ConformanceSubject,
  command?: string[],
  annotations: Record<string, string> = {},
): Promise<{ spec: SandboxSpec; sandbox: string; id: string }> {
  const spec = sandboxSpec(s, annotations);
  const { id: sandbox } = await s.runtime.sandboxes.run(spec);
  return { spec, sandbox, id: await s.runtime.containers.create(sandbox, containerSpec(s.image, command)) };
}
async function end(runtime: Runtime, sandbox: string, id: string): Promise<void> {
  await runtime.containers.remove(id);
  await runtime.containers.remove(id);
  await runtime.sandboxes.stop(sandbox);
  await runtime.sandboxes.remove(sandbox);
}
const stateOf = async (runtime: Runtime, id: string): Promise<ContainerState | undefined> =>
  (await runtime.list()).flatMap((s) => s.containers).find((c) => c.id === id);
