import { dns1035LabelProblems, dnsLabelProblems, dnsSubdomainProblems, labelKeyProblems, labelValueProblems } from '../../names.ts';
import { formats } from '../../structural/formats.ts';
import { readsSecond } from '../cost-rules.ts';
import type { FunctionSpec } from '../functions.ts';
import { List, Opaque, Optional } from '../values.ts';

type Check = (text: string) => string[];
const registry =
  (name: string, text: string): Check =>
  (value) =>
    formats[name]?.(value) === true ? [] : [text];
/** A trailing dash is fine: more will follow. */
const prefix =
  (check: Check): Check =>
  (text) =>
    check(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);

const checks: { readonly [name: string]: Check } = {
  dns1123Label: dnsLabelProblems,
  dns1123Subdomain: dnsSubdomainProblems,
  dns1035Label: dns1035LabelProblems,
  qualifiedName: labelKeyProblems,
  dns1123LabelPrefix: prefix(dnsLabelProblems),
  dns1123SubdomainPrefix: prefix(dnsSubdomainProblems),
  dns1035LabelPrefix: prefix(dns1035LabelProblems),
  labelValue: labelValueProblems,
  uri: registry('uri', 'invalid URI'),
  uuid: registry('uuid', 'does not match the UUID format'),
  byte: registry('byte', 'invalid base64'),
  date: registry('date', 'invalid date'),
  datetime: registry('date-time', 'invalid datetime'),
};

class NamedFormat extends Opaque {
  readonly type = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly check: Check;
  constructor(name: string, check: Check) {
    super();
    this.name = name;
    this.check = check;
  }
  equals(other: this): boolean {
    return this.name === other.name;
  }
}
const named = new Map(Object.entries(checks).map(([name, check]) => [name, new NamedFormat(name, check)]));

/** Kubernetes' format library. */
export const namedFormats: readonly FunctionSpec[] = [
  ...[...named].map(([name, format]): FunctionSpec => [`format::${name}() Format`, () => format]),
  [
    'format::named(string) optional<Format>',
    (name: string) => {
      const found = named.get(name);
      return found ? new Optional(found) : Optional.none;
    },
  ],
  [
    'Format.validate(string) optional<list<string>>',
    (format: NamedFormat, text: string) => {
      const problems = format.check(text);
      return problems.length === 0 ? Optional.none : new Optional(new List(problems));
    },
    readsSecond,
  ],
];
