import type { Kind } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, Operation } from '../types.ts';

const usual: readonly Operation[] = ['CREATE', 'UPDATE'];

/** What a request is about: `main` is the object itself, `other` its status or a body of another kind. */
export type Subject = 'main' | 'other';

/** The admission steps of a kind, found once for each operation. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #chosen = new Map<string, readonly AdmissionPlugin[]>();
  constructor(kind: Kind, all: readonly AdmissionPlugin[]) {
    this.#plugins = all.filter((plugin) => plugin.handles(kind));
  }
  mutate(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    return run(this.#for(request.operation, subject), (plugin) => plugin.mutate?.(request));
  }
  validate(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    return run(this.#for(request.operation, subject), (plugin) => plugin.validate?.(request));
  }
  settled(request: AdmissionRequest, subject: Subject, committed: boolean): void {
    for (const plugin of this.#for(request.operation, subject)) plugin.settled?.(request, committed);
  }
  /** Whether anyone would be asked. */
  asks(operation: Operation, subject: Subject): boolean {
    return this.#for(operation, subject).length > 0;
  }
  /** All of it at once, for what is not created or updated. */
  async admit(request: AdmissionRequest, subject: Subject): Promise<void> {
    let admitted = false;
    try {
      await this.mutate(request, subject);
      await this.validate(request, subject);
      admitted = true;
    } finally {
      this.settled(request, subject, admitted && !request.context.dryRun);
    }
  }
  #for(operation: Operation, subject: Subject): readonly AdmissionPlugin[] {
    const key = operation + subject;
    let chosen = this.#chosen.get(key);
    if (!chosen) {
      chosen = this.#plugins.filter((plugin) => (plugin.operations ?? usual).includes(operation) && (subject === 'main' || plugin.subresources === true));
      this.#chosen.set(key, chosen);
    }
    return chosen;
  }
}

/** In order; a promise only when one of them is waited for. */
function run(plugins: readonly AdmissionPlugin[], step: (plugin: AdmissionPlugin) => void | Promise<void>, from = 0): void | Promise<void> {
  for (let i = from; i < plugins.length; i++) {
    const pending = step(plugins[i] as AdmissionPlugin);
    if (pending) return pending.then(() => run(plugins, step, i + 1));
  }
}
