import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { quantityToNumber, type Timer } from '#base';
import type { AgentContext } from './context.ts';
import { logPath } from './container-spec.ts';
import { removeLog, rotateLog } from './logs/rotate.ts';
import { specOf } from './pod.ts';
import type { SandboxState } from './runtime.ts';
import { podLogDirectory } from './sandbox-spec.ts';
import type { PodWorker } from './worker.ts';

export interface HousekeepingDeps {
  context: AgentContext;
  workers(): PodWorker[];
  /** Whether the API (or a worker) still knows a pod of this node. */
  known(podUid: string): boolean;
  dataDir: string;
}

const rotateMs = 10_000;
/** How often kubelet's eviction manager looks. */
const evictMs = 10_000;
const sweepMs = 60_000;
const imageSweepMs = 300_000;
/** kubelet's imageGCHighThresholdPercent and imageGCLowThresholdPercent. */
const imageHighPercent = 85;
const imageLowPercent = 80;
const orphanGraceSeconds = 10;

/** What a node does on the side: orphans, dead containers, large logs, unused images. */
export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  readonly #timers = new Map<string, Timer>();
  readonly #busy = new Set<Promise<void>>();
  readonly #unusedSince = new Map<string, number>();
  #stopped = false;
  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
  }
  /** Begins with the sandboxes that no pod of the API owns. */
  start(orphans: readonly (readonly SandboxState[])[]): void {
    for (const sandboxes of orphans) this.#do('orphan', () => this.#removeOrphan(sandboxes));
    this.#do('directories', () => this.#removeDirectories());
    this.#every('rotate', rotateMs, () => this.#rotate());
    this.#every('evict', evictMs, () => this.#evict());
    this.#every('sweep', sweepMs, () => this.#sweep());
    this.#every('images', imageSweepMs, () => this.#collectImages());
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#busy);
  }
  #every(name: string, ms: number, work: () => Promise<void>): void {
    if (this.#stopped) return;
    const again = (): void => this.#every(name, ms, work);
    this.#timers.set(
      name,
      this.#deps.context.clock.after(ms, () => this.#do(name, work, again)),
    );
  }
  #do(name: string, work: () => Promise<void>, after: () => void = () => {}): void {
    const run = work().catch((error: unknown) => this.#deps.context.log.warn('housekeeping failed', { task: name, error }));
    const done = run.finally(() => {
      this.#busy.delete(done);
      after();
    });
    this.#busy.add(done);
  }

  /** A look at everything: events may have been lost, and pods may have been deleted by force while nobody watched. */
  async #sweep(): Promise<void> {
    const { context } = this.#deps;
    const byPod = new Map<string, SandboxState[]>();
    for (const s of await context.runtime.list()) byPod.set(s.podUid, [...(byPod.get(s.podUid) ?? []), s]);
    for (const [uid, sandboxes] of byPod) if (!this.#deps.known(uid)) await this.#removeOrphan(sandboxes);
    for (const worker of this.#deps.workers()) {
      if (differs(worker.sandboxes, byPod.get(worker.uid) ?? []) && !worker.starting) {
        await worker.refresh();
        context.enqueue(worker.uid);
      }
      await this.#removeDead(worker);
    }
    await this.#removeDirectories();
  }
  async #removeOrphan(sandboxes: readonly SandboxState[]): Promise<void> {
    const { runtime, log, cgroups } = this.#deps.context;
    const uid = sandboxes[0]?.podUid ?? '';
    log.info('removing an orphaned pod', { pod: `${sandboxes[0]?.namespace}/${sandboxes[0]?.name}`, uid });
    for (const sandbox of sandboxes) {
      await Promise.all(
        sandbox.containers.map(async (c) => {
          if (c.state === 'running') await runtime.containers.stop(c.id, orphanGraceSeconds);
          await runtime.containers.remove(c.id);
        }),
      );
      await runtime.sandboxes.stop(sandbox.id);
      await runtime.sandboxes.remove(sandbox.id);
    }
    await this.#deps.context.volumes?.teardown(uid);
    await cgroups?.remove(uid);
  }
  /** Directories and cgroups of pods that are gone. */
  async #removeDirectories(): Promise<void> {
    const { volumes, cgroups, logDir } = this.#deps.context;
    for (const uid of await names(join(this.#deps.dataDir, 'pods'))) if (!this.#deps.known(uid)) await volumes?.teardown(uid);
    for (const uid of cgroups?.pods() ?? []) if (!this.#deps.known(uid)) await cgroups?.remove(uid);
    for (const name of await names(logDir)) {
      const uid = name.split('_')[2];
      if (uid !== undefined && !this.#deps.known(uid)) await rm(join(logDir, name), { recursive: true, force: true });
    }
  }
  /** One dead container of each name is kept, for its log and its last state; older sandboxes go when they are empty. */
  async #removeDead(worker: PodWorker): Promise<void> {
    const { runtime, logDir } = this.#deps.context;
    const all = worker.sandboxes.flatMap((s) => s.containers);
    for (const c of all) {
      const newer = all.filter((o) => o.name === c.name && o.attempt > c.attempt).length;
      if (newer < 2 || c.state !== 'exited') continue;
      await runtime.containers.remove(c.id);
      await removeLog(join(logDir, podLogDirectory(worker.pod), logPath(c.name, c.attempt)));
    }
    for (const old of worker.sandboxes.slice(1)) if (!old.ready && old.containers.length === 0) await runtime.sandboxes.remove(old.id);
  }
  /** Pods whose volumes hold more than they may. */
  async #evict(): Promise<void> {
    for (const worker of this.#deps.workers()) {
      if (worker.over || worker.deleting) continue;
      for (const { name, limit, usedBytes } of (await this.#deps.context.volumes?.limited(worker.pod)) ?? []) {
        if (usedBytes > quantityToNumber(limit)) worker.evict(`Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `);
      }
    }
  }
  async #rotate(): Promise<void> {
    const { context } = this.#deps;
    if (!context.runtime.containers.reopenLog) return;
    for (const worker of this.#deps.workers()) {
      for (const c of worker.sandboxes.flatMap((s) => s.containers)) {
        if (c.state === 'running')
          await rotateLog(join(context.logDir, podLogDirectory(worker.pod), logPath(c.name, c.attempt)), c.id, context.runtime, context.clock);
      }
    }
  }
  /** When the disk is fuller than the high mark, images that no pod uses go, longest unused first, down to the low mark. */
  async #collectImages(): Promise<void> {
    const { runtime, clock, log } = this.#deps.context;
    if (!runtime.images.remove) return;
    const images = await runtime.images.list();
    const used = new Set(this.#deps.workers().flatMap((w) => [...specOf(w.pod).containers, ...(specOf(w.pod).initContainers ?? [])].map((c) => c.image ?? '')));
    const inUse = new Set(this.#deps.workers().flatMap((w) => w.sandboxes.flatMap((s) => s.containers.map((c) => c.imageId))));
    const now = clock.now();
    const idle = images.filter((i) => !inUse.has(i.id) && ![...i.repoTags, ...i.repoDigests].some((r) => used.has(r) || inUse.has(r)));
    for (const id of this.#unusedSince.keys()) if (!idle.some((i) => i.id === id)) this.#unusedSince.delete(id);
    for (const image of idle) if (!this.#unusedSince.has(image.id)) this.#unusedSince.set(image.id, now);
    let percent = await this.#diskPercent();
    if (percent < imageHighPercent) return;
    const oldest = idle
      .filter((i) => now - (this.#unusedSince.get(i.id) ?? now) >= imageSweepMs)
      .sort((a, b) => (this.#unusedSince.get(a.id) ?? 0) - (this.#unusedSince.get(b.id) ?? 0));
    for (const image of oldest) {
      if (percent <= imageLowPercent) return;
      log.info('removing an unused image', { image: image.repoTags[0] ?? image.id });
      await runtime.images.remove(image.id);
      percent = await this.#diskPercent();
    }
  }
  async #diskPercent(): Promise<number> {
    const fs = await statfs(this.#deps.dataDir).catch(() => undefined);
    return fs && fs.blocks > 0 ? 100 * (1 - fs.bavail / fs.blocks) : 0;
  }
}
const names = (dir: string): Promise<string[]> => readdir(dir).catch((): string[] => []);
function differs(a: readonly SandboxState[], b: readonly SandboxState[]): boolean {
  const sum = (list: readonly SandboxState[]): string =>
    list
      .map(
        (s) =>
          `${s.id}${s.ready}${s.containers
            .map((c) => c.id + c.state)
            .sort()
            .join()}`,
      )
      .sort()
      .join();
  return sum(a) !== sum(b);
}
