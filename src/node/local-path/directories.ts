import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where volumes are kept. Handed in, so that simulated nodes and tests need no files. */
export interface Directories {
  /** Makes the directory `name` of a node and gives its path. Idempotent. */
  make(node: string, name: string): Promise<string>;
  /** Deletes it with all that is in it; nothing to do when it is not there. */
  remove(node: string, name: string): Promise<void>;
}

/** Names come from objects that users write: one component, nothing hidden. */
function component(name: string): string {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(name)) throw new Error(`"${name}" is no name of a directory`);
  return name;
}

/** `ROOT/NODE/NAME`, open to every user of a container, as there is no saying which one will write. */
export function hostDirectories(root: string): Directories {
  const path = (node: string, name: string): string => join(root, component(node), component(name));
  return {
    async make(node, name) {
      const dir = path(node, name);
      await mkdir(dir, { recursive: true });
      await chmod(dir, 0o777);
      return dir;
    },
    remove: (node, name) => rm(path(node, name), { recursive: true, force: true }),
  };
}

/** Nodes without files: a path that nothing is at. */
export const noDirectories: Directories = {
  make: (node, name) => Promise.resolve(`/simulated/${component(node)}/${component(name)}`),
  remove: () => Promise.resolve(),
};
