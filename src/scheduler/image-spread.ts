import type { NodeInfo } from './node-info.ts';

/** How many nodes have each image. */
export class ImageSpread {
  readonly #nodes = new Map<string, number>();
  get size(): number {
    return this.#nodes.size;
  }
  nodesWith(image: string): number {
    return this.#nodes.get(image) ?? 0;
  }
  add({ images }: NodeInfo): void {
    for (const name of images.keys()) this.#nodes.set(name, (this.#nodes.get(name) ?? 0) + 1);
  }
  remove({ images }: NodeInfo): void {
    for (const name of images.keys()) {
      const left = (this.#nodes.get(name) ?? 0) - 1;
      if (left > 0) this.#nodes.set(name, left);
      else this.#nodes.delete(name);
    }
  }
}
