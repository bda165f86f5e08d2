declare module 'mvncmp' {
  /** Maven's ComparableVersion: -1, 0 or 1. */
  export function compare(a: string, b: string): number;
}
