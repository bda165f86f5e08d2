/**
 * Turns the Kubernetes API types that `@kubernetes/client-node` carries into three data files in
 * src/kinds/generated: types.ts (interfaces of the JSON form), schemas.json (field types, read at
 * start) and descriptions.json (texts and OpenAPI names, read only when OpenAPI is asked for).
 * Run: npm run generate. A unit test asserts that the files are what this script would write.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'src/kinds/generated');

/** Types that machinery itself defines. */
const machineryTypes: { readonly [name: string]: string } = {
  V1ObjectMeta: 'ObjectMeta',
  V1OwnerReference: 'OwnerReference',
  V1ManagedFieldsEntry: 'ManagedFieldsEntry',
  V1LabelSelector: 'LabelSelector',
};

/** Fields of type Quantity, which client-node shows as plain strings. */
const quantityFields = new Set(
  `V1ResourceRequirements.limits V1ResourceRequirements.requests V1VolumeResourceRequirements.limits V1VolumeResourceRequirements.requests
  V1NodeStatus.capacity V1NodeStatus.allocatable V1ContainerStatus.allocatedResources V1PodStatus.allocatedResources V1ResourceFieldSelector.divisor
  V1EmptyDirVolumeSource.sizeLimit V1PodSpec.overhead V1Overhead.podFixed V1PersistentVolumeSpec.capacity V1PersistentVolumeClaimStatus.capacity
  V1PersistentVolumeClaimStatus.allocatedResources V1LimitRangeItem._default V1LimitRangeItem.default V1LimitRangeItem.defaultRequest V1LimitRangeItem.max
  V1LimitRangeItem.maxLimitRequestRatio V1LimitRangeItem.min V1ResourceQuotaSpec.hard V1ResourceQuotaStatus.hard V1ResourceQuotaStatus.used
  V1CSIStorageCapacity.capacity V1CSIStorageCapacity.maximumVolumeSize V2MetricTarget.averageValue V2MetricTarget.value V2MetricValueStatus.averageValue
  V2MetricValueStatus.value V2HPAScalingRules.tolerance V1Counter.value V1CapacityRequirements.requests V1DeviceRequestAllocationResult.consumedCapacity
  V1CapacityRequestPolicy.default V1CapacityRequestPolicy.validValues V1CapacityRequestPolicyRange.min V1CapacityRequestPolicyRange.max
  V1CapacityRequestPolicyRange.step V1DeviceCapacity.value`.split(/\s+/),
);

const packages: { readonly [api: string]: string } = {
  Admissionregistration: 'io.k8s.api.admissionregistration',
  Apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  Apiregistration: 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  Apps: 'io.k8s.api.apps',
  Authentication: 'io.k8s.api.authentication',
  Authorization: 'io.k8s.api.authorization',
  Autoscaling: 'io.k8s.api.autoscaling',
  Batch: 'io.k8s.api.batch',
  Certificates: 'io.k8s.api.certificates',
  Coordination: 'io.k8s.api.coordination',
  Core: 'io.k8s.api.core',
  Discovery: 'io.k8s.api.discovery',
  Events: 'io.k8s.api.events',
  FlowcontrolApiserver: 'io.k8s.api.flowcontrol',
  Networking: 'io.k8s.api.networking',
  Node: 'io.k8s.api.node',
  Policy: 'io.k8s.api.policy',
  RbacAuthorization: 'io.k8s.api.rbac',
  Resource: 'io.k8s.api.resource',
  Scheduling: 'io.k8s.api.scheduling',
  Storage: 'io.k8s.api.storage',
  Storagemigration: 'io.k8s.api.storagemigration',
};
/** Types of versions on their way that are served all the same. */
const betas = /^V1beta1StorageVersionMigration(Spec|Status)?$/;
/** Root types that an API class uses although another group owns them. */
const owners: { readonly [type: string]: string } = {
  V1Scale: 'io.k8s.api.autoscaling.v1',
  V1Eviction: 'io.k8s.api.policy.v1',
  AuthenticationV1TokenRequest: 'io.k8s.api.authentication.v1',
};
const metaTypes =
  'APIGroup APIGroupList APIResource APIResourceList APIVersions Condition DeleteOptions FieldSelectorRequirement GroupResource GroupVersionForDiscovery LabelSelector LabelSelectorRequirement ListMeta ManagedFieldsEntry ObjectMeta OwnerReference Preconditions ServerAddressByClientCIDR ShardInfo Status StatusCause StatusDetails'.split(
    ' ',
  );

interface Field {
  name: string;
  /** Innermost type: a code of one letter or a model's name. */
  type: string;
  /** '' or the containers around it, innermost first: '[]', '{}', '[]{}'. */
  shape: string;
  required: boolean;
  description: string;
}
interface Model {
  name: string;
  description: string;
  fields: Field[];
}
interface Attribute {
  name: string;
  baseName: string;
  type: string;
  format: string;
}

const unescape = (text: string): string => text.replace(/\\(['"`\\])/g, '$1').trim();

/** Reads the documentation and the optional marks from a declaration file. */
function readDeclaration(text: string): { description: string; fields: Map<string, { required: boolean; description: string }> } {
  const fields = new Map<string, { required: boolean; description: string }>();
  const comment = String.raw`(?:/\*\*\n((?:\s*\*(?!/).*\n)*?)\s*\*/\n\s*)?`;
  const clean = (block: string | undefined): string =>
    unescape(
      (block ?? '')
        .split('\n')
        .map((line) => line.replace(/^\s*\* ?/, ''))
        .join('\n'),
    );
  for (const match of text.matchAll(new RegExp(`${comment}'([^']+)'(\\?)?: `, 'g'))) {
    fields.set(match[2]!, { required: match[3] !== '?', description: clean(match[1]) });
  }
  const head = new RegExp(`/\\*\\*\\n((?:\\s*\\*(?!/).*\\n)*?)\\s*\\*/\\nexport declare class`).exec(text);
  return { description: clean(head?.[1]), fields };
}

const scalarCodes: { readonly [type: string]: string } = { string: 's', boolean: 'b', number: 'n', Date: 't', V1MicroTime: 'u', any: 'j', IntOrString: 'o' };
const formatCodes: { readonly [format: string]: string } = {
  int32: 'i',
  int64: 'l',
  byte: 'y',
  'date-time': 't',
  'date-time-micro': 'u',
  'int-or-string': 'o',
  double: 'n',
};

function parseType(type: string, format: string): { type: string; shape: string } {
  const array = /^Array<(.*)>$/.exec(type);
  if (array) {
    const inner = parseType(array[1]!, format);
    return { type: inner.type, shape: `${inner.shape}[]` };
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map) {
    const inner = parseType(map[1]!, format);
    return { type: inner.type, shape: `${inner.shape}{}` };
  }
  const scalar = scalarCodes[type];
  if (scalar === undefined) return { type, shape: '' };
  if (scalar === 'n') return { type: formatCodes[format] ?? 'l', shape: '' };
  return { type: formatCodes[format] ?? scalar, shape: '' };
}

function readModels(directory: string): Map<string, Model> {
  const models = new Map<string, Model>();
  for (const file of readdirSync(directory).toSorted()) {
    const name = file.replace(/\.js$/, '');
    if (file === name || !(/^[A-Za-z]*V[12][A-Z]\w*$/.test(name) || betas.test(name))) continue;
    const source = readFileSync(join(directory, file), 'utf8');
    const table = /attributeTypeMap = (\[[\s\S]*?\n?\]);/.exec(source);
    if (!table) throw new Error(`${file} has no attributeTypeMap: the layout of @kubernetes/client-node has changed`);
    const declaration = readDeclaration(readFileSync(join(directory, `${name}.d.ts`), 'utf8'));
    const fields = (JSON.parse(table[1]!) as Attribute[]).map((attribute): Field => {
      const declared = declaration.fields.get(attribute.name);
      if (!declared) throw new Error(`${name}.${attribute.name} is not declared`);
      const parsed = parseType(attribute.type, attribute.format);
      if (quantityFields.has(`${name}.${attribute.baseName}`)) parsed.type = 'q';
      return { name: attribute.baseName, ...parsed, ...declared };
    });
    models.set(name, { name, description: declaration.description, fields });
  }
  return models;
}

const tsScalars: { readonly [code: string]: string } = {
  s: 'string',
  b: 'boolean',
  i: 'number',
  l: 'number',
  n: 'number',
  y: 'string',
  t: 'string',
  u: 'string',
  o: 'number | string',
  q: 'string',
  j: 'Json',
};

function tsType(field: Field): string {
  let type = tsScalars[field.type] ?? machineryTypes[field.type] ?? field.type;
  for (const container of field.shape.match(/\[\]|\{\}/g) ?? []) {
    type = container === '[]' ? (type.includes(' ') ? `(${type})[]` : `${type}[]`) : `{ [key: string]: ${type} }`;
  }
  return type;
}

function renderTypes(models: Map<string, Model>, version: string): string {
  const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`);
  let text = `// Generated by scripts/generate-schemas.ts from @kubernetes/client-node ${version}. Do not edit.\n`;
  text += `import type { Json, LabelSelector, ManagedFieldsEntry, ObjectMeta, OwnerReference } from '#machinery';\n`;
  text += `export type { LabelSelector, ManagedFieldsEntry, ObjectMeta, OwnerReference };\n`;
  for (const model of models.values()) {
    if (machineryTypes[model.name]) {
      text += `export type ${model.name} = ${machineryTypes[model.name]};\n`;
      continue;
    }
    text += `export interface ${model.name} {\n`;
    for (const field of model.fields) text += `  ${key(field.name)}${field.required ? '' : '?'}: ${tsType(field)};\n`;
    text += `}\n`;
  }
  return text;
}

function renderSchemas(models: Map<string, Model>): string {
  const lines: string[] = [];
  for (const model of models.values()) {
    const fields: { [name: string]: string } = {};
    for (const field of model.fields) fields[field.name] = `${field.required ? '!' : ''}${field.type}${field.shape}`;
    lines.push(`${JSON.stringify(model.name)}:${JSON.stringify(fields)}`);
  }
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** Which package (`io.k8s.api.apps.v1`) each type belongs to: found by reachability from the API classes' own types. */
function packagesOf(models: Map<string, Model>, apis: string): Map<string, string> {
  const found = new Map<string, string>();
  const claim = (type: string, name: string): void => {
    if (found.has(type) || !models.has(type)) return;
    found.set(type, name);
    for (const field of models.get(type)!.fields) claim(field.type, name);
  };
  for (const type of metaTypes) found.set(`V1${type}`, 'io.k8s.apimachinery.pkg.apis.meta.v1');
  for (const [type, name] of Object.entries(owners)) found.set(type, name);
  // Core comes first: its types are shared by the other groups.
  const names = Object.keys(packages).toSorted((a, b) => Number(b === 'Core') - Number(a === 'Core'));
  for (const api of names) {
    for (const version of ['V1', 'V2', 'V1beta1']) {
      const file = join(apis, `${api}${version}Api.d.ts`);
      let source: string;
      try {
        source = readFileSync(file, 'utf8');
      } catch {
        continue;
      }
      for (const match of source.matchAll(/import \{ (\w+) \} from '\.\.\/models\//g)) claim(match[1]!, `${packages[api]}.${version.toLowerCase()}`);
    }
  }
  for (const [type, name] of Object.entries(owners)) {
    found.delete(type);
    claim(type, name);
  }
  return found;
}

function renderDescriptions(models: Map<string, Model>, owned: Map<string, string>): string {
  const lines: string[] = [];
  for (const model of models.values()) {
    const owner = owned.get(model.name);
    if (!owner) continue;
    const short = model.name.replace(/^[A-Za-z]*?V[12](beta1)?(?=[A-Z])/, '');
    const fields: { [name: string]: string } = {};
    for (const field of model.fields) if (field.description) fields[field.name] = field.description;
    lines.push(`${JSON.stringify(model.name)}:${JSON.stringify({ name: `${owner}.${short}`, description: model.description, fields })}`);
  }
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** The contents of all generated files, by name. */
export function generate(): { [file: string]: string } {
  const entry = createRequire(import.meta.url).resolve('@kubernetes/client-node');
  const packageRoot = entry.slice(0, entry.lastIndexOf('client-node') + 'client-node'.length);
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const models = readModels(join(packageRoot, 'dist/gen/models'));
  const owned = packagesOf(models, join(packageRoot, 'dist/gen/apis'));
  // An empty description file would make kubectl explain silent, so an upstream change must be loud.
  if (models.size < 500 || owned.size < 400)
    throw new Error(`only ${models.size} models, ${owned.size} with a package: the layout of @kubernetes/client-node has changed`);
  return { 'types.ts': renderTypes(models, version), 'schemas.json': renderSchemas(models), 'descriptions.json': renderDescriptions(models, owned) };
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(generate())) writeFileSync(join(out, file), text);
}
