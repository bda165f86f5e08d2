import { IAMAccount, type IamAccountSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { place } from './support.ts';

/** What is set for a whole account. */
export const accountOf = (call: Call): IamAccountSpec => call.state.table(IAMAccount).get(place(call), 'account') ?? {};
export const updateAccount = (call: Call, next: (current: IamAccountSpec) => IamAccountSpec): Promise<IamAccountSpec> =>
  call.state.table(IAMAccount).put(place(call), 'account', (current) => next(current ?? {}));
