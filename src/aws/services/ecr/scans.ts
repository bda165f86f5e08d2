/** A scan as the instance's scanner tells of it. Times are ms since the epoch. */
export interface ScanRecord {
  readonly status: 'PENDING' | 'IN_PROGRESS' | 'COMPLETE' | 'FAILED' | 'UNSUPPORTED_IMAGE';
  readonly description: string;
  readonly completed: number | undefined;
  readonly advisoriesUpdated: number | undefined;
  readonly counts: Readonly<Partial<Record<string, number>>>;
}
export interface ScanFinding {
  readonly name: string;
  readonly severity: string;
  readonly package: {
    readonly type: string;
    readonly name: string;
    readonly version: string;
    readonly arch?: string;
    readonly path: string;
    readonly layer?: string;
  };
  readonly fixedIn: string | undefined;
  readonly title: string | undefined;
  readonly description: string;
  readonly uri: string | undefined;
  readonly references: readonly string[];
  readonly cvss: readonly { readonly version: string; readonly vector: string; readonly score: number; readonly source: string }[];
  readonly aliases: readonly string[];
  readonly published: number | undefined;
  readonly updated: number | undefined;
}
export interface ScannedImage {
  readonly registry: string;
  readonly repository: string;
  readonly digest: string;
}
/** A scan ended, or new advisories changed what it had found. */
export interface ScanEnd {
  readonly type: 'scan-completed' | 'scan-failed' | 'findings-changed';
  readonly record: ScanRecord & ScannedImage & { readonly mode: 'basic' | 'enhanced' };
  /** Of the image then. */
  readonly tags: readonly string[];
}
/** What ECR needs of the scanner of images. */
export interface Scans {
  request(image: ScannedImage, mode: 'basic' | 'enhanced'): Promise<ScanRecord>;
  record(image: ScannedImage): Promise<ScanRecord | undefined>;
  findings(
    image: ScannedImage,
    options?: { limit?: number; after?: string },
  ): Promise<{ readonly record: ScanRecord; readonly findings: readonly ScanFinding[]; readonly next: string | undefined } | undefined>;
  forget(image: ScannedImage): Promise<void>;
}
