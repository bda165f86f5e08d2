const builtinImport = /import\s*(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\}|\*\s*as\s+([\w$]+))?\s*from\s*"(node:[\w/]+)";/g;

/**
 * Takes Node's own modules as they are instead of importing them: an import of one reads all its exports, and some of
 * these load more modules when they are read (streams of files, web cryptography …) that no start needs.
 */
export function takeBuiltins(text: string): string {
  const taken: string[] = [];
  const rest = text.replaceAll(builtinImport, (_all, whole: string | undefined, names: string | undefined, space: string | undefined, module: string) => {
    const all = `process.getBuiltinModule("${module}")`;
    for (const name of [whole, space]) if (name) taken.push(`const ${name}=${all};`);
    if (names) taken.push(`const{${names.replaceAll(/\s+as\s+/g, ':')}}=${all};`);
    return '';
  });
  return [...taken, rest].join('\n');
}
