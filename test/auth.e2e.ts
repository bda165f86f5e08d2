import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { createCluster, destroy, eventually, freePort, run, type Cluster, type Output } from './harness.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An OpenID Connect issuer with one key, on loopback; its certificate is made by openssl. */
async function startIssuer(dir: string): Promise<{ url: string; ca: string; token(claims: object): string; close(): void }> {
  const [key, ca] = [join(dir, 'issuer.key'), join(dir, 'issuer.crt')];
  const made = await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    ca,
    '-days',
    '2',
    '-subj',
    '/CN=issuer',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ]);
  assert.equal(made.code, 0, made.err);
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const server: Server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, (req, res) => {
    const document = { issuer: url, jwks_uri: `${url}/keys` };
    res.end(JSON.stringify(req.url === '/keys' ? { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] } : document));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  assert.equal((server.address() as AddressInfo).port, port);
  const token = (claims: object): string => {
    const body = `${encode({ alg: 'RS256', kid: 'k' })}.${encode({ iss: url, aud: 'batuta', exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`;
    return `${body}.${sign('sha256', Buffer.from(body), pair.privateKey).toString('base64url')}`;
  };
  return {
    url,
    ca,
    token,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('who may do what', () => {
  let cluster: Cluster;
  let issuer: Awaited<ReturnType<typeof startIssuer>>;
  const authentication = (): string[] => [
    '--token-auth-file',
    join(cluster.dir, 'tokens.csv'),
    '--oidc-issuer-url',
    issuer.url,
    '--oidc-client-id',
    'batuta',
    '--oidc-ca-file',
    issuer.ca,
    '--oidc-groups-claim',
    'groups',
    '--oidc-username-prefix',
    'oidc:',
  ];
  before(async () => {
    cluster = await createCluster();
    issuer = await startIssuer(cluster.dir);
    writeFileSync(join(cluster.dir, 'tokens.csv'), 'sesame,ali,u1,"thieves,readers"\n');
    await cluster.up('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '1', ...authentication());
    await cluster.kubectl('create', 'ns', 'shop');
  });
  after(async () => {
    issuer.close();
    await destroy(cluster);
  });
  const k = (...args: string[]): Promise<string> => cluster.kubectl(...args);
  const fails = async (text: RegExp, ...args: string[]): Promise<void> => {
    const { code, err } = await cluster.tryKubectl(args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, text);
  };
  /** kubectl with these credentials instead of the administrator's. */
  const withToken = (token: string, ...args: string[]): Promise<Output> => {
    const server = `https://127.0.0.1:${cluster.kubePort}`;
    const own = [`--server=${server}`, '--insecure-skip-tls-verify', `--token=${token}`, '--kubeconfig=/dev/null'];
    return cluster.tryKubectl([...own, ...args]);
  };
  const plain = (path: string): Promise<{ code: number; body: string; type: string; caching: string }> =>
    new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port: cluster.kubePort, path, rejectUnauthorized: false }, (res) => {
        let body = '';
        res.on('data', (chunk: Buffer) => (body += chunk.toString()));
        res.on('end', () => resolve({ code: res.statusCode ?? 0, body, type: res.headers['content-type'] ?? '', caching: res.headers['cache-control'] ?? '' }));
      });
      req.on('error', reject);
      req.end();
    });

  describe('roles', () => {
    test('the bootstrap policy is stored, and built in before', async () => {
      const roles = (await k('get', 'clusterroles', '-o', 'name')).split('\n');
      for (const name of ['cluster-admin', 'admin', 'edit', 'view', 'system:node', 'system:controller:job-controller'])
        assert.ok(roles.includes(`clusterrole.rbac.authorization.k8s.io/${name}`), name);
      assert.match(await k('get', 'clusterrolebinding', 'cluster-admin', '-o', 'wide'), /ClusterRole\/cluster-admin\s+\S+\s+system:masters/);
      assert.match(await k('describe', 'clusterrole', 'system:public-info-viewer'), /\[\/readyz\]/);
    });
    test('take effect at once, and so does their end', async () => {
      const may = async (verb: string, what: string): Promise<boolean> =>
        (await cluster.tryKubectl(['auth', 'can-i', verb, what, '-n', 'shop', '--as=bob'])).code === 0;
      await fails(/pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "shop"/, 'get', 'pods', '-n', 'shop', '--as=bob');
      await k('create', 'role', 'reader', '--verb=get,list', '--resource=pods', '-n', 'shop');
      await k('create', 'rolebinding', 'reader', '--role=reader', '--user=bob', '-n', 'shop');
      assert.deepEqual([await may('list', 'pods'), await may('delete', 'pods'), await may('list', 'secrets')], [true, false, false]);
      await k('get', 'pods', '-n', 'shop', '--as=bob');
      await k('delete', 'rolebinding', 'reader', '-n', 'shop');
      assert.equal(await may('list', 'pods'), false);
    });
    test('are listed by can-i --list', async () => {
      await k('create', 'rolebinding', 'viewer', '--clusterrole=view', '--group=readers', '-n', 'shop');
      const list = await k('auth', 'can-i', '--list', '-n', 'shop', '--as=eve', '--as-group=readers');
      assert.match(list, /^Resources\s+Non-Resource URLs\s+Resource Names\s+Verbs/);
      assert.match(list, /deployments\.apps\s+\[\]\s+\[\]\s+\[get list watch\]/);
      assert.match(list, /selfsubjectaccessreviews\.authorization\.k8s\.io\s+\[\]\s+\[\]\s+\[create\]/);
      assert.doesNotMatch(list, /^secrets/m);
    });
    test('cannot be given by those who do not hold them', async () => {
      await k('create', 'rolebinding', 'boss', '--clusterrole=admin', '--user=ann', '-n', 'shop');
      await k('create', 'rolebinding', 'e', '--clusterrole=edit', '--user=joe', '-n', 'shop', '--as=ann');
      await fails(
        /user "ann" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}/,
        'create',
        'rolebinding',
        'c',
        '--clusterrole=cluster-admin',
        '--user=ann',
        '-n',
        'shop',
        '--as=ann',
      );
      await fails(
        /\{APIGroups:\[""\], Resources:\["nodes"\], Verbs:\["get"\]\}/,
        'create',
        'role',
        'n',
        '--verb=get',
        '--resource=nodes',
        '-n',
        'shop',
        '--as=ann',
      );
    });
    test('are gathered by aggregated ones', async () => {
      await k('create', 'clusterrole', 'tea-viewer', '--verb=get,list', '--resource=configmaps');
      await cluster.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: teas, labels: { rbac.authorization.k8s.io/aggregate-to-view: "true" } }
rules: [{ apiGroups: [tea.example], resources: [teas], verbs: [get] }]
`);
      const rules = async (name: string): Promise<string> => k('get', 'clusterrole', name, '-o', 'jsonpath={.rules}');
      await eventually('view, edit and admin gather it', async () =>
        (await Promise.all(['view', 'edit', 'admin'].map(rules))).every((text) => text.includes('tea.example')),
      );
      await k('delete', 'clusterrole', 'teas');
      await eventually('and lose it', async () => !(await rules('admin')).includes('tea.example'));
    });
    test('are reconciled by kubectl auth reconcile', async () => {
      const role = (verbs: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: rec, namespace: shop }
rules: [{ apiGroups: [""], resources: [pods], verbs: [${verbs}] }]
`;
      for (const verbs of ['get', 'get, list']) {
        const done = await cluster.tryKubectl(['auth', 'reconcile', '-f', '-'], { input: role(verbs) });
        assert.equal(done.code, 0, done.err);
        assert.match(done.out, /role\.rbac\.authorization\.k8s\.io\/rec reconciled/);
      }
      assert.match(await k('get', 'role', 'rec', '-n', 'shop', '-o', 'jsonpath={.rules}'), /list/);
    });
    test('of the bootstrap come back whole at the next start', async () => {
      await k('delete', 'clusterrole', 'system:kube-dns');
      await k('patch', 'clusterrole', 'system:monitoring', '--type=json', '-p', '[{"op":"replace","path":"/rules","value":[]}]');
      await k('annotate', 'clusterrole', 'system:heapster', 'rbac.authorization.kubernetes.io/autoupdate=false', '--overwrite');
      await k('patch', 'clusterrole', 'system:heapster', '--type=json', '-p', '[{"op":"replace","path":"/rules","value":[]}]');
      await cluster.batuta('down');
      await cluster.up('--runtime', 'sim', ...authentication());
      assert.match(await k('get', 'clusterrole', 'system:kube-dns', '-o', 'jsonpath={.rules}'), /"endpoints","services"/);
      assert.match(await k('get', 'clusterrole', 'system:monitoring', '-o', 'jsonpath={.rules}'), /\/metrics/);
      assert.doesNotMatch(await k('get', 'clusterrole', 'system:heapster', '-o', 'json'), /"verbs"/);
    });
  });

  describe('identities', () => {
    test('nobody asks for health and version', async () => {
      assert.deepEqual([(await plain('/healthz')).body, (await plain('/livez')).body, (await plain('/version')).code], ['ok', 'ok', 200]);
      const refused = await plain('/api/v1/namespaces/shop/secrets');
      assert.equal(refused.code, 403);
      assert.match(
        refused.body,
        /secrets is forbidden: User \\"system:anonymous\\" cannot list resource \\"secrets\\" in API group \\"\\" in the namespace \\"shop\\"/,
      );
      assert.match((await plain('/metrics')).body, /forbidden: User \\"system:anonymous\\" cannot get path \\"\/metrics\\"/);
    });
    test('static tokens name users; bad ones are refused', async () => {
      assert.match((await withToken('sesame', 'auth', 'whoami')).out, /Username\s+ali\nUID\s+u1\nGroups\s+\[thieves readers system:authenticated\]/);
      assert.equal((await withToken('sesame', 'get', 'configmaps', '-n', 'shop')).code, 0, 'a reader views');
      const bad = await withToken('sesame2', 'get', 'configmaps', '-n', 'shop');
      assert.match(bad.err, /Unauthorized|You must be logged in to the server/);
    });
    test('ID tokens of the issuer name users', async () => {
      const token = issuer.token({ sub: 'zoe', groups: ['readers'] });
      assert.match((await withToken(token, 'auth', 'whoami')).out, /Username\s+oidc:zoe\nGroups\s+\[readers system:authenticated\]/);
      assert.equal((await withToken(token, 'get', 'configmaps', '-n', 'shop')).code, 0);
      assert.match((await withToken(issuer.token({ sub: 'zoe', aud: 'other' }), 'get', 'ns')).err, /Unauthorized|logged in/);
      assert.match((await withToken(issuer.token({ sub: 'zoe', exp: 1 }), 'get', 'ns')).err, /Unauthorized|logged in/);
    });
    test('service accounts use tokens of kubectl create token', async () => {
      await k('create', 'serviceaccount', 'robot', '-n', 'shop');
      await k('create', 'rolebinding', 'robot', '--clusterrole=view', '--serviceaccount=shop:robot', '-n', 'shop');
      const token = (await k('create', 'token', 'robot', '-n', 'shop', '--duration=15m')).trim();
      assert.match(
        (await withToken(token, 'auth', 'whoami')).out,
        /Username\s+system:serviceaccount:shop:robot[\s\S]*Extra: authentication\.kubernetes\.io\/credential-id\s+\[JTI=/,
      );
      assert.equal((await withToken(token, 'get', 'pods', '-n', 'shop')).code, 0);
      assert.match(
        (await withToken(token, 'get', 'pods', '-n', 'default')).err,
        /User "system:serviceaccount:shop:robot" cannot list resource "pods" in API group "" in the namespace "default"/,
      );
      const foreign = (await k('create', 'token', 'robot', '-n', 'shop', '--audience=vault')).trim();
      assert.match((await withToken(foreign, 'get', 'pods', '-n', 'shop')).err, /Unauthorized|logged in/);
      await fails(/may not specify a duration less than 10 minutes/, 'create', 'token', 'robot', '-n', 'shop', '--duration=1m');
      await k('delete', 'serviceaccount', 'robot', '-n', 'shop');
      assert.match((await withToken(token, 'get', 'pods', '-n', 'shop')).err, /Unauthorized|logged in/);
    });
    test('and tokens of Secrets, whose use is noted', async () => {
      await k('create', 'serviceaccount', 'old', '-n', 'shop');
      await cluster.apply(`
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: { name: old, namespace: shop, annotations: { kubernetes.io/service-account.name: old } }
`);
      const token = await eventually(
        'the Secret is filled',
        async () => (await k('get', 'secret', 'old', '-n', 'shop', '-o', 'jsonpath={.data.token}')) || undefined,
      );
      const jwt = Buffer.from(token, 'base64').toString();
      assert.match((await withToken(jwt, 'auth', 'whoami')).out, /system:serviceaccount:shop:old/);
      const label = 'jsonpath={.metadata.labels.kubernetes\\.io/legacy-token-last-used}';
      await eventually('its use is noted', async () => /^\d{4}-\d\d-\d\d$/.test(await k('get', 'secret', 'old', '-n', 'shop', '-o', label)));
      await k('delete', 'secret', 'old', '-n', 'shop');
      assert.match((await withToken(jwt, 'auth', 'whoami')).err, /Unauthorized|logged in/);
    });
    test('tokens are reviewed for their audiences', async () => {
      const token = (await k('create', 'token', 'default', '-n', 'shop', '--audience=vault')).trim();
      const review = async (audiences: string[]): Promise<{ authenticated?: boolean; audiences?: string[]; error?: string; user: { username?: string } }> => {
        const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
        const made = await cluster.tryKubectl(['create', '-f', '-', '-o', 'json'], { input: JSON.stringify(body) });
        assert.equal(made.code, 0, made.err);
        return (JSON.parse(made.out) as { status: never }).status;
      };
      const good = await review(['x', 'vault']);
      assert.deepEqual([good.authenticated, good.audiences, good.user.username], [true, ['vault'], 'system:serviceaccount:shop:default']);
      const bad = await review(['x']);
      assert.deepEqual([bad.authenticated, bad.user], [undefined, {}]);
      assert.match(bad.error ?? '', /is invalid for the target audiences/);
    });
    test('verifiers find the keys', async () => {
      const keys = JSON.parse(await k('get', '--raw', '/openid/v1/jwks')) as { keys: { kid: string; alg: string; d?: string }[] };
      assert.deepEqual([keys.keys.length, keys.keys[0]?.alg, keys.keys[0]?.d], [1, 'ES256', undefined]);
      const discovery = JSON.parse(await k('get', '--raw', '/.well-known/openid-configuration')) as { issuer: string; jwks_uri: string };
      assert.deepEqual(discovery.jwks_uri, `${discovery.issuer}/openid/v1/jwks`);
    });
    test('others are acted for by those who may impersonate them', async () => {
      assert.match(await k('auth', 'whoami', '--as=jane', '--as-group=devs', '--as-uid=7'), /Username\s+jane\nUID\s+7\nGroups\s+\[devs system:authenticated\]/);
      await k('create', 'clusterrole', 'imp', '--verb=impersonate', '--resource=users', '--resource-name=jane');
      await k('create', 'clusterrolebinding', 'imp', '--clusterrole=imp', '--user=ali');
      assert.match((await withToken('sesame', 'auth', 'whoami', '--as=jane')).out, /Username\s+jane/);
      assert.match(
        (await withToken('sesame', 'get', 'pods', '--as=joe')).err,
        /users "joe" is forbidden: User "ali" cannot impersonate resource "users" in API group "" at the cluster scope/,
      );
      assert.match(
        (await withToken('sesame', 'get', 'pods', '--as=jane', '--as-group=system:masters')).err,
        /groups "system:masters" is forbidden: User "ali" cannot impersonate resource "groups"/,
      );
    });
  });

  describe('certificates', () => {
    const openssl = async (...args: string[]): Promise<void> => {
      const done = await run('openssl', args, { cwd: cluster.dir });
      assert.equal(done.code, 0, done.err);
    };
    const ask = async (name: string, subject: string, signerName: string, usages: string[], as: string[] = []): Promise<Output> => {
      await openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
      const pem = readFileSync(join(cluster.dir, `${name}.csr`));
      const body = {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: { request: pem.toString('base64'), signerName, usages, expirationSeconds: 3600 },
      };
      return cluster.tryKubectl(['create', '-f', '-', ...as], { input: JSON.stringify(body) });
    };
    test('are asked for, approved, signed and used', async () => {
      assert.equal((await ask('mia', '/O=readers/CN=mia', 'kubernetes.io/kube-apiserver-client', ['client auth'])).code, 0);
      assert.match(await k('get', 'csr', 'mia'), /mia\s+\S+\s+kubernetes\.io\/kube-apiserver-client\s+batuta-admin\s+60m\s+Pending/);
      await k('certificate', 'approve', 'mia');
      const certificate = await eventually('it is signed', async () => (await k('get', 'csr', 'mia', '-o', 'jsonpath={.status.certificate}')) || undefined);
      assert.match(await k('get', 'csr', 'mia'), /Approved,Issued/);
      writeFileSync(join(cluster.dir, 'mia.crt'), Buffer.from(certificate, 'base64'));
      const server = `https://127.0.0.1:${cluster.kubePort}`;
      const own = [
        `--server=${server}`,
        '--insecure-skip-tls-verify',
        '--kubeconfig=/dev/null',
        `--client-certificate=${cluster.dir}/mia.crt`,
        `--client-key=${cluster.dir}/mia.key`,
      ];
      const who = await cluster.tryKubectl([...own, 'auth', 'whoami']);
      assert.match(who.out, /Username\s+mia\nGroups\s+\[readers system:authenticated\]/, who.err);
      assert.equal((await cluster.tryKubectl([...own, 'get', 'configmaps', '-n', 'shop'])).code, 0, 'as a reader');
      assert.equal((await cluster.tryKubectl([...own, 'get', 'nodes'])).code, 1);
    });
    test('are denied, and failed when a signer does not permit them', async () => {
      await ask('no', '/CN=no', 'kubernetes.io/kube-apiserver-client', ['client auth']);
      await k('certificate', 'deny', 'no');
      assert.match(await k('get', 'csr', 'no'), /Denied/);
      await ask('bad', '/CN=bad', 'kubernetes.io/kube-apiserver-client', ['client auth', 'server auth']);
      await k('certificate', 'approve', 'bad');
      await eventually('it fails', async () => (await k('get', 'csr', 'bad')).includes('Approved,Failed'));
      assert.match(await k('get', 'csr', 'bad', '-o', 'jsonpath={.status.conditions}'), /invalid usage for client certificate: server auth/);
    });
    test('are approved only by those who may, and never for masters', async () => {
      assert.match(
        (await ask('root', '/O=system:masters/CN=x', 'kubernetes.io/kube-apiserver-client', ['client auth'])).err,
        /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed/,
      );
      await k(
        'create',
        'clusterrole',
        'csr',
        '--verb=get,list,watch,update,patch',
        '--resource=certificatesigningrequests,certificatesigningrequests/approval',
      );
      await k('create', 'clusterrolebinding', 'csr', '--clusterrole=csr', '--user=carl');
      await ask('dan', '/CN=dan', 'kubernetes.io/kube-apiserver-client', ['client auth']);
      await fails(
        /user not permitted to approve requests with signerName "kubernetes\.io\/kube-apiserver-client"/,
        'certificate',
        'approve',
        'dan',
        '--as=carl',
      );
      await k('create', 'clusterrolebinding', 'csr2', '--clusterrole=system:certificates.k8s.io:kube-apiserver-client-approver', '--user=carl');
      await k('certificate', 'approve', 'dan', '--as=carl');
    });
    test('of kubelets are approved by themselves where roles say so', async () => {
      await k('create', 'clusterrolebinding', 'boot', '--clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient', '--group=joiners');
      await k('create', 'clusterrolebinding', 'boot2', '--clusterrole=system:node-bootstrapper', '--group=joiners');
      await ask(
        'n9',
        '/O=system:nodes/CN=system:node:n9',
        'kubernetes.io/kube-apiserver-client-kubelet',
        ['client auth', 'digital signature'],
        ['--as=joiner', '--as-group=joiners'],
      );
      await eventually('it is issued', async () => /joiner\s+60m\s+Approved,Issued/.test(await k('get', 'csr', 'n9')));
    });
    test('of nodes let them at what is theirs', async () => {
      const node = ['--as=system:node:n9', '--as-group=system:nodes'];
      await k('create', 'secret', 'generic', 'used', '-n', 'shop', '--from-literal=a=b');
      await k('create', 'secret', 'generic', 'unused', '-n', 'shop', '--from-literal=a=b');
      await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: { name: on-n9, namespace: shop }
spec:
  nodeName: n9
  containers: [{ name: c, image: x, envFrom: [{ secretRef: { name: used } }] }]
`);
      await k('get', 'secret', 'used', '-n', 'shop', ...node);
      await fails(
        /secrets "unused" is forbidden: User "system:node:n9" cannot get resource "secrets" in API group "" in the namespace "shop": no relationship found between node 'n9' and this object/,
        'get',
        'secret',
        'unused',
        '-n',
        'shop',
        ...node,
      );
      await fails(/can only list\/watch pods with spec\.nodeName field selector/, 'get', 'pods', '-A', ...node);
      assert.match(await k('get', 'pods', '-A', '--field-selector=spec.nodeName=n9', ...node), /on-n9/);
      await fails(/node 'n9' cannot read all nodes, only its own Node object/, 'get', 'nodes', ...node);
    });
  });
});
