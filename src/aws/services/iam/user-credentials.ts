import type { AwsObject } from '#kinds';
import type { Kind } from '#machinery';
import type { Call } from '../../gateway/call.ts';
import type { AwsError } from '../../gateway/errors.ts';
import { defineAction, type AnyAction } from '../../gateway/service.ts';
import { getUser, place } from './support.ts';
import { callerName, userResource } from './users.ts';

interface Credential {
  readonly userName: string;
  readonly status: 'Active' | 'Inactive';
}
/** A sort of credentials that users have: kept by their ids, switched off and on, deleted. */
interface Sort<S extends Credential> {
  readonly kind: Kind<AwsObject<S>>;
  /** `AccessKey` for UpdateAccessKey and DeleteAccessKey. */
  readonly name: string;
  /** The member of the input that names one. */
  readonly key: string;
  missing(id: string): AwsError;
}
type Input = Readonly<Record<string, string | undefined>>;

/** One credential, when it is that user's; without a name, the caller's. Throws AwsError (NoSuchEntity). */
export function getCredential<S extends Credential>(call: Call, { kind, missing }: Sort<S>, userName: string | undefined, id: string): S {
  const user = getUser(call, callerName(call, userName));
  const found = call.state.table(kind).get(place(call), id);
  if (!found || found.userName !== user.userName) throw missing(id);
  return found;
}
export async function updateCredential<S extends Credential>(call: Call, sort: Sort<S>, input: Input, next: (current: S) => S): Promise<S> {
  const id = input[sort.key] ?? '';
  getCredential(call, sort, input['UserName'], id);
  const updated = await call.state.table(sort.kind).update(place(call), id, next);
  if (!updated) throw sort.missing(id);
  return updated;
}

/** The actions that all sorts have alike. */
export function credentialActions<S extends Credential>(sort: Sort<S>): Record<string, AnyAction> {
  return {
    [`Update${sort.name}`]: defineAction<Input, void>({
      resources: userResource,
      async handle(input, call) {
        const status = input['Status'] === 'Active' ? 'Active' : 'Inactive';
        await updateCredential(call, sort, input, (current) => ({ ...current, status }));
      },
    }),
    [`Delete${sort.name}`]: defineAction<Input, void>({
      resources: userResource,
      async handle(input, call) {
        const id = input[sort.key] ?? '';
        getCredential(call, sort, input['UserName'], id);
        if (!(await call.state.table(sort.kind).delete(place(call), id))) throw sort.missing(id);
      },
    }),
  };
}
