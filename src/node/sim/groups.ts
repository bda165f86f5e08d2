import { randomSuffix, WorkQueue, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Recorder } from '#client';
import { defaultZones, isReady, Node, NodeGroup, nodeGroupLabel, Pod, type NodeGroup as Group, type V1Node } from '#kinds';
import { isApiError } from '#machinery';
import { evictPods } from './drain.ts';
import type { Fleet } from './fleet.ts';
import { firstAddress, type NodeRanges } from './ranges.ts';
import { configOfTemplate, providerPrefix } from './template.ts';
import { victims, type Member } from './victims.ts';

export interface GroupsOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  fleet: Fleet;
  ranges: NodeRanges;
}

const redrainMs = 5000;

/** Makes the machines of NodeGroups, and their status. */
export function startNodeGroups(options: GroupsOptions): { stop(): Promise<void> } {
  const groups = new Groups(options);
  void groups.start();
  return { stop: () => groups.stop() };
}

class Groups {
  readonly #options: GroupsOptions;
  readonly #queue: WorkQueue;
  readonly #recorder: Recorder;
  /** Machines by group, from their order on; those that the API knows and those that boot. */
  readonly #members = new Map<string, Map<string, Member>>();
  readonly #subscriptions: { close(): void }[] = [];
  #stopped = false;

  constructor(options: GroupsOptions) {
    this.#options = options;
    const { clock, random, client, log } = options;
    this.#recorder = createRecorder({ api: client.api, clock, random, log }, 'node-groups');
    this.#queue = new WorkQueue({
      clock,
      handle: (name) => this.#reconcile(name),
      onError: (group, error) => log.warn('node group', { group, error }),
      backoff: { firstMs: 100, capMs: 10_000 },
    });
  }
  /** Nodes of before the start are taken up again before anything is made. */
  async start(): Promise<void> {
    const { client } = this.#options;
    const groups = client.informer(NodeGroup);
    const nodes = client.informer(Node);
    await Promise.all([groups.ready(), nodes.ready(), client.informer(Pod).ready()]);
    if (this.#stopped) return;
    for (const node of nodes.list()) this.#adopt(node, groups.get(undefined, groupOf(node) ?? ''));
    this.#subscriptions.push(
      groups.onChange((group, old) => this.#queue.add((group ?? old)?.metadata?.name ?? '')),
      nodes.onChange((node, old) => this.#nodeChanged(node, old)),
    );
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription.close();
    await this.#queue.close();
    await this.#recorder.flush();
  }

  #membersOf(group: string): Map<string, Member> {
    let members = this.#members.get(group);
    if (!members) this.#members.set(group, (members = new Map()));
    return members;
  }
  #adopt(node: V1Node, group: Group | undefined): void {
    const { fleet, ranges } = this.#options;
    const name = node.metadata?.name ?? '';
    const label = groupOf(node);
    const zone = node.metadata?.labels?.['topology.kubernetes.io/zone'] ?? '';
    // Anybody may write the label; machines of ours say so for good.
    if (label === undefined || !node.spec?.providerID?.startsWith(providerPrefix)) return;
    this.#membersOf(label).set(name, { name, zone, at: Date.parse(node.metadata?.creationTimestamp ?? '') || 0 });
    const kept = node.spec?.podCIDR ?? '';
    const place = ranges.claim(kept) ? { podCIDR: kept, ip: firstAddress(kept) } : ranges.take();
    if (!group || !place) return; // without its group it goes with the next look
    const template = group.spec?.template ?? {};
    fleet.add(configOfTemplate(template, label, name, zone, place), { images: template.images ?? [] });
  }
  #nodeChanged(node: V1Node | undefined, old: V1Node | undefined): void {
    const group = groupOf(node ?? old);
    if (group === undefined) return;
    const name = (node ?? old)?.metadata?.name ?? '';
    // Whoever deletes the Node object takes the machine away.
    if (!node) this.#forget(group, name);
    if (!old || !node || old.spec !== node.spec || isReady(old) !== isReady(node)) this.#queue.add(group);
  }
  #forget(group: string, name: string): void {
    const { fleet, ranges } = this.#options;
    const range = fleet.config(name)?.podCIDR;
    if (!this.#membersOf(group).delete(name)) return;
    fleet.remove(name);
    if (range) ranges.release(range);
  }

  async #reconcile(name: string): Promise<number | void> {
    const group = this.#options.client.informer(NodeGroup).get(undefined, name);
    const members = this.#membersOf(name);
    const wanted = group && !group.metadata?.deletionTimestamp ? (group.spec?.replicas ?? 0) : 0;
    if (group) for (let missing = wanted - members.size; missing > 0; missing--) this.#order(group, members);
    const again = members.size > wanted ? await this.#shrink(name, group, members, members.size - wanted) : undefined;
    if (group) await this.#tell(group, members);
    else if (members.size === 0) this.#members.delete(name);
    return again;
  }
  #order(group: Group, members: Map<string, Member>): void {
    const { fleet, ranges, random, clock } = this.#options;
    const name = `${group.metadata?.name ?? ''}-${randomSuffix(random)}`;
    const template = group.spec?.template ?? {};
    const place = ranges.take();
    if (!place) throw new Error('all ranges of simulated nodes are taken');
    const zone = emptiest(template.zones?.length ? template.zones : defaultZones, members);
    members.set(name, { name, zone, at: clock.now() });
    const delayMs = (template.startDelaySeconds ?? 0) * 1000;
    fleet.add(configOfTemplate(template, group.metadata?.name ?? '', name, zone, place), { delayMs, images: template.images ?? [] });
  }
  /** Gives ms until the next look when machines are still being drained. */
  async #shrink(name: string, group: Group | undefined, members: Map<string, Member>, count: number): Promise<number | undefined> {
    const nodes = this.#options.client.informer(Node);
    const going = victims([...members.values()], (member) => nodes.get(undefined, member), count);
    const drained = await Promise.all(going.map((member) => this.#drained(group, member)));
    await Promise.all(going.filter((_, i) => drained[i]).map((member) => this.#takeAway(name, member)));
    return drained.every(Boolean) ? undefined : redrainMs;
  }
  async #drained(group: Group | undefined, node: string): Promise<boolean> {
    if (group?.spec?.scaleDown !== 'Drain') return true;
    return (await evictPods(this.#options.client, node)) === 0;
  }
  async #takeAway(group: string, node: string): Promise<void> {
    const { client } = this.#options;
    const object = client.informer(Node).get(undefined, node);
    this.#forget(group, node);
    try {
      await client.api.delete(Node, { name: node }, object?.metadata?.uid ? { preconditions: { uid: object.metadata.uid } } : {});
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  async #tell(group: Group, members: Map<string, Member>): Promise<void> {
    const nodes = this.#options.client.informer(Node);
    const ready = [...members.keys()].filter((name) => isReady(nodes.get(undefined, name))).length;
    const status = { replicas: members.size, ready, observedGeneration: group.metadata?.generation ?? 0 };
    const { status: old = {} } = group;
    if (old.replicas === status.replicas && old.ready === status.ready && old.observedGeneration === status.observedGeneration) return;
    await this.#options.client.api.update(NodeGroup, { ...group, status }, { subresource: 'status' });
  }
}

const groupOf = (node: V1Node | undefined): string | undefined => node?.metadata?.labels?.[nodeGroupLabel];

/** The zone with the fewest machines of the group; the first of those. */
function emptiest(zones: readonly string[], members: ReadonlyMap<string, Member>): string {
  const counts = new Map(zones.map((zone) => [zone, 0]));
  for (const { zone } of members.values()) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return zones.reduce((best, zone) => ((counts.get(zone) ?? 0) < (counts.get(best) ?? 0) ? zone : best), zones[0] ?? '');
}
