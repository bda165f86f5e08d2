import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1IPBlock, V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, required, unsupportedOf } from '../support/errors.ts';
import { parseCidr, strictlyWithin, validCidr } from '../support/ip.ts';
import { checked, validPortName, validPortNumber } from '../support/names.ts';
import { formatSelector, validateLabelSelector } from '../support/selectors.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
const directions = ['Ingress', 'Egress'];

function validatePort(at: string, { protocol, port, endPort }: V1NetworkPolicyPort): FieldError[] {
  const errors = protocol !== undefined && !protocols.includes(protocol) ? [unsupportedOf(`${at}.protocol`, protocol, protocols)] : [];
  const without = (text: string): void => void (endPort !== undefined && errors.push(invalidValue(`${at}.endPort`, endPort, text)));
  if (port === undefined) without('may not be specified when `port` is not specified');
  else if (typeof port === 'string') {
    without('may not be specified when `port` is non-numeric');
    errors.push(...checked(`${at}.port`, port, validPortName));
  } else {
    errors.push(...checked(`${at}.port`, port, validPortNumber));
    if (endPort === undefined) return errors;
    if (endPort < port) errors.push(invalidValue(`${at}.endPort`, port, 'must be greater than or equal to `port`'));
    errors.push(...checked(`${at}.endPort`, endPort, validPortNumber));
  }
  return errors;
}

function validateBlock(at: string, block: V1IPBlock): FieldError[] {
  if (!block.cidr) return [required(`${at}.cidr`)];
  const whole = parseCidr(block.cidr);
  if (!whole) return validCidr(`${at}.cidr`, block.cidr);
  return (block.except ?? []).flatMap((text, i) => {
    const part = parseCidr(text);
    if (!part) return validCidr(`${at}.except[${i}]`, text);
    return strictlyWithin(part, whole) ? [] : [invalidValue(`${at}.except[${i}]`, text, 'must be a strict subset of `cidr`')];
  });
}

function validatePeer(at: string, peer: V1NetworkPolicyPeer): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  if (!podSelector && !namespaceSelector && !ipBlock) return [required(at, 'must specify a peer')];
  const errors = [...validateLabelSelector(`${at}.podSelector`, podSelector), ...validateLabelSelector(`${at}.namespaceSelector`, namespaceSelector)];
  if (ipBlock) errors.push(...validateBlock(`${at}.ipBlock`, ipBlock));
  if (ipBlock && (podSelector || namespaceSelector)) errors.push(forbidden(at, 'may not specify both ipBlock and another peer'));
  return errors;
}

function validate({ spec = {} }: V1NetworkPolicy): FieldError[] {
  const errors = validateLabelSelector('spec.podSelector', spec.podSelector);
  const rules = (at: string, ports: V1NetworkPolicyPort[] | undefined, peers: V1NetworkPolicyPeer[] | undefined, member: string): void => {
    ports?.forEach((port, i) => errors.push(...validatePort(`${at}.ports[${i}]`, port)));
    peers?.forEach((peer, i) => errors.push(...validatePeer(`${at}.${member}[${i}]`, peer)));
  };
  spec.ingress?.forEach((rule, i) => rules(`spec.ingress[${i}]`, rule.ports, rule.from, 'from'));
  spec.egress?.forEach((rule, i) => rules(`spec.egress[${i}]`, rule.ports, rule.to, 'to'));
  const types = spec.policyTypes ?? [];
  if (types.length > 2) return [...errors, invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  types.forEach((type, i) => directions.includes(type) || errors.push(unsupportedOf(`spec.policyTypes[${i}]`, type, directions)));
  return errors;
}

export const NetworkPolicy: Kind<V1NetworkPolicy> = defineKind<V1NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  namespaced: true,
  schema: 'V1NetworkPolicy',
  generation: true,
  columns: [
    nameColumn,
    column(
      'Pod-Selector',
      'string',
      'podSelector selects the pods to which this NetworkPolicy object applies.',
      ({ spec }) => formatSelector(spec?.podSelector) || '<none>',
    ),
    ageColumn,
  ],
  defaults(policy) {
    const spec = (policy.spec ??= {});
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate,
});
