import { ObjectsError } from '#objects';
import { malformedXml } from './setting.ts';

/** WebsiteConfiguration of the Amazon S3 API Reference. */
export interface Website {
  readonly IndexDocument?: { readonly Suffix?: string | undefined } | undefined;
  readonly ErrorDocument?: { readonly Key?: string | undefined } | undefined;
  readonly RedirectAllRequestsTo?: { readonly HostName?: string | undefined; readonly Protocol?: string | undefined } | undefined;
  readonly RoutingRules?: readonly RoutingRule[] | undefined;
}
export interface RoutingRule {
  readonly Condition?: { readonly HttpErrorCodeReturnedEquals?: string | undefined; readonly KeyPrefixEquals?: string | undefined } | undefined;
  readonly Redirect?:
    | {
        readonly HostName?: string | undefined;
        readonly HttpRedirectCode?: string | undefined;
        readonly Protocol?: string | undefined;
        readonly ReplaceKeyPrefixWith?: string | undefined;
        readonly ReplaceKeyWith?: string | undefined;
      }
    | undefined;
}

export function takeWebsite(value: Website): Website {
  const { IndexDocument, ErrorDocument, RedirectAllRequestsTo, RoutingRules } = value;
  if (RedirectAllRequestsTo) {
    if (IndexDocument ?? ErrorDocument ?? RoutingRules)
      throw new ObjectsError('InvalidArgument', 'RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.');
    if (!RedirectAllRequestsTo.HostName) throw malformedXml();
    return value;
  }
  const suffix = IndexDocument?.Suffix;
  if (suffix === undefined || suffix === '')
    throw new ObjectsError('InvalidArgument', 'A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty', {
      ArgumentName: 'IndexDocument',
    });
  if (suffix.includes('/'))
    throw new ObjectsError('InvalidArgument', 'The IndexDocument Suffix is not well formed', { ArgumentName: 'IndexDocument', ArgumentValue: suffix });
  if (ErrorDocument && !ErrorDocument.Key) throw malformedXml();
  for (const { Redirect } of RoutingRules ?? []) checkRedirect(Redirect);
  return value;
}
function checkRedirect(redirect: RoutingRule['Redirect']): void {
  if (!redirect || Object.values(redirect).every((one) => one === undefined)) throw malformedXml();
  if (redirect.ReplaceKeyPrefixWith !== undefined && redirect.ReplaceKeyWith !== undefined)
    throw new ObjectsError('InvalidRequest', 'You can only define ReplaceKeyPrefix or ReplaceKey but not both.');
  const code = redirect.HttpRedirectCode;
  if (code !== undefined && !/^30[1234578]$/.test(code))
    throw new ObjectsError('InvalidRequest', `The provided HTTP redirect code (${code}) is not valid. Valid codes are 3XX except 300.`);
}
