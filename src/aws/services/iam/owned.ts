import { IAMAccessKey, IAMMFADevice, IAMServiceCredential, IAMSigningCertificate, IAMSSHPublicKey, type AwsObject } from '#kinds';
import type { Kind } from '#machinery';
import type { Call } from '../../gateway/call.ts';
import { mfaId } from '../../iam/mfa.ts';
import type { Table } from '../../state/table.ts';
import { conflict, iamId, place } from './support.ts';

/** What belongs to a user, by its name. */
interface Owned {
  readonly userName?: string;
}
interface Sort {
  /** In the text of the conflict. */
  readonly named: string;
  table(call: Call): Table<Owned>;
  id(one: never): string;
}
const sort = <S extends Owned>(kind: Kind<AwsObject<S>>, named: string, id: (one: S) => string): Sort => ({
  named,
  table: (call) => call.state.table(kind) as unknown as Table<Owned>,
  id,
});
const sorts: readonly Sort[] = [
  sort(IAMAccessKey, 'access keys', ({ accessKeyId }) => accessKeyId),
  sort(IAMSigningCertificate, 'signing certificates', ({ id }) => id),
  sort(IAMSSHPublicKey, 'SSH public keys', ({ id }) => id),
  sort(IAMServiceCredential, 'service specific credentials', ({ id }) => id),
  sort(IAMMFADevice, 'MFA device', ({ serialNumber }) => mfaId(serialNumber)),
];

const isOf = ({ userName }: Owned, name: string): boolean => userName !== undefined && iamId(userName) === iamId(name);
/** The things of one kind that belong to a user. */
export const ownedBy = <S extends Owned>(call: Call, kind: Kind<AwsObject<S>>, userName: string): S[] =>
  call.state
    .table(kind)
    .list(place(call))
    .filter((one) => isOf(one, userName));

/** Nothing may be left of a user that is to go. Throws AwsError (DeleteConflict). */
export function checkOwnsNothing(call: Call, userName: string): void {
  for (const { named, table } of sorts) {
    if (
      table(call)
        .list(place(call))
        .some((one) => isOf(one, userName))
    ) {
      throw conflict(`Cannot delete entity, must delete ${named} first.`);
    }
  }
}
/** What a user has goes along when it gets another name. */
export async function moveOwned(call: Call, from: string, to: string): Promise<void> {
  for (const { table, id } of sorts) {
    for (const one of table(call).list(place(call))) {
      if (isOf(one, from)) await table(call).update(place(call), id(one as never), (current) => ({ ...current, userName: to }));
    }
  }
}
