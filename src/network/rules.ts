import type { Client, Subscription } from '#client';
import { EndpointSlice, Node, Pod, Service, type V1EndpointSlice, type V1Node } from '#kinds';
import { hasHostPorts, hostPortUnit } from './nft/hostport.ts';
import { serviceUnit } from './nft/service.ts';
import type { TableSettings, Unit } from './nft/unit.ts';

const index = 'network.service';

/** Connects the caches with the programmer: which key an event touches, and what a key wants. */
export class Rules {
  readonly #client: Client;
  readonly #settings: TableSettings;
  readonly #subscriptions: Subscription[] = [];

  constructor(client: Client, settings: TableSettings) {
    this.#client = client;
    this.#settings = settings;
    client.informer(EndpointSlice).addIndex(index, (slice) => serviceOf(slice));
  }
  async ready(): Promise<void> {
    const { informer } = this.#client;
    await Promise.all([informer(Service).ready(), informer(EndpointSlice).ready(), informer(Pod).ready(), informer(Node).ready()]);
  }
  /** Replays what exists, then follows. */
  follow(mark: (key: string) => void): void {
    this.#subscriptions.push(
      this.#client.informer(Service).onChange((now, old) => mark(`service/${nameOf(now ?? old)}`)),
      this.#client.informer(EndpointSlice).onChange((now, old) => {
        for (const name of new Set([...serviceOf(now), ...serviceOf(old)])) mark(`service/${name}`);
      }),
      this.#client.informer(Node).onChange((now, old) => {
        // Where a node stands decides which endpoints are near it.
        if (zoneOf(now) === zoneOf(old) || !this.#settings.nodes.some((node) => node.name === (now ?? old)?.metadata?.name)) return;
        for (const slice of this.#client.informer(EndpointSlice).list())
          if (slice.endpoints?.some((e) => e.hints)) for (const name of serviceOf(slice)) mark(`service/${name}`);
      }),
      this.#client.informer(Pod).onChange((now, old) => {
        if ((now && hasHostPorts(now)) || (old && hasHostPorts(old))) mark(`pod/${nameOf(now ?? old)}`);
      }),
    );
  }
  close(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.close();
  }
  compile(key: string): Unit | undefined {
    const [kind, namespace, name] = key.split('/');
    if (namespace === undefined || name === undefined) return undefined;
    if (kind === 'pod') {
      const pod = this.#client.informer(Pod).get(namespace, name);
      return pod && hostPortUnit(pod, this.#settings);
    }
    const service = this.#client.informer(Service).get(namespace, name);
    if (!service) return undefined;
    const slices = this.#client.informer(EndpointSlice).byIndex(index, `${namespace}/${name}`);
    return serviceUnit(service, slices, this.#settings, (node) => zoneOf(this.#client.informer(Node).get(undefined, node)));
  }
}

const zoneOf = (node: V1Node | undefined): string | undefined => node?.metadata?.labels?.['topology.kubernetes.io/zone'];

export function serviceOf(slice: V1EndpointSlice | undefined): string[] {
  const service = slice?.metadata?.labels?.['kubernetes.io/service-name'];
  return service ? [`${slice?.metadata?.namespace}/${service}`] : [];
}
function nameOf(object: { metadata?: { namespace?: string; name?: string } } | undefined): string {
  return `${object?.metadata?.namespace}/${object?.metadata?.name}`;
}
