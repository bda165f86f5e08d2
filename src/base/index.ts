/** base: time, randomness, logs, queues, quantities. No word of any domain; imports nothing of this project. */
export { FakeClock, formatMicroTime, formatTime, settle, sleep, systemClock, type Clock, type Timer } from './clock.ts';
export { createLogger, silentLogger, type Logger, type LogLevel, type LoggerOptions } from './log.ts';
export { randomSuffix, seededRandom, systemRandom, type Random } from './random.ts';
export { http } from './http.ts';
export { WorkQueue, type WorkQueueOptions } from './queue.ts';
export { Backoff } from './backoff.ts';
export { addAmounts, formatAmount, maxAmount, parseAmount, wholeAmount, zeroAmount, type Amount } from './amount.ts';
export { compareQuantity, formatBytes, parseQuantity, quantityToMilli, quantityToNumber } from './quantity.ts';
export { findDirectory, findProgram, systemPath } from './programs.ts';
