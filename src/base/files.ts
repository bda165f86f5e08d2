import { open } from 'node:fs/promises';

/** Makes the bytes of a file, or the names in a directory, durable. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
