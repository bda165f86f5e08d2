/** Paths beside resources that answer with a document. Each has a series of its own in the metrics. */
export const documentPaths: readonly string[] = [
  '/api',
  '/apis',
  '/flagz',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/statusz',
  '/version',
];
