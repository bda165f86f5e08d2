import type * as Iam from '@aws-sdk/client-iam';
import { IAMSAMLProvider, type IamSamlProviderSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { readSamlMetadata } from '../../iam/saml-metadata.ts';
import { checkName, date, exists, iamArn, iamId, noSuch, now, place, readTags, requestTags, resourceTags, writeTags } from './support.ts';
import { tagActions } from './tags.ts';

const providers = (call: Call) => call.state.table(IAMSAMLProvider);
type Named = { SAMLProviderArn?: string | undefined };
const resource = ({ SAMLProviderArn = '' }: Named): string[] => [SAMLProviderArn];
const idOf = (arn: string): string => iamId(arn.slice(arn.lastIndexOf('/') + 1));
const missing = (arn: string) => noSuch(`Manifest not found for arn ${arn}`);
function checkMetadata(text: string): string {
  if (!readSamlMetadata(text)) throw new AwsError('InvalidInput', 'Could not parse metadata');
  return text;
}

function getProvider(call: Call, arn: string): IamSamlProviderSpec {
  const found = providers(call).get(place(call), idOf(arn));
  if (found?.arn !== arn) throw missing(arn);
  return found;
}
const own = ({ SAMLProviderArn = '' }: Named, call: Call) => resourceTags(providers(call).get(place(call), idOf(SAMLProviderArn))?.tags);
/** Providers are good for a hundred years. */
function validUntil({ createDate }: IamSamlProviderSpec): Date {
  const until = date(createDate);
  until.setUTCFullYear(until.getUTCFullYear() + 100);
  return until;
}
async function modify(call: Call, arn: string, next: (provider: IamSamlProviderSpec) => IamSamlProviderSpec): Promise<IamSamlProviderSpec> {
  getProvider(call, arn);
  const updated = await providers(call).update(place(call), idOf(arn), next);
  if (!updated) throw missing(arn);
  return updated;
}

/** Keys that open encrypted assertions would be kept for nothing: such assertions are not taken. Throws AwsError. */
function refuseEncryption(input: Pick<Iam.UpdateSAMLProviderRequest, 'AssertionEncryptionMode' | 'AddPrivateKey' | 'RemovePrivateKey'>): void {
  if (input.AssertionEncryptionMode === undefined && input.AddPrivateKey === undefined && input.RemovePrivateKey === undefined) return;
  throw new AwsError('NotImplemented', 'Encrypted assertions are not implemented here', { status: 501, fault: 'server' });
}

export const samlProviderActions = {
  CreateSAMLProvider: defineAction<Iam.CreateSAMLProviderRequest, Iam.CreateSAMLProviderResponse>({
    resources: ({ Name = '' }, call) => [iamArn(call, `saml-provider/${Name}`)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ Name = '', SAMLMetadataDocument = '', Tags, ...encryption }, call) {
      refuseEncryption(encryption);
      checkName('name', Name, 128);
      const arn = iamArn(call, `saml-provider/${Name}`);
      const provider = { name: Name, arn, metadata: checkMetadata(SAMLMetadataDocument), createDate: now(call), tags: readTags(Tags) };
      if (!(await providers(call).create(place(call), iamId(Name), provider))) throw exists(`SAMLProvider with name ${Name} already exists.`);
      return { SAMLProviderArn: arn, ...(provider.tags.length > 0 ? { Tags: writeTags(provider.tags) } : {}) };
    },
  }),
  GetSAMLProvider: defineAction<Iam.GetSAMLProviderRequest, Iam.GetSAMLProviderResponse>({
    resources: resource,
    conditions: own,
    handle({ SAMLProviderArn = '' }, call) {
      const found = getProvider(call, SAMLProviderArn);
      return {
        SAMLMetadataDocument: found.metadata,
        CreateDate: date(found.createDate),
        ValidUntil: validUntil(found),
        ...(found.tags.length > 0 ? { Tags: writeTags(found.tags) } : {}),
      };
    },
  }),
  ListSAMLProviders: defineAction<Iam.ListSAMLProvidersRequest, Iam.ListSAMLProvidersResponse>({
    resources: (_input, call) => [iamArn(call, 'saml-provider/*')],
    handle: (_input, call) => ({
      SAMLProviderList: providers(call)
        .list(place(call))
        .map((one) => ({ Arn: one.arn, ValidUntil: validUntil(one), CreateDate: date(one.createDate) })),
    }),
  }),
  UpdateSAMLProvider: defineAction<Iam.UpdateSAMLProviderRequest, Iam.UpdateSAMLProviderResponse>({
    resources: resource,
    conditions: own,
    async handle({ SAMLProviderArn = '', SAMLMetadataDocument, ...encryption }, call) {
      refuseEncryption(encryption);
      const metadata = SAMLMetadataDocument === undefined ? undefined : checkMetadata(SAMLMetadataDocument);
      await modify(call, SAMLProviderArn, (one) => (metadata === undefined ? one : { ...one, metadata }));
      return { SAMLProviderArn };
    },
  }),
  DeleteSAMLProvider: defineAction<Iam.DeleteSAMLProviderRequest, void>({
    resources: resource,
    conditions: own,
    async handle({ SAMLProviderArn = '' }, call) {
      getProvider(call, SAMLProviderArn);
      if (!(await providers(call).delete(place(call), idOf(SAMLProviderArn)))) throw missing(SAMLProviderArn);
    },
  }),
  ...tagActions({
    name: 'SAMLProvider',
    key: 'SAMLProviderArn',
    resource: (_call, arn) => arn,
    find: (call, arn) => providers(call).get(place(call), idOf(arn)),
    get: getProvider,
    retag: (call, arn, next) => modify(call, arn, (provider) => ({ ...provider, tags: next(provider.tags) })),
  }),
};
