import { Zone } from './zone.ts';

/** A zone for tests: a service, a headless StatefulSet, an ExternalName. */
export function sampleZone(): Zone {
  const zone = new Zone('cluster.local');
  zone.setNamespace('default', true);
  zone.setNamespace('empty', true);
  zone.setService('default/web', {
    namespace: 'default',
    name: 'web',
    clusterIPs: ['10.96.0.5', 'fd00::5'],
    externalName: undefined,
    ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
  });
  zone.setEndpoints('default/web', [{ ip: '10.64.0.9', hostname: undefined, ports: [{ name: 'http', protocol: 'tcp', port: 8080 }] }]);
  zone.setService('default/db', {
    namespace: 'default',
    name: 'db',
    clusterIPs: [],
    externalName: undefined,
    ports: [{ name: 'pg', protocol: 'tcp', port: 5432 }],
  });
  const ports = [{ name: 'pg', protocol: 'tcp', port: 5432 }];
  zone.setEndpoints('default/db', [
    { ip: '10.64.0.5', hostname: 'db-0', ports },
    { ip: '10.64.0.6', hostname: 'db-1', ports },
    { ip: 'fd00::6', hostname: undefined, ports },
  ]);
  zone.setService('default/none', { namespace: 'default', name: 'none', clusterIPs: [], externalName: undefined, ports: [] });
  zone.setService('default/out', { namespace: 'default', name: 'out', clusterIPs: [], externalName: 'example.org.', ports: [] });
  zone.setService('default/alias', { namespace: 'default', name: 'alias', clusterIPs: [], externalName: 'web.default.svc.cluster.local', ports: [] });
  return zone;
}
