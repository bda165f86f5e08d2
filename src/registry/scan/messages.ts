import type { FindingsPage, ImageName, ScanError, ScanEvent, ScanMode, ScanRecord } from './types.ts';

/** What the thread can be asked for. */
export interface Calls {
  scan(image: ImageName, mode: ScanMode): Promise<ScanRecord>;
  request(image: ImageName, mode: ScanMode): Promise<ScanRecord>;
  record(image: ImageName): ScanRecord | undefined;
  findings(image: ImageName, options?: { limit?: number; after?: string }): FindingsPage | undefined;
  sbom(image: ImageName): object | undefined;
  forget(image: ImageName): void;
  refresh(): Promise<void>;
  stop(): Promise<void>;
}
export interface Question {
  readonly id: number;
  readonly call: keyof Calls;
  readonly args: readonly unknown[];
}
export type Message =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly reason: ScanError['reason'] | undefined } }
  | { readonly event: ScanEvent };

export interface ThreadOptions {
  readonly dir: string;
  readonly version: string;
}
