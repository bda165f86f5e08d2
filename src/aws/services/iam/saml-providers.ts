import type * as Iam from '@aws-sdk/client-iam';
import { IAMSAMLProvider } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { readXml } from '../../protocol/read-xml.ts';
import { checkName, date, exists, iamArn, iamId, noSuch, now, place, readTags, requestTags, writeTags } from './support.ts';

const providers = (call: Call) => call.state.table(IAMSAMLProvider);
type Named = { SAMLProviderArn?: string | undefined };
const resource = ({ SAMLProviderArn = '' }: Named): string[] => [SAMLProviderArn];
const idOf = (arn: string): string => iamId(arn.slice(arn.lastIndexOf('/') + 1));
const missing = (arn: string) => noSuch(`Manifest not found for arn ${arn}`);
function checkMetadata(text: string): string {
  if (text.length < 1000 || readXml(text)?.name !== 'EntityDescriptor') throw new AwsError('InvalidInput', 'Could not parse metadata');
  return text;
}

export const samlProviderActions = {
  CreateSAMLProvider: defineAction<Iam.CreateSAMLProviderRequest, Iam.CreateSAMLProviderResponse>({
    resources: ({ Name = '' }, call) => [iamArn(call, `saml-provider/${Name}`)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ Name = '', SAMLMetadataDocument = '', Tags }, call) {
      checkName('name', Name, 128);
      const arn = iamArn(call, `saml-provider/${Name}`);
      const provider = { name: Name, arn, metadata: checkMetadata(SAMLMetadataDocument), createDate: now(call), tags: readTags(Tags) };
      if (!(await providers(call).create(place(call), iamId(Name), provider))) throw exists(`SAMLProvider with name ${Name} already exists.`);
      return { SAMLProviderArn: arn, ...(provider.tags.length > 0 ? { Tags: writeTags(provider.tags) } : {}) };
    },
  }),
  GetSAMLProvider: defineAction<Iam.GetSAMLProviderRequest, Iam.GetSAMLProviderResponse>({
    resources: resource,
    handle({ SAMLProviderArn = '' }, call) {
      const found = providers(call).get(place(call), idOf(SAMLProviderArn));
      if (!found) throw missing(SAMLProviderArn);
      // Providers are good for a hundred years.
      const until = date(found.createDate);
      until.setUTCFullYear(until.getUTCFullYear() + 100);
      return {
        SAMLMetadataDocument: found.metadata,
        CreateDate: date(found.createDate),
        ValidUntil: until,
        ...(found.tags.length > 0 ? { Tags: writeTags(found.tags) } : {}),
      };
    },
  }),
  ListSAMLProviders: defineAction<Iam.ListSAMLProvidersRequest, Iam.ListSAMLProvidersResponse>({
    resources: (_input, call) => [iamArn(call, 'saml-provider/*')],
    handle: (_input, call) => ({
      SAMLProviderList: providers(call)
        .list(place(call))
        .map(({ arn, createDate }) => ({ Arn: arn, CreateDate: date(createDate) })),
    }),
  }),
  UpdateSAMLProvider: defineAction<Iam.UpdateSAMLProviderRequest, Iam.UpdateSAMLProviderResponse>({
    resources: resource,
    async handle({ SAMLProviderArn = '', SAMLMetadataDocument }, call) {
      const updated = await providers(call).update(place(call), idOf(SAMLProviderArn), (one) =>
        SAMLMetadataDocument === undefined ? one : { ...one, metadata: checkMetadata(SAMLMetadataDocument) },
      );
      if (!updated) throw missing(SAMLProviderArn);
      return { SAMLProviderArn };
    },
  }),
  DeleteSAMLProvider: defineAction<Iam.DeleteSAMLProviderRequest, void>({
    resources: resource,
    async handle({ SAMLProviderArn = '' }, call) {
      if (!(await providers(call).delete(place(call), idOf(SAMLProviderArn)))) throw missing(SAMLProviderArn);
    },
  }),
};
