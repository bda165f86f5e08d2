import { isSane, type Detector, type Facts, type Found } from './detector.ts';
import { ownedPaths } from './dpkg.ts';

/** The database of apk: a letter, a colon and a value on each line, an empty line after each package. */
export const apkInstalled: Detector = {
  matches: (path) => path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed',
  parse: (content) => readInstalled(content.toString()),
};

function readInstalled(text: string): Facts {
  const packages: Found[] = [];
  const files: string[] = [];
  for (const block of text.split('\n\n')) {
    const values: Record<string, string> = {};
    let directory = '';
    for (const line of block.split('\n')) {
      if (line[1] !== ':') continue;
      const [key, value] = [line[0] as string, line.slice(2)];
      if (key === 'F') directory = value;
      else if (key === 'R') files.push(`${directory}/${value}`);
      else values[key] = value;
    }
    const { P: name, V: version, A: arch, o: origin, L: license } = values;
    if (!isSane(name) || !isSane(version)) continue;
    packages.push({
      type: 'apk',
      name,
      version,
      ...(arch ? { arch } : {}),
      ...(isSane(origin) && origin !== name ? { source: { name: origin, version } } : {}),
      ...(license ? { licenses: [license] } : {}),
    });
  }
  return { packages, owned: ownedPaths(files) };
}
