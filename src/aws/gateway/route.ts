import { awsJson10, awsJson11 } from '../protocol/json.ts';
import { awsQuery, ec2Query, formOf } from '../protocol/query.ts';
import { restJson1 } from '../protocol/rest-json.ts';
import { restXml } from '../protocol/rest-xml.ts';
import { rpcCbor } from '../protocol/rpc-cbor.ts';
import type { CallRequest, Protocol } from '../protocol/types.ts';
import { isQueryClaimed, type AnyClaim } from './claim.ts';
import type { ServiceRoute } from './service.ts';

/** What a request says of the service that it is for: the credential scope first, since the signature covers it. */
export function findService(request: CallRequest, claim: AnyClaim | undefined, routes: readonly ServiceRoute[]): ServiceRoute | undefined {
  const apt = routes.filter((route) => route.recognizes?.(request) ?? true);
  if (claim) return apt.find(({ name, signing = [name] }) => signing.includes(claim.service));
  const [target] = (request.header('x-amz-target') ?? '').split('.');
  if (target) return apt.find(({ targets = [] }) => targets.includes(target));
  const [host = ''] = (request.header('host') ?? '').split(/[.:]/);
  const byHost = apt.find(({ name, hosts = [name] }) => hosts.includes(host));
  if (byHost) return byHost;
  const version = request.method === 'POST' || request.query.includes('Version=') ? formOf(request).get('Version') : undefined;
  if (version !== undefined) return apt.find(({ versions = [] }) => versions.includes(version));
  return apt.find(({ fallback }) => fallback === true);
}

const byContract: Readonly<Record<string, Protocol>> = {
  AwsQueryProtocol: awsQuery,
  AwsEc2QueryProtocol: ec2Query,
  AwsJson1_0Protocol: awsJson10,
  AwsJson1_1Protocol: awsJson11,
  AwsRestJsonProtocol: restJson1,
  AwsSmithyRpcV2CborProtocol: rpcCbor,
  SmithyRpcV2CborProtocol: rpcCbor,
  AwsRestXmlProtocol: restXml,
  S3RestXmlProtocol: restXml,
};
export const protocolOf = (contractProtocol: string): Protocol => byContract[contractProtocol] ?? awsJson11;

/** In which of a service's protocols a request speaks: the first that sees itself in it, or the usual one. */
export function chooseProtocol(request: CallRequest, protocols: readonly Protocol[]): Protocol {
  const spoken = guessProtocol(request);
  return protocols.find((one) => one === spoken) ?? (protocols[0] as Protocol);
}

/** The protocol that a request looks like, for answers about services that nobody knows. */
export function guessProtocol(request: CallRequest): Protocol {
  if (isQueryClaimed(request)) return restXml;
  if (request.header('smithy-protocol') === 'rpc-v2-cbor') return rpcCbor;
  const type = request.header('content-type') ?? '';
  if (request.header('x-amz-target') !== undefined) return type.includes('1.0') ? awsJson10 : awsJson11;
  if (type.startsWith('application/x-www-form-urlencoded') || /(?:^|&)Action=/.test(request.query)) return awsQuery;
  if (type.includes('json')) return restJson1;
  return restXml;
}
