/** Stages of kwok, as its users write them: pods of simulated nodes live by them. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';

const stages = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.podIP, operator: DoesNotExist}
  delay: {durationMilliseconds: 200, jitterDurationMilliseconds: 500}
  next:
    event: {type: Normal, reason: Staged, message: It was made to run.}
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      {{ range $i, $type := .spec.readinessGates }}
      - {type: {{ $type.conditionType | Quote }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
      {{ end }}
      - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
      - {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        imageID: ""
        ready: true
        restartCount: 0
        state: {running: {startedAt: {{ $now | Quote }}}}
      {{ end }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
      phase: Running
      startTime: {{ $now | Quote }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-complete-of-jobs}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
    - {key: '.status.phase', operator: In, values: [Running]}
    - {key: '.metadata.ownerReferences.[].kind', operator: In, values: [Job]}
  delay:
    durationFrom: {expressionFrom: '.metadata.annotations["example.com/takes"]'}
  next:
    statusTemplate: |
      phase: Succeeded
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-delete}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: Exists}
  next:
    finalizers: {empty: true}
    delete: true
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: beyond}
spec:
  resourceRef: {apiGroup: apps/v1, kind: Deployment}
  next: {statusTemplate: '{{ lookup "v1" }}'}
`;

describe('stages', { concurrency: false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '2');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);

  test('a Deployment and a Job whose pods live by them', async () => {
    await my.cluster.apply(stages);
    await k('wait', 'stage', 'pod-ready', 'pod-delete', 'pod-complete-of-jobs', '--for=condition=Understood', '--timeout=120s');
    await k('create', 'deployment', 'web', '--image=app:1', '--replicas=4');
    await k('rollout', 'status', 'deployment/web', '--timeout=120s');
    const ips = (await k('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ');
    assert.equal(new Set(ips).size, 4);
    await eventually('the event', async () => /It was made to run\./.test(await k('get', 'events', '--field-selector', 'reason=Staged')));
    await my.cluster.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    metadata: {annotations: {example.com/takes: 1s}}
    spec: {restartPolicy: Never, containers: [{name: main, image: app:1}]}
`);
    await k('wait', 'job/once', '--for=condition=Complete', '--timeout=120s');
    await k('delete', 'deployment', 'web', '--wait');
    await eventually('no pod', async () => (await k('get', 'pods', '-l', 'app=web', '-o', 'name')) === '');
  });

  test('a Stage that cannot be played says why', async () => {
    await k('wait', 'stage/beyond', '--for=condition=Understood=False', '--timeout=120s');
    const why = await k('get', 'stage', 'beyond', '-o', 'jsonpath={.status.conditions[0].message}');
    assert.equal(why, 'resourceRef apps/v1/Deployment: only v1 Pod and v1 Node are played; the function "lookup" of templates is not supported');
    const refused = await my.cluster.tryKubectl(['patch', 'stage', 'beyond', '--type=merge', '-p', '{"spec":{"resourceRef":{"kind":""}}}']);
    assert.match(refused.err, /spec\.resourceRef\.kind: Required value/);
  });
});
