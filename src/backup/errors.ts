/** What keeps a backup from being made, read or restored, in words for its user. */
export class BackupError extends Error {
  /** Of the command line. */
  readonly exitCode = 1;
}
