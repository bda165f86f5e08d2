import { isSane, type Detector } from './detector.ts';

/** Specification of an installed gem: Ruby code, of which two lines are read. */
export const gemSpecification: Detector = {
  matches: (path, name) => name.endsWith('.gemspec') && /(?:^|\/)specifications\/(?:default\/)?[^/]+$/.test(path),
  parse: (content) => {
    const text = content.toString();
    const value = (field: string): string | undefined => new RegExp(`^[ \\t]*\\w+\\.${field}[ \\t]*=[ \\t]*["']([^"']+)["']`, 'm').exec(text)?.[1];
    const [name, version] = [value('name'), value('version')];
    return { packages: isSane(name) && isSane(version) ? [{ type: 'gem', name, version }] : [] };
  },
};
