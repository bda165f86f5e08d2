import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger, Random } from '#base';
import { loadConstraints } from '../protocol/constraints.ts';
import { loadContract, type Contract, type Operation } from '../protocol/schema.ts';
import type { CallRequest, CallResponse, Protocol, Target, Value } from '../protocol/types.ts';
import { Validation } from './validation.ts';
import { provenBody } from '../sigv4/chunks.ts';
import { SignatureError } from '../sigv4/request.ts';
import { checkBody, type Payload } from '../sigv4/verify.ts';
import type { State } from '../state/state.ts';
import { anonymously, authenticate, type Authenticated } from './authenticate.ts';
import { encodedRefusal } from './authorization-message.ts';
import { demand, permissionsFor, type AuthorizeOptions } from './authorize.ts';
import type { AuditRecord } from './audit.ts';
import type { Call, Caller, IdentityFacts, Source } from './call.ts';
import { takeClaim, type AnyClaim } from './claim.ts';
import type { PageAccess } from './cors.ts';
import { AwsError } from './errors.ts';
import { findPage, jsonPage, type Page } from './pages.ts';
import { chooseProtocol, findService, guessProtocol, protocolOf } from './route.ts';
import type { Action, AnyAction, Permission, Service, ServiceRoute } from './service.ts';
import { signatureFailure } from './signature.ts';
import { readBody, readHead, send, unpacked } from './wire.ts';

export interface GatewayOptions {
  readonly state: State;
  readonly identity: IdentityFacts;
  /** Told who calls what, allowed or not. */
  used(caller: Caller, service: string, action: string, region: string): void;
  readonly services: readonly ServiceRoute[];
  readonly pages: readonly Page[];
  /** Which pages of the web may call. */
  readonly origins: PageAccess;
  readonly partition: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Reads a contract by its name. Default: what was generated. */
  readonly contracts?: (name: string) => Contract;
  /** Told of every call, once it is answered. */
  audit(record: AuditRecord): void;
}

/** A service that was loaded, with its contract. */
interface Loaded {
  readonly service: Service;
  readonly contract: Contract;
  readonly protocols: readonly Protocol[];
  readonly validation: Validation;
}
/** What is known of a request while it goes through the chain: errors are answered with what there is. */
interface Progress {
  readonly requestId: string;
  request: CallRequest;
  readonly source: Source;
  protocol: Protocol;
  contract: Contract | undefined;
  service: string;
  action: string;
  authenticated?: Authenticated;
  headers?: Readonly<Record<string, string>> | undefined;
  resources: readonly string[];
  region: string;
}

/** The door of all AWS services: read, find the service, prove who asks, decode, ask policies, handle, encode. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #loaded = new Map<string, Promise<Loaded>>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { random } = this.#options;
    const request = readHead(message);
    const source = sourceOf(message, request);
    const shared = this.#options.origins.headers(request);
    if (shared?.preflight) return send(response, { status: 204, headers: shared.headers, body: undefined }, false);
    const page = findPage(this.#options.pages, request);
    if (page) return send(response, withHeaders(await this.#page(page, request, source), shared?.headers), request.method === 'HEAD');
    const progress: Progress = {
      requestId: random.uuid(),
      request,
      source,
      protocol: guessProtocol(request),
      contract: undefined,
      service: '',
      action: '',
      resources: [],
      region: '',
    };
    const began = this.#options.clock.now();
    if (progress.protocol.prepare) await progress.protocol.prepare();
    const answer = await this.#answer(progress, message);
    if (answer.error) message.resume(); // an unread body must not hold the connection
    const headers = progress.headers ?? shared?.headers;
    await send(response, withHeaders(answer.response, headers), request.method === 'HEAD');
    this.#options.audit(auditOf(progress, answer.response.status, answer.error, began));
  }

  async #page(page: Page, request: CallRequest, source: Source): Promise<CallResponse> {
    try {
      return await page.answer(request, source);
    } catch (error) {
      this.#options.log.error('a page of the AWS gateway failed', { path: page.path, error });
      return jsonPage(500, { message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Whether requests have loaded a service. */
  isLoaded(service: string): boolean {
    return this.#loaded.has(service);
  }

  async #answer(progress: Progress, message: IncomingMessage): Promise<{ response: CallResponse; error?: AwsError }> {
    try {
      return { response: await this.#run(progress, message) };
    } catch (thrown) {
      const error = this.#asAwsError(thrown, progress);
      return { response: progress.protocol.encodeError(error, progress.contract, progress.requestId), error };
    }
  }

  /** The chain. */
  async #run(progress: Progress, message: IncomingMessage): Promise<CallResponse> {
    const { request: read, claim } = takeClaim(progress.request);
    progress.request = read;
    // An unsigned form is all that says which service it is for.
    const form = claim || !isForm(progress.request) ? undefined : { ...progress.request, body: await readBody(message) };
    const loaded = await this.#service(progress, form ?? progress.request, claim);
    const aside = loaded?.service.aside?.(progress.request, (action) => this.#anonymous(progress, loaded.service, action));
    const page = aside instanceof Promise ? await aside : aside;
    if (page) return page;
    const streams = loaded !== undefined && takesStream(progress, loaded);
    const sent = form ?? (streams ? progress.request : { ...progress.request, body: await readBody(message) });
    if (!loaded) return this.#unknownService(progress, sent, claim);
    const compressed = isCompressed(progress, sent);
    const request = compressed ? await unpacked(sent) : sent;
    const target = progress.protocol.target(request, loaded.contract);
    progress.action = target?.name ?? '';
    const action = target && actionOf(loaded.service, target.name);
    const authenticated = this.#authenticate(progress, sent, claim, action?.authentication === 'optional');
    const operation = operationOf(progress, loaded, target, action);
    const body = await withBody(sent, authenticated.payload, claim, streams ? message : undefined);
    const proven = body === sent ? request : compressed ? await unpacked(body) : body;
    const input = progress.protocol.decode(proven, operation, target as Target, loaded.contract);
    const wrong = loaded.validation.check(input, operation, progress.protocol);
    const call = this.#call(progress, loaded.service, authenticated, proven);
    // Who may not call is not told what is wrong with his input.
    const wanted = permissionsOf(progress, { call, service: loaded.service, action: action as AnyAction, input }, wrong);
    const { identities, secrets } = this.#options.identity;
    const refusal = loaded.service.encodedRefusals ? encodedRefusal(secrets) : undefined;
    for (const permission of wanted) demand(call, permission, identities, refusal);
    if (wrong) throw wrong;
    const output = await (action as unknown as Action<Value>).handle(input, call);
    return progress.protocol.encode((output ?? {}) as Value, operation, loaded.contract, progress.requestId);
  }

  #authenticate(progress: Progress, request: CallRequest, claim: AnyClaim | undefined, optional: boolean): Authenticated {
    const { clock, identity } = this.#options;
    const { source, protocol } = progress;
    const trusted = this.#options.origins.allows(request);
    const authenticated = authenticate({ request, claim, optional, trusted, identities: identity.identities, clock, source, protocol });
    if (claim) this.#options.used(authenticated.caller, claim.service, progress.action, claim.region);
    return (progress.authenticated = authenticated);
  }

  /** A call of nobody in particular, for answers that need none. */
  #anonymous(progress: Progress, service: Service, action: string): Call {
    progress.action = action;
    return this.#call(progress, service, anonymously, progress.request);
  }

  /** Whoever cannot prove who he is learns nothing, not even what there is not. */
  #unknownService(progress: Progress, request: CallRequest, claim: AnyClaim | undefined): never {
    this.#authenticate(progress, request, claim, false);
    throw new AwsError('NotImplemented', `Service ${progress.service} is not implemented here`, { status: 501, fault: 'server' });
  }

  async #service(progress: Progress, request: CallRequest, claim: AnyClaim | undefined): Promise<Loaded | undefined> {
    const route = findService(request, claim, this.#options.services);
    progress.service = route?.name ?? claim?.service ?? '';
    progress.region = claim?.region ?? '';
    if (!route) return undefined;
    let loading = this.#loaded.get(route.name);
    if (!loading) {
      this.#loaded.set(route.name, (loading = this.#load(route)));
      loading.catch(() => this.#loaded.delete(route.name));
    }
    const loaded = await loading;
    progress.headers = loaded.service.answerHeaders?.(progress.request);
    progress.contract = loaded.contract;
    progress.protocol = chooseProtocol(progress.request, loaded.protocols);
    if (progress.protocol.prepare) await progress.protocol.prepare();
    return loaded;
  }

  async #load(route: ServiceRoute): Promise<Loaded> {
    const service = await route.load();
    const contract = (this.#options.contracts ?? loadContract)(service.contract);
    for (const name of Object.keys(service.actions)) {
      if (!contract.operations.includes(name)) throw new Error(`${route.name}: the contract has no action ${name}`);
    }
    await Promise.all([this.#options.state.ready(service.kinds), this.#options.identity.identities.ready()]);
    const protocols = service.protocols ?? [protocolOf(contract.protocol)];
    return { service, contract, protocols, validation: new Validation(service, contract, loadConstraints(service.contract)) };
  }

  #call(progress: Progress, service: Service, { caller }: Authenticated, request: CallRequest): Call {
    const { source, requestId } = progress;
    const { state, clock, random, partition, log } = this.#options;
    return {
      service: service.prefix,
      action: progress.action,
      account: caller.account,
      region: progress.region === '' ? 'us-east-1' : progress.region,
      partition,
      caller,
      requestId,
      source,
      state,
      clock,
      random,
      log,
      request,
      ...this.#options.identity,
      endpoint: `http://${source.host}`,
    };
  }

  #asAwsError(thrown: unknown, progress: Progress): AwsError {
    if (thrown instanceof AwsError) return thrown;
    if (thrown instanceof SignatureError) return signatureFailure(thrown, progress.protocol);
    this.#options.log.error('an AWS call failed', { service: progress.service, action: progress.action, requestId: progress.requestId, error: thrown });
    return new AwsError('InternalFailure', 'The request processing has failed because of an unknown error, exception or failure.', {
      status: 500,
      fault: 'server',
    });
  }
}

const withHeaders = (answer: CallResponse, headers: CallResponse['headers'] | undefined): CallResponse =>
  headers ? { ...answer, headers: { ...answer.headers, ...headers } } : answer;

const actionOf = (service: Service, name: string): AnyAction | undefined => (Object.hasOwn(service.actions, name) ? service.actions[name] : undefined);

const isForm = (request: CallRequest): boolean => (request.header('content-type') ?? '').startsWith('application/x-www-form-urlencoded');

/** Clients compress long inputs (CloudWatch's PutMetricData); what S3 keeps may be compressed, which is its own affair. */
const isCompressed = ({ protocol }: Progress, request: CallRequest): boolean =>
  protocol.name !== 'restXml' && (request.header('content-encoding') ?? '').split(',').some((one) => one.trim().toLowerCase() === 'gzip');

/** Whether the body is to be handed on as it comes. Only REST paths tell of the operation before the body is read. */
function takesStream(progress: Progress, { contract }: Loaded): boolean {
  if (!progress.protocol.name.startsWith('rest')) return false;
  const target = progress.protocol.target(progress.request, contract);
  const shape = target && contract.operation(target.name)?.input.shape;
  return shape?.kind === 'structure' && shape.members.some(({ traits }) => traits.httpPayload === 1 && traits.streaming === 1);
}

/** The request with a body that is what was signed: proved already, or while it is read. */
async function withBody(request: CallRequest, payload: Payload, claim: AnyClaim | undefined, message: IncomingMessage | undefined): Promise<CallRequest> {
  const length = request.header('x-amz-decoded-content-length');
  const decoded = length === undefined ? undefined : Number(length);
  const chunked = claim?.version === 4 ? claim : undefined;
  if (message) return { ...request, stream: provenBody(message as AsyncIterable<Buffer>, payload, chunked, decoded) };
  if (payload.kind !== 'streaming') {
    checkBody(payload, request.body);
    return request;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of provenBody(once(request.body), payload, chunked, decoded)) chunks.push(chunk);
  return { ...request, body: Buffer.concat(chunks) };
}
async function* once(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

function operationOf(progress: Progress, { contract }: Loaded, target: Target | undefined, action: AnyAction | undefined): Operation {
  const operation = target && contract.operation(target.name);
  if (!operation) {
    const what = target ? `The action ${target.name} is not valid for this web service.` : 'The request does not name an action of this service.';
    throw new AwsError(progress.protocol.unknownAction, what, { status: progress.protocol.name === 'restXml' ? 405 : 400 });
  }
  if (!action)
    throw new AwsError('NotImplemented', `Action ${operation.name} of ${contract.serviceId} is not implemented here`, { status: 501, fault: 'server' });
  return operation;
}

/** What the action needs of its caller. Of an input that is wrong that may be impossible to say: then it is that which is told. */
function permissionsOf(progress: Progress, asked: Omit<AuthorizeOptions, 'identities'>, wrong: AwsError | undefined): readonly Permission[] {
  let wanted: readonly Permission[];
  try {
    wanted = permissionsFor(asked);
  } catch (error) {
    throw wrong ?? error;
  }
  progress.resources = wanted.map(({ resource }) => resource);
  return wanted;
}

function sourceOf(message: IncomingMessage, request: CallRequest): Source {
  return {
    ip: (message.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    secure: 'encrypted' in message.socket,
    host: request.header('host') ?? '',
    userAgent: request.header('user-agent') ?? '',
  };
}

/** Messages repeat what was sent, as long as it is; what is written down is their beginning. */
const shortened = (text: string): string => (text.length > 1024 ? `${text.slice(0, 1024)}…` : text);

function auditOf(progress: Progress, status: number, error: AwsError | undefined, began: number): AuditRecord {
  const { authenticated } = progress;
  return {
    time: new Date(began).toISOString(),
    requestId: progress.requestId,
    service: progress.service,
    action: progress.action,
    region: progress.region,
    sourceIp: progress.source.ip,
    userAgent: progress.source.userAgent,
    arn: authenticated?.caller.arn ?? '',
    accessKeyId: authenticated?.caller.accessKeyId ?? '',
    resources: progress.resources,
    status,
    ...(error ? { errorCode: error.code, errorMessage: shortened(error.message) } : {}),
  };
}
