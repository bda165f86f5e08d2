/** Client configurations of webhooks, as admission and conversion have them (apiserver's util/webhook). */
import type { FieldError } from '#machinery';
import { invalidValue, required } from './errors.ts';
import { checked, dnsLabel1035, dnsSubdomain } from './names.ts';

export interface WebhookClientConfig {
  url?: string;
  service?: { name: string; namespace: string; path?: string; port?: number };
  caBundle?: string;
}

export const defaultClientConfig = (config: WebhookClientConfig | undefined): void => {
  if (config?.service) config.service.port ??= 443;
};

function validateUrl(field: string, url: string): FieldError[] {
  const form = `; desired format: https://host[/path]`;
  if (!URL.canParse(url)) return [required(field, `url must be a valid URL: parse ${JSON.stringify(url)}: invalid URI for request${form}`)];
  const parsed = new URL(url);
  const errors: FieldError[] = [];
  if (parsed.protocol !== 'https:') errors.push(invalidValue(field, parsed.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`));
  if (!parsed.host) errors.push(invalidValue(field, parsed.host, `host must be specified${form}`));
  if (parsed.username || parsed.password) errors.push(invalidValue(field, parsed.username, 'user information is not permitted in the URL'));
  if (parsed.hash) errors.push(invalidValue(field, parsed.hash.slice(1), 'fragments are not permitted in the URL'));
  if (parsed.search) errors.push(invalidValue(field, parsed.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}

function validatePath(field: string, path: string): FieldError[] {
  if (path === '/' || path === '') return [];
  if (path === '//') return [invalidValue(field, path, 'segment[0] may not be empty')];
  const errors = path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")];
  const steps = path.slice(1, path.endsWith('/') ? -1 : undefined).split('/');
  steps.forEach((step, i) => {
    if (step === '') errors.push(invalidValue(field, path, `segment[${i}] may not be empty`));
    else errors.push(...dnsSubdomain(step).map((text) => invalidValue(field, path, `segment[${i}]: ${text}`)));
  });
  return errors;
}

function validateService(at: string, service: NonNullable<WebhookClientConfig['service']>): FieldError[] {
  const errors: FieldError[] = [];
  if (!service.name) errors.push(required(`${at}.name`, 'service name is required'));
  if (!service.namespace) errors.push(required(`${at}.namespace`, 'service namespace is required'));
  const port = service.port ?? 443;
  if (port < 1 || port > 65535) errors.push(invalidValue(`${at}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (service.path !== undefined) errors.push(...validatePath(`${at}.path`, service.path));
  return errors;
}

export function validateClientConfig(at: string, config: WebhookClientConfig | undefined): FieldError[] {
  if ((config?.url === undefined) === (config?.service === undefined)) return [required(at, 'exactly one of url or service is required')];
  return config!.url === undefined ? validateService(`${at}.service`, config!.service!) : validateUrl(`${at}.url`, config!.url);
}

/** The versions of the review that a webhook takes: one of those that this server sends must be among them. */
export function validateReviewVersions(field: string, versions: string[] | undefined): FieldError[] {
  if (!versions?.length) return [required(field, 'must specify one of v1, v1beta1')];
  const errors = versions.flatMap((version, i) => [
    ...(versions.indexOf(version) < i ? [invalidValue(`${field}[${i}]`, version, 'duplicate version')] : []),
    ...checked(`${field}[${i}]`, version, dnsLabel1035),
  ]);
  if (errors.length === 0 && !versions.includes('v1') && !versions.includes('v1beta1'))
    errors.push(invalidValue(field, versions, 'must include at least one of v1, v1beta1'));
  return errors;
}
