/** Specs of sig-network that connections prove: from pods, from the host's network, and through the API server's proxy. */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { before, describe } from 'node:test';
import { issueCa, issueServer } from '../src/apiserver/pki/x509.ts';
import { cannotRunContainers, eventually, root, useCluster } from './harness.ts';
import { idle, isReady, type PodObject } from './pod-kit.ts';
import { wireKit, type Fields, type Thing } from './wire-kit.ts';

/** What the pods run, plain Node: each port says who answers, and what it was asked. */
const program = `
const { hostname } = require('node:os');
const { readFileSync } = require('node:fs');
const answer = (request, response) => request.resume().on('end', () =>
  response.end(request.url.startsWith('/hostname') ? hostname() : JSON.stringify({ foo: 'bar', method: request.method, path: request.url })));
const tls = { cert: readFileSync('/tls/tls.crt'), key: readFileSync('/tls/tls.key') };
for (const port of (process.env.HTTP ?? '').split(',').filter(Boolean)) require('node:http').createServer(answer).listen(Number(port));
for (const port of (process.env.HTTPS ?? '').split(',').filter(Boolean)) require('node:https').createServer(tls, answer).listen(Number(port));
for (const port of (process.env.UDP ?? '').split(',').filter(Boolean)) {
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (_, from) => socket.send(hostname(), from.port, from.address)).bind(Number(port));
}
setInterval(() => {}, 60_000);
process.on('SIGTERM', () => process.exit(0));
`;
const askByUdp = (host: string, port: number): string =>
  `const s=require('node:dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));process.exit()});` +
  `s.send('hostname',${port},'${host}');setTimeout(()=>process.exit(1),2000)`;
const skip = cannotRunContainers() ?? (process.arch === 'x64' ? false : 'mounts the libraries of x86-64');

interface ServiceSpec {
  type: string;
  clusterIP?: string;
  externalName?: string;
  sessionAffinity?: string;
  ports: { name?: string; port: number; nodePort?: number }[];
}
type Service = Thing<ServiceSpec>;
interface Endpoints {
  subsets?: { addresses?: { ip: string }[]; ports?: { name?: string; port: number; protocol: string }[] }[];
}

describe('sig-network', { skip, concurrency: 3 }, () => {
  const my = useCluster('--preload', join(root, 'dist/images'));
  const { call, ok, get, create, patch, update, items } = wireKit(my);
  const core = (plural: string, name = ''): string => `/api/v1/namespaces/default/${plural}${name && `/${name}`}`;
  const slices = (name = ''): string => `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices${name && `/${name}`}`;
  const libraries = ['/lib64', '/lib/x86_64-linux-gnu'];
  const mounts = [['node', '/node', dirname(realpathSync(process.execPath))], ...libraries.map((path, i) => [`lib${i}`, path, realpathSync(path)])];

  /** A pod with such servers. */
  const start = async (
    name: string,
    servers: { HTTP?: string; HTTPS?: string; UDP?: string },
    ports: Fields[] = [],
    more: Fields = {},
    labels: Fields = {},
  ): Promise<PodObject> => {
    const first = Number(servers.HTTP?.split(',')[0]);
    const container = {
      name: 'main',
      image: 'hello:1',
      command: ['/node/node', '/program/server.cjs'],
      env: Object.entries(servers).map(([key, value]) => ({ name: key, value })),
      ports,
      ...(first ? { readinessProbe: { tcpSocket: { port: first }, periodSeconds: 1 } } : {}),
      volumeMounts: [
        ...mounts.map(([mount, mountPath]) => ({ name: mount, mountPath, readOnly: true })),
        { name: 'program', mountPath: '/program' },
        { name: 'serving', mountPath: '/tls' },
      ],
    };
    const volumes = [
      ...mounts.map(([mount, , path]) => ({ name: mount, hostPath: { path, type: 'Directory' } })),
      { name: 'program', configMap: { name: 'program' } },
      { name: 'serving', secret: { secretName: 'serving' } },
    ];
    return submit({ metadata: { name, labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes, ...more } });
  };
  const submit = async (pod: { metadata: { name: string; labels?: Fields }; spec: Fields }): Promise<PodObject> => {
    await create(core('pods'), pod);
    return eventually(`${pod.metadata.name} is ready`, async () => {
      const found = await get<PodObject>(core('pods', pod.metadata.name));
      return isReady(found) ? found : undefined;
    });
  };
  /** A pod of busybox alone, to ask from. */
  const client = (name: string, spec: Fields = {}): Promise<PodObject> =>
    submit({
      metadata: { name },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'hello:1', command: ['sh', '-c', idle] }], ...spec },
    });
  const ip: Record<string, string> = {};
  before(async () => {
    await eventually('the ServiceAccount', async () => (await items(core('serviceaccounts'))).length > 0);
    const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2120, 0, 1) };
    const { cert, key } = issueServer(issueCa('any', validity), { ...validity, commonName: 'any', names: ['any.default.svc'] });
    await create(core('configmaps'), { metadata: { name: 'program' }, data: { 'server.cjs': program } });
    await create(core('secrets'), { metadata: { name: 'serving' }, type: 'kubernetes.io/tls', stringData: { 'tls.crt': cert, 'tls.key': key } });
    const ports = [
      { name: 'web', containerPort: 8080 },
      { name: 'web2', containerPort: 8081 },
    ];
    const servers = { HTTP: '8080,8081', HTTPS: '8443', UDP: '8081' };
    const [one, two, host] = await Promise.all([
      start('one', servers, ports, {}, { app: 'net' }),
      start('two', servers, ports, {}, { app: 'net' }),
      start('host-udp', { HTTP: '' }, [], { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
      client('client'),
      client('host-client', { hostNetwork: true }),
    ]);
    Object.assign(ip, { one: one.status.podIP, two: two.status.podIP, node: host.status.hostIP });
  });
  const run = (pod: string, ...command: string[]): Promise<string> => my.cluster.kubectl('exec', pod, '--', ...command);
  const sh = (pod: string, script: string): Promise<string> => run(pod, 'sh', '-c', script);
  const web = (pod: string, url: string): Promise<string> => run(pod, 'timeout', '5', 'wget', '-qO-', url);
  const udp = (pod: string, host: string, port: number): Promise<string> => run(pod, '/node/node', '-e', askByUdp(host, port)).then((text) => text.trim());
  const answers = (what: string, ask: () => Promise<string>, of: readonly string[] = ['one', 'two']): Promise<string> =>
    eventually(`${what} answers`, async () => {
      const said = (await ask()).trim();
      return of.includes(said) ? said : undefined;
    });
  /** Who answers ten requests, one after the other. */
  const ten = async (url: string): Promise<Set<string>> =>
    new Set((await sh('client', `for i in $(seq 10); do timeout 5 wget -qO- ${url}/hostname; echo; done`)).split('\n').filter(Boolean));
  const service = async (name: string, spec: Fields = {}): Promise<Service> =>
    create<Service>(core('services'), { metadata: { name }, spec: { selector: { app: 'net' }, ports: [{ port: 80, targetPort: 8080 }], ...spec } });
  const endpoints = async (name: string): Promise<string[]> =>
    ((await get<Endpoints>(core('endpoints', name))).subsets ?? [])
      .flatMap(({ addresses, ports }) => (addresses ?? []).flatMap((a) => (ports ?? []).map((p) => `${a.ip}:${p.port}/${p.protocol}`)))
      .sort();

  test('Services should be able to change the type from ExternalName to ClusterIP and NodePort, and back', async () => {
    await service('externalsvc');
    const target = 'externalsvc.default.svc.cluster.local';
    for (const type of ['ClusterIP', 'NodePort']) {
      const name = `from-external-to-${type.toLowerCase()}`;
      await create(core('services'), { metadata: { name }, spec: { type: 'ExternalName', externalName: 'foo.example.com' } });
      const changed = await update<Service>(core('services', name), (object) => {
        delete object.spec.externalName;
        Object.assign(object.spec, { type, selector: { app: 'net' }, ports: [{ port: 80, targetPort: 8080 }] });
      });
      await answers(name, () => web('client', `http://${name}/hostname`));
      const nodePort = changed.spec.ports[0]?.nodePort;
      if (type === 'NodePort') await answers('its node port', () => web('host-client', `http://${ip['node']}:${nodePort}/hostname`));

      const back = `from-${type.toLowerCase()}-to-external`;
      await service(back, { type });
      const external = await update<Service>(core('services', back), (object) => Object.assign(object.spec, { type: 'ExternalName', externalName: target }));
      assert.deepEqual([external.spec.type, external.spec.clusterIP, external.spec.ports?.[0]?.nodePort], ['ExternalName', undefined, undefined]);
      await eventually('it is an alias', async () => (await run('client', 'nslookup', '-type=cname', `${back}.default.svc.cluster.local`)).includes(target));
      await answers(back, () => web('client', `http://${back}/hostname`));
    }
  });

  test('Services: session affinity of ClusterIP and NodePort services works, and can be switched', async () => {
    for (const type of ['ClusterIP', 'NodePort']) {
      const name = `affinity-${type.toLowerCase()}`;
      const { spec } = await service(name, { type, sessionAffinity: 'ClientIP' });
      const url = type === 'ClusterIP' ? `http://${spec.clusterIP}` : `http://${ip['node']}:${spec.ports[0]?.nodePort}`;
      await eventually('both are behind it', async () => (await endpoints(name)).length === 2);
      await eventually('one answers', async () => (await ten(url)).size === 1);
      await update<Service>(core('services', name), (object) => (object.spec.sessionAffinity = 'None'));
      await eventually('both answer', async () => (await ten(url)).size === 2);
      await update<Service>(core('services', name), (object) => (object.spec.sessionAffinity = 'ClientIP'));
      await eventually('one answers again', async () => (await ten(url)).size === 1 && (await ten(url)).size === 1);
    }
  });

  test('Services should serve endpoints on same port and different protocols, and multiport endpoints from pods', async () => {
    const both = await service('both', {
      ports: [
        { name: 'tcp', port: 80, protocol: 'TCP', targetPort: 8081 },
        { name: 'udp', port: 80, protocol: 'UDP', targetPort: 8081 },
      ],
    });
    const wanted = ['one', 'two'].flatMap((pod) => ['TCP', 'UDP'].map((protocol) => `${ip[pod]}:8081/${protocol}`));
    await eventually('its endpoints', async () => (await endpoints('both')).join() === wanted.sort().join());
    const { clusterIP = '' } = both.spec;
    await answers('TCP', () => web('client', `http://${clusterIP}/hostname`));
    await answers('UDP', () => udp('one', clusterIP, 80));

    const named = (name: string, port: number): Fields => ({ name, port, targetPort: name });
    const multi = await create<Service>(core('services'), {
      metadata: { name: 'multi' },
      spec: { selector: { app: 'multi' }, ports: [named('portname1', 81), named('portname2', 82)] },
    });
    await eventually('no endpoints', async () => (await endpoints('multi')).length === 0);
    const first = await start('multi-1', { HTTP: '100' }, [{ name: 'portname1', containerPort: 100 }], {}, { app: 'multi' });
    await eventually('one', async () => (await endpoints('multi')).join() === `${first.status.podIP}:100/TCP`);
    const second = await start('multi-2', { HTTP: '101' }, [{ name: 'portname2', containerPort: 101 }], {}, { app: 'multi' });
    await eventually('two', async () => (await endpoints('multi')).length === 2);
    await answers('port 81', () => web('client', `http://${multi.spec.clusterIP}:81/hostname`), ['multi-1']);
    await answers('port 82', () => web('client', `http://${multi.spec.clusterIP}:82/hostname`), ['multi-2']);
    await ok('DELETE', core('pods', 'multi-1'));
    await eventually('the second', async () => (await endpoints('multi')).join() === `${second.status.podIP}:101/TCP`);
    await ok('DELETE', core('pods', 'multi-2'));
    await eventually('none', async () => (await endpoints('multi')).length === 0);
  });

  test('EndpointSlice should support a Service with multiple endpoint IPs, and with multiple ports, specified in multiple EndpointSlices', async () => {
    const slice = (of: string, name: string, ips: (string | undefined)[], ports: Fields[]): Promise<unknown> =>
      create(slices(), {
        metadata: { name, labels: { 'kubernetes.io/service-name': of } },
        addressType: 'IPv4',
        endpoints: ips.map((one) => ({ addresses: [one] })),
        ports,
      });
    const port = (name: string, number: number): Fields => ({ name, port: number, protocol: 'TCP' });
    const ports = [
      { name: 'http', port: 80 },
      { name: 'udp', port: 8081 },
    ];
    const byIp = await service('by-ip', { selector: undefined, ports: ports.slice(0, 1) });
    await slice('by-ip', 'by-ip-1', [ip['one']], [port('http', 8080)]);
    await slice('by-ip', 'by-ip-2', [ip['two']], [port('http', 8080)]);
    await eventually('both answer', async () => (await ten(`http://${byIp.spec.clusterIP}`)).size === 2);
    const byPort = await service('by-port', { selector: undefined, ports });
    const all = [ip['one'], ip['two']];
    await slice('by-port', 'by-port-1', all, [port('http', 8080)]);
    await slice('by-port', 'by-port-2', all, [port('udp', 8081)]);
    for (const { port: number } of ports) await eventually('both answer', async () => (await ten(`http://${byPort.spec.clusterIP}:${number}`)).size === 2);
  });

  test('EndpointSlice and Endpoints of a Service with a selector that matches no pods; latency of the endpoints of 200 Services', async () => {
    await service('nobody', { selector: { app: 'nobody' } });
    const of = `${slices()}?labelSelector=kubernetes.io%2Fservice-name%3Dnobody`;
    await eventually('Endpoints', async () => (await call('GET', core('endpoints', 'nobody'))).code === 200);
    await eventually('one slice', async () => (await items(of)).length === 1);
    await ok('DELETE', core('services', 'nobody'));
    await eventually('no Endpoints', async () => (await call('GET', core('endpoints', 'nobody'))).code === 404);
    await eventually('no slice', async () => (await items(of)).length === 0);

    const names = Array.from({ length: 200 }, (_, i) => `latency-${i}`);
    const made = names.map((name) => ({
      metadata: { name, labels: { latency: 'yes' } },
      spec: { selector: { app: 'net' }, ports: [{ port: 80, targetPort: 8080 }] },
    }));
    while (made.length) await Promise.all(made.splice(0, 15).map((one) => create(core('services'), one)));
    await eventually('all have endpoints', async () => {
      const found = await items<Thing & Endpoints>(core('endpoints'));
      return found.filter(({ metadata, subsets }) => metadata.name.startsWith('latency-') && subsets?.[0]?.addresses?.length === 2).length === 200;
    });
    await ok('DELETE', `${core('services')}?labelSelector=latency%3Dyes`);
  });

  test('Networking: intra-pod udp; node-pod http and udp; HostPort: no conflict between pods with same hostPort but different hostIP and protocol', async () => {
    assert.equal(await udp('one', ip['two'] ?? '', 8081), 'two');
    assert.equal(await web('host-client', `http://${ip['one']}:8080/hostname`), 'one');
    assert.equal(await udp('host-udp', ip['one'] ?? '', 8081), 'one');
    const port = (hostIP: string | undefined, protocol = 'TCP'): Fields => ({ containerPort: 8080, hostPort: 54323, hostIP, protocol });
    await start('port-1', { HTTP: '8080' }, [port('127.0.0.1')]);
    await start('port-2', { HTTP: '8080' }, [port(ip['node'])]);
    await start('port-3', { HTTP: '9090', UDP: '8080' }, [port(ip['node'], 'UDP')]);
    await answers('127.0.0.1', () => web('host-client', 'http://127.0.0.1:54323/hostname'), ['port-1']);
    await answers('the node', () => web('host-client', `http://${ip['node']}:54323/hostname`), ['port-2']);
    await answers('the node by UDP', () => udp('host-udp', ip['node'] ?? '', 54323), ['port-3']);
  });

  test('Proxy: valid responses of pod and service, with and without a path, by each method; through a service and a pod by name, port and scheme', async () => {
    await service('proxied', {
      ports: [
        { name: 'portname1', port: 80, targetPort: 'web' },
        { name: 'portname2', port: 81, targetPort: 8081 },
        { name: 'tlsportname1', port: 443, targetPort: 8443 },
      ],
    });
    await eventually('it has endpoints', async () => (await endpoints('proxied')).length === 6);
    const valid = async (path: string, method: string, asked: RegExp): Promise<void> => {
      const { code, body } = await call(method, path);
      assert.equal(code, 200, `${method} ${path}: ${JSON.stringify(body)}`);
      if (method === 'HEAD') return;
      assert.equal(body['method'], method);
      assert.match(String(body['path']), asked);
    };
    for (const at of [core('pods', 'one'), core('services', 'proxied:portname1')])
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        await valid(`${at}/proxy/some/path/with/${method}`, method, new RegExp(`^/some/path/with/${method}$`));
        const bare = `${at}/proxy?method=${method}`;
        // Without a slash at the end those who read are sent on.
        if (method === 'GET' || method === 'HEAD') assert.equal((await call(method, bare)).code, 301, `${method} ${bare}`);
        else await valid(bare, method, new RegExp(`^/\\?method=${method}$`));
      }
    const targets = ['pods/one', 'pods/one:8080', 'pods/http:one:8081', 'pods/https:one:8443'];
    targets.push('services/proxied:portname1', 'services/http:proxied:portname2', 'services/proxied:81', 'services/https:proxied:tlsportname1');
    for (const target of targets) await valid(`/api/v1/namespaces/default/${target}/proxy/look`, 'GET', /^\/look$/);
  });

  test('DNS for the cluster, for services, for partially qualified names, and for ExternalName services', async () => {
    const lookup = (name: string, type = 'a'): Promise<string> => run('client', 'nslookup', `-type=${type}`, name);
    const { clusterIP } = (await get<Service>(core('services', 'kubernetes'))).spec;
    assert.ok((await lookup('kubernetes.default.svc.cluster.local')).includes(`Address: ${clusterIP}`));
    const normal = await service('dns-normal', { ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }] });
    await service('dns-headless', { clusterIP: 'None', ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }] });
    const full = (name: string): string => `${name}.default.svc.cluster.local`;
    await eventually('the address', async () => (await lookup(full('dns-normal'))).includes(`Address: ${normal.spec.clusterIP}`));
    await eventually('the addresses', async () => {
      const text = await lookup(full('dns-headless'));
      return text.includes(`Address: ${ip['one']}`) && text.includes(`Address: ${ip['two']}`);
    });
    for (const name of ['dns-normal', 'dns-headless'])
      await eventually('SRV', async () => /service = .*\b80\d* /.test(await lookup(`_http._tcp.${full(name)}`, 'srv')));
    for (const name of ['dns-normal', 'dns-normal.default', 'dns-normal.default.svc', full('dns-normal')])
      await answers(name, () => web('client', `http://${name}/hostname`));
    const reverse = (normal.spec.clusterIP ?? '').split('.').toReversed().join('.');
    assert.ok((await lookup(`${reverse}.in-addr.arpa`, 'ptr')).includes(full('dns-normal')));

    await create(core('services'), { metadata: { name: 'dns-external' }, spec: { type: 'ExternalName', externalName: 'foo.example.com' } });
    await eventually('an alias', async () => (await lookup(full('dns-external'), 'cname')).includes('foo.example.com'));
    await patch(core('services', 'dns-external'), { spec: { externalName: 'bar.example.com' } });
    await eventually('another alias', async () => (await lookup(full('dns-external'), 'cname')).includes('bar.example.com'));
    const cluster = await patch<Service>(core('services', 'dns-external'), { spec: { type: 'ClusterIP', externalName: null, ports: [{ port: 80 }] } }, 'merge');
    await eventually('an address', async () => (await lookup(full('dns-external'))).includes(`Address: ${cluster.spec.clusterIP}`));
  });
});
