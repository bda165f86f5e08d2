/**
 * registry: an OCI registry (distribution specification 1.1) over a directory. Knows bytes, digests and HTTP; knows
 * nothing of Kubernetes or AWS: who may do what, and rules such as tag immutability, are given to it.
 */
export { startRegistry, type RegistryServer, type RegistryServerOptions } from './server.ts';
export { Registry, type Collected, type RegistryOptions, type RepositoryName } from './registry.ts';
export { BlobFiles, registryLayout } from './blob-files.ts';
export { RegistryError, type ErrorCode } from './errors.ts';
export { isDigest, isRepository, isTag } from './names.ts';
export { parseManifest, type Descriptor, type ParsedManifest } from './manifest.ts';
export type { AccessRequest, Action, Authorize, ImageRecord, ManifestRecord, Operation, RegistryEvent, RegistryRules } from './types.ts';
export { openScanner, type RegistryScanner, type ScannerOptions } from './scan/scanner.ts';
export { ScanError, severities } from './scan/types.ts';
export type { Finding, FindingsPage, ImageName, Inventory, Package, ScanEvent, ScanMode, Scanner, ScanRecord, ScanStatus, Severity } from './scan/types.ts';

/** Parts of the scanner for who scans and updates without a registry that runs; not loaded before they are asked for. */
export const scanTools = (): Promise<typeof import('./scan/tools.ts')> => import('./scan/tools.ts');
