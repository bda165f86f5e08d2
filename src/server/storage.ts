import { join } from 'node:path';
import { systemClock, systemRandom, type Logger } from '#base';
import { localPathProvisioner, StorageClass, type V1StorageClass } from '#kinds';
import { isApiError, type Api } from '#machinery';
import type { ControlPlane } from './control-plane.ts';
import type { Paths } from './paths.ts';
import type { NetworkPlan } from './plan.ts';

export interface Storage {
  /** Resolves when there is a StorageClass and someone who serves it. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

interface Deps {
  plane: ControlPlane;
  plan: NetworkPlan;
  paths: Paths;
  log: Logger;
}

/** The class that claims get which name none. */
const localPath: V1StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: localPathProvisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

/** Volumes for claims: directories of the instance on nodes that run containers, names without files on simulated ones. */
export function startStorage({ plane, plan, paths, log }: Deps): Storage {
  const real = new Set(plan.nodes.map((node) => node.name));
  const provisioner = import('#node').then(({ hostDirectories, noDirectories, startLocalPath }) => {
    const directories = hostDirectories(join(paths.data, 'volumes'));
    // A node that is real no more may have left something.
    const simulated = { ...noDirectories, remove: directories.remove };
    return startLocalPath({
      client: plane.client,
      clock: systemClock,
      random: systemRandom,
      log: log.named('local-path'),
      directories: (node) => (real.has(node) ? directories : simulated),
    });
  });
  provisioner.catch(() => {}); // `ready` tells of it
  return {
    ready: async () => void (await Promise.all([provisioner, ensureClass(plane.api, localPath)])),
    stop: () =>
      provisioner.then(
        (running) => running.stop(),
        () => {},
      ),
  };
}

/** What a user made of the class stays as it is. */
async function ensureClass(api: Api, cls: V1StorageClass): Promise<void> {
  try {
    await api.create(StorageClass, cls);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}
