/** Severities as ECR names them. UNDEFINED: nobody rated it. */
export const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED'] as const;
export type Severity = (typeof severities)[number];

/** basic: packages of the operating system. enhanced: those and packages of programming languages. */
export type ScanMode = 'basic' | 'enhanced';

export type PackageType = 'deb' | 'apk' | 'rpm' | 'npm' | 'pypi' | 'golang' | 'maven' | 'gem' | 'composer';

/** One package that an image has. */
export interface Package {
  readonly type: PackageType;
  /** As its ecosystem spells it: `openssl`, `@scope/name`, `group:artifact`, a Go module's path. */
  readonly name: string;
  readonly version: string;
  /** What it was built from, when that has another name or version: advisories of Debian and Alpine name sources. */
  readonly source?: { readonly name: string; readonly version: string };
  readonly arch?: string;
  /** File that tells of it, without a leading slash. */
  readonly path: string;
  /** Digest of the layer that holds that file. */
  readonly layer?: string;
  readonly licenses?: readonly string[];
}

/** What /etc/os-release says. */
export interface Distribution {
  /** `debian`, `alpine`, `rocky` … */
  readonly id: string;
  readonly idLike: readonly string[];
  /** '' where releases have none (Debian sid, Wolfi). */
  readonly versionId: string;
  readonly name: string;
}

/** What is in an image. Depends on its bytes alone, so it is made once for a digest. */
export interface Inventory {
  readonly digest: string;
  readonly distribution: Distribution | undefined;
  readonly architecture: string | undefined;
  readonly packages: readonly Package[];
  /** What could not be read and why: it is missing from the packages. */
  readonly warnings: readonly string[];
}

export interface CvssScore {
  /** `2.0`, `3.0`, `3.1` or `4.0`. */
  readonly version: string;
  readonly vector: string;
  readonly score: number;
  /** Who gave it: the prefix of the advisory's id, say `GHSA`. */
  readonly source: string;
}

/** A vulnerability in a package of an image. */
export interface Finding {
  /** A CVE's id where there is one, else the advisory's own. */
  readonly name: string;
  readonly severity: Severity;
  readonly package: Package;
  /** Version of the package (of its source, where that is what the advisory names) that is not affected any more. */
  readonly fixedIn: string | undefined;
  readonly title: string | undefined;
  readonly description: string;
  readonly uri: string | undefined;
  readonly references: readonly string[];
  readonly cvss: readonly CvssScore[];
  /** Ids of the advisories that say so. */
  readonly advisories: readonly string[];
  /** Other names of the same vulnerability. */
  readonly aliases: readonly string[];
  /** ms since the epoch. */
  readonly published: number | undefined;
  readonly updated: number | undefined;
}

export interface ImageName {
  /** '' when the process serves one registry only. */
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
}

/** The states are ECR's. UNSUPPORTED_IMAGE: nothing in it that could be looked up; `description` says what it is. */
export type ScanStatus = 'PENDING' | 'IN_PROGRESS' | 'COMPLETE' | 'FAILED' | 'UNSUPPORTED_IMAGE';

/** A scan of an image, the latest one. Times are ms since the epoch. */
export interface ScanRecord extends ImageName {
  readonly status: ScanStatus;
  readonly description: string;
  readonly mode: ScanMode;
  readonly requested: number;
  readonly completed: number | undefined;
  /** When the advisories that it was compared with came. */
  readonly advisoriesUpdated: number | undefined;
  readonly counts: Readonly<Partial<Record<Severity, number>>>;
}

export interface FindingsPage {
  readonly record: ScanRecord;
  readonly findings: readonly Finding[];
  /** Give it as `after` to go on; undefined at the end. */
  readonly next: string | undefined;
}

/** A scan ended, or the advisories changed what it found. Owners make events of it, `ECR Image Scan` say. */
export interface ScanEvent {
  readonly type: 'scan-completed' | 'scan-failed' | 'findings-changed';
  readonly record: ScanRecord;
  /** Tags of the image then. */
  readonly tags: readonly string[];
}

/**
 * Scans images of a registry, in a thread of its own that starts at the first need. Everything that it tells is
 * durable: it asks no layer twice, and after new advisories it compares again what it knows.
 */
export interface Scanner {
  /** Resolves when the scan has ended, well or not; the record says which. Rejects when the image is unknown (ScanError). */
  scan(image: ImageName, mode: ScanMode): Promise<ScanRecord>;
  /** Asks for a scan and gives its record at once, PENDING; the end is an event. */
  request(image: ImageName, mode: ScanMode): Promise<ScanRecord>;
  /** Undefined: it was never scanned. */
  record(image: ImageName): Promise<ScanRecord | undefined>;
  /** Findings by severity, worst first. Undefined: it was never scanned. */
  findings(image: ImageName, options?: { limit?: number; after?: string }): Promise<FindingsPage | undefined>;
  /** CycloneDX 1.6. Undefined: it was never scanned. */
  sbom(image: ImageName): Promise<object | undefined>;
  /** The image is gone from its repository: so are its findings. */
  forget(image: ImageName): Promise<void>;
  /** Ends the thread. A scan in work starts anew after the next start. */
  stop(): Promise<void>;
}

/** What is refused: the image is unknown, or no image. */
export class ScanError extends Error {
  readonly reason: 'unknown-image' | 'unsupported-image' | 'limit-exceeded' | 'malformed';
  constructor(reason: ScanError['reason'], message: string) {
    super(message);
    this.name = 'ScanError';
    this.reason = reason;
  }
}
