import { buffer } from 'node:stream/consumers';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import type { Budget } from '../image/limits.ts';
import { isSane, readFields, type Detector, type Found } from './detector.ts';

const isArchive = (name: string): boolean => /\.(?:jar|war|ear|par|jpi|hpi)$/i.test(name);

/** Java archives, and those within them. What was shaded into one tells by its own pom.properties. */
export const javaArchive: Detector = {
  isLarge: true,
  matches: (_path, name) => isArchive(name),
  parse: async (content, path, budget) => ({ packages: await readArchive(content, path, budget, { depth: 0, bytes: content.length }) }),
};

/** The archives that one is in, itself included: their number but one, and their bytes, which are in memory all at once. */
interface Held {
  readonly depth: number;
  readonly bytes: number;
}

/** Bytes of a small text within an archive. */
const TEXT = 1024 * 1024;

async function readArchive(content: Buffer, path: string, budget: Budget, held: Held): Promise<Found[]> {
  const zip = await fromBufferPromise(content);
  const found: Found[] = [];
  let manifest: Map<string, string> | undefined;
  for await (const entry of zip.eachEntry()) {
    budget.entry();
    const name = entry.fileName;
    if (name === 'META-INF/MANIFEST.MF') manifest = readManifest(await read(zip, entry, TEXT, budget));
    else if (/^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(name)) found.push(...ofProperties(await read(zip, entry, TEXT, budget)));
    else if (isArchive(name)) found.push(...(await inner(zip, entry, `${path}!${name}`, budget, held)));
  }
  // Its own name comes from the file or the manifest when no pom.properties is of it.
  const own = ofNameAndManifest(path.slice(path.lastIndexOf('/') + 1), manifest);
  if (own && !found.some((one) => one.name === own.name || one.name.endsWith(`:${own.name}`))) found.push(own);
  return found;
}

async function inner(zip: ZipFile, entry: Entry, path: string, budget: Budget, held: Held): Promise<Found[]> {
  if (held.depth >= budget.limits.nesting) {
    budget.warn(`${path}: archives are nested too deep`);
    return [];
  }
  try {
    const content = await read(zip, entry, 2 * budget.limits.fileBytes - held.bytes, budget);
    return await readArchive(content, path, budget, { depth: held.depth + 1, bytes: held.bytes + content.length });
  } catch (error) {
    if ((error as { reason?: string }).reason === 'limit-exceeded') throw error;
    budget.warn(`${path}: ${(error as Error).message}`);
    return [];
  }
}

async function read(zip: ZipFile, entry: Entry, limit: number, budget: Budget): Promise<Buffer> {
  if (entry.uncompressedSize > limit) throw new Error(`${entry.fileName} is too large`);
  budget.bytes(entry.uncompressedSize);
  return buffer(await zip.openReadStreamPromise(entry));
}

function ofProperties(content: Buffer): Found[] {
  const value = (key: string): string | undefined => new RegExp(`^${key}[ \\t]*[=:][ \\t]*(\\S+)[ \\t\\r]*$`, 'm').exec(content.toString())?.[1];
  const [group, artifact, version] = [value('groupId'), value('artifactId'), value('version')];
  return isSane(group) && isSane(artifact) && isSane(version) ? [{ type: 'maven', name: `${group}:${artifact}`, version }] : [];
}
/** Lines of a manifest go on after a line's end and one space. */
const readManifest = (content: Buffer): Map<string, string> =>
  readFields(
    content
      .toString()
      .replace(/\r?\n /g, '')
      .split(/\r?\n\r?\n/, 1)[0] ?? '',
  );

function ofNameAndManifest(file: string, manifest: Map<string, string> | undefined): Found | undefined {
  const named = /^(.+?)-(\d[\w.+-]*)\.[a-z]+$/i.exec(file.slice(file.lastIndexOf('!') + 1));
  const version = named?.[2] ?? manifest?.get('implementation-version') ?? manifest?.get('bundle-version');
  const artifact = named?.[1] ?? file.replace(/\.[a-z]+$/i, '');
  if (!isSane(version) || !isSane(artifact)) return undefined;
  const group = manifest?.get('implementation-vendor-id') ?? groupOfBundle(manifest?.get('bundle-symbolicname'), artifact);
  return { type: 'maven', name: isSane(group) ? `${group}:${artifact}` : artifact, version };
}
/** `org.apache.logging.log4j.core`, and the file log4j-core: the group is what stands before the artifact's last word. */
function groupOfBundle(symbolic: string | undefined, artifact: string): string | undefined {
  const name = symbolic?.split(';', 1)[0]?.trim();
  if (!name?.includes('.')) return undefined;
  const last = artifact.slice(artifact.lastIndexOf('-') + 1);
  return name.endsWith(`.${last}`) ? name.slice(0, -last.length - 1) : undefined;
}
