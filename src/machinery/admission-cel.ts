import { celTypes, compileCel, type CelOptions, type CelProgram, type CelType } from './cel/index.ts';

const { dyn, string, bool, int, timestamp, listOf, mapOf, objectOf, opaque } = celTypes;

type ObjectType = CelType & { readonly kind: 'object' };
/** An object of fields that go by their own names: `request.namespace`, although `namespace` is a reserved word. */
function declared(name: string, fields: { readonly [name: string]: CelType }): ObjectType {
  return { kind: 'object', name, field: (field) => (Object.hasOwn(fields, field) ? { name: field, type: fields[field] as CelType } : undefined) };
}

const groupVersionKind = declared('kubernetes.GroupVersionKind', { group: string, version: string, kind: string });
const groupVersionResource = declared('kubernetes.GroupVersionResource', { group: string, version: string, resource: string });
const userInfo = declared('kubernetes.UserInfo', { username: string, uid: string, groups: listOf(string), extra: mapOf(string, listOf(string)) });
/** `request` of admission's expressions: an admission.k8s.io AdmissionRequest without its objects. */
const request = declared('kubernetes.AdmissionRequest', {
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: string,
  requestKind: groupVersionKind,
  requestResource: groupVersionResource,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo,
  dryRun: bool,
  options: dyn,
});
/** `namespaceObject`: of the Namespace only what is listed here may be looked at. */
const namespaceObject = declared('kubernetes.Namespace', {
  metadata: declared('kubernetes.NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: mapOf(string, string),
    annotations: mapOf(string, string),
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: listOf(string),
  }),
  spec: declared('kubernetes.NamespaceSpec', { finalizers: listOf(string) }),
  status: declared('kubernetes.NamespaceStatus', { phase: string }),
});

/** Any name of a field in its CEL form, as it is in JSON. */
export function unescapeCelName(name: string): string {
  return name.replace(
    /__(dot|dash|slash|underscores|[a-z]+)__/g,
    (whole, word: string) => ({ dot: '.', dash: '-', slash: '/', underscores: '__' })[word] ?? (name === whole ? word : whole),
  );
}
/** `Object{…}`, `Object.spec{…}`: fields have no types of their own; that types stand where their names say is checked afterwards. */
const objectType = (name: string): ObjectType => ({ kind: 'object', name, field: (field) => ({ name: unescapeCelName(field), type: dyn }) });
const jsonPatchType = declared('JSONPatch', { op: string, path: string, from: string, value: dyn });
const structs: NonNullable<CelOptions['structs']> = {
  find: (name) => (name === 'Object' || name.startsWith('Object.') ? objectType(name) : name === 'JSONPatch' ? jsonPatchType : undefined),
};

export interface AdmissionScope {
  /** Types of object and oldObject; dyn where nothing is known. */
  readonly object?: CelType;
  readonly params?: boolean | CelType;
  readonly namespaceObject?: boolean;
  readonly authorizer?: boolean;
  /** Types of the policy's variables that are known so far. */
  readonly variables?: ReadonlyMap<string, CelType>;
  /** Whether expressions make objects or patches. */
  readonly mutates?: boolean;
}
/** What an expression of admission may name. */
export function admissionEnvironment(scope: AdmissionScope): Pick<CelOptions, 'variables' | 'structs'> {
  const { object = dyn, params, variables } = scope;
  const names: { [name: string]: CelType } = { object, oldObject: object, request };
  if (params) names['params'] = params === true ? dyn : params;
  if (scope.namespaceObject !== false) names['namespaceObject'] = namespaceObject;
  if (scope.authorizer !== false) {
    names['authorizer'] = opaque('kubernetes.authorization.Authorizer');
    names['authorizer.requestResource'] = opaque('kubernetes.authorization.ResourceCheck');
  }
  if (variables) names['variables'] = objectOf('kubernetes.variables', Object.fromEntries(variables));
  return { variables: names, ...(scope.mutates ? { structs } : {}) };
}

/** Compiles the variables of a policy, each of which sees those before it. `failed` gets what does not compile. */
export function compileVariables(
  variables: readonly { readonly name: string; readonly expression: string }[],
  scope: AdmissionScope,
  failed: (index: number, error: unknown) => void,
): { programs: Map<string, CelProgram>; types: Map<string, CelType> } {
  const programs = new Map<string, CelProgram>();
  const types = new Map<string, CelType>();
  variables.forEach(({ name, expression }, i) => {
    try {
      const program = compileCel(expression, admissionEnvironment({ ...scope, variables: types }));
      programs.set(name, program);
      types.set(name, program.type);
    } catch (error) {
      failed(i, error);
      types.set(name, dyn);
    }
  });
  return { programs, types };
}
