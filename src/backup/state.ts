import { createHash } from 'node:crypto';
import { BackupError } from './errors.ts';

/** One key of the cluster's state. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Pieces end here at the latest. */
const MOST = 1 << 20;

/**
 * Packs entries, in order of keys, into pieces. Where a piece ends depends on keys alone (one in 64 ends one), so a
 * changed object changes one piece and all others are on the target already.
 */
export function* packState(entries: Iterable<StateEntry>): Generator<Buffer> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for (const { key, value } of entries) {
    const name = Buffer.from(key);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(name.length, 0);
    head.writeUInt32LE(value.length, 4);
    parts.push(head, name, value);
    size += head.length + name.length + value.length;
    if (size < MOST && (createHash('sha256').update(name).digest()[0] as number) % 64 !== 0) continue;
    yield Buffer.concat(parts);
    parts = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(parts);
}

export function* unpackState(piece: Buffer): Generator<StateEntry> {
  for (let at = 0; at < piece.length;) {
    if (at + 8 > piece.length) throw new BackupError('a piece of the state ends in the middle of an object');
    const keyEnd = at + 8 + piece.readUInt32LE(at);
    const end = keyEnd + piece.readUInt32LE(at + 4);
    if (end > piece.length) throw new BackupError('a piece of the state ends in the middle of an object');
    yield { key: piece.toString('utf8', at + 8, keyEnd), value: piece.subarray(keyEnd, end) };
    at = end;
  }
}
