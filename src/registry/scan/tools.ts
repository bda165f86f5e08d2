/** What the command line needs of the scanner. */
export { AdvisoryDatabase } from './advisories/database.ts';
export { dumpOf, ensureAdvisories, updateAdvisories, type Updated } from './advisories/update.ts';
export { scanFiles } from './files.ts';
export { imageFromFiles } from './image/from-files.ts';
export { RegistryImages } from './image/from-registry.ts';
export { takeInventory } from './image/inventory.ts';
export { findVulnerabilities } from './match.ts';
export { toCycloneDx } from './sbom.ts';
export { ScanService, whyUnsupported } from './service.ts';
