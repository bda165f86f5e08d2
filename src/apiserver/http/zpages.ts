import type { Clock } from '#base';
import { ApiError } from '#machinery';
import { sendObject, sendText } from './respond.ts';
import type { Exchange } from './types.ts';

export interface ZPagesOptions {
  readonly clock: Clock;
  /** ms since the epoch */
  readonly startedAt: number;
  /** Of the process that serves: name and value of each flag, in their order. Nothing secret may be among them. */
  readonly flags: () => { readonly [name: string]: string };
  /** Of /version. */
  readonly version: () => { readonly gitVersion: string; readonly goVersion: string; readonly major: string; readonly minor: string };
  readonly paths: () => readonly string[];
}

const component = 'kube-apiserver';
const warning = 'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** /statusz and /flagz (KEP-4827, KEP-4828): text for people, or an object of config.k8s.io for those who name it. */
export class ZPages {
  readonly #options: ZPagesOptions;
  constructor(options: ZPagesOptions) {
    this.#options = options;
  }
  /** Gives the code, or undefined when the path is neither. Throws NotAcceptable. */
  handle(exchange: Exchange): number | undefined {
    const { path } = exchange.info;
    if (path === '/statusz') return answer(exchange, 'Statusz', this.#statusText(), this.#status());
    if (path === '/flagz') return answer(exchange, 'Flagz', this.#flagText(), { flags: this.#options.flags() });
    return undefined;
  }
  #status(): object {
    const { startedAt, paths } = this.#options;
    const { gitVersion, goVersion, major, minor } = this.#options.version();
    return {
      startTime: new Date(startedAt).toISOString().replace(/\.\d+Z$/, 'Z'),
      uptimeSeconds: this.#uptime(),
      goVersion,
      binaryVersion: gitVersion.replace(/^v/, ''),
      emulationVersion: `${major}.${minor}`,
      paths: paths(),
    };
  }
  #statusText(): string {
    const { startedAt, paths } = this.#options;
    const { gitVersion, goVersion, major, minor } = this.#options.version();
    const up = this.#uptime();
    const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0');
    return [
      `Started: ${unixDate(new Date(startedAt))}`,
      `Up: ${Math.trunc(up / 3600)} hr ${two((up / 60) % 60)} min ${two(up % 60)} sec`,
      `Go version: ${goVersion}`,
      `Binary version: ${gitVersion.replace(/^v/, '')}`,
      `Emulation version: ${major}.${minor}`,
      `Paths: ${[...new Set(paths().map((path) => `/${path.split('/')[1] ?? ''}`))].join(' ')}`,
      '',
    ].join('\n');
  }
  #flagText(): string {
    return Object.entries(this.#options.flags())
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  }
  #uptime(): number {
    return Math.max(0, Math.floor((this.#options.clock.now() - this.#options.startedAt) / 1000));
  }
}

function answer({ request, response }: Exchange, kind: 'Statusz' | 'Flagz', text: string, body: object): number {
  const wanted = acceptable(request.headers.accept ?? '', kind);
  if (wanted === 'text') {
    sendText(response, 200, `\n${component} ${kind.toLowerCase()}\n${warning}\n\n${text}`);
    return 200;
  }
  const apiVersion = `config.k8s.io/${wanted}`;
  const warnings = wanted === 'v1alpha1' ? [`${apiVersion} ${kind} is deprecated; use config.k8s.io/v1beta1 ${kind}`] : [];
  sendObject(response, 200, { kind, apiVersion, metadata: { name: component }, ...body }, { request, warnings });
  return 200;
}

/** The first form that the client names and that there is; text where it does not care. */
function acceptable(accept: string, kind: string): 'text' | 'v1beta1' | 'v1alpha1' {
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (type === '' || type === '*/*' || type === 'text/*' || type === 'text/plain') return 'text';
    if (type !== 'application/json' && type !== 'application/yaml') continue;
    const version = parameters.find((parameter) => parameter.startsWith('v='))?.slice(2);
    const named = parameters.includes('g=config.k8s.io') && parameters.includes(`as=${kind}`);
    if (named && (version === 'v1beta1' || version === 'v1alpha1')) return version;
  }
  const forms = ['application/json', 'application/yaml'].map((type) => `${type};v=v1beta1;g=config.k8s.io;as=${kind}`);
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${[...forms, 'text/plain'].join(', ')}`);
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Go's time.UnixDate: `Wed Oct 16 21:03:43 UTC 2024`, the day of the month in two places. */
function unixDate(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)} UTC ${date.getUTCFullYear()}`;
}
