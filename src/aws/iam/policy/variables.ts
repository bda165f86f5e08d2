import type { ConditionKeys, Expand } from './conditions.ts';
import type { Policy } from './document.ts';
import { quote } from './match.ts';

/**
 * Policy variables of a policy: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, and `${*}`, `${?}`, `${$}` for
 * the characters themselves. Policies of version 2008-10-17 have none: `${` is text there. A key with several values
 * has no value as a variable. Wildcards in a value are quoted: nobody widens a policy by the name or tag he chose.
 */
export function expander(policy: Policy, keys: ConditionKeys): Expand {
  if (policy.version !== '2012-10-17') return (value) => value;
  return (value) => {
    if (!value.includes('${')) return value;
    let missing = false;
    const text = value.replaceAll(/\$\{([^}]*)\}/g, (_whole, inner: string) => {
      if (inner === '*' || inner === '?' || inner === '$') return quote(inner);
      const match = /^\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(inner);
      const values = match ? keys.get((match[1] as string).toLowerCase()) : undefined;
      const found = values?.length === 1 ? values[0] : match?.[2];
      if (found === undefined) missing = true;
      return quote(found ?? '');
    });
    return missing ? undefined : text;
  };
}
