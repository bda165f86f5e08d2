/** Whose registry: an account's in a region. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** What a request to the registry means. `undefined`: the plain registry of this machine, which asks nobody who he is. */
export type Meant = { readonly place: Place } | { readonly byToken: true } | undefined;

const ecrHost = /^(\d{12})\.dkr[.-]ecr\.([a-z]{2,}(?:-[a-z]+)+-\d)\.[a-z0-9.-]+(?::\d{1,5})?$/;
/** Answers like an ECR host, for clients of machines that do not resolve names below `localhost`: whose registry it is, the login says. */
export const doorAddress = '127.0.0.2';

/** The registry of a host name, as Amazon's names have it below any domain. */
export function placeOfHost(host: string): Place | undefined {
  const match = ecrHost.exec(host.toLowerCase());
  return match ? { account: match[1] as string, region: match[2] as string } : undefined;
}
/** By Host; by the name of the registry that a node stands in for (`ns`), where it says one. */
export function meant(host: string, ns: string | undefined): Meant {
  const name = ns ?? host;
  const place = placeOfHost(name);
  if (place) return { place };
  return name === doorAddress || name.startsWith(`${doorAddress}:`) ? { byToken: true } : undefined;
}
