import { crc32, deflateSync } from 'node:zlib';
import { encodeQR } from 'qr';

/** Pixels of a module, and modules of white around all. */
const [scale, border] = [6, 4];

/** A QR code as a PNG of one bit a pixel. */
export function qrPng(text: string): Buffer {
  const modules = encodeQR(text, 'raw', { border, ecc: 'medium' });
  const size = modules.length * scale;
  const line = (row: readonly boolean[]): Buffer => {
    // A line begins with its filter: 0, none. A set bit is white.
    const out = Buffer.alloc(1 + Math.ceil(size / 8));
    for (let x = 0; x < size; x++) if (row[Math.floor(x / scale)] !== true) out[1 + (x >> 3)] = (out[1 + (x >> 3)] ?? 0) | (0x80 >> (x & 7));
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header[8] = 1; // bits a pixel; the zeros after it: shades of grey, deflated, unfiltered, not interlaced
  const pixels = Buffer.concat(modules.flatMap((row) => Array.from({ length: scale }, () => line(row))));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  ends.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, ends]);
}
