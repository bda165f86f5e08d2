import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exponentialBuckets, Metrics } from './metrics.ts';
import { FakeClock, settle } from '../clock.ts';
import { WorkQueue } from '../queue.ts';
import { processMetrics } from './process.ts';
import { workQueueMetrics } from './work-queue.ts';
import { renderMetrics } from './text.ts';

function page(): Metrics {
  const metrics = new Metrics();
  metrics.gauge({ name: 'zz_never_used', help: 'never', labels: ['a'] });
  const total = metrics.counter({ name: 'b_total', help: 'Counts\nb with a \\ in it.', labels: ['code', 'path'], stability: 'STABLE' });
  total.with('200', '/"quoted"\\\n').inc();
  total.with('200', '/"quoted"\\\n').inc(2);
  metrics.gauge({ name: 'c', help: 'A gauge.' }).with().set(Infinity);
  const histogram = metrics.histogram({ name: 'a_seconds', help: 'Says "how long".', labels: ['x'], buckets: [0.5, 1, 10] });
  for (const value of [0.5, 0.7, 3, 99]) histogram.with('y').observe(value);
  return metrics;
}

describe('metrics', () => {
  it('renders the text format of Prometheus', () => {
    assert.equal(
      renderMetrics(page()),
      [
        '# HELP a_seconds Says "how long".',
        '# TYPE a_seconds histogram',
        'a_seconds_bucket{x="y",le="0.5"} 1',
        'a_seconds_bucket{x="y",le="1"} 2',
        'a_seconds_bucket{x="y",le="10"} 3',
        'a_seconds_bucket{x="y",le="+Inf"} 4',
        'a_seconds_sum{x="y"} 103.2',
        'a_seconds_count{x="y"} 4',
        '# HELP b_total [STABLE] Counts\\nb with a \\\\ in it.',
        '# TYPE b_total counter',
        'b_total{code="200",path="/\\"quoted\\"\\\\\\n"} 3',
        '# HELP c A gauge.',
        '# TYPE c gauge',
        'c +Inf',
        '',
      ].join('\n'),
    );
  });

  it('renders OpenMetrics', () => {
    const lines = renderMetrics(page(), 'openmetrics').split('\n');
    assert.ok(lines.includes('# TYPE b counter'));
    assert.ok(lines.includes('# HELP a_seconds Says \\"how long\\".'));
    assert.ok(lines.includes('a_seconds_bucket{x="y",le="1.0"} 2'));
    assert.deepEqual(lines.slice(-2), ['# EOF', '']);
  });

  it('gives the same metric for the same name, and refuses the wrong number of labels', () => {
    const metrics = new Metrics();
    const one = metrics.counter({ name: 'a_total', help: '', labels: ['x'] });
    assert.equal(metrics.counter({ name: 'a_total', help: '', labels: ['x'] }), one);
    assert.equal(one.with('1'), one.with('1'));
    assert.throws(() => one.with('1', '2'), TypeError);
    one.with('1').inc();
    one.clear();
    assert.equal(renderMetrics(metrics), '\n');
  });

  it('asks collectors at each scrape', () => {
    const metrics = new Metrics();
    const gauge = metrics.gauge({ name: 'a', help: 'a' });
    let scrapes = 0;
    metrics.collect(() => gauge.with().set(++scrapes));
    renderMetrics(metrics);
    assert.match(renderMetrics(metrics), /^a 2$/m);
  });

  it('makes exponential buckets without noise', () => {
    assert.deepEqual(exponentialBuckets(1e-8, 10, 4), [1e-8, 1e-7, 1e-6, 1e-5]);
    assert.deepEqual(exponentialBuckets(1024, 2, 3), [1024, 2048, 4096]);
  });

  it('tells of the process', () => {
    const metrics = new Metrics();
    processMetrics(metrics);
    const text = renderMetrics(metrics);
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds', 'nodejs_heap_size_used_bytes'])
      assert.match(text, new RegExp(`^${name} [\\d.]*[1-9]`, 'm'));
    assert.match(text, /^nodejs_version_info\{version="v24/m);
  });

  it('tells of a work queue', async () => {
    const metrics = new Metrics();
    const clock = new FakeClock();
    let finish: () => void = () => {};
    const queue = new WorkQueue<string>({
      clock,
      observer: workQueueMetrics(metrics, 'q'),
      handle: (key) => (key === 'bad' ? Promise.reject(new Error('no')) : new Promise((resolve) => (finish = resolve))),
    });
    queue.add('a');
    queue.add('a');
    await settle();
    queue.add('b');
    queue.add('a');
    let text = renderMetrics(metrics);
    const says = (line: string): void => assert.ok(text.includes(`\n${line}\n`), `${line} is not in\n${text}`);
    says('workqueue_adds_total{name="q"} 2');
    says('workqueue_depth{name="q"} 1');
    assert.match(text, /^workqueue_longest_running_processor_seconds\{name="q"\} 0\.\d+$/m);
    finish();
    await settle();
    finish();
    await settle();
    finish();
    await settle();
    queue.add('bad');
    await settle();
    text = renderMetrics(metrics);
    says('workqueue_adds_total{name="q"} 4');
    says('workqueue_retries_total{name="q"} 1');
    says('workqueue_work_duration_seconds_count{name="q"} 4');
    says('workqueue_queue_duration_seconds_count{name="q"} 4');
    says('workqueue_depth{name="q"} 0');
    says('workqueue_unfinished_work_seconds{name="q"} 0');
    queue.add('dropped');
    await queue.close();
    text = renderMetrics(metrics);
    says('workqueue_depth{name="q"} 0');
  });
});
