import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base';
import { ScanError, scanTools, type Finding, type Inventory, type ScanMode } from '#registry';
import { meant, type Place } from './ecr-hosts.ts';
import { UserError } from './errors.ts';
import { imageName } from './image-name.ts';
import { readRecord, resolvePaths, type PathOptions } from './paths.ts';
import { version } from './version.ts';

/** What `scan` tells of an image. */
export interface ScanReport {
  /** As it was asked for, with the digest. */
  readonly image: string;
  readonly digest: string;
  readonly mode: ScanMode;
  readonly inventory: Inventory;
  readonly findings: readonly Finding[];
  /** Why nothing could be found. */
  readonly unsupported: string | undefined;
  /** ms since the epoch. */
  readonly advisoriesUpdated: number | undefined;
  /** CycloneDX. */
  readonly sbom: object;
}
export type { Finding as ScanFinding } from '#registry';

const registryDir = (options: PathOptions): string => join(resolvePaths(options).data, 'registry');

/** Scans an image of the instance's registry, or one in files, here and now. Nothing of the instance needs to run. */
export async function scanImage(options: PathOptions, image: string, mode: ScanMode): Promise<ScanReport> {
  try {
    return await (existsSync(image) ? scanFiles(options, image, mode) : scanInRegistry(options, image, mode));
  } catch (error) {
    if (error instanceof ScanError) throw new UserError(error.message);
    throw error;
  }
}

async function scanInRegistry(options: PathOptions, image: string, mode: ScanMode): Promise<ScanReport> {
  const { RegistryImages, takeInventory } = await scanTools();
  const parsed = parseImage(image, () => loginlessPlace(options));
  const { repository, reference } = parsed;
  const images = new RegistryImages(registryDir(options));
  try {
    const registry = parsed.registry ?? images.registryOf(repository);
    const digest = images.resolve(registry, repository, reference);
    const inventory = await takeInventory(await images.image({ registry, repository, digest }));
    return await report(options, image, inventory, mode);
  } finally {
    images.close();
  }
}
async function scanFiles(options: PathOptions, path: string, mode: ScanMode): Promise<ScanReport> {
  const { imageFromFiles, takeInventory } = await scanTools();
  return report(options, path, await takeInventory(await imageFromFiles(path)), mode);
}

async function report(options: PathOptions, image: string, inventory: Inventory, mode: ScanMode): Promise<ScanReport> {
  const { AdvisoryDatabase, findVulnerabilities, toCycloneDx, whyUnsupported } = await scanTools();
  return withAdvisories(options, (file) => {
    const advisories = new AdvisoryDatabase(file);
    try {
      return {
        image,
        digest: inventory.digest,
        mode,
        inventory,
        findings: findVulnerabilities(inventory, advisories, mode),
        unsupported: whyUnsupported(inventory, mode),
        advisoriesUpdated: advisories.updated,
        sbom: toCycloneDx(inventory, { name: image, version, created: systemClock.now() }),
      };
    } finally {
      advisories.close();
    }
  });
}

/** The advisories of the instance; where there never was one, those that the program brings along. */
async function withAdvisories<T>(options: PathOptions, use: (file: string) => T): Promise<T> {
  const { ensureAdvisories, scanFiles } = await scanTools();
  const dir = registryDir(options);
  if (existsSync(dir)) {
    const { advisories } = scanFiles(dir);
    ensureAdvisories(advisories);
    return use(advisories);
  }
  const temporary = mkdtempSync(join(tmpdir(), 'batuta-scan-'));
  try {
    ensureAdvisories(join(temporary, 'advisories.db'));
    return use(join(temporary, 'advisories.db'));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Whose registry the address of ECR without a login means: the instance's account, and the caller's region as the AWS CLI has it. */
function loginlessPlace(options: PathOptions): Place {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  return { account: readRecord(resolvePaths(options))?.account ?? '000000000000', region: AWS_REGION || AWS_DEFAULT_REGION || 'us-east-1' };
}
const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/;

/**
 * `[HOST/]REPOSITORY[:TAG|@DIGEST]`. Hosts mean what they mean to the registry: hosts of ECR an account's in a region,
 * `loginless` where only the login would say so, other names of this machine the plain one. No host: any that has it.
 */
export function parseImage(image: string, loginless: () => Place): { registry: string | undefined; repository: string; reference: string } {
  const { host, repository, reference } = imageName(image);
  if (host === undefined) return { registry: undefined, repository, reference };
  const what = meant(host, undefined);
  if (!what && !loopback.test(host)) {
    const rest = image.slice(host.length + 1);
    throw new UserError(
      `${host} is another registry: copy the image to the instance's (skopeo copy docker://${image} docker://localhost:5000/${rest} --dest-tls-verify=false), or save it to a file and scan that`,
    );
  }
  const place = what && ('place' in what ? what.place : loginless());
  return { registry: place ? `${place.account}/${place.region}` : '', repository, reference };
}

export interface AdvisoryUpdate {
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly removed: number;
  readonly rejected: readonly string[];
}
/** Brings the instance's advisories up to date: OSV's dumps of ecosystems, and whatever `from` names. */
export async function updateScanDatabase(
  options: PathOptions,
  what: { ecosystems: readonly string[]; from: readonly string[]; progress(text: string): void },
): Promise<AdvisoryUpdate> {
  const { dumpOf, scanFiles, updateAdvisories } = await scanTools();
  const from = [...what.from, ...what.ecosystems.map(dumpOf)];
  try {
    return await updateAdvisories({ file: scanFiles(registryDir(options)).advisories, from, now: systemClock.now(), progress: what.progress });
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

export interface ScanDatabase {
  readonly updated: number | undefined;
  readonly sources: readonly { name: string; updated: number; advisories: number }[];
  readonly ecosystems: readonly { name: string; advisories: number }[];
}
export async function describeScanDatabase(options: PathOptions): Promise<ScanDatabase> {
  const { AdvisoryDatabase } = await scanTools();
  return withAdvisories(options, (file) => {
    const db = new AdvisoryDatabase(file);
    try {
      return { updated: db.updated, sources: db.sources(), ecosystems: db.ecosystems() };
    } finally {
      db.close();
    }
  });
}
/** Advisories by their id, a CVE, or a package. */
export async function findAdvisories(options: PathOptions, text: string): Promise<object[]> {
  const { AdvisoryDatabase } = await scanTools();
  return withAdvisories(options, (file) => {
    const db = new AdvisoryDatabase(file);
    try {
      return db.find(text).flatMap((id) => db.advisory(id) ?? []);
    } finally {
      db.close();
    }
  });
}
