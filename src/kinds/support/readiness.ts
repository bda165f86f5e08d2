interface Conditioned {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Whether a Node or a Pod says of itself that it is Ready. Unknown is not. */
export const isReady = (object: Conditioned | undefined): boolean =>
  object?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
