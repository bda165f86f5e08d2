import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** What every process tells: process_* as Prometheus's clients do, nodejs_* as its client for Node does. Linux only where /proc is needed. */
export function processMetrics(metrics: Metrics): void {
  const gauge = (name: string, help: string): ((value: number | undefined) => void) => {
    const metric = metrics.gauge({ name, help });
    return (value) => value !== undefined && metric.with().set(value);
  };
  const cpu = metrics.counter({ name: 'process_cpu_seconds_total', help: 'Total user and system CPU time spent in seconds.' });
  const resident = gauge('process_resident_memory_bytes', 'Resident memory size in bytes.');
  const virtual = gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.');
  const openFiles = gauge('process_open_fds', 'Number of open file descriptors.');
  const maxFiles = gauge('process_max_fds', 'Maximum number of open file descriptors.');
  const started = gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.');
  const startedAt = (performance.timeOrigin / 1000) | 0;
  metrics.collect(() => {
    const { user, system } = process.cpuUsage();
    cpu.with().set((user + system) / 1e6);
    resident(process.memoryUsage.rss());
    virtual(virtualBytes());
    openFiles(openDescriptors());
    maxFiles(descriptorLimit());
    started(startedAt);
  });
  nodeMetrics(metrics, gauge);
}

function nodeMetrics(metrics: Metrics, gauge: (name: string, help: string) => (value: number | undefined) => void): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
  const mean = gauge('nodejs_eventloop_lag_mean_seconds', 'The mean of the recorded event loop delays.');
  const p99 = gauge('nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of the recorded event loop delays.');
  const max = gauge('nodejs_eventloop_lag_max_seconds', 'The maximum recorded event loop delay.');
  const total = gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.');
  const used = gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.');
  const external = gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.');
  const version = metrics.gauge({ name: 'nodejs_version_info', help: 'Node.js version info.', labels: ['version', 'major', 'minor', 'patch'] });
  let watching = false;
  metrics.collect(() => {
    // Measured from one scrape to the next; a process that nobody scrapes pays nothing.
    if (!watching) watching = delay.enable();
    mean(seconds(delay.mean));
    p99(seconds(delay.percentile(99)));
    max(seconds(delay.max));
    delay.reset();
    const memory = process.memoryUsage();
    total(memory.heapTotal);
    used(memory.heapUsed);
    external(memory.external);
    const [major = '', minor = '', patch = ''] = process.version.slice(1).split('.');
    version.with(process.version, major, minor, patch).set(1);
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
function virtualBytes(): number | undefined {
  const found = /VmSize:\s+(\d+)/.exec(read('/proc/self/status') ?? '');
  return found ? Number(found[1]) * 1024 : undefined;
}
function descriptorLimit(): number | undefined {
  const found = /Max open files\s+(\d+)/.exec(read('/proc/self/limits') ?? '');
  return found ? Number(found[1]) : undefined;
}
function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
