import type { GetAuthorizationTokenRequest, GetAuthorizationTokenResponse } from '@aws-sdk/client-ecr';
import { registryAction, type Ecr } from '../ecr.ts';
import type { LoginToken } from '../tokens.ts';

const LIFE_MS = 12 * 60 * 60 * 1000;

/** A password for twelve hours, or as long as the session that asks: it is bound to its credentials and to one registry. */
export const getAuthorizationToken = (ecr: Ecr) =>
  registryAction<GetAuthorizationTokenRequest, GetAuthorizationTokenResponse>((input, place, call) => {
    const expires = Math.min(ecr.now + LIFE_MS, call.caller.session?.expires ?? Infinity);
    const sessionToken = call.request.header('x-amz-security-token');
    return {
      authorizationData: (input.registryIds ?? [place.account]).map((account) => {
        const token: LoginToken = { use: 'login', accessKeyId: call.caller.accessKeyId, sessionToken, account, region: place.region, expires };
        return {
          authorizationToken: Buffer.from(`AWS:${ecr.deps.sealer.seal(token)}`).toString('base64'),
          expiresAt: new Date(expires),
          proxyEndpoint: `http://${ecr.deps.hostOf({ account, region: place.region })}`,
        };
      }),
    };
  });
