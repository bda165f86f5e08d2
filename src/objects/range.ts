import { ObjectsError } from './errors.ts';

export interface ByteRange {
  readonly start: number;
  /** Included. */
  readonly end: number;
}

/** The one range that a header asks for; undefined: the whole (no header, several ranges, another unit). Throws InvalidRange. */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1] as string, match[2] as string];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start >= size || (first === '' && Number(last) === 0)) {
    throw new ObjectsError(
      'InvalidRange',
      'The requested range is not satisfiable',
      { ActualObjectSize: String(size), RangeRequested: header ?? '' },
      { 'content-range': `bytes */${size}` },
    );
  }
  return { start, end };
}

/** The range of UploadPartCopy, which must name both ends and lie within the source. Throws InvalidArgument. */
export function parseCopyRange(text: string | undefined, size: number): ByteRange | undefined {
  if (text === undefined) return undefined;
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text);
  if (!match || Number(match[1]) > Number(match[2])) {
    throw new ObjectsError(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      {
        ArgumentName: 'x-amz-copy-source-range',
        ArgumentValue: text,
      },
    );
  }
  if (Number(match[2]) >= size) {
    throw new ObjectsError('InvalidArgument', `Range specified is not valid for source object of size: ${size}`, {
      ArgumentName: 'x-amz-copy-source-range',
      ArgumentValue: text,
    });
  }
  return { start: Number(match[1]), end: Number(match[2]) };
}
