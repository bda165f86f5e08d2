import type * as Iam from '@aws-sdk/client-iam';
import { IAMOIDCProvider, type IamOidcProviderSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { date, exists, iamArn, invalid, limit, noSuch, now, place, readTags, requestTags, resourceTags, writeTags } from './support.ts';
import { tagActions } from './tags.ts';

export const oidcProviders = (call: Pick<Call, 'state'>) => call.state.table(IAMOIDCProvider);
type Named = { OpenIDConnectProviderArn?: string | undefined };
const resource = ({ OpenIDConnectProviderArn = '' }: Named): string[] => [OpenIDConnectProviderArn];
const idOf = (arn: string): string => arn.slice(arn.indexOf('oidc-provider/') + 'oidc-provider/'.length);
const missing = (arn: string) => noSuch(`OpenIDConnect Provider not found for arn ${arn}`);
const own = ({ OpenIDConnectProviderArn = '' }: Named, call: Call) => resourceTags(oidcProviders(call).get(place(call), idOf(OpenIDConnectProviderArn))?.tags);

function getProvider(call: Call, arn: string): IamOidcProviderSpec {
  const found = oidcProviders(call).get(place(call), idOf(arn));
  if (!found) throw missing(arn);
  return found;
}
async function modify(call: Call, arn: string, next: (provider: IamOidcProviderSpec) => IamOidcProviderSpec): Promise<void> {
  if (!(await oidcProviders(call).update(place(call), idOf(arn), next))) throw missing(arn);
}
function checkThumbprints(list: readonly string[]): string[] {
  if (list.length > 5) throw new AwsError('InvalidInput', 'Thumbprint list must contain fewer than 5 entries.');
  for (const one of list) if (!/^[0-9a-fA-F]{40}$/.test(one)) throw invalid('Thumbprint must be 40 hexadecimal characters.');
  return list.map((one) => one.toLowerCase());
}

export const oidcProviderActions = {
  CreateOpenIDConnectProvider: defineAction<Iam.CreateOpenIDConnectProviderRequest, Iam.CreateOpenIDConnectProviderResponse>({
    resources: ({ Url = '' }, call) => [iamArn(call, `oidc-provider/${Url.replace('https://', '')}`)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ Url = '', ClientIDList = [], ThumbprintList = [], Tags }, call) {
      if (!URL.canParse(Url) || !Url.startsWith('https://')) throw invalid('Invalid Open ID Connect Provider URL');
      const url = Url.slice('https://'.length).replace(/\/$/, '');
      if (ClientIDList.length > 100) throw limit('Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100');
      const arn = iamArn(call, `oidc-provider/${url}`);
      const provider: IamOidcProviderSpec = {
        arn,
        url,
        clientIds: [...new Set(ClientIDList)],
        thumbprints: checkThumbprints(ThumbprintList),
        createDate: now(call),
        tags: readTags(Tags),
      };
      if (!(await oidcProviders(call).create(place(call), url, provider))) throw exists(`Provider with url ${Url} already exists.`);
      return { OpenIDConnectProviderArn: arn, ...(provider.tags.length > 0 ? { Tags: writeTags(provider.tags) } : {}) };
    },
  }),
  GetOpenIDConnectProvider: defineAction<Iam.GetOpenIDConnectProviderRequest, Iam.GetOpenIDConnectProviderResponse>({
    resources: resource,
    conditions: own,
    handle({ OpenIDConnectProviderArn = '' }, call) {
      const { url, clientIds, thumbprints, createDate, tags } = getProvider(call, OpenIDConnectProviderArn);
      return {
        Url: url,
        ClientIDList: clientIds,
        ThumbprintList: thumbprints,
        CreateDate: date(createDate),
        ...(tags.length > 0 ? { Tags: writeTags(tags) } : {}),
      };
    },
  }),
  ListOpenIDConnectProviders: defineAction<Iam.ListOpenIDConnectProvidersRequest, Iam.ListOpenIDConnectProvidersResponse>({
    resources: (_input, call) => [iamArn(call, 'oidc-provider/*')],
    handle: (_input, call) => ({
      OpenIDConnectProviderList: oidcProviders(call)
        .list(place(call))
        .map(({ arn }) => ({ Arn: arn })),
    }),
  }),
  DeleteOpenIDConnectProvider: defineAction<Iam.DeleteOpenIDConnectProviderRequest, void>({
    resources: resource,
    conditions: own,
    async handle({ OpenIDConnectProviderArn = '' }, call) {
      if (!(await oidcProviders(call).delete(place(call), idOf(OpenIDConnectProviderArn)))) throw missing(OpenIDConnectProviderArn);
    },
  }),
  UpdateOpenIDConnectProviderThumbprint: defineAction<Iam.UpdateOpenIDConnectProviderThumbprintRequest, void>({
    resources: resource,
    conditions: own,
    handle: ({ OpenIDConnectProviderArn = '', ThumbprintList = [] }, call) =>
      modify(call, OpenIDConnectProviderArn, (one) => ({ ...one, thumbprints: checkThumbprints(ThumbprintList) })),
  }),
  AddClientIDToOpenIDConnectProvider: defineAction<Iam.AddClientIDToOpenIDConnectProviderRequest, void>({
    resources: resource,
    conditions: own,
    handle: ({ OpenIDConnectProviderArn = '', ClientID = '' }, call) =>
      modify(call, OpenIDConnectProviderArn, (one) => ({ ...one, clientIds: [...new Set([...one.clientIds, ClientID])] })),
  }),
  RemoveClientIDFromOpenIDConnectProvider: defineAction<Iam.RemoveClientIDFromOpenIDConnectProviderRequest, void>({
    resources: resource,
    conditions: own,
    handle: ({ OpenIDConnectProviderArn = '', ClientID = '' }, call) =>
      modify(call, OpenIDConnectProviderArn, (one) => ({ ...one, clientIds: one.clientIds.filter((id) => id !== ClientID) })),
  }),
  ...tagActions({
    name: 'OpenIDConnectProvider',
    key: 'OpenIDConnectProviderArn',
    resource: (_call, arn) => arn,
    find: (call, arn) => oidcProviders(call).get(place(call), idOf(arn)),
    get: getProvider,
    retag: (call, arn, next) => modify(call, arn, (provider) => ({ ...provider, tags: next(provider.tags) })),
  }),
};
