import { detectors } from '../packages/index.ts';
import type { Detector, Facts } from '../packages/detector.ts';
import { GoBuildInfo } from '../packages/golang.ts';
import { ScanError, type Distribution, type Inventory, type Package } from '../types.ts';
import { FileTree, note, noChanges, type LayerChanges } from './file-tree.ts';
import { readLayer, type Entry, type Sink } from './layer.ts';
import { Budget, type Limits } from './limits.ts';

/** One layer, lowest first. */
export interface LayerSource {
  readonly digest: string;
  open(): AsyncIterable<Buffer>;
}
export interface ImageSource {
  readonly digest: string;
  readonly architecture: string | undefined;
  readonly layers: readonly LayerSource[];
}

type FileFacts = Facts & { layer: string };

/** Reads an image's layers, each once and as a stream, and tells what is in it. Throws ScanErrors. */
export async function takeInventory(image: ImageSource, limits?: Limits): Promise<Inventory> {
  const budget = new Budget(limits);
  const tree = new FileTree<FileFacts>();
  for (const layer of image.layers) {
    const changes = noChanges<FileFacts>();
    await readLayer(layer.open(), budget, (entry) => (note(changes, entry) ? sinkFor(entry, changes, layer.digest, budget, tree) : undefined));
    tree.apply(changes);
  }
  const packages = [...collect(tree)];
  if (packages.length > budget.limits.packages) throw new ScanError('limit-exceeded', `the image has more than ${budget.limits.packages} packages`);
  return {
    digest: image.digest,
    distribution: distributionOf(tree),
    architecture: image.architecture,
    packages: packages.sort((a, b) => order(a.type, b.type) || order(a.name, b.name) || order(a.version, b.version) || order(a.path, b.path)),
    warnings: budget.warnings,
  };
}
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sinkFor(entry: Entry, changes: LayerChanges<FileFacts>, layer: string, budget: Budget, tree: FileTree<FileFacts>): Sink | undefined {
  const { path, type, size } = entry;
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (type === 'link' && entry.target !== undefined) {
    const facts = changes.files.get(entry.target) ?? (changes.replaced.has(entry.target) ? undefined : tree.get(entry.target));
    if (facts && detectors.some((one) => one.matches(path, name))) changes.files.set(path, facts);
    return undefined;
  }
  if (type !== 'file' || size === 0) return undefined;
  const detector = detectors.find((one) => one.matches(path, name));
  if (!detector) return entry.mode & 0o111 && size > 4096 ? new GoBuildInfo((facts) => changes.files.set(path, { ...facts, layer })) : undefined;
  const limit = detector.isLarge ? budget.limits.fileBytes : budget.limits.textBytes;
  if (size > limit) {
    budget.warn(`${path}: larger than ${limit} bytes, not read`);
    return undefined;
  }
  return new WholeFile(path, detector, budget, (facts) => changes.files.set(path, { ...facts, layer }));
}

class WholeFile implements Sink {
  readonly #chunks: Buffer[] = [];
  readonly #path: string;
  readonly #detector: Detector;
  readonly #budget: Budget;
  readonly #found: (facts: Facts) => void;

  constructor(path: string, detector: Detector, budget: Budget, found: (facts: Facts) => void) {
    this.#path = path;
    this.#detector = detector;
    this.#budget = budget;
    this.#found = found;
  }
  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }
  async end(): Promise<void> {
    try {
      this.#found(await this.#detector.parse(Buffer.concat(this.#chunks), this.#path, this.#budget));
    } catch (error) {
      if (error instanceof ScanError) throw error;
      this.#budget.warn(`${this.#path}: ${(error as Error).message}`);
    }
  }
}

function distributionOf(tree: FileTree<FileFacts>): Distribution | undefined {
  return (tree.get('etc/os-release') ?? tree.get('usr/lib/os-release'))?.distribution;
}

/** All packages; those that the distribution's package manager put there are not told twice. */
function* collect(tree: FileTree<FileFacts>): Generator<Package> {
  const owned = new Set<string>();
  const installed = new Set<string>();
  for (const [path, facts] of tree.entries()) {
    for (const file of facts.owned ?? []) owned.add(file);
    const modules = path.indexOf('node_modules/');
    if (modules >= 0) installed.add(path.slice(0, modules));
  }
  const seen = new Set<string>();
  for (const [path, facts] of tree.entries()) {
    if (owned.has(path)) continue;
    if (/(?:package-lock|npm-shrinkwrap)\.json$/.test(path) && installed.has(path.slice(0, path.lastIndexOf('/') + 1))) continue;
    for (const one of facts.packages) {
      const key = `${one.type}\0${one.name}\0${one.version}\0${one.arch ?? ''}\0${path}`;
      if (seen.has(key)) continue;
      seen.add(key);
      yield { ...one, path, layer: facts.layer };
    }
  }
}
