/** `[HOST/]REPOSITORY[:TAG][@DIGEST]`, taken apart; the digest is what counts where there are both. */
export interface ImageName {
  readonly host: string | undefined;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
}

/** As docker has it: what comes before the first slash is a host when it has a dot or a colon, or is `localhost`. */
export function imageName(image: string): ImageName {
  const slash = image.indexOf('/');
  const first = image.slice(0, Math.max(0, slash));
  const host = first === 'localhost' || /[.:]/.test(first) ? first : undefined;
  const rest = host === undefined ? image : image.slice(slash + 1);
  const [, repository = rest, tag, digest] = /^([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(rest) ?? [];
  return { host, repository, reference: digest ?? tag ?? 'latest' };
}
