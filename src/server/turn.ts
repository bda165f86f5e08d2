/** Resolves when whatever came in meanwhile was looked at: between two pieces of work that would keep clients waiting. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
