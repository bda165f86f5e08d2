/** base: time, randomness, logs, queues, quantities. No word of any domain; imports nothing of this project. */
export { FakeClock, formatMicroTime, formatTime, settle, sleep, systemClock, type Clock, type Timer } from './clock.ts';
export { parseDuration } from './duration.ts';
export { CatalogFile, type CatalogFormat, type Row } from './catalog-file.ts';
export { crcBytes, crcPolynomials, createCrc, type Crc, type CrcName } from './crc.ts';
export { flush } from './files.ts';
export { Intake } from './intake/intake.ts';
export { GrowingFile } from './intake/growing-file.ts';
export { readRange, type ByteRange } from './byte-range.ts';
export { Heap } from './heap.ts';
export { createLogger, silentLogger, type Logger, type LogLevel, type LoggerOptions } from './log.ts';
export { randomSuffix, seededRandom, systemRandom, type Random } from './random.ts';
export { http } from './http.ts';
export { WorkQueue, type QueueObserver, type WorkQueueOptions } from './queue.ts';
export { Backoff } from './backoff.ts';
export { addAmounts, formatAmount, maxAmount, parseAmount, wholeAmount, zeroAmount, type Amount } from './amount.ts';
export { compareQuantity, formatBytes, parseQuantity, quantityToMilli, quantityToNumber } from './quantity.ts';
export { findDirectory, findProgram, systemPath } from './programs.ts';
export {
  exponentialBuckets,
  Histogram,
  Metric,
  Metrics,
  Value,
  type Family,
  type HistogramOptions,
  type MetricOptions,
  type MetricType,
  type Stability,
} from './metrics/metrics.ts';
export { renderMetrics } from './metrics/text.ts';
export { workQueueMetrics } from './metrics/work-queue.ts';
export { processMetrics } from './metrics/process.ts';
