import { readFileSync } from 'node:fs';
import { NodeGroup, schemas, type NodeGroupSpec, type NodeTemplate } from '#kinds';
import { decode, isApiError, parseYaml, type Api, type KubeObject } from '#machinery';
import { UserError } from './errors.ts';

/** A group of nodes that `--sim-template` asks for. */
export interface TemplateGroup {
  readonly name: string;
  readonly spec: NodeGroupSpec;
}

type Fields = Record<string, unknown>;

/**
 * Reads a file of node templates: one or several documents, each a NodeGroup, or in short
 * `{name, count, instanceType, zones, labels, taints, …}`, or a list of these. Rejects with UserError.
 */
export async function readNodeTemplates(file: string): Promise<TemplateGroup[]> {
  const fail = (why: string): never => {
    throw new UserError(`--sim-template ${file}: ${why}`);
  };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return fail((error as Error).message);
  }
  const groups: TemplateGroup[] = [];
  for (const document of text.split(/^---\s*$/m)) {
    const { value } = await parseYaml(document).catch((error: Error) => fail(error.message));
    const entries = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    for (const entry of entries) groups.push(readGroup(entry, groups.length, fail));
  }
  return groups;
}

function readGroup(entry: unknown, index: number, fail: (why: string) => never): TemplateGroup {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return fail(`template ${index + 1} is not an object`);
  const fields = entry as Fields;
  const manifest = fields['kind'] === 'NodeGroup' ? fields : long(fields);
  const { value, unknown, error } = decode(schemas, NodeGroup.schema, { ...manifest, apiVersion: NodeGroup.apiVersion, kind: NodeGroup.kind }, 'Strict');
  if (error !== undefined || unknown.length > 0) return fail(`template ${index + 1}: ${error ?? `unknown field ${unknown.join(', ')}`}`);
  const group = value as KubeObject & { spec?: NodeGroupSpec };
  const name = group.metadata?.name;
  if (!name) return fail(`template ${index + 1} has no name`);
  NodeGroup.defaults?.(group);
  const [problem] = NodeGroup.validate?.(group, undefined) ?? [];
  if (problem) return fail(`${name}: ${problem.field}: ${problem.message}`);
  return { name, spec: group.spec ?? {} };
}
/** The short form: what is not about the group is about its nodes. */
function long({ name, count, min, max, priority, scaleDown, ...template }: Fields): Fields {
  const group = { replicas: count, min, max, priority, scaleDown };
  const given = Object.entries(group).filter(([, value]) => value !== undefined);
  return { metadata: name === undefined ? {} : { name }, spec: { ...Object.fromEntries(given), template: template as NodeTemplate } };
}

/** Makes the groups; one that is there keeps its size, which somebody may have changed since. */
export async function applyNodeTemplates(api: Api, groups: readonly TemplateGroup[]): Promise<void> {
  for (const { name, spec } of groups) {
    try {
      await api.create(NodeGroup, { metadata: { name }, spec });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const { replicas: _replicas, ...rest } = spec;
      const { spec: old, ...group } = await api.get(NodeGroup, { name });
      await api.update(NodeGroup, { ...group, spec: { ...rest, ...(old?.replicas === undefined ? {} : { replicas: old.replicas }) } });
    }
  }
}
