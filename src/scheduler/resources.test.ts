import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ContainerStatus, V1Pod, V1PodStatus } from '#kinds';
import { podRequests } from './resources.ts';
import { sameFacts } from './sameness.ts';
import { container, makePod } from './test-objects.ts';

const held = (requests: Record<string, string>, allocatedResources?: Record<string, string>, name = 'c'): V1ContainerStatus => ({
  name,
  image: '',
  imageID: '',
  ready: true,
  restartCount: 0,
  resources: { requests },
  ...(allocatedResources ? { allocatedResources } : {}),
});
const running = (requests: Record<string, string>, containerStatuses: V1ContainerStatus[], more: V1PodStatus = {}): V1Pod => ({
  ...makePod('p', { requests }),
  status: { containerStatuses, ...more },
});
const cpu = (pod: V1Pod): number => podRequests(pod).requests.milliCpu;

test('while a pod is resized its node keeps the larger of what is asked for, granted and in force', () => {
  assert.equal(cpu(running({ cpu: '1' }, [held({ cpu: '1' })])), 1000);
  assert.equal(cpu(running({ cpu: '1' }, [held({ cpu: '2' })])), 2000, 'shrinking, not done yet');
  assert.equal(cpu(running({ cpu: '3' }, [held({ cpu: '1' })])), 3000, 'growing');
  assert.equal(cpu(running({ cpu: '1' }, [held({ cpu: '1' }, { cpu: '4' })])), 4000, 'granted');
  const infeasible = { conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }] };
  assert.equal(cpu(running({ cpu: '9' }, [held({ cpu: '1' }, { cpu: '1' })], infeasible)), 1000, 'what cannot be is not counted');
});

test('init containers, sidecars, overhead and pod-level requests', () => {
  const pod = makePod('p', {
    containers: [container({ cpu: '1' }), container({ cpu: '500m' })],
    initContainers: [container({ cpu: '3' }), container({ cpu: '200m' }, { restartPolicy: 'Always' }), container({ cpu: '1500m' })],
    overhead: { cpu: '100m' },
  });
  assert.equal(cpu(pod), 3100, 'the first init container is the most');
  const late = makePod('p', {
    containers: [container({ cpu: '1' })],
    initContainers: [container({ cpu: '1' }, { restartPolicy: 'Always' }), container({ cpu: '3' })],
  });
  assert.equal(cpu(late), 4000, 'a sidecar runs beside the init containers after it');
  assert.equal(cpu({ ...pod, spec: { ...pod.spec!, resources: { requests: { cpu: '5' } } } }), 5100);
});

test('a change of what is held matters; that it is told for the first time, as it was asked for, does not', () => {
  const pod = { ...makePod('p', { requests: { cpu: '1' } }) };
  assert.equal(sameFacts(pod, running({ cpu: '1' }, [held({ cpu: '1' }, { cpu: '1' })])), true);
  assert.equal(sameFacts(running({ cpu: '1' }, [held({ cpu: '1' })]), running({ cpu: '1' }, [held({ cpu: '2' })])), false);
  const pending = { conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }] };
  assert.equal(sameFacts(running({ cpu: '2' }, [held({ cpu: '1' })]), running({ cpu: '2' }, [held({ cpu: '1' })], pending)), false);
});
