import type { ServiceRoute } from '../gateway/service.ts';

/** Every service, and how requests are recognized as its own before anything of it is loaded. */
export const services: readonly ServiceRoute[] = [
  {
    name: 'sts',
    targets: ['AWSSecurityTokenServiceV20110615'],
    versions: ['2011-06-15'],
    load: async () => (await import('./sts/index.ts')).service,
  },
  {
    name: 'iam',
    targets: ['AWSIdentityManagementV20100508'],
    versions: ['2010-05-08'],
    load: async () => (await import('./iam/index.ts')).service,
  },
];
