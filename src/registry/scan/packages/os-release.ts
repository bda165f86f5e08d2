import type { Distribution } from '../types.ts';
import type { Detector } from './detector.ts';

/** os-release(5). */
export const osRelease: Detector = {
  matches: (path) => path === 'etc/os-release' || path === 'usr/lib/os-release',
  parse: (content) => ({ packages: [], distribution: readOsRelease(content.toString()) }),
};

export function readOsRelease(text: string): Distribution {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim());
    if (match) values.set(match[1] as string, unquote(match[2] as string));
  }
  const id = values.get('ID') ?? 'linux';
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean),
    versionId: values.get('VERSION_ID') ?? '',
    name: values.get('PRETTY_NAME') ?? values.get('NAME') ?? id,
  };
}
function unquote(text: string): string {
  const inner = /^"(.*)"$|^'(.*)'$/.exec(text);
  return inner ? (inner[1] ?? inner[2] ?? '').replace(/\\(["$`\\])/g, '$1') : text;
}
