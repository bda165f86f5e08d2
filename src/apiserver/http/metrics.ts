import { renderMetrics, type Metrics } from '#base';
import type { Health } from './health.ts';
import { sendText } from './respond.ts';
import type { Exchange } from './types.ts';

const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const textType = 'text/plain; version=0.0.4; charset=utf-8';

/** /metrics, and /metrics/slis with the state of the health checks, in the format that the client prefers. */
export class MetricsPage {
  readonly #metrics: Metrics;
  readonly #health: Health;
  constructor(metrics: Metrics, health: Health) {
    this.#metrics = metrics;
    this.#health = health;
  }
  /** Gives the code, or undefined when the path is not about metrics. */
  handle({ info, request, response }: Exchange): number | undefined {
    const { path } = info;
    if (path !== '/metrics' && path !== '/metrics/' && path !== '/metrics/slis') return undefined;
    const format = prefersOpenMetrics(request.headers.accept) ? 'openmetrics' : 'prometheus';
    const text = renderMetrics(path === '/metrics/slis' ? this.#health.slis() : this.#metrics, format);
    sendText(response, 200, text, format === 'openmetrics' ? openMetricsType : textType);
    return 200;
  }
}

/** Whether OpenMetrics 1.0.0 is wanted more than the text format. */
function prefersOpenMetrics(accept: string | undefined): boolean {
  let open = 0;
  let plain = 0;
  for (const part of accept?.split(',') ?? []) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const quality = Number(parameters.find((p) => p.startsWith('q='))?.slice(2) ?? 1);
    const version = parameters.find((p) => p.startsWith('version='))?.slice(8);
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0')) open = Math.max(open, quality);
    else if (type === 'text/plain' || type === 'text/*') plain = Math.max(plain, quality);
  }
  return open > 0 && open >= plain;
}
