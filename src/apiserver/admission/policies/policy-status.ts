import { WorkQueue } from '#base';
import { isApiError, type KubeObject } from '#machinery';
import type { Extension, Host } from '../../types.ts';
import { typeCheck } from './type-check.ts';
import type { Policy, ValidatingSpec } from './types.ts';

interface Checked extends Policy<ValidatingSpec> {
  status?: { observedGeneration?: number; typeChecking?: object };
}
const group = 'admissionregistration.k8s.io';
const plural = 'validatingadmissionpolicies';
const user = { username: 'system:apiserver', groups: ['system:masters'] };

/** Keeps the status of ValidatingAdmissionPolicies: what the type checker finds in each generation. */
export class PolicyStatus implements Extension {
  readonly name = 'ValidatingAdmissionPolicyStatus';
  #queue: WorkQueue | undefined;
  start(host: Host): void {
    const queue = new WorkQueue({
      clock: host.clock,
      handle: (name) => sync(host, name),
      onError: (name, error) => host.log.warn('an admission policy could not be type-checked', { name, error }),
    });
    this.#queue = queue;
    host.writer.observe(group, plural, (object) => {
      const policy: Checked | undefined = object;
      if (policy && policy.status?.observedGeneration !== policy.metadata?.generation) queue.add(policy.metadata?.name ?? '');
    });
  }
  async stop(): Promise<void> {
    await this.#queue?.close();
  }
}
async function sync({ writer, kinds, schemas, kindOf }: Host, name: string): Promise<void> {
  const kind = kindOf(group, plural);
  const policy: Checked | undefined = writer.get(group, plural, undefined, name);
  if (!kind || !policy?.spec) return;
  const expressionWarnings = typeCheck(policy.spec, kinds, schemas);
  const { generation: observedGeneration = 0, uid } = policy.metadata ?? {};
  const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
  const context = { user, dryRun: false, fieldManager: '', track: false, warnings: [] };
  try {
    await writer.modify(kind, { name }, context, 'status', (current: KubeObject): Checked => {
      const { status } = current as Checked;
      return { ...current, metadata: { ...current.metadata, ...(uid ? { uid } : {}) }, status: { ...status, observedGeneration, typeChecking } };
    });
  } catch (error) {
    // Gone, or another one of the name, which has its own turn.
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
  }
}
