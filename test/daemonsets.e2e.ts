import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';
import { setsKit, type Set, type List, gate, workload, daemonSet } from './sets-kit.ts';

describe('DaemonSets and rollbacks on simulated nodes', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '3', '--nodes', '0');
  const { k, json, apply, pods, live, images, rolledOut, setImage, patchStatus, isReady, events, revisions, gone, recorded } = setsKit(my);
  before(async () => {
    await k('create', 'ns', 'work');
    await k('config', 'set-context', '--current', '--namespace=work');
    await eventually('the ServiceAccount', async () => (await my.cluster.tryKubectl(['get', 'sa', 'default'])).code === 0);
    await eventually('the nodes', async () => (await json<List<unknown>>('get', 'nodes')).items.length === 3);
  });

  describe('DaemonSet', () => {
    const where = async (app: string): Promise<string[]> => (await live(app)).map((p) => p.spec.nodeName ?? '').sort();
    const all = ['sim-00001', 'sim-00002', 'sim-00003'];

    test('runs on every node that is meant; nodes are labelled, tainted, cordoned', async () => {
      await apply(daemonSet('nodes', {}, { pod: { nodeSelector: { disk: 'ssd' } } }));
      await eventually('its status', async () => (await json<Set>('get', 'ds', 'nodes')).status.observedGeneration === 1);
      assert.deepEqual(await where('nodes'), []);
      await k('label', 'nodes', '--all', 'disk=ssd');
      await rolledOut('ds/nodes');
      assert.deepEqual(await where('nodes'), all);
      await k('label', 'node', 'sim-00002', 'disk-');
      await eventually('gone from the node', async () => (await where('nodes')).join() === 'sim-00001,sim-00003');
      await k('taint', 'node', 'sim-00003', 'mine=1:NoExecute');
      await eventually('driven out', async () => (await where('nodes')).join() === 'sim-00001');
      await k('taint', 'node', 'sim-00003', 'mine-');
      await k('cordon', 'sim-00003');
      await eventually('back, cordoned or not', async () => (await where('nodes')).join() === 'sim-00001,sim-00003');
      await k('uncordon', 'sim-00003');
      assert.match(await k('get', 'ds', 'nodes'), /^nodes +2 +2 +2 +2 +2 +disk=ssd/m);
      await k('delete', 'ds', 'nodes');
      await gone('nodes');
    });

    test('a rolling update, a rollback without unnecessary restarts, history', async () => {
      await apply(daemonSet('roll-ds', {}, { pod: { readinessGates: [] } }));
      await rolledOut('ds/roll-ds');
      const before = await pods('roll-ds');
      await setImage('ds/roll-ds', 'app:2');
      await rolledOut('ds/roll-ds');
      assert.deepEqual(new Set(await images('roll-ds')), new Set(['app:2']));
      await k('rollout', 'undo', 'ds/roll-ds');
      await rolledOut('ds/roll-ds');
      assert.match(await k('rollout', 'history', 'ds/roll-ds'), /REVISION +CHANGE-CAUSE\n2 +<none>\n3 +<none>/);

      const steady = await pods('roll-ds');
      assert.ok(steady.every((p) => before.every((b) => b.metadata.uid !== p.metadata.uid)));
      await k('patch', 'ds', 'roll-ds', '-p', `{"spec":{"template":{"spec":{"readinessGates":[{"conditionType":"${gate}"}]}}}}`);
      await eventually(
        'one is replaced and is not ready',
        async () => (await live('roll-ds')).filter((p) => !isReady(p) && p.status.phase === 'Running').length === 1,
      );
      await k('rollout', 'undo', 'ds/roll-ds');
      await rolledOut('ds/roll-ds');
      const after = await pods('roll-ds');
      assert.equal(after.filter((p) => steady.some((s) => s.metadata.uid === p.metadata.uid)).length, 2, 'the two that were not touched');
      await k('delete', 'ds', 'roll-ds');
    });

    test('surge: the new pod is there before the old one goes', async () => {
      await apply(daemonSet('surge', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }));
      await rolledOut('ds/surge');
      const order = await recorded('surge', async () => {
        await setImage('ds/surge', 'app:2');
        await rolledOut('ds/surge');
        await eventually('old ones are gone', async () => (await pods('surge')).length === 3);
      });
      assert.deepEqual(
        order.map((x) => x[0]),
        ['+', '-', '+', '-', '+', '-'],
      );
      await k('delete', 'ds', 'surge');
    });

    test('failed pods are replaced; status, patch and deletion of a collection', async () => {
      await apply(daemonSet('retry'));
      await rolledOut('ds/retry');
      const [victim] = await pods('retry');
      await patchStatus(`pod/${victim?.metadata.name ?? ''}`, { phase: 'Failed' });
      await eventually('another in its place', async () => {
        const now = await live('retry');
        return now.length === 3 && now.every((p) => isReady(p) && p.metadata.uid !== victim?.metadata.uid);
      });
      assert.ok((await events('retry', 'FailedDaemonPod'))[0]?.includes('will try to kill it'));
      await k(
        'patch',
        'ds',
        'retry',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"conditions":[{"type":"StatusUpdate","status":"True","reason":"E2E"}]}}',
      );
      await k('label', 'ds', 'retry', 'patched=yes');
      const { status } = await json<Set>('get', 'ds', 'retry');
      assert.equal(status.conditions?.[0]?.type, 'StatusUpdate');
      await k('delete', 'ds', '-l', 'patched=yes');
      await gone('retry');
    });

    test('the life of a ControllerRevision', async () => {
      await apply(daemonSet('cr'));
      await rolledOut('ds/cr');
      const [first] = await revisions('cr');
      assert.deepEqual([first?.revision, first?.metadata.ownerReferences?.[0]?.kind], [1, 'DaemonSet']);
      const hash = first?.metadata.labels?.['controller-revision-hash'] ?? '';
      assert.equal(first?.metadata.name, `cr-${hash}`);
      assert.equal((await pods('cr'))[0]?.metadata.labels?.['controller-revision-hash'], hash);
      const copy = {
        ...first,
        metadata: {
          name: 'cr-copy',
          labels: { ...first?.metadata.labels, 'controller-revision-hash': 'copy' },
          ownerReferences: first?.metadata.ownerReferences,
        },
        revision: 2,
      };
      await apply(JSON.stringify(copy));
      await k('delete', 'controllerrevision', first?.metadata.name ?? '', '--ignore-not-found');
      await eventually('one is left', async () => (await revisions('cr')).map((r) => r.metadata.name).join() === 'cr-copy');
      const uids = (await pods('cr')).map((p) => p.metadata.uid);
      await k('patch', 'controllerrevision', 'cr-copy', '-p', '{"metadata":{"labels":{"cr-copy":"patched"}}}');
      await k(
        'patch',
        'ds',
        'cr',
        '-p',
        '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":2}},"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}',
      );
      await eventually('a second one', async () => (await revisions('cr')).length === 2);
      assert.deepEqual(
        (await pods('cr')).map((p) => p.metadata.uid),
        uids,
      );
      await k('delete', 'controllerrevisions', '-l', 'cr-copy=patched');
      await eventually('one again', async () => (await revisions('cr')).map((r) => r.revision).join() === '3');
      await k('delete', 'ds', 'cr');
    });
  });

  describe('Deployment', () => {
    const progress = async (name: string): Promise<string | undefined> =>
      (await json<Set>('get', 'deployment', name)).status.conditions?.find((c) => c.type === 'Progressing')?.reason;

    test('a rollout that fails goes back by itself, tells why, and is not fought over', async () => {
      const annotations = { 'batuta.dev/auto-rollback': 'true' };
      await apply(workload('Deployment', 'self', { replicas: 2, progressDeadlineSeconds: 3 }, { annotations }));
      await rolledOut('deployment/self');
      const bad = '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}';
      const selector = async (): Promise<string> => k('get', 'deployment', 'self', '-o', 'jsonpath={.spec.template.spec.nodeSelector}');
      await k('patch', 'deployment', 'self', '-p', bad);
      await eventually('it is back', async () => (await selector()) === '');
      await rolledOut('deployment/self');
      const [message = ''] = await events('self', 'AutoRollback');
      assert.match(
        message,
        /^Rolled back to revision 1, because revision 2 failed: ReplicaSet "self-\w+" has timed out progressing \(self-\w+-\w+: Unschedulable\)$/,
      );
      await k('patch', 'deployment', 'self', '-p', bad);
      await eventually('it is left alone', async () => (await events('self', 'AutoRollbackSkipped')).length === 1);
      assert.notEqual(await selector(), '');
      assert.equal(await progress('self'), 'ProgressDeadlineExceeded');
      await k('rollout', 'undo', 'deployment/self');
      await rolledOut('deployment/self');
      assert.equal(await selector(), '');
      await k('delete', 'deployment', 'self');
    });

    test('proportional scaling in the middle of a rollout', async () => {
      await apply(workload('Deployment', 'share', { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }));
      await rolledOut('deployment/share');
      await k('patch', 'deployment', 'share', '-p', '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}');
      const sizes = async (): Promise<number[]> =>
        (await json<List<Set>>('get', 'rs', '-l', 'app=share')).items.map((rs) => rs.spec.replicas).sort((a, b) => a - b);
      await eventually('the rollout stands', async () => (await sizes()).join() === '5,8');
      await k('scale', 'deployment/share', '--replicas=30');
      await eventually('both grow', async () => (await sizes()).join() === '13,20');
      await k('delete', 'deployment', 'share');
    });

    test('list, patch, status and deletion of a collection', async () => {
      await apply(workload('Deployment', 'life', { replicas: 1 }));
      await rolledOut('deployment/life');
      await k(
        'patch',
        'deployment',
        'life',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"conditions":[{"type":"StatusUpdate","status":"True","reason":"E2E"}]}}',
      );
      await k('patch', 'deployment', 'life', '-p', '{"metadata":{"labels":{"patched":"yes"}},"spec":{"replicas":2}}');
      await rolledOut('deployment/life');
      const { status } = await json<Set>('get', 'deployment', 'life');
      assert.deepEqual([status.availableReplicas, status.terminatingReplicas], [2, 0]);
      await k('delete', 'deployment', '-l', 'patched=yes');
      await gone('life');
    });
  });
});
