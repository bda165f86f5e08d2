import { IAMGroup, IAMRole, IAMUser, type AwsObject, type IamPrincipal } from '#kinds';
import type { Kind } from '#machinery';
import type { Call } from '../../gateway/call.ts';
import type { AwsError } from '../../gateway/errors.ts';
import { defineAction, type AnyAction, type Conditions } from '../../gateway/service.ts';
import type { Table } from '../../state/table.ts';
import {
  change,
  checkDocument,
  checkName,
  encodeDocument,
  findPolicy,
  getPolicy,
  iamArn,
  iamId,
  limit,
  noGroup,
  noPolicy,
  noRole,
  noSuch,
  noUser,
  paginate,
  place,
  resourceTags,
  underPath,
} from './support.ts';

/** Users, groups and roles hold policies in the same way. */
interface Holder {
  readonly name: 'User' | 'Group' | 'Role';
  readonly missing: (name: string) => AwsError;
  /** Characters of all inline policies together. */
  readonly inlineSize: number;
  table(call: Call): Table<IamPrincipal>;
}
const tableOf =
  (kind: unknown) =>
  (call: Call): Table<IamPrincipal> =>
    call.state.table(kind as Kind<AwsObject<IamPrincipal>>);
const holders: readonly Holder[] = [
  { name: 'User', missing: noUser, inlineSize: 2048, table: tableOf(IAMUser) },
  { name: 'Group', missing: noGroup, inlineSize: 5120, table: tableOf(IAMGroup) },
  { name: 'Role', missing: noRole, inlineSize: 10_240, table: tableOf(IAMRole) },
];

type Input = Readonly<Record<string, unknown>>;
const text = (input: Input, name: string): string => (typeof input[name] === 'string' ? input[name] : '');
/** Managed policies of one user, group or role. */
const mostAttached = 10;

function actionsOf(holder: Holder): Record<string, AnyAction> {
  const nameKey = `${holder.name}Name`;
  const find = (call: Call, name: string): IamPrincipal => {
    const found = holder.table(call).get(place(call), iamId(name));
    if (!found) throw holder.missing(name);
    return found;
  };
  const update = (call: Call, input: Input, next: (current: IamPrincipal) => IamPrincipal): Promise<void> =>
    change(call, async () => {
      const name = text(input, nameKey);
      if (!(await holder.table(call).update(place(call), iamId(name), next))) throw holder.missing(name);
    });
  const resources = (input: Input, call: Call): string[] => {
    const found = holder.table(call).get(place(call), iamId(text(input, nameKey)));
    return [found?.arn ?? iamArn(call, `${holder.name.toLowerCase()}/${text(input, nameKey)}`)];
  };
  const ownTags = (input: Input, call: Call): Conditions => {
    const found = holder.table(call).get(place(call), iamId(text(input, nameKey)));
    return { ...resourceTags(found?.tags), 'iam:PermissionsBoundary': text(input, 'PermissionsBoundary') || found?.boundary };
  };
  const action = (handle: (input: Input, call: Call) => unknown): AnyAction => defineAction<Input, unknown>({ resources, conditions: ownTags, handle });
  const attaching = (handle: (input: Input, call: Call) => unknown): AnyAction =>
    defineAction<Input, unknown>({ resources, conditions: (input, call) => ({ ...ownTags(input, call), 'iam:PolicyARN': text(input, 'PolicyArn') }), handle });

  return {
    [`Attach${holder.name}Policy`]: attaching((input, call) => {
      const arn = text(input, 'PolicyArn');
      getPolicyToAttach(call, arn);
      return update(call, input, (current) => {
        if (current.attached.includes(arn)) return current;
        if (current.attached.length >= mostAttached) throw limit(`Cannot exceed quota for PoliciesPer${holder.name}: ${mostAttached}`);
        // Again, now that nothing else changes: a policy must not be attached while it is deleted.
        getPolicyToAttach(call, arn);
        return { ...current, attached: [...current.attached, arn] };
      });
    }),
    [`Detach${holder.name}Policy`]: attaching((input, call) =>
      update(call, input, (current) => {
        const arn = text(input, 'PolicyArn');
        if (!current.attached.includes(arn)) throw noSuch(`Policy ${arn} was not found.`);
        return { ...current, attached: current.attached.filter((one) => one !== arn) };
      }),
    ),
    [`ListAttached${holder.name}Policies`]: action((input, call) => {
      const found = find(call, text(input, nameKey)).attached.map((arn) => ({ arn, policy: findPolicy(call, arn) }));
      const all = found.map(({ arn, policy }) => ({
        path: policy?.path ?? '/',
        PolicyArn: arn,
        PolicyName: policy?.policyName ?? arn.slice(arn.lastIndexOf('/') + 1),
      }));
      const { page, ...rest } = paginate(underPath(all, text(input, 'PathPrefix') || '/'), input);
      return { AttachedPolicies: page, ...rest };
    }),
    [`Put${holder.name}Policy`]: action((input, call) => {
      const name = text(input, 'PolicyName');
      checkName('policyName', name, 128);
      const document = checkDocument(text(input, 'PolicyDocument'), 'identity', holder.inlineSize);
      return update(call, input, (current) => {
        const inline = { ...current.inline, [name]: document };
        const size = Object.values(inline).reduce((sum, one) => sum + one.replaceAll(/\s/g, '').length, 0);
        if (size > holder.inlineSize)
          throw limit(`Maximum policy size of ${holder.inlineSize} bytes exceeded for ${holder.name.toLowerCase()} ${text(input, nameKey)}`);
        return { ...current, inline };
      });
    }),
    [`Get${holder.name}Policy`]: action((input, call) => {
      const name = text(input, 'PolicyName');
      const { inline } = find(call, text(input, nameKey));
      const document = Object.hasOwn(inline, name) ? inline[name] : undefined;
      if (document === undefined) throw noInline(holder, name);
      return { [nameKey]: text(input, nameKey), PolicyName: name, PolicyDocument: encodeDocument(document) };
    }),
    [`Delete${holder.name}Policy`]: action((input, call) =>
      update(call, input, (current) => {
        const { [text(input, 'PolicyName')]: gone, ...inline } = current.inline;
        if (gone === undefined) throw noInline(holder, text(input, 'PolicyName'));
        return { ...current, inline };
      }),
    ),
    [`List${holder.name}Policies`]: action((input, call) => {
      const { page, ...rest } = paginate(Object.keys(find(call, text(input, nameKey)).inline).toSorted(), input);
      return { PolicyNames: page, ...rest };
    }),
    ...(holder.name === 'Group' ? {} : boundaryActions(holder, action, update)),
  };
}

function boundaryActions(
  holder: Holder,
  action: (handle: (input: Input, call: Call) => unknown) => AnyAction,
  update: (call: Call, input: Input, next: (current: IamPrincipal) => IamPrincipal) => Promise<void>,
): Record<string, AnyAction> {
  return {
    [`Put${holder.name}PermissionsBoundary`]: action((input, call) => {
      const { arn } = getPolicy(call, text(input, 'PermissionsBoundary'));
      return update(call, input, (current) => ({ ...current, boundary: arn }));
    }),
    [`Delete${holder.name}PermissionsBoundary`]: action((input, call) => update(call, input, ({ boundary: _gone, ...current }) => current)),
  };
}

function getPolicyToAttach(call: Call, arn: string): void {
  if (!findPolicy(call, arn)) throw noPolicy(arn);
}
const noInline = (holder: Holder, name: string): AwsError => noSuch(`The ${holder.name.toLowerCase()} policy with name ${name} cannot be found.`);

/** Policies of users, groups and roles, inline and attached, and their boundaries. */
export const holderActions: Readonly<Record<string, AnyAction>> = Object.assign({}, ...holders.map(actionsOf)) as Record<string, AnyAction>;
