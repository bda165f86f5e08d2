import { createHash } from 'node:crypto';
import { PackageURL } from 'packageurl-js';
import type { Inventory, Package } from './types.ts';

/** What a package URL calls a distribution's own (purl types deb, apk, rpm). */
const namespaces: Record<string, string> = { rhel: 'redhat', sles: 'suse', 'opensuse-leap': 'opensuse', 'opensuse-tumbleweed': 'opensuse' };

/** Package URL of a package of an image. */
export function purlOf(one: Package, { distribution }: Pick<Inventory, 'distribution'>): string {
  const [namespace, name] = splitName(one, distribution?.id);
  const qualifiers: Record<string, string> = {};
  if (['deb', 'apk', 'rpm'].includes(one.type)) {
    if (one.arch) qualifiers['arch'] = one.arch;
    if (distribution) qualifiers['distro'] = [distribution.id, distribution.versionId].filter(Boolean).join('-');
  }
  const epoch = one.type === 'rpm' ? /^(\d+):(.*)$/.exec(one.version) : null;
  if (epoch) qualifiers['epoch'] = epoch[1] as string;
  try {
    return new PackageURL(one.type, namespace, name, epoch?.[2] ?? one.version, qualifiers, undefined).toString();
  } catch {
    // A name that the type does not allow: what is installed is told all the same.
    return new PackageURL('generic', undefined, one.name, one.version, undefined, undefined).toString();
  }
}
function splitName({ type, name }: Package, distribution: string | undefined): [string | undefined, string] {
  if (type === 'deb' || type === 'apk' || type === 'rpm') return [distribution === undefined ? undefined : (namespaces[distribution] ?? distribution), name];
  const at = type === 'maven' ? name.indexOf(':') : type === 'npm' || type === 'golang' || type === 'composer' ? name.lastIndexOf('/') : -1;
  return at < 0 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}

/** CycloneDX 1.6. Of the same inventory always the same document: the serial number comes from the digest. */
export function toCycloneDx(inventory: Inventory, options: { name: string; version: string; created: number }): object {
  const { distribution } = inventory;
  const components = new Map<string, object>();
  for (const one of inventory.packages) {
    const purl = purlOf(one, inventory);
    const ref = components.has(purl) ? `${purl}#${one.path}` : purl;
    components.set(ref, {
      type: 'library',
      'bom-ref': ref,
      name: one.name,
      version: one.version,
      purl,
      ...(one.licenses?.length ? { licenses: one.licenses.map((name) => ({ license: { name } })) } : {}),
      properties: [
        { name: 'batuta:path', value: one.path },
        ...(one.layer ? [{ name: 'batuta:layer', value: one.layer }] : []),
        ...(one.source ? [{ name: 'batuta:source', value: `${one.source.name} ${one.source.version}` }] : []),
      ],
    });
  }
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(inventory.digest)}`,
    version: 1,
    metadata: {
      timestamp: new Date(options.created).toISOString(),
      tools: { components: [{ type: 'application', name: 'batuta', version: options.version }] },
      component: { type: 'container', 'bom-ref': inventory.digest, name: options.name, version: inventory.digest },
    },
    components: [
      ...(distribution
        ? [
            {
              type: 'operating-system',
              'bom-ref': `os:${distribution.id}`,
              name: distribution.id,
              version: distribution.versionId,
              description: distribution.name,
            },
          ]
        : []),
      ...components.values(),
    ],
  };
}
/** Version 8 (RFC 9562): made from a digest. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
