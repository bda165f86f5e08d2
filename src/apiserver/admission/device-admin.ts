import { invalid, type KubeObject } from '#machinery';
import type { AdmissionPlugin, ObjectReader } from '../types.ts';

const label = 'resource.kubernetes.io/admin-access';
interface Devices {
  devices?: { requests?: { exactly?: { adminAccess?: boolean } }[] };
}
interface Claim extends KubeObject {
  /** Of a ResourceClaimTemplate the claim's spec is one level deeper. */
  spec?: Devices & { spec?: Devices };
}

/** Access for administrators to devices that others hold (KEP-5018) is for namespaces with a label that says so. */
export function deviceAdminAccess(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'DynamicResourceAdminAccess',
    handles: ({ group, plural }) => group === 'resource.k8s.io' && (plural === 'resourceclaims' || plural === 'resourceclaimtemplates'),
    operations: ['CREATE'],
    start: (given) => void (reader = given),
    validate({ kind, name, namespace, object }) {
      const isTemplate = kind.plural === 'resourceclaimtemplates';
      const spec = (object as Claim).spec;
      const requests = (isTemplate ? spec?.spec : spec)?.devices?.requests ?? [];
      const at = requests.findIndex(({ exactly }) => exactly?.adminAccess === true);
      if (at < 0 || reader.get('', 'namespaces', undefined, namespace ?? '')?.metadata?.labels?.[label] === 'true') return;
      const message = `Forbidden: admin access to devices requires the \`${label}: true\` label on the containing namespace`;
      throw invalid(kind, name, [
        { reason: 'FieldValueForbidden', field: `${isTemplate ? 'spec.spec' : 'spec'}.devices.requests[${at}].adminAccess`, message },
      ]);
    },
  };
}
