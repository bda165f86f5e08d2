import type { Logger } from '#base';

/** What happens when a watch handler throws: a line in the log, or without a log an uncaught error, so that it is never lost. */
export function reportThrow(log: Logger | undefined): (error: unknown, prefix: string) => void {
  return (error, prefix) => {
    if (log) return log.error('a watch handler threw', { prefix, error });
    queueMicrotask(() => {
      throw error;
    });
  };
}
