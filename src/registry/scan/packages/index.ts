import { apkInstalled } from './apk.ts';
import { composerInstalled } from './composer.ts';
import type { Detector } from './detector.ts';
import { dpkgFiles, dpkgStatus } from './dpkg.ts';
import { javaArchive } from './java.ts';
import { npmLock, npmPackage } from './npm.ts';
import { osRelease } from './os-release.ts';
import { pythonMetadata } from './python.ts';
import { rpmDatabase, rpmOldDatabase } from './rpm.ts';
import { gemSpecification } from './ruby.ts';

/** The first that matches reads the file. Programs in Go are found by their bytes: golang.ts. */
export const detectors: readonly Detector[] = [
  osRelease,
  dpkgStatus,
  dpkgFiles,
  apkInstalled,
  rpmDatabase,
  rpmOldDatabase,
  npmPackage,
  npmLock,
  pythonMetadata,
  javaArchive,
  gemSpecification,
  composerInstalled,
];
