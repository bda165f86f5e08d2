import type { Decision } from '../iam/policy/evaluate.ts';
import type { Sealer } from '../iam/keys.ts';
import { accessDenied, type Refusal } from './authorize.ts';
import type { BareCall } from './call.ts';
import { AwsError } from './errors.ts';
import type { Permission } from './service.ts';

/** What else is sealed with the same key must not be opened as such a message. */
const mark = 'authorization-failure:';

/**
 * Why a call was refused, sealed: services such as EC2 tell it in their errors, and sts:DecodeAuthorizationMessage opens
 * it for those who may know (STS API reference, DecodeAuthorizationMessage).
 */
export function encodeAuthorizationFailure(call: BareCall, { action, resource, conditions = {} }: Permission, decision: Decision, secrets: Sealer): string {
  const items = Object.entries(conditions).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, values: { items: (typeof value === 'string' ? [value] : value).map((one) => ({ value: one })) } }],
  );
  const { caller } = call;
  const message = {
    allowed: false,
    explicitDeny: decision.effect === 'explicitDeny',
    matchedStatements: { items: decision.by ? [{ statementId: decision.by.sid ?? '', effect: 'DENY', sourcePolicyId: decision.by.policy }] : [] },
    failures: { items: [] },
    context: {
      principal: { id: caller.userId, name: caller.session?.name ?? caller.arn.slice(caller.arn.lastIndexOf('/') + 1), arn: caller.arn },
      action,
      resource,
      conditions: { items },
    },
  };
  return Buffer.from(secrets.seal(mark + JSON.stringify(message)), 'base64').toString('base64url');
}
/** Refusals of services that tell the reason only sealed. */
export const encodedRefusal =
  (secrets: Sealer): Refusal =>
  (call, permission, decision) => {
    const { message } = accessDenied(call, permission, decision);
    const encoded = encodeAuthorizationFailure(call, permission, decision, secrets);
    const text = `You are not authorized to perform this operation. ${message}. Encoded authorization failure message: ${encoded}`;
    return new AwsError('UnauthorizedOperation', text, { status: 403 });
  };
/** The message; undefined when it is none of this instance. */
export function decodeAuthorizationFailure(encoded: string, secrets: Sealer): string | undefined {
  const text = secrets.open(Buffer.from(encoded, 'base64url').toString('base64'));
  return text?.startsWith(mark) ? text.slice(mark.length) : undefined;
}
