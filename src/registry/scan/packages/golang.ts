import type { Sink } from '../image/layer.ts';
import { isSane, type Facts, type Found } from './detector.ts';

const magic = Buffer.from('\xff Go buildinf:', 'latin1');
/** Space for the list of modules: the largest programs have some 100 KB. */
const WINDOW = 1024 * 1024;

/**
 * Finds the modules that a program in Go was built from, while its bytes go by (Go's debug/buildinfo; Go 1.18 and
 * later, whose texts stand beside the mark). `found` is called at most once.
 */
export class GoBuildInfo implements Sink {
  readonly #found: (facts: Facts) => void;
  #first = true;
  #done = false;
  /** Bytes before those that come: part of a mark, or a window that is not full yet. */
  #held: Buffer = Buffer.alloc(0);
  /** Where `#held` begins in the file. */
  #offset = 0;

  constructor(found: (facts: Facts) => void) {
    this.#found = found;
  }
  write(chunk: Buffer): void {
    if (this.#done) return;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#first) {
      if (this.#held.length < 4) return;
      this.#first = false;
      this.#done = this.#held.readUInt32BE(0) !== 0x7f454c46;
    }
    this.#search(false);
  }
  end(): void {
    this.#search(true);
    this.#held = Buffer.alloc(0);
  }
  #search(atEnd: boolean): void {
    while (!this.#done) {
      const at = this.#held.indexOf(magic);
      if (at < 0) return this.#drop(Math.max(0, this.#held.length - magic.length + 1));
      if (!atEnd && this.#held.length - at < WINDOW) return this.#drop(at);
      // Programs that look for the mark have it among their texts, not where a section begins.
      const facts = (this.#offset + at) % 16 === 0 ? readBuildInfo(this.#held.subarray(at, at + WINDOW)) : undefined;
      if (facts) {
        this.#done = true;
        this.#found(facts);
      } else this.#drop(at + 1);
    }
    this.#held = Buffer.alloc(0);
  }
  #drop(count: number): void {
    this.#held = this.#held.subarray(count);
    this.#offset += count;
  }
}

function readBuildInfo(window: Buffer): Facts | undefined {
  if (window.length < 34 || ((window[15] as number) & 2) === 0) return undefined;
  const version = readText(window, 32);
  const modules = version && readText(window, version.end);
  const go = version && /^(?:devel )?go(\d+\.\d+\S*)/.exec(version.text)?.[1];
  if (!modules || !go) return undefined;
  // Sixteen bytes at both ends mark where it stands in memory.
  const list = modules.text.length >= 33 ? modules.text.slice(16, -16) : '';
  return { packages: [{ type: 'golang', name: 'stdlib', version: go }, ...readModules(list)] };
}
function readText(window: Buffer, at: number): { text: string; end: number } | undefined {
  let length = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = window[at++];
    if (byte === undefined) return undefined;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return at + length <= window.length ? { text: window.toString('latin1', at, at + length), end: at + length } : undefined;
  }
  return undefined;
}
function readModules(list: string): Found[] {
  const modules: Found[] = [];
  for (const line of list.split('\n')) {
    const [word, path, version] = line.split('\t');
    // `=>` tells what was built in place of the module before it.
    if (word === '=>') modules.pop();
    if ((word === 'mod' || word === 'dep' || word === '=>') && isSane(path) && isSane(version)) modules.push({ type: 'golang', name: path, version });
    // A module that was replaced by a directory has no version: something must stand there for the next `=>`.
    else if (word === 'mod' || word === 'dep' || word === '=>') modules.push({ type: 'golang', name: '', version: '' });
  }
  return modules.filter((one) => one.name !== '' && one.version !== '(devel)');
}
