import { isSane, readFields, type Detector } from './detector.ts';

/** Core metadata of an installed distribution (PyPA: METADATA in .dist-info, PKG-INFO in .egg-info). */
export const pythonMetadata: Detector = {
  matches: (path, name) =>
    (name === 'METADATA' && path.endsWith('.dist-info/METADATA')) ||
    (name === 'PKG-INFO' && /\.egg-info\/PKG-INFO$|EGG-INFO\/PKG-INFO$/.test(path)) ||
    name.endsWith('.egg-info'),
  parse: (content) => {
    const head = content.toString().split(/\r?\n\r?\n/, 1)[0] ?? '';
    const fields = readFields(head);
    const [name, version] = [fields.get('name'), fields.get('version')];
    const license = fields.get('license-expression') ?? fields.get('license');
    if (!isSane(name) || !isSane(version)) return { packages: [] };
    return {
      packages: [
        { type: 'pypi', name: normalize(name), version, ...(license && license.length < 100 && license !== 'UNKNOWN' ? { licenses: [license] } : {}) },
      ],
    };
  },
};
/** PEP 503. */
const normalize = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');
