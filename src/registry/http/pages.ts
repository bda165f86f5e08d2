import { RegistryError } from '../errors.ts';
import { answerJson, type Exchange } from './exchange.ts';

/** Names given at once when the caller does not say. */
const USUAL = 1000;
const MOST = 10_000;

/** A list in pages: `n` names after `last`, with a Link to the next page when there are more. */
export function answerPage(exchange: Exchange, path: string, list: (last: string, limit: number) => string[], body: (names: string[]) => object): void {
  const n = exchange.query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) throw new RegistryError('PAGINATION_NUMBER_INVALID', 'n must be a whole number', { n });
  const limit = Math.min(n === null ? USUAL : Number(n), MOST);
  const names = list(exchange.query.get('last') ?? '', limit + 1);
  const page = names.slice(0, limit);
  const last = page.at(-1);
  const link = names.length > limit && last !== undefined ? { link: `<${path}?n=${limit}&last=${encodeURIComponent(last)}>; rel="next"` } : {};
  answerJson(exchange, body(page), link);
}
