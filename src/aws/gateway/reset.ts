import type { CallResponse } from '../protocol/types.ts';
import { jsonPage, type Page } from './pages.ts';

const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.');

/**
 * Deletes all state, as the scripts of other emulators do between tests: without a signature, so only on loopback, where
 * everybody has the root user's key, and only when `up` was told to allow it. A page of the web that a browser on this
 * machine shows must not get through: browsers say where a request comes from.
 */
export function resetPages({ allowed, reset }: { allowed: boolean; reset(): Promise<void> }): Page[] {
  const answer: Page['answer'] = async (request, source): Promise<CallResponse> => {
    if (!allowed) return jsonPage(403, { message: 'reset is not allowed: start the instance with --allow-reset' });
    if (!isLoopback(source.ip) || request.header('origin') !== undefined || request.header('sec-fetch-site') !== undefined) {
      return jsonPage(403, { message: 'reset is for programs on this machine only' });
    }
    await reset();
    return jsonPage(200, { status: 'ok' });
  };
  return [
    { path: '/moto-api/reset', method: 'POST', answer },
    { path: '/_localstack/state/reset', method: 'POST', answer },
    { path: '/_batuta/reset', method: 'POST', answer },
  ];
}
