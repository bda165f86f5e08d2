import { RuntimeError, type RuntimeErrorCode } from '../runtime.ts';
import { CriError, grpcCode } from './client.ts';

/** containerd's refusal as a RuntimeError: `code` unless the refusal itself says more. */
export function runtimeError(error: unknown, code: RuntimeErrorCode): Error {
  if (!(error instanceof CriError)) return error as Error;
  return new RuntimeError(codeOf(error, code), words(error));
}

function codeOf(error: CriError, code: RuntimeErrorCode): RuntimeErrorCode {
  if (error.code === grpcCode.unavailable) return 'unavailable';
  if (/invalid reference format|failed to parse image|couldn't parse image/i.test(error.message)) return 'invalid-image-name';
  if (error.code !== grpcCode.notFound) return code;
  if (code === 'image-pull') return code;
  return error.method === 'CreateContainer' && /image/i.test(error.message) ? 'image-not-found' : 'not-found';
}

/** gRPC's own prefix tells users nothing. */
function words(error: CriError): string {
  return error.message.replace(/^rpc error: code = \w+ desc = /, '').replace(/: unknown$/, '');
}

/** Runs a call whose refusal is a RuntimeError. */
export async function asRuntimeError<T>(code: RuntimeErrorCode, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw runtimeError(error, code);
  }
}
/** The same for calls that are done when the thing is already gone. */
export async function unlessGone(code: RuntimeErrorCode, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CriError && error.code === grpcCode.notFound) return;
    throw runtimeError(error, code);
  }
}
