/** A problem the user can act on: one line that says what is wrong and what to do. Exit code 1. */
export class UserError extends Error {
  readonly exitCode: number = 1;
}
/** The command line was wrong. Exit code 2. */
export class UsageError extends UserError {
  override readonly exitCode = 2;
}
