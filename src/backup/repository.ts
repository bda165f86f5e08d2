import { createHash } from 'node:crypto';
import { randomSuffix, type Clock, type Random } from '#base';
import { CHUNK_BYTES, Chunks } from './chunks.ts';
import { BackupError } from './errors.ts';
import { outdated, type Retention } from './retention.ts';
import { damaged, newEncryption, openSeal, type Encryption, type Seal, type Secret } from './seal.ts';
import { packState, unpackState, type StateEntry } from './state.ts';
import type { Target } from './target.ts';
import type { BlobChunks, BlobSource, Created, Manifest, Source, Summary } from './types.ts';

const CONFIG = 'batuta-backup.json';
const LOCK = 'lock.json';
const PREFIX = 'backups/';
/** A writer that has not ended by then is dead. */
const LOCK_MS = 60 * 60 * 1000;

interface Config {
  readonly format: 1;
  readonly encryption: Encryption;
}

/**
 * Backups on a target. A backup is announced last, by one object that names everything else: what a crash leaves
 * before that is unknown chunks, which the next backup uses or the next pruning takes away.
 */
export class Repository {
  readonly #target: Target;
  readonly #seal: Seal;
  readonly #clock: Clock;
  readonly #random: Random;

  private constructor(target: Target, seal: Seal, clock: Clock, random: Random) {
    this.#target = target;
    this.#seal = seal;
    this.#clock = clock;
    this.#random = random;
  }
  /** Opens what is there, or, with `create`, begins it. Throws BackupError: nothing there, or the wrong key. */
  static async open(options: { target: Target; secret: Secret | undefined; create: boolean; clock: Clock; random: Random }): Promise<Repository> {
    const { target, secret, clock, random } = options;
    let there = await target.get(CONFIG);
    if (!there && options.create) {
      await target.putNew(CONFIG, toJson({ format: 1, encryption: await newEncryption(secret) } satisfies Config));
      // Somebody else may have been quicker: theirs counts.
      there = await target.get(CONFIG);
    }
    if (!there) throw new BackupError('there are no backups here: make one with bin/batuta backup create');
    const config = fromJson(CONFIG, there) as Config;
    if (config.format !== 1) throw new BackupError(`the backups have format ${String(config.format)}, this version reads 1: use the version that wrote them`);
    return new Repository(target, await openSeal(config.encryption, secret), clock, random);
  }

  /** Newest first. Those that are damaged are given by name. */
  static async list(target: Target): Promise<{ backups: Summary[]; damaged: string[] }> {
    const names = await target.list(PREFIX);
    const found = { backups: [] as Summary[], damaged: [] as string[] };
    for (const name of names) {
      try {
        found.backups.push(await readSummary(target, name));
      } catch (error) {
        if (!(error instanceof BackupError)) throw error;
        found.damaged.push(name);
      }
    }
    found.backups.sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
    return found;
  }
  /** A backup by its id, or `latest`. Its summary is proved with the key. */
  async find(id: string): Promise<Summary> {
    const { backups } = await Repository.list(this.#target);
    const found = id === 'latest' ? backups[0] : backups.find((backup) => backup.id === id);
    if (!found) throw new BackupError(id === 'latest' ? 'there is no backup yet' : `there is no backup ${id}: see bin/batuta backup list`);
    await readSummary(this.#target, PREFIX + found.id + '.json', this.#seal);
    return found;
  }
  async manifest(summary: Summary): Promise<Manifest> {
    const chunks = new Chunks(this.#target, this.#seal);
    const parts: Buffer[] = [];
    for (const id of summary.manifest) parts.push(await chunks.get(id));
    return fromJson(summary.id, Buffer.concat(parts)) as Manifest;
  }

  async create(source: Source, retention: Retention = {}): Promise<Created> {
    await this.#lock(source.instance.id);
    try {
      const created = await this.#create(source);
      return { ...created, pruned: await this.#prune(retention) };
    } finally {
      await this.#target.delete(LOCK);
    }
  }
  async #create(source: Source): Promise<Omit<Created, 'pruned'>> {
    const chunks = new Chunks(this.#target, this.#seal);
    await chunks.refresh();
    const known = await this.#knownBlobs();
    const state: string[] = [];
    let bytes = 0;
    for (const piece of packState(source.state.entries)) {
      state.push(await chunks.put(piece));
      bytes += piece.length;
    }
    const catalog = source.registry ? await chunks.putStream(source.registry.catalog) : [];
    const blobs: Record<string, BlobChunks> = {};
    for (const blob of source.registry?.blobs ?? []) {
      const before = known.get(blob.digest);
      const kept = before?.chunks.every((id) => chunks.has(id)) ? before : await readBlob(blob, chunks);
      blobs[blob.digest] = kept;
      bytes += kept.size;
    }
    const manifest: Manifest = { state, ...(source.registry ? { registry: { catalog, blobs } } : {}) };
    const manifestChunks = await chunks.putStream(once(toJson(manifest)));
    await this.#checkPresent(chunks, [...manifestChunks, ...idsOf(manifest)]);
    const created = this.#clock.now();
    const id = `${new Date(created).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')}-${randomSuffix(this.#random)}`;
    const { instance } = source;
    const summary: Summary = {
      format: 1,
      id,
      created,
      instance,
      revision: source.state.revision,
      objects: source.state.entries.length,
      blobs: Object.keys(blobs).length,
      bytes,
      manifest: manifestChunks,
    };
    const text = JSON.stringify(summary);
    await this.#target.put(`${PREFIX}${id}.json`, toJson({ summary: text, sha256: sha256(text), proof: this.#seal.proof(text) }));
    return { ...summary, sent: chunks.sent };
  }
  /** What an earlier backup holds is neither read nor sent again. */
  async #knownBlobs(): Promise<Map<string, BlobChunks>> {
    const newest = (await Repository.list(this.#target)).backups[0];
    if (!newest) return new Map();
    // A damaged earlier backup costs time, not this one.
    const manifest = await this.manifest(newest).catch(() => undefined);
    return new Map(Object.entries(manifest?.registry?.blobs ?? {}));
  }
  async #checkPresent(chunks: Chunks, ids: readonly string[]): Promise<void> {
    await chunks.refresh();
    const gone = ids.find((id) => !chunks.has(id));
    if (gone !== undefined) throw new BackupError(`chunk ${gone} went from the target while the backup was made: is another instance pruning there?`);
  }

  /** One writer at a time. An instance takes its own lock over: it ended before it could give it back. */
  async #lock(owner: string): Promise<void> {
    const mine = toJson({ owner, at: this.#clock.now() });
    if (await this.#target.putNew(LOCK, mine)) return;
    const there = await this.#target.get(LOCK);
    const lock = there && (fromJson(LOCK, there) as { owner: string; at: number });
    if (lock && lock.owner !== owner && lock.at > this.#clock.now() - LOCK_MS) {
      throw new BackupError(
        `instance ${lock.owner} has been writing backups here since ${new Date(lock.at).toISOString()}: wait, or delete ${LOCK} of the target when it is dead`,
      );
    }
    await this.#target.put(LOCK, mine);
  }

  /** Takes away what retention lets go, and every chunk that no backup names. */
  async #prune(retention: Retention): Promise<string[]> {
    const { backups, damaged } = await Repository.list(this.#target);
    const gone = outdated(backups, retention);
    for (const id of gone) await this.#target.delete(`${PREFIX}${id}.json`);
    const wanted = new Set<string>();
    for (const summary of backups.filter((backup) => !gone.includes(backup.id))) {
      for (const id of [...summary.manifest, ...idsOf(await this.manifest(summary))]) wanted.add(id);
    }
    // What a summary names that cannot be read is unknown: then nothing is safe to take away.
    if (damaged.length > 0) return gone;
    const chunks = new Chunks(this.#target, this.#seal);
    await chunks.refresh();
    for (const id of chunks.ids()) if (!wanted.has(id)) await chunks.delete(id);
    return gone;
  }

  /** Reads every byte of a backup. Gives what is missing or damaged. */
  async verify(summary: Summary): Promise<string[]> {
    const problems: string[] = [];
    const note = async (work: Promise<unknown>): Promise<void> => {
      try {
        await work;
      } catch (error) {
        if (!(error instanceof BackupError)) throw error;
        problems.push(error.message);
      }
    };
    const manifest = await this.manifest(summary).catch((error: unknown) => {
      if (!(error instanceof BackupError)) throw error;
      problems.push(error.message);
      return undefined;
    });
    if (!manifest) return problems;
    const chunks = new Chunks(this.#target, this.#seal);
    for (const id of [...manifest.state, ...(manifest.registry?.catalog ?? [])]) await note(chunks.get(id));
    for (const [digest, blob] of Object.entries(manifest.registry?.blobs ?? {})) await note(drain(this.blob(digest, blob)));
    return problems;
  }

  /** The state of a backup, in order of keys. */
  async *state(manifest: Manifest): AsyncGenerator<StateEntry> {
    const chunks = new Chunks(this.#target, this.#seal);
    for (const id of manifest.state) yield* unpackState(await chunks.get(id));
  }
  async *catalog(manifest: Manifest): AsyncGenerator<Buffer> {
    const chunks = new Chunks(this.#target, this.#seal);
    for (const id of manifest.registry?.catalog ?? []) yield await chunks.get(id);
  }
  /** A blob's bytes. Throws BackupError at their end when they have another digest. */
  async *blob(digest: string, { chunks: ids }: BlobChunks): AsyncGenerator<Buffer> {
    const chunks = new Chunks(this.#target, this.#seal);
    const [algorithm = '', hex] = digest.split(':');
    const hash = createHash(algorithm);
    for (const id of ids) {
      const piece = await chunks.get(id);
      hash.update(piece);
      yield piece;
    }
    if (hash.digest('hex') !== hex) throw damaged(digest);
  }
}

async function readBlob(blob: BlobSource, chunks: Chunks): Promise<BlobChunks> {
  let size = 0;
  const [algorithm = '', hex] = blob.digest.split(':');
  const hash = createHash(algorithm);
  const counted = (async function* () {
    for await (const chunk of blob.read()) {
      size += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  })();
  const ids = await chunks.putStream(counted);
  if (hash.digest('hex') !== hex) throw new BackupError(`${blob.digest} of the registry is damaged: delete its image and push it again`);
  return { size, chunks: ids };
}

function idsOf(manifest: Manifest): string[] {
  const { registry } = manifest;
  return [...manifest.state, ...(registry?.catalog ?? []), ...Object.values(registry?.blobs ?? {}).flatMap((blob) => blob.chunks)];
}

async function readSummary(target: Target, name: string, seal?: Seal): Promise<Summary> {
  const content = await target.get(name);
  if (!content) throw new BackupError(`${name} is missing`);
  const { summary, sha256: sum, proof } = fromJson(name, content) as { summary: string; sha256: string; proof: string };
  if (typeof summary !== 'string' || sha256(summary) !== sum || (seal && seal.proof(summary) !== proof)) throw damaged(name);
  const read = JSON.parse(summary) as Summary;
  if (`${PREFIX}${read.id}.json` !== name) throw damaged(name);
  return read;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const toJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) + '\n');
function fromJson(name: string, content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    throw damaged(name);
  }
}
async function* once(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += CHUNK_BYTES) yield content.subarray(at, at + CHUNK_BYTES);
}
async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of stream);
}
