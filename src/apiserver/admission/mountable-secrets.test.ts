import assert from 'node:assert/strict';
import test from 'node:test';
import { isApiError } from '#machinery';
import { Pod, schemas, ServiceAccount, type V1PodSpec } from '#kinds';
import { seededRandom } from '#base';
import { fixture } from '../test-support.ts';
import { serviceAccount } from './service-account.ts';

test('an account that insists lets its pods use the Secrets that it lists, and no others', async () => {
  const { api } = await fixture({ kinds: [Pod, ServiceAccount] as never, schemas, admission: [serviceAccount(seededRandom(1))] });
  const account = (name: string, enforce: string): Promise<unknown> =>
    api.create(ServiceAccount, {
      metadata: { name, namespace: 'default', annotations: { 'kubernetes.io/enforce-mountable-secrets': enforce } },
      secrets: [{ name: 'mine' }],
      imagePullSecrets: [{ name: 'pull' }],
    });
  await account('strict', 'true');
  await account('easy', 'false');
  let count = 0;
  const create = (spec: Partial<V1PodSpec>, serviceAccountName = 'strict'): Promise<unknown> =>
    api.create(Pod, {
      metadata: { name: `p${count++}`, namespace: 'default' },
      spec: { serviceAccountName, containers: [{ name: 'c', image: 'i' }], ...spec },
    });
  const container = (name: string, secret: string, way: 'env' | 'envFrom'): V1PodSpec['containers'][number] => ({
    name,
    image: 'i',
    ...(way === 'env' ? { env: [{ name: 'V', valueFrom: { secretKeyRef: { name: secret, key: 'k' } } }] } : { envFrom: [{ secretRef: { name: secret } }] }),
  });
  const volume = (secretName: string): Partial<V1PodSpec> => ({ volumes: [{ name: 'v', secret: { secretName } }] });
  const ending = 'is not allowed because service account strict does not reference that secret';
  const refused: [Partial<V1PodSpec>, string][] = [
    [volume('other'), `volume with secret.secretName="other" ${ending}`],
    [{ containers: [container('c', 'other', 'env')] }, `container c with envVar V referencing secret.secretName="other" ${ending}`],
    [{ containers: [container('c', 'other', 'envFrom')] }, `container c with envFrom referencing secret.secretName="other" ${ending}`],
    [{ initContainers: [container('i', 'other', 'env')] }, `init container i with envVar V referencing secret.secretName="other" ${ending}`],
    [
      { imagePullSecrets: [{ name: 'pull' }, { name: 'mine' }] },
      'imagePullSecrets[1].name="mine" is not allowed because service account strict does not reference that imagePullSecret',
    ],
  ];
  for (const [spec, why] of refused)
    await assert.rejects(create(spec), (error) => isApiError(error, 'Forbidden') && error.message === `pods "p${count - 1}" is forbidden: ${why}`);
  await create({ ...volume('mine'), containers: [container('c', 'mine', 'env'), container('d', 'mine', 'envFrom')], imagePullSecrets: [{ name: 'pull' }] });
  await create(volume('other'), 'easy');
});
