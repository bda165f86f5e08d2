/**
 * The names under which a series is a metric: gauges as they are; counters as rates, `X_total` as `X_per_second` and, as the
 * default rules of prometheus-adapter have it, as `X` (`X_seconds_total` as `X`).
 */
export function metricNames(series: string, counter: boolean): readonly string[] {
  if (!counter) return [series];
  const bare = series.replace(/_total$/, '');
  const short = series.endsWith('_seconds_total') ? series.replace(/_seconds_total$/, '') : bare;
  return series.endsWith('_total') ? [`${bare}_per_second`, short] : [`${series}_per_second`];
}
