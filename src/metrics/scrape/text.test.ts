import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricNames } from './names.ts';
import { parseMetrics } from './text.ts';

test('pages of Prometheus and OpenMetrics', () => {
  const page = `# HELP http_requests_total Requests. {not a line}
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total { method = "get" , } 3
# TYPE temperature gauge
temperature -3.5
msdos{path="C:\\\\DIR\\n\\"x\\"",} 1.7e+3
# TYPE seconds histogram
seconds_bucket{le="1"} 5
seconds_bucket{le="+Inf"} 6
seconds_sum 2
seconds_count 6
# TYPE foo counter
foo_total 17.0 1520879607.789 # {id="x"} 1
bare_total 4
nothing NaN
broken{a="b 1
broken{a=b} 1
noValue

{x="y"} 1
# EOF`;
  assert.deepEqual(
    parseMetrics(page).map(({ name, labels, value, counter }) => [name, labels, value, counter]),
    [
      ['http_requests_total', { method: 'post', code: '200' }, 1027, true],
      ['http_requests_total', { method: 'get' }, 3, true],
      ['temperature', {}, -3.5, false],
      ['msdos', { path: 'C:\\DIR\n"x"' }, 1700, false],
      ['seconds_sum', {}, 2, true],
      ['seconds_count', {}, 6, true],
      ['foo_total', {}, 17, true],
      ['bare_total', {}, 4, true],
    ],
  );
  assert.equal(parseMetrics('a 1\nb 2\nc 3\n', 2).length, 2);
});

test('names of metrics', () => {
  assert.deepEqual(metricNames('http_requests_total', true), ['http_requests_per_second', 'http_requests']);
  assert.deepEqual(metricNames('process_cpu_seconds_total', true), ['process_cpu_seconds_per_second', 'process_cpu']);
  assert.deepEqual(metricNames('latency_count', true), ['latency_count_per_second']);
  assert.deepEqual(metricNames('queue_length', false), ['queue_length']);
});
