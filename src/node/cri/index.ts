/**
 * cri: containers through containerd's Container Runtime Interface. Starts a private containerd, drives it over gRPC
 * and cleans up after it. Knows Runtime (../runtime.ts) and nothing of the Kubernetes API.
 */
export { cgroupRootOf, startContainerd, type Containerd, type ContainerdOptions } from './daemon.ts';
export { missingPrograms } from './programs.ts';
export { cleanup } from './cleanup.ts';
export { connectCri, type CriClient } from './client.ts';
export { runtimeHandler, type CriNode } from './config.ts';
export { TaskEvents } from './events.ts';
export { importImage, listImages, normalizeReference, removeImage } from './images.ts';
export { createCriRuntime, type CriRuntimeOptions } from './runtime.ts';
