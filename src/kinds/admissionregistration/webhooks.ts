/** Webhook configurations, mutating and validating. */
import { dnsSubdomainProblems, type FieldError } from '#machinery';
import type { V1MutatingWebhook, V1ValidatingWebhook } from '../generated/types.ts';
import { duplicate, invalidValue, required, unsupported } from '../support/errors.ts';
import { checked } from '../support/names.ts';
import { validateLabelSelector } from '../support/selectors.ts';
import { defaultClientConfig, validateClientConfig, validateReviewVersions } from '../support/webhooks.ts';
import { validateConditionExpressions } from './expressions.ts';
import { defaultRules, validateEnum, validateMatchConditions, validateRule } from './rules.ts';

export function defaultWebhook(webhook: V1ValidatingWebhook | V1MutatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  defaultClientConfig(webhook.clientConfig);
  defaultRules(webhook.rules);
}

function validateName(field: string, name: string | undefined): FieldError[] {
  if (!name) return [required(field)];
  const errors = checked(field, name, dnsSubdomainProblems);
  if (errors.length > 0 || name.split('.').length >= 3) return errors;
  return [invalidValue(field, name, 'should be a domain with at least three segments separated by dots')];
}

function validateSideEffects(field: string, value: string | undefined): FieldError[] {
  const allowed = ['None', 'NoneOnDryRun'];
  if (value === undefined) return [required(field, `must specify one of ${allowed.join(', ')}`)];
  return allowed.includes(value) ? [] : [unsupported(field, value, allowed)];
}

function validateWebhook(at: string, webhook: V1ValidatingWebhook | V1MutatingWebhook): FieldError[] {
  const seconds = webhook.timeoutSeconds ?? 10;
  return [
    ...validateName(`${at}.name`, webhook.name),
    ...(webhook.rules ?? []).flatMap((rule, i) => validateRule(`${at}.rules[${i}]`, rule)),
    ...validateEnum(`${at}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore']),
    ...validateEnum(`${at}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact']),
    ...validateSideEffects(`${at}.sideEffects`, webhook.sideEffects),
    ...(seconds < 1 || seconds > 30 ? [invalidValue(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds')] : []),
    ...validateLabelSelector(`${at}.namespaceSelector`, webhook.namespaceSelector),
    ...validateLabelSelector(`${at}.objectSelector`, webhook.objectSelector),
    ...validateClientConfig(`${at}.clientConfig`, webhook.clientConfig),
    ...validateReviewVersions(`${at}.admissionReviewVersions`, webhook.admissionReviewVersions),
    ...validateMatchConditions(`${at}.matchConditions`, webhook.matchConditions),
    ...validateConditionExpressions(`${at}.matchConditions`, webhook.matchConditions, { namespaceObject: false }),
  ];
}

export function validateWebhooks(webhooks: readonly (V1ValidatingWebhook | V1MutatingWebhook)[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (webhooks ?? []).flatMap((webhook, i) => {
    const errors = validateWebhook(`webhooks[${i}]`, webhook);
    if (webhook.name && seen.has(webhook.name)) errors.push(duplicate(`webhooks[${i}].name`, webhook.name));
    seen.add(webhook.name);
    return errors;
  });
}
