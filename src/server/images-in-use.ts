import type { Client } from '#client';
import { Pod } from '#kinds';

/** Who runs which image: names of pods by the digest that their containers say. */
export function imagesInUse(client: Client): () => ReadonlyMap<string, readonly string[]> {
  return () => {
    const users = new Map<string, string[]>();
    for (const { metadata, status } of client.informer(Pod).list()) {
      const name = `pod ${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
      for (const { imageID } of [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]) {
        const digest = /sha256:[0-9a-f]{64}/.exec(imageID ?? '')?.[0];
        if (digest === undefined) continue;
        const known = users.get(digest);
        if (known === undefined) users.set(digest, [name]);
        else if (!known.includes(name)) known.push(name);
      }
    }
    return users;
  };
}
