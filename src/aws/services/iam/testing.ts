import { FakeClock } from '#base';
import type { Call } from '../../gateway/call.ts';
import type { Action } from '../../gateway/service.ts';
import type { Value } from '../../protocol/types.ts';
import { testCall, testState } from '../../testing.ts';
import { service } from './index.ts';

/** For tests: an account, its clock, and actions by their names as the root user calls them. */
export interface TestAccount {
  readonly clock: FakeClock;
  call(action: string, more?: Partial<Call>): Call;
  /** What an action answers, or throws. Nobody is asked for permissions. */
  run<T = never>(action: string, input?: object, more?: Partial<Call>): Promise<T>;
}

export async function testAccount(start = Date.UTC(2026, 0, 1)): Promise<TestAccount> {
  const state = await testState(service.kinds);
  const clock = new FakeClock(start);
  const call = (action: string, more: Partial<Call> = {}): Call => testCall('iam', action, { state, clock, ...more });
  return {
    clock,
    call,
    run: async <T>(action: string, input: object = {}, more: Partial<Call> = {}) => {
      const found = service.actions[action] as unknown as Action<Value> | undefined;
      if (!found) throw new Error(`no action ${action}`);
      return (await found.handle(input as Value, call(action, more))) as T;
    },
  };
}

/** For tests: a trust policy for a service. */
export const testTrust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
/** For tests: a policy that allows one thing. */
export const testPolicy = (action: string, resource = '*'): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: resource }] });
