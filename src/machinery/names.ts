/** The name rules of apimachinery's validation package, with its texts. Each answers the problems found; none = good. */

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelRule = new RegExp(`^${label}$`);
const subdomainRule = new RegExp(`^${label}(\\.${label})*$`);
const label1035Rule = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedRule = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const valueRule = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const regexText = (message: string, regex: string, ...examples: string[]): string =>
  `${message} (e.g. ${examples.map((e) => `'${e}'`).join(',  or ')}, regex used for validation is '${regex}')`;
const tooLong = (max: number): string => `must be no more than ${max} characters`;

const labelText = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`;
const subdomainText = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`;
const label1035Text = `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character`;
const nameText = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`;
const valueText = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`;

/** Texts are made for those who need them: names are checked with every write. */
function problems(value: string, max: number, rule: RegExp, text: () => string): string[] {
  const out: string[] = [];
  if (Buffer.byteLength(value) > max) out.push(tooLong(max));
  if (!rule.test(value)) out.push(text());
  return out;
}

export const dnsLabelProblems = (value: string): string[] => problems(value, 63, labelRule, () => regexText(labelText, label, 'my-name', '123-abc'));
export const dnsSubdomainProblems = (value: string): string[] =>
  problems(value, 253, subdomainRule, () => regexText(subdomainText, `${label}(\\.${label})*`, 'example.com'));
export const dns1035LabelProblems = (value: string): string[] =>
  problems(value, 63, label1035Rule, () => regexText(label1035Text, '[a-z]([-a-z0-9]*[a-z0-9])?', 'my-name', 'abc-123'));

export function pathSegmentProblems(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`);
}

export type NameRule = 'dns-subdomain' | 'dns-label' | 'dns-label-1035' | 'path-segment';
const rules: Record<NameRule, (value: string) => string[]> = {
  'dns-subdomain': dnsSubdomainProblems,
  'dns-label': dnsLabelProblems,
  'dns-label-1035': dns1035LabelProblems,
  'path-segment': pathSegmentProblems,
};

/** Problems of metadata.name; `prefix` checks a generateName, whose trailing dash is allowed. */
export function nameProblems(rule: NameRule, value: string, prefix = false): string[] {
  const checked = prefix && value.endsWith('-') && value.length > 1 ? `${value.slice(0, -1)}a` : value;
  return rules[rule](checked);
}

// Label keys and values repeat endlessly; good ones are remembered.
const goodKeys = new Set<string>();

/** A qualified name: [prefix/]name. Rule of label and annotation keys (annotation keys are lowercased first). */
export function labelKeyProblems(key: string): string[] {
  if (goodKeys.has(key)) return [];
  const out = qualifiedNameProblems(key);
  if (out.length === 0) {
    if (goodKeys.size > 5000) goodKeys.clear();
    goodKeys.add(key);
  }
  return out;
}

function qualifiedNameProblems(key: string): string[] {
  const text = regexText(nameText, '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]', 'MyName', 'my.name', '123-abc');
  const parts = key.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const out: string[] = [];
  if (parts.length === 2) {
    if (parts[0] === '') out.push('prefix part must be non-empty');
    else out.push(...dnsSubdomainProblems(parts[0] as string).map((p) => `prefix part ${p}`));
  }
  const name = parts.at(-1) as string;
  if (name === '') return [...out, 'name part must be non-empty', text];
  if (name.length > 63) out.push(`name part ${tooLong(63)}`);
  if (!qualifiedRule.test(name)) out.push(text);
  return out;
}

export function labelValueProblems(value: string): string[] {
  return problems(value, 63, valueRule, () => regexText(valueText, '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?', 'MyValue', 'my_value', '12345'));
}
