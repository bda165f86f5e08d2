/** The containerd runtime passes the same conformance suite as the simulated one. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { silentLogger, systemClock } from '#base';
import { createCriRuntime, importImage, runtimeHandler, startContainerd, TaskEvents, type Containerd } from '#node';
import { runtimeConformance } from '../src/node/conformance.ts';
import { cannotRunContainers, run } from './harness.ts';

describe('runtime conformance on containerd', { skip: cannotRunContainers() ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-runtime-'));
  const instance = `rt${process.pid % 10_000}`;
  const runDir = `/run/batuta-test-${instance}`;
  let daemon: Containerd;
  let events: TaskEvents;
  before(async () => {
    const built = await run('sh', ['scripts/node.sh', 'scripts/make-hello-image.ts', join(dir, 'images')]);
    assert.equal(built.code, 0, built.err);
    daemon = await startContainerd({
      dataDir: join(dir, 'containerd'),
      runDir,
      instance,
      nodes: [{ name: 'node1', podCIDR: '10.214.1.0/24' }],
      clock: systemClock,
      log: silentLogger,
    });
    events = new TaskEvents(daemon.client, systemClock, silentLogger);
    await importImage(daemon.client, join(dir, 'images/hello-1.tar'));
  });
  after(async () => {
    await daemon.shutdown({ purge: true });
    rmSync(dir, { recursive: true, force: true });
    assert.equal(existsSync(runDir), false, 'nothing is left');
  });
  const open = () =>
    createCriRuntime({
      client: daemon.client,
      events,
      node: 'node1',
      runtimeHandler: runtimeHandler('node1'),
      cgroupRoot: daemon.cgroupRoot,
      version: daemon.version,
      clock: systemClock,
      log: silentLogger,
    });
  runtimeConformance('containerd', async () => ({
    runtime: open(),
    image: 'hello:1',
    logDirectory: join(dir, 'logs'),
    wait: () => new Promise((resolve) => setTimeout(resolve, 100)),
    exiting: (code) => ({ command: ['sh', '-c', `exit ${code}`], annotations: {} }),
    reopen: async () => open(),
    close: async () => {},
  }));
});
