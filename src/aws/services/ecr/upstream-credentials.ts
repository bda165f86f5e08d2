import { AwsError } from '../../gateway/errors.ts';
import type { EcrDeps } from './ecr.ts';
import { invalidParameter } from './errors.ts';

export interface UpstreamCredentials {
  readonly username: string;
  readonly accessToken: string;
}
/** Secrets of upstreams have a name of their own (API reference, CreatePullThroughCacheRule). */
const secretArn = /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:ecr-pullthroughcache\/[a-zA-Z0-9/_+=.@-]+$/;

/**
 * The user name and token that a secret holds, as ECR wants them there: `{"username": …, "accessToken": …}`. Throws
 * SecretNotFoundException, UnableToAccessSecretException or UnableToDecryptSecretValueException.
 */
export async function readCredentials({ secret }: Pick<EcrDeps, 'secret'>, arn: string): Promise<UpstreamCredentials> {
  if (!secretArn.test(arn)) throw invalidParameter('credentialArn', "must be the ARN of a secret whose name begins with 'ecr-pullthroughcache/'");
  let text: string | undefined;
  try {
    text = await secret?.(arn);
  } catch (error) {
    throw new AwsError('UnableToAccessSecretException', `The secret '${arn}' cannot be accessed: ${(error as Error).message}`);
  }
  if (text === undefined) {
    const why = secret ? '' : ': this instance has no Secrets Manager';
    throw new AwsError('SecretNotFoundException', `The secret with ARN '${arn}' was not found${why}`);
  }
  const found = fieldsOf(text);
  if (!found) throw new AwsError('UnableToDecryptSecretValueException', `The secret '${arn}' must be JSON with username and accessToken`);
  return found;
}
function fieldsOf(text: string): UpstreamCredentials | undefined {
  try {
    const { username, accessToken } = JSON.parse(text) as Record<string, unknown>;
    return typeof username === 'string' && typeof accessToken === 'string' ? { username, accessToken } : undefined;
  } catch {
    return undefined;
  }
}
