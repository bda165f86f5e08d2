import type { FieldView, PatchSchema } from '../schema-view.ts';
import { noSchema } from '../schema-view.ts';
import type { Node } from './node.ts';
import { metaFields } from './types.ts';

/** The name of the root's type in the patch schema of a structural type. */
export const rootType = '$';

const metaView: { readonly [name: string]: FieldView } = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'V1ObjectMeta' },
};

/**
 * What patches and server-side apply need to know of a structural schema. Types are named by their place in it;
 * views are made when they are first asked for and are the same ever after. `meta` knows V1ObjectMeta.
 */
export function structuralPatchSchema(root: Node, meta: PatchSchema = noSchema): PatchSchema {
  const types = new Map<string, { node: Node; whole: boolean; views: Map<string, FieldView>; member: FieldView | undefined }>();
  const define = (name: string, node: Node, whole: boolean): string => {
    if (!types.has(name)) types.set(name, { node, whole: whole || node.embedded, views: new Map(), member: undefined });
    return name;
  };
  define(rootType, root, true);

  const elementType = (name: string, node: Node): string => (node.type === 'object' || node.preserve ? define(name, node, false) : (node.type ?? 'string'));

  function viewOf(name: string, node: Node, required: boolean): FieldView {
    const base: FieldView = { required, ...(node.schema.default === undefined ? {} : { default: node.schema.default }) };
    if (node.type === 'array') {
      const type = node.items === undefined ? undefined : elementType(`${name}[]`, node.items);
      return { ...base, array: true, listType: node.listType, listMapKeys: node.mapKeys.length > 0 ? node.mapKeys : undefined, type };
    }
    const atomic = node.schema['x-kubernetes-map-type'] === 'atomic';
    if (node.type !== 'object' || node.additional === undefined) return { ...base, type: elementType(name, node), atomic };
    const member = node.additional;
    if (member.type === 'array') return { ...base, map: true, array: true, type: member.items && elementType(`${name}{}[]`, member.items), atomic };
    return { ...base, map: true, type: elementType(`${name}{}`, member), atomic };
  }

  return {
    field(typeName, name) {
      const type = types.get(typeName);
      if (type === undefined) return meta.field(typeName, name);
      if (type.whole && metaFields.has(name)) return metaView[name];
      const known = type.views.get(name);
      if (known !== undefined) return known;
      const { node } = type;
      const property = node.property(name);
      if (property === undefined) {
        // A map inside a map: every member looks alike.
        if (node.additional === undefined) return undefined;
        return (type.member ??= viewOf(`${typeName}{}`, node.additional, false));
      }
      const view = viewOf(`${typeName}.${name}`, property, node.schema.required?.includes(name) === true);
      type.views.set(name, view);
      return view;
    },
    closed(typeName) {
      const type = types.get(typeName);
      if (type === undefined) return meta.closed?.(typeName) === true;
      const { node } = type;
      return node.type === 'object' && !node.preserve && node.additional === undefined && node.schema.properties !== undefined;
    },
  };
}
