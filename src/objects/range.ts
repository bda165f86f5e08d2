import { readRange, type ByteRange } from '#base';
import { ObjectsError } from './errors.ts';

/** The one range that a header asks for; undefined: the whole (no header, several ranges, another unit). Throws InvalidRange. */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const range = readRange(header, size);
  if (range === 'outside') {
    throw new ObjectsError(
      'InvalidRange',
      'The requested range is not satisfiable',
      { ActualObjectSize: String(size), RangeRequested: header ?? '' },
      { 'content-range': `bytes */${size}` },
    );
  }
  return range;
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
