import { crc32, deflateRawSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { buffer } from 'node:stream/consumers';
import { digestOf } from '../digest.ts';
import type { ImageSource } from './image/inventory.ts';

/** A file of a test's layer: content, or a header with or without one. */
export type TestFile = string | Buffer | (Partial<Header> & { content?: string | Buffer });

/** A layer of files by path; the order is kept. */
export async function tarOf(files: Readonly<Record<string, TestFile>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, file] of Object.entries(files)) {
    const { content, ...header } = typeof file === 'string' || Buffer.isBuffer(file) ? { content: file } : file;
    if (content === undefined) archive.entry({ name, ...header });
    else archive.entry({ name, ...header }, content);
  }
  archive.finalize();
  return buffer(archive);
}

/** An image of layers that are archives, compressed or not. */
export function imageOf(...layers: Buffer[]): ImageSource {
  return {
    digest: digestOf(Buffer.concat(layers)),
    architecture: 'amd64',
    layers: layers.map((bytes) => ({ digest: digestOf(bytes), open: () => inPieces(bytes) })),
  };
}
/** As a file is read: not all at once. */
export async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export const debian = (version: string): string => `PRETTY_NAME="Debian GNU/Linux ${version}"\nID=debian\nVERSION_ID="${version}"\n`;
export const alpine = (version: string): string => `NAME="Alpine Linux"\nID=alpine\nVERSION_ID=${version}\n`;
export const dpkg = (name: string, version: string, extra = ''): string =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\n${extra}Version: ${version}\nDescription: text\n more text\n\n`;
export const apk = (name: string, version: string, extra = ''): string => `C:Q1\nP:${name}\nV:${version}\nA:x86_64\n${extra}\n`;
/** A zip archive. */
export function zipOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(Buffer.byteLength(content), 18);
    common.writeUInt16LE(name.length, 22);
    const at = Buffer.alloc(14);
    at.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, at, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(central.length, 8);
  end.writeUInt16LE(central.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}
