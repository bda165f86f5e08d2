import { systemClock, type Clock } from './clock.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Structured log: a short message and fields. Never pass a secret, a token or a whole object. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds `component` to each line. */
  named(component: string): Logger;
}

export interface LoggerOptions {
  level: LogLevel;
  json: boolean;
  write(line: string): void;
  clock?: Clock;
}

export function createLogger(options: LoggerOptions, component = ''): Logger {
  const clock = options.clock ?? systemClock;
  const emit =
    (level: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (order.indexOf(level) < order.indexOf(options.level)) return;
      const time = new Date(clock.now()).toISOString();
      options.write(options.json ? jsonLine(time, level, component, message, fields) : textLine(time, level, component, message, fields));
    };
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    named: (name) => createLogger(options, component ? `${component}.${name}` : name),
  };
}

function jsonLine(time: string, level: LogLevel, component: string, message: string, fields: Record<string, unknown>): string {
  return JSON.stringify({ time, level, component, message, ...mapValues(fields) }) + '\n';
}
function textLine(time: string, level: LogLevel, component: string, message: string, fields: Record<string, unknown>): string {
  const rest = Object.entries(mapValues(fields)).map(([k, v]) => ` ${k}=${typeof v === 'string' && !/[\s"=]/.test(v) ? v : JSON.stringify(v)}`);
  return `${time} ${level.toUpperCase().padEnd(5)} ${component}: ${message}${rest.join('')}\n`;
}
function mapValues(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v instanceof Error ? v.message : v]));
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, named: () => silentLogger };
