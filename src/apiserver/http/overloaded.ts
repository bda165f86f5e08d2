import { ApiError } from '#machinery';

/** 429: refused so that the server and its other clients do not suffer. */
export class Overloaded extends ApiError {
  constructor() {
    super('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
  }
}
