/**
 * client: how everything above the API reads and writes it, in process or over HTTP. Knows kinds and
 * machinery; knows nothing of the server, the store or who asks.
 */
export { createClient, type Client } from './client.ts';
export { kindSource, type KindSource } from './kind-source.ts';
export type { ChangeHandler, Informer, Subscription } from './informer.ts';
export { selectObjects } from './select.ts';
export { createRecorder, type EventType, type Recorder, type RecorderDeps } from './recorder.ts';
export { connectHttp, fromKubeconfig, type HttpOptions } from './http.ts';
export { createFakeApi, type FakeApi, type FakeWrite } from './testing.ts';
