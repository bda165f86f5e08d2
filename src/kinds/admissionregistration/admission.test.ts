import assert from 'node:assert/strict';
import test from 'node:test';
import { prepared, refused } from '../fixtures/objects.ts';
import { MutatingAdmissionPolicy } from './mutatingadmissionpolicy.ts';
import { MutatingWebhookConfiguration } from './mutatingwebhookconfiguration.ts';
import { ValidatingAdmissionPolicy } from './validatingadmissionpolicy.ts';
import { ValidatingAdmissionPolicyBinding } from './validatingadmissionpolicybinding.ts';
import { ValidatingWebhookConfiguration } from './validatingwebhookconfiguration.ts';

test('webhooks are completed', () => {
  const { webhooks } = prepared(MutatingWebhookConfiguration, {
    metadata: { name: 'x' },
    webhooks: [{ name: 'a.b.c', clientConfig: { service: { name: 's', namespace: 'n' } }, sideEffects: 'None', admissionReviewVersions: ['v1'], rules: [{}] }],
  });
  assert.deepEqual(webhooks, [
    {
      name: 'a.b.c',
      clientConfig: { service: { name: 's', namespace: 'n', port: 443 } },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      rules: [{ scope: '*' }],
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      reinvocationPolicy: 'Never',
    },
  ]);
});

test('webhooks', () => {
  assert.deepEqual(
    refused(ValidatingWebhookConfiguration, (object) => {
      object.webhooks = [
        { name: 'short', clientConfig: {}, admissionReviewVersions: [], failurePolicy: 'Panic', matchPolicy: 'Guess', timeoutSeconds: 31 } as never,
        {
          name: 'a.b.c',
          clientConfig: { service: { name: '', namespace: '', port: 0, path: 'x//y' } },
          sideEffects: 'Some',
          admissionReviewVersions: ['v2', 'v2'],
          matchConditions: [{ name: '', expression: ' ' }],
        },
        { name: 'a.b.c', clientConfig: { url: 'https://a.b' }, sideEffects: 'None', admissionReviewVersions: ['v1'] },
      ];
    }),
    [
      'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated by dots',
      'webhooks[0].failurePolicy: Unsupported value: "Panic": supported values: "Fail", "Ignore"',
      'webhooks[0].matchPolicy: Unsupported value: "Guess": supported values: "Equivalent", "Exact"',
      'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun',
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
      'webhooks[1].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      'webhooks[1].clientConfig.service.name: Required value: service name is required',
      'webhooks[1].clientConfig.service.namespace: Required value: service namespace is required',
      'webhooks[1].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
      `webhooks[1].clientConfig.service.path: Invalid value: "x//y": must start with a '/'`,
      'webhooks[1].clientConfig.service.path: Invalid value: "x//y": segment[0] may not be empty',
      'webhooks[1].clientConfig.service.path: Invalid value: "x//y": segment[1] may not be empty',
      'webhooks[1].admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
      'webhooks[1].matchConditions[0].expression: Required value',
      'webhooks[1].matchConditions[0].name: Required value',
      'webhooks[2].name: Duplicate value: "a.b.c"',
    ],
  );
});

test('rules', () => {
  const rule = (wanted: object): string[] => refused(ValidatingWebhookConfiguration, ({ webhooks }) => (webhooks![0]!.rules = [wanted]));
  const at = 'webhooks[0].rules[0]';
  assert.deepEqual(rule({}), [
    `${at}.operations: Required value`,
    `${at}.apiGroups: Required value`,
    `${at}.apiVersions: Required value`,
    `${at}.resources: Required value`,
  ]);
  assert.deepEqual(rule({ operations: ['*', 'READ'], apiGroups: ['*', ''], apiVersions: ['*', 'v1'], resources: ['*/*', 'a'], scope: 'Local' }), [
    `${at}.operations: Invalid value: ["*","READ"]: if '*' is present, must not specify other operations`,
    `${at}.operations[1]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
    `${at}.apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other API groups`,
    `${at}.apiVersions: Invalid value: ["*","v1"]: if '*' is present, must not specify other API versions`,
    `${at}.resources: Invalid value: ["*/*","a"]: if '*/*' is present, must not specify other resources`,
    `${at}.scope: Unsupported value: "Local": supported values: "*", "Cluster", "Namespaced"`,
  ]);
  assert.deepEqual(rule({ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/*', 'pods/log', '*/scale', 'x/scale', '*', 'y'] }), [
    `${at}.resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`,
    `${at}.resources[3]: Invalid value: "x/scale": if '*/scale' is present, must not specify x/scale`,
    `${at}.resources: Invalid value: ["pods/*","pods/log","*/scale","x/scale","*","y"]: if '*' is present, must not specify other resources without subresources`,
  ]);
});

test('policies that validate', () => {
  assert.deepEqual(
    refused(ValidatingAdmissionPolicy, (object) => (object.spec = { paramKind: { apiVersion: 'a/b/c' }, variables: [{ name: '1x', expression: '' }] })),
    [
      'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
      'spec.paramKind.kind: Required value',
      'spec.matchConstraints: Required value',
      'spec.variables[0].name: Invalid value: "1x": name is not a valid CEL identifier',
      'spec.variables[0].expression: Required value: expression is not specified',
      'spec.validations: Required value: validations or auditAnnotations must be present',
    ],
  );
  const validation = (wanted: object): string[] => refused(ValidatingAdmissionPolicy, ({ spec }) => (spec!.validations = [wanted as never]));
  assert.deepEqual(validation({ expression: '', message: ' ', reason: 'Tired' }), [
    'spec.validations[0].expression: Required value: expression is not specified',
    'spec.validations[0].message: Invalid value: " ": message must be non-empty if specified',
    'spec.validations[0].reason: Unsupported value: "Tired": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"',
  ]);
  assert.deepEqual(validation({ expression: 'true\n&& true' }), [
    'spec.validations[0].message: Required value: message must be specified if expression contains line breaks',
  ]);
});

test('policies that mutate', () => {
  assert.deepEqual(
    refused(MutatingAdmissionPolicy, ({ spec }) => {
      spec!.mutations = [
        { patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } },
        { patchType: 'Merge' },
        { patchType: 'ApplyConfiguration', applyConfiguration: {} },
      ];
      delete spec!.reinvocationPolicy;
    }),
    [
      'spec.mutations[0].applyConfiguration: Forbidden: must not be specified when patchType is JSONPatch',
      'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
      'spec.mutations[1].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
      'spec.mutations[2].applyConfiguration.expression: Required value: expression is not specified',
      'spec.reinvocationPolicy: Required value',
    ],
  );
});

test('bindings', () => {
  assert.deepEqual(
    refused(ValidatingAdmissionPolicyBinding, (object) => (object.spec = { paramRef: { name: 'a', selector: {} } } as never)),
    [
      'spec.policyName: Required value',
      'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.parameterNotFoundAction: Required value',
      'spec.validationActions: Required value: at least one validation action is required',
    ],
  );
  assert.deepEqual(
    refused(ValidatingAdmissionPolicyBinding, ({ spec }) => (spec.validationActions = ['Deny', 'Warn', 'Warn', 'Sigh'])),
    [
      'spec.validationActions[2]: Duplicate value: "Warn"',
      'spec.validationActions[3]: Unsupported value: "Sigh": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Warn","Sigh"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  );
});
