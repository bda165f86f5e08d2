import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { FakeClock, seededRandom, settle, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { Namespace, Node, Pod, Stage, type V1Pod } from '#kinds';
import { parseYaml } from '#machinery';
import { createFleet, type Fleet } from '../fleet.ts';
import { compileStage } from './compile.ts';
import { parseExpression } from './expression.ts';
import { startStages } from './player.ts';
import { parseTemplate } from './template/parse.ts';
import { builtInFunctions, renderTemplate } from './template/render.ts';

const render = (source: string, data: unknown): string =>
  renderTemplate(parseTemplate(source, new Set([...builtInFunctions, 'Quote'])), data, { Quote: (value) => JSON.stringify(value) });

describe('templates of Stages', () => {
  const pod = { a: { b: 'x', list: [{ n: 1 }, { n: 2 }], empty: [], map: { k2: 'v2', k1: 'v1' } }, zero: 0 };
  const cases: [string, string][] = [
    ['{{ .a.b }}{{ .none.at.all }}', 'x<no value>'],
    ['{{ $v := .a }}{{ $v.b | Quote }}{{ $.a.b }}', '"x"x'],
    ['a  {{- " b " -}}  c', 'a b c'],
    ['{{/* nothing */}}{{ range .a.list }}{{ .n }},{{ end }}{{ range .a.empty }}!{{ else }}none{{ end }}', '1,2,none'],
    ['{{ range $i, $e := .a.list }}{{ $i }}={{ $e.n }};{{ end }}{{ range $k, $v := .a.map }}{{ $k }}{{ $v }} {{ end }}', '0=1;1=2;k1v1 k2v2 '],
    ['{{ if .zero }}a{{ else if eq .a.b "y" "x" }}b{{ else }}c{{ end }}', 'b'],
    ['{{ with .a.map }}{{ .k1 }}{{ end }}{{ with .none }}a{{ else }}b{{ end }}', 'v1b'],
    ['{{ $n := 0 }}{{ range .a.list }}{{ $n = .n }}{{ end }}{{ $n }}', '2'],
    ['{{ index .a.list 1 }}{{ (index .a.list 0).n }}{{ len .a.list }}{{ or .none "d" }}{{ and 1 .zero }}{{ not .none }}', 'map[n:2]12d0true'],
    ['{{ printf "%s-%d-%q" .a.b 3 "q" }}{{ `raw` }}{{ true }}{{ "}}" }}', 'x-3-"q"rawtrue}}'],
  ];
  for (const [source, wanted] of cases) test(source, () => assert.equal(render(source, pod), wanted));
  test('what is not there, or malformed, is named', () => {
    const wrong: [string, RegExp][] = [
      ['{{ sprig .a }}', /the function "sprig" of templates is not supported/],
      ['{{ define "x" }}', /\{\{define\}\} of templates is not supported/],
      ['{{ if .a }}', /\{\{if\}\} of a template is not ended/],
      ['{{ end }}', /unexpected \{\{end\}\}/],
      ['{{ .a', /unclosed action/],
      ['{{ ( .a }}', /not closed/],
      ['{{ .a ! }}', /cannot read "!"/],
      ['{{ | Quote }}', /a value is missing/],
      ['{{ $x }}', /undefined variable "\$x"/],
      ['{{ .a.b 1 }}', /no function is called/],
    ];
    for (const [source, message] of wrong) assert.throws(() => render(source, pod), message, source);
  });
});

describe('expressions of Stages', () => {
  const object = {
    metadata: { annotations: { 'a/b': '5s' }, ownerReferences: [{ kind: 'Job' }] },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const cases: [string, unknown[]][] = [
    ['.metadata.annotations["a/b"]', ['5s']],
    ['.metadata.annotations.["a/b"]', ['5s']],
    ['.metadata.ownerReferences.[].kind', ['Job']],
    ['.metadata.ownerReferences[0].kind', ['Job']],
    ['.status.conditions.[] | select( .type == "Ready" ) | .status', ['True']],
    ['.status.conditions.[] | select( .type != "Ready" ) | .type', ['Other']],
    ['.metadata.deletionTimestamp', []],
    ['.', [object]],
  ];
  for (const [source, wanted] of cases) test(source, () => assert.deepEqual(parseExpression(source)(object), wanted));
  test('more of jq is refused', () => {
    for (const source of ['.a + 1', 'now', 'length', '.a | map(.b)', '']) assert.throws(() => parseExpression(source), /not supported/, source);
    assert.throws(() => parseExpression('.a | select(.b == c)'), /no value/);
  });
});

test('what cannot be played is told, all of it', () => {
  const found = compileStage({
    metadata: { name: 'x' },
    spec: {
      resourceRef: { apiGroup: 'apps/v1', kind: 'Deployment' },
      selector: { matchExpressions: [{ key: '.a + 1', operator: 'Exists' }] },
      next: { statusTemplate: '{{ env }}', statusPatchAs: { username: 'me' } },
    },
  });
  assert.deepEqual('unsupported' in found && found.unsupported, [
    'resourceRef apps/v1/Deployment: only v1 Pod and v1 Node are played',
    'impersonation of patches is not supported',
    'the expression ".a + 1" is not supported',
    'the function "env" of templates is not supported',
  ]);
});

/** A pod becomes Running after two seconds, and is deleted without its finalizer when somebody deletes it. */
const ready: Stage = {
  metadata: { name: 'ready' },
  spec: {
    resourceRef: { apiGroup: 'v1', kind: 'Pod' },
    selector: {
      matchExpressions: [
        { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
        { key: '.status.podIP', operator: 'DoesNotExist' },
      ],
    },
    delay: { durationMilliseconds: 2000 },
    next: {
      event: { type: 'Normal', reason: 'Played', message: 'It runs.' },
      finalizers: { add: [{ value: 'example.com/held' }] },
      statusTemplate: `
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) | Quote }}
hostIP: {{ NodeIP | Quote }}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name | Quote }}, ready: true, restartCount: 0, image: {{ .image | Quote }}, imageID: "", state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
`,
    },
  },
};
const gone: Stage = {
  metadata: { name: 'gone' },
  spec: {
    resourceRef: { apiGroup: 'v1', kind: 'Pod' },
    selector: { matchExpressions: [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }] },
    next: { finalizers: { empty: true }, delete: true },
  },
};

/** The YAML reader is loaded at its first use, which takes more than fake time. */
before(async () => void (await parseYaml('a: 1')));

async function world(...stages: Stage[]) {
  const clock = new FakeClock();
  const random = seededRandom(3);
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  api.put(Namespace, { metadata: { name: 'default' } });
  for (const stage of stages) api.put(Stage, structuredClone(stage));
  const player = startStages({ client, clock, random, log: silentLogger, fleet: () => fleet });
  const yields = player.governs.bind(player);
  const agent = { dataDir: '/nonexistent', logDir: '/nonexistent', clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', yields };
  const fleet: Fleet = createFleet({ client, clock, random, log: silentLogger, agent });
  await player.ready;
  fleet.add({
    name: 'n1',
    hostname: 'n1',
    podCIDR: '10.244.1.0/24',
    internalIP: '192.0.2.1',
    capacity: { cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '10Gi' },
  });
  await fleet.ready();
  const pod = (name: string): V1Pod =>
    api.put(Pod, { metadata: { name, namespace: 'default' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1' }] } });
  const get = (name: string): V1Pod | undefined => api.all(Pod, 'default').find((p) => p.metadata?.name === name);
  const stop = async (): Promise<void> => {
    await player.stop();
    await fleet.stop();
  };
  return { clock, api, fleet, pod, get, stop };
}

test('pods live by Stages as soon as one is about them: after its delay, with event, finalizer and status', async () => {
  const w = await world(ready, gone);
  w.pod('web');
  await w.clock.advance(1500);
  assert.notEqual(w.get('web')?.status?.phase, 'Running', 'the agent has nothing to do with it');
  await w.clock.advance(600);
  const { status, metadata } = w.get('web') as V1Pod;
  assert.deepEqual([status?.phase, status?.podIP, status?.hostIP], ['Running', '10.244.1.2', '192.0.2.1']);
  assert.deepEqual(
    status?.containerStatuses?.map((c) => [c.name, c.image, c.ready]),
    [['main', 'app:1', true]],
  );
  assert.deepEqual(metadata?.finalizers, ['example.com/held']);
  assert.ok(w.api.writes.some((one) => one.kind === 'Event' && (one.body as { reason: string }).reason === 'Played'));
  const writes = w.api.writes.length;
  await w.clock.advance(4000);
  assert.equal(w.api.writes.filter((one, i) => i >= writes && one.kind === 'Pod').length, 0, 'settled');
  await w.api.delete(Pod, { namespace: 'default', name: 'web' }, {});
  await w.clock.advance(100);
  await settle();
  assert.equal(w.get('web'), undefined);
  w.pod('next');
  await w.clock.advance(2100);
  assert.ok(w.get('next')?.status?.podIP, 'addresses come back');
  await w.stop();
});

test('on a dead machine nothing is played; without Stages of pods the agent has them', async () => {
  const w = await world(ready);
  w.pod('late');
  w.fleet.kill('n1');
  await w.clock.advance(10_000);
  assert.notEqual(w.get('late')?.status?.phase, 'Running');
  w.fleet.heal('n1');
  await w.clock.advance(10_000);
  assert.equal(w.get('late')?.status?.phase, 'Running');
  await w.stop();
  const plain = await world();
  plain.pod('web');
  await plain.clock.advance(10);
  assert.equal(plain.get('web')?.status?.phase, 'Running');
  await plain.stop();
});

test('of several stages one is drawn by weight; nodes have stages too; what is not understood says so', async () => {
  const condition = (name: string, weight: number): Stage => ({
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: 'Node' },
      selector: { matchExpressions: [{ key: `.status.conditions.[] | select( .type == "Drawn" )`, operator: 'DoesNotExist' }] },
      weight,
      next: { statusTemplate: `conditions:\n- {type: Drawn, status: "True", reason: ${name}}` },
    },
  });
  const w = await world(condition('never', 0), condition('always', 1), {
    metadata: { name: 'odd' },
    spec: { resourceRef: { apiGroup: 'v1', kind: 'Pod' }, next: { statusTemplate: '{{ sprig }}' } },
  });
  await w.clock.advance(100);
  assert.equal(w.api.all(Node)[0]?.status?.conditions?.find((c) => c.type === 'Drawn')?.reason, 'always');
  const odd = w.api.all(Stage).find((s) => s.metadata?.name === 'odd');
  assert.deepEqual(
    odd?.status?.conditions?.map((c) => [c.type, c.status, c.message]),
    [['Understood', 'False', 'the function "sprig" of templates is not supported']],
  );
  w.pod('web');
  await w.clock.advance(10);
  assert.equal(w.get('web')?.status?.phase, 'Running', 'a stage that is not understood governs nothing');
  await w.stop();
});
