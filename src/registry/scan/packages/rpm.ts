import { DatabaseSync } from 'node:sqlite';
import { isSane, type Detector, type Facts, type Found } from './detector.ts';
import { ownedPaths } from './dpkg.ts';

const directories = ['var/lib/rpm/', 'usr/lib/sysimage/rpm/', 'usr/share/rpm/'];
const isIn = (path: string, file: string): boolean => directories.some((directory) => path === directory + file);

/** The database of rpm since 4.16: SQLite, opened from memory. */
export const rpmDatabase: Detector = {
  isLarge: true,
  matches: (path, name) => name === 'rpmdb.sqlite' && isIn(path, name),
  parse: (content) => readDatabase(content),
};

/** Its older forms. A clear word is better than an image without packages. */
export const rpmOldDatabase: Detector = {
  matches: (path, name) => (name === 'Packages' || name === 'Packages.db') && isIn(path, name),
  parse: (_content, path) => {
    throw new Error(`${path.endsWith('.db') ? 'ndb' : 'Berkeley DB'} databases of rpm are not supported: the packages of the distribution are unknown`);
  },
};

function readDatabase(content: Buffer): Facts {
  const db = new DatabaseSync(':memory:');
  try {
    db.deserialize(withoutWal(content));
    db.enableDefensive(true);
    // A view of that name could compute for ever, a column that is computed could take all memory.
    const table = db.prepare(
      "SELECT 1 FROM sqlite_schema WHERE name = 'Packages' AND type = 'table' AND rootpage > 0 AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('Packages') WHERE hidden <> 0)",
    );
    if (!table.get()) throw new Error('it has no table Packages');
    const packages: Found[] = [];
    const owned: string[] = [];
    for (const row of db.prepare('SELECT blob FROM Packages').iterate() as Iterable<{ blob: unknown }>) {
      if (!(row.blob instanceof Uint8Array)) continue;
      const header = readHeader(Buffer.from(row.blob.buffer, row.blob.byteOffset, row.blob.byteLength));
      const found = packageOf(header);
      if (found) packages.push(found);
      owned.push(...ownedPaths(header.files()));
    }
    return { packages, owned };
  } finally {
    db.close();
  }
}
/** A database in WAL mode cannot be opened from memory; what its file has is whole without the log. */
function withoutWal(content: Buffer): Buffer {
  if (content.length < 100 || content.toString('latin1', 0, 15) !== 'SQLite format 3') throw new Error('it is no SQLite database');
  const copy = Buffer.from(content);
  copy[18] = 1;
  copy[19] = 1;
  return copy;
}

interface Header {
  string(tag: number): string | undefined;
  number(tag: number): number | undefined;
  files(): string[];
}
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  license: 1014,
  arch: 1022,
  sourceRpm: 1044,
  dirIndexes: 1116,
  baseNames: 1117,
  dirNames: 1118,
};

/** Header of a package: two counts, entries of {tag, type, offset, count}, data; all big-endian (rpm file format). */
function readHeader(blob: Buffer): Header {
  const count = blob.readUInt32BE(0);
  const start = 8 + count * 16;
  if (start > blob.length) throw new Error('the header of a package is cut off');
  const data = blob.subarray(start, start + blob.readUInt32BE(4));
  const entries = new Map<number, { offset: number; count: number }>();
  for (let i = 0; i < count; i++) entries.set(blob.readUInt32BE(8 + i * 16), { offset: blob.readUInt32BE(16 + i * 16), count: blob.readUInt32BE(20 + i * 16) });
  const strings = (tag: number): string[] => {
    const entry = entries.get(tag) ?? { offset: 0, count: 0 };
    const values: string[] = [];
    for (let i = 0, at = entry.offset; i < entry.count && at < data.length; i++) {
      const end = data.indexOf(0, at);
      if (end < 0) break;
      values.push(data.toString('utf8', at, end));
      at = end + 1;
    }
    return values;
  };
  const numbers = (tag: number): number[] => {
    const entry = entries.get(tag) ?? { offset: 0, count: 0 };
    const values: number[] = [];
    for (let i = 0; i < entry.count && entry.offset + i * 4 + 4 <= data.length; i++) values.push(data.readUInt32BE(entry.offset + i * 4));
    return values;
  };
  return {
    string: (tag) => strings(tag)[0],
    number: (tag) => numbers(tag)[0],
    files: () => {
      const [names, directories, indexes] = [strings(tags.baseNames), strings(tags.dirNames), numbers(tags.dirIndexes)];
      return names.map((name, i) => `${directories[indexes[i] ?? 0] ?? ''}${name}`);
    },
  };
}

function packageOf(header: Header): Found | undefined {
  const [name, version, release] = [header.string(tags.name), header.string(tags.version), header.string(tags.release)];
  if (!isSane(name) || !isSane(version) || !isSane(release) || name === 'gpg-pubkey') return undefined;
  const epoch = header.number(tags.epoch);
  const full = `${epoch ? `${epoch}:` : ''}${version}-${release}`;
  const [arch, license] = [header.string(tags.arch), header.string(tags.license)];
  const source = /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/.exec(header.string(tags.sourceRpm) ?? '');
  return {
    type: 'rpm',
    name,
    version: full,
    ...(arch ? { arch } : {}),
    ...(source && source[1] !== name ? { source: { name: source[1] as string, version: full } } : {}),
    ...(license ? { licenses: [license] } : {}),
  };
}
