import { closeSync, createWriteStream, existsSync, globSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { builtIn, builtInSource, builtInUpdated } from './built-in.ts';
import { AdvisoryWriter, type Imported } from './database.ts';
import { isTracker, readTracker } from './debian-tracker.ts';
import { readOsv } from './osv.ts';

/** Where OSV publishes a dump of each ecosystem. */
export const dumpOf = (ecosystem: string): string => `https://osv-vulnerabilities.storage.googleapis.com/${encodeURIComponent(ecosystem)}/all.zip`;
/** One record of OSV is small; more than this is no record. */
const MAX_RECORD = 32 * 1024 * 1024;

export interface UpdateOptions {
  /** File of the advisories: made when it is not there. */
  readonly file: string;
  /** Files (.zip or .json), directories of them, and http(s) URLs of such. */
  readonly from: readonly string[];
  /** ms since the epoch. */
  readonly now: number;
  /** One line for people: what is done now. */
  progress?(text: string): void;
}
export interface Updated extends Imported {
  removed: number;
  /** What could not be read, and why. */
  readonly rejected: string[];
}

/** Takes advisories in. All or nothing: a source that cannot be reached or read at all leaves the file as it is. */
export async function updateAdvisories(options: UpdateOptions): Promise<Updated> {
  // So that scans go on meanwhile, however long it takes.
  ensureAdvisories(options.file);
  const writer = new AdvisoryWriter(options.file);
  const result = { removed: 0, rejected: [] as string[] };
  try {
    for (const advisory of builtIn()) writer.put(advisory, builtInSource);
    // What the program brings along is no news.
    Object.assign(writer.imported, { added: 0, changed: 0, unchanged: 0 } satisfies Imported);
    for (const from of options.from) {
      options.progress?.(`reading ${from}`);
      const before = writer.imported.added + writer.imported.changed + writer.imported.unchanged;
      result.removed += await readSource(from, writer, result.rejected, options);
      if (writer.imported.added + writer.imported.changed + writer.imported.unchanged === before) {
        const why = result.rejected.length > 0 ? `: ${result.rejected[0]}` : ': it has neither OSV records nor the tracker of Debian';
        throw new Error(`${from} holds no advisories${why}`);
      }
    }
    writer.commit(new Map([[builtInSource, builtInUpdated], ...options.from.map((from) => [sourceName(from), options.now] as const)]));
    return { ...writer.imported, ...result };
  } finally {
    writer.close();
  }
}

/** Makes the file with what the program brings along, when there is none. */
export function ensureAdvisories(file: string): void {
  if (existsSync(file)) return;
  const writer = new AdvisoryWriter(file);
  try {
    for (const advisory of builtIn()) writer.put(advisory, builtInSource);
    writer.commit(new Map([[builtInSource, builtInUpdated]]));
  } finally {
    writer.close();
  }
}

const isUrl = (from: string): boolean => /^https?:\/\//.test(from);
const sourceName = (from: string): string => (isUrl(from) ? from.replace(/[?#].*$/, '') : basename(from));

/** Gives the number of advisories that the source does not have any more. */
async function readSource(from: string, writer: AdvisoryWriter, rejected: string[], options: UpdateOptions): Promise<number> {
  if (isUrl(from)) return download(from, options.file, (file) => readFile(file, sourceName(from), writer, rejected, options.now));
  const found = statSync(from, { throwIfNoEntry: false });
  if (!found) throw new Error(`${from}: no such file or directory`);
  if (!found.isDirectory()) return readFile(from, sourceName(from), writer, rejected, options.now);
  let removed = 0;
  for (const name of globSync('**/*.{zip,json}', { cwd: from }).sort())
    removed += await readFile(join(from, name), sourceName(from), writer, rejected, options.now);
  return removed;
}

async function download(url: string, file: string, read: (file: string) => Promise<number>): Promise<number> {
  const response = await fetch(url).catch((error: unknown) => {
    const { message, cause } = error as Error;
    throw new Error(`${url}: ${(cause as Error | undefined)?.message || message}`);
  });
  if (!response.ok || !response.body) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  const dir = mkdtempSync(`${file}.download-`);
  try {
    const target = join(dir, 'source');
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(target, { mode: 0o600 }));
    return await read(target);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function readFile(file: string, source: string, writer: AdvisoryWriter, rejected: string[], now: number): Promise<number> {
  const head = firstBytes(file);
  if (head === 'PK\x03\x04') {
    await readZip(file, source, writer, rejected);
    return 0;
  }
  const document = parse(readFileSync(file), basename(file), rejected);
  if (!isTracker(document)) {
    readRecords(document, source, writer, basename(file), rejected);
    return 0;
  }
  const ids = new Set<string>();
  for (const advisory of readTracker(document, now)) {
    ids.add(advisory.id);
    writer.put(advisory, source);
  }
  return writer.keepOnly(source, ids);
}
function firstBytes(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(4);
    return bytes.toString('latin1', 0, readSync(handle, bytes));
  } finally {
    closeSync(handle);
  }
}
async function readZip(file: string, source: string, writer: AdvisoryWriter, rejected: string[]): Promise<void> {
  const zip = await openPromise(file);
  for await (const entry of zip.eachEntry()) {
    if (!entry.fileName.endsWith('.json')) continue;
    if (entry.uncompressedSize > MAX_RECORD) {
      rejected.push(`${entry.fileName}: larger than ${MAX_RECORD} bytes`);
      continue;
    }
    const document = parse(await buffer(await zip.openReadStreamPromise(entry)), entry.fileName, rejected);
    readRecords(document, source, writer, entry.fileName, rejected);
  }
}
function parse(content: Buffer, name: string, rejected: string[]): unknown {
  try {
    return JSON.parse(content.toString());
  } catch (error) {
    rejected.push(`${name}: ${(error as Error).message}`);
    return undefined;
  }
}
/** One record, a list of them, or what OSV's API answers ({vulns}). */
function readRecords(document: unknown, source: string, writer: AdvisoryWriter, name: string, rejected: string[]): void {
  if (document === undefined) return;
  const vulns = (document as { vulns?: unknown } | null)?.vulns;
  const records: unknown[] = Array.isArray(document) ? document : Array.isArray(vulns) ? vulns : [document];
  for (const record of records) {
    try {
      writer.put(readOsv(record), source);
    } catch (error) {
      rejected.push(`${name}: ${(error as Error).message}`);
    }
  }
}
