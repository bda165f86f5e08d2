import { renderTable, type Kind } from '#machinery';
import type { ListResult } from '../registry/reads.ts';
import type { CacheEntry } from '../cache/entry.ts';
import type { IncludeObject, View } from './negotiate.ts';
import { Room } from './room.ts';

const comma = 0x2c;

/** The body of a list in the view the client asked for. `now` in ms. */
export function renderList(kind: Kind, result: ListResult, view: View, now: number, includeObject: IncludeObject, room = new Room()): Buffer {
  const metadata = listMeta(result);
  if (view === 'table')
    return Buffer.from(
      JSON.stringify(
        renderTable(
          kind,
          result.entries.map((entry) => entry.object),
          now,
          { metadata, includeObject },
        ),
      ),
    );
  if (view === 'metadata') {
    const items = result.entries.map(({ object }) => partial(object));
    return Buffer.from(JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items }));
  }
  const head = `{"kind":${JSON.stringify(kind.listKind)},"apiVersion":${JSON.stringify(kind.apiVersion)},"metadata":${JSON.stringify(metadata)},"items":[`;
  return joined(head, result.entries, room);
}

/** One object in the view the client asked for; a Table on request without the definitions of its columns. */
export function renderObject(
  kind: Kind,
  shown: { readonly object: CacheEntry['object']; json(): Buffer },
  view: View,
  now: number,
  includeObject: IncludeObject,
  withoutDefinitions = false,
): Buffer {
  if (view === 'object') return shown.json();
  if (view === 'metadata') return Buffer.from(JSON.stringify(partial(shown.object)));
  const resourceVersion = shown.object.metadata?.resourceVersion;
  const table = renderTable(kind, [shown.object], now, {
    includeObject,
    withoutDefinitions,
    ...(resourceVersion ? { metadata: { resourceVersion } } : {}),
  });
  return Buffer.from(JSON.stringify(table));
}

function partial(object: CacheEntry['object']): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata ?? {} };
}
function listMeta({ revision, continue: token, remaining }: ListResult): { resourceVersion: string; continue?: string; remainingItemCount?: number } {
  return { resourceVersion: String(revision), ...(token ? { continue: token } : {}), ...(remaining === undefined ? {} : { remainingItemCount: remaining }) };
}

/** Stored bytes copied one after the other into one buffer: nothing is parsed or stringified. */
function joined(head: string, entries: readonly CacheEntry[], room: Room): Buffer {
  let size = Buffer.byteLength(head) + 2;
  for (const entry of entries) size += entry.size + 1;
  const out = room.take(size);
  let end = out.write(head);
  for (const entry of entries) {
    end = entry.writeTo(out, end);
    out[end++] = comma;
  }
  if (entries.length > 0) end--;
  end += out.write(']}', end, 'latin1');
  return out.subarray(0, end);
}
