import { createHash } from 'node:crypto';
import type { AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse } from '@aws-sdk/client-sts';
import { IAMSAMLProvider, type IamSamlProviderSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { iamId } from '../../iam/identities.ts';
import { readSamlMetadata } from '../../iam/saml-metadata.ts';
import { globalRegion } from '../../state/table.ts';
import { trustedRole } from './federated.ts';
import type { Assertion } from './saml/assertion.ts';
import { accountOfArn, assumeRole, checkDuration, roleByArn, sessionPolicies, sessionTags } from './sessions.ts';

const attribute = 'https://aws.amazon.com/SAML/Attributes/';
const rejected = (message: string): AwsError => new AwsError('InvalidIdentityToken', message);

function providerOf(call: Call, arn: string): IamSamlProviderSpec {
  const found = call.state.table(IAMSAMLProvider).get({ account: accountOfArn(arn), region: globalRegion }, iamId(arn.slice(arn.lastIndexOf('/') + 1)));
  if (found?.arn !== arn) throw rejected('Issuer not present in specified provider');
  return found;
}

/** Conditions of trust policies on assertions (IAM user guide, SAML federation keys). */
function samlKeys(provider: IamSamlProviderSpec, { issuer, audience, subject, subjectType }: Assertion, nameQualifier: string): Record<string, string> {
  return {
    'saml:aud': audience,
    'saml:iss': issuer,
    'saml:sub': subject,
    'saml:sub_type': subjectType,
    'saml:namequalifier': nameQualifier,
    'saml:doc': `${accountOfArn(provider.arn)}/${provider.name}`,
    'aws:FederatedProvider': provider.arn,
  };
}
/** Tags that the provider gives to the session: `PrincipalTag:KEY`. */
function tagsOf({ attributes }: Assertion): { tags: Record<string, string> | undefined; transitive: readonly string[] } {
  const prefix = `${attribute}PrincipalTag:`;
  const given = [...attributes].filter(([name]) => name.startsWith(prefix)).map(([name, [value = '']]) => ({ Key: name.slice(prefix.length), Value: value }));
  return { tags: sessionTags(given), transitive: attributes.get(`${attribute}TransitiveTagKeys`) ?? [] };
}
/** Whether the assertion gives that role through that provider: both ARNs, in either order. */
const gives = ({ attributes }: Assertion, role: string, provider: string): boolean =>
  (attributes.get(`${attribute}Role`) ?? []).some((one) => {
    const pair = one.split(',').map((arn) => arn.trim());
    return pair.length === 2 && pair.includes(role) && pair.includes(provider);
  });

/** Needs no signature of ours: the provider's is proved before anything of the assertion is believed. */
export const AssumeRoleWithSAML = defineAction<AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse>({
  authentication: 'optional',
  permissions: () => [],
  async handle({ RoleArn = '', PrincipalArn = '', SAMLAssertion = '', DurationSeconds, Policy, PolicyArns }, call) {
    const provider = providerOf(call, PrincipalArn);
    const metadata = readSamlMetadata(provider.metadata);
    if (!metadata) throw rejected('Specified provider has no certificate to verify signatures with');
    const { readAssertion } = await import('./saml/assertion.ts');
    const assertion = readAssertion(SAMLAssertion, metadata, call.clock.now());
    const { attributes, sessionEnd } = assertion;
    const name = attributes.get(`${attribute}RoleSessionName`)?.[0] ?? '';
    if (!/^[\w+=,.@-]{2,64}$/.test(name)) throw rejected('RoleSessionName is required in AuthnResponse');
    if (!gives(assertion, RoleArn, PrincipalArn)) throw new AwsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithSAML', { status: 403 });
    const account = accountOfArn(RoleArn);
    const nameQualifier = createHash('sha1')
      .update(`${assertion.issuer}${accountOfArn(PrincipalArn)}/${provider.name}`)
      .digest('base64');
    const { tags, transitive } = tagsOf(assertion);
    const sourceIdentity = attributes.get(`${attribute}SourceIdentity`)?.[0];
    const keys = samlKeys(provider, assertion, nameQualifier);
    const role = trustedRole(call, {
      role: accountOfArn(PrincipalArn) === account ? roleByArn(call, RoleArn) : undefined,
      roleArn: RoleArn,
      providerArn: PrincipalArn,
      actions: ['sts:AssumeRoleWithSAML', ...(tags ? ['sts:TagSession'] : []), ...(sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity'])],
      keys: {
        ...keys,
        ...Object.fromEntries(Object.entries(tags ?? {}).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
        ...(tags ? { 'aws:TagKeys': Object.keys(tags) } : {}),
        ...(sourceIdentity === undefined ? {} : { 'sts:SourceIdentity': sourceIdentity }),
      },
    });
    const wanted = call.clock.now() + checkDuration(DurationSeconds, 3600, role.maxSessionDuration) * 1000;
    const own: Call = { ...call, account };
    const made = assumeRole(own, role, name, {
      expires: Math.min(wanted, sessionEnd ?? Infinity),
      policies: sessionPolicies(own, Policy, PolicyArns),
      tags,
      transitiveTags: transitive,
      keys: { ...keys, ...(sourceIdentity === undefined ? {} : { 'aws:SourceIdentity': sourceIdentity }) },
    });
    return {
      ...made,
      Subject: assertion.subject,
      SubjectType: assertion.subjectType,
      Issuer: assertion.issuer,
      Audience: assertion.audience,
      NameQualifier: nameQualifier,
      ...(sourceIdentity === undefined ? {} : { SourceIdentity: sourceIdentity }),
    };
  },
});
