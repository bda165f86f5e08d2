import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MutatingAdmissionPolicy } from './mutatingadmissionpolicy.ts';
import { ValidatingAdmissionPolicy } from './validatingadmissionpolicy.ts';
import { ValidatingWebhookConfiguration } from './validatingwebhookconfiguration.ts';

const matchConstraints = { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] };
const base = { failurePolicy: 'Fail', matchConstraints };
const texts = (errors: readonly { field: string; message: string }[] | undefined): string[] =>
  (errors ?? []).map(({ field, message }) => `${field}: ${message.split('\n')[0]}`);
const validating = (spec: object, old?: object): string[] =>
  texts(
    ValidatingAdmissionPolicy.validate?.(
      { metadata: { name: 'p' }, spec: { ...base, ...spec } } as never,
      old && ({ metadata: { name: 'p' }, spec: { ...base, ...old } } as never),
    ),
  );
const mutating = (mutation: object): string[] =>
  texts(
    MutatingAdmissionPolicy.validate?.({ metadata: { name: 'p' }, spec: { ...base, reinvocationPolicy: 'Never', mutations: [mutation] } } as never, undefined),
  );

describe('expressions of admission', () => {
  it('must compile, with what they may name', () => {
    const good = [
      "object.metadata.name != ''",
      'variables.x > 0',
      'has(oldObject.spec)',
      'namespaceObject.metadata.name == request.namespace',
      "authorizer.group('').resource('pods').check('get').allowed()",
    ];
    assert.deepEqual(validating({ variables: [{ name: 'x', expression: '1' }], validations: good.map((expression) => ({ expression })) }), []);
    assert.deepEqual(
      validating({ validations: [{ expression: 'object.x >' }] }).map((text) => text.slice(0, 120)),
      ['spec.validations[0].expression: Invalid value: "object.x >": compilation failed: ERROR: <input>:1:11: Syntax error: mism'],
    );
    assert.deepEqual(validating({ validations: [{ expression: 'params.x' }] }), [
      "spec.validations[0].expression: Invalid value: \"params.x\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')",
    ]);
  });
  it('must be of the type that is asked for', () => {
    assert.deepEqual(validating({ validations: [{ expression: "'x'", messageExpression: '1' }] }), [
      'spec.validations[0].expression: Invalid value: "\'x\'": must evaluate to bool',
      'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string',
    ]);
    assert.deepEqual(validating({ matchConditions: [{ name: 'a', expression: '1' }], validations: [{ expression: 'true' }] }), [
      'spec.matchConditions[0].expression: Invalid value: "1": must evaluate to bool',
    ]);
    assert.deepEqual(validating({ variables: [{ name: 'a', expression: '1 +' }], validations: [{ expression: 'true' }] }).length, 1);
  });
  it('are not compiled again when nothing changes', () => {
    const broken = { validations: [{ expression: 'object.x >' }] };
    assert.deepEqual(validating(broken, broken), []);
  });
  it('may make objects and patches where they mutate', () => {
    assert.deepEqual(mutating({ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: 1}}' } }), []);
    assert.deepEqual(mutating({ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/x'}]" } }), []);
    assert.deepEqual(mutating({ patchType: 'JSONPatch', jsonPatch: { expression: "'x'" } }).length, 1);
    assert.match(validating({ validations: [{ expression: 'Object{} == null' }] })[0] ?? '', /compilation failed/);
  });
  it('of webhooks see no namespace', () => {
    const webhook = (expression: string): string[] =>
      texts(
        ValidatingWebhookConfiguration.validate?.(
          {
            metadata: { name: 'w' },
            webhooks: [
              {
                name: 'a.b.c',
                clientConfig: { url: 'https://x' },
                sideEffects: 'None',
                admissionReviewVersions: ['v1'],
                matchConditions: [{ name: 'c', expression }],
              },
            ],
          } as never,
          undefined,
        ),
      );
    assert.deepEqual(webhook("request.namespace == 'x'"), []);
    assert.match(
      webhook('namespaceObject == null')[0] ?? '',
      /^webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*undeclared reference to 'namespaceObject'/,
    );
  });
});
