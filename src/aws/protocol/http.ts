import type { CallRequest, Target } from './types.ts';
import type { Member, Structure } from './schema.ts';
import { formatDate, parseScalar, present, scalarText, type Scalar } from './values.ts';

/** What HTTP carries of an input outside of the body. Throws AwsError. */
export function readBindings(request: CallRequest, shape: Structure, target: Target, code: string): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const query = new URLSearchParams(request.query);
  for (const member of shape.members) {
    const value = readBinding(request, member, query, target, code);
    if (value !== undefined) out[member.name] = value;
  }
  return out;
}

function readBinding(request: CallRequest, member: Member, query: URLSearchParams, target: Target, code: string): unknown {
  const { traits, name, shape } = member;
  if (traits.httpLabel) return scalarOf(member, target.labels?.[name], code);
  if (traits.httpQuery !== undefined) {
    if (shape.kind !== 'list') return scalarOf(member, query.get(traits.httpQuery) ?? undefined, code);
    const all = query.getAll(traits.httpQuery);
    return all.length === 0 ? undefined : all.map((text) => parseScalar(shape.member.shape as Scalar, text, name, code));
  }
  if (traits.httpQueryParams) return Object.fromEntries(query);
  if (traits.httpHeader !== undefined) {
    const text = request.header(traits.httpHeader.toLowerCase());
    if (text === undefined || text === '') return undefined;
    if (shape.kind === 'list') return text.split(',').map((one) => parseScalar(shape.member.shape as Scalar, one.trim(), name, code));
    return scalarOf(member, text, code);
  }
  if (traits.httpPrefixHeaders !== undefined) {
    const prefix = traits.httpPrefixHeaders.toLowerCase();
    const found = [...request.headers].filter(([header]) => header.startsWith(prefix) && header.length > prefix.length);
    return found.length === 0 ? undefined : Object.fromEntries(found.map(([header, values]) => [header.slice(prefix.length), values.join(',')]));
  }
  return undefined;
}
const scalarOf = ({ shape, name }: Member, text: string | undefined, code: string): unknown =>
  text === undefined || shape.kind !== 'scalar' ? undefined : parseScalar(shape, text, name, code);

/** Whether a member travels in the body. */
export const inBody = ({ traits }: Member): boolean =>
  traits.httpLabel === undefined &&
  traits.httpQuery === undefined &&
  traits.httpQueryParams === undefined &&
  traits.httpHeader === undefined &&
  traits.httpPrefixHeaders === undefined &&
  traits.httpResponseCode === undefined;

/** Status and headers that an output brings. */
export function writeBindings(
  shape: Structure,
  output: Readonly<Record<string, unknown>>,
  status: number,
): { status: number; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  for (const [{ traits, shape: of }, value] of present(shape.members, output)) {
    if (traits.httpResponseCode) status = value as number;
    else if (traits.httpPrefixHeaders !== undefined) {
      for (const [name, text] of Object.entries(value as Record<string, string>)) headers[`${traits.httpPrefixHeaders}${name}`] = text;
    } else if (traits.httpHeader !== undefined) {
      headers[traits.httpHeader.toLowerCase()] =
        value instanceof Date
          ? formatDate(value, (of as Scalar).format ?? 'http-date')
          : of.kind === 'scalar'
            ? scalarText(of, value)
            : (value as string[]).join(',');
    }
  }
  return { status, headers };
}
