import { formatTime } from '#base';
import { IAMGroup, IAMPolicy, IAMRole, IAMUser, type AwsTag, type IamGroupSpec, type IamPolicySpec, type IamRoleSpec, type IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import type { Conditions } from '../../gateway/service.ts';
import { iamId } from '../../iam/identities.ts';
import { allManagedPolicies, managedPolicy } from '../../iam/managed/index.ts';
import { parsePolicy, PolicyError, type PolicyUse } from '../../iam/policy/document.ts';
import { globalRegion, type Place, type Table } from '../../state/table.ts';

export { iamId } from '../../iam/identities.ts';

export const place = (call: Call): Place => ({ account: call.account, region: globalRegion });
export const users = (call: Call): Table<IamUserSpec> => call.state.table(IAMUser);
export const groups = (call: Call): Table<IamGroupSpec> => call.state.table(IAMGroup);
export const roles = (call: Call): Table<IamRoleSpec> => call.state.table(IAMRole);
export const policies = (call: Call): Table<IamPolicySpec> => call.state.table(IAMPolicy);

/** Changes of IAM look at several things at once: they go one after the other. */
export const change = <T>(call: Call, run: () => Promise<T>): Promise<T> => call.state.exclusive(`iam:${call.account}`, run);

export const now = (call: Call): string => formatTime(call.clock.now());
/** A Date of a stored time. */
export const date = (text: string): Date => new Date(text);

/** An ARN of IAM: no region, the path in it. */
export const iamArn = (call: Call, what: string): string => `arn:${call.partition}:iam::${call.account}:${what}`;
export const pathArn = (call: Call, type: string, path: string | undefined, name: string): string => iamArn(call, `${type}${path ?? '/'}${name}`);

export const noSuch = (what: string): AwsError => new AwsError('NoSuchEntity', what);
export const noUser = (name: string): AwsError => noSuch(`The user with name ${name} cannot be found.`);
export const noGroup = (name: string): AwsError => noSuch(`The group with name ${name} cannot be found.`);
export const noRole = (name: string): AwsError => noSuch(`The role with name ${name} cannot be found.`);
export const noPolicy = (arn: string): AwsError => noSuch(`Policy ${arn} does not exist or is not attachable.`);
export const exists = (what: string): AwsError => new AwsError('EntityAlreadyExists', what);
export const conflict = (what: string): AwsError => new AwsError('DeleteConflict', what);
export const limit = (what: string): AwsError => new AwsError('LimitExceeded', what);
export const invalid = (what: string): AwsError => new AwsError('ValidationError', what);

export function getUser(call: Call, name: string): IamUserSpec {
  const found = users(call).get(place(call), iamId(name));
  if (!found) throw noUser(name);
  return found;
}
export function getGroup(call: Call, name: string): IamGroupSpec {
  const found = groups(call).get(place(call), iamId(name));
  if (!found) throw noGroup(name);
  return found;
}
export function getRole(call: Call, name: string): IamRoleSpec {
  const found = roles(call).get(place(call), iamId(name));
  if (!found) throw noRole(name);
  return found;
}
const lastPart = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
/** A managed policy: the account's own, or AWS's in the same shape. */
export function findPolicy(call: Call, arn: string): IamPolicySpec | undefined {
  const aws = managedPolicy(arn);
  if (aws) return awsManaged(aws);
  const own = policies(call).get(place(call), iamId(lastPart(arn)));
  return own?.arn === arn ? own : undefined;
}
export function getPolicy(call: Call, arn: string): IamPolicySpec {
  if (!/^arn:[\w-]+:iam::(?:\d{12}|aws):policy\/.+$/.test(arn)) throw invalid(`ARN ${arn} is not valid.`);
  const found = findPolicy(call, arn);
  if (!found) throw noSuch(`Policy ${arn} was not found.`);
  return found;
}
type Managed = NonNullable<ReturnType<typeof managedPolicy>>;
const awsManaged = ({ name, arn, path, id, createDate, updateDate, version, document }: Managed): IamPolicySpec => ({
  policyName: name,
  policyId: id,
  arn,
  path,
  tags: [],
  createDate,
  updateDate,
  versions: [{ id: version, document, createDate: updateDate }],
  defaultVersionId: version,
  lastVersion: Number(version.slice(1)),
});
export const awsManagedPolicies = (): IamPolicySpec[] => allManagedPolicies().map(awsManaged);

/** Reads a document that came with a call. Throws AwsError (MalformedPolicyDocument). */
export function checkDocument(document: string, use: PolicyUse, most = 6144): string {
  const size = document.replaceAll(/\s/g, '').length;
  if (size > most) throw limit(`Cannot exceed quota for PolicySize: ${most}`);
  try {
    parsePolicy(document, use);
  } catch (error) {
    if (error instanceof PolicyError) throw new AwsError('MalformedPolicyDocument', error.message);
    throw error;
  }
  return document;
}
/** Documents travel percent-encoded in answers (RFC 3986). */
export const encodeDocument = (document: string): string =>
  encodeURIComponent(document).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Names: letters, digits and some signs. */
export function checkName(what: string, name: string, most: number): void {
  if (name.length === 0 || name.length > most) {
    throw invalid(
      `1 validation error detected: Value '${name}' at '${what}' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
    );
  }
  if (!/^[\w+=,.@-]+$/.test(name)) {
    throw invalid(`The specified value for ${what} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`);
  }
}
export function checkPath(path: string | undefined): string {
  if (path === undefined) return '/';
  if (path.length > 512 || !/^(?:\/|\/[\u0021-\u007f]+\/)$/.test(path)) {
    throw invalid('The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.');
  }
  return path;
}

interface Paged {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}
/** One page; the marker is where the next one starts. */
export function paginate<T>(items: readonly T[], { Marker, MaxItems }: Paged): { page: T[]; IsTruncated: boolean; Marker?: string } {
  const most = MaxItems ?? 100;
  if (!Number.isInteger(most) || most < 1 || most > 1000) {
    throw invalid(`1 validation error detected: Value '${most}' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000`);
  }
  const start = Marker === undefined ? 0 : Number(Buffer.from(Marker, 'base64url').toString().replace(/^at:/, ''));
  if (!Number.isInteger(start) || start < 0) throw invalid('Invalid Marker.');
  const page = items.slice(start, start + most);
  const next = start + page.length;
  return next < items.length ? { page, IsTruncated: true, Marker: Buffer.from(`at:${next}`).toString('base64url') } : { page, IsTruncated: false };
}
export const underPath = <T extends { path: string }>(items: readonly T[], prefix = '/'): T[] => items.filter(({ path }) => path.startsWith(prefix));

interface Tag {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}
/** Tags that come with a call; keys are unique whatever their case. Throws AwsError. */
export function readTags(tags: readonly Tag[] | undefined): AwsTag[] {
  const out = (tags ?? []).map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
  if (out.length > 50) throw limit('The number of tags has reached the maximum limit.');
  const keys = new Set<string>();
  for (const { key, value } of out) {
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(key) || !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(value)) throw invalid(`Tag '${key}' is not valid.`);
    if (key.toLowerCase().startsWith('aws:')) throw new AwsError('InvalidInput', 'Tag keys starting with aws: are reserved for system use.');
    if (keys.has(key.toLowerCase())) throw new AwsError('InvalidInput', 'Duplicate tag keys found. Please note that Tag keys are case insensitive.');
    keys.add(key.toLowerCase());
  }
  return out;
}
export function mergeTags(old: readonly AwsTag[], added: readonly AwsTag[]): AwsTag[] {
  const out = [...old.filter((one) => !added.some(({ key }) => key.toLowerCase() === one.key.toLowerCase())), ...added];
  if (out.length > 50) throw limit('The number of tags has reached the maximum limit.');
  return out;
}
export const writeTags = (tags: readonly AwsTag[]): { Key: string; Value: string }[] => tags.map(({ key, value }) => ({ Key: key, Value: value }));

/** Condition keys of tags that a call brings. */
export const requestTags = (tags: readonly Tag[] | undefined): Conditions => ({
  ...Object.fromEntries((tags ?? []).map(({ Key, Value }) => [`aws:RequestTag/${Key ?? ''}`, Value])),
  ...(tags?.length ? { 'aws:TagKeys': tags.map(({ Key = '' }) => Key) } : {}),
});
/** Condition keys of the tags of what a call is about. */
export const resourceTags = (tags: readonly AwsTag[] | undefined): Conditions =>
  Object.fromEntries((tags ?? []).flatMap(({ key, value }) => [`aws:ResourceTag/${key}`, `iam:ResourceTag/${key}`].map((name) => [name, value])));

/** What the service writes, whatever its model says. */
export const boundaryType = 'Policy' as 'PermissionsBoundaryPolicy';
